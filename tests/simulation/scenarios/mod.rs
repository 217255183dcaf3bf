//! What people do: one file a slice, one scenario an endpoint. A slice joins the proof by adding its
//! own here.

mod admin;
mod auth;
mod conditional;
mod email;
mod feed;
mod graph;
mod health;
mod likes;
mod lists;
mod moderation;
mod notifications;
mod passwords;
mod posts;
mod refresh;
mod search;
mod sessions;
mod set_up;
mod timelines;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kith::platform::native::Sqlite;
use kith::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::chaos::Chaos;
use crate::model::{self, Caller, Device, Event, Id, Model, Prediction, Registration, Task};
use crate::refresh_tokens;
use crate::world::RunId;

pub use auth::{OTHER_PASSWORD, PASSWORD};
pub use conditional::Seen;
pub use lists::NextPage;
pub use set_up::{LINKS, hash as hash_of_link, token as token_of_link};

/// An HTTP request, without who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
    pub if_none_match: Option<String>,
    pub if_match: Option<String>,
    pub idempotency_key: Option<String>,
}

impl Call {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            if_none_match: None,
            if_match: None,
            idempotency_key: None,
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
    /// Whether it says that it was answered before.
    pub replayed: bool,
    /// The state that it names.
    pub bookmark: Option<String>,
    pub body: Value,
}

/// The moment at which the database runs a batch of an operation: what there is to see and to change.
pub struct Moment<'a> {
    pub model: &'a mut Model,
    /// As it is right after the batch. For the ids that Kith gave.
    pub database: &'a Sqlite,
    /// When the request began, by its machine's clock.
    pub began: Timestamp,
    /// When the batch was sent, by that clock.
    pub now: Timestamp,
    /// When the first batch of the request was sent.
    pub first_sent: Timestamp,
    /// Whose the client's address is.
    pub address: &'static str,
    /// What sent the request, as it calls itself.
    pub agent: &'static str,
    /// What kind of device that is, and in which network.
    pub device: Device,
    /// Which request it is.
    pub run: RunId,
    /// What an earlier trip of the same request has seen, as the operation words it.
    pub noted: &'a mut String,
    /// What ought to be left to do.
    pub tasks: Vec<Task>,
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

    /// Who asks, if they are signed in and may act.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit<'a>(&self, caller: Option<&'a Caller>) -> Result<&'a Caller, Prediction> {
        // Whoever is nobody does not get as far as the database.
        let nobody = || Prediction::refusal(401, "authentication_required");
        let caller = caller.ok_or_else(nobody)?;
        self.model.guard(caller, self.began)?;
        Ok(caller)
    }

    /// Who asks, if they are signed in, may act, and have one of these roles.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit_as<'a>(
        &self,
        caller: Option<&'a Caller>,
        roles: &[&str],
    ) -> Result<&'a Caller, Prediction> {
        let caller = self.admit(caller)?;
        if roles.contains(&self.model.users[&caller.user].role) {
            Ok(caller)
        } else {
            Err(Prediction::refusal(403, "role_required"))
        }
    }

    /// Takes down an event, under the id that Kith gave it.
    pub fn record(&mut self, event: Event) {
        let ids = self.ids("select id from audit_events where kind = ?1", event.kind);
        let new = ids
            .into_iter()
            .find(|id| !self.model.events.contains_key(id));
        let id = new.unwrap_or_else(|| format!("not recorded: {}", event.kind));
        self.model.events.insert(id, event);
    }

    /// As [`Moment::admit`], where nobody in particular may ask too.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit_if_signed_in<'a>(
        &self,
        caller: Option<&'a Caller>,
    ) -> Result<Option<&'a str>, Prediction> {
        let caller = caller.map(|caller| self.admit(Some(caller))).transpose()?;
        Ok(caller.map(|caller| caller.user.as_str()))
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

    /// Whether it matters who asks.
    fn looks_at_token(&self) -> bool {
        true
    }

    /// Why it must be refused before it gets to the database, whoever asks.
    fn refusal(&self) -> Option<Prediction> {
        None
    }

    /// After which time it is asked once more though it was answered, because then something else may
    /// be right.
    fn asks_again_after(&self, _chaos: &Chaos) -> Option<Duration> {
        None
    }

    /// Whether it changes anything.
    fn writes(&self) -> bool {
        true
    }

    /// Whether its success names the state that it made.
    fn names_state(&self, _status: u16) -> bool {
        true
    }

    /// Whether this is the subject of something that it is counted for, and that gives nothing back.
    fn is_counted_for(&self, _caller: Option<&Caller>, address: &str, subject: &str) -> bool {
        subject == address
    }

    /// What must come of the batch that the database has just run: done to the model, and told. A
    /// batch that aborted itself was run too. `trip` counts an operation's trips from 0.
    ///
    /// # Errors
    /// The refusal that must be answered.
    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        trip: usize,
    ) -> Result<Prediction, Prediction>;

    /// Whether the answer is what was predicted.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        model::agrees(prediction, answer.status, &answer.body)
    }

    /// What the client keeps of the answer.
    fn remember(&self, _prediction: &Prediction, _answer: &Answer, _memory: &mut Memory) {}
}

/// What a client knows.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Who it is.
    pub caller: Option<Caller>,
    /// The access token that it was given.
    pub token: Option<String>,
    /// The refresh tokens that it was given for its session, the newest last.
    pub refresh_tokens: Vec<String>,
    /// The entity tag of a list of notifications, perhaps of another account that used the device.
    pub etag: Option<String>,
    /// Single resources as they were last seen, by their paths, perhaps by another account too.
    pub seen: BTreeMap<String, Seen>,
    /// How lists go on, by their paths.
    pub pages: BTreeMap<String, NextPage>,
    /// The bookmarks that the device was given, the latest last.
    pub bookmarks: Vec<String>,
}

impl Memory {
    /// The same device, used by somebody else or by nobody.
    pub fn of_another(&mut self, caller: Option<Caller>, token: Option<String>) {
        *self = Self {
            caller,
            token,
            refresh_tokens: vec![],
            etag: self.etag.take(),
            seen: std::mem::take(&mut self.seen),
            pages: BTreeMap::new(),
            bookmarks: std::mem::take(&mut self.bookmarks),
        };
    }

    /// The same device, in a session that Kith did not open.
    pub fn of_session(&mut self, caller: Caller) {
        let token = refresh_tokens::first(&caller.session).text();
        self.of_another(Some(caller), None);
        self.refresh_tokens.push(token);
    }

    /// Keeps how a list goes on.
    fn turn_page(&mut self, list: &str, next: Option<NextPage>) {
        match next {
            Some(next) => self.pages.insert(list.to_owned(), next),
            None => self.pages.remove(list),
        };
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
    /// Whether registration tells that an e-mail address is taken.
    pub reveals_email: bool,
}

impl Choice<'_> {
    /// Any post: mostly one that the client may see, and mostly one of the newest, so that people
    /// meet; but also others', hidden ones, deleted ones, and none at all.
    pub fn post(&self) -> Id {
        let caller = self.memory.caller.as_ref();
        let viewer = caller.map(|caller| caller.user.as_str());
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
        let own = posts.filter(|(_, post)| post.author == *me && post.is_there());
        let own: Vec<_> = own.collect();
        let (id, _) = own.get(self.chaos.pick(own.len().max(1)))?;
        Some((*id).clone())
    }

    /// Anybody's username.
    pub fn username(&self) -> String {
        let place = self.chaos.pick(self.model.users.len());
        let user = self.model.users.values().nth(place).unwrap();
        user.username.clone()
    }

    /// A registration that waits for its mail, or did, if there is any.
    pub fn waiting(&self) -> Option<&Registration> {
        let place = self.chaos.pick(self.model.registrations.len().max(1));
        self.model.registrations.values().nth(place)
    }

    /// How many entries a page is to have at most: mostly few, so that there are several.
    pub fn limit(&self) -> usize {
        if self.chaos.happens(0.3) {
            100
        } else {
            1 + self.chaos.pick(4)
        }
    }

    /// Where the client goes on in a list, or that it begins anew.
    pub fn next_page(&self, list: &str) -> Option<NextPage> {
        let next = self.memory.pages.get(list).cloned();
        next.filter(|_| self.chaos.happens(0.8))
    }
}

/// The request for a page of a list.
fn page_call(list: &str, after: Option<&NextPage>, limit: usize) -> Call {
    let cursor = after.map_or_else(String::new, |next| format!("&cursor={}", next.cursor));
    Call::new("GET", format!("{list}?limit={limit}{cursor}"))
}

/// A place from which an operation goes to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    pub name: &'static str,
    /// Whether it goes there to change something.
    pub writes: bool,
}

impl Site {
    pub const fn reading(name: &'static str) -> Self {
        Self {
            name,
            writes: false,
        }
    }

    pub const fn writing(name: &'static str) -> Self {
        Self { name, writes: true }
    }
}

/// An endpoint, as people use it.
pub struct Scenario {
    /// Method and path, as in the list of routes.
    pub route: &'static str,
    /// The places from which it goes to the database, in order.
    pub sites: &'static [Site],
    /// Where the jobs that it leaves go to the database.
    pub leads_to: &'static [Site],
    /// How often it is done, compared with the others.
    pub weight: u64,
    /// Whether it costs a password's hash, which is slow.
    pub hashes: bool,
    /// Whether it asks the key–value store.
    pub reads_flags: bool,
    /// How it is done this time.
    pub draw: fn(&Choice<'_>) -> Arc<dyn Operation>,
}

/// A scenario as most are.
pub const USUAL: Scenario = Scenario {
    route: "",
    sites: &[],
    leads_to: &[],
    weight: 5,
    hashes: false,
    reads_flags: false,
    draw: |_| panic!("a scenario says how it is done"),
};

/// Everything that people do.
pub const SCENARIOS: &[Scenario] = &[
    auth::REGISTER,
    auth::LOGIN,
    auth::LOGOUT,
    refresh::REFRESH,
    set_up::SET_UP,
    admin::LIST,
    admin::CHANGE,
    admin::AUDIT,
    sessions::LIST,
    sessions::END,
    email::CHANGE,
    email::VERIFY,
    email::RESEND,
    passwords::CHANGE,
    passwords::FORGOT,
    passwords::RESET,
    health::READY,
    likes::LIKE,
    likes::UNLIKE,
    likes::LIST,
    notifications::LIST,
    notifications::MARK_READ,
    moderation::REPORT,
    moderation::LIST,
    moderation::RESOLVE,
    posts::CREATE,
    posts::COMMENT,
    posts::READ,
    posts::EDIT,
    posts::DELETE,
    feed::LIST,
    timelines::PUBLIC,
    timelines::TAGGED,
    timelines::OF_PERSON,
    timelines::COMMENTS,
    search::SEARCH,
    users::ME,
    users::UPDATE,
    users::PROFILE,
    graph::DIRECTORY,
    graph::FOLLOW,
    graph::UNFOLLOW,
    graph::BLOCK,
    graph::UNBLOCK,
    graph::MUTE,
    graph::UNMUTE,
    graph::ACCEPT,
    graph::REFUSE,
    graph::REMOVE,
    graph::FOLLOWERS,
    graph::FOLLOWING,
    graph::REQUESTS,
    graph::BLOCKS,
    graph::MUTES,
];

/// What Kith does by itself: from where the consumer, the sweep and the dead letters go to the
/// database.
pub const TELL_JOB: Site = Site::writing("jobs: tell");
pub const POST_DELETED_JOB: Site = Site::writing("jobs: post deleted");
pub const UNLOCKED_JOB: Site = Site::writing("jobs: unlocked");
pub const MAIL_SITES: &[Site] = &[
    Site::writing("jobs: mail, taken"),
    Site::writing("jobs: mail, done"),
];
pub const HANDLED_BY_THE_SWEEP: Site = Site::writing("jobs: handled by the sweep");
pub const BURY: Site = Site::writing("jobs: bury");
pub const FORGET_KEYS: Site = Site::writing("http: forget idempotency keys");
pub const FORGET_COUNTS: Site = Site::writing("http: forget counts");
pub const FORGET_SESSIONS: Site = Site::writing("auth: forget sessions");
pub const FORGET_REGISTRATIONS: Site = Site::writing("auth: forget registrations");
pub const SWEEP_SITES: &[Site] = &[Site::writing("jobs: sweep"), HANDLED_BY_THE_SWEEP];

/// Every place from which Kith goes to the database.
pub fn sites() -> Vec<Site> {
    let people = SCENARIOS.iter().map(|scenario| scenario.sites);
    let chores: [&[Site]; 4] = [
        &[TELL_JOB, POST_DELETED_JOB, UNLOCKED_JOB, BURY],
        &[
            FORGET_KEYS,
            FORGET_COUNTS,
            FORGET_SESSIONS,
            FORGET_REGISTRATIONS,
        ],
        MAIL_SITES,
        SWEEP_SITES,
    ];
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
