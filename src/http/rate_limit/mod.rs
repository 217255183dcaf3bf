//! Rate limits: the platform's limiter as the outer shield of every request, and exact counters where
//! abuse is costly.
//!
//! Invariants: an exact count rides in the batch of what it counts, so that of any number of requests
//! at once no more than the quota get through, and what is refused has written nothing; who is counted
//! is told apart by what the platform says of the client, or by what was typed, never by whether there
//! is such an account; no address and no name is stored.

mod address;
mod closed;
mod policy;
mod shield;
mod store;
mod told;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;

use super::exchange::Exchange;
use super::forget::forget;
use super::problem::Refusal;
use crate::error::Error;
use crate::mac::SecretKeys;
use crate::platform::{Abort, Batch, Database, DatabaseError, Outcome, Rows};
use crate::time::Timestamp;

pub use address::client_address;
pub use policy::{Limit, Policies, Policy};
pub use told::Told;

/// Bytes of a subject's hash: enough that no two meet.
const HASH_BYTES: usize = 16;

/// What an isolate holds of limits.
pub struct RateLimits {
    policies: Policies,
    keys: SecretKeys,
    closed: closed::ClosedWindows,
    turns: shield::Turns,
}

impl RateLimits {
    /// The limits of a deployment. `keys` hide who is counted.
    #[must_use]
    pub fn new(policies: Policies, keys: SecretKeys) -> Self {
        Self {
            policies,
            keys,
            closed: closed::ClosedWindows::default(),
            turns: shield::Turns::default(),
        }
    }

    /// Under what a subject is counted.
    fn key(&self, policy: Policy, subject: &str) -> String {
        let parts = [policy.name.as_bytes(), subject.as_bytes()];
        let code = self.keys.lasting_code("rate limit", &parts);
        let hash = code.get(..HASH_BYTES).unwrap_or(&code);
        format!("{}:{}", policy.name, URL_SAFE_NO_PAD.encode(hash))
    }
}

/// Counts a request exactly. A handler takes it as a parameter.
#[derive(Clone)]
pub struct Limiter {
    limits: Arc<RateLimits>,
    exchange: Arc<Exchange>,
}

/// What a request was counted for.
pub struct Attempt {
    limiter: Limiter,
    counts: Vec<Count>,
    now: Timestamp,
}

/// One of its counts.
struct Count {
    limit: Limit,
    policy: Policy,
    key: String,
    resets_at: Timestamp,
    over: Abort,
    used: Rows<store::Used>,
}

impl<S: Sync> FromRequestParts<S> for Limiter {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let (limits, exchange) = (parts.extensions.get(), parts.extensions.get());
        let (Some(limits), Some(exchange)) = (limits, exchange) else {
            return Err(Error::internal("the request did not come through the pipeline").into());
        };
        Ok(Self {
            limits: Arc::clone(limits),
            exchange: Arc::clone(exchange),
        })
    }
}

impl Limiter {
    /// The client's address, as the subject of a count.
    #[must_use]
    pub fn address(&self) -> String {
        self.exchange.client_address.clone()
    }

    /// Appends to `batch` that each of these subjects has done once more what is limited, and that the
    /// batch aborts where a quota is used up. Call it before anything that costs: a quota known to be
    /// used up is refused at once.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub fn count<const N: usize>(
        self,
        batch: &mut Batch,
        now: Timestamp,
        subjects: [(Limit, String); N],
    ) -> Result<Attempt, Error> {
        const { assert!(N <= PLACES.len(), "each count of a batch has its own abort") };
        let mut counts = Vec::with_capacity(N);
        for ((limit, subject), over) in subjects.into_iter().zip(PLACES) {
            let policy = self.limits.policies.of(limit);
            let resets_at = end_of_window(now, policy.window);
            let key = self.limits.key(policy, &subject);
            self.exchange.told.policy(policy);
            if self.limits.closed.knows(&key, resets_at) {
                return Err(self.refuse(policy, resets_at, now));
            }
            counts.push(Count {
                limit,
                policy,
                resets_at,
                over,
                used: store::count(batch, resets_at, &key, policy.quota, over),
                key,
            });
        }
        Ok(Attempt {
            limiter: self,
            counts,
            now,
        })
    }

    fn refuse(&self, policy: Policy, resets_at: Timestamp, now: Timestamp) -> Error {
        let retry_after = seconds_until(resets_at, now);
        self.exchange.told.counter(policy, 0, retry_after);
        Error::TooManyRequests {
            policy: policy.name,
            retry_after,
        }
    }
}

/// How a batch aborts, by the place of the count that is over.
const PLACES: [Abort; 2] = [Abort::OverFirstLimit, Abort::OverSecondLimit];

impl Attempt {
    /// Runs the batch that counts, and notes for the answer what is left.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] if a quota is used up; else as the batch fails.
    pub async fn run(&self, batch: Batch, database: &dyn Database) -> Result<Outcome, Error> {
        self.settle(batch.run(database).await)
    }

    /// Notes for the answer what is left, once the batch that counts was run.
    ///
    /// # Errors
    /// As [`Attempt::run`].
    pub fn settle(&self, ran: Result<Outcome, DatabaseError>) -> Result<Outcome, Error> {
        let Limiter { limits, exchange } = &self.limiter;
        match ran {
            Ok(outcome) => {
                for count in &self.counts {
                    let used = outcome.first(&count.used)?.map_or(0, |row| row.used);
                    let left = count.policy.quota.saturating_sub(used);
                    let resets_in = seconds_until(count.resets_at, self.now);
                    exchange.told.counter(count.policy, left, resets_in);
                }
                Ok(outcome)
            }
            Err(DatabaseError::Aborted(abort)) => {
                let count = self.counts.iter().find(|count| count.over == abort);
                let count = count.ok_or(DatabaseError::Aborted(abort))?;
                if !count.limit.gives_back() {
                    let (key, resets_at) = (&count.key, count.resets_at);
                    limits.closed.remember(key, resets_at, self.now);
                }
                Err(self.limiter.refuse(count.policy, count.resets_at, self.now))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Appends, after the statement that shows the success, that what succeeded is not counted where a
    /// limit is on failures.
    pub fn give_back(&self, batch: &mut Batch) {
        for count in self.given_back() {
            store::give_back(batch, count.resets_at, &count.key);
        }
    }

    /// Notes for the answer that this has happened.
    pub fn tell_given_back(&self) {
        for count in self.given_back() {
            self.limiter.exchange.told.given_back(count.policy);
        }
    }

    /// Appends, after the statement that does what `limit` is on, that it is not counted after all if that
    /// did nothing. As it happens in the batch that counts, no window opens again by it.
    pub fn give_back_unless_changed(&self, batch: &mut Batch, limit: Limit) {
        for count in self.counts.iter().filter(|count| count.limit == limit) {
            store::give_back_unless_changed(batch, count.resets_at, &count.key);
        }
    }

    /// Notes for the answer that nothing was counted for `limit`.
    pub fn tell_not_counted(&self, limit: Limit) {
        for count in self.counts.iter().filter(|count| count.limit == limit) {
            self.limiter.exchange.told.given_back(count.policy);
        }
    }

    fn given_back(&self) -> impl Iterator<Item = &Count> {
        self.counts.iter().filter(|count| count.limit.gives_back())
    }
}

/// When the window ends that `now` is in.
fn end_of_window(now: Timestamp, seconds: u32) -> Timestamp {
    let window = i64::from(seconds).saturating_mul(1_000).max(1);
    let windows = now.millis().div_euclid(window).saturating_add(1);
    Timestamp::from_millis(windows.saturating_mul(window))
}

/// Seconds until then, rounded up: at least 1 within a window.
fn seconds_until(then: Timestamp, now: Timestamp) -> u32 {
    let seconds = then.millis_since(now).saturating_add(999).div_euclid(1_000);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// Forgets windows that are over.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(database: &dyn Database, now: Timestamp) -> Result<(), Error> {
    forget(database, store::SWEEP_LIMIT, || store::sweep(now)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        assert_eq!(end_of_window(at(0), 900), at(900_000));
        assert_eq!(end_of_window(at(899_999), 900), at(900_000));
        assert_eq!(end_of_window(at(900_000), 900), at(1_800_000));
    }

    #[test]
    fn whoever_waits_as_long_as_they_were_told_has_a_new_quota() {
        for now in [0, 1, 999, 1_000, 4_001, 899_001, 899_999] {
            let seconds = seconds_until(end_of_window(at(now), 900), at(now));
            assert!(seconds >= 1, "{now}");
            let later = at(now + i64::from(seconds) * 1_000);
            assert_ne!(
                end_of_window(later, 900),
                end_of_window(at(now), 900),
                "{now}"
            );
        }
    }

    #[test]
    fn a_subject_keeps_its_key_while_the_secret_keys_are_rotated() {
        let key = |ids: &[u8]| {
            let keys = ids.iter().map(|id| (format!("k{id}"), [*id; 32]));
            let keys = SecretKeys::new(keys.collect()).unwrap();
            let limits = RateLimits::new(Policies::new(1, "").unwrap(), keys);
            limits.key(limits.policies.of(Limit::SignInName), "username asha")
        };
        assert_eq!(key(&[1]), key(&[1, 2]));
        assert_eq!(key(&[1, 2]), key(&[2, 1]));
    }

    #[test]
    fn a_key_shows_neither_who_it_is_nor_two_policies_the_same_one() {
        let limits = |key: u8| {
            let keys = SecretKeys::new(vec![("k".to_owned(), [key; 32])]).unwrap();
            RateLimits::new(Policies::new(1, "").unwrap(), keys)
        };
        let key = |limits: &RateLimits, limit| {
            let policy = limits.policies.of(limit);
            limits.key(policy, "203.0.113.7")
        };
        let one = key(&limits(1), Limit::SignInAddress);
        assert!(one.starts_with("sign-in-address:") && !one.contains("203"));
        let hash = |key: &str| key.split_once(':').unwrap().1.to_owned();
        let other = key(&limits(1), Limit::RegistrationAddress);
        assert_ne!(hash(&one), hash(&other));
        assert_ne!(one, key(&limits(2), Limit::SignInAddress));
    }
}
