//! What is right: whatever the database runs, the model does at the same moment, and every answer is
//! held against that.

use kith::platform::Value::Text;
use kith::platform::{Channel, Level, Shield};
use kith::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::chaos;
use crate::mails;
use crate::model::{self, Id, Job, Model, Prediction, Task};
use crate::ports::{Parcel, Reply};
use crate::replicas::{Brought, Place};
use crate::scenarios::{Answer, Moment};
use crate::switches::closes_registration;
use crate::world::{Flags, JOB_GRACE, Run, RunId, State, What, World};

/// After this many sweeps a job is dead.
const SWEEPS: i64 = 24;

/// The longest time between two sweeps of a job, in milliseconds.
const LONGEST_LEASE: i64 = 3_600_000;

/// A job as it is stored.
#[derive(Deserialize)]
struct JobRow {
    id: Id,
    payload: String,
    attempts: i64,
    due_at: Option<i64>,
    dead_at: Option<i64>,
    created_at: Timestamp,
    leased_until: Option<i64>,
    failures: i64,
}

impl World {
    /// The database runs a batch, and the model does what it means.
    pub fn execute(&self, run: RunId, parcel: &Parcel) -> Reply {
        let statements: Vec<_> = parcel
            .statements
            .iter()
            .map(|(sql, params)| (*sql, params.as_slice()))
            .collect();
        let (place, outcome) = self.run_in_place(parcel, &statements);
        let version = self.database.version();
        self.check_place(run, place);
        let sent = statements.iter().map(|(sql, _)| *sql);
        self.state().statements.extend(sent);
        let (prediction, tasks) = self.predict(run, parcel, place);
        self.note(|| match &outcome {
            Ok(_) => format!("  run {run}: the database has run it at {place:?}: {prediction:?}"),
            Err(error) => format!("  run {run}: the database refuses it: {error}"),
        });
        let accepts = "update follows\nset state = 'accepted', created_at = ?4";
        for (sql, params) in &statements {
            if let (true, [Text(account), Text(job), ..]) = (sql.starts_with(accepts), params)
                && outcome.is_ok()
            {
                self.state().model.accept_all(account, job, parcel.sent);
            }
        }
        self.follow_jobs(run, parcel, outcome.is_ok(), tasks);
        let forgets = |(sql, _): &(&str, _)| sql.starts_with("delete from rate_limits");
        if outcome.is_ok() && statements.iter().any(forgets) {
            self.state().model.forget_counts(parcel.sent);
        }
        let forgets = |(sql, _): &(&str, _)| sql.starts_with("delete from sessions");
        if outcome.is_ok() && statements.iter().any(forgets) {
            self.state().model.forget_sessions(parcel.sent);
        }
        let forgets =
            |(sql, _): &(&str, _)| sql.starts_with("delete from registrations\nwhere id in");
        if outcome.is_ok() && statements.iter().any(forgets) {
            self.state().model.forget_registrations(parcel.sent);
        }
        if self.close {
            let found = model::differences(&self.state().model, self.database.primary());
            if !found.is_empty() {
                self.violate(&found.join("\n"));
            }
        }
        Reply {
            outcome,
            prediction,
            version,
        }
    }

    /// What the batch must lead to, and what it must leave to do. An effect happens once, with the
    /// first batch that can have it.
    fn predict(
        &self,
        number: RunId,
        parcel: &Parcel,
        place: Place,
    ) -> (Option<Prediction>, Vec<Task>) {
        let version = self.database.version();
        let mut state = self.state();
        let State {
            model,
            past,
            runs,
            lag,
            ..
        } = &mut *state;
        let run = &mut runs[number];
        run.executed = true;
        let What::Request { operation, caller } = &run.what else {
            return (None, vec![]);
        };
        // A reading batch where the operation is to write, such as a mutant's, has no say.
        let site = run.sites[parcel.trip.min(run.sites.len() - 1)];
        if run.happened.is_some() || (site.writes && !parcel.writes) {
            return (run.happened.clone(), vec![]);
        }
        let mut happen = |model: &mut Model| {
            let mut moment = Moment {
                model,
                database: self.database.primary(),
                began: run.began,
                now: parcel.sent,
                first_sent: run.first_sent.unwrap_or(parcel.sent),
                address: run.address,
                agent: run.agent,
                device: run.device,
                run: number,
                noted: &mut run.noted,
                tasks: vec![],
            };
            let happened = operation.happen(caller.as_ref(), &mut moment, parcel.trip);
            (happened, moment.tasks)
        };
        let (happened, tasks) = match place {
            Place::Replica(seen) if seen < version => {
                // What only reads changes no model, so both can be asked.
                let then = happen(past.at(seen));
                lag.differed += u64::from(then.0 != happen(model).0);
                then
            }
            _ => happen(model),
        };
        if let Ok(effect) = &happened
            && parcel.writes
            && !effect.replayed
        {
            run.happened = Some(effect.clone());
        }
        let prediction = happened.unwrap_or_else(|refusal| refusal);
        (Some(prediction), tasks)
    }

    /// Holds the outbox against what the batch may have done to it.
    fn follow_jobs(&self, run: RunId, parcel: &Parcel, committed: bool, expected: Vec<Task>) {
        let sql = "select * from jobs";
        let results = self.database.primary().batch(&[(sql, &[])]).unwrap();
        let stored: Vec<JobRow> = serde_json::from_str(results[0].rows.get()).unwrap();
        let mut state = self.state();
        let State {
            model,
            runs,
            payloads,
            wanted,
            died,
            ..
        } = &mut *state;
        let run = &mut runs[run];
        let mut expected = expected;
        let mut surprises = Vec::new();
        for row in &stored {
            let payload: Value = serde_json::from_str(&row.payload).unwrap();
            let known = model.jobs.get(&row.id);
            let job = match known {
                Some(job) if committed => {
                    let job = after_batch(run, parcel, &row.id, job);
                    let taken = run.leases.get(&row.id).copied();
                    let job = follow_mail(run, parcel, row, job);
                    let is_taken = run.leases.get(&row.id).copied() != taken;
                    let addressee = mails::addressee(model, &job, parcel.sent);
                    if let Some(address) = addressee.filter(|_| is_taken) {
                        run.wanted.insert(row.id.clone());
                        wanted.entry(row.id.clone()).or_default().insert(address);
                    }
                    job
                }
                Some(job) => job.clone(),
                None => {
                    let place = expected.iter().position(|task| task.payload() == payload);
                    let Some(place) = place else {
                        surprises.push(format!("a job that nobody ought to have left: {payload}"));
                        continue;
                    };
                    run.jobs.push(row.id.clone());
                    payloads.insert(row.id.clone(), payload.clone());
                    Job {
                        task: expected.swap_remove(place),
                        attempts: 0,
                        due_at: Some(parcel.sent.plus(JOB_GRACE).millis()),
                        dead: false,
                        created_at: row.created_at,
                        leased_until: None,
                        failures: 0,
                    }
                }
            };
            let as_stored = (row.attempts, row.due_at, row.dead_at.is_some());
            let in_hands = (row.leased_until, row.failures);
            if as_stored != (job.attempts, job.due_at, job.dead)
                || in_hands != (job.leased_until, job.failures)
                || payload != job.task.payload()
            {
                let stored = (as_stored, in_hands);
                surprises.push(format!("stored as {stored:?}, where {job:?} was right"));
            }
            if job.dead {
                died.insert(row.id.clone());
            }
            model.jobs.insert(row.id.clone(), job);
        }
        surprises.extend(
            expected
                .iter()
                .map(|task| format!("not left to do: {task:?}")),
        );
        let known: Vec<_> = model.jobs.keys().cloned().collect();
        for id in known {
            if stored.iter().any(|row| row.id == id) {
                continue;
            }
            let may_be_done = match &run.what {
                What::Message(message) => *message == id,
                What::Sweep => parcel.trip > 0,
                _ => false,
            };
            if !may_be_done {
                surprises.push(format!("the job {id} is gone, which nobody did"));
            }
            let mail_wanted = run.wanted.contains(&id);
            surprises.extend(self.check_mail_done(mail_wanted, &id, &model.jobs[&id], parcel.sent));
            model.finish_job(&id);
        }
        drop(state);
        if !surprises.is_empty() {
            self.violate(&surprises.join("\n"));
        }
    }

    /// Holds a message on its way to the queue against the jobs there are.
    pub fn check_message(&self, channel: Channel, message: &str) {
        let message: Value = serde_json::from_str(message).unwrap();
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let mut state = self.state();
        let is_mail = message["job"]["kind"] == "mail";
        let said = state.payloads.get(&id).map(without_nulls);
        let right = said.as_ref() == Some(&without_nulls(&message["job"]))
            && is_mail == (channel == Channel::Mails);
        state.woken.insert(id);
        drop(state);
        if !right {
            self.violate(&format!("a message of no job: {message}"));
        }
    }

    /// Holds an answer against what was promised. Whether the client can rely on it: a refusal of the
    /// moment may hide that it worked.
    pub fn judge(&self, run: RunId, isolate: usize, answer: &Answer, expires: Option<i64>) -> bool {
        let mut state = self.state();
        let run = state.runs[run].clone();
        let What::Request { operation, caller } = &run.what else {
            return true;
        };
        let name = run.sites[0].name;
        *state.answered.entry((name, answer.status)).or_default() += 1;
        let known = state.closed[isolate].iter().find(|window| {
            let policy = &answer.body["violated-policies"][0];
            let is_theirs = operation.is_counted_for(caller.as_ref(), run.address, &window.subject);
            is_theirs && policy == window.name && window.is_near(run.began)
        });
        let known = known.map(|window| Prediction::limited(window.name));
        let asleep = run.jobs.iter().find(|job| !state.woken.contains(*job));
        let acknowledged = operation.writes() && answer.status < 300;
        state.acknowledged += u64::from(acknowledged);
        drop(state);

        let says_no =
            answer.body["code"] == "dependency_unavailable" || answer.body["status"] == "fail";
        let refusal = refusal(&run, expires);
        let judged = match (&refusal, &run.prediction) {
            (Some(refusal), _) => model::agrees(refusal, answer.status, &answer.body),
            _ if answer.status == 503 && says_no && run.failed => return false,
            // The store did not answer, so what the isolate knew counts.
            _ if answer.body["code"] == "registration_closed" && run.flags == Flags::Unanswered => {
                return false;
            }
            // What an isolate knows to be used up it refuses by itself.
            (None, None) => known.as_ref().map_or_else(
                || Err(format!("answered {} without the database", answer.status)),
                |refusal| {
                    self.struck(chaos::KNOWN_USED_UP);
                    model::agrees(refusal, answer.status, &answer.body)
                },
            ),
            (None, Some(_)) if run.failed => {
                Err(format!("answered {} after a failure", answer.status))
            }
            (None, Some(_)) if acknowledged && asleep.is_some() => {
                Err(format!("nobody was woken for the job {asleep:?}"))
            }
            (None, Some(prediction)) => operation.check(prediction, answer),
        };
        let judged = judged.and_then(|()| self.check_bookmark(&run, answer));
        if let Err(violation) = judged {
            let call = operation.call();
            self.violate(&format!("{name}: {call:?} by {caller:?}: {violation}"));
        }
        refusal.is_none()
    }

    /// What must hold in the end.
    pub fn check_end(&self) {
        let mut found = model::differences(&self.state().model, self.database.primary());
        found.extend(model::wrong_counters(self.database.primary()));
        let died = self.state().died.clone();
        let lines = self.log.take();
        let texts: Vec<_> = lines.iter().map(|(_, line)| line.clone()).collect();
        found.extend(self.check_mails(&texts));
        for (level, line) in lines {
            let line: Value = serde_json::from_str(&line).unwrap();
            let expected = match line["event"].as_str() {
                Some("job_dead") => died.contains(line["job_id"].as_str().unwrap_or_default()),
                Some(
                    "sweep_failed"
                    | "keys_not_forgotten"
                    | "counts_not_forgotten"
                    | "sessions_not_forgotten"
                    | "registrations_not_forgotten",
                ) => true,
                _ => false,
            };
            if level == Level::Error && !expected {
                found.push(format!("in the log: {line}"));
            }
        }
        if !found.is_empty() {
            self.violate(&found.join("\n"));
        }
    }
}

/// What a committed batch makes of a job that was there before.
fn after_batch(run: &Run, parcel: &Parcel, id: &str, job: &Job) -> Job {
    let mut job = job.clone();
    let is_due = job.due_at.is_some_and(|due| due <= parcel.sent.millis());
    match &run.what {
        What::Sweep if parcel.trip == 0 && is_due => {
            let grace = i64::try_from(JOB_GRACE.as_millis()).unwrap();
            let lease = (grace << (job.attempts + 1).min(20)).min(LONGEST_LEASE);
            job.due_at = Some(parcel.sent.millis() + lease);
            if job.attempts >= SWEEPS {
                job.dead = true;
                job.due_at = None;
            }
            job.attempts += 1;
        }
        What::Bury(buried) if buried == id && !job.dead => {
            job.dead = true;
            job.due_at = None;
        }
        _ => {}
    }
    job
}

/// What a committed batch makes of the job of a mail, if it is one of whoever may send it.
fn follow_mail(run: &mut Run, parcel: &Parcel, row: &JobRow, job: Job) -> Job {
    let is_its = match &run.what {
        What::Message(id) => *id == row.id,
        What::Sweep => parcel.trip > 0,
        _ => false,
    };
    if !is_its || !matches!(job.task, Task::Letter(_)) {
        return job;
    }
    let stored = (
        row.leased_until,
        row.due_at,
        row.failures,
        row.dead_at.is_some(),
    );
    mails::after_step(run, parcel, &row.id, &job, stored)
}

/// Why a request must be refused before it gets to the database, if it must.
fn refusal(run: &Run, expires: Option<i64>) -> Option<Prediction> {
    let What::Request { operation, caller } = &run.what else {
        return None;
    };
    let is_over = expires.is_some_and(|end| run.began.seconds() >= end);
    if run.shielded == Some(Shield::Address) {
        Some(Prediction::limited("address"))
    } else if run.in_maintenance && !operation.call().path.starts_with("//") {
        Some(Prediction::refusal(503, "maintenance"))
    } else if operation.looks_at_token() && caller.is_some() && is_over {
        Some(Prediction::refusal(401, "token_expired"))
    } else if caller.is_none() && !operation.open_to_anyone() {
        Some(Prediction::refusal(401, "authentication_required"))
    } else if run.shielded == Some(Shield::Account) {
        Some(Prediction::limited("account"))
    } else if operation.looks_at_token() && run.brought == Brought::Forged {
        Some(Prediction::refusal(400, "malformed_bookmark"))
    } else {
        let closed =
            matches!(&run.flags, Flags::Read(flags) if closes_registration(flags.as_deref()));
        let registers = run.sites[0].name == "auth.register";
        let closed = (closed && registers).then(|| Prediction::refusal(403, "registration_closed"));
        closed.or_else(|| operation.refusal())
    }
}

/// The members of an object that say something: a row may say null where a message says nothing.
fn without_nulls(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}
