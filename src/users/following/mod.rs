//! What follows change in the accounts of both: their counters, and their versions.
//!
//! Invariants: each function is appended by the slice `graph` to the batch that changes the follow itself, and
//! looks at the rows of `follows` as they are before that; so a counter changes exactly where its follow does.

mod store;

use crate::word::word;

pub use store::{
    Which, append_acceptance, append_acceptances, append_changed_for, append_changed_for_both,
    append_follow, append_follower, append_lost_follow,
};

word! {
    /// What there is of a follow. Of two accounts there is one at most, in one of the states.
    pub FollowState {
        /// Asked for, of a locked account that has not answered.
        Pending = "pending",
        /// It is one.
        Accepted = "accepted",
    }
}

impl FollowState {
    /// Whether a follow and whether a request is meant, each as a parameter of a statement: by one of the two, or by
    /// none, which is both. Null is no state of any row.
    #[must_use]
    pub fn meant(state: Option<Self>) -> [Option<&'static str>; 2] {
        let meant = |one: Self| state.is_none_or(|state| state == one).then(|| one.as_str());
        [meant(Self::Accepted), meant(Self::Pending)]
    }
}
