//! The one closed error type of Kith, free of HTTP: what went wrong, in the product's terms.
//!
//! `http::problem` is the one place that turns it into a status and a body.

use std::fmt;
use std::panic::Location;

use schemars::JsonSchema;

/// Everything a request or a job can fail with.
#[derive(Clone, Debug)]
pub enum Error {
    /// The input cannot be read at all: its syntax is broken or it was tampered with.
    Malformed(Code),
    /// The input is well-formed, but breaks the rules named.
    Invalid(Vec<Violation>),
    /// Nobody, or nobody any more, stands behind the request.
    Unauthenticated(Code),
    /// Known, but not allowed.
    Forbidden(Code),
    /// Absent, or not visible to the one who asks: the two look the same.
    NotFound,
    /// The state of something else stands in the way.
    Conflict(Code),
    /// What is to be changed is no longer what the client has seen.
    PreconditionFailed,
    /// Well-formed, but not what it says it is.
    Unprocessable(Code),
    /// Too often.
    TooManyRequests {
        /// The name of the policy whose quota is used up.
        policy: &'static str,
        /// Seconds until there is a new one, at least 1.
        retry_after: u32,
    },
    /// A dependency does not answer; the same request may succeed later.
    Unavailable {
        /// What the client is told.
        code: Code,
        /// What the dependency said, for the log.
        source: String,
    },
    /// A defect of Kith: logged with its location, never shown.
    Internal {
        /// What was found.
        source: String,
        /// Where in Kith.
        location: &'static Location<'static>,
    },
}

impl Error {
    /// A defect found at the caller's line.
    #[track_caller]
    #[must_use]
    pub fn internal(source: impl fmt::Display) -> Self {
        Self::Internal {
            source: source.to_string(),
            location: Location::caller(),
        }
    }

    /// One broken rule of the input.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, rule: Rule) -> Self {
        Self::Invalid(vec![Violation::new(pointer, rule)])
    }
}

/// The closed list of error codes: stable, documented in `docs/errors.md`, safe to program against.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[schemars(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// The cursor was not made by Kith, or for another list.
    MalformedCursor,
    /// The bookmark was not made by Kith.
    MalformedBookmark,
    /// The idempotency key has another form.
    MalformedIdempotencyKey,
    /// There is no access token where one is needed.
    AuthenticationRequired,
    /// The access token is not one of Kith's.
    InvalidToken,
    /// The access token's time is over.
    TokenExpired,
    /// The session was ended, or its time is over.
    SessionEnded,
    /// The refresh token is not one of Kith's.
    InvalidRefreshToken,
    /// The refresh token was used up before.
    RefreshReused,
    /// The name or the password is wrong; which one is not told.
    InvalidCredentials,
    /// A moderator has suspended the account.
    AccountSuspended,
    /// Only a moderator, or only an admin, may do this.
    RoleRequired,
    /// Only the author may do this.
    NotTheAuthor,
    /// Nobody reports themselves, or what they wrote.
    OwnReport,
    /// The operator has closed registration.
    RegistrationClosed,
    /// The one-time link that makes the first admin is not, or no longer, good.
    InvalidSetupToken,
    /// Another account has this username.
    UsernameTaken,
    /// Another account has this e-mail address.
    EmailTaken,
    /// No admin would be left.
    LastAdmin,
    /// The account follows, or asks to follow, as many as it may.
    FollowLimitReached,
    /// The viewer blocks the one they want to follow.
    PersonBlocked,
    /// The viewer means themselves, where somebody else is wanted.
    OwnAccount,
    /// The report was resolved before.
    ReportResolved,
    /// The password that was typed once more is wrong.
    WrongPassword,
    /// The token of a mail's link is not one of Kith's, or is no longer good.
    InvalidMailToken,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The database or another dependency does not answer.
    DependencyUnavailable,
    /// The operator has switched maintenance on.
    Maintenance,
    /// The Worker lacks a setting it needs.
    Misconfigured,
}

impl Code {
    /// The code as the client sees it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::MalformedCursor => "malformed_cursor",
            Self::MalformedBookmark => "malformed_bookmark",
            Self::MalformedIdempotencyKey => "malformed_idempotency_key",
            Self::AuthenticationRequired => "authentication_required",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::SessionEnded => "session_ended",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::RefreshReused => "refresh_reused",
            Self::InvalidCredentials => "invalid_credentials",
            Self::AccountSuspended => "account_suspended",
            Self::RoleRequired => "role_required",
            Self::NotTheAuthor => "not_the_author",
            Self::OwnReport => "own_report",
            Self::RegistrationClosed => "registration_closed",
            Self::InvalidSetupToken => "invalid_setup_token",
            Self::UsernameTaken => "username_taken",
            Self::EmailTaken => "email_taken",
            Self::LastAdmin => "last_admin",
            Self::FollowLimitReached => "follow_limit_reached",
            Self::PersonBlocked => "person_blocked",
            Self::OwnAccount => "own_account",
            Self::ReportResolved => "report_resolved",
            Self::WrongPassword => "wrong_password",
            Self::InvalidMailToken => "invalid_mail_token",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::DependencyUnavailable => "dependency_unavailable",
            Self::Maintenance => "maintenance",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// One sentence for a developer. It never repeats what the client sent.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not valid JSON in UTF-8.",
            Self::MalformedCursor => "The cursor was not issued for this list.",
            Self::MalformedBookmark => {
                "`D1-Bookmark` must be one that this server has answered with."
            }
            Self::MalformedIdempotencyKey => {
                "`Idempotency-Key` must be 1 to 255 printable ASCII characters, in quotes or bare."
            }
            Self::AuthenticationRequired => "Send an access token as `Authorization: Bearer`.",
            Self::InvalidToken => "The access token is not valid.",
            Self::TokenExpired => "The access token has expired.",
            Self::SessionEnded => "The session has ended; sign in again.",
            Self::InvalidRefreshToken => "The refresh token is not valid.",
            Self::RefreshReused => "The refresh token was used before; the session has ended.",
            Self::InvalidCredentials => "The name or the password is wrong.",
            Self::AccountSuspended => "The account is suspended.",
            Self::RoleRequired => "The account's role does not allow this.",
            Self::NotTheAuthor => "Only the author may do this.",
            Self::OwnReport => "Nobody reports themselves, or what they wrote.",
            Self::RegistrationClosed => "Registration is closed at present.",
            Self::InvalidSetupToken => "The link is wrong, was used, or its time is over.",
            Self::UsernameTaken => "The username belongs to another account.",
            Self::EmailTaken => "The e-mail address belongs to another account.",
            Self::LastAdmin => "No admin would be left.",
            Self::FollowLimitReached => "The account follows as many as it may.",
            Self::PersonBlocked => "The account blocks this person.",
            Self::OwnAccount => "Nobody does this to themselves.",
            Self::ReportResolved => "The report was resolved before.",
            Self::WrongPassword => "The password is wrong.",
            Self::InvalidMailToken => "The token is not valid, or no longer.",
            Self::IdempotencyKeyReused => "The idempotency key was used for another request.",
            Self::DependencyUnavailable => "A service Kith depends on does not answer; try again.",
            Self::Maintenance => "Kith is under maintenance; try again later.",
            Self::Misconfigured => "The server lacks a setting; its log names which.",
        }
    }
}

/// One broken rule, and where in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// An RFC 6901 pointer into the body; for a query parameter, `/` and its name.
    pub pointer: String,
    /// Which rule.
    pub rule: Rule,
}

impl Violation {
    /// The rule `rule` is broken at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, rule: Rule) -> Self {
        Self {
            pointer: pointer.into(),
            rule,
        }
    }
}

/// The closed list of rules that an input can break.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[schemars(rename_all = "snake_case")]
pub enum Rule {
    /// Must be given.
    Required,
    /// Is not a field or parameter of this request.
    UnknownField,
    /// Has another JSON type.
    InvalidType,
    /// Fewer than this many characters.
    TooShort(usize),
    /// More than this many characters.
    TooLong(usize),
    /// Contains U+0000 or another control character.
    InvalidCharacters,
    /// Does not have the form asked for.
    InvalidFormat,
    /// Is kept for Kith itself.
    Reserved,
    /// A password too easy to guess.
    TooWeak,
    /// A number outside this range, both ends included.
    OutOfRange(i64, i64),
    /// Is none of the values allowed.
    InvalidValue,
    /// Is what it is already.
    Unchanged,
    /// Only one of several may be given.
    NotTogether,
}

impl Rule {
    /// The code as the client sees it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::InvalidType => "invalid_type",
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::InvalidCharacters => "invalid_characters",
            Self::InvalidFormat => "invalid_format",
            Self::Reserved => "reserved",
            Self::TooWeak => "too_weak",
            Self::OutOfRange(..) => "out_of_range",
            Self::InvalidValue => "invalid_value",
            Self::Unchanged => "unchanged",
            Self::NotTogether => "not_together",
        }
    }
}

/// One sentence for a developer. It never repeats what the client sent.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => write!(formatter, "This is required."),
            Self::UnknownField => write!(formatter, "This request has no such field."),
            Self::InvalidType => write!(formatter, "This has the wrong type."),
            Self::TooShort(least) => write!(formatter, "At least {least} characters are needed."),
            Self::TooLong(most) => write!(formatter, "At most {most} characters are allowed."),
            Self::InvalidCharacters => write!(formatter, "Control characters are not allowed."),
            Self::InvalidFormat => write!(formatter, "This does not have the form asked for."),
            Self::Reserved => write!(formatter, "This name is reserved."),
            Self::TooWeak => write!(formatter, "This password is too easy to guess."),
            Self::OutOfRange(least, most) => {
                write!(formatter, "This must lie between {least} and {most}.")
            }
            Self::InvalidValue => write!(formatter, "This is none of the values allowed."),
            Self::Unchanged => write!(formatter, "This is what it is already."),
            Self::NotTogether => write!(formatter, "This cannot be given with the other."),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The names that the document takes from the variants.
    fn names<T: JsonSchema>() -> Vec<Value> {
        let schema = schemars::schema_for!(T).to_value();
        let variants = schema["oneOf"].as_array().unwrap().clone();
        let name = |variant: &Value| match variant.get("const") {
            Some(name) => name.clone(),
            None => variant["required"][0].clone(),
        };
        variants.iter().map(name).collect()
    }

    #[test]
    fn a_code_is_its_variants_name() {
        let names = names::<Code>();
        assert!(names.len() >= 15);
        for name in names {
            let code: Code = serde_json::from_value(name.clone()).unwrap();
            assert_eq!(code.as_str(), name);
        }
    }

    #[test]
    fn a_rule_is_its_variants_name() {
        let names = names::<Rule>();
        assert!(names.len() >= 11);
        for name in names {
            let text = name.as_str().unwrap();
            let forms = [name.clone(), json!({text: 0}), json!({text: [0, 0]})];
            let rules: Vec<Rule> = forms
                .into_iter()
                .filter_map(|form| serde_json::from_value(form).ok())
                .collect();
            assert_eq!(rules.len(), 1, "{text}");
            assert_eq!(rules[0].as_str(), text);
        }
    }
}
