//! Whatever table a producer hands over, as far as its memory is there: it becomes a plan, row by row, or it is refused
//! as a whole; and what comes out of a report is what went in.
#![no_main]

use koodrive_fuzz::table::{self, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|table: Table| table::check(&table));
