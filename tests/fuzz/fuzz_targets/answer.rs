//! Whatever the service answers: each id's outcome is what the verdict table says, no bug shows, and
//! no message holds a secret.
#![no_main]

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::plan::Plan;
use koodrive::report::Outcome;
use koodrive_fuzz::service::{World, secret_part};
use koodrive_fuzz::{script, verdict};
use libfuzzer_sys::fuzz_target;

/// Among them one that a floating point number can't hold, and one that is the start of another.
const IDS: [&str; 5] = [
    "1",
    "2",
    "1842846715527366529",
    "18428467155273665290",
    "id-5",
];
const SECRET: &str = "s3cr3t-0123456789";
const NOVEMBER_2025: u64 = 1_762_153_300;

/// More than the service's text (1000 characters, and code), the tally and our own words.
const LONGEST_MESSAGE: usize = 2_500;

fuzz_target!(|input: &[u8]| {
    let Some((how, script)) = input.split_first() else {
        return;
    };
    let world = World::new(script::read(script), NOVEMBER_2025);
    let config = config(*how);
    let client = Client::with_parts(&config, Box::new(world.clone()), Box::new(world.clone()));
    let mut plan = Plan::new();
    plan.add(None, "device", IDS.into_iter()).expect("good ids");
    let (report, error) = client
        .expect("a good config")
        .delete_plan(&plan, None)
        .expect("a good plan");

    let exchanges = world.exchanges();
    let mut settled = 0;
    for (position, id) in IDS.into_iter().enumerate() {
        let expected = verdict::of(id, &exchanges);
        let outcome = report.outcome(position);
        assert_eq!(outcome, Some(expected.outcome), "of {id}: {expected:?}");
        assert_eq!(expected.sent_in_vain, 0, "{id} was settled and sent again");
        settled += usize::from(expected.settled);
    }
    assert_eq!(report.request_count(), exchanges.len());
    assert_eq!(error.is_none(), settled == IDS.len(), "{error:?}");

    let may_exist = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::NotSent | Outcome::Rejected | Outcome::Unknown
        )
    };
    let unfinished = report.unfinished().expect("ids that were good before");
    let failures = (0..IDS.len())
        .filter_map(|at| report.outcome(at))
        .filter(may_exist);
    assert!(unfinished.scope_count() <= failures.count());

    let mut texts = Vec::new();
    for position in 0..IDS.len() {
        texts.extend(report.service_code(position));
        texts.extend(report.message(position));
    }
    let mut texts: Vec<_> = texts
        .into_iter()
        .map(|text| text.to_string_lossy())
        .collect();
    if let Some(error) = error {
        assert_ne!(error.kind, ErrorKind::Internal, "{error}");
        assert_ne!(error.kind, ErrorKind::InvalidArgument, "{error}");
        texts.push(error.message.into());
        texts.extend(error.service_code.map(Into::into));
        texts.extend(error.request_id.map(Into::into));
    }
    for text in texts {
        assert!(text.chars().count() <= LONGEST_MESSAGE, "too long: {text}");
        assert!(!text.contains(SECRET), "shows the secret: {text}");
        for exchange in &exchanges {
            let part = secret_part(&exchange.authorization);
            assert!(!text.contains(part), "shows {part}: {text}");
        }
    }
});

/// Every way to authorize, and several numbers of attempts.
fn config(how: u8) -> Config {
    let mut config = Config::new();
    config
        .set_endpoint("https://service.example")
        .expect("a good endpoint");
    config.set_user_id("user").expect("a good user");
    config
        .set_max_attempts(u32::from(how / 4 % 4) + 1)
        .expect("1 to 4");
    match how % 4 {
        0 => config.set_access_token(SECRET),
        1 => config.set_authorization(&format!("Bearer {SECRET}")),
        2 => config.set_authorization(&format!("Bearer+{SECRET}")),
        _ => config.set_app_credentials("app", SECRET),
    }
    .expect("a good authorization");
    config
}
