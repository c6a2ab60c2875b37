//! What a run's monitor tells: its events and counts agree with what the network saw.

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::time::Duration;

use koodrive::error::{Error, ErrorKind};
use koodrive::event::{Event, EventKind, RequestName};
use koodrive::monitor::Monitor;
use koodrive::report::{Outcome, Report};

use crate::invariants::{Attempt, Delivery};
use crate::mutants::Mutant;
use crate::run::{Run, shows_secret};

/// More than any run has events.
const ROOMY: usize = 1 << 20;

/// What a caller keeps of the events of its runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keeping {
    capacity: usize,
    /// Another thread takes events while a run goes on.
    polls: bool,
    pub mutant: Option<Mutant>,
}

/// What there is to tell of one run, and what the caller took of it.
#[derive(Default)]
pub struct Telling {
    keeping: Keeping,
    exchanges: Vec<Exchange>,
    polled: Vec<Event>,
}

/// One request, as an event should tell of it.
struct Exchange {
    number: u64,
    whose: Whose,
    sent: Duration,
    ended: Duration,
    scopes: usize,
    attempt: u32,
    status: Option<u16>,
    has_request_id: bool,
    /// A panic tells nothing.
    panicked: bool,
}

/// User, device and first id.
type Whose = (String, Option<String>, Option<String>);

/// What of a run bears on its events.
pub struct Circumstances<'a> {
    pub error: Option<&'a Error>,
    /// Of a deletion.
    pub report: Option<&'a Report>,
    pub is_reading: bool,
    pub began: Duration,
    /// By how much later than that it may count its time from.
    pub opening: Duration,
    pub requests: usize,
    /// Failures to connect, at the most.
    pub failed_connects: usize,
    /// Answers that showed its clock to be wrong.
    pub corrections: usize,
    pub must_stop: bool,
    pub may_stop: bool,
}

impl Keeping {
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        let (capacity, polls) = match seed % 8 {
            1 => (1 + seed as usize / 8 % 5, false),
            3 => (1 + seed as usize / 8 % 5, true),
            5 => (ROOMY, false),
            7 => (ROOMY, true),
            _ => (0, false),
        };
        Self {
            capacity,
            polls,
            mutant,
        }
    }

    fn is_roomy(self) -> bool {
        self.capacity == ROOMY
    }
}

impl Telling {
    pub fn new(keeping: Keeping, monitor: &Monitor) -> Self {
        if keeping.capacity > 0 {
            monitor
                .keep_events(keeping.capacity)
                .expect("a new monitor");
        }
        Self {
            keeping,
            ..Self::default()
        }
    }

    pub fn sent(&mut self, request: &Attempt, attempt: u32, now: Duration) {
        self.exchanges.push(Exchange {
            number: request.number,
            whose: (
                request.user.clone(),
                request.device.clone(),
                request.ids.first().cloned(),
            ),
            sent: now,
            ended: Duration::MAX,
            scopes: request.ids.len(),
            attempt,
            status: None,
            has_request_id: false,
            panicked: false,
        });
    }

    pub fn ended(&mut self, request: &Attempt, delivery: &Delivery, now: Duration) {
        let is_it = |exchange: &&mut Exchange| exchange.number == request.number;
        if let Some(exchange) = self.exchanges.iter_mut().rev().find(is_it) {
            exchange.ended = now;
            exchange.status = delivery.status;
            exchange.has_request_id = delivery.has_request_id;
            exchange.panicked = delivery.panicked;
        }
    }

    /// The caller's thread takes an event.
    pub fn poll(&mut self, monitor: &Monitor) {
        if self.keeping.polls {
            self.polled.extend(monitor.next_event());
        }
    }

    /// What is wrong with what was told, if anything.
    pub fn check(mut self, monitor: &Monitor, run: &Circumstances) -> Option<String> {
        let mutant = self.keeping.mutant;
        // Wrong rules of outcomes are to be caught by their outcomes.
        if mutant.is_some_and(|mutant| !mutant.is_of_events()) {
            return None;
        }
        let rest: Vec<_> = std::iter::from_fn(|| monitor.next_event()).collect();
        let mut events = std::mem::take(&mut self.polled);
        let room = self.check_room(&events, &rest, monitor, run);
        events.extend(rest);
        if let Some(mutant) = mutant {
            mutant.change_events(&mut events);
        }
        let each = || events.iter().find_map(check_text);
        room.or_else(each)
            .or_else(|| self.check_counts(monitor, run, &events))
            .or_else(|| {
                let ascends = events.is_sorted_by_key(|event| event.elapsed);
                (!ascends).then(|| format!("events are not in their order: {events:?}"))
            })
            .or_else(|| {
                let is_whole = self.keeping.is_roomy();
                is_whole.then(|| self.check_whole(run, &events))?
            })
            .map(|what| format!("events: {what}"))
    }

    fn told(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(|exchange| !exchange.panicked)
    }

    /// The newest are kept, as many as there is room for, and the others are counted.
    fn check_room(
        &self,
        polled: &[Event],
        rest: &[Event],
        monitor: &Monitor,
        run: &Circumstances,
    ) -> Option<String> {
        let Keeping {
            capacity, polls, ..
        } = self.keeping;
        let (kept, dropped) = (rest.len(), monitor.events_dropped());
        if kept > capacity || dropped > 0 && kept < capacity && !polls {
            return Some(format!("{kept} kept of {capacity}, {dropped} dropped"));
        }
        if capacity == 0 || self.keeping.is_roomy() {
            return (dropped > 0).then(|| format!("{dropped} dropped"));
        }
        let least = self.told().count() + monitor.retries() as usize;
        let failures = self.exchanges.len() + run.failed_connects + 1;
        let most = least + monitor.throttles() as usize + 3 * failures + run.corrections + 9;
        let all = polled.len() + kept + dropped;
        if !(least..=most).contains(&all) {
            return Some(format!("{all} told, not {least} to {most}"));
        }
        let oldest = run.began + rest.first()?.elapsed + run.opening;
        let newer = self.told().filter(|exchange| exchange.ended > oldest);
        let (newer, requests) = (newer.count(), of_kind(rest, EventKind::Request).count());
        (newer > requests).then(|| format!("{requests} requests kept, not the {newer} newest"))
    }

    fn check_counts(
        &self,
        monitor: &Monitor,
        run: &Circumstances,
        events: &[Event],
    ) -> Option<String> {
        let throttles = self.told().filter(|exchange| exchange.is_throttle());
        let counted = (
            monitor.requests_sent() as usize,
            monitor.throttles() as usize,
        );
        let meant = (run.requests, throttles.count());
        if counted != meant {
            return Some(format!(
                "{counted:?} requests and throttles counted of {meant:?}"
            ));
        }
        let again = self.exchanges.iter().filter(|sent| sent.attempt > 1);
        let told = of_kind(events, EventKind::Retry).count();
        let retries = monitor.retries() as usize;
        let is_wrong =
            retries < again.count().max(told) || self.keeping.is_roomy() && retries != told;
        is_wrong.then(|| format!("{retries} retries are counted, {told} told"))
    }

    /// All that was told.
    fn check_whole(&self, run: &Circumstances, events: &[Event]) -> Option<String> {
        self.check_requests(run, events)
            .or_else(|| self.check_retries(run, events))
            .or_else(|| check_outages(events))
            .or_else(|| check_stopping(run, events))
            .or_else(|| check_given_up(run, events))
            .or_else(|| self.check_last_tries(events))
            .or_else(|| check_corrections(run, events))
    }

    /// Each request that the network saw, and no other.
    fn check_requests(&self, run: &Circumstances, events: &[Event]) -> Option<String> {
        let mut told: Vec<_> = of_kind(events, EventKind::Request)
            .map(|event| {
                let Event {
                    http_status,
                    duration,
                    scope_count,
                    attempt,
                    ..
                } = *event;
                let has_request_id = event.request_id.is_some();
                let what = (http_status, duration, scope_count, attempt, has_request_id);
                (event.elapsed, (whose(event), what))
            })
            .collect();
        let mut seen: Vec<_> = self
            .told()
            .map(|exchange| {
                let duration = exchange.ended.saturating_sub(exchange.sent);
                let Exchange {
                    status,
                    scopes,
                    attempt,
                    has_request_id,
                    ..
                } = *exchange;
                let what = (status, duration, scopes, attempt, has_request_id);
                let what = (Some(exchange.whose.clone()), what);
                (exchange.ended.saturating_sub(run.began), what)
            })
            .collect();
        told.sort_unstable();
        seen.sort_unstable();
        if told.len() != seen.len() {
            return Some(format!("{} requests of {}", told.len(), seen.len()));
        }
        let opening = |(told, seen): (&(Duration, _), &(Duration, _))| seen.0.checked_sub(told.0);
        let opening = told.iter().zip(&seen).next().map(opening);
        let pairs = told.iter().zip(&seen);
        let mut wrong = pairs.filter(|(told, seen)| {
            let late = seen.0.checked_sub(told.0);
            told.1 != seen.1 || Some(late) != opening || late.is_none_or(|late| late > run.opening)
        });
        let wrong = wrong.next();
        wrong.map(|(told, seen)| format!("a request is {told:?}, not {seen:?}"))
    }

    /// What is sent again was to be sent again; and what was to be is, unless the run ends before.
    fn check_retries(&self, run: &Circumstances, events: &[Event]) -> Option<String> {
        let mut open = HashMap::new();
        for event in events {
            let what = (whose(event), event.scope_count, event.attempt);
            match event.kind {
                EventKind::Retry => *open.entry(what).or_insert(0) += 1,
                EventKind::Request => match open.get_mut(&what).filter(|open| **open > 0) {
                    Some(open) => *open -= 1,
                    None if event.attempt > 1 => {
                        return Some(format!("no retry was told before {event:?}"));
                    }
                    None => {}
                },
                _ => {}
            }
        }
        let left: usize = open.values().sum();
        let panicked = self.exchanges.len() - self.told().count();
        // Each failure to connect is told as a retry of the same request.
        let is_wrong = run.error.is_none() && left > run.failed_connects + panicked;
        is_wrong.then(|| format!("nothing followed {left} retries: {open:?}"))
    }

    /// A request that is given up was not sent after that, nor more often.
    fn check_last_tries(&self, events: &[Event]) -> Option<String> {
        let has_panicked = self.exchanges.iter().any(|exchange| exchange.panicked);
        let is_wrong = |given_up: &&Event| {
            let same = |event: &&Event| event.request == given_up.request;
            let last = of_kind(events, EventKind::Request).filter(same).last();
            // Of a request that was halved the first half has its name.
            given_up.attempt > 0 && last.is_some_and(|last| last.attempt != given_up.attempt)
        };
        let wrong = of_kind(events, EventKind::GivenUp).find(is_wrong);
        let wrong = wrong.filter(|_| !has_panicked);
        wrong.map(|event| format!("not the last try: {event:?}"))
    }
}

/// One ends before the next begins, and both count from one moment.
fn check_outages(events: &[Event]) -> Option<String> {
    let is_outage =
        |event: &&Event| matches!(event.kind, EventKind::OutageBegan | EventKind::OutageEnded);
    let told: Vec<_> = events.iter().filter(is_outage).collect();
    let since = |event: &Event| event.elapsed.checked_sub(event.duration);
    let alternate = told.chunks(2).all(|pair| match pair {
        [began, ended] => {
            (began.kind, ended.kind) == (EventKind::OutageBegan, EventKind::OutageEnded)
                && since(began).is_some()
                && since(began) == since(ended)
        }
        rest => rest[0].kind == EventKind::OutageBegan,
    });
    (!alternate).then(|| format!("outages: {told:?}"))
}

/// Why the run stopped, if it did before its end; the last reason is what it returns.
fn check_stopping(run: &Circumstances, events: &[Event]) -> Option<String> {
    let Some(last) = of_kind(events, EventKind::Stopping).last() else {
        let is_stop = run
            .error
            .is_some_and(|error| is_stop(error, run.is_reading));
        return (is_stop || run.must_stop)
            .then(|| format!("nothing told of the stop: {:?}", run.error));
    };
    let Some(error) = run.error.filter(|_| run.may_stop) else {
        return Some(format!("no reason to stop: {last:?}"));
    };
    let is_it = is_of(error, last, &last.message);
    let outranks = is_stop(error, run.is_reading)
        || last.http_status.is_none() && OUTRANKING.contains(&&*last.message);
    (!is_it && outranks).then(|| format!("{last:?} is told, {error:?} returned"))
}

/// Whether an event that says this was told for such an error.
fn is_of(error: &Error, event: &Event, words: &str) -> bool {
    let words = words.strip_suffix("...").unwrap_or(words);
    one_line(&error.message).starts_with(words)
        && error.http_status == event.http_status
        && error.request_id == event.request_id
}

/// Once for each request that failed and is left, and for no other.
fn check_given_up(run: &Circumstances, events: &[Event]) -> Option<String> {
    let told: Vec<_> = of_kind(events, EventKind::GivenUp).collect();
    let Some(error) = run.error else {
        return (!told.is_empty()).then(|| format!("nothing was left: {told:?}"));
    };
    let words = |event: &&Event| {
        event
            .message
            .strip_prefix("not sent again: ")
            .map(str::to_owned)
    };
    let is_why = |event: &&Event| words(event).is_some_and(|words| is_of(error, event, &words));
    let is_stopped =
        is_stop(error, run.is_reading) || of_kind(events, EventKind::Stopping).next().is_some();
    if !is_stopped && !told.iter().any(is_why) {
        return Some(format!("{error:?} is not told: {told:?}"));
    }
    match run.report {
        Some(report) => check_left(report, &told, is_stopped),
        None => (told.len() > 1).then(|| format!("one list is given up twice: {told:?}")),
    }
}

/// Requests that are given up against the outcomes of their ids.
fn check_left(report: &Report, told: &[&Event], is_stopped: bool) -> Option<String> {
    let failures = std::iter::successors(report.next_failure(0), |place| {
        report.next_failure(place + 1)
    });
    let left: HashSet<_> = failures
        .map(|place| {
            let text = |text: Option<&CStr>| text.expect("a place").to_owned();
            RequestName {
                user_id: text(report.user_id(place)),
                device_id: Some(text(report.device_id(place))),
                first_scope_id: Some(text(report.scope_id(place))),
            }
        })
        .collect();
    let mut seen = HashSet::new();
    for event in told {
        let name = event.request.as_ref().expect("a request");
        if !left.contains(name) || !seen.insert(name) {
            return Some(format!("not given up, or twice: {event:?}"));
        }
    }
    let ids: usize = told.iter().map(|event| event.scope_count).sum();
    let least = match is_stopped {
        true => 0,
        false => report.tally(Outcome::NotSent as i32),
    };
    let is_wrong = !(least..=left.len()).contains(&ids);
    is_wrong.then(|| format!("{ids} ids given up of {least} to {}", left.len()))
}

fn check_corrections(run: &Circumstances, events: &[Event]) -> Option<String> {
    let mut told = of_kind(events, EventKind::ClockCorrected);
    let is_right = |event: &Event| event.message.contains(" 0 s ");
    if let Some(event) = told.clone().find(|event| is_right(event)) {
        return Some(format!("the clock was right: {event:?}"));
    }
    let excess = told.nth(run.corrections);
    excess.map(|event| format!("nothing was wrong with the clock: {event:?}"))
}

/// The messages of reasons that are a run's status, whatever troubled single requests.
const OUTRANKING: [&str; 3] = [
    "the run was cancelled",
    "the run timeout passed",
    "a bug in koodrive stopped the run",
];

/// Whether only the run's stop can have made it return this.
fn is_stop(error: &Error, is_reading: bool) -> bool {
    match error.kind {
        ErrorKind::Cancelled | ErrorKind::Journal => true,
        ErrorKind::Unauthorized | ErrorKind::Internal => !is_reading,
        _ => ["the run ", "the service is down, "]
            .iter()
            .any(|start| error.message.starts_with(start)),
    }
}

fn of_kind(events: &[Event], kind: EventKind) -> impl Iterator<Item = &Event> + Clone {
    events.iter().filter(move |event| event.kind == kind)
}

fn one_line(text: &str) -> String {
    text.replace(breaks_a_line, " ")
}

fn breaks_a_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn whose(event: &Event) -> Option<Whose> {
    let text = |id: &std::ffi::CString| id.to_str().expect("an id").to_owned();
    event.request.as_ref().map(|name| {
        let device = name.device_id.as_ref().map(text);
        (
            text(&name.user_id),
            device,
            name.first_scope_id.as_ref().map(text),
        )
    })
}

/// What is wrong with an event alone.
fn check_text(event: &Event) -> Option<String> {
    let texts = [Some(&*event.message), event.request_id.as_deref()];
    let mut texts = texts.into_iter().flatten();
    let is_bad =
        |text: &str| shows_secret(text) || text.contains(breaks_a_line) || text.len() > 512;
    let is_throttle = matches!(event.http_status, Some(429 | 503));
    let is_of_request = matches!(
        event.kind,
        EventKind::Request | EventKind::Retry | EventKind::GivenUp
    );
    let is_wrong = event.message.is_empty()
        || event.request.is_some() != is_of_request
        || event.rate.is_some() != (event.kind == EventKind::Throttled)
        || texts.any(is_bad)
        || event.kind == EventKind::Throttled && !is_throttle;
    is_wrong.then(|| format!("{event:?}"))
}

impl Exchange {
    fn is_throttle(&self) -> bool {
        matches!(self.status, Some(429 | 503))
    }
}

impl Run {
    /// The run's events and counts, once it has ended.
    pub fn check_telling(&mut self, error: Option<&Error>, report: Option<&Report>) {
        let telling = std::mem::take(&mut self.telling);
        let broken = telling.check(&self.monitor, &self.circumstances(error, report));
        self.violations.extend(broken);
    }
}
