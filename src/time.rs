//! Points in time as Kith stores them (milliseconds) and shows them (RFC 3339).

use std::fmt;
use std::time::Duration;

use chrono::{Datelike, Timelike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z, UTC.
///
/// Deserialises from the number the database holds and serialises to the text the API shows, so a
/// row can be read and answered with the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    description = "A point in time: RFC 3339 in UTC, with milliseconds.",
    extend(
        "type" = "string",
        "format" = "date-time",
        "pattern" = r"\.[0-9]{3}Z$",
        "examples" = ["2026-11-20T08:07:00.000Z"],
    )
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down, as JSON Web Tokens count (RFC 7519, section 2).
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This point moved into the future; stays at the end of time rather than overflow.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This point moved into the past; stays at the beginning of time rather than overflow.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// As people write it, to the minute: `20 November 2026, 08:07 UTC`.
    #[must_use]
    pub fn in_words(self) -> String {
        let time = self.in_calendar();
        format!(
            "{} {} {}, {:02}:{:02} UTC",
            time.day(),
            name(&MONTHS, time.month0()),
            time.year(),
            time.hour(),
            time.minute(),
        )
    }

    /// As the head of a mail has it (RFC 5322, section 3.3): `Fri, 20 Nov 2026 08:07:00 +0000`.
    #[must_use]
    pub fn in_mail(self) -> String {
        let time = self.in_calendar();
        let weekday = time.weekday().num_days_from_monday();
        format!(
            "{:.3}, {:02} {:.3} {:04} {:02}:{:02}:{:02} +0000",
            name(&WEEKDAYS, weekday),
            time.day(),
            name(&MONTHS, time.month0()),
            time.year(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }

    fn in_calendar(self) -> chrono::DateTime<chrono::Utc> {
        // A point outside chrono's range (±262,000 years) can only be a corrupt row; the epoch
        // shows that it is one without failing the whole answer.
        chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// Milliseconds from `earlier` until this point; zero if `earlier` is later.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The name at a place, counted from 0.
fn name<'a>(names: &[&'a str], place: u32) -> &'a str {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| names.get(place).copied())
        .unwrap_or_default()
}

/// RFC 3339 in UTC with milliseconds: `2026-11-20T08:07:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.in_calendar();
        formatter.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_shows_as_rfc_3339_with_milliseconds() {
        let time = Timestamp::from_millis(1_795_162_020_007);
        assert_eq!(time.to_string(), "2026-11-20T08:07:00.007Z");
    }

    #[test]
    fn a_timestamp_can_be_said_in_words() {
        let time = Timestamp::from_millis(1_795_162_020_007);
        assert_eq!(time.in_words(), "20 November 2026, 08:07 UTC");
        assert_eq!(time.in_mail(), "Fri, 20 Nov 2026 08:07:00 +0000");
        assert_eq!(
            Timestamp::from_millis(0).in_words(),
            "1 January 1970, 00:00 UTC"
        );
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_millis(1_999).seconds(), 1);
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
    }

    #[test]
    fn adding_to_the_end_of_time_does_not_overflow() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
    }
}
