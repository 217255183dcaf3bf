//! Taking a post away: by its author, who deletes it, or by a moderator, who removes it.
//!
//! Invariants: what is deleted is erased, what is removed keeps its words for moderators to look at; either way it
//! is neither found nor counted any more from the same batch on, and a removal is in the audit log.

pub(super) mod store;
