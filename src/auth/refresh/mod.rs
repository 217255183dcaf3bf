//! Redeeming a refresh token for new tokens of its session.
//!
//! Invariants: only a token that Kith issued is ever looked up; a token is used once, and for 10 s
//! after that leads to the same child again, so that a lost answer or calls at the same moment do no
//! harm; whatever is older ends the session, because two must then hold its tokens; at any time one
//! token of a session has not been used.

pub(super) mod routes;
mod rules;
mod store;
mod token;

pub(super) use token::{EXAMPLE, RefreshToken, first};
