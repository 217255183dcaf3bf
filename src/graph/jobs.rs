//! What the outbox leaves to be done about follows.

use super::follows;
use crate::app::App;
use crate::error::Error;
use crate::id::{JobId, UserId};

/// As many rounds as one invocation does: each is a trip, and an invocation may make a thousand.
const ROUNDS: usize = 200;

/// Accepts whoever has asked to follow an account that is no longer locked, in rounds of bounded batches, until
/// none is left or the account is locked again; the job goes with the round that finds nothing to do. Whether
/// that was reached.
///
/// # Errors
/// When the database does not answer. What a round has done stays, so the caller tries again.
pub async fn accept_all(app: &App, job: &JobId, account: &UserId) -> Result<bool, Error> {
    for _ in 0..ROUNDS {
        let (batch, accepted) = follows::store::accept_some(job, account, app.now());
        if app.run(batch).await?.changes(accepted)? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
