//! Posts, and who may see them.
//!
//! Invariants: every read of a post, and of what hangs on one, goes through the one visibility
//! predicate `visible!`; a deleted post's caption is erased, but for a day's record of a request with an
//! idempotency key (decision 0018); counters change only in the batch of the fact they count.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod rules;
mod store;

pub(crate) use store::visible;
pub use store::{LikeCountRow, append_like_count, require_visible, select_like_count};
