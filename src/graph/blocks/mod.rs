//! Blocks and mutes.

pub(super) mod store;
