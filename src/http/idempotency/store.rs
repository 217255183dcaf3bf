//! The `idempotency_keys` table.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{IdempotencyKey, NewRow};
use crate::error::Error;
use crate::platform::{Batch, Rows, Value, Write, params};
use crate::time::Timestamp;
use crate::viewer::Viewer;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

/// How many keys one batch forgets at most.
pub(super) const SWEEP_LIMIT: i64 = 1_000;

/// SQL that records, under the request's key, the row that it has created: `$row`, the JSON of it, from
/// `$from`, a `from` clause with a condition. `?1` to `?4` belong to the record, the caller's own
/// parameters begin at `?5`.
macro_rules! record_answer {
    ($row:expr, $from:expr) => {
        concat!(
            "insert into idempotency_keys (user_id, key, fingerprint, response, created_at)\nselect ?1, ?2, ?3, ",
            $row,
            ", ?4\n",
            $from,
            "
on conflict (user_id, key) do update set
  fingerprint = excluded.fingerprint,
  response = excluded.response,
  created_at = excluded.created_at
returning response"
        )
    };
}
pub(crate) use record_answer;

/// A row that was recorded when it was created.
#[derive(Deserialize)]
pub struct Recorded {
    response: String,
}

impl Recorded {
    /// The row.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.response).map_err(Error::internal)
    }
}

impl IdempotencyKey {
    /// Appends the condition that the viewer has not used this key: before the effect.
    pub fn require_unused(&self, batch: &mut Batch, viewer: &Viewer, now: Timestamp) {
        batch.require(
            "select json_extract('{}', iif(exists (
  select 1
  from idempotency_keys
  where user_id = ?1 and key = ?2 and created_at > ?3
), 'abort:idempotency_hit', '$'))",
            params![viewer.user_id(), self.key.as_str(), now.minus(REMEMBERED)],
        );
    }

    /// Appends the record of what the batch has created. `sql` is made with `record_answer!`, `more`
    /// are its parameters from `?5` on. It replaces a record that is too old to count.
    pub fn record<T>(
        &self,
        batch: &mut Batch,
        viewer: &Viewer,
        now: Timestamp,
        sql: &'static str,
        more: impl IntoIterator<Item = Value>,
    ) -> NewRow<T> {
        let mut params = params![
            viewer.user_id(),
            self.key.as_str(),
            self.fingerprint.as_str(),
            now
        ];
        params.extend(more);
        NewRow::Recorded(batch.write_returning(sql, params))
    }
}

/// What a key was used for.
#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) fingerprint: String,
    #[serde(flatten)]
    pub(super) recorded: Recorded,
}

/// What the viewer has used a key for, in the last day. Like a write, this is asked at the primary, because
/// a replica may not know of it yet; and like a write's, its answer names the state.
pub(super) fn find(viewer: &Viewer, key: &IdempotencyKey, now: Timestamp) -> (Batch, Rows<Found>) {
    let mut batch = Batch::guarded(viewer).naming_state();
    let row = batch.query(
        "select fingerprint, response
from idempotency_keys
where user_id = ?1 and key = ?2 and created_at > ?3",
        params![viewer.user_id(), key.key.as_str(), now.minus(REMEMBERED)],
    );
    (batch, row)
}

/// Forgets keys that are a day old, the oldest first, a bounded number at a time.
pub(super) fn sweep(now: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let forgotten = batch.write(
        "delete from idempotency_keys
where (user_id, key) in (
  select user_id, key
  from idempotency_keys indexed by idempotency_keys_by_age
  where created_at <= ?1
  order by created_at
  limit ?2
)",
        params![now.minus(REMEMBERED), SWEEP_LIMIT],
    );
    (batch, forgotten)
}
