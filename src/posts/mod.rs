//! Posts and comments, and who may see them.
//!
//! Invariants: every read of a post, and of what hangs on one, goes through the one visibility
//! predicate `visible!`; a deleted post's caption is erased, but for a day's record of a request with an
//! idempotency key (decision 0018); counters change only in the batch of the fact they count.

mod captions;
mod comments;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
mod removal;
pub mod routes;
mod rules;
mod store;
mod timelines;
mod writing;

pub use removal::{Removal, append_removal_of_reported};
pub use store::{LikeCountRow, Post, append_like_count, require_visible, select_like_count};
pub(crate) use store::{in_sight, is_there, post, post_json, visible};
