//! Registering, proving an address, signing in, renewing a session and signing out: credentials, sessions,
//! tokens.
//!
//! Invariants: an access token is checked at the edge, without a database, and makes the
//! [`Viewer`](crate::viewer::Viewer) whose batches are guarded; no password, access token or refresh
//! token is ever stored or logged; a sign-in takes the same work and gives the same answer for an
//! unknown name as for a wrong password.

mod devices;
mod email;
mod letters;
mod mail_token;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
mod password;
mod password_change;
mod password_reset;
mod refresh;
mod registration;
pub mod routes;
mod rules;
mod sessions;
mod setup;
mod sign_in;
mod token;
mod verified;

use registration::{RegisterRequest, Registration};

pub use letters::{Letter, deliver};
pub use registration::forget_old_registrations;
pub use sessions::forget_old_sessions;
pub use token::TokenKeys;
