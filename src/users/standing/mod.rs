//! An account's standing: its role, status and plan, which nobody gives themselves.
//!
//! Invariants: only the slice `admin` and the first admin's link change it, and neither through what a
//! person sends about themselves; no change leaves Kith without an active admin.

mod rules;
mod store;

pub use rules::{Plan, Role, Status};
pub use store::{NewStanding, append_admin, append_standing, require_an_admin};
