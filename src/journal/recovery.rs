//! Reads a journal: which ids are settled, and which may have been sent.

use super::Owner;
use super::line::{self, BatchResult, Header, Intent, OutcomeOf, Tried};
use super::ranges::Ranges;
use crate::report::Outcome;

/// What a journal says of a plan's ids.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Ids with a final outcome, as groups that share it.
    pub(crate) settled: Vec<Settled>,
    /// Of each position whether the id has a final outcome.
    pub(crate) is_settled: Vec<bool>,
    /// Of each position whether an earlier run may have deleted the id.
    pub(crate) is_tried: Vec<bool>,
    /// The first number that no batch has.
    pub(super) next_batch: u64,
    /// How much of the file is whole; 0: it has to be begun.
    pub(super) length: u64,
}

/// Ids that share a final outcome.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    pub(crate) positions: Vec<u32>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

/// Reads all lines up to the first that is damaged. An error says why the journal is not to be used.
pub(super) fn read(content: &[u8], owner: &Owner<'_>, hash: &str) -> Result<Recovered, String> {
    let mut recovered = Recovered::new(owner.plan.scope_count());
    let mut lines = Lines { content, next: 0 };
    let Some(header) = lines.next() else {
        check_tail(content, 0)?;
        return match begins_a_journal(content) {
            true => Ok(recovered),
            false => Err("the file is no journal of koodrive".into()),
        };
    };
    check_header(header, owner, hash)?;
    recovered.length = lines.next as u64;
    while let Some(line) = lines.next() {
        let at = recovered.length;
        let no_line = || format!("it is damaged: the line at byte {at} is none of a journal");
        let event = Event::parse(line).ok_or_else(no_line)?;
        // Who knew more to be safe than stands before it stood behind more.
        if event.durable() > at {
            return Err(format!(
                "it is damaged: something is missing before byte {at}"
            ));
        }
        recovered.take(event).ok_or_else(no_line)?;
        recovered.length = lines.next as u64;
    }
    check_tail(content, recovered.length)?;
    Ok(recovered)
}

/// No header is longer.
const LONGEST_HEADER: usize = 1_024;

/// Whether this may be what a crash left of a header: a part of it, or one with holes. What it is not stays
/// as it is: it is somebody's file.
fn begins_a_journal(content: &[u8]) -> bool {
    let may_be_header = |byte: &u8| matches!(byte, 0 | b'\n' | b' '..=b'~');
    if content.len() > LONGEST_HEADER || !content.iter().all(may_be_header) {
        return false;
    }
    let beginning = br#"{"koodrive_journal":"#;
    let common = content.len().min(beginning.len());
    let has_holes = content.contains(&0);
    let begins = content[..common] == beginning[..common] || content.starts_with(b"\0");
    begins && (has_holes || !content.contains(&b'\n'))
}

fn check_header(line: &[u8], owner: &Owner<'_>, hash: &str) -> Result<(), String> {
    let no_journal = "the file is no journal of koodrive";
    let text = std::str::from_utf8(line).map_err(|_| no_journal)?;
    let header: Header<'_> = serde_json::from_str(text).map_err(|_| no_journal)?;
    if header.koodrive_journal > line::VERSION {
        return Err(format!(
            "it is of a newer format ({}; this library reads up to {})",
            header.koodrive_journal,
            line::VERSION
        ));
    }
    if header.endpoint != owner.endpoint {
        let (its, ours) = (header.endpoint, owner.endpoint);
        return Err(format!("it is of another endpoint: {its}, not {ours}"));
    }
    if header.plan != hash {
        let (its, ours) = (header.ids, owner.plan.scope_count());
        return Err(format!(
            "it is of another plan: of {its} ids; this one holds {ours}, or others, or of another user or \
             device, or in another order"
        ));
    }
    Ok(())
}

/// Behind the whole lines there may be what a crash left of others, which were never relied on. But if one
/// of those knew that what is damaged was safe, it is damage of another kind.
fn check_tail(content: &[u8], whole: u64) -> Result<(), String> {
    let tail = &content[whole as usize..];
    let knows_better = |line: &[u8]| {
        line::is_intact(line) && Event::parse(line).is_some_and(|event| event.durable() > whole)
    };
    match tail.split(|byte| *byte == b'\n').any(knows_better) {
        true => Err(format!("it is damaged at byte {whole}")),
        false => Ok(()),
    }
}

/// What a line behind the header says.
enum Event<'a> {
    Intent(Intent<'a>),
    Tried(Tried<'a>),
    Result(BatchResult<'a>),
}

impl<'a> Event<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        if line.starts_with(line::INTENT) {
            serde_json::from_str(text).ok().map(Self::Intent)
        } else if line.starts_with(line::TRIED) {
            serde_json::from_str(text).ok().map(Self::Tried)
        } else {
            serde_json::from_str(text).ok().map(Self::Result)
        }
    }

    /// How much of the file was safe when it was written.
    fn durable(&self) -> u64 {
        match self {
            Self::Intent(intent) => intent.durable,
            Self::Tried(tried) => tried.durable,
            Self::Result(result) => result.durable,
        }
    }
}

impl Recovered {
    /// Of a journal that says nothing yet.
    fn new(count: usize) -> Self {
        Self {
            settled: Vec::new(),
            is_settled: vec![false; count],
            is_tried: vec![false; count],
            next_batch: 0,
            length: 0,
        }
    }

    /// None if the event can't be one of this journal.
    fn take(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Intent(intent) => {
                self.count_batch(intent.batch);
                self.mark_tried(&intent.positions)
            }
            Event::Tried(tried) => self.mark_tried(&tried.positions),
            Event::Result(result) => {
                self.count_batch(result.batch);
                let mut outcomes = result.outcomes.into_iter();
                outcomes.try_for_each(|outcome| self.take_outcome(outcome))
            }
        }
    }

    fn mark_tried(&mut self, ranges: &Ranges) -> Option<()> {
        if !ranges.fit(self.is_tried.len()) {
            return None;
        }
        for position in ranges.positions() {
            self.is_tried[position as usize] = true;
        }
        Some(())
    }

    fn count_batch(&mut self, batch: u64) {
        self.next_batch = self.next_batch.max(batch.saturating_add(1));
    }

    fn take_outcome(&mut self, of: OutcomeOf<'_>) -> Option<()> {
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == of.outcome)?;
        if !of.positions.fit(self.is_tried.len()) {
            return None;
        }
        let mut settled = Vec::new();
        for position in of.positions.positions() {
            let index = position as usize;
            if !outcome.is_final(of.permanent) {
                self.is_tried[index] &= outcome == Outcome::Unknown;
            } else if !std::mem::replace(&mut self.is_settled[index], true) {
                settled.push(position);
            }
        }
        if !settled.is_empty() {
            self.settled.push(Settled {
                outcome,
                positions: settled,
                code: of.code.map(Into::into),
                message: of.message.map(Into::into),
            });
        }
        Some(())
    }
}

/// The intact lines from the beginning on, without their ends.
struct Lines<'a> {
    content: &'a [u8],
    next: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.content[self.next..];
        let line = &rest[..memchr::memchr(b'\n', rest)?];
        if !line::is_intact(line) {
            return None;
        }
        self.next += line.len() + 1;
        Some(line)
    }
}
