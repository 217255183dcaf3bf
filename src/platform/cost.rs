//! What one request costs, summed in the adapters from the platform's own figures, and what it spends
//! on passwords.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Counts what the adapters do for one request or one job.
#[derive(Debug, Default)]
pub struct CostMeter {
    d1_trips: AtomicU64,
    d1_millis: AtomicU64,
    rows_read: AtomicU64,
    rows_written: AtomicU64,
    rows_unknown: AtomicBool,
    kv_reads: AtomicU64,
    kv_writes: AtomicU64,
    queue_sends: AtomicU64,
    r2_ops: AtomicU64,
    password_hashes: AtomicU64,
}

impl CostMeter {
    /// One round trip to the database that took `millis`, whatever came of it.
    pub fn database_trip(&self, millis: i64) {
        self.d1_trips.fetch_add(1, Relaxed);
        self.d1_millis
            .fetch_add(u64::try_from(millis).unwrap_or(0), Relaxed);
    }

    /// Rows as the database billed them.
    pub fn rows(&self, read: u64, written: u64) {
        self.rows_read.fetch_add(read, Relaxed);
        self.rows_written.fetch_add(written, Relaxed);
    }

    /// A trip failed and did not tell its rows.
    pub fn rows_unknown(&self) {
        self.rows_unknown.store(true, Relaxed);
    }

    /// One value read from the key–value store.
    pub fn key_value_read(&self) {
        self.kv_reads.fetch_add(1, Relaxed);
    }

    /// This many messages sent.
    pub fn queue_sends(&self, messages: u64) {
        self.queue_sends.fetch_add(messages, Relaxed);
    }

    /// One password hashed, whatever for.
    pub fn password_hash(&self) {
        self.password_hashes.fetch_add(1, Relaxed);
    }

    /// Milliseconds spent waiting for the database.
    #[must_use]
    pub fn database_millis(&self) -> u64 {
        self.d1_millis.load(Relaxed)
    }

    /// The figures, for the header and the log line.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let known = !self.rows_unknown.load(Relaxed);
        Figures {
            d1_trips: self.d1_trips.load(Relaxed),
            rows_read: known.then(|| self.rows_read.load(Relaxed)),
            rows_written: known.then(|| self.rows_written.load(Relaxed)),
            kv_reads: self.kv_reads.load(Relaxed),
            kv_writes: self.kv_writes.load(Relaxed),
            queue_sends: self.queue_sends.load(Relaxed),
            r2_ops: self.r2_ops.load(Relaxed),
            password_hashes: self.password_hashes.load(Relaxed),
        }
    }
}

/// What a [`CostMeter`] shows. Rows are unknown when a trip was aborted, because the platform does
/// not tell them then.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    d1_trips: u64,
    rows_read: Option<u64>,
    rows_written: Option<u64>,
    kv_reads: u64,
    kv_writes: u64,
    queue_sends: u64,
    r2_ops: u64,
    /// In the log line only: told to whoever asks, a refusal that hashed would differ from one that
    /// did not.
    password_hashes: u64,
}

/// The value of the `Kith-Cost` header.
impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |figure: Option<u64>| figure.map_or("unknown".into(), |rows| rows.to_string());
        write!(
            formatter,
            "d1_trips={}, rows_read={}, rows_written={}, kv_reads={}, kv_writes={}, \
             queue_sends={}, r2_ops={}",
            self.d1_trips,
            rows(self.rows_read),
            rows(self.rows_written),
            self.kv_reads,
            self.kv_writes,
            self.queue_sends,
            self.r2_ops,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_sums_what_the_adapters_report() {
        let meter = CostMeter::default();
        meter.database_trip(3);
        meter.rows(40, 2);
        meter.rows(1, 0);
        meter.queue_sends(1);
        assert_eq!(
            meter.figures().to_string(),
            "d1_trips=1, rows_read=41, rows_written=2, kv_reads=0, kv_writes=0, queue_sends=1, r2_ops=0"
        );
    }

    #[test]
    fn the_log_line_counts_password_hashes_and_the_header_does_not() {
        let meter = CostMeter::default();
        meter.password_hash();
        let figures = meter.figures();
        assert_eq!(serde_json::to_value(figures).unwrap()["password_hashes"], 1);
        assert!(!figures.to_string().contains("hash"));
    }

    #[test]
    fn an_aborted_trip_makes_the_rows_unknown() {
        let meter = CostMeter::default();
        meter.rows(1, 0);
        meter.database_trip(1);
        meter.rows_unknown();
        assert!(
            meter
                .figures()
                .to_string()
                .starts_with("d1_trips=1, rows_read=unknown, rows_written=unknown,")
        );
    }
}
