//! Sessions: one login on one device each, which begins with a password, is listed for its owner, and ends
//! when the owner says so, when it is not renewed, or after a year.
//!
//! Invariants: a session begins only while the password that opened it is the account's and the account is
//! active; an ended session does not come back, and nothing lengthens a life beyond [`LONGEST_LIFE`];
//! nobody learns of another's sessions.

mod opening;
pub(super) mod routes;
mod rules;
mod store;

use std::time::Duration;

use crate::error::Error;
use crate::http::forget;
use crate::platform::Database;
use crate::time::Timestamp;

pub(super) use opening::{Session, user_agent};
pub(super) use store::append_end;

/// How long a session lives without being renewed.
pub(super) const LIFETIME: Duration = Duration::from_hours(60 * 24);

/// How long a session lives at the most, from its beginning, however often it is renewed.
pub(super) const LONGEST_LIFE: Duration = Duration::from_hours(365 * 24);

/// Forgets sessions that began so long ago that none of them can be alive.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_old_sessions(database: &dyn Database, now: Timestamp) -> Result<(), Error> {
    forget(database, store::SWEEP_LIMIT, || store::sweep(now)).await
}
