//! What a person is told: the in-app list.
//!
//! Invariants: once per (recipient, kind, actor, subject), ever; what is shown is a group per
//! (recipient, kind, subject) with its latest actors; each change takes the next number of the
//! recipient's sequence in the batch that delivers it, so that nobody resuming by number can skip
//! one; what is read is a watermark, not a mark on each row.

mod jobs;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;

pub use jobs::{forget_post, tell_of_like};
