//! From addresses to a connected socket. Addresses are tried in the resolver's order, a slow one
//! beside the next (after RFC 8305, "Happy Eyeballs"), and the first to connect wins.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::of_system;
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::platform::{self, Stream};
use crate::system::TICK;

/// How long an address may take before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that accepts; or says why none did.
pub(super) fn dial(addresses: &[SocketAddr], context: &CallContext) -> Result<Stream, Failure> {
    let mut race = Race {
        untried: addresses.iter(),
        under_way: Vec::new(),
        next_start: Instant::now(),
        last_failure: Failure::unsent(FailureKind::Unreachable, "no address".to_owned()),
    };
    loop {
        if context.exhausted().is_some() {
            return Err(race.gave_up());
        }
        if let Some(socket) = race.start_next() {
            return prepare(socket);
        }
        if race.is_lost() {
            return Err(race.last_failure);
        }
        if let Some(socket) = race.await_one().map_err(|error| lost(&error))? {
            return prepare(socket);
        }
    }
}

struct Race<'a> {
    untried: std::slice::Iter<'a, SocketAddr>,
    under_way: Vec<(SocketAddr, Socket)>,
    next_start: Instant,
    last_failure: Failure,
}

impl Race<'_> {
    /// Starts the next address when its time has come; the socket, if it connected at once.
    fn start_next(&mut self) -> Option<Socket> {
        while self.under_way.is_empty() || Instant::now() >= self.next_start {
            let address = *self.untried.next()?;
            match begin(address) {
                Ok((socket, true)) => return Some(socket),
                Ok((socket, false)) => {
                    self.under_way.push((address, socket));
                    self.next_start = Instant::now() + HEAD_START;
                }
                Err(error) => self.failed(address, &error),
            }
        }
        None
    }

    /// Waits for at most a tick; the socket, if one has connected.
    fn await_one(&mut self) -> io::Result<Option<Socket>> {
        let sockets: Vec<_> = self.under_way.iter().map(|(_, socket)| socket).collect();
        let ends = platform::await_connects(&sockets, TICK)?;
        for (index, end) in ends.into_iter().enumerate().rev() {
            let Some(end) = end else { continue };
            let (address, socket) = self.under_way.swap_remove(index);
            match end {
                Ok(()) => return Ok(Some(socket)),
                Err(error) => self.failed(address, &error),
            }
        }
        Ok(None)
    }

    fn failed(&mut self, address: SocketAddr, error: &io::Error) {
        self.last_failure = of_system(&format!("can't connect to {address}"), error);
        self.next_start = Instant::now();
    }

    fn is_lost(&self) -> bool {
        self.under_way.is_empty() && self.untried.len() == 0
    }

    fn gave_up(self) -> Failure {
        match self.under_way.first() {
            Some((address, _)) => {
                let message = format!("no connection to {address} in time");
                Failure::unsent(FailureKind::Unreachable, message)
            }
            None => self.last_failure,
        }
    }
}

/// Begins to connect; whether it is connected already.
fn begin(address: SocketAddr) -> io::Result<(Socket, bool)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok((socket, true)),
        Err(error) if platform::is_connecting(&error) => Ok((socket, false)),
        Err(error) => Err(error),
    }
}

/// Makes a connected socket ready for requests.
fn prepare(socket: Socket) -> Result<Stream, Failure> {
    let prepared = socket.set_tcp_nodelay(true);
    prepared
        .and_then(|()| Stream::new(socket, TICK))
        .map_err(|error| lost(&error))
}

fn lost(error: &io::Error) -> Failure {
    of_system("the connection was lost", error)
}
