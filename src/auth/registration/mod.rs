//! Making an account.
//!
//! Invariants: a username and a password keep the rules before anything is hashed; what is answered
//! about a taken e-mail address is nothing, unless the deployment is for development.

pub(super) mod routes;
mod rules;

pub(super) use rules::{RegisterRequest, Registration};
