//! Who follows, blocks and mutes whom.
//!
//! Invariants: nobody follows, blocks or mutes themselves; where one of two blocks the other, neither follows
//! or asks to follow the other; an account follows at most 2,000, its pending requests included; the counters
//! of both change in the batch of the follow. Whoever is suspended, and whoever blocks the one who asks, is not
//! there: neither to be followed nor in a list.

mod blocks;
mod follows;
mod jobs;
mod lists;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod store;

pub use jobs::accept_all;
