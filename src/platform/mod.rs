//! The ports: what Kith needs from the platform it runs on, as traits free of any platform.
//!
//! `cloudflare` holds the adapters for Workers, `native` those for any other machine; the target
//! chooses. Everything above this module is ordinary Rust that runs on both.

mod background;
mod batch;
mod clock;
mod consistency;
mod cost;
mod database;
mod key_value;
mod log;
mod mail;
mod objects;
mod queue;
mod random;
mod rate_limiter;
mod retry;

#[cfg(target_arch = "wasm32")]
pub mod cloudflare;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use background::Background;
pub(crate) use batch::params;
pub use batch::{
    Batch, Outcome, Rows, Statement, Value, Write, flag, json_text, optional_json_text,
};
pub use clock::Clock;
pub use consistency::{Bookmark, Consistency, ReachedState};
pub use cost::{CostMeter, Figures};
pub use database::{Abort, Database, DatabaseError, StatementResult};
pub use key_value::{KeyValue, KeyValueError};
pub use log::{Level, Log};
pub use mail::{Mail, MailError, OutgoingMail, Sender, Transport};
pub use objects::Objects;
pub use queue::{Channel, Queue, QueueError, Verdict};
pub use random::Random;
pub use rate_limiter::{RateLimiter, RateLimiterError, Shield};
pub use retry::Retrying;

#[cfg(target_arch = "wasm32")]
pub use cloudflare::nfkc;
#[cfg(not(target_arch = "wasm32"))]
pub use native::nfkc;

/// A boxed future, as the ports' methods return: they are called through `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One of each port, as one request or one job sees them: the meter is its own.
#[derive(Clone)]
pub struct Ports {
    /// D1.
    pub database: Arc<dyn Database>,
    /// KV.
    pub key_value: Arc<dyn KeyValue>,
    /// The queues that wake jobs up.
    pub queue: Arc<dyn Queue>,
    /// Who takes mails.
    pub mail: Arc<dyn Mail>,
    /// What keeps floods away.
    pub rate_limiter: Arc<dyn RateLimiter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for secrets.
    pub random: Arc<dyn Random>,
    /// Where log lines go.
    pub log: Arc<dyn Log>,
    /// Work that may outlive the answer.
    pub background: Arc<dyn Background>,
    /// What this request has cost so far.
    pub cost: Arc<CostMeter>,
    /// Which state of the database this request has reached.
    pub reached: Arc<ReachedState>,
}
