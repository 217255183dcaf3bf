//! The native adapter does what D1 does: every case of `tests/contract/cases`, against the record of
//! D1 in workerd, `tests/contract/d1.json`, which `tests/api/contract.spec.ts` keeps true.
//!
//! A case that `differs` says why, and its native outcome stands in `tests/contract/native.json`. It
//! must go on differing, so that the list stays true. `RECORD_CONTRACT=1 cargo test --test contract`
//! writes that file, after D1's record has been written.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod native;
#[path = "contract/story.rs"]
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use kith::platform::native::Sqlite;
use kith::platform::{Abort, Batch, DatabaseError, Outcome, Rows, StatementResult, Value};
use native::migrated;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A story told to both databases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Run before, in one batch, and not recorded.
    #[serde(default)]
    setup: Vec<String>,
    batches: Vec<Vec<Statement>>,
    /// What `DatabaseError` makes of D1's first error.
    means: Option<String>,
    /// Why the native outcome is another.
    differs: Option<String>,
}

/// A text of SQL and its parameters.
#[derive(Deserialize)]
#[serde(from = "Vec<Part>")]
struct Statement {
    sql: String,
    params: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    /// Text in parts, of which some come many times over.
    Parts {
        parts: Vec<Piece>,
    },
    /// The same parameter many times.
    Many {
        value: i64,
        times: usize,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Once(String),
    Times(String, usize),
}

impl From<Vec<Part>> for Statement {
    fn from(parts: Vec<Part>) -> Self {
        let mut values: Vec<_> = parts.into_iter().flat_map(values_of).collect();
        match values.remove(0) {
            Value::Text(sql) => Self {
                sql,
                params: values,
            },
            other => panic!("{other:?} is no SQL"),
        }
    }
}

fn values_of(part: Part) -> Vec<Value> {
    match part {
        Part::Null => vec![Value::Null],
        Part::Bool(flag) => vec![flag.into()],
        Part::Integer(number) => vec![number.into()],
        Part::Text(text) => vec![text.into()],
        Part::Parts { parts } => {
            let written = parts.into_iter().map(|piece| match piece {
                Piece::Once(text) => text,
                Piece::Times(text, times) => text.repeat(times),
            });
            vec![written.collect::<String>().into()]
        }
        Part::Many { value, times } => vec![value.into(); times],
    }
}

/// What a batch did: results, or an error.
#[derive(Deserialize, Serialize)]
struct Trip {
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<Done>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What a statement did.
#[derive(Deserialize, Serialize)]
struct Done {
    rows: Box<RawValue>,
    changes: u64,
}

type Record = BTreeMap<String, Vec<Trip>>;

impl Trip {
    fn of(outcome: Result<Vec<StatementResult>, String>) -> Self {
        let done = |result: StatementResult| Done {
            rows: result.rows,
            changes: result.changes,
        };
        match outcome {
            Ok(results) => Self {
                results: Some(results.into_iter().map(done).collect()),
                error: None,
            },
            Err(text) => Self {
                results: None,
                error: Some(text),
            },
        }
    }

    /// The rows to the letter: how a number is written is part of the contract.
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
}

fn texts(outcomes: &[Trip]) -> Vec<String> {
    outcomes.iter().map(Trip::text).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

fn cases() -> Vec<Case> {
    let files = fs::read_dir(folder().join("cases")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            serde_json::from_str::<Vec<Case>>(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

fn record(file: &str) -> Record {
    let text = fs::read_to_string(folder().join(file)).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).unwrap()
}

fn run(case: &Case) -> Vec<Trip> {
    let database = migrated();
    let setup: Vec<(&str, &[Value])> = case
        .setup
        .iter()
        .map(|sql| (sql.as_str(), [].as_slice()))
        .collect();
    if !setup.is_empty() {
        database
            .batch(&setup)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
    let run_one = |batch: &Vec<Statement>| {
        let statements: Vec<_> = batch
            .iter()
            .map(|statement| (statement.sql.as_str(), statement.params.as_slice()))
            .collect();
        Trip::of(database.batch(&statements))
    };
    case.batches.iter().map(run_one).collect()
}

/// The kind of an error in a word, with what a handler reads of it.
fn meaning(text: &str) -> String {
    match DatabaseError::from_text(text) {
        DatabaseError::Aborted(abort) => format!("Aborted: {}", abort.code()),
        DatabaseError::Unique(columns) => format!("Unique: {columns}"),
        DatabaseError::Unavailable(_) => "Unavailable".to_owned(),
        DatabaseError::Failed(_) => "Failed".to_owned(),
        DatabaseError::UnknownState => "UnknownState".to_owned(),
    }
}

/// With a line for each batch, so that a change shows in review.
fn written(record: &Record) -> String {
    let mut text = String::from("{\n");
    for (place, (name, outcomes)) in record.iter().enumerate() {
        let begin = if place == 0 { "" } else { ",\n" };
        let name = serde_json::to_string(name).unwrap();
        let outcomes = texts(outcomes).join(",\n    ");
        write!(text, "{begin}  {name}: [\n    {outcomes}\n  ]").unwrap();
    }
    text.push_str("\n}\n");
    text
}

#[test]
fn the_story_is_what_kith_sends() {
    story::check(&folder().join("cases/story.json"), migrated());
}

#[test]
fn the_native_adapter_does_what_d1_does() {
    let recorded = record("d1.json");
    let mut differing = Record::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let Some(d1) = recorded.get(&case.name) else {
            wrong.push(format!("{}: D1 is not recorded", case.name));
            continue;
        };
        let native = run(&case);
        let same = texts(&native) == texts(d1);
        if case.differs.is_some() {
            if same {
                wrong.push(format!("{}: differs no more", case.name));
            }
            differing.insert(case.name, native);
        } else if !same {
            let (native, d1) = (texts(&native).join("\n  "), texts(d1).join("\n  "));
            wrong.push(format!("{}\n native:\n  {native}\n D1:\n  {d1}", case.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));

    let path = folder().join("native.json");
    let now = written(&differing);
    if std::env::var_os("RECORD_CONTRACT").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert_eq!(now, fs::read_to_string(&path).unwrap_or_default());
}

#[test]
fn every_error_means_what_its_case_says() {
    let recorded = record("d1.json");
    let mut wrong = Vec::new();
    for case in cases() {
        let trips = recorded.get(&case.name).into_iter().flatten();
        let error = trips.into_iter().find_map(|trip| trip.error.as_deref());
        let means = error.map(meaning);
        if means != case.means {
            wrong.push(format!("{}: {error:?} means {means:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_case_is_told_once_and_says_why_it_differs() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert_ne!(case.differs.as_deref(), Some(""), "{}", case.name);
        assert!(names.insert(case.name.clone()), "{} is twice", case.name);
    }
    assert!(names.len() > 300, "the cases were not found");
    assert_eq!(names, record("d1.json").into_keys().collect());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Like {
    user_id: String,
    created_at: i64,
}

/// Runs a batch as a store's caller does. The native adapter has its answer at once.
fn commit(batch: Batch, database: &Sqlite) -> Result<Outcome, DatabaseError> {
    batch.run(database).now_or_never().unwrap()
}

#[test]
fn a_batch_of_kith_runs_on_it_with_rows_changes_and_aborts() {
    let database = migrated();
    let like = "insert into likes values ('post', 'ben', ?1) on conflict do nothing";
    let now = Value::Integer(1_795_000_000_000);

    let mut batch = Batch::public();
    batch.require("select json_extract('{}', '$')", vec![]);
    let written = batch.write(like, vec![now.clone()]);
    let again = batch.write(like, vec![now.clone()]);
    let likers: Rows<Like> = batch.query("select user_id, created_at from likes", vec![]);
    let taken: Rows<Like> = batch.write_returning("delete from likes returning *", vec![]);
    let outcome = commit(batch, &database).unwrap();
    assert_eq!(outcome.changes(written).unwrap(), 1);
    assert_eq!(outcome.changes(again).unwrap(), 0);
    let ben = Like {
        user_id: "ben".to_owned(),
        created_at: 1_795_000_000_000,
    };
    assert_eq!(outcome.rows(&likers).unwrap(), [ben]);
    assert_eq!(outcome.rows(&taken).unwrap().len(), 1);

    let mut batch = Batch::public();
    batch.write(like, vec![now]);
    batch.require("select json_extract('{}', 'abort:not_found')", vec![]);
    let aborted = commit(batch, &database).unwrap_err();
    assert_eq!(aborted, DatabaseError::Aborted(Abort::NotFound));

    let mut batch = Batch::public();
    let left: Rows<Like> = batch.query("select * from likes", vec![]);
    let outcome = commit(batch, &database).unwrap();
    assert_eq!(outcome.first(&left).unwrap(), None);
}
