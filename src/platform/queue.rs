//! The port for the queues that wake jobs up. The outbox is the truth; a lost message loses nothing.

use std::fmt;

use super::BoxFuture;

/// The queue did not take a message; the text is the platform's, for the log.
#[derive(Clone, Debug)]
pub struct QueueError(pub String);

impl fmt::Display for QueueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "queue: {}", self.0)
    }
}

/// One of the queues. Each has consumers of its own, so that what waits for somebody outside holds up
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Jobs that the database alone does.
    Jobs,
    /// Mails, which wait for whoever takes them.
    Mails,
}

/// Sends messages, at least once, in no order.
pub trait Queue: Send + Sync {
    /// Sends JSON texts as one message each; at most 100 at a time. Sending begins at once, the
    /// future only waits for its end.
    fn send(
        &self,
        channel: Channel,
        messages: Vec<String>,
    ) -> BoxFuture<'static, Result<(), QueueError>>;
}

/// What becomes of a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done with.
    Acknowledge,
    /// It comes again after this many seconds; after the last attempt it goes to the dead letters.
    Retry {
        /// Seconds to wait.
        delay_seconds: u32,
    },
}
