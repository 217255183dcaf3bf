//! Whole numbers as JSON Schema has them: `7.0` is as whole as `7`.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole number that somebody sent, however they wrote it. One beyond the limits of the type is at
/// the limit, so that whoever checks a range finds it too large rather than no number.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(inline)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Whole, E> {
        Ok(Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Whole, E> {
        Ok(Whole(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Whole, E> {
        if value.fract() != 0.0 {
            return Err(E::invalid_type(Unexpected::Float(value), &self));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it has no fraction, and beyond the limits the cast stops at them"
        )]
        Ok(Whole(value as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        serde_json::from_str(json).ok().map(|Whole(value)| value)
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("7.0"), Some(7));
        assert_eq!(read("-7e2"), Some(-700));
        assert_eq!(read("-0.0"), Some(0));
    }

    #[test]
    fn one_beyond_the_limits_is_at_the_limit() {
        assert_eq!(read("18446744073709551615"), Some(i64::MAX));
        assert_eq!(read("1e300"), Some(i64::MAX));
        assert_eq!(read("-1e300"), Some(i64::MIN));
    }

    #[test]
    fn what_has_a_fraction_or_is_no_number_is_refused() {
        for json in ["7.5", "\"7\"", "true", "null", "[7]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
