//! Follows and requests to follow.

pub(super) mod store;
