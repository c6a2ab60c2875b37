//! Whatever the service answers: each id's outcome is what the verdict table says, no bug shows, and
//! no message holds a secret.
#![no_main]

use koodrive::plan::Plan;
use koodrive::report::Outcome;
use koodrive_fuzz::service::{NOVEMBER_2025, World};
use koodrive_fuzz::{caller, script, verdict};
use libfuzzer_sys::fuzz_target;

/// Among them one that a floating point number can't hold, and one that is the start of another.
const IDS: [&str; 5] = [
    "1",
    "2",
    "1842846715527366529",
    "18428467155273665290",
    "id-5",
];

fuzz_target!(|input: &[u8]| {
    let Some((how, script)) = input.split_first() else {
        return;
    };
    let world = World::new(script::read(script), NOVEMBER_2025);
    let mut plan = Plan::new();
    plan.add(None, "device", IDS.into_iter()).expect("good ids");
    let (report, error) = caller::client(*how, &world)
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
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    texts.extend(error.into_iter().flat_map(caller::texts_of));
    caller::check_messages(&texts, &exchanges);
});
