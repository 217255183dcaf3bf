//! The lists of people: who follows, who is followed, who asks to follow, whom one blocks and mutes.

pub(super) mod store;
