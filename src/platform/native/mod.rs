//! The adapters for any other machine: the same ports on SQLite and memory, for tests and simulation.
//!
//! They keep the promises of the real ones and no more, so that the App which runs on them is the App
//! that runs at the edge. Nothing here happens by itself: time passes when it is told to, messages
//! arrive when they are received, and randomness follows from a seed.

mod authorizer;
mod background;
mod clock;
mod database;
mod key_value;
mod log;
mod mail;
mod queue;
mod random;
mod rate_limiter;
mod replicated;
mod sqlite_error;
mod unicode;

pub use background::SpawnWith;
pub use clock::{Timeline, VirtualClock};
pub use database::Sqlite;
pub use key_value::{KeyValueStore, MemoryKeyValue};
pub use log::MemoryLog;
pub use mail::{MemoryMailbox, Reception};
pub use queue::{Delivery, Fate, MemoryQueue};
pub use random::SeededRandom;
pub use rate_limiter::{MemoryRateLimiter, Quotas};
pub use replicated::{Replicated, Version};
pub use unicode::nfkc;
