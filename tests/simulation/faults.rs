//! What goes wrong, and what it means for the ids concerned.

use fastrand::Rng;
use koodrive::error::ErrorKind;

use crate::answer::{Date, Draft, FailedScope, RetryAfter, Shape};
use crate::lists::{self, List};
use crate::service::{CODE_BAD_PARAMETER, Handled, Told};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    // Opening a connection.
    Refused,
    ConnectHangs,
    ConnectPanics,
    NoResources,
    // Before a request.
    ClosesUnused,
    AnswersUnasked,
    // Before the kernel took the last byte.
    SendFails,
    SendHangs,
    SendPanics,
    EarlyRefusal,
    // After it did.
    RequestLost,
    AnswerLost,
    AnswerHangs,
    Late,
    BrokenHttp,
    AnswerPanics,
    // Answers.
    ServerError,
    TooMany,
    Refusal,
    Unauthorized,
    Redirect,
    OtherSuccess,
    Garbage,
    NoCode,
    Stranger,
    StrangerInRefusal,
    Omit,
    Twice,
    Duplicate,
    ErrorWithNames,
    ErrorWithoutNames,
    RefusedParameter,
    RefusalWithNames,
    ClosesAfterAnswer,
}

impl Fault {
    pub const CONNECTING: [Self; 6] = [
        Self::Refused,
        Self::ConnectHangs,
        Self::ConnectPanics,
        Self::NoResources,
        Self::ClosesUnused,
        Self::AnswersUnasked,
    ];

    pub const EXCHANGING: [Self; 28] = [
        Self::SendFails,
        Self::SendHangs,
        Self::SendPanics,
        Self::EarlyRefusal,
        Self::RequestLost,
        Self::AnswerLost,
        Self::AnswerHangs,
        Self::Late,
        Self::BrokenHttp,
        Self::AnswerPanics,
        Self::ServerError,
        Self::TooMany,
        Self::Refusal,
        Self::Unauthorized,
        Self::Redirect,
        Self::OtherSuccess,
        Self::Garbage,
        Self::NoCode,
        Self::Stranger,
        Self::StrangerInRefusal,
        Self::Omit,
        Self::Twice,
        Self::Duplicate,
        Self::ErrorWithNames,
        Self::ErrorWithoutNames,
        Self::RefusedParameter,
        Self::RefusalWithNames,
        Self::ClosesAfterAnswer,
    ];

    /// Faults that end a run at once are seldom, or nothing else would be seen.
    pub fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::ConnectPanics | Self::SendPanics | Self::AnswerPanics | Self::Unauthorized
        )
    }

    /// Whether the service carries the request out; it is free to where the answer does not say.
    pub fn executes(self, random: &mut Rng) -> bool {
        match self {
            Self::TooMany
            | Self::Refusal
            | Self::Unauthorized
            | Self::RefusedParameter
            | Self::EarlyRefusal => false,
            Self::AnswerLost
            | Self::AnswerHangs
            | Self::BrokenHttp
            | Self::AnswerPanics
            | Self::ServerError
            | Self::Redirect
            | Self::OtherSuccess
            | Self::Garbage
            | Self::NoCode
            | Self::ErrorWithoutNames
            | Self::StrangerInRefusal => random.u8(..) < 160,
            _ => true,
        }
    }
}

/// What an attempt means for its ids.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// The service never got a whole request.
    NotHanded,
    /// It may have been carried out.
    Ambiguous {
        again: bool,
    },
    /// It was not.
    Refused {
        status: u16,
        next: Next,
    },
    Named(Vec<Told>),
    Listed(List),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Again,
    Halve,
    Leave,
    Stop,
}

/// An answer, what it means and, where it does not settle every id, what trouble that is.
pub struct Reply {
    pub draft: Draft,
    pub meaning: Meaning,
    pub cause: Option<ErrorKind>,
}

impl Reply {
    pub fn refusal(status: u16, code: &str, random: &mut Rng) -> Self {
        let next = match status {
            409 | 421 | 423 | 425 | 429 => Next::Again,
            401 => Next::Stop,
            200 | 400 if code == CODE_BAD_PARAMETER => Next::Halve,
            _ => Next::Leave,
        };
        let wordless = next != Next::Halve && random.u8(..) < 20;
        let draft = Draft {
            status,
            code: Some(code.to_owned()),
            message: Some("refused".into()),
            shape: Shape {
                gateway: code.starts_with("APIGW"),
                null: random.bool(),
                ..Shape::default()
            },
            raw: wordless.then(|| {
                random
                    .choice([&b""[..], b"<html>no</html>"])
                    .unwrap_or(b"")
                    .into()
            }),
            retry_after: (next == Next::Again).then(|| retry_after(random)).flatten(),
            ..Draft::default()
        };
        Self {
            draft,
            meaning: Meaning::Refused { status, next },
            cause: Some(match next {
                Next::Stop => ErrorKind::Unauthorized,
                _ => ErrorKind::Service,
            }),
        }
    }

    fn done(told: Vec<Told>, ids: &[String], random: &mut Rng) -> Self {
        let mut draft = Draft {
            status: 200,
            code: Some("0".into()),
            message: Some("success".into()),
            shape: Shape {
                object: random.bool(),
                null: random.bool(),
                numbers: random.u8(..) < 40,
                code_text: random.u8(..) < 40,
                extra: random.u8(..) < 40,
                gateway: false,
            },
            ..Draft::default()
        };
        for (id, told) in ids.iter().zip(&told) {
            match told {
                Told::Deleted => draft.deleted.push(id.clone()),
                Told::Unclear => {}
                told => draft.failed.push(FailedScope {
                    id: id.clone(),
                    code: told.error_code().into(),
                    message: "failed".into(),
                }),
            }
        }
        if random.u8(..) < 40 {
            random.shuffle(&mut draft.deleted);
            random.shuffle(&mut draft.failed);
        }
        let unclear = told.contains(&Told::Unclear);
        Self {
            draft,
            meaning: Meaning::Named(told),
            cause: unclear.then_some(ErrorKind::InvalidResponse),
        }
    }

    pub fn distrusted(mut self, again: bool, cause: ErrorKind) -> Self {
        self.meaning = Meaning::Ambiguous { again };
        self.cause = Some(cause);
        self
    }
}

/// What the service answers, given what it did and what goes wrong.
pub fn reply(fault: Option<Fault>, handled: Handled, ids: &[String], random: &mut Rng) -> Reply {
    let mut reply = match handled {
        Handled::Refused { status, code } => return Reply::refusal(status, code, random),
        Handled::Done(told) => Reply::done(told, ids, random),
        Handled::Listed(list) => Reply::listed(list, random),
    };
    let Some(fault) = fault else {
        return reply;
    };
    match fault {
        Fault::TooMany => {
            let statuses = [429, 429, 429, 429, 409, 421, 423, 425];
            let status = random.choice(statuses).unwrap_or(429);
            Reply::refusal(status, "APIGW.0308", random)
        }
        Fault::Refusal | Fault::EarlyRefusal => {
            let statuses = [400, 402, 403, 404, 405, 411, 413, 415, 422, 451, 499];
            let status = random.choice(statuses).unwrap_or(400);
            Reply::refusal(status, "13000999", random)
        }
        Fault::Unauthorized => Reply::refusal(401, "APIGW.0301", random),
        Fault::ErrorWithoutNames => {
            let codes = ["15000001", "13000500", "500", "15000418", "APIGW.0101"];
            let code = random.choice(codes).unwrap_or("500");
            let mut reply = Reply::refusal(200, code, random);
            reply.draft.raw = None;
            reply.draft.retry_after = retry_after(random);
            reply.distrusted(true, ErrorKind::Service)
        }
        Fault::RefusedParameter => {
            let mut reply = Reply::refusal(200, CODE_BAD_PARAMETER, random);
            reply.draft.raw = None;
            reply
        }
        Fault::ServerError | Fault::Redirect | Fault::OtherSuccess => {
            wrong_status(fault, reply, random)
        }
        Fault::Garbage => {
            reply.draft.raw = Some(garbage(&reply.draft, random));
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
        Fault::NoCode => {
            reply.draft.code = None;
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
        Fault::StrangerInRefusal => {
            let statuses = [400, 401, 403, 408, 429, 500, 503, 202, 302];
            reply.draft.status = random.choice(statuses).unwrap_or(400);
            reply.draft.code = Some("7".into());
            add_stranger(&mut reply.draft, random);
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
        Fault::ErrorWithNames => {
            reply.draft.code = Some("15000001".into());
            // A list is no more than what the service has: it says nothing of what was done.
            let cause = match reply.meaning {
                Meaning::Listed(_) => ErrorKind::Service,
                _ => ErrorKind::InvalidResponse,
            };
            reply.distrusted(true, cause)
        }
        fault => match reply.meaning.clone() {
            Meaning::Named(told) => misreported(fault, reply, told, ids, random),
            Meaning::Listed(list) => lists::spoil(fault, reply, list, random),
            _ => reply,
        },
    }
}

/// What goes wrong with what an answer says of each id.
fn misreported(
    fault: Fault,
    mut reply: Reply,
    mut told: Vec<Told>,
    ids: &[String],
    random: &mut Rng,
) -> Reply {
    match fault {
        Fault::Stranger => {
            add_stranger(&mut reply.draft, random);
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
        Fault::Omit | Fault::Twice => {
            let place = random.usize(..told.len());
            let more = random.u8(..) < 40;
            for (index, id) in ids.iter().enumerate() {
                if index != place && !(more && random.bool()) {
                    continue;
                }
                match fault {
                    Fault::Omit => {
                        reply.draft.deleted.retain(|other| other != id);
                        reply.draft.failed.retain(|other| other.id != *id);
                    }
                    _ if random.bool() => reply.draft.deleted.push(id.clone()),
                    _ => reply.draft.failed.push(FailedScope {
                        id: id.clone(),
                        code: Told::Absent.error_code().into(),
                        message: "twice".into(),
                    }),
                }
                told[index] = Told::Unclear;
            }
            reply.meaning = Meaning::Named(told);
            reply.cause = Some(ErrorKind::InvalidResponse);
            reply
        }
        Fault::Duplicate => {
            for told in &mut told {
                if *told == Told::Absent && random.bool() {
                    *told = Told::Duplicate;
                }
            }
            Reply::done(told, ids, random)
        }
        Fault::RefusalWithNames if told.contains(&Told::Deleted) => {
            reply.draft.status = random.choice([400, 401, 403, 404, 429]).unwrap_or(400);
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
        _ => reply,
    }
}

/// A refusal that stands on a connection before any request.
pub fn unasked(random: &mut Rng) -> Draft {
    let status = random.choice([400, 403, 404, 429]).unwrap_or(400);
    Reply::refusal(status, "APIGW.0308", random).draft
}

/// An answer that is none to the request before it.
pub fn not_ours(draft: Draft) -> Reply {
    Reply {
        draft,
        meaning: Meaning::Ambiguous { again: true },
        cause: None,
    }
}

/// A status that says nothing on what was done.
fn wrong_status(fault: Fault, mut reply: Reply, random: &mut Rng) -> Reply {
    let draft = &mut reply.draft;
    if random.bool() {
        draft.deleted.clear();
        draft.failed.clear();
        draft.list = None;
        draft.code = Some("15000500".into());
        draft.message = Some("broken".into());
    }
    if random.u8(..) < 60 {
        draft.raw = Some(b"<html>502</html>".into());
    }
    let mut choose = |statuses: &[u16]| statuses[random.usize(..statuses.len())];
    match fault {
        Fault::ServerError => {
            draft.status = choose(&[500, 502, 503, 503, 504, 599, 408]);
            draft.retry_after = retry_after(random);
            reply.distrusted(true, ErrorKind::Service)
        }
        Fault::Redirect => {
            draft.status = choose(&[300, 301, 302, 303, 304, 307, 308]);
            reply.distrusted(false, ErrorKind::InvalidResponse)
        }
        _ => {
            draft.status = choose(&[201, 202, 203, 204, 206, 226, 600, 999]);
            reply.distrusted(true, ErrorKind::InvalidResponse)
        }
    }
}

fn retry_after(random: &mut Rng) -> Option<RetryAfter> {
    match random.u8(..) {
        0..100 => None,
        100..180 => Some(RetryAfter::Seconds(random.u64(0..5))),
        180..230 => Some(RetryAfter::Date(random.u64(0..10))),
        230..250 => Some(RetryAfter::Seconds(random.u64(5..300))),
        _ => Some(RetryAfter::Date(random.u64(10..3_600))),
    }
}

fn add_stranger(draft: &mut Draft, random: &mut Rng) {
    // One that only a careless comparison takes for ours, if there is one to vary.
    let known = draft.deleted.first().cloned();
    let stranger = match (known, random.u8(..)) {
        (Some(id), 0..80) => format!("0{id}"),
        (Some(id), 80..160) => format!("{id} "),
        _ => "9000000000000000009".into(),
    };
    if random.bool() {
        draft.deleted.push(stranger);
    } else {
        draft.failed.push(FailedScope {
            id: stranger,
            code: Told::Absent.error_code().into(),
            message: "who?".into(),
        });
    }
}

/// A body that can't be read, made from one that can.
fn garbage(draft: &Draft, random: &mut Rng) -> Vec<u8> {
    let (_, mut whole) = draft.write(std::time::UNIX_EPOCH);
    match random.u8(..10) {
        0 => Vec::new(),
        1 => b"<html><body>OK</body></html>".into(),
        2 => [&b"\xef\xbb\xbf"[..], &whole].concat(),
        3 => "[".repeat(100_000).into_bytes(),
        4 => b"{\"code\":0,\"code\":0}".into(),
        5 => b"[0,\"success\",[],[]]".into(),
        6 => b"null".into(),
        7 => [&whole[..], b"x"].concat(),
        8 => b"{\"code\":0.0,\"scopeIdList\":[]}".into(),
        _ => {
            whole.truncate(random.usize(..whole.len()));
            whole
        }
    }
}

/// The `Date` that an answer carries.
pub fn date(honest: bool, random: &mut Rng) -> Date {
    match random.u8(..) {
        _ if honest => Date::Right,
        0..12 => Date::Missing,
        12..18 => Date::Absurd,
        18..24 => Date::Garbage,
        24..30 => Date::Astray(random.i64(-100_000..=100_000)),
        _ => Date::Right,
    }
}
