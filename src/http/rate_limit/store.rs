//! The `rate_limits` table.

use std::time::Duration;

use serde::Deserialize;

use crate::platform::{Abort, Batch, Rows, Write, params};
use crate::time::Timestamp;

/// How long a window that is over is kept: a machine whose clock is behind still counts in it.
const KEPT: Duration = Duration::from_mins(2);

/// How many windows one batch forgets at most.
pub(super) const SWEEP_LIMIT: i64 = 1_000;

/// How often something was done.
#[derive(Deserialize)]
pub(super) struct Used {
    pub(super) used: u32,
}

/// Appends one more of `key` in the window that ends at `resets_at`. Aborts the batch with `over` if
/// `quota` are used: then nothing is written at all.
pub(super) fn count(
    batch: &mut Batch,
    resets_at: Timestamp,
    key: &str,
    quota: u32,
    over: Abort,
) -> Rows<Used> {
    batch.write_returning(
        "insert into rate_limits (resets_at, key, used)
values (?1, ?2, 1)
on conflict (resets_at, key) do update set
  used = used + (json_extract('{}', iif(used < ?3, '$', ?4)) = '{}')
returning used",
        params![
            resets_at,
            key,
            i64::from(quota),
            format!("abort:{}", over.code())
        ],
    )
}

/// Appends that one of `key` is not counted after all, if the statement before changed a row.
pub(super) fn give_back(batch: &mut Batch, resets_at: Timestamp, key: &str) {
    batch.write(
        "update rate_limits
set used = used - 1
where resets_at = ?1 and key = ?2 and used > 0 and changes() = 1",
        params![resets_at, key],
    );
}

/// Appends that one of `key` is not counted after all, if the statement before changed nothing.
pub(super) fn give_back_unless_changed(batch: &mut Batch, resets_at: Timestamp, key: &str) {
    batch.write(
        "update rate_limits
set used = used - 1
where resets_at = ?1 and key = ?2 and used > 0 and changes() = 0",
        params![resets_at, key],
    );
}

/// Forgets windows that are over, the oldest first, a bounded number at a time.
pub(super) fn sweep(now: Timestamp) -> (Batch, Write) {
    let mut batch = Batch::public();
    let forgotten = batch.write(
        "delete from rate_limits
where (resets_at, key) in (
  select resets_at, key
  from rate_limits
  where resets_at <= ?1
  order by resets_at
  limit ?2
)",
        params![now.minus(KEPT), SWEEP_LIMIT],
    );
    (batch, forgotten)
}
