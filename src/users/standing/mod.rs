//! An account's standing: its role, status and plan, which nobody gives themselves.
//!
//! Invariants: only the slices `admin` and `moderation` and the first admin's link change it, and none of
//! them through what a person sends about themselves; no change leaves Kith without an active admin.

mod rules;
mod store;

pub use rules::{Plan, Role, Status};
pub use store::{
    NewStanding, append_admin, append_standing, append_suspension_of_reported, require_an_admin,
};
