//! What is right: whatever the database runs, the model does at the same moment, and every answer is
//! held against that.

use kith::platform::{Clock, DatabaseError, Level};
use serde::Deserialize;
use serde_json::Value;

use crate::model::{self, Job, Prediction};
use crate::ports::{Parcel, Reply};
use crate::scenarios::{Answer, Moment};
use crate::world::{Isolate, RunId, State, What, World};

impl World {
    /// The database runs a batch, and the model does what it means.
    pub fn execute(&self, run: RunId, parcel: &Parcel) -> Reply {
        let statements: Vec<_> = parcel
            .statements
            .iter()
            .map(|(sql, params)| (*sql, params.as_slice()))
            .collect();
        let outcome = self.database.batch(&statements);
        let outcome = outcome.map_err(|text| DatabaseError::from_text(&text));
        let sent = statements.iter().map(|(sql, _)| *sql);
        self.state().statements.extend(sent);
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
        if operation.writes() && answer.status < 300 {
            self.state().acknowledged += 1;
        }
        if let Err(violation) = judged {
            self.violate(&format!(
                "{name}: {:?} by {caller:?}: {violation}",
                operation.call()
            ));
        }
        true
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
}
