//! Faults over real sockets: the library against peers that break HTTP's rules, or the connection,
//! at every step. What needs a service that keeps the rules is in the other tests, but for pauses, which
//! are all here.

mod answers;
mod certificates;
mod child;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod identity;
mod machine;
mod outages;
mod pausing;
mod peer;

mod connecting;
mod cuts;
mod deadlines;
mod framing;
mod invalid_responses;
// Linux tells how much memory a process has.
#[cfg(target_os = "linux")]
mod memory;
// Names are replaced by what only Linux has, mount namespaces.
#[cfg(target_os = "linux")]
mod name_resolution;
// Pipes with names, and a variable that names the platform's certificates.
#[cfg(target_os = "linux")]
mod pipes;
mod pool;
mod proxy;
mod redirects;
mod resending;
mod resting;
mod secrets;
mod sending;
mod stopping;
mod truncation;
