//! Trying a batch again, where that is right.

use std::sync::Arc;
use std::time::Duration;

use super::{Batch, BoxFuture, Clock, Database, DatabaseError, Random, StatementResult};

/// The errors that D1's documentation calls safe to retry: the batch did not run, or its answer was
/// lost on the way.
const RETRYABLE: [&str; 3] = [
    "Network connection lost",
    "storage caused object to be reset",
    "reset because its code was updated",
];

/// How often a reading batch is tried in all.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt, without its jitter.
const PAUSE: Duration = Duration::from_millis(25);

/// A database whose reading batches are tried again after an error that may pass.
///
/// A batch that writes is tried once: it may have been committed, and only whoever asked for it knows
/// whether a second try is right (decision 0011).
pub struct Retrying<D> {
    database: D,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl<D: Database> Retrying<D> {
    /// Retries what `database` could not answer.
    #[must_use]
    pub fn new(database: D, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            database,
            clock,
            random,
        }
    }

    async fn attempt(&self, batch: &Batch) -> Result<Vec<StatementResult>, DatabaseError> {
        let mut attempt = 1;
        loop {
            match self.database.run(batch).await {
                Err(DatabaseError::Unavailable(text))
                    if attempt < ATTEMPTS && batch.is_read_only() && may_pass(&text) =>
                {
                    self.clock.sleep(self.jittered(attempt)).await;
                    attempt = attempt.saturating_add(1);
                }
                outcome => return outcome,
            }
        }
    }

    /// Once to twice the pause before the second attempt, and twice that before the third.
    fn jittered(&self, attempt: u32) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        let [byte] = byte;
        PAUSE
            .saturating_mul(attempt)
            .mul_f64(1.0 + f64::from(byte) / 256.0)
    }
}

fn may_pass(text: &str) -> bool {
    RETRYABLE.iter().any(|retryable| text.contains(retryable))
}

impl<D: Database> Database for Retrying<D> {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        Box::pin(self.attempt(batch))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use futures_util::FutureExt;

    use super::*;
    use crate::platform::params;
    use crate::time::Timestamp;

    /// Fails with each text in turn, then succeeds; counts how often it was asked.
    struct Failing {
        texts: Vec<&'static str>,
        asked: Arc<AtomicUsize>,
    }

    impl Database for Failing {
        fn run<'a>(
            &'a self,
            _: &'a Batch,
        ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
            let asked = self.asked.fetch_add(1, Relaxed);
            let outcome = self.texts.get(asked).map_or(Ok(vec![]), |text| {
                Err(DatabaseError::Unavailable((*text).to_owned()))
            });
            Box::pin(async { outcome })
        }
    }

    /// Stands still, and notes how long it was to sleep.
    struct Still(Mutex<Vec<Duration>>);

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.0.lock().unwrap().push(duration);
            Box::pin(async {})
        }
    }

    struct Half;

    impl Random for Half {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(128);
        }
    }

    const LOST: &str = "D1_ERROR: Network connection lost.";

    /// How often the database was asked, for how long it was waited, and whether it worked in the end.
    fn run(batch: &Batch, texts: &[&'static str]) -> (usize, Vec<Duration>, bool) {
        let asked = Arc::new(AtomicUsize::new(0));
        let clock = Arc::new(Still(Mutex::default()));
        let failing = Failing {
            texts: texts.to_vec(),
            asked: asked.clone(),
        };
        let database = Retrying::new(failing, clock.clone(), Arc::new(Half));
        let outcome = database.run(batch).now_or_never().unwrap();
        let slept = clock.0.lock().unwrap().clone();
        (asked.load(Relaxed), slept, outcome.is_ok())
    }

    fn reading() -> Batch {
        let mut batch = Batch::public();
        let _ = batch.query::<(i64,)>("select 1", params![]);
        batch
    }

    #[test]
    fn a_reading_batch_is_tried_three_times_with_growing_pauses() {
        let pauses = vec![Duration::from_micros(37_500), Duration::from_millis(75)];
        assert_eq!(run(&reading(), &[LOST, LOST]), (3, pauses.clone(), true));
        assert_eq!(run(&reading(), &[LOST; 9]), (3, pauses, false));
    }

    #[test]
    fn a_writing_batch_is_tried_once() {
        let mut batch = Batch::public();
        batch.write("delete from t", params![]);
        assert_eq!(run(&batch, &[LOST]), (1, vec![], false));
    }

    #[test]
    fn what_does_not_pass_is_not_retried() {
        let overloaded = "D1_ERROR: D1 DB is overloaded. Requests queued for too long.";
        assert_eq!(run(&reading(), &[overloaded]), (1, vec![], false));
    }
}
