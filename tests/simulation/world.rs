//! One deployment of Kith, natively: its database, store and queue, a few isolates, and the model of
//! what it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kith::app::{App, Deployment};
use kith::platform::native::{
    KeyValueStore, MemoryKeyValue, MemoryLog, MemoryMailbox, MemoryQueue, MemoryRateLimiter,
    Replicated, SeededRandom, Timeline, Version, VirtualClock,
};
use kith::platform::{Clock, Shield};
use kith::time::Timestamp;
use serde_json::Value;

use crate::chaos::{self, Chaos, Point};
use crate::executor::{Spawner, pause};
use crate::hands::InHand;
use crate::keys::{self, Step};
use crate::mails;
use crate::model::{Caller, Device, Id, Limited, Model, Prediction, Strictness, Window};
use crate::ports::ports;
use crate::replicas::{Brought, Lag, Past};
use crate::scenarios::{Operation, Site};
use crate::switches::Watch;
use crate::tokens;

/// 2026-11-20T08:07:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_162_020_000);

/// How long the queue has to deliver a job.
pub const JOB_GRACE: Duration = Duration::from_secs(30);

/// How often a message is delivered before it is a dead letter. Fewer times than `wrangler.toml` says,
/// so that some get there.
const MOST_DELIVERIES: u32 = 3;

/// An isolate, as far as it outlives its end: the machine's clock, its location's view of the store,
/// and what it runs.
#[derive(Clone)]
pub struct Isolate {
    pub number: usize,
    pub clock: Arc<VirtualClock>,
    pub key_value: Arc<MemoryKeyValue>,
    pub deployment: Arc<Deployment>,
    /// How far the rotation of the keys had come when it began.
    pub step: Step,
}

/// What runs in an isolate.
pub type RunId = usize;

/// What an invocation is for.
#[derive(Clone)]
pub enum What {
    /// Somebody's request.
    Request {
        operation: Arc<dyn Operation>,
        caller: Option<Caller>,
    },
    /// The message of this job.
    Message(Id),
    /// The dead letter of this job.
    Bury(Id),
    /// Old idempotency keys, counts or sessions are forgotten.
    Forget,
    /// A sweep, or the chores of an isolate, which begin with one.
    Sweep,
}

/// One invocation.
#[derive(Clone)]
pub struct Run {
    pub what: What,
    /// From where it goes to the database, in order.
    pub sites: &'static [Site],
    /// Whose the client's address is, as limits tell addresses apart.
    pub address: &'static str,
    /// What sent it, as it calls itself.
    pub agent: &'static str,
    /// What kind of device that is, and in which network.
    pub device: Device,
    /// What the platform's limiter has refused it for.
    pub shielded: Option<Shield>,
    /// How many answers of the database it has seen.
    pub trips: usize,
    /// When it began, by its isolate's clock; once it has passed the shield, when it did.
    pub began: Timestamp,
    /// When it sent its first batch.
    pub first_sent: Option<Timestamp>,
    /// What its operation has noted for the trips to come.
    pub noted: String,
    /// Whether its isolate took Kith to be in maintenance when it began.
    pub in_maintenance: bool,
    /// Whether the database has run anything for it.
    pub executed: bool,
    /// What its effect must lead to, once it had one.
    pub happened: Option<Prediction>,
    /// What the last answer of the database that it has seen must lead to.
    pub prediction: Option<Prediction>,
    /// The state right after that answer.
    pub reached: Option<Version>,
    /// Whether the last thing it saw of the database was an error.
    pub failed: bool,
    /// The jobs it has left.
    pub jobs: Vec<Id>,
    /// Until when it has taken which job of a mail.
    pub leases: BTreeMap<Id, i64>,
    /// For which of them a mail was wanted then.
    pub wanted: BTreeSet<Id>,
    /// What it has read of the operator's switches.
    pub flags: Flags,
    /// The bookmark that it brought.
    pub brought: Brought,
}

/// What an invocation knows of the operator's switches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flags {
    NotRead,
    /// The store did not answer.
    Unanswered,
    /// The store's value.
    Read(Option<String>),
}

#[derive(Default)]
pub struct State {
    pub model: Model,
    pub past: Past,
    pub lag: Lag,
    pub runs: Vec<Run>,
    pub isolates: Vec<Isolate>,
    pub in_hand: Vec<InHand>,
    pub watches: Vec<Watch>,
    /// What each isolate has been told is used up, as long as it lives.
    pub closed: Vec<BTreeSet<Window>>,
    /// Whether registration is open, and whether Kith is in maintenance.
    pub switches: (bool, bool),
    /// Clients that have not finished.
    pub busy: usize,
    /// Whether the end is reached: nothing is left to do.
    pub settled: bool,
    /// The payload of every job there ever was.
    pub payloads: BTreeMap<Id, Value>,
    /// The jobs whose message was given to the queue, whether or not it took it.
    pub woken: BTreeSet<Id>,
    /// The jobs for which a mail was wanted once, and to which addresses.
    pub wanted: BTreeMap<Id, BTreeSet<String>>,
    /// The jobs that were dead once.
    pub died: BTreeSet<Id>,
    violation: Option<String>,
    history: Vec<String>,
    pub answered: BTreeMap<(&'static str, u16), u64>,
    /// Writes that were answered with success.
    pub acknowledged: u64,
    /// Every statement that Kith has sent.
    pub statements: BTreeSet<&'static str>,
    choices: u64,
    /// How far the rotation of the keys has come.
    pub step: Step,
}

pub struct World {
    pub chaos: Arc<Chaos>,
    pub timeline: Arc<Timeline>,
    /// What a machine's clock shows that was never set.
    pub clock: VirtualClock,
    pub spawner: Spawner,
    pub database: Replicated,
    pub replicas: usize,
    /// The chance that a replica lags when it is read, besides what goes wrong.
    pub lag: f64,
    pub store: Arc<KeyValueStore>,
    pub queue: Arc<MemoryQueue>,
    pub mailbox: Arc<MemoryMailbox>,
    pub limiter: MemoryRateLimiter,
    pub random: Arc<SeededRandom>,
    pub log: Arc<MemoryLog>,
    /// Whether registration tells that an e-mail address is taken.
    pub reveals_email: bool,
    /// Whether the operator uses the switches.
    pub switches: bool,
    /// Whether every step is noted, and checked at once.
    pub close: bool,
    state: Mutex<State>,
}

impl World {
    /// A deployment with nobody in it. `close` looks at every step.
    pub fn new(chaos: Arc<Chaos>, seed: u64, migrations: &[String], close: bool) -> Self {
        let timeline = Timeline::new();
        let replicas = 1 + chaos.pick(2);
        let database = Replicated::in_memory(replicas).unwrap();
        for migration in migrations {
            database.migrate(migration).unwrap();
        }
        let isolates = 1 + chaos.pick(3);
        let (fate, reception) = (chaos.clone(), chaos.clone());
        let of_the_platform = Arc::new(VirtualClock::new(timeline.clone(), BEGINNING));
        // Whoever is to come through the door is not kept out.
        let strictness = match chaos.focus {
            focus if focus.fault == chaos::USED_UP => true,
            focus if focus.site.starts_with("auth.") || focus.is_of_mails() => false,
            _ => chaos.happens(0.6),
        };
        let world = Self {
            clock: VirtualClock::new(timeline.clone(), BEGINNING),
            spawner: Spawner::default(),
            database,
            replicas,
            lag: [0.0, 0.3, 0.9][chaos.pick(3)],
            store: KeyValueStore::new(),
            queue: MemoryQueue::new(timeline.clone(), MOST_DELIVERIES, move || draw_fate(&fate)),
            mailbox: MemoryMailbox::new(timeline.clone(), move |_| {
                mails::draw_reception(&reception)
            }),
            limiter: MemoryRateLimiter::new(of_the_platform, quota_of_shield),
            random: Arc::new(SeededRandom::new(seed)),
            log: Arc::default(),
            reveals_email: chaos.focus.is_of_mails() || chaos.happens(0.6),
            switches: chaos.focus.fault == chaos::STORE_FAILS.fault || chaos.happens(0.2),
            close,
            state: Mutex::default(),
            chaos,
            timeline,
        };
        world.state().switches = (true, false);
        let step = world.chaos.pick(keys::LAST_STEP);
        world.state().step = step;
        world.state().model.strictness = Strictness(strictness);
        world.state().closed = vec![BTreeSet::new(); isolates];
        world.state().isolates = (0..isolates).map(|number| world.isolate(number)).collect();
        world.state().in_hand = vec![InHand::default(); isolates];
        world.state().watches = vec![Watch::default(); isolates];
        world
    }

    fn isolate(&self, number: usize) -> Isolate {
        let key_value = MemoryKeyValue::new(self.store.clone(), self.timeline.clone());
        Isolate {
            number,
            clock: Arc::new(VirtualClock::new(self.timeline.clone(), BEGINNING)),
            key_value: Arc::new(key_value),
            deployment: self.deployment(),
            step: self.state().step,
        }
    }

    fn deployment(&self) -> Arc<Deployment> {
        let (limits, step) = {
            let state = self.state();
            (state.model.strictness, state.step)
        };
        match Deployment::new(|name| tokens::setting(name, self.reveals_email, limits, step)) {
            Ok(deployment) => Arc::new(deployment),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Any isolate.
    pub fn any_isolate(&self) -> Isolate {
        let state = self.state();
        state.isolates[self.chaos.pick(state.isolates.len())].clone()
    }

    /// A number that no other choice of the run has.
    pub fn next_choice(&self) -> u64 {
        let mut state = self.state();
        state.choices += 1;
        state.choices
    }

    /// Takes down what happens, if anybody wants to read it.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.close {
            let line = format!("{:>9} ms  {}", self.timeline.elapsed(), line());
            self.state().history.push(line);
        }
    }

    pub fn struck(&self, point: Point) {
        self.chaos.struck(point);
        self.note(|| format!("⚡ {point}"));
    }

    /// A promise was broken; the first one ends the run.
    pub fn violate(&self, what: &str) {
        self.note(|| format!("✗ {what}"));
        self.state().violation.get_or_insert(what.to_owned());
    }

    pub fn is_over(&self) -> bool {
        let state = self.state();
        state.settled || state.violation.is_some()
    }

    /// Lets others go first, and sometimes takes its time.
    pub async fn dawdle(&self) {
        pause().await;
        if self.chaos.happens(0.1) {
            let millis = self.chaos.below(1_500);
            self.timeline.sleep(Duration::from_millis(millis)).await;
        }
    }

    /// Prepares an invocation.
    pub fn prepare(&self, what: What, sites: &'static [Site]) -> RunId {
        let mut state = self.state();
        state.runs.push(Run {
            what,
            sites,
            address: "",
            agent: "",
            device: ("", ""),
            shielded: None,
            trips: 0,
            began: self.clock.now(),
            first_sent: None,
            noted: String::new(),
            in_maintenance: false,
            executed: false,
            happened: None,
            prediction: None,
            reached: None,
            failed: false,
            jobs: vec![],
            leases: BTreeMap::new(),
            wanted: BTreeSet::new(),
            flags: Flags::NotRead,
            brought: Brought::Nothing,
        });
        state.runs.len() - 1
    }

    /// A request begins to be served, at this very moment.
    pub fn begin(self: &Arc<Self>, run: RunId, isolate: &Isolate) {
        let app = App::new(isolate.deployment.clone(), ports(self, isolate, run));
        let in_maintenance = app.known_flags().maintenance;
        self.check_switches(isolate.number, in_maintenance);
        let run = &mut self.state().runs[run];
        run.began = isolate.clock.now();
        run.in_maintenance = in_maintenance;
    }

    /// From where an invocation goes to the database next.
    pub fn site(&self, run: RunId) -> Site {
        let state = self.state();
        let run = &state.runs[run];
        run.sites[run.trips.min(run.sites.len() - 1)]
    }

    /// How many answers of the database an invocation has seen.
    pub fn trips(&self, run: RunId) -> usize {
        self.state().runs[run].trips
    }

    /// Whether the database has run anything for an invocation.
    pub fn executed(&self, run: RunId) -> bool {
        self.state().runs[run].executed
    }

    /// An invocation has seen an answer of the database.
    pub fn delivered(
        &self,
        run: RunId,
        isolate: usize,
        prediction: Option<Prediction>,
        reached: Version,
    ) {
        let used_up = prediction
            .as_ref()
            .and_then(|refusal| refusal.body["violated-policies"][0].as_str())
            .and_then(Limited::named);
        if let Some(what) = used_up {
            self.struck(match what {
                Limited::SignInName => chaos::NAME_USED_UP,
                Limited::SignInAddress => chaos::ADDRESS_USED_UP,
                Limited::RegistrationAddress => chaos::REGISTRATIONS_USED_UP,
                Limited::SetupAddress => chaos::SETUPS_USED_UP,
                Limited::SessionPassword => chaos::PASSWORDS_USED_UP,
                Limited::MailRecipient => chaos::RECIPIENT_USED_UP,
                Limited::MailAddress => chaos::MAILS_USED_UP,
                Limited::ReportAccount => chaos::REPORTS_USED_UP,
            });
        }
        let mut state = self.state();
        let closed = prediction
            .as_ref()
            .and_then(|refusal| refusal.closed.clone());
        state.closed[isolate].extend(closed.map(|window| *window));
        let run = &mut state.runs[run];
        run.trips += 1;
        run.prediction = prediction;
        run.reached = Some(reached);
        run.failed = false;
    }

    /// An invocation has seen the database fail.
    pub fn failed(&self, run: RunId, point: Point) {
        self.struck(point);
        self.state().runs[run].failed = true;
    }

    /// The platform's limiter has answered an invocation, at this very moment.
    pub fn limited(&self, run: RunId, shield: Shield, admitted: bool, now: Timestamp) {
        let run = &mut self.state().runs[run];
        if !admitted {
            run.shielded = Some(shield);
        }
        if shield == Shield::Address {
            run.began = now;
        }
    }

    /// An invocation has read the operator's switches.
    pub fn read(&self, run: RunId, flags: Flags) {
        self.state().runs[run].flags = flags;
    }

    /// What an answer must follow from.
    pub fn prediction(&self, run: RunId) -> Option<Prediction> {
        self.state().runs[run].prediction.clone()
    }

    /// Another isolate takes the place of one that has died.
    pub fn restart(&self, number: usize) {
        let deployment = self.deployment();
        let mut state = self.state();
        let step = state.step;
        state.isolates[number].deployment = deployment;
        state.isolates[number].step = step;
        state.closed[number].clear();
        drop(state);
        self.forgive(number);
    }

    /// What came of it all.
    pub fn finish(&self) -> Finish {
        let state = &mut *self.state();
        Finish {
            struck: self.chaos.all_struck(),
            answered: std::mem::take(&mut state.answered),
            acknowledged: state.acknowledged,
            lag: state.lag,
            statements: std::mem::take(&mut state.statements),
            violation: state.violation.take(),
            history: std::mem::take(&mut state.history),
        }
    }
}

/// What came of a run.
#[derive(Default)]
pub struct Finish {
    pub struck: chaos::Struck,
    /// Answers by operation and status.
    pub answered: BTreeMap<(&'static str, u16), u64>,
    pub acknowledged: u64,
    pub lag: Lag,
    pub statements: BTreeSet<&'static str>,
    pub violation: Option<String>,
    pub history: Vec<String>,
}

/// The quotas of the platform's limiter: so small that people in a hurry run into them.
const fn quota_of_shield(shield: Shield) -> (u32, Duration) {
    match shield {
        Shield::Address => (60, Duration::from_mins(1)),
        Shield::Account => (30, Duration::from_mins(1)),
    }
}

/// What becomes of a message that was sent.
fn draw_fate(chaos: &Chaos) -> Vec<Duration> {
    let mut delay = chaos.below(50);
    if chaos.strikes(chaos::QUEUE_LOSES) {
        chaos.struck(chaos::QUEUE_LOSES);
        return vec![];
    }
    if chaos.strikes(chaos::QUEUE_DELAYS) {
        chaos.struck(chaos::QUEUE_DELAYS);
        delay += 1_000 + chaos.below(120_000);
    }
    let mut fate = vec![Duration::from_millis(delay)];
    while fate.len() < 5 && chaos.strikes(chaos::QUEUE_DOUBLES) {
        chaos.struck(chaos::QUEUE_DOUBLES);
        fate.push(Duration::from_millis(delay + chaos.below(60_000)));
    }
    fate
}
