//! From a name to addresses. The system's resolver can't be interrupted, so it runs on a thread of
//! its own, at most one a client; whoever loses patience leaves it behind.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Patience;
use crate::system::{THREAD_NAME, TICK, without_signals};

/// How long an answer is used again: a run's workers connect at about the same time.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Looks up one name, again and again.
#[derive(Debug)]
pub(super) struct Lookup {
    host: String,
    port: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<(Vec<SocketAddr>, Instant)>,
    under_way: Option<Arc<Question>>,
}

/// One call of the system's resolver.
#[derive(Debug)]
struct Question {
    /// The process that asked: its threads do not exist in a forked child.
    process: u32,
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

type Answer = Result<Vec<SocketAddr>, String>;

impl Lookup {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            state: Mutex::default(),
        }
    }

    /// The name's addresses, at least one; or why there are none.
    pub(super) fn addresses(&self, patience: &Patience) -> Answer {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let question = match self.known_or_asked()? {
            Ok(addresses) => return Ok(addresses),
            Err(question) => question,
        };
        let Some(answer) = question.wait(patience) else {
            return Err(format!("no answer to the look-up of {}", self.host));
        };
        self.settle(&question, &answer);
        answer
    }

    /// Forgets what is known, for none of it let us connect.
    pub(super) fn forget(&self) {
        lock(&self.state).known = None;
    }

    /// What is known, or else the question that is under way, asked now if need be.
    fn known_or_asked(&self) -> Result<Result<Vec<SocketAddr>, Arc<Question>>, String> {
        let mut state = lock(&self.state);
        if let Some((addresses, since)) = &state.known
            && since.elapsed() < REMEMBERED
        {
            return Ok(Ok(addresses.clone()));
        }
        let ours = |question: &&Arc<Question>| question.process == std::process::id();
        if let Some(question) = state.under_way.as_ref().filter(ours) {
            return Ok(Err(Arc::clone(question)));
        }
        let question = Question::ask(self.host.clone(), self.port)
            .map_err(|error| format!("can't start a thread for the look-up: {error}"))?;
        state.under_way = Some(Arc::clone(&question));
        Ok(Err(question))
    }

    fn settle(&self, question: &Arc<Question>, answer: &Answer) {
        {
            let mut state = lock(&self.state);
            let same = |other: &Arc<Question>| Arc::ptr_eq(other, question);
            if state.under_way.as_ref().is_some_and(same) {
                state.under_way = None;
                state.known = answer.clone().ok().map(|found| (found, Instant::now()));
            }
        }
        // It has answered, so this takes no time, and no thread outlives the call.
        let thread = lock(&question.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Question {
    fn ask(host: String, port: u16) -> std::io::Result<Arc<Self>> {
        let question = Arc::new(Self {
            process: std::process::id(),
            answer: Mutex::default(),
            answered: Condvar::new(),
            thread: Mutex::default(),
        });
        let asked = Arc::clone(&question);
        let thread = without_signals(|| {
            thread::Builder::new()
                .name(THREAD_NAME.into())
                .spawn(move || {
                    let answer = resolve(&host, port);
                    *lock(&asked.answer) = Some(answer);
                    asked.answered.notify_all();
                })
        })?;
        *lock(&question.thread) = Some(thread);
        Ok(question)
    }

    fn wait(&self, patience: &Patience) -> Option<Answer> {
        let mut answer = lock(&self.answer);
        while answer.is_none() && patience.exhausted().is_none() {
            answer = match self.answered.wait_timeout(answer, TICK) {
                Ok((answer, _)) => answer,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        answer.clone()
    }
}

fn resolve(host: &str, port: u16) -> Answer {
    match (host, port).to_socket_addrs() {
        Ok(found) => {
            let addresses: Vec<_> = found.collect();
            if addresses.is_empty() {
                return Err(format!("{host} has no address"));
            }
            Ok(addresses)
        }
        Err(error) => Err(format!("can't look up {host}: {error}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
