//! The committed calls of the C interface, one after the other: for Miri, which is too slow to fuzz.

use arbitrary::{Arbitrary, Unstructured};
use koodrive_fuzz::program::{self, Call};

#[test]
fn interface() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/interface");
    for seed in std::fs::read_dir(seeds).unwrap() {
        let bytes = std::fs::read(seed.unwrap().path()).unwrap();
        let calls = Vec::<Call>::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
        program::make(&calls);
    }
}
