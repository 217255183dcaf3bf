//! One deployment of Kith, natively: its database, store and queue, a few isolates, and the model of
//! what it promises. Whatever the database runs, the model does at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kith::app::Deployment;
use kith::platform::native::{
    KeyValueStore, MemoryKeyValue, MemoryLog, MemoryQueue, SeededRandom, Sqlite, Timeline,
    VirtualClock,
};
use kith::time::Timestamp;

use crate::chaos::{self, Chaos, Point};
use crate::executor::{Spawner, pause};
use crate::hands::InHand;
use crate::model::{Caller, Model, Prediction};
use crate::scenarios::Operation;
use crate::tokens;

/// 2026-11-20T08:07:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_162_020_000);

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
}

/// What runs in an isolate.
pub type RunId = usize;

/// One invocation.
pub enum What {
    /// Somebody's request.
    Request {
        operation: Arc<dyn Operation>,
        caller: Option<Caller>,
    },
    /// Kith's own work.
    Chore,
}

pub struct Run {
    pub what: What,
    /// From where it goes to the database, in order.
    pub sites: &'static [&'static str],
    /// How many answers of the database it has seen.
    pub trips: usize,
    /// What its effect must lead to, once it had one.
    pub happened: Option<Prediction>,
    /// What the last answer of the database that it has seen must lead to.
    pub prediction: Option<Prediction>,
    /// Whether the last thing it saw of the database was an error.
    pub failed: bool,
}

#[derive(Default)]
pub struct State {
    pub model: Model,
    pub runs: Vec<Run>,
    pub isolates: Vec<Isolate>,
    pub in_hand: Vec<InHand>,
    /// Clients that have not finished.
    pub busy: usize,
    /// Whether the end is reached: nothing is left to do.
    pub settled: bool,
    /// Whether the operator has closed anything.
    pub closed: bool,
    violation: Option<String>,
    history: Vec<String>,
    pub answered: BTreeMap<(&'static str, u16), u64>,
    /// Writes that were answered with success.
    pub acknowledged: u64,
    /// Every statement that Kith has sent.
    pub statements: BTreeSet<&'static str>,
    choices: u64,
}

pub struct World {
    pub chaos: Arc<Chaos>,
    pub timeline: Arc<Timeline>,
    /// What a machine's clock shows that was never set.
    pub clock: VirtualClock,
    pub spawner: Spawner,
    pub database: Sqlite,
    pub store: Arc<KeyValueStore>,
    pub queue: Arc<MemoryQueue>,
    pub random: Arc<SeededRandom>,
    pub log: Arc<MemoryLog>,
    /// Whether every step is noted, and checked at once.
    pub close: bool,
    state: Mutex<State>,
}

impl World {
    /// A deployment with this many isolates and nobody in it. `close` looks at every step.
    pub fn new(
        chaos: Arc<Chaos>,
        seed: u64,
        migrations: &[String],
        isolates: usize,
        close: bool,
    ) -> Self {
        let timeline = Timeline::new();
        let database = Sqlite::in_memory().unwrap();
        for migration in migrations {
            database.migrate(migration).unwrap();
        }
        let fate = chaos.clone();
        let world = Self {
            clock: VirtualClock::new(timeline.clone(), BEGINNING),
            spawner: Spawner::default(),
            database,
            store: KeyValueStore::new(),
            queue: MemoryQueue::new(timeline.clone(), MOST_DELIVERIES, move || draw_fate(&fate)),
            random: Arc::new(SeededRandom::new(seed)),
            log: Arc::default(),
            close,
            state: Mutex::default(),
            chaos,
            timeline,
        };
        world.state().isolates = (0..isolates).map(|number| world.isolate(number)).collect();
        world.state().in_hand = vec![InHand::default(); isolates];
        world
    }

    fn isolate(&self, number: usize) -> Isolate {
        let key_value = MemoryKeyValue::new(self.store.clone(), self.timeline.clone());
        Isolate {
            number,
            clock: Arc::new(VirtualClock::new(self.timeline.clone(), BEGINNING)),
            key_value: Arc::new(key_value),
            deployment: deployment(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
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

    /// Begins an invocation.
    pub fn begin(&self, what: What, sites: &'static [&'static str]) -> RunId {
        let mut state = self.state();
        state.runs.push(Run {
            what,
            sites,
            trips: 0,
            happened: None,
            prediction: None,
            failed: false,
        });
        state.runs.len() - 1
    }

    /// From where an invocation goes to the database next.
    pub fn site(&self, run: RunId) -> &'static str {
        let state = self.state();
        let run = &state.runs[run];
        run.sites[run.trips.min(run.sites.len() - 1)]
    }

    /// How many answers of the database an invocation has seen.
    pub fn trips(&self, run: RunId) -> usize {
        self.state().runs[run].trips
    }

    /// An invocation has seen an answer of the database.
    pub fn delivered(&self, run: RunId, prediction: Option<Prediction>) {
        let mut state = self.state();
        let run = &mut state.runs[run];
        run.trips += 1;
        run.prediction = prediction;
        run.failed = false;
    }

    /// An invocation has seen the database fail.
    pub fn failed(&self, run: RunId, point: Point) {
        self.struck(point);
        self.state().runs[run].failed = true;
    }

    /// What the client keeps of a good answer.
    pub fn prediction(&self, run: RunId) -> Option<Prediction> {
        self.state().runs[run].prediction.clone()
    }

    /// Ends an isolate with everything in its memory. Another takes its place.
    pub fn restart(&self, number: usize) {
        self.state().isolates[number].deployment = deployment();
    }

    /// What came of it all.
    pub fn finish(&self) -> Finish {
        let state = &mut *self.state();
        Finish {
            struck: self.chaos.all_struck(),
            answered: std::mem::take(&mut state.answered),
            acknowledged: state.acknowledged,
            statements: std::mem::take(&mut state.statements),
            violation: state.violation.take(),
            history: std::mem::take(&mut state.history),
        }
    }
}

/// What came of a run.
pub struct Finish {
    pub struck: chaos::Struck,
    /// Answers by operation and status.
    pub answered: BTreeMap<(&'static str, u16), u64>,
    pub acknowledged: u64,
    pub statements: BTreeSet<&'static str>,
    pub violation: Option<String>,
    pub history: Vec<String>,
}

fn deployment() -> Arc<Deployment> {
    match Deployment::new(tokens::setting) {
        Ok(deployment) => Arc::new(deployment),
        Err(error) => panic!("{error}"),
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
        delay += chaos.below(120_000);
    }
    let mut fate = vec![Duration::from_millis(delay)];
    while fate.len() < 5 && chaos.strikes(chaos::QUEUE_DOUBLES) {
        chaos.struck(chaos::QUEUE_DOUBLES);
        fate.push(Duration::from_millis(delay + chaos.below(60_000)));
    }
    fate
}
