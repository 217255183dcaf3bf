//! How often what is limited was done.

use std::time::Duration;

use kith::time::Timestamp;
use serde_json::json;

use super::prediction::ANYTHING;
use super::{Model, Prediction};

/// Something that is counted exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    SignInName,
    SignInAddress,
    RegistrationAddress,
    SetupAddress,
    SessionPassword,
    MailRecipient,
    MailAddress,
    ReportAccount,
}

/// The length of every window here, in milliseconds.
const WINDOW: i64 = 600_000;

/// How long the database keeps a window that is over.
const KEPT: Duration = Duration::from_mins(2);

impl Limited {
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

    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInName => "sign-in-name",
            Self::SignInAddress => "sign-in-address",
            Self::RegistrationAddress => "registration-address",
            Self::SetupAddress => "setup-address",
            Self::SessionPassword => "session-password",
            Self::MailRecipient => "mail-recipient",
            Self::MailAddress => "mail-address",
            Self::ReportAccount => "report-account",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }

    /// Whether what succeeds is not counted after all, so that a window may open again.
    const fn gives_back(self) -> bool {
        matches!(self, Self::SignInName | Self::SessionPassword)
    }

    /// The quota of a deployment that is strict, which people run into.
    const fn strict_quota(self) -> u32 {
        match self {
            Self::SignInName
            | Self::RegistrationAddress
            | Self::SetupAddress
            | Self::SessionPassword
            | Self::MailRecipient => 2,
            Self::MailAddress | Self::ReportAccount => 3,
            Self::SignInAddress => 5,
        }
    }
}

/// Whether people are to run into limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness(pub bool);

impl Strictness {
    fn quota(self, what: Limited) -> u32 {
        if self.0 { what.strict_quota() } else { 100_000 }
    }

    /// The value of the setting.
    pub fn setting(self) -> String {
        let entries = Limited::ALL.map(|what| {
            let (name, quota) = (what.name(), self.quota(what));
            format!("{name}={quota}/{}", WINDOW / 1_000)
        });
        entries.join(",")
    }
}

/// What one subject has done in the window that ends then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub resets_at: i64,
    pub name: &'static str,
    pub subject: String,
}

impl Window {
    /// The window of `subject` at the moment `at`.
    pub fn of(what: Limited, subject: &str, at: Timestamp) -> Self {
        Self {
            resets_at: (at.millis() / WINDOW + 1) * WINDOW,
            name: what.name(),
            subject: subject.to_owned(),
        }
    }

    /// Whether a moment lies in it, or so near that a clock that was set can make it.
    pub fn is_near(&self, at: Timestamp) -> bool {
        let before = self.resets_at - at.millis();
        (-60_000..=WINDOW + 60_000).contains(&before)
    }
}

impl Model {
    /// Counts all of these once more, or none of them.
    ///
    /// # Errors
    /// The refusal by the first whose quota is used up.
    pub fn count(&mut self, subjects: &[(Limited, &str)], at: Timestamp) -> Result<(), Prediction> {
        let windows = subjects
            .iter()
            .map(|(what, subject)| (*what, Window::of(*what, subject, at)));
        let windows: Vec<_> = windows.collect();
        for (what, window) in &windows {
            let used = self.counts.get(window).copied().unwrap_or(0);
            if used >= self.strictness.quota(*what) {
                return Err(Prediction {
                    closed: (!what.gives_back()).then(|| Box::new(window.clone())),
                    ..Prediction::limited(window.name)
                });
            }
        }
        for (_, window) in windows {
            *self.counts.entry(window).or_default() += 1;
        }
        Ok(())
    }

    /// Takes one of what was counted back.
    pub fn give_back(&mut self, what: Limited, subject: &str, counted_at: Timestamp) {
        let window = Window::of(what, subject, counted_at);
        if let Some(used) = self.counts.get_mut(&window) {
            *used = used.saturating_sub(1);
        }
    }

    /// Forgets what is over.
    pub fn forget_counts(&mut self, now: Timestamp) {
        let kept = now.minus(KEPT).millis();
        self.counts.retain(|window, _| window.resets_at > kept);
    }
}

impl Prediction {
    /// A 429 for a policy.
    pub fn limited(policy: &str) -> Self {
        Self::new(
            429,
            json!({
                "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "title": ANYTHING,
                "status": 429,
                "detail": ANYTHING,
                "code": "too_many_requests",
                "request_id": ANYTHING,
                "violated-policies": [policy],
            }),
        )
    }
}
