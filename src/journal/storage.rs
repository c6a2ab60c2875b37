//! Where a journal's bytes are kept: a file, or what a simulation puts in its place.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::platform::ExclusiveFile;

/// A file that one run at a time appends to.
pub trait Storage: Send + Sync {
    /// What messages call it.
    fn name(&self) -> &str;

    /// All that it holds.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Drops what stands behind the first `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Adds bytes at the end. After an error nobody knows how many of them are there.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all `length` bytes are safe, also from a loss of power.
    fn sync(&self, length: u64) -> io::Result<()>;
}

/// A file, locked for this run.
#[derive(Debug)]
pub struct JournalFile {
    file: ExclusiveFile,
    name: String,
}

impl JournalFile {
    /// Opens a file, or makes one that on Unix only its owner may read (0600). It is this run's alone
    /// until it is dropped. An error says what is wrong with the path.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = ExclusiveFile::open(path)?;
        let name = path.display().to_string();
        Ok(Self { file, name })
    }
}

impl Storage for JournalFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file: &File = &self.file;
        let mut content = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut content)?;
        Ok(content)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn sync(&self, length: u64) -> io::Result<()> {
        self.file.sync_data()?;
        match self.file.has_name()? && self.file.metadata()?.len() >= length {
            true => Ok(()),
            false => Err(io::Error::other(
                "the file was deleted or cut during the run",
            )),
        }
    }
}
