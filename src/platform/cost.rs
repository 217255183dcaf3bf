//! What one request costs, summed in the adapters from the platform's own figures.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

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

    /// Milliseconds spent waiting for the database.
    #[must_use]
    pub fn database_millis(&self) -> u64 {
        self.d1_millis.load(Relaxed)
    }

    /// The figures by name, for the header and the log line. Rows are `None` when a trip was
    /// aborted, because the platform does not tell them then.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, Option<u64>); 7] {
        let known = !self.rows_unknown.load(Relaxed);
        [
            ("d1_trips", Some(self.d1_trips.load(Relaxed))),
            ("rows_read", known.then(|| self.rows_read.load(Relaxed))),
            (
                "rows_written",
                known.then(|| self.rows_written.load(Relaxed)),
            ),
            ("kv_reads", Some(self.kv_reads.load(Relaxed))),
            ("kv_writes", Some(self.kv_writes.load(Relaxed))),
            ("queue_sends", Some(self.queue_sends.load(Relaxed))),
            ("r2_ops", Some(self.r2_ops.load(Relaxed))),
        ]
    }
}

/// The value of the `Kith-Cost` header.
impl fmt::Display for CostMeter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, figure)) in self.figures().iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match figure {
                Some(figure) => write!(formatter, "{comma}{name}={figure}")?,
                None => write!(formatter, "{comma}{name}=unknown")?,
            }
        }
        Ok(())
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
            meter.to_string(),
            "d1_trips=1, rows_read=41, rows_written=2, kv_reads=0, kv_writes=0, queue_sends=1, r2_ops=0"
        );
    }

    #[test]
    fn an_aborted_trip_makes_the_rows_unknown() {
        let meter = CostMeter::default();
        meter.rows(1, 0);
        meter.database_trip(1);
        meter.rows_unknown();
        assert!(
            meter
                .to_string()
                .starts_with("d1_trips=1, rows_read=unknown, rows_written=unknown,")
        );
    }
}
