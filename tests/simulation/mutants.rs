//! Wrong verdict rules, to prove that the invariants catch them. A rule reads what came back; so a
//! wrong rule is the right one that was shown something else. That keeps the mutants out of the
//! library.

use koodrive::event::{Event, EventKind};
use koodrive::failure::Failure;

use crate::answer::{Date, Draft, FailedScope};
use crate::lists::Query;
use crate::request::Listing;
use crate::service::{CODE_BAD_PARAMETER, CODE_NOT_FOUND};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    LostAnswerMeansNotSent,
    ServerErrorMeansRefused,
    AnySuccessStatusMeansHandled,
    AnyCodeMeansHandled,
    UnnamedMeansDeleted,
    TwiceNamedMeansOnce,
    StrangersAreOverlooked,
    NotFoundMeansDeleted,
    RetryAfterIsOverlooked,
    UnknownCodesMeanRefused,
    PassingRefusalsAreForGood,
    RestedConnectionsAreGood,
    StandingAnswersAreOverlooked,
    AnyRefusalTeachesTheClock,
    EarlierRunsAreForgotten,
    SentBeforeItIsSafe,
    OutcomesAreNotWrittenDown,
    OutagesAreNotWaitedFor,
    ThrottlesAreAttempts,
    LostListsAreEmpty,
    UnreadableListsAreEmpty,
    CodesOfListsAreOverlooked,
    OtherModulesAreOverlooked,
    NamelessEntriesAreLeftOut,
    FailedListsAreThrottled,
    BrokenConnectionsAreUntold,
    TriesAreNotCounted,
    AllRequestsHaveOneName,
    GivingUpIsUntold,
}

impl Mutant {
    pub const ALL: [Self; 29] = [
        Self::LostAnswerMeansNotSent,
        Self::ServerErrorMeansRefused,
        Self::AnySuccessStatusMeansHandled,
        Self::AnyCodeMeansHandled,
        Self::UnnamedMeansDeleted,
        Self::TwiceNamedMeansOnce,
        Self::StrangersAreOverlooked,
        Self::NotFoundMeansDeleted,
        Self::RetryAfterIsOverlooked,
        Self::UnknownCodesMeanRefused,
        Self::PassingRefusalsAreForGood,
        Self::RestedConnectionsAreGood,
        Self::StandingAnswersAreOverlooked,
        Self::AnyRefusalTeachesTheClock,
        Self::EarlierRunsAreForgotten,
        Self::SentBeforeItIsSafe,
        Self::OutcomesAreNotWrittenDown,
        Self::OutagesAreNotWaitedFor,
        Self::ThrottlesAreAttempts,
        Self::LostListsAreEmpty,
        Self::UnreadableListsAreEmpty,
        Self::CodesOfListsAreOverlooked,
        Self::OtherModulesAreOverlooked,
        Self::NamelessEntriesAreLeftOut,
        Self::FailedListsAreThrottled,
        Self::BrokenConnectionsAreUntold,
        Self::TriesAreNotCounted,
        Self::AllRequestsHaveOneName,
        Self::GivingUpIsUntold,
    ];

    pub fn change_failure(self, failure: &mut Failure) {
        if self == Self::LostAnswerMeansNotSent {
            failure.possibly_executed = false;
        }
    }

    pub fn change_answer(self, draft: &mut Draft, ids: &[String]) {
        match self {
            Self::LostAnswerMeansNotSent
            | Self::RestedConnectionsAreGood
            | Self::StandingAnswersAreOverlooked
            | Self::EarlierRunsAreForgotten
            | Self::SentBeforeItIsSafe
            | Self::OutcomesAreNotWrittenDown
            | Self::OutagesAreNotWaitedFor
            | Self::LostListsAreEmpty
            | Self::UnreadableListsAreEmpty
            | Self::CodesOfListsAreOverlooked
            | Self::OtherModulesAreOverlooked
            | Self::NamelessEntriesAreLeftOut
            | Self::FailedListsAreThrottled
            | Self::BrokenConnectionsAreUntold
            | Self::TriesAreNotCounted
            | Self::AllRequestsHaveOneName
            | Self::GivingUpIsUntold => {}
            Self::ThrottlesAreAttempts => {
                if draft.status == 429 {
                    draft.status = 409;
                }
            }
            Self::ServerErrorMeansRefused => {
                // A wrong date in a refusal would mislead the clock: that is another rule.
                if matches!(draft.status, 408 | 500..600) && draft.date == Date::Right {
                    draft.status = 429;
                }
            }
            Self::AnySuccessStatusMeansHandled => {
                if (200..300).contains(&draft.status) {
                    draft.status = 200;
                }
            }
            Self::AnyCodeMeansHandled => draft.code = Some("0".into()),
            Self::UnnamedMeansDeleted => {
                if draft.status == 200 && draft.code.as_deref() == Some("0") {
                    for id in ids {
                        if !draft.names(id) {
                            draft.deleted.push(id.clone());
                        }
                    }
                }
            }
            Self::TwiceNamedMeansOnce => {
                draft.deleted.sort();
                draft.deleted.dedup();
                let deleted = &draft.deleted;
                draft.failed.retain(|failed| !deleted.contains(&failed.id));
                draft.failed.sort_by(|one, other| one.id.cmp(&other.id));
                draft.failed.dedup_by(|one, other| one.id == other.id);
            }
            Self::StrangersAreOverlooked => {
                draft.deleted.retain(|id| ids.contains(id));
                draft.failed.retain(|failed| ids.contains(&failed.id));
            }
            Self::NotFoundMeansDeleted => {
                let is_absent = |failed: &mut FailedScope| failed.code == CODE_NOT_FOUND;
                let absent = draft.failed.extract_if(.., is_absent);
                draft.deleted.extend(absent.map(|failed| failed.id));
            }
            Self::RetryAfterIsOverlooked => draft.retry_after = None,
            Self::UnknownCodesMeanRefused => {
                let is_known =
                    matches!(draft.code.as_deref(), Some("0" | CODE_BAD_PARAMETER) | None);
                if draft.status == 200 && !is_known {
                    draft.status = 404;
                }
            }
            Self::PassingRefusalsAreForGood => {
                if matches!(draft.status, 404 | 405) {
                    draft.status = 400;
                    draft.code = Some(CODE_BAD_PARAMETER.into());
                    draft.raw = None;
                }
            }
            Self::AnyRefusalTeachesTheClock => {
                if draft.status == 429 {
                    draft.status = 400;
                }
            }
        }
    }

    /// The answer to a query, as wrong rules of reading calls read it.
    pub fn change_list(self, draft: &mut Draft, query: &Query) {
        match self {
            Self::UnreadableListsAreEmpty if draft.status == 200 && draft.raw.is_some() => {
                *draft = empty_list();
            }
            Self::CodesOfListsAreOverlooked => draft.code = Some("0".into()),
            Self::OtherModulesAreOverlooked => {
                for entry in draft.list.iter_mut().flat_map(|list| &mut list.entries) {
                    if let Listing::Scopes { module, .. } = &query.of {
                        entry.module = Some(module.clone());
                    }
                }
            }
            Self::NamelessEntriesAreLeftOut => {
                if let Some(list) = &mut draft.list {
                    list.entries.retain(|entry| entry.id.is_some());
                }
            }
            Self::FailedListsAreThrottled if matches!(draft.status, 408 | 500..600) => {
                draft.status = 429;
            }
            _ => {}
        }
    }

    /// Whether it is a rule of what a run tells.
    pub fn is_of_events(self) -> bool {
        matches!(
            self,
            Self::BrokenConnectionsAreUntold
                | Self::TriesAreNotCounted
                | Self::AllRequestsHaveOneName
                | Self::GivingUpIsUntold
        )
    }

    /// What a run tells, as wrong rules tell it.
    pub fn change_events(self, events: &mut Vec<Event>) {
        let is_request = |event: &Event| event.kind == EventKind::Request;
        match self {
            Self::BrokenConnectionsAreUntold => {
                events.retain(|event| !is_request(event) || event.http_status.is_some());
            }
            Self::TriesAreNotCounted => {
                for event in events.iter_mut().filter(|event| is_request(event)) {
                    event.attempt = 1;
                }
            }
            Self::AllRequestsHaveOneName => {
                let first = events.iter().find_map(|event| event.request.clone());
                for event in events.iter_mut().filter(|event| is_request(event)) {
                    event.request.clone_from(&first);
                }
            }
            Self::GivingUpIsUntold => {
                events.retain(|event| event.kind != EventKind::GivenUp);
            }
            _ => {}
        }
    }
}

/// What a service answers that has nothing.
pub fn empty_list() -> Draft {
    Draft {
        status: 200,
        code: Some("0".into()),
        ..Draft::default()
    }
}
