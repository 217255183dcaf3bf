//! The port for work that may outlive the answer.

use super::BoxFuture;

/// Runs futures after the answer has been sent.
///
/// The platform may cut them short (30 s on Workers), so nothing that must happen may live only
/// here: what must happen is a row in the outbox.
pub trait Background: Send + Sync {
    /// Starts `work`; its outcome is its own affair.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}
