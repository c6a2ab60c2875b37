//! Connections that never come about: nothing was sent, and the connect timeout bounds the wait.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;
use socket2::{Domain, Socket, Type};

use crate::client::{SLACK, config_for, delete, with_attempts};

/// A port where nobody listens, and nobody else will while it is held.
pub struct Refusing(Socket);

impl Refusing {
    pub fn new(address: [u8; 4]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from((address, 0));
        socket.bind(&any_port.into()).expect("a port");
        Self(socket)
    }

    pub fn port(&self) -> u16 {
        port(&self.0)
    }
}

/// A listener whose backlog is full: what is sent to it is dropped, as in a black hole.
pub struct BlackHole {
    listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl BlackHole {
    pub fn new() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub fn at(address: SocketAddr) -> Self {
        let listener =
            Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        listener.bind(&address.into()).expect("a port");
        listener.listen(0).expect("a listener");
        let address = address_of(&listener);
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "a backlog that can't be filled");
        }
        Self {
            listener,
            _waiting: waiting,
        }
    }

    pub fn port(&self) -> u16 {
        port(&self.listener)
    }
}

fn address_of(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().expect("an address");
    address.as_socket().expect("an IP address")
}

fn port(socket: &Socket) -> u16 {
    address_of(socket).port()
}

#[test]
fn refused() {
    let refusing = Refusing::new([127, 0, 0, 1]);
    for url in ["http://127.0.0.1", "http://localhost", "https://localhost"] {
        let config = with_attempts(config_for(&format!("{url}:{}", refusing.port())), 2);
        let run = delete(&config, &["1"]);
        run.expect_in(url, Outcome::NotSent, ErrorKind::Unreachable);
        assert!(run.message().contains("refused"), "{run:?}");
        assert_eq!(run.report.request_count(), 0);
        assert!(run.elapsed < SLACK, "{run:?}");
    }
}

#[test]
fn full_backlog() {
    let hole = BlackHole::new();
    let limit = Duration::from_millis(700);
    for scheme in ["http", "https"] {
        let mut config = config_for(&format!("{scheme}://localhost:{}", hole.port()));
        config.set_connect_timeout_ms(700).expect("a number");
        let run = delete(&config, &["1"]);
        run.expect(Outcome::NotSent, ErrorKind::Unreachable);
        run.expect_time(limit);
        assert!(run.message().contains("connect timeout"), "{run:?}");
        assert_eq!(run.report.request_count(), 0);
    }
}

/// A label of 64 characters fails in the resolver, before any server is asked.
#[test]
fn a_look_up_that_fails() {
    let mut config = with_attempts(config_for("https://localhost:9"), 2);
    let url = format!("http://{}:9", "x".repeat(64));
    config.set_proxy(&url).expect("a proxy");
    let run = delete(&config, &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.message().contains("look up"), "{run:?}");
    assert_eq!(run.report.request_count(), 0);
}
