//! Redirects are not followed: the other host sees nothing.

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{framed, success};
use crate::client::{config, delete, with_attempts};
use crate::peer::{Over, Peer};

#[test]
fn are_never_followed() {
    let statuses = [
        "300", "301", "302", "303", "304", "305", "307", "308", "399",
    ];
    for over in Over::BOTH {
        let other = Peer::start(over, |mut visit| {
            while let Some(request) = visit.request() {
                visit.send(success(&request));
            }
        });
        for status in statuses {
            let location = format!("Location: {}/elsewhere\r\n", other.url());
            let peer = Peer::start(over, move |mut visit| {
                while visit.request().is_some() {
                    visit.send(framed(&format!("{status} Elsewhere"), &location, ""));
                }
            });
            let run = delete(&with_attempts(config(&peer), 3), &["1"]);
            run.expect_in(status, Outcome::Unknown, ErrorKind::InvalidResponse);
            assert_eq!(peer.requests().len(), 1, "{status}: not tried again");
            let error = run.error.expect("an error");
            assert_eq!(error.http_status, status.parse().ok());
        }
        assert_eq!(other.visits(), 0);
    }
}
