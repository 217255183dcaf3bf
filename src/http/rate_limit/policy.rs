//! The policies: what is limited to how much. The one list of them, and what a deployment changes.

use std::fmt;
use std::time::Duration;

use crate::platform::Shield;

/// So many requests of one subject in a window of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What answers and settings call it.
    pub name: &'static str,
    /// How many.
    pub quota: u32,
    /// Seconds, counted from the beginning of 1970.
    pub window: u32,
}

/// Its entry in `RateLimit-Policy`.
impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, quota, window) = (self.name, self.quota, self.window);
        write!(formatter, "\"{name}\";q={quota};w={window}")
    }
}

impl Policy {
    const fn new(name: &'static str, quota: u32, window: Duration) -> Self {
        // A window is a day at most.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        let window = window.as_secs() as u32;
        Self {
            name,
            quota,
            window,
        }
    }
}

/// What is counted exactly, in the database, because its abuse is costly. A route joins with an entry
/// here and a line in its handler ([`Limiter::count`](super::Limiter::count)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Sign-ins that failed, by the name that was typed.
    SignInName,
    /// Sign-ins, and new passwords by mail, by address.
    SignInAddress,
    /// Registrations, by address.
    RegistrationAddress,
    /// Uses of the first admin's link, by address.
    SetupAddress,
    /// Wrong passwords of somebody who is signed in and asked for it once more, by session.
    SessionPassword,
    /// Mails that anybody can have sent, by whom they go to and what they are about.
    MailRecipient,
    /// Mails that anybody can have sent, by the address of who asks for them.
    MailAddress,
    /// Reports, by account.
    ReportAccount,
}

impl Limit {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::SignInName,
        Self::SignInAddress,
        Self::RegistrationAddress,
        Self::SetupAddress,
        Self::SessionPassword,
        Self::MailRecipient,
        Self::MailAddress,
        Self::ReportAccount,
    ];

    /// The policy of a deployment that says nothing else.
    const fn usual(self) -> Policy {
        let quarter = Duration::from_mins(15);
        match self {
            // An account has two names, so its password can be guessed at ten times in this time:
            // 350,000 times a year, where the weakest password allowed has 26^8 forms.
            Self::SignInName => Policy::new("sign-in-name", 5, quarter),
            // Each try costs a hash of 25 ms. An office behind one address signs in now and then,
            // because sessions last.
            Self::SignInAddress => Policy::new("sign-in-address", 100, quarter),
            // Each costs a hash and a mail. A class that registers shares an address, and a name that is
            // taken is a try too.
            Self::RegistrationAddress => {
                Policy::new("registration-address", 30, Duration::from_hours(1))
            }
            // Each costs a hash. The token is beyond guessing, and one operator uses it once.
            Self::SetupAddress => Policy::new("setup-address", 10, Duration::from_hours(1)),
            // Whoever has a session and not its password guesses no faster than strangers do, and stops
            // neither the owner's other devices nor their sign-in.
            Self::SessionPassword => Policy::new("session-password", 5, quarter),
            // One that got lost may be asked for again. More would make Kith a nuisance to whoever has
            // nothing to do with it. What a mail is about is part of who is counted, so that nobody can
            // use up by one kind of mail what somebody needs of another.
            Self::MailRecipient => Policy::new("mail-recipient", 3, Duration::from_hours(1)),
            // Nobody has that many addresses, or many more than an hour to name them.
            Self::MailAddress => Policy::new("mail-address", 20, Duration::from_hours(1)),
            // Each costs a moderator a look. Whoever comes upon more at once reports who wrote it.
            Self::ReportAccount => Policy::new("report-account", 20, Duration::from_hours(1)),
        }
    }

    /// Whether what succeeds is not counted after all.
    pub(super) const fn gives_back(self) -> bool {
        matches!(self, Self::SignInName | Self::SessionPassword)
    }
}

/// What the platform counts, roughly. The same figures stand in `wrangler.toml`, where the platform
/// reads them; a test keeps the two equal.
pub(super) const fn of_shield(shield: Shield) -> Policy {
    let minute = Duration::from_mins(1);
    match shield {
        // A hundred people behind one address, each with a request every five seconds.
        Shield::Address => Policy::new("address", 1_200, minute),
        // Somebody in a hurry, on several devices.
        Shield::Account => Policy::new("account", 300, minute),
    }
}

/// The policies of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    factor: u32,
    changed: Vec<(Limit, Policy)>,
}

/// The most that a quota can be multiplied by.
const MOST_FACTOR: u32 = 1_000;

/// The largest quota that a setting can ask for.
const MOST_QUOTA: u32 = 1_000_000;

/// The longest window that a setting can ask for, in seconds.
const MOST_WINDOW: u32 = 86_400;

impl Policies {
    /// The usual policies, changed by `changes`: `name=quota/seconds`, separated by commas. All quotas
    /// are multiplied by `factor`.
    ///
    /// # Errors
    /// What is wrong with `changes`, if anything is.
    pub fn new(factor: u32, changes: &str) -> Result<Self, &'static str> {
        let mut list: Vec<(Limit, Policy)> = Vec::new();
        for change in changes
            .split(',')
            .filter(|change| !change.trim().is_empty())
        {
            let (name, rest) = change
                .trim()
                .split_once('=')
                .ok_or("must be `name=quota/seconds,…`")?;
            let limit = Limit::ALL
                .into_iter()
                .find(|limit| limit.usual().name == name)
                .ok_or("names a policy that there is not")?;
            let number = |text: &str, most: u32| {
                let number = text.parse().ok();
                number.filter(|number| (1..=most).contains(number))
            };
            let (quota, window) = rest.split_once('/').unwrap_or_default();
            let policy = Policy {
                quota: number(quota, MOST_QUOTA).ok_or("has a quota that is not 1 to 1000000")?,
                window: number(window, MOST_WINDOW).ok_or("has a window that is not 1 to 86400")?,
                ..limit.usual()
            };
            if list.iter().any(|(known, _)| *known == limit) {
                return Err("names a policy twice");
            }
            list.push((limit, policy));
        }
        Ok(Self {
            factor,
            changed: list,
        })
    }

    /// Reads a factor: production's is 1.
    #[must_use]
    pub fn factor(text: &str) -> Option<u32> {
        let factor = text.parse().ok();
        factor.filter(|factor| (1..=MOST_FACTOR).contains(factor))
    }

    /// The policy of what is counted exactly.
    pub(super) fn of(&self, limit: Limit) -> Policy {
        let changed = self.changed.iter().find(|(changed, _)| *changed == limit);
        self.multiplied(changed.map_or_else(|| limit.usual(), |(_, policy)| *policy))
    }

    /// The policy of what the platform counts.
    pub(super) fn of_shield(&self, shield: Shield) -> Policy {
        self.multiplied(of_shield(shield))
    }

    /// By how much quotas are multiplied.
    pub(super) const fn multiplier(&self) -> u32 {
        self.factor
    }

    const fn multiplied(&self, policy: Policy) -> Policy {
        Policy {
            quota: policy.quota.saturating_mul(self.factor),
            ..policy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_an_entry_of_a_structured_list() {
        let policies = Policies::new(100, "").unwrap();
        assert_eq!(
            policies.of(Limit::SignInName).to_string(),
            "\"sign-in-name\";q=500;w=900"
        );
        assert_eq!(
            policies.of_shield(Shield::Address).to_string(),
            "\"address\";q=120000;w=60"
        );
    }

    #[test]
    fn a_deployment_may_change_what_is_counted_exactly() {
        let policies = Policies::new(1, "sign-in-address=7/60, registration-address=2/5").unwrap();
        let figures = |limit| {
            let policy = policies.of(limit);
            (policy.quota, policy.window)
        };
        assert_eq!(figures(Limit::SignInAddress), (7, 60));
        assert_eq!(figures(Limit::RegistrationAddress), (2, 5));
        assert_eq!(figures(Limit::SignInName), (5, 900));
    }

    #[test]
    fn a_factor_multiplies_what_was_changed_too() {
        let policies = Policies::new(100, "sign-in-address=7/60").unwrap();
        assert_eq!(policies.of(Limit::SignInAddress).quota, 700);
        let policies = Policies::new(MOST_FACTOR, "sign-in-address=1000000/60").unwrap();
        assert_eq!(policies.of(Limit::SignInAddress).quota, 1_000_000_000);
    }

    #[test]
    fn a_change_of_another_form_is_refused() {
        for changes in [
            "sign-in-name",
            "sign-in-name=5",
            "sign-in-name=0/900",
            "sign-in-name=5/0",
            "sign-in-name=5/86401",
            "sign-in-name=1000001/900",
            "sign-in-name=-5/900",
            "sign-in-name=5/900/1",
            "sign-in-names=5/900",
            "address=5/60",
            "sign-in-name=5/900,sign-in-name=6/900",
        ] {
            assert!(Policies::new(1, changes).is_err(), "{changes}");
        }
    }

    #[test]
    fn a_factor_is_1_to_1000() {
        assert_eq!(Policies::factor("100"), Some(100));
        for text in ["", "0", "1001", "1.5", "-1", "many"] {
            assert_eq!(Policies::factor(text), None, "{text}");
        }
    }

    /// A setting names a policy, and an answer does: each name is one policy's.
    #[test]
    fn a_name_is_one_policys() {
        let shields = [Shield::Address, Shield::Account].map(|shield| of_shield(shield).name);
        let mut names: Vec<_> = Limit::ALL.iter().map(|limit| limit.usual().name).collect();
        names.extend(shields);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
