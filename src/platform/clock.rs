//! The port for the time.

use crate::time::Timestamp;

/// Tells the time. Inside a Worker it stands still between two I/O operations.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}
