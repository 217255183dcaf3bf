//! What people do: one file a slice, one scenario an endpoint. A slice joins the proof by adding its
//! own here.

mod auth;
mod health;
mod likes;
mod notifications;
mod posts;
mod users;

pub use auth::PASSWORD;

use std::collections::BTreeSet;
use std::sync::Arc;

use kith::platform::native::Sqlite;
use serde::Deserialize;
use serde_json::Value;

use crate::chaos::Chaos;
use crate::model::{Caller, Id, Job, Model, Prediction};

/// An HTTP request, without who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
    pub if_none_match: Option<String>,
}

impl Call {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            if_none_match: None,
        }
    }

    pub fn with(self, body: Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub body: Value,
}

/// The moment at which the database runs a batch of an operation: what there is to see and to change.
pub struct Moment<'a> {
    pub model: &'a mut Model,
    /// As it is right after the batch. For the ids that Kith gave.
    pub database: &'a Sqlite,
    /// The jobs that ought to have been left.
    pub jobs: Vec<Job>,
}

impl Moment<'_> {
    /// The column `id` of a query over the database.
    pub fn ids(&self, sql: &str, param: &str) -> Vec<Id> {
        #[derive(Deserialize)]
        struct Row {
            id: Id,
        }
        let results = self.database.batch(&[(sql, &[param.into()])]).unwrap();
        let rows: Vec<Row> = serde_json::from_str(results[0].rows.get()).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

/// One thing somebody does, by one request.
pub trait Operation: Send + Sync {
    /// The request.
    fn call(&self) -> Call;

    /// Whether it needs no account.
    fn open_to_anyone(&self) -> bool {
        false
    }

    /// Whether it changes anything.
    fn writes(&self) -> bool {
        true
    }

    /// What must come of the batch that the database has just run: done to the model, and told. A
    /// batch that the guard aborted is run too. `trip` counts an operation's trips from 0.
    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, trip: usize) -> Prediction;

    /// Whether the answer is what was predicted.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        agrees(prediction, answer)
    }

    /// What the client keeps of the answer.
    fn remember(&self, _prediction: &Prediction, _answer: &Answer, _memory: &mut Memory) {}
}

/// What a client knows.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Who it is.
    pub caller: Option<Caller>,
    /// The entity tag of its list of notifications.
    pub etag: Option<String>,
    /// How its list of posts goes on.
    pub page: Option<NextPage>,
}

/// How a list goes on after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage {
    pub cursor: String,
    /// What there was after that page to be seen, when it was read.
    pub rest: Vec<Id>,
}

/// Compares status and the fields that the prediction names.
///
/// # Errors
/// Where they differ.
pub fn agrees(prediction: &Prediction, answer: &Answer) -> Result<(), String> {
    if prediction.status == answer.status && holds(&answer.body, &prediction.body) {
        return Ok(());
    }
    let Prediction { status, body } = prediction;
    Err(format!(
        "answered {} {}, where {status} {body} was right",
        answer.status, answer.body
    ))
}

/// Whether `actual` holds everything that `expected` names.
fn holds(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| holds(actual, value))),
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual
                    .iter()
                    .zip(expected)
                    .all(|(actual, value)| holds(actual, value))
        }
        _ => actual == expected,
    }
}

/// What a client can choose from when it decides what to do.
pub struct Choice<'a> {
    pub model: &'a Model,
    pub chaos: &'a Chaos,
    /// What the client knows.
    pub memory: &'a Memory,
    /// Different for each choice of a run.
    pub number: u64,
}

impl Choice<'_> {
    /// Any post: mostly one that the client may see, and mostly one of the newest, so that people
    /// meet; but also others', hidden ones, deleted ones, and none at all.
    pub fn post(&self) -> Id {
        let viewer = self
            .memory
            .caller
            .as_ref()
            .map(|caller| caller.user.as_str());
        let visible = self.chaos.happens(0.75);
        let posts = self.model.posts.keys().rev();
        let posts = posts.filter(|id| !visible || self.model.may_see(viewer, id));
        let posts: Vec<_> = posts.collect();
        if posts.is_empty() || self.chaos.happens(0.02) {
            return "01890000-0000-7000-8000-000000000000".to_owned();
        }
        let newest = posts.len().min(3);
        let most = if self.chaos.happens(0.8) {
            newest
        } else {
            posts.len()
        };
        posts[self.chaos.pick(most)].clone()
    }

    /// A post of the client's own, if it has one.
    pub fn own_post(&self) -> Option<Id> {
        let me = &self.memory.caller.as_ref()?.user;
        let posts = self.model.posts.iter();
        let own: Vec<_> = posts
            .filter(|(_, post)| post.author == *me && post.is_there())
            .collect();
        let (id, _) = own.get(self.chaos.pick(own.len().max(1)))?;
        Some((*id).clone())
    }

    /// Anybody's username.
    pub fn username(&self) -> String {
        let place = self.chaos.pick(self.model.users.len());
        self.model
            .users
            .values()
            .nth(place)
            .unwrap()
            .username
            .clone()
    }
}

/// An endpoint, as people use it.
pub struct Scenario {
    /// Method and path, as in the list of routes.
    pub route: &'static str,
    /// The places from which it goes to the database, in order.
    pub sites: &'static [&'static str],
    /// Where the jobs that it leaves go to the database.
    pub leads_to: &'static [&'static str],
    /// How often it is done, compared with the others.
    pub weight: u64,
    /// Whether it costs a password's hash, which is slow.
    pub hashes: bool,
    /// Whether it asks the key–value store.
    pub reads_flags: bool,
    /// How it is done this time.
    pub draw: fn(&Choice<'_>) -> Arc<dyn Operation>,
}

/// Everything that people do.
pub const SCENARIOS: &[Scenario] = &[
    auth::REGISTER,
    auth::LOGIN,
    auth::LOGOUT,
    health::READY,
    likes::LIKE,
    likes::UNLIKE,
    likes::LIST,
    notifications::LIST,
    notifications::MARK_READ,
    posts::CREATE,
    posts::READ,
    posts::DELETE,
    posts::LIST,
    users::ME,
    users::PROFILE,
];

/// What Kith does by itself: from where the consumer, the sweep and the dead letters go to the
/// database.
pub const LIKE_JOB: &str = "jobs: like";
pub const POST_DELETED_JOB: &str = "jobs: post deleted";
pub const HANDLED_BY_THE_SWEEP: &str = "jobs: handled by the sweep";
pub const BURY: &str = "jobs: bury";
pub const SWEEP_SITES: &[&str] = &["jobs: sweep", HANDLED_BY_THE_SWEEP];

/// Every place from which Kith goes to the database.
pub fn sites() -> Vec<&'static str> {
    let people = SCENARIOS.iter().map(|scenario| scenario.sites);
    let chores = [&[LIKE_JOB, POST_DELETED_JOB, BURY], SWEEP_SITES];
    people.chain(chores).flatten().copied().collect()
}

/// The routes that touch nothing which could fail.
const WITHOUT_A_SCENARIO: [&str; 2] = ["GET /.well-known/jwks.json", "GET /health"];

#[test]
fn every_route_takes_part() {
    let listed = include_str!("../../snapshots/routes.txt")
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            [words.next(), words.next()].map(Option::unwrap).join(" ")
        });
    let played = SCENARIOS.iter().map(|scenario| scenario.route.to_owned());
    let exempt = WITHOUT_A_SCENARIO.map(str::to_owned);
    let taking_part: BTreeSet<String> = played.chain(exempt).collect();
    assert_eq!(taking_part, listed.collect());
}
