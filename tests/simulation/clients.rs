//! People and their devices: each device sends one request after another, and asks again where it
//! does not know what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::Request;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, USER_AGENT,
};
use http_body_util::BodyExt;
use kith::http::body::Body;
use kith::http::headers::{CF_CONNECTING_IP, D1_BOOKMARK, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use kith::platform::Clock;
use serde_json::Value;

use crate::chaos;
use crate::executor::{Owner, pause};
use crate::hands::Kind;
use crate::model::{Caller, Id};
use crate::ports::ports;
use crate::replicas::FORGED;
use crate::scenarios::{
    Answer, Call, Choice, MAIL_SITES, Memory, Operation, SCENARIOS, SWEEP_SITES, Scenario,
};
use crate::tokens;
use crate::world::{Isolate, What, World};

/// A device.
pub struct Client {
    world: Arc<World>,
    /// Whose it is; nobody's sometimes.
    home: Option<Id>,
    memory: Memory,
    /// Whether it may do what costs a password's hash.
    hashes: bool,
    /// Whether it keeps a token until it is refused.
    careless: bool,
    /// Its address as the platform writes it, and whose that is.
    address: (&'static str, &'static str),
    /// What it calls itself, and what kind of device that is.
    agent: (&'static str, &'static str),
}

/// The addresses there are: few, so that people share some, and each of them in several forms.
const ADDRESSES: [(&str, &str); 7] = [
    ("203.0.113.7", "a house"),
    ("::ffff:203.0.113.7", "a house"),
    ("2001:db8:0:1::7", "a network"),
    ("2001:db8:0:1:aaaa:bbbb:cccc:dddd", "a network"),
    ("2001:db8:0:2::7", "the network beside"),
    ("203.0.113.8", "the house beside"),
    ("", "nowhere"),
];

/// What devices call themselves, of three kinds.
const AGENTS: [(&str, &str); 5] = [
    ("Kith/1.2 (Phone; OS 17.4)", "a phone"),
    ("Kith/2.0.1-beta (Phone; OS 18)", "a phone"),
    ("kith/3 (phone; os 18_1)", "a phone"),
    ("Kith/1.2 (Laptop)", "a laptop"),
    ("", "something"),
];

/// The network of whoever has an address.
fn network_of(address: &'static str) -> &'static str {
    match address {
        "a house" | "the house beside" => "the houses'",
        "a network" | "the network beside" => "the networks'",
        nowhere => nowhere,
    }
}

/// Seconds before its end at which a client renews a token.
const RENEWED: i64 = 300;

/// How often a client tries to get an answer.
const TRIES: usize = 4;

impl Client {
    pub fn new(world: Arc<World>, home: Option<Id>, caller: Option<Caller>, hashes: bool) -> Self {
        let mut memory = Memory::default();
        if let Some(caller) = caller {
            memory.of_session(caller);
        }
        Self {
            home,
            memory,
            hashes,
            careless: world.chaos.happens(0.3),
            agent: AGENTS[world.chaos.pick(AGENTS.len())],
            address: ADDRESSES[world
                .chaos
                .pick(if world.chaos.focus.fault == chaos::USED_UP {
                    4
                } else {
                    ADDRESSES.len()
                })],
            world,
        }
    }

    /// Does this many things.
    pub async fn live(mut self, things: u64) {
        let world = self.world.clone();
        for _ in 0..things {
            let pause = self.think();
            world.timeline.sleep(pause).await;
            self.come_home();
            let (scenario, operation) = self.decide();
            for _ in 0..TRIES {
                if self.ask(scenario, &operation).await || world.chaos.happens(0.3) {
                    break;
                }
                world.dawdle().await;
            }
            if let Some(pause) = operation.asks_again_after(&world.chaos) {
                world.timeline.sleep(pause).await;
                self.ask(scenario, &operation).await;
            }
            if world.is_over() {
                break;
            }
        }
        world.state().busy -= 1;
    }

    /// Mostly none, so that people get in each other's way; sometimes minutes, so that cron fires.
    fn think(&self) -> Duration {
        let chaos = &self.world.chaos;
        let most = match chaos.below(20) {
            0 => 240_000,
            // Long enough for an isolate to learn of the operator's switches.
            1..4 if self.world.switches => 120_000,
            1..6 => 20_000,
            _ => 300,
        };
        Duration::from_millis(chaos.below(most))
    }

    /// Whoever has signed out signs in again sometimes, by a session that costs no hash. Now and then
    /// somebody shows another's session.
    fn come_home(&mut self) {
        let chaos = &self.world.chaos;
        if let Some(caller) = &self.memory.caller
            && chaos.happens(0.01)
        {
            let forged = Caller {
                session: self.world.any_session(),
                ..caller.clone()
            };
            self.memory.of_another(Some(forged), None);
        } else if let Some(home) = &self.home
            && (self.memory.caller.is_none() && chaos.happens(0.5) || chaos.happens(0.02))
        {
            let session = self.world.open_session(home);
            self.memory.of_session(session);
            // Few go on with a bookmark from before: a replica may not know of their session yet.
            if chaos.happens(0.8) {
                self.memory.bookmarks.clear();
            }
        }
    }

    fn decide(&self) -> (&'static Scenario, Arc<dyn Operation>) {
        let chaos = &self.world.chaos;
        // What a run is about is done as often beside the rest, however many things people can do.
        let all: u64 = SCENARIOS.iter().map(|scenario| scenario.weight).sum();
        let weight = |scenario: &Scenario| {
            let mut sites = scenario.sites.iter().chain(scenario.leads_to);
            let in_focus = sites.any(|site| site.name == chaos.focus.site)
                || (chaos.focus.is_of_mails() && scenario.leads_to == MAIL_SITES)
                || (chaos.focus.fault == chaos::STORE_FAILS.fault && scenario.reads_flags);
            let used_up = chaos.focus.fault == chaos::USED_UP;
            let site = scenario.sites.first().map_or("", |site| site.name);
            let (door, _) = chaos.focus.site.split_once(':').unwrap_or_default();
            match (scenario.hashes, in_focus) {
                (true, _) if !self.hashes => 0,
                // To use up a quota takes many tries of one kind.
                (true, _) if used_up && site.starts_with(door) => all,
                (true, true) => all / 11,
                (false, true) => all / 4,
                _ => scenario.weight,
            }
        };
        let mut drawn = chaos.below(SCENARIOS.iter().map(weight).sum());
        let mut scenarios = SCENARIOS.iter();
        let scenario = scenarios.find(|scenario| {
            let weight = weight(scenario);
            let found = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            found
        });
        let scenario = scenario.unwrap();
        let number = self.world.next_choice();
        let state = self.world.state();
        let choice = Choice {
            model: &state.model,
            chaos,
            memory: &self.memory,
            number,
            reveals_email: self.world.reveals_email,
        };
        (scenario, (scenario.draw)(&choice))
    }

    /// One request; whether its answer can be relied on.
    async fn ask(&mut self, scenario: &'static Scenario, operation: &Arc<dyn Operation>) -> bool {
        let world = self.world.clone();
        let isolate = world.any_isolate();
        let what = What::Request {
            operation: operation.clone(),
            caller: self.memory.caller.clone(),
        };
        let run = world.prepare(what, scenario.sites);
        {
            let run = &mut world.state().runs[run];
            run.address = self.address.1;
            run.agent = self.agent.0;
            run.device = (self.agent.1, network_of(self.address.1));
        }
        let bookmark = self.bookmark();
        let request = self.request(&operation.call(), bookmark.as_deref());
        world.bring(run, bookmark.as_deref());
        let expires = self.memory.token.as_deref().map(tokens::expires);
        world.note(|| {
            let caller = self.memory.caller.as_ref().map(|caller| &caller.user);
            format!(
                "run {run} in isolate {}: {:?} by {caller:?}, with the bookmark {bookmark:?}",
                isolate.number,
                operation.call()
            )
        });
        let Some(answer) = send(&world, &isolate, run, request).await else {
            world.note(|| format!("run {run}: no answer"));
            return false;
        };
        world.note(|| format!("run {run}: answered {} {}", answer.status, answer.body));
        let reliable = world.judge(run, isolate.number, &answer, expires);
        if answer.body["code"] == "token_expired" {
            self.memory.token = None;
        }
        self.memory.bookmarks.extend(answer.bookmark.clone());
        if reliable && let Some(prediction) = world.prediction(run) {
            operation.remember(&prediction, &answer, &mut self.memory);
        }
        reliable
    }

    /// Mostly the bookmark it was given last, sometimes an older one or none, and now and then one that
    /// nobody was given.
    fn bookmark(&self) -> Option<String> {
        let chaos = &self.world.chaos;
        let known = &self.memory.bookmarks;
        let place = match chaos.below(100) {
            0..60 => known.len().checked_sub(1)?,
            60..80 if !known.is_empty() => chaos.pick(known.len()),
            99 => return Some(FORGED.to_owned()),
            _ => return None,
        };
        known.get(place).cloned()
    }

    fn request(&mut self, call: &Call, bookmark: Option<&str>) -> Request<Body> {
        let path = match call.path.strip_prefix("//") {
            Some(path) => format!("/{path}"),
            None => format!("/api/v1{}", call.path),
        };
        let mut request = Request::builder().method(call.method).uri(path);
        if let Some(token) = self.token() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if !self.address.0.is_empty() {
            request = request.header(CF_CONNECTING_IP, self.address.0);
        }
        if !self.agent.0.is_empty() {
            request = request.header(USER_AGENT, self.agent.0);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(bookmark) = bookmark {
            request = request.header(D1_BOOKMARK, bookmark);
        }
        if let Some(tag) = &call.if_none_match {
            request = request.header(IF_NONE_MATCH, tag);
        }
        if let Some(tag) = &call.if_match {
            request = request.header(IF_MATCH, tag);
        }
        let body = match &call.body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        request.body(body).unwrap()
    }

    /// The token it was given; renewed in time, or, by the careless, once it was refused.
    fn token(&mut self) -> Option<String> {
        let caller = self.memory.caller.as_ref()?;
        let now = self.world.clock.now();
        let ends_soon = |token: &String| now.seconds() > tokens::expires(token) - RENEWED;
        let token = self.memory.token.take();
        let token = token.filter(|token| self.careless || !ends_soon(token));
        let token = token.unwrap_or_else(|| tokens::issue(caller, now, self.world.state().step));
        self.memory.token = Some(token.clone());
        Some(token)
    }
}

/// Sends a request into an isolate; no answer if that dies, or if the client leaves before.
async fn send(
    world: &Arc<World>,
    isolate: &Isolate,
    run: usize,
    request: Request<Body>,
) -> Option<Answer> {
    let (sender, mut receiver) = futures_channel::oneshot::channel();
    let serving = {
        let (world, isolate) = (world.clone(), isolate.clone());
        async move {
            let _held = world.hold(isolate.number, Kind::Request);
            pause().await;
            world.begin(run, &isolate);
            // The second invocation is Kith's own: its chores.
            let first = AtomicBool::new(true);
            let response = isolate.deployment.serve(request, || {
                if first.swap(false, Relaxed) {
                    ports(&world, &isolate, run)
                } else {
                    ports(&world, &isolate, world.prepare(What::Sweep, SWEEP_SITES))
                }
            });
            let answer = read(response.await).await;
            pause().await;
            // The client may have left.
            let _ = sender.send(answer);
        }
    };
    let task = world.spawner.spawn(Owner::Isolate(isolate.number), serving);
    let leaves = [chaos::LEAVES_EARLY, chaos::LEAVES_LATE];
    if !leaves.into_iter().any(|point| world.chaos.strikes(point)) {
        return receiver.await.ok();
    }
    for _ in 0..=world.chaos.below(16) {
        pause().await;
        match receiver.try_recv() {
            Ok(None) => {}
            Ok(answer) => return answer,
            Err(_) => return None,
        }
    }
    world.struck(if world.executed(run) {
        chaos::LEAVES_LATE
    } else {
        chaos::LEAVES_EARLY
    });
    world.spawner.end(task);
    None
}

async fn read(response: http::Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = |name: HeaderName| {
        let value = parts.headers.get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    Answer {
        status: parts.status.as_u16(),
        replayed: parts.headers.contains_key(IDEMPOTENT_REPLAYED),
        bookmark: text(D1_BOOKMARK),
        etag: text(ETAG),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}
