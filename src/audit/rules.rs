//! By what events are picked. Pure: no database, no clock.

use crate::audit::Kind;
use crate::error::{Error, Rule, Violation};
use crate::id::UserId;
use crate::text::Checks;

/// Which events a list is to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picked {
    /// Those that concern this account.
    pub(super) account: Option<UserId>,
    /// Those of this kind.
    pub(super) kind: Option<Kind>,
}

impl Picked {
    /// Reads two parameters of a query string.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule they break.
    pub(super) fn parse(account: Option<&str>, kind: Option<&str>) -> Result<Self, Error> {
        let mut checks = Checks::default();
        let account = account.map(|text| {
            let id = text.parse();
            id.map_err(|_| Violation::new("/account", Rule::InvalidFormat))
        });
        let kind = kind.map(|text| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
            kind.ok_or_else(|| Violation::new("/kind", Rule::InvalidValue))
        });
        let picked = Self {
            account: account.and_then(|account| checks.note(account)),
            kind: kind.and_then(|kind| checks.note(kind)),
        };
        checks.finish(Some(picked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e";

    #[test]
    fn events_are_picked_by_account_and_kind() {
        let picked = Picked::parse(Some(ID), Some("signed_out")).unwrap();
        assert_eq!(picked.account, ID.parse().ok());
        assert_eq!(picked.kind, Some(Kind::SignedOut));
    }

    #[test]
    fn every_broken_rule_is_told_at_once() {
        let Err(Error::Invalid(violations)) = Picked::parse(Some("asha"), Some("SignedOut")) else {
            panic!("these are neither an account nor a kind");
        };
        assert_eq!(
            violations,
            [
                Violation::new("/account", Rule::InvalidFormat),
                Violation::new("/kind", Rule::InvalidValue)
            ]
        );
    }
}
