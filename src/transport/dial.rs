//! From addresses to a connected socket. Addresses are tried in the resolver's order, a slow one
//! beside the next (after RFC 8305, "Happy Eyeballs"), and the first to connect wins.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

use super::of_system;
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::system::TICK;

/// How long an address may take before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that accepts; or says why none did.
pub(super) fn dial(addresses: &[SocketAddr], context: &CallContext) -> Result<Socket, Failure> {
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
        let mut polled: Vec<_> = self
            .under_way
            .iter()
            .map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLOUT))
            .collect();
        let timeout = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for index in (0..ready.len()).rev().filter(|index| ready[*index]) {
            let (address, socket) = self.under_way.swap_remove(index);
            match socket.take_error()? {
                None => return Ok(Some(socket)),
                Some(error) => self.failed(address, &error),
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
        Err(error) if is_under_way(&error) => Ok((socket, false)),
        Err(error) => Err(error),
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::Interrupted
}

/// Makes a connected socket ready for requests.
fn prepare(socket: Socket) -> Result<Socket, Failure> {
    let prepared = || -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TICK))
    };
    match prepared() {
        Ok(()) => Ok(socket),
        Err(error) => Err(lost(&error)),
    }
}

fn lost(error: &io::Error) -> Failure {
    of_system("the connection was lost", error)
}
