//! What the database is asked: statements with their parameters, in a [`Batch`], and the rows that come
//! back.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

use super::objects::{list_from_json, object_from_json};
use super::{Consistency, Database, DatabaseError, StatementResult};
use crate::error::Error;

/// A value bound to a statement's parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL's null.
    Null,
    /// A whole number of at most 53 bits: D1 binds every number as REAL.
    Integer(i64),
    /// Text.
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<crate::time::Timestamp> for Value {
    fn from(time: crate::time::Timestamp) -> Self {
        Self::Integer(time.millis())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, in the order of `?1`, `?2`, …
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::platform::Value::from($value)),*]
    };
}
pub(crate) use params;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub struct Statement {
    /// SQL, fixed at compile time: no text of a user ever becomes part of it.
    pub sql: &'static str,
    /// What `?1`, `?2`, … stand for.
    pub params: Vec<Value>,
}

/// The place of a query in its batch, to collect rows of type `T` by.
#[derive(Debug)]
#[must_use = "a query whose rows nobody reads need not be asked"]
pub struct Rows<T> {
    index: usize,
    row: PhantomData<fn() -> T>,
}

/// The place of a writing statement in its batch, to ask by how many rows it changed.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    index: usize,
}

/// Statements that succeed or fail together, in one trip.
///
/// Start one with `Batch::guarded` (see `viewer`), or with [`Batch::public`] where no account stands
/// behind the request; `tests/architecture.rs` keeps the list of the latter.
#[derive(Debug)]
pub struct Batch {
    statements: Vec<Statement>,
    last: Vec<Statement>,
    /// Where the first statement stands that writes to the full-text index.
    indexed: Option<usize>,
    writes: bool,
    reads: Consistency,
    names_state: bool,
}

impl Batch {
    /// A batch with no account behind it, which runs at the primary.
    #[must_use]
    pub fn public() -> Self {
        Self {
            statements: Vec::new(),
            last: Vec::new(),
            indexed: None,
            writes: false,
            reads: Consistency::Primary,
            names_state: false,
        }
    }

    /// The same batch; if it only reads, it reads the state asked for.
    #[must_use]
    pub fn reading(self, reads: Consistency) -> Self {
        Self { reads, ..self }
    }

    /// The same batch at the primary, though it only reads: because something is decided by what it
    /// finds, which must not be what was so a while ago.
    #[must_use]
    pub fn at_primary(self) -> Self {
        self.reading(Consistency::Primary)
    }

    /// The same batch; the answer to the request names the state it found at the primary, though it
    /// only reads: because it stands for a write that came before.
    #[must_use]
    pub fn naming_state(self) -> Self {
        Self {
            names_state: true,
            ..self.at_primary()
        }
    }

    /// Appends a condition that the whole batch hangs on.
    ///
    /// `sql` must select `json_extract('{}', …)` with `'$'` where the condition holds and
    /// `'abort:<code>'` of [`Abort`](super::Abort) where it does not.
    pub fn require(&mut self, sql: &'static str, params: Vec<Value>) {
        self.statements.push(Statement { sql, params });
    }

    /// Appends a query for rows of type `T`.
    pub fn query<T>(&mut self, sql: &'static str, params: Vec<Value>) -> Rows<T> {
        let index = self.statements.len();
        self.statements.push(Statement { sql, params });
        Rows {
            index,
            row: PhantomData,
        }
    }

    /// Appends a statement that writes.
    pub fn write(&mut self, sql: &'static str, params: Vec<Value>) -> Write {
        let index = self.statements.len();
        self.statements.push(Statement { sql, params });
        self.writes = true;
        Write { index }
    }

    /// Appends a statement that writes and answers with rows of type `T`.
    pub fn write_returning<T>(&mut self, sql: &'static str, params: Vec<Value>) -> Rows<T> {
        self.writes = true;
        self.query(sql, params)
    }

    /// Appends a statement that takes words out of the full-text index, which must be told them, so that it comes
    /// before their row is written.
    ///
    /// The index puts off what it writes to some later statement, whose `changes()` then counts it too. So from here
    /// on no statement may ask for `changes()`: [`Batch::run`] refuses it, as [`Outcome::changes`] does.
    pub fn erase(&mut self, sql: &'static str, params: Vec<Value>) {
        self.indexed.get_or_insert(self.statements.len());
        self.write(sql, params);
    }

    /// Appends a statement that writes words to the full-text index, which runs after all others of the batch,
    /// whenever it was appended: so that these may ask for `changes()`, as [`Batch::erase`] explains.
    pub fn write_last(&mut self, sql: &'static str, params: Vec<Value>) {
        self.last.push(Statement { sql, params });
        self.writes = true;
    }

    /// The statements in order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether no statement writes, so that running the batch twice is the same as once.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        !self.writes
    }

    /// Which state it must see. What writes runs at the primary, whatever was asked for.
    #[must_use]
    pub fn consistency(&self) -> &Consistency {
        if self.writes {
            &Consistency::Primary
        } else {
            &self.reads
        }
    }

    /// Whether the adapter is to note the state after it in [`ReachedState`](super::ReachedState).
    #[must_use]
    pub fn names_state(&self) -> bool {
        self.writes || self.names_state
    }

    /// Runs the batch.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn run(mut self, database: &dyn Database) -> Result<Outcome, DatabaseError> {
        let counted = self.indexed.unwrap_or(self.statements.len());
        self.statements.append(&mut self.last);
        let mut miscounted = self.statements.iter().skip(counted);
        if miscounted.any(|statement| statement.sql.contains("changes()")) {
            let why = "a statement asks for `changes()` after the full-text index was written to";
            return Err(DatabaseError::Failed(why.to_owned()));
        }
        let expected = self.statements.len();
        let results = database.run(&self).await?;
        if results.len() == expected {
            Ok(Outcome { results, counted })
        } else {
            Err(DatabaseError::Failed(format!(
                "{} results for {expected} statements",
                results.len()
            )))
        }
    }
}

/// What a committed batch did, statement by statement.
#[derive(Debug)]
pub struct Outcome {
    results: Vec<StatementResult>,
    /// Of how many of them it is known what they changed.
    counted: usize,
}

impl Outcome {
    /// The rows of a query.
    ///
    /// # Errors
    /// [`Error::Internal`] if the columns do not fit `T`.
    pub fn rows<T: DeserializeOwned>(&self, query: &Rows<T>) -> Result<Vec<T>, Error> {
        list_from_json(self.result(query.index)?.rows.get()).map_err(Error::internal)
    }

    /// The first row of a query, if it has any.
    ///
    /// # Errors
    /// As [`Outcome::rows`].
    pub fn first<T: DeserializeOwned>(&self, query: &Rows<T>) -> Result<Option<T>, Error> {
        Ok(self.rows(query)?.into_iter().next())
    }

    /// How many rows a statement changed. Rows that a trigger changed are in the sum.
    ///
    /// # Errors
    /// [`Error::Internal`] if the statement belongs to another batch, or stands behind one that wrote to the
    /// full-text index ([`Batch::erase`]).
    pub fn changes(&self, write: Write) -> Result<u64, Error> {
        if write.index >= self.counted {
            return Err(Error::internal("the full-text index was written to before"));
        }
        Ok(self.result(write.index)?.changes)
    }

    fn result(&self, index: usize) -> Result<&StatementResult, Error> {
        self.results
            .get(index)
            .ok_or_else(|| Error::internal("a statement of another batch"))
    }
}

/// Reads a boolean column: SQLite has none, so it is 0 or 1.
///
/// # Errors
/// When the column holds anything but a number.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(u8::deserialize(deserializer)? != 0)
}

/// Reads a column that holds the JSON of a `T`, as SQL's `json_object` makes it.
///
/// # Errors
/// When the column holds no such text.
pub fn json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    object_from_json(&text).map_err(serde::de::Error::custom)
}

/// As [`json_text`], for a column that may be null.
///
/// # Errors
/// When the column holds another text.
pub fn optional_json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| object_from_json(&text).map_err(serde::de::Error::custom))
        .transpose()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use serde_json::value::RawValue;

    use super::*;
    use crate::platform::BoxFuture;

    #[test]
    fn results_are_read_by_the_place_of_their_statement() {
        let mut batch = Batch::public();
        let written = batch.write("delete from t", params![]);
        let read: Rows<(i64,)> = batch.query("select 1", params![]);
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let outcome = Outcome {
            counted: 2,
            results: vec![
                StatementResult {
                    rows: raw("[]"),
                    changes: 3,
                },
                StatementResult {
                    rows: raw("[[7]]"),
                    changes: 0,
                },
            ],
        };
        assert_eq!(outcome.changes(written).unwrap(), 3);
        assert_eq!(outcome.first(&read).unwrap(), Some((7,)));
        assert!(!batch.is_read_only());
    }

    /// Answers as if every statement had changed one row.
    struct Obliging;

    impl Database for Obliging {
        fn run<'a>(
            &'a self,
            batch: &'a Batch,
        ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
            let one = || StatementResult {
                rows: RawValue::from_string("[]".to_owned()).unwrap(),
                changes: 1,
            };
            let results = batch.statements().iter().map(|_| one()).collect();
            Box::pin(async move { Ok(results) })
        }
    }

    fn ran(batch: Batch) -> Result<Outcome, DatabaseError> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(batch.run(&Obliging)).poll(&mut context) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("nothing was to be waited for"),
        }
    }

    #[test]
    fn nothing_is_counted_after_words_were_erased() {
        let mut batch = Batch::public();
        let before = batch.write("delete from t where changes() = 1", params![]);
        batch.write_last("insert into words values (1)", params![]);
        batch.erase("delete from words", params![]);
        let after = batch.write("delete from t", params![]);
        let outcome = ran(batch).unwrap();
        assert_eq!(outcome.changes(before).unwrap(), 1);
        assert!(outcome.changes(after).is_err());

        let mut batch = Batch::public();
        batch.erase("delete from words", params![]);
        batch.write("delete from t where changes() = 1", params![]);
        let refused = ran(batch).unwrap_err();
        assert!(refused.to_string().contains("changes()"), "{refused}");

        let mut batch = Batch::public();
        batch.write_last("insert into words select 1 where changes() = 1", params![]);
        assert!(ran(batch).is_err());
    }

    #[test]
    fn what_writes_runs_at_the_primary_and_names_its_state() {
        let mut batch = Batch::public().reading(Consistency::Nearest);
        assert_eq!(batch.consistency(), &Consistency::Nearest);
        assert!(!batch.names_state());
        batch.write("delete from t", params![]);
        assert_eq!(batch.consistency(), &Consistency::Primary);
        assert!(batch.names_state());
    }

    #[test]
    fn what_nobody_has_asked_for_elsewhere_reads_at_the_primary() {
        assert_eq!(Batch::public().consistency(), &Consistency::Primary);
        let stands_for_a_write = Batch::public().reading(Consistency::Nearest).naming_state();
        assert_eq!(stands_for_a_write.consistency(), &Consistency::Primary);
        assert!(stands_for_a_write.names_state());
    }
}
