//! What is left to do, and what doing it means.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Id, Model, Status};

/// The kinds that are about a post: they go with it.
pub const ABOUT_POSTS: [&str; 4] = ["like", "comment", "reply", "mention"];

/// The kinds that are about what somebody does to a person.
const ABOUT_PEOPLE: [&str; 2] = ["follow", "follow_request"];

/// What the moderators do, to a post or to a person.
pub const MODERATION: &str = "moderation";

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
    /// Tell a person something.
    Tell(News),
    PostDeleted {
        post: Id,
        author: Id,
    },
    /// Accept whoever asks to follow an account that was unlocked.
    Unlocked(Id),
    /// A mail, as its payload says it.
    Letter(Value),
}

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub kind: &'static str,
    /// None where it is about the recipient.
    pub post: Option<Id>,
    /// None where the moderators did it.
    pub actor: Option<Id>,
    pub recipient: Id,
}

impl News {
    /// What is told together.
    pub fn subject(&self) -> &str {
        self.post.as_ref().unwrap_or(&self.recipient)
    }

    fn payload(&self) -> Value {
        let mut payload = json!({"kind": self.kind, "recipient_id": self.recipient});
        for (name, id) in [("post_id", &self.post), ("actor_id", &self.actor)] {
            if let Some(id) = id {
                payload[name] = json!(id);
            }
        }
        if self.kind == MODERATION {
            // A warning says that it is about no post.
            payload["post_id"] = json!(self.post);
        }
        payload
    }
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
            Self::Tell(news) => news.payload(),
            Self::PostDeleted { post, author } => json!({
                "kind": "post_deleted", "post_id": post, "author_id": author,
            }),
            Self::Unlocked(account) => json!({"kind": "unlocked", "account_id": account}),
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
            Task::Tell(news) => self.tell(id, &news),
            Task::PostDeleted { post, .. } => {
                for inbox in self.inboxes.values_mut() {
                    inbox.forget(&post);
                }
            }
            // What an unlocking leads to is done in rounds: `accept_all`.
            Task::Unlocked(_) | Task::Letter(_) => {}
        }
    }

    /// Does the job `id`, which is to tell somebody something.
    fn tell(&mut self, id: &str, news: &News) {
        if !self.is_to_be_told(news) {
            return;
        }
        let recipient = &news.recipient;
        // Two things that the moderators did are two things, whatever they were about.
        let by = news.actor.as_deref().unwrap_or(id);
        let told = [recipient, news.kind, news.subject(), by].map(str::to_owned);
        if self.told.insert(told) {
            let inbox = self.inboxes.entry(recipient.clone()).or_default();
            inbox.tell(news);
        }
    }

    /// Written from the product's rules, not from what SQL asks.
    fn is_to_be_told(&self, news: &News) -> bool {
        let recipient = &news.recipient;
        let Some(actor) = &news.actor else {
            return news.kind == MODERATION;
        };
        if !self.may_be_named(actor, recipient) {
            return false;
        }
        let Some(id) = &news.post else {
            return ABOUT_PEOPLE.contains(&news.kind);
        };
        let post = &self.posts[id];
        let parent = post.reply_to.as_ref().map(|parent| &self.posts[parent]);
        let is_theirs = post.is_there() && post.author == *recipient;
        let answers_them = parent.is_some_and(|parent| parent.author == *recipient);
        (is_theirs || self.may_see(Some(recipient), id))
            && !(news.kind == "mention" && answers_them)
    }

    /// Whether a person is to hear of what another did.
    pub fn may_be_named(&self, actor: &str, recipient: &str) -> bool {
        let muted = (recipient.to_owned(), actor.to_owned());
        self.users[actor].status == Status::Active
            && !self.mutes.contains_key(&muted)
            && !self.blocked_between(actor, recipient)
    }
}
