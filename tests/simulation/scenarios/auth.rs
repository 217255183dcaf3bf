//! Accounts and sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::{Answer, Call, MAIL_SITES, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::chaos;
use crate::model::{
    self, ANYTHING, Caller, Event, Id, Limited, OLDER_HASH, Prediction, Registration, Session,
    Task, User,
};
use crate::refresh_tokens;
use crate::tokens;
use crate::world::RunId;

pub const REGISTER: Scenario = Scenario {
    route: "POST /api/v1/auth/register",
    sites: &[Site::writing("auth.register")],
    leads_to: MAIL_SITES,
    weight: 1,
    hashes: true,
    reads_flags: true,
    draw: |choice| {
        // A third of the newcomers want a name that somebody has or waits for.
        let username = match choice.waiting() {
            Some(waiting) if choice.chaos.happens(0.4) => waiting.username.clone(),
            _ if choice.chaos.happens(0.3) => choice.username(),
            _ => format!("newcomer_{}", choice.number),
        };
        let owner = if choice.chaos.happens(0.3) {
            choice.username()
        } else {
            username.clone()
        };
        Arc::new(Register {
            email: format!("{owner}@example.com"),
            username,
            reveals_email: choice.reveals_email,
        })
    },
};

pub const LOGIN: Scenario = Scenario {
    route: "POST /api/v1/auth/login",
    sites: &[
        Site::writing("auth.login: password"),
        Site::writing("auth.login: session"),
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
        let forgetful = choice.chaos.focus == chaos::NAME_USED_UP;
        let username = match choice.waiting() {
            // Whose mail was not answered is nobody yet.
            Some(waiting) if choice.chaos.happens(0.3) => waiting.username.clone(),
            _ if choice.chaos.happens(if forgetful { 0.7 } else { 0.05 }) => {
                format!("nobody_{}", choice.chaos.below(2))
            }
            _ => choice.username(),
        };
        let user = choice.model.by_username(&username);
        let email = user.map_or_else(
            || format!("{username}@example.com"),
            |(_, user)| user.email.clone(),
        );
        let by_email = choice.chaos.happens(0.3);
        Arc::new(Login {
            by: if by_email { "email" } else { "username" },
            name: if by_email { email } else { username },
            shouts: choice.chaos.happens(0.2),
            password,
            checked: Mutex::default(),
        })
    },
    ..USUAL
};

pub const LOGOUT: Scenario = Scenario {
    route: "POST /api/v1/auth/logout",
    sites: &[Site::writing("auth.logout")],
    weight: 2,
    draw: |_| Arc::new(Logout),
    ..USUAL
};

/// Everybody's, until it is changed to the other.
pub const PASSWORD: &str = "the passphrase of everybody";
pub const OTHER_PASSWORD: &str = "another passphrase of everybody";

struct Register {
    username: String,
    email: String,
    reveals_email: bool,
}

impl Register {
    fn recipient(&self) -> String {
        format!("registration {}", self.email)
    }

    /// What comes of it where nobody is told who has an account. Whether the address has one plays no part.
    fn wait(&self, moment: &mut Moment<'_>) -> Result<Prediction, Prediction> {
        let recipient = self.recipient();
        let subjects = [
            (Limited::RegistrationAddress, moment.address),
            (Limited::MailRecipient, &recipient),
        ];
        let now = moment.now;
        moment.model.count(&subjects, now)?;
        if !moment.model.is_free(&self.username, &self.email, now) {
            // There is no mail.
            moment
                .model
                .give_back(Limited::MailRecipient, &recipient, now);
            return Err(Prediction::refusal(409, "username_taken"));
        }
        let sql = "select id from registrations where username = ?1";
        let ids = moment.ids(sql, &self.username);
        let known = &moment.model.registrations;
        let Some(id) = ids.into_iter().find(|id| !known.contains_key(id)) else {
            let unheard = json!("a registration that was not stored");
            return Err(Prediction::new(202, unheard));
        };
        let waiting = Registration {
            username: self.username.clone(),
            email: self.email.clone(),
            hash: "its own",
            created_at: now,
        };
        let names = [("registration_id", id.as_str())];
        moment.tasks.push(Task::letter("registration", &names));
        moment.model.registrations.insert(id, waiting);
        Ok(Prediction::new(202, json!({"status": "verify_email"})))
    }
}

impl Operation for Register {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/register").with(json!({
            "username": self.username, "email": self.email, "password": PASSWORD,
        }))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        if !self.reveals_email {
            return self.wait(moment);
        }
        let address = [(Limited::RegistrationAddress, moment.address)];
        moment.model.count(&address, moment.now)?;
        let mut users = moment.model.users.values();
        if users.any(|user| user.username == self.username) {
            return Err(Prediction::refusal(409, "username_taken"));
        }
        let mut users = moment.model.users.values();
        if users.any(|user| user.email == self.email) {
            return Err(Prediction::refusal(409, "email_taken"));
        }
        let mut user = User::new(&self.username, PASSWORD, moment.now);
        user.email.clone_from(&self.email);
        user.hash = "its own";
        let ids = moment.ids("select id from users where username = ?1", &self.username);
        let Some(id) = ids.into_iter().next() else {
            return Err(Prediction::new(
                201,
                json!("an account that was not stored"),
            ));
        };
        moment.model.users.insert(id.clone(), user);
        let caller = begin_session(moment, &id)?;
        moment
            .tasks
            .push(Task::letter("verify_email", &[("user_id", &id)]));
        let registered = Event::about(&id, "registered", moment.now).by(&id);
        moment.record(registered.in_session(&caller.session));
        note_device(moment, &id);
        let mut body = tokens_of();
        body["user"] = moment.model.me(&id);
        Ok(Prediction {
            session: Some(caller),
            ..Prediction::new(201, body)
        })
    }

    fn names_state(&self, status: u16) -> bool {
        // Whoever only waits for a mail is nobody who could ask for it.
        status != 202
    }

    fn is_counted_for(&self, _: Option<&Caller>, address: &str, subject: &str) -> bool {
        subject == address || subject == self.recipient()
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        model::agrees(prediction, answer.status, &answer.body)?;
        speaks_for(prediction, answer)
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        remember(answer, memory);
    }
}

/// What an answer with tokens holds.
pub(super) fn tokens_of() -> serde_json::Value {
    json!({
        "access_token": ANYTHING,
        "token_type": "Bearer",
        "expires_in": tokens::LIFETIME_SECONDS,
        "refresh_token": ANYTHING,
    })
}

/// The one session that has just begun, which Kith named.
///
/// # Errors
/// A prediction that no answer fulfils, if there is not exactly one.
pub(super) fn begin_session(moment: &mut Moment<'_>, user: &str) -> Result<Caller, Prediction> {
    let ids = moment.ids("select id from sessions where user_id = ?1", user);
    let known = &moment.model.sessions;
    let new: Vec<_> = ids
        .into_iter()
        .filter(|id| !known.contains_key(id))
        .collect();
    let [id] = &new[..] else {
        return Err(Prediction::new(200, json!({"new sessions": new})));
    };
    let newest = newest_token(moment, id);
    let mut session = Session::open(user, newest, moment.now, moment.now.plus(model::LIFETIME));
    session.user_agent = moment.agent;
    moment.model.sessions.insert(id.clone(), session);
    Ok(Caller {
        user: user.to_owned(),
        session: id.clone(),
    })
}

/// Notes from where an account has been signed in. Whether that is news: it is new, and not the first.
pub(super) fn note_device(moment: &mut Moment<'_>, user: &str) -> bool {
    let devices = moment.model.devices.entry(user.to_owned()).or_default();
    devices.insert(moment.device) && devices.len() > 1
}

/// The hash of the one token of a session that was not used, as it is stored.
pub(super) fn newest_token(moment: &Moment<'_>, session: &str) -> String {
    let sql = "select current_hash as id from sessions where id = ?1";
    moment.ids(sql, session).pop().unwrap_or_default()
}

/// Whether the tokens of an answer are of the session that began or goes on, and the refresh token is
/// the right one, where that is known.
pub(super) fn speaks_for(prediction: &Prediction, answer: &Answer) -> Result<(), String> {
    let Some(expected) = &prediction.session else {
        return Ok(());
    };
    let access = answer.body["access_token"].as_str().unwrap_or_default();
    let refresh = answer.body["refresh_token"].as_str().unwrap_or_default();
    let refresh =
        refresh_tokens::genuine(refresh).filter(|token| token.session == expected.session);
    let wanted = prediction.refresh_token.as_deref();
    let is_right = wanted.is_none() || wanted == refresh.as_ref();
    if tokens::caller(access) == *expected && refresh.is_some() && is_right {
        return Ok(());
    }
    Err(format!(
        "the tokens are not of {expected:?} with {wanted:?}: {}",
        answer.body
    ))
}

pub(super) fn remember(answer: &Answer, memory: &mut Memory) {
    let text = |name: &str| answer.body[name].as_str().map(str::to_owned);
    if let (Some(access), Some(refresh)) = (text("access_token"), text("refresh_token")) {
        memory.of_another(Some(tokens::caller(&access)), Some(access));
        memory.refresh_tokens.push(refresh);
    }
}

struct Login {
    /// By which name: `username` or `email`.
    by: &'static str,
    name: String,
    /// Whether it is typed in capitals.
    shouts: bool,
    password: &'static str,
    /// What came of looking at the password, by request.
    checked: Mutex<BTreeMap<RunId, Checked>>,
}

/// What came of looking at a password.
#[derive(Clone)]
enum Checked {
    /// It is that of this hash.
    Right(Credentials),
    /// It is not, or the account may not act; whose that is, if anybody's.
    Refused(Option<Id>, Prediction),
}

/// A hash, as no other of the account.
pub(super) type Credentials = (&'static str, usize);

impl Login {
    /// What the password is held against, and what comes of it.
    fn look(&self, moment: &Moment<'_>) -> Checked {
        let model = &moment.model;
        match model.check_password(&self.name, self.password) {
            Ok(id) => Checked::Right(credentials(moment, &id)),
            Err(refusal) => {
                let owner = model.named(&self.name).map(|(id, _)| id.clone());
                Checked::Refused(owner, refusal)
            }
        }
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of an account's password.
pub(super) fn credentials(moment: &Moment<'_>, user: &str) -> Credentials {
    let user = &moment.model.users[user];
    (user.hash, user.salt)
}

/// What a sign-in by this hash leaves in its place.
fn upgraded((hash, salt): Credentials) -> Credentials {
    if hash == OLDER_HASH {
        (PASSWORD, 0)
    } else {
        (hash, salt)
    }
}

/// A sign-in was refused, to whomever it belongs.
fn record_refusal(moment: &mut Moment<'_>, account: Option<&str>) {
    let event = Event {
        account: account.map(str::to_owned),
        ..Event::about("", "sign_in_failed", moment.now)
    };
    moment.record(event);
}

impl Operation for Login {
    fn call(&self) -> Call {
        let name = if self.shouts {
            self.name.to_uppercase()
        } else {
            self.name.clone()
        };
        Call::new("POST", "/auth/login").with(json!({self.by: name, "password": self.password}))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        trip: usize,
    ) -> Result<Prediction, Prediction> {
        let name = format!("{} {}", self.by, self.name);
        if trip == 0 {
            let subjects = [
                (Limited::SignInAddress, moment.address),
                (Limited::SignInName, &name),
            ];
            moment.model.count(&subjects, moment.now)?;
        }
        let found = self.look(moment);
        if trip == 0 {
            self.checked().insert(moment.run, found.clone());
            if let Some((_, user)) = moment.model.named(&self.name) {
                user.email.clone_into(moment.noted);
            }
            // No effect yet that would be all there is to come.
            return Err(match found {
                Checked::Right(_) => Prediction::new(200, json!("no answer before the session")),
                Checked::Refused(..) => Prediction::new(401, json!("no answer before its event")),
            });
        }
        let checked = self.checked().get(&moment.run).cloned();
        let held_against = match checked {
            Some(Checked::Right(credentials)) => credentials,
            Some(Checked::Refused(account, refusal)) => {
                record_refusal(moment, account.as_deref());
                return Err(refusal);
            }
            None => return Err(Prediction::new(200, json!("a session without a password"))),
        };
        // Suspended, or the password changed, between the two trips: that it did not work is all
        // that is told.
        let user = moment.model.check_password(&self.name, self.password);
        // A hash of other parameters is replaced by the one that all share, by whichever sign-in is first.
        let upgraded = upgraded(held_against);
        let user = user
            .ok()
            .filter(|id| [held_against, upgraded].contains(&credentials(moment, id)));
        let Some(user) = user else {
            let owner = moment.model.named(&self.name).map(|(id, _)| id.clone());
            record_refusal(moment, owner.as_deref());
            return Err(Prediction::refusal(401, "invalid_credentials"));
        };
        let account = moment.model.users.get_mut(&user).unwrap();
        (account.hash, account.salt) = upgraded;
        let counted_at = moment.first_sent;
        moment
            .model
            .give_back(Limited::SignInName, &name, counted_at);
        let caller = begin_session(moment, &user)?;
        let event = Event::about(&user, "signed_in", moment.now).by(&user);
        moment.record(event.in_session(&caller.session));
        if note_device(moment, &user) {
            let names = [
                ("user_id", user.as_str()),
                ("session_id", caller.session.as_str()),
                ("email", moment.noted.as_str()),
            ];
            let letter = Task::letter("new_device", &names);
            moment.tasks.push(letter);
        }
        Ok(Prediction {
            session: Some(caller),
            ..Prediction::new(200, tokens_of())
        })
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        model::agrees(prediction, answer.status, &answer.body)?;
        speaks_for(prediction, answer)
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        remember(answer, memory);
    }
}

struct Logout;

impl Operation for Logout {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/logout")
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let session = moment.model.sessions.get_mut(&caller.session).unwrap();
        session.lives = false;
        let event = Event::about(&caller.user, "signed_out", moment.now).by(&caller.user);
        moment.record(event.in_session(&caller.session));
        Ok(Prediction::new(204, json!(null)))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 204 {
            memory.of_another(None, None);
        }
    }
}
