//! Who is there for whom: what a suspension, a block and a mute hide of a person.
//!
//! Invariants: whoever is asked for by name is there unless they are not active or block the one who asks; whoever
//! is met among others, and whatever hangs on somebody, is there unless either blocks the other.

mod store;

pub use store::require_person;
pub(crate) use store::{blocked_between, blocked_by, is_found, is_met, muted_by};
