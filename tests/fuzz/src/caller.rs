//! The client as its caller set it up, and what no text that it hands out may show.

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};

use crate::service::{Exchange, World, secret_part};

const SECRET: &str = "s3cr3t-0123456789";

/// More than the service's text (1000 characters, and code), the tally and our own words.
const LONGEST_MESSAGE: usize = 2_500;

/// A client of the world: every way to authorize, and several numbers of attempts.
pub fn client(how: u8, world: &World) -> Client {
    let config = config(how);
    let client = Client::with_parts(&config, Box::new(world.clone()), Box::new(world.clone()));
    client.expect("a good config")
}

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

/// The texts of an error, which must be no bug's.
pub fn texts_of(error: Error) -> Vec<String> {
    assert_ne!(error.kind, ErrorKind::Internal, "{error}");
    assert_ne!(error.kind, ErrorKind::InvalidArgument, "{error}");
    let more = [error.service_code, error.request_id].into_iter().flatten();
    std::iter::once(error.message).chain(more).collect()
}

/// What is said to people is of bounded length, and holds no secret.
pub fn check_messages(texts: &[String], exchanges: &[Exchange]) {
    for text in texts {
        assert!(text.chars().count() <= LONGEST_MESSAGE, "too long: {text}");
    }
    check_secrets(texts, exchanges);
}

pub fn check_secrets(texts: &[String], exchanges: &[Exchange]) {
    for text in texts {
        assert!(!text.contains(SECRET), "shows the secret: {text}");
        for exchange in exchanges {
            let part = secret_part(&exchange.authorization);
            assert!(!text.contains(part), "shows {part}: {text}");
        }
    }
}
