//! The words that a post is found by: the full-text index of posts.
//!
//! Invariants: what a caption says no more is in the index no more, from the same batch on; a post is in it once.
//! Beside its words stands for whom it is (the column `posts.audience`), so that whoever searches walks over no post
//! that is for others.

mod store;

pub(super) use store::{append, append_again, erase};
