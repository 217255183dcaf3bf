//! The port for the time.

use std::time::Duration;

use super::BoxFuture;
use crate::time::Timestamp;

/// Tells the time, and lets it pass. Inside a Worker it stands still between two I/O operations.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Waits at least this long.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
