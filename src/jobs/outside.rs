//! Jobs whose effect is outside of Kith, such as a mail: somebody takes one for a while, has its effect,
//! and deletes it.
//!
//! No transaction holds what is outside, so the effect comes at least once: who dies between it and the
//! deletion leaves a lease that ends, and the job is done again. Nobody else does it while the lease lasts.

use std::time::Duration;

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::id::JobId;
use crate::platform::{Batch, Outcome, Random, Rows};
use crate::time::Timestamp;

/// How long a job is taken for: longer than any outside effect may last.
const LEASE: Duration = Duration::from_mins(1);

/// When a job is tried again whose effect could not be had, by how often that was so. After the last it is
/// dead.
const RETRIES: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
];

/// How long a job waits whose taker has too much to do, and by how much longer at the most, by chance: what
/// came together is not to come together again.
const BUSY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// For how long after its cause a job waits for a taker that has too much to do.
const BUSY_AT_MOST: Duration = Duration::from_hours(24);

/// What came of handling a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// There is nothing left to do, or somebody else is at it.
    Done,
    /// It could not be done. It is due again after `delay`.
    PutOff {
        /// How long nobody takes it.
        delay: Duration,
        /// Why, for the log.
        cause: String,
    },
    /// It cannot be done, and nobody takes it any more.
    Dead {
        /// Why, for the log.
        cause: String,
    },
}

/// A lease whose batch has yet to commit.
pub struct Asked {
    job: JobId,
    until: Timestamp,
    row: Rows<store::TakenRow>,
}

/// A job in one's hands.
pub struct Lease {
    job: JobId,
    until: Timestamp,
    failures: usize,
    created_at: Timestamp,
}

/// Appends the taking of a job: of one that is there, not dead, and in nobody else's hands. It is not due
/// before the lease ends, so no sweep wakes it meanwhile.
pub fn append_lease(batch: &mut Batch, job: &JobId, now: Timestamp) -> Asked {
    let until = now.plus(LEASE);
    Asked {
        job: job.clone(),
        until,
        row: store::append_taking(batch, job, now, until),
    }
}

impl Asked {
    /// The lease, if the batch has taken the job.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub fn lease(self, outcome: &Outcome) -> Result<Option<Lease>, Error> {
        let row = outcome.first(&self.row)?;
        Ok(row.map(|row| Lease {
            job: self.job,
            until: self.until,
            failures: usize::try_from(row.failures).unwrap_or(usize::MAX),
            created_at: row.created_at,
        }))
    }
}

impl Lease {
    /// When the job came to be.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Deletes the job: its effect was had, or is none.
    ///
    /// # Errors
    /// When the database does not answer. The job may come again.
    pub async fn finish(self, app: &App) -> Result<Handled, Error> {
        app.run(store::finish(&self.job)).await?;
        Ok(Handled::Done)
    }

    /// Gives the job back, for later; after the last time it is dead.
    ///
    /// # Errors
    /// When the database does not answer. The lease then ends by itself.
    pub async fn put_off(self, app: &App, cause: String) -> Result<Handled, Error> {
        let Some(delay) = RETRIES.get(self.failures) else {
            return self.give_up(app, cause).await;
        };
        let delay = later(*delay, delay.mul_f64(0.25), app.ports().random.as_ref());
        self.give_back(app, delay, true, cause).await
    }

    /// Gives the job back because its taker has too much to do at present. That is no failure of the job, so
    /// it waits no longer for it than others do, for a day at the most.
    ///
    /// # Errors
    /// As [`Self::put_off`].
    pub async fn put_off_busy(self, app: &App, cause: String) -> Result<Handled, Error> {
        if app.now() > self.created_at.plus(BUSY_AT_MOST) {
            return self.give_up(app, cause).await;
        }
        let (least, more) = BUSY;
        let delay = later(least, more, app.ports().random.as_ref());
        self.give_back(app, delay, false, cause).await
    }

    async fn give_back(
        self,
        app: &App,
        delay: Duration,
        fails: bool,
        cause: String,
    ) -> Result<Handled, Error> {
        let until = app.now().plus(delay);
        let (batch, given_back) = store::put_off(&self.job, self.until, until, fails);
        let changed = app.run(batch).await?.changes(given_back)?;
        Ok(held(changed, Handled::PutOff { delay, cause }))
    }

    /// Leaves the job to an admin: trying again would change nothing.
    ///
    /// # Errors
    /// As [`Self::put_off`].
    pub async fn give_up(self, app: &App, cause: String) -> Result<Handled, Error> {
        let (batch, given_up) = store::give_up(&self.job, self.until, app.now());
        let changed = app.run(batch).await?.changes(given_up)?;
        Ok(held(changed, Handled::Dead { cause }))
    }
}

/// Who has held a job for so long that it is in other hands by now, or done, has no say in it.
fn held(changed: u64, handled: Handled) -> Handled {
    if changed == 0 { Handled::Done } else { handled }
}

/// A little more than `delay`, by up to `more`: what failed together is not tried again together.
fn later(delay: Duration, more: Duration, random: &dyn Random) -> Duration {
    let mut drawn = [0; 1];
    random.fill(&mut drawn);
    let [drawn] = drawn;
    delay.saturating_add(more.mul_f64(f64::from(drawn) / 256.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_job_waits_a_little_longer_than_it_must_by_chance() {
        let delay = Duration::from_secs(1_024);
        let more = Duration::from_secs(256);
        assert_eq!(later(delay, more, &Always(0)), delay);
        assert_eq!(later(delay, more, &Always(255)), Duration::from_secs(1_279));
    }
}
