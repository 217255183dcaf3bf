//! The jobs that tell people something, and the one that takes it back.

mod store;

use crate::app::App;
use crate::error::Error;
use crate::id::{JobId, PostId, UserId};
use crate::jobs::News;

/// Tells a person something: unless they were told before, or may not see the post it is about, or whoever did
/// it is gone by now, is muted by them, or one of the two blocks the other. What was taken back meanwhile, such
/// as a like, is told all the same, so that what a person sees does not hang on how fast the queue was.
///
/// # Errors
/// When the database does not answer. The effect may have been had all the same, so the caller tries
/// again, and the second time changes nothing.
pub async fn tell(app: &App, job: &JobId, news: &News) -> Result<(), Error> {
    app.run(store::tell(job, news, app.now())).await?;
    Ok(())
}

/// Takes what people were told about a post that is gone out of their lists. What the moderators did about it
/// stays.
///
/// # Errors
/// As [`tell`].
pub async fn forget_post(
    app: &App,
    job: &JobId,
    post: &PostId,
    author: &UserId,
) -> Result<(), Error> {
    app.run(store::forget_post(job, post, author)).await?;
    Ok(())
}
