//! Taking a post away: by its author, who deletes it, or by a moderator, who removes it, on a report or without.
//!
//! Invariants: what is deleted is erased, what is removed keeps its words for moderators to look at; either way it
//! is there for nobody, by the one predicate, and is neither found nor counted any more from the same batch on. It
//! goes once. A removal is in the audit log, and its author is told of it.

pub(super) mod store;

pub use store::{Removal, append_removal_of_reported};
