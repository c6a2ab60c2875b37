//! A disk that forgets what was not flushed, and fails.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use koodrive::journal::Storage;

use crate::mutants::Mutant;
use crate::network::Sim;

/// What a loss of power takes or leaves as a whole.
const SECTOR: usize = 64;

/// One file on it, as a process sees it. Clones are the same file.
#[derive(Clone)]
pub struct Disk {
    sim: Arc<Sim>,
    file: Arc<Mutex<File>>,
}

#[derive(Default)]
struct File {
    content: Vec<u8>,
    /// What is safe.
    flushed: usize,
    /// Of 256 calls, how many fail.
    failure_rate: u8,
    has_failed: bool,
    /// The process is dead: what it would still do has no effect.
    is_dead: bool,
}

impl Disk {
    pub fn new(sim: &Arc<Sim>, failure_rate: u8) -> Self {
        Self {
            sim: Arc::clone(sim),
            file: Arc::new(Mutex::new(File {
                failure_rate,
                ..File::default()
            })),
        }
    }

    pub fn kill(&self) {
        self.file().is_dead = true;
    }

    /// What was not flushed is there or not, sector by sector, and the file may end anywhere behind what was.
    pub fn lose_power(&self) {
        let mut file = self.file();
        let flushed = file.flushed;
        let length = file.content.len();
        self.sim.world.random(|random| {
            file.content.truncate(random.usize(flushed..=length));
            let mut at = flushed;
            while at < file.content.len() {
                let end = file.content.len().min((at / SECTOR + 1) * SECTOR);
                if random.bool() {
                    file.content[at..end].fill(0);
                }
                at = end;
            }
        });
        file.flushed = file.content.len();
    }

    /// A new process opens it.
    pub fn reopen(&self, failure_rate: u8) {
        let mut file = self.file();
        file.is_dead = false;
        file.failure_rate = failure_rate;
        file.has_failed = false;
    }

    /// Whether a call failed since it was opened.
    pub fn has_failed(&self) -> bool {
        self.file().has_failed
    }

    /// Whether it is safe that this id may be sent.
    pub fn has_intent(&self, id: &str) -> bool {
        let file = self.file();
        let text = format!("\"{id}\"");
        memchr::memmem::find(&file.content[..file.flushed], text.as_bytes()).is_some()
    }

    fn fails(&self) -> bool {
        let rate = self.file().failure_rate;
        let fails = rate > 0 && self.sim.world.random(|random| random.u8(..) < rate);
        self.file().has_failed |= fails;
        fails
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().expect("no panic")
    }
}

impl Storage for Disk {
    fn name(&self) -> &str {
        "simulated"
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.file().content.clone())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut file = self.file();
        if !file.is_dead {
            file.content.truncate(length as usize);
            file.flushed = file.flushed.min(length as usize);
        }
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let fails = self.fails();
        let forgets = self.sim.stage().mutant == Some(Mutant::OutcomesAreNotWrittenDown);
        let mut file = self.file();
        if file.is_dead || forgets && bytes.starts_with(b"{\"event\":\"result\"") {
            return Ok(());
        }
        if fails {
            let part = self.sim.world.random(|random| random.usize(..=bytes.len()));
            file.content.extend_from_slice(&bytes[..part]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.content.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, _: u64) -> io::Result<()> {
        let written = self.file().content.len();
        self.sim.world.step("sync");
        let took = self.sim.world.random(|random| random.u64(0..5_000));
        let until = self.sim.world.now() + Duration::from_micros(took);
        self.sim.world.wait(until, &|| false);
        if self.fails() {
            return Err(io::Error::other("simulated: not flushed"));
        }
        let lies = self.sim.stage().mutant == Some(Mutant::SentBeforeItIsSafe);
        let mut file = self.file();
        if !file.is_dead && !lies {
            file.flushed = file.flushed.max(written.min(file.content.len()));
        }
        Ok(())
    }
}
