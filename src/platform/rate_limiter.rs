//! The port for the platform's own rate limiter: cheap, near the client, and only roughly right. It
//! keeps floods away from everything behind it; what must be counted exactly is counted in the
//! database.

use std::fmt;

use super::BoxFuture;

/// One of the platform's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shield {
    /// Requests of one client address.
    Address,
    /// Requests of one account.
    Account,
}

/// The limiter did not answer; the text is the platform's, for the log.
#[derive(Clone, Debug)]
pub struct RateLimiterError(pub String);

impl fmt::Display for RateLimiterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "rate limiter: {}", self.0)
    }
}

/// Counts requests. Every caller goes on without it.
pub trait RateLimiter: Send + Sync {
    /// Counts one request under `key`, and says whether it is within the quota of that counter.
    fn admit<'a>(
        &'a self,
        shield: Shield,
        key: &'a str,
    ) -> BoxFuture<'a, Result<bool, RateLimiterError>>;
}
