//! Identifiers: UUIDv7 (RFC 9562, section 5.7) in canonical text, so that key order is time order.
//!
//! Each thing has a type of its own, so that an account's id can never be passed for a post's.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid, Variant};

use crate::platform::{Clock, Random, Value, params};
use crate::time::Timestamp;

/// A text that is not an identifier. To a client that is the same as an absent thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

/// What [`parse`] accepts, as a regular expression.
const FORM: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

/// A new identifier made from the clock and from randomness; sorts after those made in earlier
/// milliseconds.
fn generate(clock: &dyn Clock, random: &dyn Random) -> String {
    let mut tail = [0; 10];
    random.fill(&mut tail);
    let millis = u64::try_from(clock.now().millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &tail)
        .into_uuid()
        .hyphenated()
        .to_string()
}

/// What sorts before all that [`generate`] makes in this millisecond or later.
fn first_of(millisecond: Timestamp) -> String {
    let millis = u64::try_from(millisecond.millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10])
        .into_uuid()
        .hyphenated()
        .to_string()
}

/// Accepts exactly the form that [`generate`] makes: 36 characters, lower case, version 7.
fn parse(text: &str) -> Result<String, NotAnId> {
    let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
    let well_formed = uuid.get_version_num() == 7 && uuid.get_variant() == Variant::RFC4122;
    let canonical = uuid.hyphenated().to_string();
    if well_formed && canonical == text {
        Ok(canonical)
    } else {
        Err(NotAnId)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(extend(
            "format" = "uuid",
            "pattern" = FORM,
            "examples" = ["019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e"],
        ))]
        pub struct $name(String);

        impl $name {
            /// A new identifier of the present millisecond.
            #[must_use]
            pub fn generate(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(generate(clock, random))
            }

            /// The least identifier of the millisecond: all that were made before it sort before it.
            #[must_use]
            pub fn first_of(millisecond: Timestamp) -> Self {
                Self(first_of(millisecond))
            }

            /// The canonical text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&$name> for Value {
            fn from(id: &$name) -> Self {
                Self::Text(id.0.clone())
            }
        }
    };
}

id!(
    /// An account.
    UserId
);
id!(
    /// A session: one login on one device.
    SessionId
);
id!(
    /// A registration that waits for its mail.
    RegistrationId
);
id!(
    /// A post or a comment.
    PostId
);
id!(
    /// A job in the outbox.
    JobId
);
id!(
    /// A report to the moderators.
    ReportId
);
id!(
    /// An event of the audit log.
    AuditEventId
);

/// Which post is meant: this one, or the one that a report is about, which its owner's statements find without a
/// trip of their own.
#[derive(Clone, Copy, Debug)]
pub enum PostRef<'a> {
    /// The post with this id.
    Id(&'a PostId),
    /// The post that this report is about, if it is about one.
    Reported(&'a ReportId),
}

impl PostRef<'_> {
    /// Two parameters of a statement, of which one is null: the post, and the report; and `more` after them.
    #[must_use]
    pub fn params(self, more: Vec<Value>) -> Vec<Value> {
        let mut params = match self {
            Self::Id(post) => params![post, None::<&ReportId>],
            Self::Reported(report) => params![None::<&PostId>, report],
        };
        params.extend(more);
        params
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platform::BoxFuture;

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0)
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    struct Constant(u8);
    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones_whatever_the_randomness() {
        let earlier = PostId::generate(&At(1_000), &Constant(0xff));
        let later = PostId::generate(&At(1_001), &Constant(0));
        assert!(earlier.as_str() < later.as_str());
    }

    #[test]
    fn the_first_of_a_millisecond_sorts_after_what_came_before_and_before_what_comes() {
        let first = PostId::first_of(Timestamp::from_millis(1_001));
        let before = PostId::generate(&At(1_000), &Constant(0xff));
        let after = PostId::generate(&At(1_001), &Constant(0));
        assert!(before.as_str() < first.as_str());
        assert!(first.as_str() <= after.as_str());
        assert_eq!(first.as_str().parse(), Ok(first));
    }

    #[test]
    fn what_is_generated_parses() {
        let id = UserId::generate(&At(1_795_162_020_007), &Constant(7));
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        let id = UserId::generate(&At(1_795_162_020_007), &Constant(0xab)).to_string();
        let uppercase = id.to_uppercase();
        let simple = id.replace('-', "");
        let version_4 = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0";
        for text in [
            &uppercase,
            &simple,
            version_4,
            "",
            "x",
            &format!("{{{id}}}"),
        ] {
            assert_eq!(text.parse::<UserId>(), Err(NotAnId), "{text}");
        }
    }
}
