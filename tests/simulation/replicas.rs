//! Replicas that lag: where a batch runs and what it sees there, and the model as it was at each state that a
//! replica may still show.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith::platform::native::Version;
use kith::platform::{Bookmark, Consistency, DatabaseError, StatementResult, Value};

use crate::chaos;
use crate::model::Model;
use crate::ports::Parcel;
use crate::scenarios::Answer;
use crate::world::{Run, RunId, What, World};

/// By how many writes a replica may lag at most.
const MOST_BEHIND: Version = 20;

/// Bytes of the code before the state that a bookmark names.
const CODE_LENGTH: usize = 16;

/// A bookmark that names the first state of all, with a code that nobody has made.
pub const FORGED: &str = "AAAAAAAAAAAAAAAAAAAAADAwMDAwMDAwMDAwMDAwMDA";

/// What a request brings as its bookmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    Nothing,
    /// One that names this state.
    State(Version),
    /// One that Kith has not made.
    Forged,
}

/// Where a batch ran, and the state that it found there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Primary,
    Replica(Version),
}

/// Where a batch must run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Required {
    Primary,
    AtLeast(Version),
}

/// The model as it was at each state that a replica may still show.
#[derive(Default)]
pub struct Past(BTreeMap<Version, Model>);

impl Past {
    pub fn at(&mut self, version: Version) -> &mut Model {
        self.0.get_mut(&version).unwrap()
    }
}

/// What reads at replicas have shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    /// Reads at a replica.
    pub reads: u64,
    /// Those that saw an older state than the primary's.
    pub stale: u64,
    /// Those whose answer the primary would have given otherwise.
    pub differed: u64,
    /// The most writes that one did not see.
    pub most: u64,
}

impl Lag {
    pub fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.stale += other.stale;
        self.differed += other.differed;
        self.most = self.most.max(other.most);
    }
}

impl World {
    /// Keeps the model as it is, before anything changes.
    pub fn keep_the_past(&self) {
        let version = self.database.version();
        let mut state = self.state();
        if !state.past.0.contains_key(&version) {
            let model = state.model.clone();
            state.past.0.insert(version, model);
            let oldest = version.saturating_sub(MOST_BEHIND);
            state.past.0 = state.past.0.split_off(&oldest);
        }
    }

    /// Runs a batch where it asks to be run.
    pub fn run_in_place(
        &self,
        parcel: &Parcel,
        statements: &[(&str, &[Value])],
    ) -> (Place, Result<Vec<StatementResult>, DatabaseError>) {
        let least = match &parcel.consistency {
            Consistency::Primary => {
                self.keep_the_past();
                let outcome = self.database.batch(statements);
                return (Place::Primary, outcome.map_err(refused));
            }
            Consistency::Nearest => 0,
            Consistency::AtLeast(bookmark) => {
                let version = self.database.version_of(bookmark);
                if version.is_none() {
                    self.violate(&format!("the database is asked for the state {bookmark:?}"));
                }
                version.unwrap_or(0)
            }
        };
        let newest = self.database.version();
        let behind = if self.chaos.strikes(chaos::REPLICA_LAGS) || self.chaos.happens(self.lag) {
            1 + self.chaos.pick(MOST_BEHIND)
        } else {
            0
        };
        let reached = newest.saturating_sub(behind);
        if reached < least {
            self.struck(chaos::REPLICA_WAITS);
        }
        let replica = parcel.isolate % self.replicas;
        let (seen, outcome) = self.database.read(replica, reached.max(least), statements);
        let missed = u64::try_from(newest - seen).unwrap();
        if missed > 0 {
            self.struck(chaos::REPLICA_LAGS);
        }
        let lag = &mut self.state().lag;
        lag.reads += 1;
        lag.stale += u64::from(missed > 0);
        lag.most = lag.most.max(missed);
        (Place::Replica(seen), outcome.map_err(refused))
    }

    /// Holds where a batch ran against where it had to run.
    pub fn check_place(&self, id: RunId, place: Place) {
        let required = required(&self.state().runs[id]);
        let right = match (required, place) {
            (_, Place::Primary) => true,
            (Required::Primary, Place::Replica(_)) => false,
            (Required::AtLeast(least), Place::Replica(seen)) => seen >= least,
        };
        if !right {
            self.violate(&format!(
                "run {id} ran at {place:?}, where {required:?} was right"
            ));
        }
    }

    /// The state that a bookmark names, as clients have it; none if Kith has not made it.
    pub fn version_of(&self, wire: &str) -> Option<Version> {
        let bytes = URL_SAFE_NO_PAD.decode(wire).ok()?;
        let state = std::str::from_utf8(bytes.get(CODE_LENGTH..)?).ok()?;
        self.database.version_of(&Bookmark::new(state))
    }

    /// A request brings this as its bookmark.
    pub fn bring(&self, run: RunId, wire: Option<&str>) {
        let brought = match wire {
            None => Brought::Nothing,
            Some(FORGED) => Brought::Forged,
            Some(wire) => Brought::State(self.version_of(wire).unwrap()),
        };
        self.state().runs[run].brought = brought;
    }

    /// Holds the bookmark of an answer against what the request has done: a write that was answered with
    /// success names a state that holds it, and nothing else names one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_bookmark(&self, run: &Run, answer: &Answer) -> Result<(), String> {
        let What::Request { operation, .. } = &run.what else {
            return Ok(());
        };
        let names_one =
            operation.writes() && answer.status < 300 && operation.names_state(answer.status);
        let named = answer.bookmark.as_ref().map(|wire| self.version_of(wire));
        let right = match named {
            None => !names_one,
            Some(version) => names_one && version.is_some() && version >= run.reached,
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "names the state {named:?}, where {:?} was reached",
            run.reached
        ))
    }
}

fn required(run: &Run) -> Required {
    let What::Request { operation, caller } = &run.what else {
        return Required::Primary;
    };
    if operation.writes() || !operation.looks_at_token() {
        return Required::Primary;
    }
    match (run.brought, caller) {
        (Brought::State(version), _) => Required::AtLeast(version),
        (_, Some(_)) => Required::Primary,
        (_, None) => Required::AtLeast(0),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn refused(text: String) -> DatabaseError {
    DatabaseError::from_text(&text)
}
