//! Tables in and outcomes out, as columns: the Arrow C data and stream interface, by its specification
//! (<https://arrow.apache.org/docs/format/CDataInterface.html>), without a crate of Arrow.
//!
//! In: `stream` owns what a producer hands over, `schema` reads what it says of its columns, `layout` which of that
//! is understood, `memory` the raw memory, `column` what stands in it; `table` puts rows together. Out: `outcomes`
//! makes columns, `export` hands them over.

pub mod abi;
mod column;
mod export;
mod layout;
mod memory;
mod outcomes;
mod schema;
mod stream;
mod table;

pub(super) use export::export;
pub(super) use stream::Stream;
pub(super) use table::read;
