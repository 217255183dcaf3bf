//! Posts and comments, and who may see them.
//!
//! Invariants: every read of a post goes through the one visibility predicate `visible!`, and whatever is added to
//! one, or read of what others have added, through `open_to!`; a deleted post's caption is erased, but for a day's record of a request with an
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
mod visibility;
mod words;
mod writing;

pub use removal::{Removal, append_removal_of_reported};
pub use store::{LikeCountRow, Post, append_like_count, select_like_count};
pub(crate) use store::{post, post_json};
pub(crate) use visibility::{in_sight, in_thread, is_there, open_to, reportable, shared, visible};
pub use visibility::{require_open, select_open_like_count};
