//! The jobs that tell people something.

use super::store;
use crate::app::App;
use crate::error::Error;
use crate::id::{JobId, PostId, UserId};

/// Tells the author of a post that somebody likes it: unless they were told before, or the post or the
/// one who liked it is gone by now, or one blocks the other. A like that was taken back meanwhile is
/// told all the same, so that what the author sees does not hang on how fast the queue was.
///
/// # Errors
/// When the database does not answer. The effect may have been had all the same, so the caller tries
/// again, and the second time changes nothing.
pub async fn tell_of_like(
    app: &App,
    job: &JobId,
    post: &PostId,
    actor: &UserId,
    recipient: &UserId,
) -> Result<(), Error> {
    app.run(store::tell_of_like(job, post, actor, recipient, app.now()))
        .await?;
    Ok(())
}

/// Takes what the author of a deleted post was told about it out of their list.
///
/// # Errors
/// As [`tell_of_like`].
pub async fn forget_post(
    app: &App,
    job: &JobId,
    post: &PostId,
    author: &UserId,
) -> Result<(), Error> {
    app.run(store::forget_post(job, post, author)).await?;
    Ok(())
}
