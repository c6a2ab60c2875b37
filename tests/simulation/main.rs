//! The real client over a simulated network, service, clock and chance: whatever fails, its reports
//! agree with the service's ledger. All that happens follows from a seed.
//!
//! `KOODRIVE_SIMULATION_SEED=7 cargo test --test simulation replay -- --ignored --nocapture` shows
//! one simulation step by step; `make simulate RUNS=1000000` runs many.

mod answer;
mod asking;
mod availability;
mod crashes;
mod disk;
mod facts;
mod faults;
mod invariants;
mod lists;
mod mutants;
mod network;
mod reading;
mod request;
mod run;
mod scenario;
mod service;
mod telling;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use mutants::Mutant;
use scenario::{Subject, simulate, simulate_subject};

/// What many simulations came to.
struct Total {
    requests: u64,
    faults: u64,
    crashes: u64,
    /// The lowest seed that showed a violation.
    failure: Option<(u64, String)>,
}

/// Runs the seeds, on all processors, up to the first violation.
fn simulate_all(seeds: std::ops::Range<u64>, mutant: Option<Mutant>) -> Total {
    simulate_all_of(Subject::Everything, seeds, mutant)
}

fn simulate_all_of(subject: Subject, seeds: std::ops::Range<u64>, mutant: Option<Mutant>) -> Total {
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicBool::new(false);
    let total = Mutex::new(Total {
        requests: 0,
        faults: 0,
        crashes: 0,
        failure: None,
    });
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let finding = simulate_subject(subject, seed, mutant, false);
            let mut total = total.lock().expect("no panic");
            total.requests += finding.requests;
            total.faults += finding.faults;
            total.crashes += finding.crashes;
            if let Some(violation) = finding.violation {
                failed.store(true, Ordering::Relaxed);
                let lower = total
                    .failure
                    .as_ref()
                    .is_none_or(|(lowest, _)| seed < *lowest);
                if lower {
                    total.failure = Some((seed, violation));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().expect("no panic")
}

fn number_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: not a number")),
        Err(_) => default,
    }
}

fn demand_success(total: &Total) {
    demand_success_of(Subject::Everything, total);
}

fn demand_success_of(subject: Subject, total: &Total) {
    if let Some((seed, violation)) = &total.failure {
        let trace = simulate_subject(subject, *seed, None, true).trace;
        panic!(
            "{trace}\nseed {seed}: {violation}\nto replay it: KOODRIVE_SIMULATION_SEED={seed} \
             cargo test --test simulation replay -- --ignored --nocapture"
        );
    }
}

#[test]
fn reports_agree_with_the_ledger_whatever_fails() {
    let total = simulate_all(0..2_500, None);
    demand_success(&total);
    assert!(total.requests > 30_000, "only {} requests", total.requests);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..100 {
        let (first, second) = (simulate(seed, None, false), simulate(seed, None, true));
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert_eq!(first.requests, second.requests, "seed {seed}");
    }
}

#[test]
fn wrong_verdict_rules_are_caught() {
    for mutant in Mutant::ALL {
        let total = simulate_all(0..1_000, Some(mutant));
        let (seed, violation) = total
            .failure
            .unwrap_or_else(|| panic!("{mutant:?} survives"));
        println!("{mutant:?}: seed {seed}: {violation}");
    }
}

#[test]
#[ignore = "as long as KOODRIVE_SIMULATION_RUNS says"]
fn as_many_crashes_as_wanted() {
    simulate_and_tell(Subject::Crashes);
}

#[test]
#[ignore = "as long as KOODRIVE_SIMULATION_RUNS says"]
fn as_many_as_wanted() {
    simulate_and_tell(Subject::Everything);
}

fn simulate_and_tell(subject: Subject) {
    let first = number_from_env("KOODRIVE_SIMULATION_SEED", 0);
    let runs = number_from_env("KOODRIVE_SIMULATION_RUNS", 10_000);
    let began = Instant::now();
    let total = simulate_all_of(subject, first..first + runs, None);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} requests, {} faults and {} crashes simulated from the seeds {first} to {}: {:.0} requests and {:.0} \
         seeds a second",
        total.requests,
        total.faults,
        total.crashes,
        first + runs - 1,
        total.requests as f64 / seconds,
        runs as f64 / seconds,
    );
    demand_success_of(subject, &total);
}

#[test]
#[ignore = "needs KOODRIVE_SIMULATION_SEED"]
fn replay() {
    let seed = number_from_env("KOODRIVE_SIMULATION_SEED", 0);
    let finding = simulate(seed, None, true);
    println!(
        "{}{} requests, trace {:x}",
        finding.trace, finding.requests, finding.hash
    );
    assert_eq!(finding.violation, None, "seed {seed}");
}
