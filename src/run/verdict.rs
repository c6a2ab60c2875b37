//! (what was sent, what came back) -> one outcome per id. Pure functions.
//!
//! An id is *exposed* once a request that carried it may have been carried out. While an id is
//! unsettled its outcome says so: `NotSent` and `Rejected` are not exposed, `Unknown` is. Once
//! exposed, an id ends as `Deleted`, `Gone` or `Unknown`, whatever refuses it later.

use crate::error::{Error, ErrorKind};
use crate::report::{Note, Outcome};
use crate::service::{Answer, Body, FailedScope, code};
use crate::transport::{Failure, FailureKind};

/// The service refuses this user, which says nothing on the others.
pub(super) const FORBIDDEN: u16 = 403;

/// What one attempt means.
pub(super) struct Judgement<'a> {
    reach: Reach<'a>,
    pub(super) next: Next,
    /// Why ids are left unsettled, or refused as a whole; none where each got its own answer.
    pub(super) trouble: Option<Trouble>,
}

/// Of whom it speaks.
enum Reach<'a> {
    /// Of all ids alike.
    All(Effect),
    /// Of each id, in the order sent.
    Each(Vec<Mention>, &'a [FailedScope<'a>]),
}

/// What one attempt means for one id.
pub(super) struct Fate<'a> {
    pub(super) outcome: Outcome,
    /// Settled ids are never sent again.
    pub(super) settled: bool,
    /// What the service said of this id.
    pub(super) note: Option<Note<'a>>,
}

/// What to do with the ids that are not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: they stay as they are.
    Leave,
    TryAgain,
    /// One of them spoils the request: find out which.
    Halve,
    /// The authorization is no longer good: stop the run.
    Unauthorized,
    /// The run is being stopped.
    Stop,
}

/// Why an attempt did not settle its ids.
pub(super) struct Trouble {
    pub(super) error: Error,
    /// The service's words, which say more than ours.
    pub(super) heard: Option<String>,
}

impl Trouble {
    pub(super) fn note(&self) -> Note<'_> {
        Note {
            for_good: false,
            code: self.error.service_code.as_deref(),
            message: Some(self.heard.as_deref().unwrap_or(&self.error.message)),
        }
    }
}

/// How a whole attempt went.
#[derive(Clone, Copy)]
enum Effect {
    /// The service never got the whole request.
    Nothing,
    /// It may have been carried out.
    Exposed,
    /// The service refused it and did not carry it out.
    Refused,
}

impl<'a> Judgement<'a> {
    /// What the attempt means for the id at `place` of the request, whose outcome so far was
    /// `before`: of an unsettled id.
    pub(super) fn fate(&self, place: usize, before: Outcome) -> Fate<'a> {
        match &self.reach {
            Reach::All(effect) => Fate::unsettled(effect.outcome(before)),
            Reach::Each(mentions, failed) => mentions[place].fate(failed, before),
        }
    }

    /// The same for all ids.
    fn whole(effect: Effect, next: Next, trouble: Trouble) -> Self {
        Self {
            reach: Reach::All(effect),
            next,
            trouble: Some(trouble),
        }
    }
}

impl Effect {
    fn outcome(self, before: Outcome) -> Outcome {
        match self {
            Self::Nothing => before,
            Self::Exposed => Outcome::Unknown,
            Self::Refused if before == Outcome::Unknown => Outcome::Unknown,
            Self::Refused => Outcome::Rejected,
        }
    }
}

impl Fate<'_> {
    fn unsettled(outcome: Outcome) -> Self {
        Self {
            outcome,
            settled: false,
            note: None,
        }
    }
}

/// Judges one attempt to send `ids`.
pub(super) fn judge<'a>(ids: &[&str], result: Result<&'a Answer<'a>, &Failure>) -> Judgement<'a> {
    match result {
        Err(failure) => judge_failure(failure),
        Ok(answer) => judge_answer(ids, answer),
    }
}

fn judge_failure<'a>(failure: &Failure) -> Judgement<'a> {
    let kind = match failure.kind {
        FailureKind::Unreachable
        | FailureKind::NoResources
        | FailureKind::Untrusted
        | FailureKind::Interrupted => ErrorKind::Unreachable,
        FailureKind::TimedOut => ErrorKind::TimedOut,
        FailureKind::BadAnswer => ErrorKind::BadAnswer,
        FailureKind::BadRequest => ErrorKind::Internal,
    };
    let effect = match failure.exposed {
        true => Effect::Exposed,
        false => Effect::Nothing,
    };
    let next = match failure.kind {
        FailureKind::Interrupted => Next::Stop,
        FailureKind::BadRequest | FailureKind::Untrusted => Next::Leave,
        _ => Next::TryAgain,
    };
    let mut error = Error::new(kind, failure.message.clone());
    error.retryable = next != Next::Leave;
    Judgement::whole(effect, next, Trouble { error, heard: None })
}

fn judge_answer<'a>(ids: &[&str], answer: &'a Answer<'a>) -> Judgement<'a> {
    let distrust = |next, why: &str| {
        let trouble = trouble(answer, ErrorKind::BadAnswer, why, next);
        Judgement::whole(Effect::Exposed, next, trouble)
    };
    let refuse = |next| judge_refusal(answer, next);
    let mentions = match answer.body.as_ref().map(|body| Mentions::find(ids, body)) {
        Ok(None) => {
            return distrust(
                Next::TryAgain,
                "the answer names an id that was not asked for",
            );
        }
        Ok(Some(mentions)) => Some(mentions),
        Err(_) => None,
    };
    let names_deleted = mentions
        .as_ref()
        .is_some_and(|mentions| mentions.any_deleted);
    match answer.status {
        200 => match (&answer.body, mentions) {
            (Ok(body), Some(mentions)) => judge_success(answer, body, mentions),
            (Err(why), _) => distrust(Next::TryAgain, &format!("the answer can't be read: {why}")),
            (Ok(_), None) => distrust(Next::TryAgain, "the answer can't be read"),
        },
        300..400 => distrust(Next::Leave, "redirects are not followed"),
        408 | 500..600 => judge_service_failure(answer),
        400..500 if names_deleted => distrust(
            Next::TryAgain,
            "the answer refuses the request and yet names deleted ids",
        ),
        401 => {
            let why = "the service does not accept the authorization";
            let trouble = trouble(answer, ErrorKind::Unauthorized, why, Next::Unauthorized);
            Judgement::whole(Effect::Refused, Next::Unauthorized, trouble)
        }
        // Of a moment, as their names say (RFC 9110, 15.5; RFC 4918; RFC 8470; RFC 6585).
        409 | 421 | 423 | 425 | 429 => refuse(Next::TryAgain),
        400 if code_of(answer) == Some(code::BAD_PARAMETER) => refuse(Next::Halve),
        400..500 => refuse(Next::Leave),
        _ => distrust(Next::TryAgain, "the answer's status has no meaning here"),
    }
}

/// A 200 that can be read.
fn judge_success<'a>(
    answer: &'a Answer<'a>,
    body: &'a Body<'a>,
    mentions: Mentions,
) -> Judgement<'a> {
    let distrust = |why| {
        let trouble = trouble(answer, ErrorKind::BadAnswer, why, Next::TryAgain);
        Judgement::whole(Effect::Exposed, Next::TryAgain, trouble)
    };
    match body.code.as_deref() {
        Some(code::SUCCESS) => judge_each(answer, body, mentions),
        None => distrust("the answer holds no code"),
        Some(_) if mentions.any() => {
            distrust("the answer's code is an error, and yet it names ids")
        }
        Some(code::BAD_PARAMETER) => judge_refusal(answer, Next::Halve),
        // Nobody knows at which point of the work this code comes.
        Some(_) => judge_service_failure(answer),
    }
}

/// The service refused the request and did not carry it out.
fn judge_refusal<'a>(answer: &Answer<'_>, next: Next) -> Judgement<'a> {
    let why = "the service refused the request";
    let trouble = trouble(answer, ErrorKind::Refused, why, next);
    Judgement::whole(Effect::Refused, next, trouble)
}

/// The service failed, perhaps after it had carried out the request.
fn judge_service_failure<'a>(answer: &Answer<'_>) -> Judgement<'a> {
    let why = "the service failed to carry out the request";
    let trouble = trouble(answer, ErrorKind::Refused, why, Next::TryAgain);
    Judgement::whole(Effect::Exposed, Next::TryAgain, trouble)
}

/// `code` 0: the lists say what happened to each id.
fn judge_each<'a>(answer: &'a Answer<'a>, body: &'a Body<'a>, mentions: Mentions) -> Judgement<'a> {
    let settled = mentions.of_ids.iter().all(Mention::settles);
    let why = "the answer does not name each id once";
    Judgement {
        reach: Reach::Each(mentions.of_ids, &body.failed),
        next: if settled { Next::Leave } else { Next::TryAgain },
        trouble: (!settled).then(|| trouble(answer, ErrorKind::BadAnswer, why, Next::TryAgain)),
    }
}

fn failed_outcome(code: Option<&str>, exposed: bool) -> Outcome {
    match (code, exposed) {
        (Some(code::NOT_FOUND), false) => Outcome::NotFound,
        (Some(code::NOT_FOUND), true) => Outcome::Gone,
        (_, true) => Outcome::Unknown,
        (_, false) => Outcome::Rejected,
    }
}

fn code_of<'a>(answer: &'a Answer<'_>) -> Option<&'a str> {
    answer.body.as_ref().ok()?.code.as_deref()
}

fn trouble(answer: &Answer<'_>, kind: ErrorKind, why: &str, next: Next) -> Trouble {
    let body = answer.body.as_ref().ok();
    let heard = body.and_then(|body| body.message.as_deref());
    let code = code_of(answer);
    let mut message = format!("{why}: HTTP {}", answer.status);
    if let Some(code) = code {
        message += &format!(", code {code}");
    }
    if let Some(heard) = heard {
        message += &format!(": {heard}");
    }
    Trouble {
        heard: heard.map(str::to_owned),
        error: Error {
            kind,
            message,
            http_status: Some(answer.status),
            service_code: code.map(str::to_owned),
            request_id: answer.request_id.clone(),
            retryable: is_retryable(answer.status, next),
        },
    }
}

/// Whether the same again, later and unchanged, may succeed. A refusal with a code that nobody knows
/// may be a gateway's on the way, of a moment.
fn is_retryable(status: u16, next: Next) -> bool {
    match next {
        Next::TryAgain => true,
        Next::Leave => (400..500).contains(&status) && status != FORBIDDEN,
        Next::Halve | Next::Unauthorized | Next::Stop => false,
    }
}

/// How an answer names each id that was sent.
struct Mentions {
    of_ids: Vec<Mention>,
    any_deleted: bool,
}

#[derive(Clone, Copy)]
enum Mention {
    None,
    Deleted,
    /// The entry of the failed list.
    Failed(u32),
    /// Named more than once.
    Contradictory,
}

impl Mention {
    fn settles(&self) -> bool {
        matches!(self, Self::Deleted | Self::Failed(_))
    }

    fn fate<'a>(self, failed: &'a [FailedScope<'a>], before: Outcome) -> Fate<'a> {
        let exposed = before == Outcome::Unknown;
        match self {
            Self::Deleted => Fate {
                outcome: Outcome::Deleted,
                settled: true,
                note: None,
            },
            Self::Failed(index) => {
                let failed = &failed[index as usize];
                Fate {
                    outcome: failed_outcome(failed.code.as_deref(), exposed),
                    settled: true,
                    note: Some(Note {
                        // It stood once in its request, so this is about something else that passes.
                        for_good: failed.code.as_deref() != Some(code::REPEATED),
                        code: failed.code.as_deref(),
                        message: failed.message.as_deref(),
                    }),
                }
            }
            Self::None | Self::Contradictory => Fate::unsettled(Outcome::Unknown),
        }
    }
}

impl Mentions {
    /// None if the answer names an id that was not sent.
    fn find(ids: &[&str], body: &Body<'_>) -> Option<Self> {
        let mut of_ids = vec![Mention::None; ids.len()];
        let mut note = |place: usize, mention| {
            of_ids[place] = match of_ids[place] {
                Mention::None => mention,
                _ => Mention::Contradictory,
            };
        };
        let mut finder = Finder { ids, next: 0 };
        for id in &body.deleted {
            note(finder.place(id)?, Mention::Deleted);
        }
        for (index, failed) in (0..).zip(&body.failed) {
            note(finder.place(&failed.id)?, Mention::Failed(index));
        }
        Some(Self {
            of_ids,
            any_deleted: !body.deleted.is_empty(),
        })
    }

    fn any(&self) -> bool {
        let named = |mention: &Mention| !matches!(mention, Mention::None);
        self.of_ids.iter().any(named)
    }
}

/// Finds ids that mostly come in the order in which they were sent.
struct Finder<'a> {
    ids: &'a [&'a str],
    next: usize,
}

impl Finder<'_> {
    fn place(&mut self, id: &str) -> Option<usize> {
        let (before, from_here) = self.ids.split_at(self.next);
        let same = |other: &&str| *other == id;
        let ahead = from_here.iter().position(same);
        let place = match ahead {
            Some(ahead) => self.next + ahead,
            None => before.iter().position(same)?,
        };
        self.next = place + 1;
        Some(place)
    }
}
