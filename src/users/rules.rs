//! What usernames, e-mail addresses and display names must look like.

use email_address::{EmailAddress, Options};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Rule, Violation};
use crate::text::{self, Checks, Lines};

/// The shortest username, in characters.
const MIN_USERNAME: usize = 3;

/// The longest username, in characters.
const MAX_USERNAME: usize = 30;

/// The longest e-mail address, in characters.
const MAX_EMAIL: usize = 254;

/// The longest display name, in characters.
pub const MAX_DISPLAY_NAME: usize = 50;

/// The longest text about oneself, in characters.
const MAX_BIO: usize = 500;

/// Names that could be taken for a part of Kith, or for those who run it.
const RESERVED: [&str; 34] = [
    "about",
    "abuse",
    "account",
    "admin",
    "administrator",
    "api",
    "auth",
    "docs",
    "feed",
    "health",
    "help",
    "info",
    "kith",
    "login",
    "logout",
    "mail",
    "me",
    "media",
    "moderator",
    "notifications",
    "null",
    "official",
    "postmaster",
    "privacy",
    "profile",
    "register",
    "root",
    "search",
    "security",
    "settings",
    "support",
    "system",
    "undefined",
    "webmaster",
];

/// A username as it is stored: 3–30 of `a-z 0-9 _ .`, case-folded, no dot at either end or next to
/// another.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(
    description = "A username: letters, digits, `_` and `.`, but no dot at either end or next to another. Upper case is folded. Names that could be taken for a part of Kith are reserved.",
    extend(
        "minLength" = MIN_USERNAME,
        "maxLength" = MAX_USERNAME,
        "pattern" = username_pattern(),
        "examples" = ["asha"],
    )
)]
pub struct Username(String);

impl Username {
    /// Reads what a person typed as their new username.
    ///
    /// # Errors
    /// The rule it breaks, at `pointer`.
    pub fn parse(pointer: &str, typed: &str) -> Result<Self, Violation> {
        let folded = fold_case(typed);
        let length = folded.chars().count();
        let dots = folded.starts_with('.') || folded.ends_with('.') || folded.contains("..");
        let broken = if folded.chars().any(char::is_control) {
            Some(Rule::InvalidCharacters)
        } else if length < MIN_USERNAME {
            Some(Rule::TooShort(MIN_USERNAME))
        } else if length > MAX_USERNAME {
            Some(Rule::TooLong(MAX_USERNAME))
        } else if !folded
            .chars()
            .all(|folded| stands_in_usernames(folded) || folded == '.')
            || dots
        {
            Some(Rule::InvalidFormat)
        } else if RESERVED.contains(&folded.as_str()) {
            Some(Rule::Reserved)
        } else {
            None
        };
        broken.map_or(Ok(Self(folded)), |rule| Err(Violation::new(pointer, rule)))
    }

    /// The case-folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a folded character may stand anywhere in a username.
fn stands_in_usernames(folded: char) -> bool {
    matches!(folded, 'a'..='z' | '0'..='9' | '_')
}

/// What [`Username::parse`] accepts, but for the length and what is reserved, as a regular
/// expression over what is typed.
fn username_pattern() -> String {
    // More than A to Z folds to a to z.
    let typed = text::any_of(|typed| typed.to_lowercase().all(stands_in_usernames));
    format!("^{typed}+(\\.{typed}+)*$")
}

/// An e-mail address as it is stored: case-folded.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(
    description = "An e-mail address in ASCII, without quoted names, comments and literal addresses, in a domain with a dot. Upper case is folded.",
    extend("format" = "email", "maxLength" = MAX_EMAIL, "examples" = ["asha@example.com"])
)]
pub struct Email(String);

impl Email {
    /// Reads what a person typed as their address: RFC 5321, in ASCII, without quoted names, comments and
    /// literal addresses, in a domain with a dot.
    ///
    /// # Errors
    /// The rule it breaks, at `pointer`.
    pub fn parse(pointer: &str, typed: &str) -> Result<Self, Violation> {
        let options = Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let broken = if typed.chars().any(char::is_control) {
            Some(Rule::InvalidCharacters)
        } else if typed.chars().count() > MAX_EMAIL {
            Some(Rule::TooLong(MAX_EMAIL))
        } else if typed.starts_with('"')
            // Not every server takes mails to others, and what looks alike must not be two.
            || !typed.is_ascii()
            || EmailAddress::parse_with_options(typed, options).is_err()
        {
            Some(Rule::InvalidFormat)
        } else {
            None
        };
        broken.map_or_else(
            || Ok(Self(fold_case(typed))),
            |rule| Err(Violation::new(pointer, rule)),
        )
    }

    /// The case-folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The body of `PATCH /profile`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "What is to be changed of one's own profile. The rest stays as it is.")]
pub(super) struct UpdateProfileRequest {
    /// The name shown.
    #[schemars(
        length(min = 1, max = MAX_DISPLAY_NAME),
        regex(pattern = text::pattern(Lines::One)),
        example = &"Asha Rao"
    )]
    display_name: Option<String>,
    /// What the person says about themselves.
    #[schemars(
        length(max = MAX_BIO),
        regex(pattern = text::pattern_or_blank(Lines::Many)),
        example = &"Boats and bread."
    )]
    bio: Option<String>,
    /// Whether follows need approval.
    #[schemars(example = false)]
    locked: Option<bool>,
}

/// Changes of a profile that keep every rule. What is absent stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProfileChanges {
    pub(super) display_name: Option<String>,
    pub(super) bio: Option<String>,
    pub(super) locked: Option<bool>,
}

impl UpdateProfileRequest {
    /// Reads the changes.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule it breaks.
    pub(super) fn parse(self) -> Result<ProfileChanges, Error> {
        let mut checks = Checks::default();
        if let Some(name) = &self.display_name {
            checks.note(check_display_name("/display_name", name));
        }
        if let Some(bio) = &self.bio {
            checks.note(text::check("/bio", bio, Lines::Many, 0, MAX_BIO));
        }
        checks.finish(Some(ProfileChanges {
            display_name: self.display_name,
            bio: self.bio,
            locked: self.locked,
        }))
    }
}

/// Checks a display name: 1–50 characters on one line.
///
/// # Errors
/// The rule it breaks, at `pointer`.
pub fn check_display_name(pointer: &str, name: &str) -> Result<(), Violation> {
    text::check(pointer, name, Lines::One, 1, MAX_DISPLAY_NAME)
}

/// The form under which names are compared.
#[must_use]
pub fn fold_case(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn username(typed: &str) -> Result<String, Rule> {
        Username::parse("/username", typed)
            .map(|username| username.as_str().to_owned())
            .map_err(|violation| violation.rule)
    }

    fn email(typed: &str) -> Result<String, Rule> {
        Email::parse("/email", typed)
            .map(|email| email.as_str().to_owned())
            .map_err(|violation| violation.rule)
    }

    #[test]
    fn a_username_is_folded() {
        assert_eq!(username("Asha.K_7"), Ok("asha.k_7".into()));
    }

    #[test]
    fn a_username_keeps_to_its_form() {
        assert_eq!(username("ab"), Err(Rule::TooShort(3)));
        assert_eq!(username(&"a".repeat(31)), Err(Rule::TooLong(30)));
        for typed in [
            ".abc",
            "abc.",
            "a..b",
            "a b",
            "äsha",
            "a-b",
            "a/b",
            "K\u{212a}elvin",
        ] {
            // The Kelvin sign folds to an ASCII k; what is stored is ASCII either way.
            let outcome = username(typed);
            assert!(
                outcome == Err(Rule::InvalidFormat) || outcome.is_ok_and(|name| name.is_ascii()),
                "{typed}"
            );
        }
        assert_eq!(username("ab\0"), Err(Rule::InvalidCharacters));
        assert_eq!(username("Admin"), Err(Rule::Reserved));
    }

    #[test]
    fn what_is_left_out_of_a_profile_stays_as_it_is() {
        let parse = |json: &str| {
            serde_json::from_str::<UpdateProfileRequest>(json)
                .unwrap()
                .parse()
        };
        let changes = parse(r#"{"bio":"","locked":true}"#).unwrap();
        assert_eq!(changes.display_name, None);
        assert_eq!(changes.bio.as_deref(), Some(""));
        assert_eq!(changes.locked, Some(true));
        for broken in [
            r#"{"display_name":" "}"#,
            r#"{"bio":"a\u0000b"}"#,
            &format!(r#"{{"bio":"{}"}}"#, "b".repeat(MAX_BIO + 1)),
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_email_is_folded() {
        assert_eq!(email("Asha@Example.COM"), Ok("asha@example.com".into()));
    }

    #[test]
    fn an_email_keeps_to_its_form() {
        for typed in [
            "",
            "asha",
            "asha@",
            "@example.com",
            "a b@example.com",
            "a@b",
            "a@[127.0.0.1]",
            "\"a b\"@example.com",
            "Asha <asha@example.com>",
            "a@example.com,b@example.com",
            "jürgen@example.com",
            "asha@exämple.de",
        ] {
            assert_eq!(email(typed), Err(Rule::InvalidFormat), "{typed}");
        }
        assert_eq!(email("a\n@example.com"), Err(Rule::InvalidCharacters));
    }
}
