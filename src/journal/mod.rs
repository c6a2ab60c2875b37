//! A journal of a run: what may be sent is on the disk before it is sent, and what came back is written
//! down. So a run that ended in any way, also by kill or power loss, can be taken up.
//!
//! `FORMAT.md`, beside this file, describes the format for people.

mod line;
mod ranges;
mod recovery;
mod storage;

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use ring::digest;

use crate::error::{Error, ErrorKind};
use crate::plan::Plan;
use crate::report::{Note, Outcome};
use crate::system::{Gate, Passage, System};
use line::{BatchResult, Header, Intent, OutcomeOf};
use ranges::Ranges;
pub(crate) use recovery::{Recovered, Settled};
pub use storage::{JournalFile, Storage};

/// Written down in advance: so many batches for each connection. One flush to the disk serves all of them;
/// of those that a crash keeps from being sent a next run knows less than it could.
const BATCHES_AHEAD: usize = 2;

/// The journal of one run.
pub(crate) struct Journal {
    storage: Box<dyn Storage>,
    /// One worker at a time writes intents and waits for the disk.
    gate: Gate,
    /// How many of the run's batches may be sent.
    intended: AtomicUsize,
    /// The number of the run's first batch, in the journal.
    first_batch: u64,
    /// How many bytes are safe.
    durable: AtomicU64,
    end: Mutex<End>,
}

/// Where the file ends.
struct End {
    length: u64,
    /// Nothing is written behind a part of a line.
    failure: Option<Error>,
}

/// A batch that may be sent.
pub(crate) struct IntendedBatch<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
    pub(crate) positions: &'a [u32],
    pub(crate) ids: Vec<&'a str>,
}

/// What is known of ids of one batch from now on.
#[derive(Default)]
pub(crate) struct JournalEntry<'a> {
    pub(crate) batch: usize,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) outcomes: Vec<(u32, Outcome, Note<'a>)>,
}

/// Whose journal it is.
pub(crate) struct Owner<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) plan: &'a Plan,
    pub(crate) default_user: &'a str,
}

impl Journal {
    /// Begins a journal, or takes up the one that is there; with what that says. An error changes nothing
    /// and says why the journal can't be used.
    pub(crate) fn open(
        storage: Box<dyn Storage>,
        owner: &Owner<'_>,
        system: &dyn System,
    ) -> Result<(Self, Recovered), Error> {
        let unusable = |why: String| Error::invalid(format!("journal: {why}"));
        let content = storage
            .read()
            .map_err(|error| unusable(format!("can't be read: {error}")))?;
        let hash = hash(owner);
        let recovered = recovery::read(&content, owner, &hash).map_err(unusable)?;
        let journal = Self {
            storage,
            gate: Gate::default(),
            intended: AtomicUsize::new(0),
            first_batch: recovered.next_batch,
            durable: AtomicU64::new(0),
            end: Mutex::new(End {
                length: recovered.length,
                failure: None,
            }),
        };
        if recovered.length < content.len() as u64 {
            journal.guard(journal.storage.truncate(recovered.length));
        }
        if recovered.length == 0 {
            journal.write_header(owner, &hash, system);
        }
        journal.sync();
        Ok((journal, recovered))
    }

    fn write_header(&self, owner: &Owner<'_>, hash: &str, system: &dyn System) {
        let header = Header {
            koodrive_journal: line::VERSION,
            library: env!("CARGO_PKG_VERSION").into(),
            time: line::timestamp(system.wall_clock()).into(),
            endpoint: owner.endpoint.into(),
            ids: owner.plan.scope_count(),
            plan: hash.into(),
        };
        let mut text = Vec::new();
        let written = line::write(line::HEADER, &header, &mut text);
        self.append(written.map(|()| text).map_err(io::Error::from));
    }

    /// Returns when the batch with this index may be sent: it is on the disk that its ids may be. Batches
    /// are written down in their order, and a few of those after it with them.
    pub(crate) fn intend<'b>(
        &self,
        index: usize,
        connections: usize,
        system: &dyn System,
        batch: impl Fn(usize) -> Option<IntendedBatch<'b>>,
    ) -> Result<(), Error> {
        let is_intended = || index < self.intended.load(Ordering::Acquire);
        if is_intended() {
            return Ok(());
        }
        let _passage = Passage::enter(&self.gate, system);
        if is_intended() {
            return Ok(());
        }
        let first = self.intended.load(Ordering::Relaxed);
        let mut text = Vec::new();
        let mut next = first;
        let time = line::timestamp(system.wall_clock());
        while next < (index + 1).max(first + BATCHES_AHEAD * connections)
            && let Some(batch) = batch(next)
        {
            let intent = Intent {
                batch: self.first_batch + next as u64,
                time: time.as_str().into(),
                durable: self.durable.load(Ordering::Relaxed),
                user: batch.user.into(),
                device: batch.device.into(),
                positions: batch.positions.iter().copied().collect(),
                ids: &batch.ids,
            };
            if let Err(error) = line::write(line::INTENT, &intent, &mut text) {
                self.append(Err(error.into()));
            }
            next += 1;
        }
        self.append(Ok(text));
        self.sync();
        self.check()?;
        self.intended.store(next, Ordering::Release);
        Ok(())
    }

    /// Whether it is written down that the batch may be sent.
    pub(crate) fn is_intended(&self, index: usize) -> bool {
        index < self.intended.load(Ordering::Acquire)
    }

    /// Writes down what became of ids.
    pub(crate) fn record(&self, entry: &JournalEntry<'_>, now: SystemTime) -> Result<(), Error> {
        if entry.outcomes.is_empty() {
            return Ok(());
        }
        let result = BatchResult {
            batch: self.first_batch + entry.batch as u64,
            time: line::timestamp(now).into(),
            durable: self.durable.load(Ordering::Relaxed),
            status: entry.status,
            request_id: entry.request_id.map(Cow::from),
            outcomes: grouped(&entry.outcomes),
        };
        let mut text = Vec::new();
        let written = line::write(line::RESULT, &result, &mut text);
        self.append(written.map(|()| text).map_err(io::Error::from));
        self.check()
    }

    /// Makes all that was written safe, at the end of a run.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.sync();
        self.check()
    }

    /// Why it can't be written any more, if so.
    fn check(&self) -> Result<(), Error> {
        self.end().failure.clone().map_or(Ok(()), Err)
    }

    fn append(&self, text: io::Result<Vec<u8>>) {
        let mut end = self.end();
        if end.failure.is_some() {
            return;
        }
        let appended = text.and_then(|text| {
            self.storage.append(&text)?;
            Ok(text.len() as u64)
        });
        match appended {
            Ok(length) => end.length += length,
            Err(error) => end.failure = Some(unwritable(&error)),
        }
    }

    fn sync(&self) {
        let length = {
            let end = self.end();
            if end.failure.is_some() {
                return;
            }
            end.length
        };
        let synced = self.storage.sync(length);
        if synced.is_ok() {
            self.durable.fetch_max(length, Ordering::Relaxed);
        }
        self.guard(synced);
    }

    fn guard(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.end().failure.get_or_insert(unwritable(&error));
        }
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn unwritable(error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Journal,
        format!("journal: can't be written, so that nothing more was sent: {error}"),
    )
}

/// Ids of which the same is known, together.
fn grouped<'a>(outcomes: &[(u32, Outcome, Note<'a>)]) -> Vec<OutcomeOf<'a>> {
    let mut groups: Vec<(Outcome, Note<'a>, Vec<u32>)> = Vec::new();
    for (position, outcome, note) in outcomes {
        let same =
            |group: &&mut (Outcome, Note<'a>, Vec<u32>)| group.0 == *outcome && group.1 == *note;
        match groups.iter_mut().find(same) {
            Some((.., positions)) => positions.push(*position),
            None => groups.push((*outcome, *note, vec![*position])),
        }
    }
    let outcome_of = |(outcome, note, mut positions): (Outcome, Note<'a>, Vec<u32>)| {
        // The halves of a batch may have come in any order.
        positions.sort_unstable();
        OutcomeOf {
            outcome: outcome.name().into(),
            positions: positions.into_iter().collect::<Ranges>(),
            code: note.code.map(Cow::from),
            message: note.message.map(Cow::from),
            permanent: note.permanent,
        }
    };
    groups.into_iter().map(outcome_of).collect()
}

/// What tells a plan from others: each id with its device and user, in order.
fn hash(owner: &Owner<'_>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut text = |text: &str| {
        context.update(text.as_bytes());
        context.update(b"\0");
    };
    for section in owner.plan.sections() {
        for position in section.positions {
            text(section.user.unwrap_or(owner.default_user));
            text(section.device);
            text(owner.plan.id(position as u32));
        }
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
