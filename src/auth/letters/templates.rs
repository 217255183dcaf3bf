//! The words of each mail, in two versions: plain, and with markup, in which everything is escaped.

use std::fmt;

use askama::Template;

use crate::error::Error;

/// What may stand in a mail. Each shows some of it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What it is about.
    pub(super) subject: &'static str,
    /// Who sends it.
    pub(super) app: String,
    /// The account, so written that no program makes a link of it.
    pub(super) username: String,
    /// What to open.
    pub(super) link: String,
    /// Until when that is good.
    pub(super) until: String,
    /// When it happened.
    pub(super) at: String,
    /// On what.
    pub(super) device: String,
}

macro_rules! versions {
    ($($name:ident = $file:tt,)+) => {
        use super::Shown;

        $(
            #[derive(askama::Template)]
            #[template(path = $file)]
            pub(super) struct $name<'a> {
                pub(super) mail: &'a Shown,
            }
        )+
    };
}

mod text {
    versions! {
        Registration = "registration.txt",
        AccountExists = "account_exists.txt",
        VerifyEmail = "verify_email.txt",
        ResetPassword = "reset_password.txt",
        PasswordChanged = "password_changed.txt",
        NewDevice = "new_device.txt",
        ConfirmEmail = "confirm_email.txt",
        EmailChangeRequested = "email_change_requested.txt",
        EmailChanged = "email_changed.txt",
    }
}

mod html {
    versions! {
        Registration = "registration.html",
        AccountExists = "account_exists.html",
        VerifyEmail = "verify_email.html",
        ResetPassword = "reset_password.html",
        PasswordChanged = "password_changed.html",
        NewDevice = "new_device.html",
        ConfirmEmail = "confirm_email.html",
        EmailChangeRequested = "email_change_requested.html",
        EmailChanged = "email_changed.html",
    }
}

/// The kinds of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registration,
    AccountExists,
    VerifyEmail,
    ResetPassword,
    PasswordChanged,
    NewDevice,
    ConfirmEmail,
    EmailChangeRequested,
    EmailChanged,
}

impl Kind {
    /// What a mail of this kind is about, in its subject.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::Registration => "Finish your registration",
            Self::AccountExists => "You have an account already",
            Self::VerifyEmail => "Verify your e-mail address",
            Self::ResetPassword => "Choose a new password",
            Self::PasswordChanged => "Your password was changed",
            Self::NewDevice => "A sign-in from a new device",
            Self::ConfirmEmail => "Confirm your new e-mail address",
            Self::EmailChangeRequested => "Your e-mail address is to be changed",
            Self::EmailChanged => "Your e-mail address was changed",
        }
    }

    /// The plain version and the other.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub(super) fn render(self, mail: &Shown) -> Result<(String, String), Error> {
        macro_rules! both {
            ($name:ident) => {
                (
                    written(&text::$name { mail }),
                    written(&html::$name { mail }),
                )
            };
        }
        let (text, html) = match self {
            Self::Registration => both!(Registration),
            Self::AccountExists => both!(AccountExists),
            Self::VerifyEmail => both!(VerifyEmail),
            Self::ResetPassword => both!(ResetPassword),
            Self::PasswordChanged => both!(PasswordChanged),
            Self::NewDevice => both!(NewDevice),
            Self::ConfirmEmail => both!(ConfirmEmail),
            Self::EmailChangeRequested => both!(EmailChangeRequested),
            Self::EmailChanged => both!(EmailChanged),
        };
        Ok((text?, html?))
    }
}

/// What a template says. It writes through a pointer, which keeps the code of many templates small.
fn written(template: &impl Template) -> Result<String, Error> {
    let mut written = String::new();
    let writer: &mut dyn fmt::Write = &mut written;
    template.render_into(writer).map_err(Error::internal)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const ALL: [Kind; 9] = [
        Kind::Registration,
        Kind::AccountExists,
        Kind::VerifyEmail,
        Kind::ResetPassword,
        Kind::PasswordChanged,
        Kind::NewDevice,
        Kind::ConfirmEmail,
        Kind::EmailChangeRequested,
        Kind::EmailChanged,
    ];

    fn shown(kind: Kind, hostile: &str) -> Shown {
        Shown {
            subject: kind.subject(),
            app: format!("Kith{hostile}"),
            username: format!("asha{hostile}"),
            link: "https://kith.example/verify-email#token=abc".into(),
            until: format!("tomorrow{hostile}"),
            at: format!("today{hostile}"),
            device: format!("Firefox{hostile}"),
        }
    }

    /// What a reader sees of markup: its text, without tags and with its characters back.
    fn read(html: &str) -> String {
        let body = &html[html.find("<body>").unwrap()..];
        let mut text = String::new();
        let mut in_tag = false;
        for character in body.chars() {
            match character {
                '<' => in_tag = true,
                '>' => in_tag = false,
                _ if !in_tag => text.push(character),
                _ => {}
            }
        }
        text
    }

    #[test]
    fn both_versions_of_a_mail_say_what_happened_and_what_to_do() {
        for kind in ALL {
            let mail = shown(kind, "");
            let (text, html) = kind.render(&mail).unwrap();
            assert!(
                text.starts_with(&format!("{}\n\n", kind.subject())),
                "{text}"
            );
            for part in [
                &mail.app,
                &mail.username,
                &mail.until,
                &mail.at,
                &mail.device,
            ] {
                assert_eq!(
                    text.contains(part),
                    read(&html).contains(part),
                    "{kind:?}: {part}"
                );
            }
            assert_eq!(
                text.contains(&mail.link),
                html.contains("href=\"https://kith.example/verify-email#token=abc\"")
            );
            assert!(
                text.contains(" not you") || text.contains("not yours"),
                "{text}"
            );
            assert!(text.ends_with("Nobody reads answers to it."), "{text}");
            assert!(!text.contains("\n\n\n") && !text.contains("{{"), "{text}");
        }
    }

    #[test]
    fn a_mail_loads_nothing_and_works_without_style() {
        for kind in ALL {
            let (_, html) = kind.render(&shown(kind, "")).unwrap();
            for outside in ["src=", "url(", "<img", "<link", "<script", "@import"] {
                assert!(!html.contains(outside), "{kind:?}: {outside}");
            }
            assert!(html.contains("color-scheme\" content=\"light dark\""));
            // No colour of its own that could be unreadable on the reader's.
            assert!(
                !html.contains("color:") && !html.contains("background"),
                "{html}"
            );
        }
    }

    #[test]
    fn markup_in_what_is_shown_stays_text() {
        let hostile = "\"'><script>alert(1)</script><a href='https://evil.example'>&amp;";
        for kind in ALL {
            let (text, html) = kind.render(&shown(kind, hostile)).unwrap();
            let (_, plain) = kind.render(&shown(kind, "")).unwrap();
            assert_eq!(
                html.matches('<').count(),
                plain.matches('<').count(),
                "{html}"
            );
            assert_eq!(
                html.matches('"').count(),
                plain.matches('"').count(),
                "{html}"
            );
            assert!(text.contains(hostile));
        }
    }
}
