//! Where a journal's bytes are kept: a file, or what a simulation puts in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

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
    file: Flock<File>,
    name: String,
}

impl JournalFile {
    /// Opens a file, or makes one that only its owner may read (0600). It is locked until it is dropped. An
    /// error says what is wrong with the path.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        // A pipe does not make the call wait.
        options.custom_flags(libc::O_NONBLOCK);
        let file = options.open(path).map_err(|error| error.to_string())?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("is no regular file".into());
        }
        let file =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, why)| match why {
                Errno::EWOULDBLOCK => "is in use by another run".to_owned(),
                why => why.desc().to_owned(),
            })?;
        // A file that is lost with its directory's entry would be forgotten.
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        if metadata.len() == 0 {
            let directory = File::open(parent.unwrap_or(Path::new(".")));
            let synced = directory.and_then(|directory| directory.sync_all());
            synced.map_err(|error| format!("its directory: {error}"))?;
        }
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
        let mut file: &File = &self.file;
        file.write_all(bytes)
    }

    fn sync(&self, length: u64) -> io::Result<()> {
        self.file.sync_data()?;
        let metadata = self.file.metadata()?;
        match metadata.nlink() > 0 && metadata.len() >= length {
            true => Ok(()),
            false => Err(io::Error::other(
                "the file was deleted or cut during the run",
            )),
        }
    }
}
