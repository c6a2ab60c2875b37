//! Unix: POSIX, and what Linux has beside it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::time::{ClockId, clock_gettime};
use socket2::Socket;

/// Whether the platform may ask the network whom to trust, and so keep a handshake waiting.
pub(crate) const VERIFIES_ONLINE: bool = cfg!(target_vendor = "apple");

/// A monotonic clock that goes on while the machine sleeps.
pub(crate) fn uptime() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    // Elsewhere this one counts sleep.
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    clock_gettime(CLOCK).map_or(Duration::MAX, Duration::from)
}

/// Runs `start` with all signals blocked, for the threads it starts to inherit: the host's signals
/// are handled on the host's threads.
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    // Miri has none.
    if cfg!(miri) {
        return start();
    }
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = start();
    if let Ok(mask) = before {
        let _ = mask.thread_set_mask();
    }
    result
}

/// The path that C passes; a file's name need not be UTF-8.
pub(crate) fn path(bytes: &[u8]) -> Option<&Path> {
    Some(Path::new(OsStr::from_bytes(bytes)))
}

/// Whether the system has no descriptors, ports or memory left.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    const CODES: [i32; 5] = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOBUFS,
        libc::ENOMEM,
        libc::EADDRNOTAVAIL,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

/// Whether a socket that does not block goes on connecting.
pub(crate) fn is_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::Interrupted
}

/// Waits for at most `patience` until one of the sockets has connected or failed to; what became of
/// each, where anything did.
pub(crate) fn await_connects(
    sockets: &[&Socket],
    patience: Duration,
) -> io::Result<Vec<Option<io::Result<()>>>> {
    let mut polled: Vec<_> = sockets
        .iter()
        .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLOUT))
        .collect();
    let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
    match poll(&mut polled, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let end = |(polled, socket): (&PollFd<'_>, &&Socket)| match polled.any() {
        Some(true) => Some(
            socket
                .take_error()
                .and_then(|error| error.map_or(Ok(()), Err)),
        ),
        _ => None,
    };
    Ok(polled.iter().zip(sockets).map(end).collect())
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Stream(Socket);

impl Stream {
    /// Of a socket that does not block. Each call waits for at most `patience`, and then fails with
    /// `WouldBlock`.
    pub(crate) fn new(socket: Socket, patience: Duration) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(Self(socket))
    }

    /// Sends; how many bytes the kernel took.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_with_flags(bytes, libc::MSG_NOSIGNAL)
    }

    /// Receives; how many bytes, none at the end.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    /// Whether nothing has arrived, neither bytes nor an end. It does not wait.
    pub(crate) fn is_silent(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let peeked = self.0.recv_with_flags(&mut byte, flags);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A file that nobody else has open by this type.
#[derive(Debug)]
pub(crate) struct ExclusiveFile(Flock<File>);

impl ExclusiveFile {
    /// Opens a file, or makes one that only its owner may read (0600). Others may read it. An error
    /// says what is wrong with the path.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
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
        if metadata.len() == 0 {
            sync_parent(path).map_err(|error| format!("its directory: {error}"))?;
        }
        Ok(Self(file))
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file: &File = &self.0;
        file.write_all(bytes)
    }

    /// Whether it has a name by which it will be found again.
    pub(crate) fn has_name(&self) -> io::Result<bool> {
        Ok(self.0.metadata()?.nlink() > 0)
    }
}

impl Deref for ExclusiveFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

/// A file that is lost with its directory's entry would be forgotten.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
