//! What the fuzz targets consist of: a service that answers from a script, over virtual time, to the
//! real core; what those answers mean, told again from the documents instead of from the core; and C
//! programs that are lists of calls.

pub mod caller;
pub mod json;
pub mod listing;
pub mod program;
pub mod script;
pub mod service;
pub mod verdict;
