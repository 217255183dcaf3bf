//! What follows change in the accounts of both: their counters, and their versions.
//!
//! Invariants: each function is appended by the slice `graph` to the batch that changes the follow itself, and
//! looks at the rows of `follows` as they are before that; so a counter changes exactly where its follow does.

mod store;

pub use store::{
    Which, append_acceptance, append_acceptances, append_follow, append_follower,
    append_lost_follow, append_news_of_block, append_news_of_mute,
};
