//! A TCP socket as ureq's connectors see it, which keeps to an absolute deadline and knows how far
//! a request got. TLS and proxy tunnels stand above it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use crate::context::CallContext;
use crate::failure::FailureKind;
use crate::platform::Stream;
use crate::sync::lock;

/// Holds a whole request of 100 ids of common length, so that it leaves in one send.
pub(super) const BUFFER_BYTES: usize = 16 * 1024;

/// For whoever waits: the socket keeps the deadline itself.
pub(super) fn no_timeout() -> NextTimeout {
    NextTimeout::default()
}

/// For whoever takes only what has arrived; where nothing has, the error is `WouldBlock`.
pub(super) fn no_waiting() -> NextTimeout {
    NextTimeout {
        after: Duration::from_secs(0),
        ..NextTimeout::default()
    }
}

/// An error of a wire in words.
pub(super) fn describe(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// What the owner of a connection and the socket at its bottom share.
#[derive(Debug)]
pub(super) struct IoState(Mutex<SharedState>);

#[derive(Debug)]
struct SharedState {
    context: CallContext,
    /// Why the kernel stopped taking bytes, if it did.
    cut: Option<io::ErrorKind>,
}

impl IoState {
    pub(super) fn new(context: CallContext) -> Arc<Self> {
        Arc::new(Self(Mutex::new(SharedState { context, cut: None })))
    }

    /// The context for what follows.
    pub(super) fn set_context(&self, context: &CallContext) {
        self.lock().context = context.clone();
    }

    /// Whether the kernel did not take every byte.
    pub(super) fn write_failed(&self) -> bool {
        self.lock().cut.is_some()
    }

    fn cut(&self, kind: io::ErrorKind) {
        self.lock().cut = Some(kind);
    }

    fn check(&self) -> io::Result<()> {
        let context = self.lock().context.clone();
        match context.exhausted() {
            None => Ok(()),
            // Not `Interrupted`: TLS would try again.
            Some(FailureKind::Cancelled) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        lock(&self.0)
    }
}

/// The socket. Its calls wait for at most a tick, so that a blocked one looks up often.
#[derive(Debug)]
pub(super) struct SocketTransport {
    stream: Stream,
    buffers: LazyBuffers,
    line: Arc<IoState>,
}

impl SocketTransport {
    pub(super) fn new(stream: Stream, line: Arc<IoState>) -> Self {
        Self {
            stream,
            buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES),
            line,
        }
    }

    fn send_all(&mut self, amount: usize) -> io::Result<()> {
        let mut rest = &self.buffers.output()[..amount];
        while !rest.is_empty() {
            match self.stream.send(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(error) if is_wake_up(&error) => self.line.check()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        loop {
            self.line.check()?;
            match self.stream.receive(self.buffers.input_append_buf()) {
                Err(error) if is_wake_up(&error) => {}
                result => return result,
            }
        }
    }

    /// Receives what has arrived.
    fn receive_arrived(&mut self) -> io::Result<usize> {
        match self.stream.is_silent() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.stream.receive(self.buffers.input_append_buf()),
        }
    }
}

/// A signal came, or the tick is over.
fn is_wake_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// A failure to send is noted and not reported, and nothing is sent after it: an early response
    /// may still be there to read, and it says more than the broken pipe.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        if self.line.write_failed() {
            return Ok(());
        }
        match self.send_all(amount) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.line.cut(error.kind());
                match error.kind() {
                    io::ErrorKind::TimedOut | io::ErrorKind::ConnectionAborted => Err(error.into()),
                    _ => Ok(()),
                }
            }
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let received = match timeout.after.is_zero() {
            true => self.receive_arrived()?,
            false => self.receive()?,
        };
        self.buffers.input_appended(received);
        Ok(received > 0)
    }

    /// Open and silent: bytes that nobody asked for make it as useless as an end.
    fn is_open(&mut self) -> bool {
        self.buffers.input().is_empty() && !self.line.write_failed() && self.stream.is_silent()
    }
}
