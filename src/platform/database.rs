//! The port for the database: one method, which runs one [`Batch`], and the ways it can fail.
//!
//! A batch is an ordered list of statements, one transaction and one round trip. Round trips are what
//! a request at the edge waits for, so there is no way to run a lone statement, and none to read
//! first and write later.

use std::fmt;

use serde_json::value::RawValue;

use super::{Batch, BoxFuture};
use crate::error::{Code, Error, Rule};

/// Runs batches.
pub trait Database: Send + Sync {
    /// Runs all statements of `batch` in one transaction and one trip, where its
    /// [`Consistency`](super::Consistency) says, and returns one result for each.
    ///
    /// # Errors
    /// Any failing statement undoes all of them. After [`DatabaseError::Unavailable`] the outcome is
    /// unknown: the batch may have been committed and its answer lost.
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>>;
}

/// What one statement did.
#[derive(Debug)]
pub struct StatementResult {
    /// A JSON array of objects, one per row, keyed by column. JSON, because it is what crosses the
    /// border of a Worker cheapest: one text instead of every cell.
    pub rows: Box<RawValue>,
    /// How many rows it inserted, changed or deleted.
    pub changes: u64,
}

/// Why a batch aborted itself: the closed list of codes a [`Batch::require`] may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// The session was revoked or has expired, or never was.
    SessionEnded,
    /// The account is suspended.
    AccountSuspended,
    /// The account has not the role that is needed.
    RoleRequired,
    /// No admin would be left.
    LastAdmin,
    /// The target is absent or not visible to the viewer.
    NotFound,
    /// The target is another's, and the viewer may not do this to it.
    NotTheAuthor,
    /// The target is no longer what the client has seen.
    PreconditionFailed,
    /// The viewer means themselves, where somebody else is wanted.
    OwnAccount,
    /// The viewer has used the idempotency key before.
    IdempotencyHit,
    /// The first of the limits that the batch counts for is used up.
    OverFirstLimit,
    /// The second of them is.
    OverSecondLimit,
    /// The account's password or e-mail address was changed since they were read.
    CredentialsChanged,
    /// The viewer is, or wrote, what they report.
    OwnReport,
    /// The report was resolved before.
    ReportResolved,
    /// The report is about a person, and not about a post.
    NoPostReported,
}

impl Abort {
    const ALL: [Self; 15] = [
        Self::SessionEnded,
        Self::AccountSuspended,
        Self::RoleRequired,
        Self::LastAdmin,
        Self::NotFound,
        Self::NotTheAuthor,
        Self::PreconditionFailed,
        Self::OwnAccount,
        Self::IdempotencyHit,
        Self::OverFirstLimit,
        Self::OverSecondLimit,
        Self::CredentialsChanged,
        Self::OwnReport,
        Self::ReportResolved,
        Self::NoPostReported,
    ];

    /// The code as it stands in SQL, after `abort:`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SessionEnded => "session_ended",
            Self::AccountSuspended => "account_suspended",
            Self::RoleRequired => "role_required",
            Self::LastAdmin => "last_admin",
            Self::NotFound => "not_found",
            Self::NotTheAuthor => "not_the_author",
            Self::PreconditionFailed => "precondition_failed",
            Self::OwnAccount => "own_account",
            Self::IdempotencyHit => "idempotency_hit",
            Self::OverFirstLimit => "over_first_limit",
            Self::OverSecondLimit => "over_second_limit",
            Self::CredentialsChanged => "credentials_changed",
            Self::OwnReport => "own_report",
            Self::ReportResolved => "report_resolved",
            Self::NoPostReported => "no_post_reported",
        }
    }
}

/// Why a batch did not commit, or may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseError {
    /// A condition of the batch itself was false.
    Aborted(Abort),
    /// A unique constraint stands in the way; the text lists its columns as `table.column`.
    Unique(String),
    /// The database did not answer, or says that it cannot now. The batch may have been committed.
    Unavailable(String),
    /// A statement is wrong: a defect of Kith.
    Failed(String),
    /// The batch was to see a state that the database does not know: it was restored since, or it is
    /// another one. Nothing was run.
    UnknownState,
}

/// What D1 calls that.
const UNKNOWN_STATE: &str = "D1_SESSION_ERROR";

/// What says that a statement or its values are wrong: result codes of SQLite, and D1's own words where
/// it finds out first. Other codes, such as `SQLITE_BUSY` or `SQLITE_FULL`, say that the database
/// cannot now.
const DEFECTS: [&str; 8] = [
    "SQLITE_ERROR",
    "SQLITE_CONSTRAINT",
    "SQLITE_MISMATCH",
    "SQLITE_RANGE",
    "SQLITE_TOOBIG",
    "SQLITE_AUTH",
    "Wrong number of parameter bindings",
    "No SQL statements detected",
];

impl DatabaseError {
    /// Reads the text that SQLite and D1 give an error.
    ///
    /// Only the exact shapes below are recognised; any other complaint about a statement is a defect,
    /// and everything else comes from the network or the platform.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        if let Some(abort) = Abort::ALL.into_iter().find(|abort| {
            text.split_once("bad JSON path: 'abort:")
                .and_then(|(_, rest)| rest.split_once('\''))
                .is_some_and(|(code, _)| code == abort.code())
        }) {
            return Self::Aborted(abort);
        }
        if let Some((_, rest)) = text.split_once("UNIQUE constraint failed: ") {
            let columns = rest.split(": SQLITE_").next().unwrap_or(rest);
            return Self::Unique(columns.trim().to_owned());
        }
        if text.contains(UNKNOWN_STATE) {
            return Self::UnknownState;
        }
        if DEFECTS.iter().any(|defect| text.contains(defect)) {
            Self::Failed(text.to_owned())
        } else {
            Self::Unavailable(text.to_owned())
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted(abort) => write!(formatter, "aborted: {}", abort.code()),
            Self::Unique(columns) => write!(formatter, "not unique: {columns}"),
            Self::Unavailable(text) | Self::Failed(text) => formatter.write_str(text),
            Self::UnknownState => formatter.write_str("unknown state"),
        }
    }
}

impl From<DatabaseError> for Error {
    #[track_caller]
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Aborted(Abort::SessionEnded) => {
                Self::Unauthenticated(Code::SessionEnded)
            }
            DatabaseError::Aborted(Abort::AccountSuspended) => {
                Self::Forbidden(Code::AccountSuspended)
            }
            DatabaseError::Aborted(Abort::RoleRequired) => Self::Forbidden(Code::RoleRequired),
            DatabaseError::Aborted(Abort::LastAdmin) => Self::Conflict(Code::LastAdmin),
            DatabaseError::Aborted(Abort::NotFound) => Self::NotFound,
            DatabaseError::Aborted(Abort::OwnAccount) => Self::Forbidden(Code::OwnAccount),
            DatabaseError::Aborted(Abort::NotTheAuthor) => Self::Forbidden(Code::NotTheAuthor),
            DatabaseError::Aborted(Abort::PreconditionFailed) => Self::PreconditionFailed,
            DatabaseError::Aborted(Abort::OwnReport) => Self::Forbidden(Code::OwnReport),
            DatabaseError::Aborted(Abort::ReportResolved) => Self::Conflict(Code::ReportResolved),
            DatabaseError::Aborted(Abort::NoPostReported) => {
                Self::invalid("/action", Rule::InvalidValue)
            }
            // The one that was typed was right a moment ago, and need not be any more.
            DatabaseError::Aborted(Abort::CredentialsChanged) => {
                Self::Forbidden(Code::WrongPassword)
            }
            DatabaseError::Unavailable(source) => Self::Unavailable {
                code: Code::DependencyUnavailable,
                source,
            },
            // The client drops it, and reads without one.
            DatabaseError::UnknownState => Self::Malformed(Code::MalformedBookmark),
            // Whoever appends these conditions answers for them.
            DatabaseError::Aborted(
                Abort::IdempotencyHit | Abort::OverFirstLimit | Abort::OverSecondLimit,
            )
            | DatabaseError::Unique(_)
            | DatabaseError::Failed(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_of_the_closed_list_is_recognised() {
        let text = "D1_ERROR: bad JSON path: 'abort:session_ended': SQLITE_ERROR";
        assert_eq!(
            DatabaseError::from_text(text),
            DatabaseError::Aborted(Abort::SessionEnded)
        );
    }

    #[test]
    fn an_abort_outside_the_closed_list_is_a_defect() {
        let text = "D1_ERROR: bad JSON path: 'abort:anything': SQLITE_ERROR";
        assert!(matches!(
            DatabaseError::from_text(text),
            DatabaseError::Failed(_)
        ));
    }

    #[test]
    fn a_unique_constraint_tells_its_columns() {
        let text = "D1_ERROR: UNIQUE constraint failed: users.email: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)";
        assert_eq!(
            DatabaseError::from_text(text),
            DatabaseError::Unique("users.email".into())
        );
    }

    #[test]
    fn a_state_that_the_database_does_not_know_is_no_outage() {
        let text = "D1_SESSION_ERROR: invalid bookmark or constraint";
        assert_eq!(DatabaseError::from_text(text), DatabaseError::UnknownState);
    }

    #[test]
    fn what_is_no_complaint_about_a_statement_may_pass() {
        for text in [
            "D1_ERROR: Network connection lost.",
            "D1 DB is overloaded.",
            "database is locked: SQLITE_BUSY",
            "",
        ] {
            assert!(matches!(
                DatabaseError::from_text(text),
                DatabaseError::Unavailable(_)
            ));
        }
    }
}
