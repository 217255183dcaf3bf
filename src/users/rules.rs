//! What usernames, e-mail addresses and display names must look like.

use email_address::{EmailAddress, Options};

use crate::error::{Rule, Violation};
use crate::text::{self, Lines};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Reads what a person typed as their new username.
    ///
    /// # Errors
    /// The rule it breaks, at `pointer`.
    pub fn parse(pointer: &str, typed: &str) -> Result<Self, Violation> {
        let folded = fold_case(typed);
        let length = folded.chars().count();
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        let dots = folded.starts_with('.') || folded.ends_with('.') || folded.contains("..");
        let broken = if folded.chars().any(char::is_control) {
            Some(Rule::InvalidCharacters)
        } else if length < 3 {
            Some(Rule::TooShort(3))
        } else if length > 30 {
            Some(Rule::TooLong(30))
        } else if !folded.bytes().all(allowed) || dots {
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

/// An e-mail address as it is stored: case-folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads what a person typed as their address: RFC 5321, without quoted names, comments and
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
        } else if typed.chars().count() > 254 {
            Some(Rule::TooLong(254))
        } else if typed.starts_with('"')
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

/// Checks a display name: 1–50 characters on one line.
///
/// # Errors
/// The rule it breaks, at `pointer`.
pub fn check_display_name(pointer: &str, name: &str) -> Result<(), Violation> {
    text::check(pointer, name, Lines::One, 1, 50)
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
        ] {
            assert_eq!(email(typed), Err(Rule::InvalidFormat), "{typed}");
        }
        assert_eq!(email("a\n@example.com"), Err(Rule::InvalidCharacters));
    }
}
