//! Passwords that are changed, forgotten, and chosen anew by a mail, in time or too late or again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::auth::{Credentials, credentials};
use super::{
    Call, Choice, MAIL_SITES, Moment, OTHER_PASSWORD, Operation, PASSWORD, Scenario, Site, USUAL,
};
use crate::chaos::Chaos;
use crate::mail_tokens;
use crate::model::{Caller, Event, Id, Limited, Prediction, Task};
use crate::world::RunId;

pub const CHANGE: Scenario = Scenario {
    route: "POST /api/v1/auth/password",
    sites: &[
        Site::writing("auth.password: current"),
        Site::writing("auth.password: new"),
    ],
    leads_to: MAIL_SITES,
    weight: 1,
    hashes: true,
    draw: |choice| {
        let caller = choice.memory.caller.as_ref();
        let user = caller.and_then(|caller| choice.model.users.get(&caller.user));
        let current = user.map_or(PASSWORD, |user| user.password);
        // A few guess, and many where that is what is to be seen.
        let guesses = choice.chaos.focus == crate::chaos::PASSWORDS_USED_UP;
        let wrong = choice.chaos.happens(if guesses { 0.8 } else { 0.2 });
        Arc::new(Change {
            current: if wrong { other_than(current) } else { current },
            seen: Mutex::default(),
        })
    },
    ..USUAL
};

pub const FORGOT: Scenario = Scenario {
    route: "POST /api/v1/auth/password/forgot",
    sites: &[Site::writing("auth.forgot")],
    leads_to: MAIL_SITES,
    weight: 2,
    draw: |choice| {
        let name = if choice.chaos.happens(0.3) {
            format!("nobody_{}", choice.chaos.below(2))
        } else {
            choice.username()
        };
        Arc::new(Forgot {
            email: format!("{name}@example.com"),
            shouts: choice.chaos.happens(0.2),
        })
    },
    ..USUAL
};

pub const RESET: Scenario = Scenario {
    route: "POST /api/v1/auth/password/reset",
    sites: &[Site::writing("auth.reset")],
    leads_to: MAIL_SITES,
    weight: 1,
    hashes: true,
    draw: |choice| Arc::new(draw_reset(choice)),
    ..USUAL
};

fn other_than(password: &str) -> &'static str {
    if password == PASSWORD {
        OTHER_PASSWORD
    } else {
        PASSWORD
    }
}

struct Change {
    /// What is typed for the current password; the new one is the other.
    current: &'static str,
    /// The hash that it was held against, by request.
    seen: Mutex<BTreeMap<RunId, Credentials>>,
}

impl Change {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<RunId, Credentials>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operation for Change {
    fn call(&self) -> Call {
        let new = other_than(self.current);
        let body = json!({"current_password": self.current, "new_password": new});
        Call::new("POST", "/auth/password").with(body)
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        trip: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let wrong = || Prediction::refusal(403, "wrong_password");
        if trip == 0 {
            let subject = [(Limited::SessionPassword, caller.session.as_str())];
            moment.model.count(&subject, moment.now)?;
            if moment.model.users[&caller.user].password != self.current {
                return Err(wrong());
            }
            let held_against = credentials(moment, &caller.user);
            self.seen().insert(moment.run, held_against);
            moment.model.users[&caller.user]
                .email
                .clone_into(moment.noted);
            // No effect yet that would be all there is to come.
            return Err(Prediction::new(204, json!("no answer before the change")));
        }
        let held_against = self.seen().get(&moment.run).copied();
        if held_against != Some(credentials(moment, &caller.user)) {
            return Err(wrong());
        }
        let new = other_than(self.current);
        let salt = moment.run + 1;
        moment
            .model
            .change_password(&caller.user, new, salt, Some(&caller.session));
        moment
            .model
            .give_back(Limited::SessionPassword, &caller.session, moment.first_sent);
        let email = moment.noted.clone();
        tell(moment, &caller.user, &email);
        let event = Event::about(&caller.user, "password_changed", moment.now).by(&caller.user);
        moment.record(event.in_session(&caller.session));
        Ok(Prediction::new(204, json!(null)))
    }
}

/// The owner is told of another password.
fn tell(moment: &mut Moment<'_>, user: &str, email: &str) {
    let letter = Task::letter("password_changed", &[("user_id", user), ("email", email)]);
    moment.tasks.push(letter);
}

struct Forgot {
    email: String,
    /// Whether it is typed in capitals.
    shouts: bool,
}

impl Forgot {
    fn recipient(&self) -> String {
        format!("reset {}", self.email)
    }
}

impl Operation for Forgot {
    fn call(&self) -> Call {
        let typed = if self.shouts {
            self.email.to_uppercase()
        } else {
            self.email.clone()
        };
        Call::new("POST", "/auth/password/forgot").with(json!({"email": typed}))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn is_counted_for(&self, _: Option<&Caller>, address: &str, subject: &str) -> bool {
        subject == address || subject == self.recipient()
    }

    /// Whether there is an account plays no part.
    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let recipient = self.recipient();
        let subjects = [
            (Limited::MailAddress, moment.address),
            (Limited::MailRecipient, &recipient),
        ];
        moment.model.count(&subjects, moment.now)?;
        let letter = Task::letter("reset_password", &[("email", &self.email)]);
        moment.tasks.push(letter);
        moment.record(Event {
            account: None,
            ..Event::about("", "password_reset_requested", moment.now)
        });
        Ok(Prediction::new(202, json!(null)))
    }
}

/// What a link can be but good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Forged,
    TooOld,
    ForSomethingElse,
}

struct Reset {
    token: String,
    flaw: Flaw,
    user: Id,
    /// The account's credentials for which the mail was made.
    version: i64,
    password: &'static str,
}

/// Mostly a link that is good now, sometimes one from before, and sometimes none of Kith's.
fn draw_reset(choice: &Choice<'_>) -> Reset {
    let chaos = choice.chaos;
    let users = &choice.model.users;
    let (id, user) = users.iter().nth(chaos.pick(users.len())).unwrap();
    let version = user.credential_version - i64::from(chaos.happens(0.2));
    let flaw = match chaos.below(20) {
        0 => Flaw::Forged,
        1 => Flaw::TooOld,
        2 => Flaw::ForSomethingElse,
        _ => Flaw::None,
    };
    let permission: Value = if flaw == Flaw::ForSomethingElse {
        json!({"may": "verify_email", "user_id": id, "email": user.email})
    } else {
        json!({
            "may": "reset_password", "user_id": id, "username": user.username,
            "email": user.email, "credential_version": version,
        })
    };
    // Whether its own time is over must not hang on when it arrives.
    let expires_at = if flaw == Flaw::TooOld {
        Timestamp::from_millis(0)
    } else {
        Timestamp::from_millis(i64::MAX / 2)
    };
    let mut token = mail_tokens::text(&permission, expires_at);
    if flaw == Flaw::Forged {
        token.insert(5, 'A');
    }
    Reset {
        token,
        flaw,
        user: id.clone(),
        version,
        password: if chaos.happens(0.5) {
            PASSWORD
        } else {
            OTHER_PASSWORD
        },
    }
}

fn stale() -> Prediction {
    Prediction::refusal(422, "invalid_mail_token")
}

impl Operation for Reset {
    fn call(&self) -> Call {
        let body = json!({"token": self.token, "new_password": self.password});
        Call::new("POST", "/auth/password/reset").with(body)
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn refusal(&self) -> Option<Prediction> {
        (self.flaw != Flaw::None).then(stale)
    }

    /// A link is good once.
    fn asks_again_after(&self, chaos: &Chaos) -> Option<Duration> {
        let pause = Duration::from_millis(chaos.below(2_000));
        chaos.happens(0.5).then_some(pause)
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let address = [(Limited::SignInAddress, moment.address)];
        moment.model.count(&address, moment.now)?;
        let now = moment.now;
        let user = moment.model.active(&self.user).ok_or_else(stale)?;
        if user.credential_version != self.version {
            return Err(stale());
        }
        let salt = moment.run + 1;
        moment
            .model
            .change_password(&self.user, self.password, salt, None);
        let user = moment.model.users.get_mut(&self.user).unwrap();
        user.email_verified_at.get_or_insert(now);
        let email = moment.model.users[&self.user].email.clone();
        tell(moment, &self.user, &email);
        moment.record(Event::about(&self.user, "password_reset", now).by(&self.user));
        Ok(Prediction::new(204, json!(null)))
    }
}
