//! Whatever a journal holds: it is refused and stays as it is, or it is taken up, by a run that is cancelled
//! before it sends.
#![no_main]

use std::io;
use std::sync::{Arc, Mutex};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::journal::Storage;
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use libfuzzer_sys::fuzz_target;

/// A file in memory.
#[derive(Clone)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Storage for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().expect("no panic").clone())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.lock().expect("no panic").truncate(length as usize);
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((how, input)) = input.split_first() else {
        return;
    };
    let (client, plan) = (client(), plan());
    let memory = Memory(Arc::default());
    // Behind a header that is good, the lines are read.
    if how % 2 == 0 {
        assert!(run(&client, &plan, &memory).is_ok());
    }
    let lines = input.split(|byte| *byte == b'\n');
    for line in lines {
        let mut memory = memory.0.lock().expect("no panic");
        memory.extend_from_slice(line);
        // With a checksum, so that more than that is read.
        if how % 4 < 2 {
            let start = memory.len() - line.len();
            let checksum = format!(",\"crc\":\"{:08x}\"}}\n", crc32fast::hash(&memory[start..]));
            memory.extend_from_slice(checksum.as_bytes());
        }
    }
    let before = memory.0.lock().expect("no panic").clone();
    match run(&client, &plan, &memory) {
        Ok(count) => assert_eq!(count, plan.scope_count()),
        Err(kind) => {
            assert_eq!(kind, ErrorKind::InvalidArgument);
            assert_eq!(*memory.0.lock().expect("no panic"), before);
        }
    }
});

fn client() -> Client {
    let mut config = Config::new();
    config
        .set_endpoint("https://127.0.0.1:1")
        .and_then(|()| config.set_user_id("u"))
        .and_then(|()| config.set_access_token("t"))
        .expect("a good config");
    Client::new(&config).expect("a client")
}

fn plan() -> Plan {
    let mut plan = Plan::new();
    plan.add(None, "d", ["1", "2", "3", "1"].into_iter())
        .expect("good ids");
    plan
}

/// How many ids the report holds.
fn run(client: &Client, plan: &Plan, memory: &Memory) -> Result<usize, ErrorKind> {
    let monitor = Monitor::default();
    monitor.cancel();
    let open = || Ok(Box::new(memory.clone()) as Box<dyn Storage>);
    let ended = client.delete_plan_with(plan, open, Some(&monitor));
    ended
        .map(|(report, _)| report.count())
        .map_err(|error| error.kind)
}
