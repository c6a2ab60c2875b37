//! Redirects are not followed: the other host sees nothing.

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{framed, success};
use crate::client::{Call, client, config, with_attempts};
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
            let client = client(&with_attempts(config(&peer), 3));
            for (index, call) in Call::ALL.into_iter().enumerate() {
                let (outcome, kind) = (Outcome::Unknown, ErrorKind::InvalidResponse);
                let error = call.expect_failure_in(status, &client, outcome, kind);
                assert_eq!(
                    peer.requests().len(),
                    index + 1,
                    "{status}: not tried again"
                );
                assert_eq!(error.http_status, status.parse().ok());
            }
        }
        assert_eq!(other.visits(), 0);
    }
}
