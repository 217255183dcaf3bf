//! Making an account.
//!
//! Invariants: a username and a password keep the rules before anything is hashed; a deployment that tells
//! nobody who has an account looks for none at the e-mail address, does the same whatever there is, and
//! makes the account once the mail to that address is answered.

mod pending;
pub(super) mod routes;
mod rules;
mod store;

pub(super) use pending::finish;
pub use pending::forget_old_registrations;
pub(super) use rules::{RegisterRequest, Registration};
