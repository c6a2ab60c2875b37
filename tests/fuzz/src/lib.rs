//! What the fuzz targets consist of: a service that answers from a script, over virtual time, to the
//! real core; what those answers mean, told again from the documents instead of from the core; and C
//! programs that are lists of calls; and tables, with what tests/arrow makes and reads them.

pub mod caller;
#[path = "../../arrow/consumer.rs"]
pub mod consumer;
pub mod json;
#[path = "../../arrow/layouts.rs"]
pub mod layouts;
pub mod listing;
#[path = "../../arrow/plan.rs"]
pub mod plan;
#[path = "../../arrow/producer.rs"]
pub mod producer;
pub mod program;
pub mod script;
pub mod service;
pub mod table;
pub mod verdict;
