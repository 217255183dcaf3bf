//! The removal of a post that was reported, by those who moderate.
//!
//! Invariants: a removed post is there for nobody, by the one predicate, and is found by no words and under no
//! hashtag; it is removed once, with its event in the audit log, and the counters are taken back in the same
//! batch. It keeps its words, for moderators to look at.

mod store;

pub use store::{Removal, append_removal_of_reported};
