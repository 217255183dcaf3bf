//! What Kith promises, as plainly as it can be said: a sequential model of the product, without SQL,
//! batches or jobs' messages. Whatever the database runs is done to the model at the same moment; in
//! the end both must hold the same.

mod inbox;
mod people;
mod posts;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use inbox::Inbox;
pub use people::{Status, User};
pub use posts::{NewPost, Post};
pub use state::{differences, wrong_counters};

/// An identifier as text.
pub type Id = String;

/// The whole product.
#[derive(Default)]
pub struct Model {
    pub users: BTreeMap<Id, User>,
    /// Whose each session is, and whether it lives.
    pub sessions: BTreeMap<Id, (Id, bool)>,
    pub posts: BTreeMap<Id, Post>,
    /// Who likes what, by post and account.
    pub likes: BTreeSet<(Id, Id)>,
    /// Follower and followee.
    pub follows: BTreeSet<(Id, Id)>,
    /// Blocker and blocked.
    pub blocks: BTreeSet<(Id, Id)>,
    pub jobs: BTreeMap<Id, Job>,
    /// Recipient, post and actor.
    pub told: BTreeSet<(Id, Id, Id)>,
    pub inboxes: BTreeMap<Id, Inbox>,
}

/// What is left to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    Like { post: Id, actor: Id, recipient: Id },
    PostDeleted { post: Id, author: Id },
}

impl Job {
    /// As its payload says it.
    pub fn payload(&self) -> Value {
        match self {
            Self::Like {
                post,
                actor,
                recipient,
            } => json!({
                "kind": "like", "post_id": post, "actor_id": actor, "recipient_id": recipient,
            }),
            Self::PostDeleted { post, author } => json!({
                "kind": "post_deleted", "post_id": post, "author_id": author,
            }),
        }
    }
}

/// Who asks, on which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user: Id,
    pub session: Id,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub status: u16,
    /// What the body must hold at least: each field named here, with this value.
    pub body: Value,
}

impl Prediction {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    pub fn refusal(status: u16, code: &str) -> Self {
        Self::new(status, json!({"code": code}))
    }

    pub fn not_found() -> Self {
        Self::refusal(404, "not_found")
    }
}

impl Model {
    /// Refuses whoever is not, or no longer, signed in.
    ///
    /// # Errors
    /// The refusal.
    pub fn guard(&self, caller: &Caller) -> Result<(), Prediction> {
        let ended = || Prediction::refusal(401, "session_ended");
        let (owner, lives) = self.sessions.get(&caller.session).ok_or_else(ended)?;
        if *owner != caller.user || !lives {
            return Err(ended());
        }
        match self.users[&caller.user].status {
            Status::Active => Ok(()),
            Status::Suspended => Err(Prediction::refusal(403, "account_suspended")),
        }
    }

    pub fn blocked_between(&self, one: &str, other: &str) -> bool {
        let blocks = |blocker: &str, blocked: &str| {
            self.blocks
                .contains(&(blocker.to_owned(), blocked.to_owned()))
        };
        blocks(one, other) || blocks(other, one)
    }

    /// Does a job, which is then gone.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn do_job(&mut self, id: &str) -> Result<(), String> {
        let job = self
            .jobs
            .remove(id)
            .ok_or_else(|| format!("the job {id} was done, and is none"))?;
        match job {
            Job::Like {
                post,
                actor,
                recipient,
            } => self.tell_of_like(&post, &actor, &recipient),
            Job::PostDeleted { post, author } => {
                if let Some(inbox) = self.inboxes.get_mut(&author) {
                    inbox.forget(&post);
                }
            }
        }
        Ok(())
    }

    fn tell_of_like(&mut self, post: &str, actor: &str, recipient: &str) {
        let is_there = self.posts[post].is_there();
        let active = self.users[actor].status == Status::Active;
        if !is_there || !active || self.blocked_between(actor, recipient) {
            return;
        }
        let told = (recipient.to_owned(), post.to_owned(), actor.to_owned());
        if self.told.insert(told) {
            let inbox = self.inboxes.entry(recipient.to_owned()).or_default();
            inbox.tell(post, actor);
        }
    }
}
