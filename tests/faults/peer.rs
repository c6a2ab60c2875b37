//! A server on loopback that does with each connection what a script says, and remembers what
//! reached it. The sandbox keeps to HTTP's rules; a peer need not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

use crate::identity;

/// Longer than anything here takes, so that a broken test fails and does not hang.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Something that happens once, for another thread to wait for.
#[derive(Clone, Default)]
pub struct Signal(Arc<(Mutex<bool>, Condvar)>);

impl Signal {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&self) {
        *self.0.0.lock().expect("no panic with the lock") = true;
        self.0.1.notify_all();
    }

    pub fn wait(&self) {
        let happened = self.0.0.lock().expect("no panic with the lock");
        let waited = self
            .0
            .1
            .wait_timeout_while(happened, PATIENCE, |happened| !*happened);
        let happened = *waited.expect("no panic with the lock").0;
        assert!(happened, "it did not happen");
    }
}

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Plain,
    Tls,
}

impl Over {
    pub const BOTH: [Self; 2] = [Self::Plain, Self::Tls];
}

/// A running peer. Dropping it closes its port.
pub struct Peer {
    pub address: SocketAddr,
    over: Over,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

type Script = dyn Fn(Visit) + Send + Sync;

struct Shared {
    stopping: AtomicBool,
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Default)]
struct Log {
    visits: usize,
    visits_under_way: usize,
    requests: Vec<Request>,
}

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
    pub arrived: Instant,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Peer {
    /// Listens; `script` is called for each connection, on a thread of its own.
    pub fn start(over: Over, script: impl Fn(Visit) + Send + Sync + 'static) -> Self {
        Self::listen(ordinary_socket(), over, identity::server(), script)
    }

    /// As `start`, with a receive buffer and segments so small that the kernels together hold far
    /// less than a large request: the sender blocks until the script reads.
    pub fn start_narrow(over: Over, script: impl Fn(Visit) + Send + Sync + 'static) -> Self {
        let socket = ordinary_socket();
        socket.set_recv_buffer_size(1).expect("a small buffer");
        // The kernel sizes the sender's buffer by the segments, of which smaller ones waste more.
        // Windows lets nobody choose them.
        #[cfg(unix)]
        socket.set_tcp_mss(380).expect("small segments");
        Self::listen(socket, over, identity::server(), script)
    }

    /// As `start` over TLS, with a certificate of its own.
    pub fn start_as(
        identity: Arc<ServerConfig>,
        script: impl Fn(Visit) + Send + Sync + 'static,
    ) -> Self {
        Self::listen(ordinary_socket(), Over::Tls, identity, script)
    }

    fn listen(
        socket: Socket,
        over: Over,
        identity: Arc<ServerConfig>,
        script: impl Fn(Visit) + Send + Sync + 'static,
    ) -> Self {
        socket.listen(128).expect("a listener");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            log: Mutex::default(),
            changed: Condvar::new(),
        });
        let for_acceptor = Arc::clone(&shared);
        let script: Arc<Script> = Arc::new(script);
        let acceptor = thread::spawn(move || {
            let mut index = 0;
            while let Ok((socket, _)) = listener.accept() {
                if for_acceptor.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let visit = Visit::new(index, socket, over, &identity, &for_acceptor);
                index += 1;
                let script = Arc::clone(&script);
                thread::spawn(move || script(visit));
            }
        });
        Self {
            address,
            over,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// The endpoint for a client.
    pub fn url(&self) -> String {
        match self.over {
            Over::Plain => format!("http://{}", self.address),
            Over::Tls => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// How many connections were accepted.
    pub fn visits(&self) -> usize {
        self.shared.log().visits
    }

    /// The requests that arrived whole, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().requests.clone()
    }

    /// Waits until every script has ended; the clients must be gone by then.
    pub fn settle(&self) {
        let log = self.shared.log();
        let busy = |log: &mut Log| log.visits_under_way > 0;
        let waited = self.shared.changed.wait_timeout_while(log, PATIENCE, busy);
        let (log, timeout) = waited.expect("no script panicked with the log");
        drop(log);
        assert!(!timeout.timed_out(), "a script did not end");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn ordinary_socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any_port.into()).expect("a port");
    socket
}

/// One connection, in a script's hands. Errors of sending are left unseen: the client may be gone.
pub struct Visit {
    /// The number of the connection, from 0.
    pub index: usize,
    wire: Option<Wire>,
    shared: Arc<Shared>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Visit {
    fn new(
        index: usize,
        socket: TcpStream,
        over: Over,
        identity: &Arc<ServerConfig>,
        shared: &Arc<Shared>,
    ) -> Self {
        let _ = socket.set_read_timeout(Some(PATIENCE));
        let _ = socket.set_write_timeout(Some(PATIENCE));
        let _ = socket.set_nodelay(true);
        let wire = match over {
            Over::Plain => Wire::Plain(socket),
            Over::Tls => {
                let session = ServerConnection::new(Arc::clone(identity)).expect("a TLS session");
                Wire::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        };
        let mut log = shared.log();
        log.visits += 1;
        log.visits_under_way += 1;
        drop(log);
        Self {
            index,
            wire: Some(wire),
            shared: Arc::clone(shared),
        }
    }

    /// The next request; none if the connection ends before its last byte.
    pub fn request(&mut self) -> Option<Request> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.byte()?);
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        let mut request = Request {
            head,
            body: Vec::new(),
            arrived: Instant::now(),
        };
        let length = request.header("content-length").map_or("0", |text| text);
        let length = length.parse().expect("a length");
        request.body = vec![0; length];
        self.wire().read_exact(&mut request.body).ok()?;
        request.arrived = Instant::now();
        self.shared.log().requests.push(request.clone());
        Some(request)
    }

    /// Waits for the request to begin, and leaves its bytes where they are.
    pub fn begin(&mut self) {
        if let Wire::Tls(stream) = self.wire() {
            while stream.conn.is_handshaking() && stream.conn.complete_io(&mut stream.sock).is_ok()
            {
            }
        }
        let _ = self.socket().peek(&mut [0]);
    }

    /// One byte; none at the connection's end.
    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.wire().read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    /// Sends bytes; whether the kernel took them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let wire = self.wire();
        wire.write_all(bytes.as_ref())
            .and_then(|()| wire.flush())
            .is_ok()
    }

    /// Sends bytes together with the handshake, before the client's first byte after it. Without TLS
    /// there is no handshake to wait for.
    pub fn speak_first(&mut self, bytes: impl AsRef<[u8]>) {
        let Wire::Tls(stream) = self.wire() else {
            self.send(bytes);
            return;
        };
        let (session, socket) = (&mut stream.conn, &mut stream.sock);
        while !session.wants_write() && session.read_tls(socket).is_ok_and(|read| read > 0) {
            let _ = session.process_new_packets();
        }
        let _ = session.writer().write_all(bytes.as_ref());
        let _ = socket.write_all(&records_of(session));
    }

    /// Sends bytes one at a time.
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>, interval: Duration) {
        for byte in bytes.as_ref() {
            if !self.send([*byte]) {
                return;
            }
            thread::sleep(interval);
        }
    }

    /// Sends pieces of `bytes` for as long as the client takes them, up to `limit`; how many it took.
    pub fn flood(&mut self, bytes: &[u8], limit: usize) -> usize {
        let mut sent = 0;
        while sent < limit && self.send(bytes) {
            sent += bytes.len();
        }
        sent
    }

    /// Ends the connection as it should be: with close_notify over TLS, then FIN.
    pub fn close(mut self) {
        self.say_goodbye();
        self.cut();
    }

    /// Sends close_notify and leaves the socket open.
    pub fn say_goodbye(&mut self) {
        self.send_with_goodbye([]);
    }

    /// Sends bytes and close_notify at once, and leaves the socket open.
    pub fn send_with_goodbye(&mut self, bytes: impl AsRef<[u8]>) {
        if let Wire::Tls(stream) = self.wire() {
            let _ = stream.conn.writer().write_all(bytes.as_ref());
            stream.conn.send_close_notify();
            let _ = stream.sock.write_all(&records_of(&mut stream.conn));
        }
    }

    /// Ends the connection with FIN and no word of TLS.
    pub fn cut(self) {
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    /// Ends the connection with RST.
    pub fn reset(self) {
        let _ = SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
    }

    /// Reads until the client ends the connection.
    pub fn await_end(&mut self) {
        let _ = io::copy(self.wire(), &mut io::sink());
    }

    /// Lets the kernel take much, where the listener's buffer was small.
    pub fn widen(&self) {
        let _ = SockRef::from(self.socket()).set_recv_buffer_size(1 << 20);
    }

    /// The socket below TLS.
    pub fn socket(&self) -> &TcpStream {
        match self.wire.as_ref().expect("until it is dropped") {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("until it is dropped")
    }
}

/// What a session has to send.
fn records_of(session: &mut ServerConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while session.wants_write() {
        let _ = session.write_tls(&mut records);
    }
    records
}

impl Drop for Visit {
    fn drop(&mut self) {
        // The socket is closed before the visit counts as over.
        self.wire = None;
        self.shared.log().visits_under_way -= 1;
        self.shared.changed.notify_all();
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
