//! Writing and editing posts and comments.
//!
//! Invariants: what a post is found by and whom it names is what its caption says, because all three are written
//! together; a comment has the visibility of what it answers, copied by the statement that inserts it; whoever is
//! told of a comment as the one it answers is not told that they are named in it.

mod store;

pub(super) use store::{NewPostJobs, NewRow, create, update};
