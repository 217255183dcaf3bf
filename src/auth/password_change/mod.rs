//! Choosing a new password by whoever is signed in and knows the old one.
//!
//! Invariants: wrong ones are counted by the session that tries, before they are looked at; with the old
//! password end all other sessions, and every mail that was to lead to a new one.

pub(super) mod routes;
mod rules;
mod store;
