//! Lists KooDrive backup scopes and deletes them in bulk, with one truthful outcome per id.
//!
//! This crate is built as a C library; its interface is `include/koodrive.h`. The Rust interface
//! serves the tests. The modules, in the order in which data flows:
//!
//! - [`ffi`]: the C API layer, and the only unsafe code
//! - [`config`], [`plan`], [`listing`], [`monitor`], [`event`], [`report`], [`error`], [`failure`], [`context`]: domain types,
//!   which the rest shares
//! - [`client`]: executes plans
//! - [`journal`]: what a run writes down, to be taken up
//! - `run`: workers, retries, outcomes, when to stop
//! - [`service`]: what KooDrive speaks: path, headers, body, response, authorization
//! - [`transport`]: bytes: connections, and HTTP over them
//! - [`system`]: time, waiting, threads, randomness
//! - `platform`: what differs by platform

mod ca_file;
pub mod client;
pub mod config;
pub mod context;
pub mod credentials;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod failure;
pub mod ffi;
mod id_list;
pub mod journal;
pub mod listing;
pub mod monitor;
mod panic;
pub mod plan;
mod platform;
pub mod report;
mod rules;
mod run;
pub mod service;
mod sync;
pub mod system;
pub mod transport;
