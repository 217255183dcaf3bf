//! One deployment of Kith, natively: its database, store and queue, a few isolates, and the model of
//! what it promises. Whatever the database runs, the model does at the same moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kith::app::Deployment;
use kith::platform::native::{
    KeyValueStore, MemoryKeyValue, MemoryLog, MemoryQueue, SeededRandom, Sqlite, Timeline,
    VirtualClock,
};
use kith::platform::{Clock, DatabaseError, Level};
use kith::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::chaos::{self, Chaos, Point};
use crate::executor::{Spawner, pause};
use crate::model::{self, Caller, Job, Model, Prediction};
use crate::ports::{Parcel, Reply};
use crate::scenarios::{Answer, Moment, Operation};
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

struct Run {
    what: What,
    /// From where it goes to the database, in order.
    sites: &'static [&'static str],
    /// How many answers of the database it has seen.
    trips: usize,
    /// What its effect must lead to, once it had one.
    happened: Option<Prediction>,
    /// What the last answer of the database that it has seen must lead to.
    prediction: Option<Prediction>,
    /// Whether the last thing it saw of the database was an error.
    failed: bool,
}

/// What is in the hands of an isolate.
#[derive(Clone, Copy, Debug, Default)]
pub struct InHand {
    pub requests: usize,
    pub messages: usize,
}

#[derive(Default)]
pub struct State {
    pub model: Model,
    runs: Vec<Run>,
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
    answered: BTreeMap<(&'static str, u16), u64>,
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
    close: bool,
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

    /// The database runs a batch, and the model does what it means.
    pub fn execute(&self, run: RunId, parcel: &Parcel) -> Reply {
        let statements: Vec<_> = parcel
            .statements
            .iter()
            .map(|(sql, params)| (*sql, params.as_slice()))
            .collect();
        let outcome = self.database.batch(&statements);
        let outcome = outcome.map_err(|text| DatabaseError::from_text(&text));
        let (prediction, jobs) = self.predict(run, parcel);
        self.note(|| match &outcome {
            Ok(_) => format!("  run {run}: the database has run it: {prediction:?}"),
            Err(error) => format!("  run {run}: the database refuses it: {error}"),
        });
        self.follow_jobs(jobs);
        if self.close {
            let found = model::differences(&self.state().model, &self.database);
            if !found.is_empty() {
                self.violate(&found.join("\n"));
            }
        }
        (outcome, prediction)
    }

    /// What the batch must lead to, and which jobs it must leave. An effect happens once, with the
    /// first batch that can have it.
    fn predict(&self, run: RunId, parcel: &Parcel) -> (Option<Prediction>, Vec<Job>) {
        let mut state = self.state();
        let State { model, runs, .. } = &mut *state;
        let run = &mut runs[run];
        let What::Request { operation, caller } = &run.what else {
            return (None, vec![]);
        };
        let is_last = parcel.trip + 1 >= run.sites.len();
        if run.happened.is_some() || (operation.writes() && is_last && !parcel.writes) {
            return (run.happened.clone(), vec![]);
        }
        let mut moment = Moment {
            model,
            database: &self.database,
            jobs: vec![],
        };
        let prediction = operation.happen(caller.as_ref(), &mut moment, parcel.trip);
        let jobs = moment.jobs;
        if parcel.writes {
            run.happened = Some(prediction.clone());
        }
        (Some(prediction), jobs)
    }

    /// Compares the jobs that are new with those that ought to be, and does those that are gone.
    fn follow_jobs(&self, expected: Vec<Job>) {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            payload: String,
        }
        let results = self
            .database
            .batch(&[("select id, payload from jobs", &[])])
            .unwrap();
        let stored: Vec<Row> = serde_json::from_str(results[0].rows.get()).unwrap();
        let mut state = self.state();
        let mut expected = expected;
        let mut surprises = Vec::new();
        for row in &stored {
            if state.model.jobs.contains_key(&row.id) {
                continue;
            }
            let payload: Value = serde_json::from_str(&row.payload).unwrap();
            match expected.iter().position(|job| job.payload() == payload) {
                Some(place) => {
                    let job = expected.swap_remove(place);
                    state.model.jobs.insert(row.id.clone(), job);
                }
                None => surprises.push(format!("a job that nobody ought to have left: {payload}")),
            }
        }
        surprises.extend(
            expected
                .iter()
                .map(|job| format!("a job was not left: {job:?}")),
        );
        let known: Vec<_> = state.model.jobs.keys().cloned().collect();
        for id in known {
            if !stored.iter().any(|row| row.id == id)
                && let Err(surprise) = state.model.do_job(&id)
            {
                surprises.push(surprise);
            }
        }
        drop(state);
        if !surprises.is_empty() {
            self.violate(&surprises.join("\n"));
        }
    }

    /// Holds an answer against what was promised. Whether the client can rely on it: a refusal of the
    /// moment may hide that it worked.
    pub fn judge(&self, run: RunId, answer: &Answer, expires: Option<i64>, at: &Isolate) -> bool {
        let mut state = self.state();
        let closed = state.closed;
        let known = &state.runs[run];
        let What::Request { operation, caller } = &known.what else {
            return true;
        };
        let (operation, caller) = (operation.clone(), caller.clone());
        let (failed, name) = (known.failed, known.sites[0]);
        let prediction = known.prediction.clone();
        *state.answered.entry((name, answer.status)).or_default() += 1;
        drop(state);

        let code = answer.body["code"].as_str().unwrap_or_default();
        let says_no = code == "dependency_unavailable" || answer.body["status"] == "fail";
        let judged = match (answer.status, code) {
            (503, _) if says_no && failed => return false,
            (503, "maintenance") | (403, "registration_closed") if closed => return false,
            (401, "token_expired")
                if expires.is_some_and(|end| at.clock.now().seconds() >= end) =>
            {
                return false;
            }
            (401, "authentication_required") if caller.is_none() && !operation.open_to_anyone() => {
                Ok(())
            }
            _ => match prediction {
                None => Err(format!("answered {} without the database", answer.status)),
                Some(_) if failed => Err(format!("answered {} after a failure", answer.status)),
                Some(prediction) => operation.check(&prediction, answer),
            },
        };
        if let Err(violation) = judged {
            self.violate(&format!(
                "{name}: {:?} by {caller:?}: {violation}",
                operation.call()
            ));
        }
        true
    }

    /// What the client keeps of a good answer.
    pub fn prediction(&self, run: RunId) -> Option<Prediction> {
        self.state().runs[run].prediction.clone()
    }

    /// Ends an isolate with everything in its memory. Another takes its place.
    pub fn restart(&self, number: usize) {
        self.state().isolates[number].deployment = deployment();
    }

    /// What must hold in the end.
    pub fn check_end(&self) {
        let mut found = model::differences(&self.state().model, &self.database);
        found.extend(model::wrong_counters(&self.database));
        for (level, line) in self.log.take() {
            let line: Value = serde_json::from_str(&line).unwrap();
            let expected = ["job_dead", "sweep_failed"];
            let event = line["event"].as_str().unwrap_or_default();
            if level == Level::Error && !expected.contains(&event) {
                found.push(format!("in the log: {line}"));
            }
        }
        if !found.is_empty() {
            self.violate(&found.join("\n"));
        }
    }

    /// What came of it all.
    pub fn finish(&self) -> Finish {
        let state = &mut *self.state();
        Finish {
            struck: self.chaos.all_struck(),
            answered: std::mem::take(&mut state.answered),
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
