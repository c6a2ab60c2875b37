//! The bytes of a connection. Sits between the HTTP server and its socket, to do what HTTP can't: cut
//! an answer short, let it drip, reset the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// How an answer goes out.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    Whole,
    /// So many bytes, then the connection is closed.
    Cut(usize),
    /// One byte at a time.
    Drip(Duration),
}

/// What the server knows and commands of a connection's wire.
pub(crate) struct Line {
    amid_request: AtomicBool,
    reset: AtomicBool,
    pace: Mutex<Pace>,
}

impl Line {
    pub fn new() -> Self {
        Self {
            amid_request: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            pace: Mutex::new(Pace::Whole),
        }
    }

    /// Whether bytes have come in since the last request was whole.
    pub fn is_amid_request(&self) -> bool {
        self.amid_request.load(Relaxed)
    }

    pub fn request_is_whole(&self) {
        self.amid_request.store(false, Relaxed);
    }

    /// The connection's end, when it comes, is a reset.
    pub fn end_with_reset(&self) {
        self.reset.store(true, Relaxed);
    }

    pub fn set_pace(&self, pace: Pace) {
        *self.lock_pace() = pace;
    }

    fn lock_pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().expect("no holder of the pace panics")
    }
}

/// A TCP connection, with or without TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(crate) struct Wire<S: Socket> {
    socket: S,
    line: Arc<Line>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S: Socket> Wire<S> {
    pub fn new(socket: S, line: Arc<Line>) -> Self {
        Self {
            socket,
            line,
            pause: None,
        }
    }

    fn write_cut(&mut self, left: usize, context: &mut Context, bytes: &[u8]) -> Written {
        let socket = Pin::new(&mut self.socket);
        if left == 0 {
            ready!(socket.poll_flush(context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = ready!(socket.poll_write(context, &bytes[..bytes.len().min(left)]))?;
        self.line.set_pace(Pace::Cut(left - written));
        Poll::Ready(Ok(written))
    }

    fn write_drip(&mut self, interval: Duration, context: &mut Context, bytes: &[u8]) -> Written {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let byte = &bytes[..bytes.len().min(1)];
        let written = ready!(Pin::new(&mut self.socket).poll_write(context, byte))?;
        self.pause = Some(Box::pin(sleep(interval)));
        Poll::Ready(Ok(written))
    }
}

type Written = Poll<io::Result<usize>>;

impl<S: Socket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.line.amid_request.store(true, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Written {
        let pace = *self.line.lock_pace();
        match pace {
            Pace::Whole => Pin::new(&mut self.socket).poll_write(context, bytes),
            Pace::Cut(left) => self.write_cut(left, context, bytes),
            Pace::Drip(interval) => self.write_drip(interval, context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        slices: &[IoSlice],
    ) -> Written {
        let pace = *self.line.lock_pace();
        if let Pace::Whole = pace {
            return Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        }
        let mut slices = slices.iter().filter(|slice| !slice.is_empty());
        let first = slices.next().map_or(&[][..], |slice| slice);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl<S: Socket> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.line.reset.load(Relaxed) {
            // It can only fail on a connection that has ended already.
            let _ = self.socket.tcp().set_zero_linger();
        }
    }
}
