//! Whatever a C program passes, as long as its pointers are what the header asks for: nothing
//! crashes, a call that fails says why and changes nothing, and ids come back as they went in.
#![no_main]

use koodrive_fuzz::program::{self, Call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|calls: Vec<Call>| program::make(&calls));
