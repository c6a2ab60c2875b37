//! Tables that go into plans, and outcomes that come out as tables, through the Arrow C stream interface.
#![allow(unsafe_code, reason = "the C interface is what is tested")]

mod consumer;
mod hostile;
mod layouts;
mod outcomes;
mod plan;
mod producer;
mod rows;
