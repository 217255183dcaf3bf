//! Registering, signing in and out: credentials, sessions, access tokens.
//!
//! Invariants: an access token is checked at the edge, without a database, and makes the
//! [`Viewer`](crate::viewer::Viewer) whose batches are guarded; no password, access token or refresh
//! token is ever stored or logged; whether an account exists shows neither in an answer nor in the
//! work it takes.

mod password;
mod refresh;
pub mod routes;
mod rules;
mod store;
mod token;
mod verified;

pub use token::TokenKeys;
