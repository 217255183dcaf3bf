//! Writing a post or a comment, and letting it say something else.
//!
//! Invariants: what a post is found by and whom it names is what its caption says, because all three are written
//! together; a comment has the visibility of what it answers, by the database's own word; whoever is told of a
//! comment as the one it answers is not told that they are named in it.

mod store;

pub(super) use store::{NewPostJobs, NewRow, create, update};
