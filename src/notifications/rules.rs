//! What marking as read must hold. Pure: no database, no clock.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Rule};
use crate::number::Whole;

/// The largest sequence number that JSON and the database both hold exactly.
const MAX_SEQ: i64 = (1 << 53) - 1;

/// The body of `POST /notifications/read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "How far the viewer has read.")]
pub(super) struct MarkReadRequest {
    /// The `seq` of the newest notification that was shown.
    #[schemars(required, range(min = 0, max = MAX_SEQ), example = 7)]
    up_to: Option<Whole>,
}

impl MarkReadRequest {
    /// The number up to which everything is read.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is missing or not a sequence number.
    pub(super) fn parse(&self) -> Result<i64, Error> {
        let Whole(up_to) = self
            .up_to
            .ok_or_else(|| Error::invalid("/up_to", Rule::Required))?;
        if (0..=MAX_SEQ).contains(&up_to) {
            Ok(up_to)
        } else {
            Err(Error::invalid("/up_to", Rule::OutOfRange(0, MAX_SEQ)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_is_whole_and_not_negative() {
        let parse = |json: &str| {
            serde_json::from_str::<MarkReadRequest>(json)
                .unwrap()
                .parse()
        };
        assert_eq!(parse(r#"{"up_to":7}"#).unwrap(), 7);
        assert_eq!(parse(r#"{"up_to":7.0}"#).unwrap(), 7);
        assert!(parse("{}").is_err());
        assert!(parse(r#"{"up_to":-1}"#).is_err());
        assert!(parse(r#"{"up_to":9007199254740992}"#).is_err());
    }
}
