//! Windows: Winsock, and files by their share modes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

/// Whether the platform may ask the network whom to trust, and so keep a handshake waiting.
pub(crate) const VERIFIES_ONLINE: bool = true;

/// A monotonic clock that goes on while the machine sleeps.
pub(crate) fn uptime() -> Duration {
    // Of QueryPerformanceCounter, which counts sleep.
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

/// Runs `start`. No signal finds the threads that it starts.
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// The path that C passes, in UTF-8.
pub(crate) fn path(bytes: &[u8]) -> Option<&Path> {
    str::from_utf8(bytes).ok().map(Path::new)
}

/// Whether the system has no handles, ports, threads or memory left.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    const TOO_MANY_OPEN_FILES: i32 = 4;
    const NOT_ENOUGH_MEMORY: i32 = 8;
    const OUTOFMEMORY: i32 = 14;
    const MAX_THRDS_REACHED: i32 = 164;
    const NO_SYSTEM_RESOURCES: i32 = 1450;
    const COMMITMENT_LIMIT: i32 = 1455;
    const WSAEMFILE: i32 = 10024;
    // What connecting says when no port is left.
    const WSAEADDRINUSE: i32 = 10048;
    const WSAENOBUFS: i32 = 10055;
    const CODES: [i32; 9] = [
        TOO_MANY_OPEN_FILES,
        NOT_ENOUGH_MEMORY,
        OUTOFMEMORY,
        MAX_THRDS_REACHED,
        NO_SYSTEM_RESOURCES,
        COMMITMENT_LIMIT,
        WSAEMFILE,
        WSAEADDRINUSE,
        WSAENOBUFS,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

/// Whether a socket that does not block goes on connecting.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Waits for at most `patience` until one of the sockets has connected or failed to; what became of
/// each, where anything did.
pub(crate) fn await_connects(
    sockets: &[&Socket],
    patience: Duration,
) -> io::Result<Vec<Option<io::Result<()>>>> {
    let polled = |socket| PollFd::new(socket, PollFlags::OUT);
    let mut polled: Vec<_> = sockets.iter().copied().map(polled).collect();
    await_events(&mut polled, patience)?;
    // Before Windows 10 2004 no event tells of a failure.
    let end = |(polled, socket): (&PollFd<'_>, &&Socket)| match socket.take_error() {
        Ok(Some(error)) | Err(error) => Some(Err(error)),
        Ok(None) if polled.revents().is_empty() => None,
        Ok(None) => Some(socket.peer_addr().map(|_| ())),
    };
    Ok(polled.iter().zip(sockets).map(end).collect())
}

/// A connected socket. It does not block: what was sent or received by a call that timed out would
/// not be known.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    patience: Duration,
}

impl Stream {
    /// Of a socket that does not block. Each call waits for at most `patience`, and then fails with
    /// `WouldBlock`.
    pub(crate) fn new(socket: Socket, patience: Duration) -> io::Result<Self> {
        Ok(Self { socket, patience })
    }

    /// Sends; how many bytes the kernel took.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.when(PollFlags::OUT, || self.socket.send(bytes))
    }

    /// Receives; how many bytes, none at the end.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when(PollFlags::IN, || (&self.socket).read(buffer))
    }

    /// Whether nothing has arrived, neither bytes nor an end. It does not wait.
    pub(crate) fn is_silent(&self) -> bool {
        let peeked = self.socket.peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Makes a call, and again after an event if it would have had to wait for that.
    fn when(
        &self,
        event: PollFlags,
        mut call: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                await_events(&mut [PollFd::new(&self.socket, event)], self.patience)?;
                call()
            }
            done => done,
        }
    }
}

fn await_events(polled: &mut [PollFd<'_>], patience: Duration) -> io::Result<()> {
    let timeout = Timespec::try_from(patience).unwrap_or_default();
    poll(polled, Some(&timeout))?;
    Ok(())
}

/// A file that nobody else can write to, delete or rename.
#[derive(Debug)]
pub(crate) struct ExclusiveFile(File);

impl ExclusiveFile {
    /// Opens a file, or makes one that those may read whom its directory lets. Others may read it. An
    /// error says what is wrong with the path.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        const FILE_SHARE_READ: u32 = 1;
        const ERROR_SHARING_VIOLATION: i32 = 32;
        let mut options = OpenOptions::new();
        // Not `append`, which does not allow to cut it. Its directory needs no sync: the file system
        // logs the file's creation before what is synced later.
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.share_mode(FILE_SHARE_READ).open(path);
        let file = opened.map_err(|error| match error.raw_os_error() {
            Some(ERROR_SHARING_VIOLATION) => "is in use by another run or program".to_owned(),
            _ if path.is_dir() => "is a directory".to_owned(),
            _ => error.to_string(),
        })?;
        // Devices and pipes have no metadata.
        match file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            true => Ok(Self(file)),
            false => Err("is no regular file".into()),
        }
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.0;
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)
    }

    /// Whether it has a name by which it will be found again: nobody can take it.
    pub(crate) fn has_name(&self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Deref for ExclusiveFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}
