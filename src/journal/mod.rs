//! A journal of a run: what may be sent is on the disk before it is sent, and what came back is written
//! down. So a run that ended in any way, also by kill or power loss, can be taken up.
//!
//! `FORMAT.md`, beside this file, describes the format for people.

mod ahead;
mod line;
mod owner;
mod ranges;
mod recovery;
mod storage;

use std::borrow::Cow;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::plan::Plan;
use crate::report::{Note, Outcome};
use crate::sync::lock;
use crate::system::{Gate, Passage, System};
use ahead::Ahead;
use line::{BatchResult, Header, Intent, OutcomeOf, Tried};
pub(crate) use owner::Owner;
use ranges::Ranges;
pub(crate) use recovery::{Recovered, Settled};
pub use storage::{JournalFile, Storage};

/// The journal of one run.
pub(crate) struct Journal {
    storage: Box<dyn Storage>,
    /// One worker at a time writes intents and waits for the disk.
    gate: Gate,
    /// How many of the run's batches may be sent.
    intended: AtomicUsize,
    ahead: Mutex<Ahead>,
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
pub(crate) struct JournalEntry<'a> {
    pub(crate) batch: usize,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) outcomes: Vec<SharedOutcome<'a>>,
}

/// An outcome that ids share, with what was said of them.
pub(crate) struct SharedOutcome<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) note: Note<'a>,
    pub(crate) positions: Vec<u32>,
}

impl Journal {
    /// Begins a journal, or takes up the one that is there; with what that says. An error changes nothing
    /// and says why the journal can't be used.
    pub(crate) fn open(
        storage: Box<dyn Storage>,
        owner: &Owner<'_>,
        system: &dyn System,
    ) -> Result<(Self, Recovered), Error> {
        let name = storage.name().to_owned();
        let unusable = |why: String| Error::invalid(format!("journal: {name}: {why}"));
        let content = storage
            .read()
            .map_err(|error| unusable(format!("can't be read: {error}")))?;
        let hash = owner.plan_hash();
        let recovered = recovery::read(&content, owner, &hash).map_err(unusable)?;
        let journal = Self {
            storage,
            gate: Gate::default(),
            intended: AtomicUsize::new(0),
            ahead: Mutex::default(),
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
        journal.write_tried(owner.plan, &recovered, system);
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

    /// What the plan knows and the journal does not.
    fn write_tried(&self, plan: &Plan, recovered: &Recovered, system: &dyn System) {
        let is_new = |position: &u32| {
            let index = *position as usize;
            plan.is_tried(index) && !recovered.is_tried[index] && !recovered.is_settled[index]
        };
        let positions: Vec<_> = (0..plan.scope_count() as u32).filter(is_new).collect();
        if positions.is_empty() {
            return;
        }
        let tried = Tried {
            time: line::timestamp(system.wall_clock()).into(),
            durable: self.durable.load(Ordering::Relaxed),
            positions: positions.into_iter().collect(),
        };
        let mut text = Vec::new();
        let written = line::write(line::TRIED, &tried, &mut text);
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
        let now = system.now();
        let ahead = lock(&self.ahead).next(connections, now);
        while next < (index + 1).max(first + ahead)
            && let Some(batch) = batch(next)
        {
            let intent = Intent {
                batch: self.first_batch + next as u64,
                time: time.as_str().into(),
                durable: self.durable.load(Ordering::Relaxed),
                user: batch.user.into(),
                device: batch.device.into(),
                positions: batch.positions.iter().copied().collect(),
            };
            if let Err(error) = line::write_intent(&intent, &batch.ids, &mut text) {
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
            outcomes: entry.outcomes.iter().map(outcome_of).collect(),
        };
        let mut text = Vec::with_capacity(1_024);
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
        lock(&self.end)
    }
}

fn unwritable(error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Journal,
        format!("journal: can't be written, so that nothing more was sent: {error}"),
    )
}

/// An outcome as it is written down.
fn outcome_of<'a>(shared: &SharedOutcome<'a>) -> OutcomeOf<'a> {
    // The halves of a batch may have come in any order.
    let mut positions = shared.positions.clone();
    positions.sort_unstable();
    OutcomeOf {
        outcome: shared.outcome.name().into(),
        positions: positions.into_iter().collect::<Ranges>(),
        code: shared.note.code.map(Cow::from),
        message: shared.note.message.map(Cow::from),
        permanent: shared.note.permanent,
    }
}
