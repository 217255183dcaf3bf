//! What Kith promises, as plainly as it can be said: a sequential model of the product, without SQL,
//! batches or messages. Whatever the database runs is done to the model at the same moment; in the end
//! both must hold the same.

mod audit;
mod graph;
mod inbox;
mod jobs;
mod limits;
mod people;
mod posts;
mod prediction;
mod registrations;
mod reports;
mod sessions;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use kith::time::Timestamp;
use serde_json::Value;

pub use audit::Event;
pub use graph::Follow;
pub use inbox::Inbox;
pub use jobs::{Job, MODERATION, News, Task};
pub use limits::{Limited, Strictness, Window};
pub use people::{OLDER_HASH, Status, User};
pub use posts::{NewPost, Post};
pub use prediction::{ANYTHING, Prediction, agrees};
pub use registrations::{Registration, stale};
pub use reports::{Report, Resolution};
pub use sessions::{KEPT, LIFETIME, LONGEST_LIFE, Session};
pub use state::{differences, wrong_counters};

/// An identifier as text.
pub type Id = String;

/// The whole product.
#[derive(Clone, Default)]
pub struct Model {
    pub users: BTreeMap<Id, User>,
    pub sessions: BTreeMap<Id, Session>,
    /// Those that wait for their mail, or did until it was too late.
    pub registrations: BTreeMap<Id, Registration>,
    pub posts: BTreeMap<Id, Post>,
    /// Who likes what since when, by post and account.
    pub likes: BTreeMap<(Id, Id), Timestamp>,
    /// Follower and followee.
    pub follows: BTreeMap<(Id, Id), Follow>,
    /// Blocker and blocked, and since when.
    pub blocks: BTreeMap<(Id, Id), Timestamp>,
    /// Muter and muted, and since when.
    pub mutes: BTreeMap<(Id, Id), Timestamp>,
    /// What is left to do.
    pub jobs: BTreeMap<Id, Job>,
    /// Recipient, kind, what it is about, and who did it, which is the job where the moderators did.
    pub told: BTreeSet<[Id; 4]>,
    pub inboxes: BTreeMap<Id, Inbox>,
    /// What accounts have created under their idempotency keys.
    pub keys: BTreeMap<(Id, String), Recorded>,
    pub reports: BTreeMap<Id, Report>,
    /// The audit log.
    pub events: BTreeMap<Id, Event>,
    /// The links that make a first admin, by what is kept of them, and until when.
    pub links: BTreeMap<String, Timestamp>,
    /// From where each account has signed in.
    pub devices: BTreeMap<Id, BTreeSet<Device>>,
    /// How much of each quota is used.
    pub counts: BTreeMap<Window, u32>,
    pub strictness: Strictness,
}

/// What was created under an idempotency key.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The request it is for.
    pub request: Value,
    /// What was answered.
    pub answer: Value,
    pub at: Timestamp,
}

/// What kind of device somebody uses, and in which network.
pub type Device = (&'static str, &'static str);

/// Who asks, on which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user: Id,
    pub session: Id,
}
