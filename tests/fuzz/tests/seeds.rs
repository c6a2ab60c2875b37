//! The committed calls of the C interface and tables, one after the other: for Miri, which is too slow to fuzz.

use arbitrary::{Arbitrary, Unstructured};
use koodrive_fuzz::program::{self, Call};
use koodrive_fuzz::table::{self, Table};

fn seeds(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let seeds = std::fs::read_dir(format!("{corpus}/{target}")).unwrap();
    seeds.map(|seed| std::fs::read(seed.unwrap().path()).unwrap())
}

#[test]
fn interface() {
    for bytes in seeds("interface") {
        let calls = Vec::<Call>::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
        program::make(&calls);
    }
}

#[test]
fn arrow() {
    for bytes in seeds("arrow") {
        let table = Table::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
        table::check(&table);
    }
}
