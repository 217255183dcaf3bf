//! The outbox: what must still happen after a request, and who does it.
//!
//! A job is a row written in the batch of its cause; the queue's message is only the wake-up call.
//! Whoever handles a job deletes its row in the batch of the effect, so that each job has its effect
//! exactly once, however often its message arrives. What the queue loses, the sweep finds. An effect outside
//! of Kith comes at least once (`outside`).

mod log;
mod outbox;
mod outside;
mod store;
mod sweep;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::app::App;
use crate::auth::{self, Letter};
use crate::error::{Code, Error};
use crate::graph;
use crate::id::{JobId, PostId, UserId};
use crate::notifications::{self, Kind};
use crate::platform::{Channel, Verdict};

pub use outbox::{AppendedJob, KnownJob, NewJob, NewJobs};
pub use outside::{Asked, Handled, Lease, append_lease};
pub use store::{append_done, append_done_unless_changed};
pub(crate) use store::{insert_job, insert_jobs, insert_known_job, job_is_there};
pub use sweep::sweep;

/// What can be left to do. The JSON of it is the job's payload, in its row and in its message.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    try_from = "Map<String, Json>"
)]
pub enum Job {
    /// Accept whoever asks to follow an account that is no longer locked.
    Unlocked {
        /// The account.
        account_id: UserId,
    },
    /// Take what hangs on a deleted post out of people's sight.
    PostDeleted {
        /// The post.
        post_id: PostId,
        /// Its author.
        author_id: UserId,
    },
    /// Send a mail.
    Mail {
        /// What it is about.
        #[serde(flatten)]
        letter: Letter,
    },
    /// Tell a person something. Its kind is the job's.
    #[serde(untagged)]
    Tell(News),
}

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct News {
    /// What happened.
    pub kind: Kind,
    /// The post that was liked, the comment that was written, the post that names the recipient, or the post
    /// that the moderators did something about. None where it is about the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_id: Option<PostId>,
    /// Who did it; nobody is named where the moderators did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// Who is told.
    pub recipient_id: UserId,
}

/// Reads a payload.
impl TryFrom<Map<String, Json>> for Job {
    type Error = &'static str;

    fn try_from(said: Map<String, Json>) -> Result<Self, Self::Error> {
        Self::read(&said).ok_or("no job that this version knows")
    }
}

impl Job {
    /// By hand, as a letter is: [`Letter::read`].
    fn read(said: &Map<String, Json>) -> Option<Self> {
        let text = |name| said.get(name).and_then(Json::as_str);
        Some(match text("kind")? {
            "unlocked" => Self::Unlocked {
                account_id: text("account_id")?.parse().ok()?,
            },
            "post_deleted" => Self::PostDeleted {
                post_id: text("post_id")?.parse().ok()?,
                author_id: text("author_id")?.parse().ok()?,
            },
            "mail" => Self::Mail {
                letter: Letter::read(said)?,
            },
            kind => Self::Tell(News::read(Kind::named(kind)?, said)?),
        })
    }

    /// The text of its row and of its message.
    fn payload(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(Error::internal)
    }

    /// The queue that its message goes to: what waits for somebody outside waits alone.
    fn channel(&self) -> Channel {
        match self {
            Self::Mail { .. } => Channel::Mails,
            _ => Channel::Jobs,
        }
    }
}

impl News {
    fn read(kind: Kind, said: &Map<String, Json>) -> Option<Self> {
        let text = |name| said.get(name).and_then(Json::as_str);
        Some(Self {
            kind,
            post_id: text("post_id").map(str::parse).transpose().ok()?,
            actor_id: text("actor_id").map(str::parse).transpose().ok()?,
            recipient_id: text("recipient_id")?.parse().ok()?,
        })
    }
}

/// A job on its way through the queue.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Message {
    /// The job's row.
    pub id: JobId,
    /// The request that caused it.
    pub request_id: String,
    /// The trace it belongs to.
    pub trace_id: String,
    /// What to do.
    pub job: Job,
}

/// Seconds before a failed message comes again, by the number of attempts so far.
/// `wrangler.toml` sets as many retries, after which the message goes to the dead letters.
const RETRY_SECONDS: [u32; 8] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000];

/// What is put off for no longer than this comes again by its message; the sweep finds the rest.
const SOON: Duration = Duration::from_mins(1);

/// Handles one message of the queue, delivered for the `attempt`th time.
pub async fn consume(app: &App, body: &str, attempt: u32) -> Verdict {
    let message: Message = match serde_json::from_str(body) {
        Ok(message) => message,
        Err(error) => {
            // It can never succeed here. The row is the truth: if there is one, the sweep goes on.
            log::unreadable(app, None, &error);
            return Verdict::Acknowledge;
        }
    };
    match handle(app, &message, attempt).await {
        Ok(Handled::PutOff { delay, .. }) if delay <= SOON => Verdict::Retry {
            // Rounded up: a message that comes too soon is for nothing.
            delay_seconds: u32::try_from(delay.as_secs())
                .map_or(1, |seconds| seconds.saturating_add(1)),
        },
        Ok(_) => Verdict::Acknowledge,
        Err(_) => Verdict::Retry {
            delay_seconds: retry_delay(attempt),
        },
    }
}

/// Handles one message of the dead letters: its job is dead until an admin replays it.
pub async fn bury(app: &App, body: &str, attempt: u32) -> Verdict {
    let message: Message = match serde_json::from_str(body) {
        Ok(message) => message,
        Err(error) => {
            log::unreadable(app, None, &error);
            return Verdict::Acknowledge;
        }
    };
    let (batch, buried) = store::bury(&message.id, app.now());
    match app.run(batch).await.map(|outcome| outcome.changes(buried)) {
        // Done by now, or dead already: there is nothing to tell.
        Ok(Ok(0)) => Verdict::Acknowledge,
        Ok(_) => {
            log::dead(app, &message.id, &message.request_id, &message.trace_id);
            Verdict::Acknowledge
        }
        Err(error) => {
            log::handled(app, &message, attempt, &Err(error.into()));
            Verdict::Retry {
                delay_seconds: retry_delay(attempt),
            }
        }
    }
}

/// Does a job, and logs what came of it.
async fn handle(app: &App, message: &Message, attempt: u32) -> Result<Handled, Error> {
    let outcome = perform(app, message).await;
    log::handled(app, message, attempt, &outcome);
    if let Ok(Handled::Dead { .. }) = outcome {
        log::dead(app, &message.id, &message.request_id, &message.trace_id);
    }
    outcome
}

/// The one place that says who does which job.
async fn perform(app: &App, message: &Message) -> Result<Handled, Error> {
    let id = &message.id;
    match &message.job {
        Job::Tell(news) => notifications::tell(app, id, news).await?,
        Job::Unlocked { account_id } => {
            if !graph::accept_all(app, id, account_id).await? {
                // The rest is for another invocation: one may do only so much.
                wake_again(app, message).await?;
            }
        }
        Job::PostDeleted { post_id, author_id } => {
            notifications::forget_post(app, id, post_id, author_id).await?;
        }
        Job::Mail { letter } => return auth::deliver(app, id, letter).await,
    }
    Ok(Handled::Done)
}

/// Sends the wake-up call of a job that is not done once more.
async fn wake_again(app: &App, message: &Message) -> Result<(), Error> {
    let text = serde_json::to_string(message).map_err(Error::internal)?;
    let sent = app.ports().queue.send(message.job.channel(), vec![text]);
    sent.await.map_err(|error| Error::Unavailable {
        code: Code::DependencyUnavailable,
        source: error.to_string(),
    })
}

/// How long the oldest job has been waiting past its time, for health.
///
/// # Errors
/// When the database does not answer.
pub async fn backlog(app: &App) -> Result<Duration, Error> {
    let (batch, oldest) = store::oldest_due();
    let outcome = app.run(batch).await?;
    let late = outcome
        .first(&oldest)?
        .map_or(0, |oldest| app.now().millis_since(oldest.due_at));
    Ok(Duration::from_millis(u64::try_from(late).unwrap_or(0)))
}

fn retry_delay(attempt: u32) -> u32 {
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., last] = RETRY_SECONDS;
    RETRY_SECONDS.get(index).copied().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_payload_is_the_one_that_sql_writes() {
        let id = "01890000-0000-7000-8000-000000000000";
        let like = Job::Tell(News {
            kind: Kind::Like,
            post_id: Some(id.parse().unwrap()),
            actor_id: Some(id.parse().unwrap()),
            recipient_id: id.parse().unwrap(),
        });
        let deleted = Job::PostDeleted {
            post_id: id.parse().unwrap(),
            author_id: id.parse().unwrap(),
        };
        assert_eq!(
            serde_json::to_value([like, deleted]).unwrap(),
            json!([
                {"kind": "like", "post_id": id, "actor_id": id, "recipient_id": id},
                {"kind": "post_deleted", "post_id": id, "author_id": id},
            ])
        );
    }

    #[test]
    fn a_failing_message_waits_longer_each_time() {
        assert_eq!(retry_delay(1), 5);
        assert_eq!(retry_delay(8), 36_000);
        assert_eq!(retry_delay(99), 36_000);
    }
}
