//! Comments: posts that reply to another.
//!
//! Invariants: a comment is counted by the post it answers, in the batch that writes or takes it away; whoever
//! wrote what it answers is told once, and nobody of their own; a comment that is gone stays as a stub while it
//! has replies itself.

pub(super) mod routes;
mod store;

pub(super) use store::append_comment;
