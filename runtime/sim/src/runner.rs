//! Many runs, on several threads.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::generate::generate;
use crate::history::History;
use crate::shrink::{play_safely, shrink};
use crate::world::Failure;

/// What many runs came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many runs were played to their end.
    pub runs: u64,
    /// How many steps they had.
    pub steps: u64,
    /// How long it took.
    pub took: Duration,
    /// What happened.
    pub counts: Counts,
    /// The first fault, if there was one.
    pub fault: Option<Fault>,
}

/// A run that broke a rule.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its seed.
    pub seed: u64,
    /// What it broke.
    pub failure: Failure,
    /// The shortest history that was found.
    pub history: History,
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        let per_second = self.steps as f64 / seconds.max(0.001);
        write!(
            out,
            "{} runs, {} steps in {seconds:.1} s ({per_second:.0} steps/s): ",
            self.runs, self.steps
        )?;
        self.counts.fmt(out)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "# seed {}, after step {} of {}",
            self.seed,
            self.failure.step,
            self.history.steps.len()
        )?;
        for line in self.failure.what.lines() {
            writeln!(out, "# {line}")?;
        }
        self.history.fmt(out)
    }
}

/// Which runs are made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed; the others follow by ones.
    pub first_seed: u64,
    /// How many runs; none: as many as there is time for.
    pub runs: Option<u64>,
    /// For how long; none: until all are done.
    pub time: Option<Duration>,
    /// How many steps each has.
    pub steps: usize,
    /// On how many threads.
    pub jobs: usize,
}

/// Makes the runs, until one breaks a rule. `progress` is told now and then how many are done.
pub fn run(plan: Plan, progress: impl Fn(u64, Duration)) -> Summary {
    let begun = Instant::now();
    let shared = Shared::new(plan, begun);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.jobs.max(1)).map(|_| scope.spawn(|| shared.work())).collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(20));
            progress(shared.done.load(Ordering::Relaxed), begun.elapsed());
        }
    });
    let runs = shared.done.load(Ordering::Relaxed);
    let fault = shared.fault.into_inner().unwrap_or_default();
    let took = begun.elapsed();
    let fault = fault.map(|fault| {
        let (history, failure) = shrink(&fault.history, &fault.failure);
        Fault { history, failure, ..fault }
    });
    let counts = shared.counts.into_inner().unwrap_or_default();
    Summary { runs, steps: runs * plan.steps as u64, took, counts, fault }
}

struct Shared {
    plan: Plan,
    begun: Instant,
    next: AtomicU64,
    done: AtomicU64,
    failed: AtomicBool,
    counts: Mutex<Counts>,
    fault: Mutex<Option<Fault>>,
}

impl Shared {
    fn new(plan: Plan, begun: Instant) -> Self {
        Self {
            plan,
            begun,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            counts: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    fn work(&self) {
        let mut counts = Counts::default();
        while let Some(seed) = self.next_seed() {
            let history = generate(seed, self.plan.steps);
            let (happened, failure) = play_safely(&history);
            counts.merge(&happened);
            match failure {
                Some(failure) => self.report(Fault { seed, failure, history }),
                None => drop(self.done.fetch_add(1, Ordering::Relaxed)),
            }
        }
        if let Ok(mut all) = self.counts.lock() {
            all.merge(&counts);
        }
    }

    fn next_seed(&self) -> Option<u64> {
        let in_time = self.plan.time.is_none_or(|time| self.begun.elapsed() < time);
        if !in_time || self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.plan.runs.is_none_or(|runs| index < runs).then(|| self.plan.first_seed.wrapping_add(index))
    }

    /// Of several faults the one with the lowest seed is kept.
    fn report(&self, fault: Fault) {
        self.failed.store(true, Ordering::Relaxed);
        if let Ok(mut first) = self.fault.lock()
            && first.as_ref().is_none_or(|known| known.seed > fault.seed)
        {
            *first = Some(fault);
        }
    }
}
