//! What is left to do, and what doing it means.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Id, Model, Status};

/// A job in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub task: Task,
    /// How often the sweep has taken it.
    pub attempts: i64,
    /// When the sweep takes it next, in milliseconds since the epoch; never once it is dead.
    pub due_at: Option<i64>,
    pub dead: bool,
    pub created_at: Timestamp,
    /// Until when a mail is in somebody's hands, or put off.
    pub leased_until: Option<i64>,
    /// How often a mail was put off.
    pub failures: i64,
}

/// What a job is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Like {
        post: Id,
        actor: Id,
        recipient: Id,
    },
    PostDeleted {
        post: Id,
        author: Id,
    },
    /// A mail, as its payload says it.
    Letter(Value),
}

impl Task {
    /// A mail about this, which names these.
    pub fn letter(about: &str, names: &[(&str, &str)]) -> Self {
        let mut payload = json!({"kind": "mail", "letter": about});
        for (name, value) in names {
            payload[*name] = json!(value);
        }
        Self::Letter(payload)
    }

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
            Self::Letter(payload) => payload.clone(),
        }
    }
}

impl Model {
    /// Does a job, which is then gone.
    pub fn finish_job(&mut self, id: &str) {
        let Some(job) = self.jobs.remove(id) else {
            return;
        };
        match job.task {
            Task::Like {
                post,
                actor,
                recipient,
            } => self.tell_of_like(&post, &actor, &recipient),
            Task::PostDeleted { post, author } => {
                if let Some(inbox) = self.inboxes.get_mut(&author) {
                    inbox.forget(&post);
                }
            }
            Task::Letter(_) => {}
        }
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
