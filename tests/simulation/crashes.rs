//! A journaled run that is killed, or loses its power, again and again, and is taken up each time.

use std::collections::HashSet;
use std::sync::Arc;

use fastrand::Rng;
use koodrive::client::Client;
use koodrive::plan::Plan;
use koodrive::report::Report;

use crate::disk::Disk;
use crate::network::Sim;
use crate::run::Errand;
use crate::scenario::{client_like, moment};

/// A plan and its journal.
pub struct JournaledOrder {
    pub plan: Plan,
    pub errand: Errand,
    pub disk: Disk,
    /// What has a final outcome by a run that was not killed.
    finished: HashSet<usize>,
}

/// How a process may end.
#[derive(Clone, Copy)]
enum Crash {
    Kill,
    PowerLoss,
}

impl JournaledOrder {
    pub fn new(sim: &Arc<Sim>, plan: Plan, errand: Errand) -> Self {
        Self {
            plan,
            errand,
            disk: Disk::new(sim, 0),
            finished: HashSet::new(),
        }
    }

    /// Carries it out in processes that crash; returns the client that is left.
    pub fn carry_out(
        &mut self,
        sim: &Arc<Sim>,
        client: Arc<Client>,
        most_runs: usize,
        random: &mut Rng,
    ) -> Arc<Client> {
        let mut client = client;
        for _ in 0..random.usize(1..most_runs) {
            let crash = random
                .choice([None, Some(Crash::Kill), Some(Crash::PowerLoss)])
                .flatten();
            self.disk.reopen(random.choice([0, 0, 0, 4]).unwrap_or(0));
            let is_over = self
                .run(sim, &client, crash)
                .is_some_and(|report| report.next_unfinished(0).is_none());
            if crash.is_some() {
                client = client_like(sim, client);
            }
            if is_over {
                break;
            }
        }
        client
    }

    /// Takes it up once more, when nothing fails any more. The report, if it was not refused.
    pub fn finish(&mut self, sim: &Arc<Sim>, client: &Client) -> Option<Report> {
        self.disk.reopen(0);
        self.run(sim, client, None)
    }

    fn run(&mut self, sim: &Arc<Sim>, client: &Client, crash: Option<Crash>) -> Option<Report> {
        let run = {
            let mut stage = sim.stage();
            let run = stage.watch.begin(&self.errand, sim.world.now());
            stage.watch.run(run).journal = Some(self.disk.clone());
            stage.watch.run(run).finished = self.finished.clone();
            run
        };
        self.errand.takes_up = Some(run);
        sim.world.begin_run(run);
        if crash.is_some() {
            self.foresee_crash(sim, run);
        }
        let monitor = sim.stage().watch.run(run).monitor.clone();
        let disk = self.disk.clone();
        let ended = client.delete_plan_with(&self.plan, || Ok(Box::new(disk)), Some(&monitor));
        sim.advance();
        sim.world.note("end", run as u64, || {
            format!(
                "of journaled run {run}: {:?}",
                ended.as_ref().map(|(_, error)| error)
            )
        });
        let is_dead = std::mem::take(&mut sim.stage().watch.run(run).is_dead);
        if is_dead {
            if matches!(crash, Some(Crash::PowerLoss)) {
                self.disk.lose_power();
            }
            sim.stage().watch.abandon(run, sim.world.now());
            return None;
        }
        let now = sim.world.now();
        let mut stage = sim.stage();
        let stage = &mut *stage;
        match ended {
            Ok((report, error)) => {
                stage
                    .watch
                    .finish(run, &stage.service, &report, error.as_ref(), now);
                if !self.disk.has_failed() {
                    self.note_final(&report);
                }
                Some(report)
            }
            Err(error) => {
                stage
                    .watch
                    .violation(format!("a journal was refused: {error}"));
                None
            }
        }
    }

    fn note_final(&mut self, report: &Report) {
        let mut unfinished = HashSet::new();
        let mut next = 0;
        while let Some(position) = report.next_unfinished(next) {
            unfinished.insert(self.errand.scopes[position]);
            next = position + 1;
        }
        let scopes = self.errand.scopes.iter().copied();
        self.finished
            .extend(scopes.filter(|scope| !unfinished.contains(scope)));
    }

    fn foresee_crash(&self, sim: &Arc<Sim>, run: usize) {
        let mut random = sim.world.random(Rng::fork);
        let (dying, disk) = (Arc::clone(sim), self.disk.clone());
        sim.world.set_alarm(moment(sim, &mut random), move || {
            dying
                .world
                .note("crash", run as u64, || format!("of run {run}"));
            disk.kill();
            let mut stage = dying.stage();
            let run = stage.watch.run(run);
            let crashes = run.ended.is_none();
            run.is_dead = crashes;
            // What its threads still do has no effect; so they come to an end.
            run.monitor.cancel();
            run.monitor.cancel();
            stage.crashes += u64::from(crashes);
        });
    }
}
