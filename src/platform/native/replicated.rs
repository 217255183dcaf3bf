//! A database with replicas that lag, natively.
//!
//! A replica is another SQLite, which has applied the batches that changed something at the primary, in
//! their order, up to some of them. How far it lags is for whoever reads to say: nothing is applied by
//! itself. A state is named by how many batches made it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Sqlite;
use crate::platform::{Bookmark, DatabaseError, StatementResult, Value};

/// How many batches have changed something.
pub type Version = usize;

/// A batch as it was sent.
type Sent = Vec<(String, Vec<Value>)>;

/// The primary, and replicas of it.
#[derive(Debug)]
pub struct Replicated {
    primary: Sqlite,
    replicas: Vec<Replica>,
    log: Mutex<Vec<Sent>>,
}

#[derive(Debug)]
struct Replica {
    database: Sqlite,
    applied: Mutex<Version>,
}

impl Replicated {
    /// Empty databases in memory.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn in_memory(replicas: usize) -> Result<Self, DatabaseError> {
        let replica = |_| {
            Ok(Replica {
                database: Sqlite::in_memory()?,
                applied: Mutex::default(),
            })
        };
        Ok(Self {
            primary: Sqlite::in_memory()?,
            replicas: (0..replicas).map(replica).collect::<Result<_, _>>()?,
            log: Mutex::default(),
        })
    }

    /// Runs a whole file of statements everywhere, as [`Sqlite::migrate`] does.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn migrate(&self, sql: &str) -> Result<(), DatabaseError> {
        self.primary.migrate(sql)?;
        let mut replicas = self.replicas.iter();
        replicas.try_for_each(|replica| replica.database.migrate(sql))
    }

    /// The primary. What is changed there directly no replica will ever know.
    #[must_use]
    pub fn primary(&self) -> &Sqlite {
        &self.primary
    }

    /// Runs statements in one transaction at the primary, as [`Sqlite::batch`] does. If they change
    /// something, that makes a new state.
    ///
    /// # Errors
    /// As [`Sqlite::batch`].
    pub fn batch(&self, statements: &[(&str, &[Value])]) -> Result<Vec<StatementResult>, String> {
        let mut log = lock(&self.log);
        let results = self.primary.batch(statements)?;
        if results.iter().any(|result| result.changes > 0) {
            let sent = statements.iter();
            log.push(
                sent.map(|(sql, params)| ((*sql).to_owned(), params.to_vec()))
                    .collect(),
            );
        }
        Ok(results)
    }

    /// The newest state.
    #[must_use]
    pub fn version(&self) -> Version {
        lock(&self.log).len()
    }

    /// The name of a state.
    #[must_use]
    pub fn bookmark(&self, version: Version) -> Bookmark {
        Bookmark::new(&format!("{version:016x}"))
    }

    /// The state that a bookmark names; none if this database has never said it.
    #[must_use]
    pub fn version_of(&self, bookmark: &Bookmark) -> Option<Version> {
        let version = Version::from_str_radix(bookmark.as_str(), 16).ok()?;
        let said = version <= self.version() && self.bookmark(version) == *bookmark;
        said.then_some(version)
    }

    /// Runs statements that only read at a replica, once that has reached at least the state `version`,
    /// and tells the state they saw.
    ///
    /// # Errors
    /// As [`Sqlite::batch`], and for statements that changed something: then the replica is spoilt, and
    /// whoever sent them has a defect.
    pub fn read(
        &self,
        replica: usize,
        version: Version,
        statements: &[(&str, &[Value])],
    ) -> (Version, Result<Vec<StatementResult>, String>) {
        let Some(replica) = self.replicas.get(replica) else {
            return (0, Err(format!("there is no replica {replica}")));
        };
        let mut applied = lock(&replica.applied);
        if let Err(text) = self.catch_up(replica, &mut applied, version) {
            return (*applied, Err(text));
        }
        let results = replica.database.batch(statements);
        let wrote = |results: &[StatementResult]| results.iter().any(|result| result.changes > 0);
        let results = match results {
            Ok(results) if wrote(&results) => Err("a write at a replica".to_owned()),
            other => other,
        };
        (*applied, results)
    }

    fn catch_up(
        &self,
        replica: &Replica,
        applied: &mut Version,
        version: Version,
    ) -> Result<(), String> {
        let log = lock(&self.log);
        for sent in log
            .get(*applied..version.min(log.len()))
            .unwrap_or_default()
        {
            let statements: Vec<_> = sent
                .iter()
                .map(|(sql, params)| (sql.as_str(), params.as_slice()))
                .collect();
            replica.database.batch(&statements)?;
            *applied = applied.saturating_add(1);
        }
        Ok(())
    }
}

/// What a lock holds. A panic elsewhere cannot have left it half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: (&str, &[Value]) = ("select count(*) as count from t", &[]);
    const WRITE: (&str, &[Value]) = ("insert into t values (1)", &[]);

    fn database() -> Replicated {
        let database = Replicated::in_memory(2).unwrap();
        database
            .migrate("create table t (n integer unique)")
            .unwrap();
        database
    }

    /// The state read, and how many rows it has.
    fn read(database: &Replicated, replica: usize, version: Version) -> (Version, String) {
        let (seen, results) = database.read(replica, version, &[COUNT]);
        (seen, results.unwrap()[0].rows.get().to_owned())
    }

    #[test]
    fn a_replica_shows_the_state_it_was_brought_to_and_never_an_older_one() {
        let database = database();
        for number in 1..=3 {
            let params = [Value::Integer(number)];
            database
                .batch(&[("insert into t values (?1)", &params)])
                .unwrap();
        }
        assert_eq!(database.version(), 3);
        assert_eq!(read(&database, 0, 0), (0, r#"[{"count":0}]"#.to_owned()));
        assert_eq!(read(&database, 0, 2), (2, r#"[{"count":2}]"#.to_owned()));
        assert_eq!(read(&database, 0, 1), (2, r#"[{"count":2}]"#.to_owned()));
        assert_eq!(read(&database, 1, 9), (3, r#"[{"count":3}]"#.to_owned()));
    }

    #[test]
    fn what_changed_nothing_makes_no_state() {
        let database = database();
        database.batch(&[COUNT]).unwrap();
        database.batch(&[("delete from t", &[])]).unwrap();
        database.batch(&[WRITE, WRITE]).unwrap_err();
        assert_eq!(database.version(), 0);
    }

    #[test]
    fn only_what_was_said_is_a_bookmark() {
        let database = database();
        database.batch(&[WRITE]).unwrap();
        let said = database.bookmark(1);
        assert_eq!(database.version_of(&said), Some(1));
        for text in ["", "1", "0000000000000002", "+000000000000001", "x"] {
            assert_eq!(database.version_of(&Bookmark::new(text)), None, "{text}");
        }
    }

    #[test]
    fn a_write_at_a_replica_fails() {
        let (_, results) = database().read(0, 0, &[WRITE]);
        assert_eq!(results.unwrap_err(), "a write at a replica");
    }
}
