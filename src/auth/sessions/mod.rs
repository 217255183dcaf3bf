//! Sessions: one login on one device each, which begins with a password and ends when its owner says so.
//!
//! Invariants: a session begins only while the password that opened it is the account's and the account is
//! active; an ended session does not come back.

mod opening;
pub(super) mod routes;
mod store;

pub(super) use opening::{SESSION_LIFETIME, Session};
