//! Mails that are answered, in time or too late or again; addresses that change.

use std::sync::Arc;
use std::time::Duration;

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{
    Call, Choice, MAIL_SITES, Moment, OTHER_PASSWORD, Operation, PASSWORD, Scenario, Site, USUAL,
};
use crate::mail_tokens;
use crate::model::{self, Caller, Event, Id, Limited, Prediction, Task};

pub const CHANGE: Scenario = Scenario {
    route: "POST /api/v1/auth/email",
    sites: &[
        Site::writing("auth.email: password"),
        Site::writing("auth.email: letters"),
    ],
    leads_to: MAIL_SITES,
    weight: 1,
    hashes: true,
    draw: |choice| {
        let password = if choice.chaos.happens(0.8) {
            PASSWORD
        } else {
            OTHER_PASSWORD
        };
        Arc::new(Change {
            password,
            new_email: address(choice),
        })
    },
    ..USUAL
};

pub const VERIFY: Scenario = Scenario {
    route: "POST /api/v1/auth/email/verify",
    sites: &[Site::writing("auth.verify")],
    leads_to: MAIL_SITES,
    weight: 4,
    draw: |choice| {
        let permission = draw_permission(choice);
        let year = Duration::from_hours(365 * 24);
        // Whether its own time is over must not hang on when it arrives.
        let (is_good, expires_at) = match choice.chaos.below(20) {
            0 => (false, Timestamp::from_millis(0)),
            _ => (true, Timestamp::from_millis(i64::MAX / 2).minus(year)),
        };
        let mut text = mail_tokens::text(&permission.value(), expires_at);
        let is_forged = choice.chaos.happens(0.05);
        if is_forged {
            text.insert(5, 'A');
        }
        Arc::new(Verify {
            text,
            permission,
            is_good: is_good && !is_forged,
        })
    },
    ..USUAL
};

pub const RESEND: Scenario = Scenario {
    route: "POST /api/v1/auth/email/resend",
    sites: &[Site::writing("auth.resend")],
    leads_to: MAIL_SITES,
    weight: 2,
    draw: |_| Arc::new(Resend),
    ..USUAL
};

/// One that somebody has, has registered with, or could have.
fn address(choice: &Choice<'_>) -> String {
    match choice.waiting() {
        Some(waiting) if choice.chaos.happens(0.2) => waiting.email.clone(),
        _ if choice.chaos.happens(0.4) => format!("{}@example.com", choice.username()),
        _ => format!("{}@new.example", choice.username()),
    }
}

/// What a mail allows.
#[derive(Clone, Debug)]
enum Permission {
    Register(Id),
    VerifyEmail(Id, String),
    ChangeEmail(Id, String, i64),
    ResetPassword(Id, i64),
}

impl Permission {
    fn value(&self) -> Value {
        match self {
            Self::Register(id) => json!({"may": "register", "registration_id": id}),
            Self::VerifyEmail(id, email) => {
                json!({"may": "verify_email", "user_id": id, "email": email})
            }
            Self::ChangeEmail(id, new_email, version) => json!({
                "may": "change_email", "user_id": id, "new_email": new_email,
                "credential_version": version,
            }),
            Self::ResetPassword(id, version) => json!({
                "may": "reset_password", "user_id": id, "credential_version": version,
            }),
        }
    }
}

/// Mostly what a mail could allow now, sometimes what one did before something was changed.
fn draw_permission(choice: &Choice<'_>) -> Permission {
    let chaos = choice.chaos;
    let users = &choice.model.users;
    let (id, user) = users.iter().nth(chaos.pick(users.len())).unwrap();
    let id = id.clone();
    let version = user.credential_version - i64::from(chaos.happens(0.2));
    let waiting = &choice.model.registrations;
    match chaos.below(10) {
        0..5 if !waiting.is_empty() => {
            let waiting = waiting.keys().nth(chaos.pick(waiting.len()));
            Permission::Register(waiting.unwrap().clone())
        }
        // One that was answered, where there was one.
        0 => Permission::Register(id),
        1..4 if chaos.happens(0.8) => Permission::VerifyEmail(id, user.email.clone()),
        1..4 => Permission::VerifyEmail(id, address(choice)),
        9 => Permission::ResetPassword(id, version),
        _ => Permission::ChangeEmail(id, address(choice), version),
    }
}

struct Verify {
    text: String,
    permission: Permission,
    /// Whether it is Kith's, for this, and in time.
    is_good: bool,
}

impl Operation for Verify {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/email/verify").with(json!({"token": self.text}))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn refusal(&self) -> Option<Prediction> {
        let is_for_this = !matches!(self.permission, Permission::ResetPassword(..));
        (!self.is_good || !is_for_this).then(model::stale)
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let (model, now) = (&mut moment.model, moment.now);
        let recorded = match &self.permission {
            Permission::Register(id) if model.finish_registration(id, PASSWORD, now)? => {
                super::auth::note_device(moment, id);
                Some(Event::about(id, "registered", now).saying(json!({"by": "mail"})))
            }
            Permission::Register(_) => None,
            Permission::VerifyEmail(id, email) => model
                .prove_email(id, email, now)?
                .then(|| Event::about(id, "email_verified", now)),
            Permission::ChangeEmail(id, email, version) => {
                let told = model.change_email(id, email, *version, now)?;
                let is_changed = told.is_some();
                moment.tasks.extend(told);
                is_changed.then(|| Event::about(id, "email_changed", now))
            }
            Permission::ResetPassword(..) => return Err(model::stale()),
        };
        if let Some(event) = recorded {
            let id = event.account.clone().unwrap_or_default();
            moment.record(event.by(&id));
        }
        Ok(Prediction::new(204, json!(null)))
    }
}

struct Change {
    password: &'static str,
    new_email: String,
}

impl Change {
    fn recipient(&self) -> String {
        format!("change {}", self.new_email)
    }
}

impl Operation for Change {
    fn call(&self) -> Call {
        let body = json!({"password": self.password, "new_email": self.new_email});
        Call::new("POST", "/auth/email").with(body)
    }

    fn is_counted_for(&self, _: Option<&Caller>, address: &str, subject: &str) -> bool {
        subject == address || subject == self.recipient()
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        trip: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let wrong = || Prediction::refusal(403, "wrong_password");
        let user = &moment.model.users[&caller.user];
        let (version, is_right) = (user.credential_version, user.password == self.password);
        let is_same = user.email == self.new_email;
        let credentials = version.to_string();
        let session = caller.session.as_str();
        if trip == 0 {
            let subjects = [(Limited::SessionPassword, session)];
            moment.model.count(&subjects, moment.now)?;
            *moment.noted = credentials;
            // No effect yet that would be all there is to come.
            return Err(if is_same {
                Prediction::invalid("/new_email", "unchanged")
            } else if is_right {
                Prediction::new(202, json!("no answer before the letters"))
            } else {
                wrong()
            });
        }
        let counted_at = moment.first_sent;
        let recipient = self.recipient();
        let subjects = [
            (Limited::MailAddress, moment.address),
            (Limited::MailRecipient, &recipient),
        ];
        let before = moment.model.counts.clone();
        moment.model.count(&subjects, counted_at)?;
        if *moment.noted != credentials {
            moment.model.counts = before;
            return Err(wrong());
        }
        moment
            .model
            .give_back(Limited::SessionPassword, session, counted_at);
        let user = caller.user.as_str();
        let old = moment.model.users[user].email.clone();
        let mut confirmed = Task::letter("confirm_email", &[("user_id", user)]);
        if let Task::Letter(payload) = &mut confirmed {
            payload["new_email"] = json!(self.new_email);
            payload["credential_version"] = json!(version);
        }
        let told = Task::letter(
            "email_change_requested",
            &[("user_id", user), ("email", &old)],
        );
        moment.tasks.extend([told, confirmed]);
        let requested = Event::about(user, "email_change_requested", moment.now).by(user);
        moment.record(requested.in_session(session));
        Ok(Prediction::new(202, json!(null)))
    }
}

struct Resend;

impl Operation for Resend {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/email/resend")
    }

    fn is_counted_for(&self, caller: Option<&Caller>, _: &str, subject: &str) -> bool {
        caller.is_some_and(|caller| subject == format!("verification {}", caller.user))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let recipient = format!("verification {}", caller.user);
        let subjects = [(Limited::MailRecipient, recipient.as_str())];
        moment.model.count(&subjects, moment.now)?;
        let user = &moment.model.users[&caller.user];
        if user.email_verified_at.is_none() {
            let names = [("user_id", caller.user.as_str())];
            moment.tasks.push(Task::letter("verify_email", &names));
        }
        Ok(Prediction::new(202, json!(null)))
    }
}
