//! Likes: the story Kith is built around.
//!
//! Invariants: at most one like per account and post, by the primary key; the post's counter and the
//! job that will notify its author are written in the batch of the like, and only if the like is
//! new; unliking takes the like and its count away together; one's own post may be liked, which
//! notifies nobody.

#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod routes;
mod store;
