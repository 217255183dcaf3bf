//! Forgetting rows that no longer count, a bounded number at a time.

use crate::error::Error;
use crate::platform::{Batch, Database, Write};

/// How many batches one sweep takes at most.
const BATCHES: usize = 20;

/// Runs the batch that `next` makes until it finds less than the `limit` of rows that it deletes at most.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn forget(
    database: &dyn Database,
    limit: i64,
    next: impl Fn() -> (Batch, Write),
) -> Result<(), Error> {
    for _ in 0..BATCHES {
        let (batch, forgotten) = next();
        let forgotten = batch.run(database).await?.changes(forgotten)?;
        if i64::try_from(forgotten).unwrap_or(i64::MAX) < limit {
            break;
        }
    }
    Ok(())
}
