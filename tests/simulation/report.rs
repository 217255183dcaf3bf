//! What many runs have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::chaos::{Struck, points};
use crate::replicas::Lag;
use crate::world::Finish;

/// The sum of the runs.
#[derive(Default)]
pub struct Report {
    seeds: u64,
    took: Duration,
    struck: Struck,
    answered: BTreeMap<(&'static str, u16), u64>,
    acknowledged: u64,
    pub lag: Lag,
    /// Every statement that Kith has sent.
    pub statements: BTreeSet<&'static str>,
    /// The lowest seed that broke a promise, and how.
    pub violation: Option<(u64, String)>,
}

impl Report {
    /// Runs seeds on all cores until one breaks a promise.
    #[expect(
        clippy::disallowed_methods,
        reason = "the machine's time, for the seeds per second"
    )]
    pub fn of(first: u64, seeds: u64, simulate: impl Fn(u64) -> Finish + Sync) -> Self {
        let begun = Instant::now();
        let next = AtomicU64::new(first);
        let report = Mutex::new(Self::default());
        let work = || {
            loop {
                let seed = next.fetch_add(1, Relaxed);
                if seed >= first + seeds {
                    return;
                }
                let finish = simulate(seed);
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.add(seed, finish);
                if report.violation.is_some() {
                    next.store(first + seeds, Relaxed);
                }
            }
        };
        thread::scope(|scope| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            for _ in 0..cores {
                scope.spawn(work);
            }
        });
        let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.took = begun.elapsed();
        report
    }

    fn add(&mut self, seed: u64, finish: Finish) {
        self.seeds += 1;
        self.acknowledged += finish.acknowledged;
        self.lag.add(finish.lag);
        self.statements.extend(finish.statements);
        for (point, times) in finish.struck {
            *self.struck.entry(point).or_default() += times;
        }
        for (answer, times) in finish.answered {
            *self.answered.entry(answer).or_default() += times;
        }
        if let Some(violation) = finish.violation
            && self
                .violation
                .as_ref()
                .is_none_or(|(lowest, _)| seed < *lowest)
        {
            self.violation = Some((seed, violation));
        }
    }

    /// The points at which nothing has gone wrong in any run.
    pub fn never_struck(&self) -> Vec<String> {
        let missing = points()
            .into_iter()
            .filter(|point| !self.struck.contains_key(point));
        missing.map(|point| point.to_string()).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "answers, by operation and status:")?;
        let mut answers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((operation, status), times) in &self.answered {
            answers
                .entry(operation)
                .or_default()
                .push(format!("{status}: {times}"));
        }
        for (operation, statuses) in answers {
            writeln!(formatter, "  {operation:<26} {}", statuses.join(", "))?;
        }
        writeln!(formatter, "faults that struck:")?;
        for point in points() {
            let times = self.struck.get(&point).copied().unwrap_or(0);
            writeln!(formatter, "  {:<55} {times:>8}", point.to_string())?;
        }
        let Lag {
            reads,
            stale,
            differed,
            most,
        } = self.lag;
        writeln!(
            formatter,
            "reads at replicas: {reads}, of which {stale} saw an older state than the primary's (by {most} \
             writes at most), and {differed} would have been answered otherwise there",
        )?;
        let seconds = self.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate, to be read")]
        let rate = self.seeds as f64 / seconds;
        let violations = usize::from(self.violation.is_some());
        let requests: u64 = self.answered.values().sum();
        write!(
            formatter,
            "{} seeds, {requests} answers, {} writes acknowledged, {violations} violations, \
             {} of {} fault points struck, {seconds:.1} s, {rate:.0} seeds/s",
            self.seeds,
            self.acknowledged,
            self.struck.len(),
            points().len(),
        )
    }
}
