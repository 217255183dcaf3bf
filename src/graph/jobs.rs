//! What the outbox leaves to be done about follows.

use super::follows;
use crate::app::App;
use crate::error::Error;
use crate::id::{JobId, UserId};

/// As many statements as an invocation may have D1 run: of a batch each may count for itself.
const MOST_STATEMENTS: usize = 1_000;

/// As many messages as come in one invocation: `max_batch_size` of the queue `kith-jobs` in `wrangler.toml`.
const MOST_MESSAGES: usize = 20;

/// As many statements as a round has, and one more to spare.
const STATEMENTS: usize = 5;

/// As many rounds as are done for one message: so few that an invocation in which every message is one of these is
/// within the platform's limit. Whatever is left then is gone on with by a message of its own.
const ROUNDS: usize = MOST_STATEMENTS / MOST_MESSAGES / STATEMENTS;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn an_invocation_full_of_such_messages_is_within_the_platforms_limit() {
        let id = "01900000-0000-7000-8000-000000000000";
        let (job, account) = (id.parse().unwrap(), id.parse().unwrap());
        let (round, _) = follows::store::accept_some(&job, &account, Timestamp::from_millis(0));
        assert!(round.statements().len() < STATEMENTS);
        const { assert!(ROUNDS * STATEMENTS * MOST_MESSAGES <= MOST_STATEMENTS) };
        let queue = include_str!("../../wrangler.toml")
            .split("[[queues.consumers]]")
            .find(|consumer| consumer.contains("queue = \"kith-jobs\"\nmax"));
        let size = format!("max_batch_size = {MOST_MESSAGES}\n");
        assert!(queue.is_some_and(|queue| queue.contains(&size)));
    }
}
