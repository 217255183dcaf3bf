//! What D1 forbids a statement, forbidden here too, so that nothing passes here that fails there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The functions of SQLite that D1 has and does not let statements call, and those it does not have.
const FUNCTIONS: [&str; 26] = [
    "fts3_tokenizer",
    "fts5",
    "fts5_get_locale",
    "fts5_insttoken",
    "fts5_locale",
    "fts5_source_id",
    "if",
    "json_array_insert",
    "json_error_position",
    "json_pretty",
    "jsonb_array_insert",
    "load_extension",
    "matchinfo",
    "offsets",
    "optimize",
    "rtreedepth",
    "rtreenode",
    "soundex",
    "sqlite_compileoption_get",
    "sqlite_compileoption_used",
    "sqlite_log",
    "sqlite_source_id",
    "sqlite_version",
    "subtype",
    "unistr",
    "unistr_quote",
];

/// The pragmas that D1 lets statements ask.
const PRAGMAS: [&str; 19] = [
    "case_sensitive_like",
    "data_version",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "ignore_check_constraints",
    "index_info",
    "index_list",
    "index_xinfo",
    "legacy_alter_table",
    "optimize",
    "page_size",
    "quick_check",
    "recursive_triggers",
    "reverse_unordered_selects",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Whether the statements of a batch are being run. Around them the adapter itself begins and ends
/// transactions, which no statement may.
#[derive(Clone, Debug, Default)]
pub(super) struct InBatch(Arc<AtomicBool>);

/// Ends the batch even where a panic does, or the adapter could not roll it back.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

impl InBatch {
    /// Runs `statements` with what a batch may not do forbidden.
    pub(super) fn during<T>(&self, statements: impl FnOnce() -> T) -> T {
        self.0.store(true, Relaxed);
        let _over = Over(&self.0);
        statements()
    }

    /// Whether SQLite may do this.
    #[must_use]
    pub(super) fn authorize(&self, asked: &AuthContext<'_>) -> Authorization {
        let forbidden = match asked.action {
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => self.0.load(Relaxed),
            AuthAction::Function { function_name } => {
                let is = |name: &&str| function_name.eq_ignore_ascii_case(name);
                FUNCTIONS.iter().any(is)
            }
            AuthAction::Pragma { pragma_name, .. } => {
                !PRAGMAS.contains(&pragma_name.to_ascii_lowercase().as_str())
            }
            AuthAction::Attach { .. }
            | AuthAction::Detach { .. }
            | AuthAction::CreateTempIndex { .. }
            | AuthAction::CreateTempTable { .. }
            | AuthAction::CreateTempTrigger { .. }
            | AuthAction::CreateTempView { .. } => true,
            _ => false,
        };
        if forbidden {
            Authorization::Deny
        } else {
            Authorization::Allow
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;

    #[test]
    fn a_panic_ends_the_batch_too() {
        let in_batch = InBatch::default();
        let statements = || in_batch.during(|| resume_unwind(Box::new("a panic")));
        catch_unwind(AssertUnwindSafe(statements)).unwrap_err();
        assert!(!in_batch.0.load(Relaxed));
    }
}
