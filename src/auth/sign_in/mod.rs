//! Beginning a session with a name and a password.
//!
//! Invariants: a sign-in takes the same work and gives the same answer for an unknown name as for a wrong
//! password; it is counted before the password is looked at; whether it succeeds or not, it is in the audit
//! log.

pub(super) mod routes;
mod rules;
mod store;
