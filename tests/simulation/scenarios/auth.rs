//! Accounts and sessions.

use std::sync::Arc;

use serde_json::json;

use super::{Answer, Call, Memory, Moment, Operation, Scenario};
use crate::model::{Caller, Prediction, User};
use crate::tokens;

pub const REGISTER: Scenario = Scenario {
    route: "POST /api/v1/auth/register",
    sites: &["auth.register"],
    leads_to: &[],
    weight: 1,
    hashes: true,
    reads_flags: true,
    draw: |choice| {
        // A third of the newcomers want a name that somebody has.
        let username = if choice.chaos.happens(0.3) {
            choice.username()
        } else {
            format!("newcomer_{}", choice.number)
        };
        let email = if choice.chaos.happens(0.3) {
            format!("{}@example.com", choice.username())
        } else {
            format!("{username}@example.com")
        };
        Arc::new(Register { username, email })
    },
};

pub const LOGIN: Scenario = Scenario {
    route: "POST /api/v1/auth/login",
    sites: &["auth.login: password", "auth.login: session"],
    leads_to: &[],
    weight: 1,
    hashes: true,
    reads_flags: false,
    draw: |choice| {
        let known = choice.model.users.values();
        let known: Vec<_> = known.filter(|user| user.password.is_some()).collect();
        let username = if known.is_empty() {
            "nobody".to_owned()
        } else {
            known[choice.chaos.pick(known.len())].username.clone()
        };
        let password = if choice.chaos.happens(0.8) {
            PASSWORD
        } else {
            "not the password"
        };
        Arc::new(Login { username, password })
    },
};

pub const LOGOUT: Scenario = Scenario {
    route: "POST /api/v1/auth/logout",
    sites: &["auth.logout"],
    leads_to: &[],
    weight: 1,
    hashes: false,
    reads_flags: false,
    draw: |_| Arc::new(Logout),
};

/// Everybody's who has one.
pub const PASSWORD: &str = "the passphrase of everybody";

struct Register {
    username: String,
    email: String,
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

    fn happen(&self, _: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let mut users = moment.model.users.values();
        if users.any(|user| user.username == self.username) {
            return Prediction::refusal(409, "username_taken");
        }
        let mut users = moment.model.users.values();
        if users.any(|user| user.email == self.email) {
            return Prediction::refusal(409, "email_taken");
        }
        let mut user = User::new(&self.username, Some(PASSWORD));
        user.email.clone_from(&self.email);
        let ids = moment.ids("select id from users where username = ?1", &self.username);
        let Some(id) = ids.into_iter().next() else {
            return Prediction::new(201, json!({"user": "was not stored"}));
        };
        moment.model.users.insert(id.clone(), user);
        begin_session(moment, &id);
        let shown = json!({"id": id, "username": self.username, "email": self.email});
        Prediction::new(201, json!({"user": shown, "token_type": "Bearer"}))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 201 {
            *memory = signed_in(answer);
        }
    }
}

/// The session that has just begun, which Kith named.
fn begin_session(moment: &mut Moment<'_>, user: &str) {
    let ids = moment.ids("select id from sessions where user_id = ?1", user);
    for id in ids {
        let session = (user.to_owned(), true);
        moment.model.sessions.entry(id).or_insert(session);
    }
}

/// What whoever signs in begins with: the session that the access token speaks for.
fn signed_in(answer: &Answer) -> Memory {
    let token = answer.body["access_token"].as_str().unwrap();
    Memory {
        caller: Some(tokens::caller(token)),
        ..Memory::default()
    }
}

struct Login {
    username: String,
    password: &'static str,
}

impl Operation for Login {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/login").with(json!({
            "username": self.username, "password": self.password,
        }))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn happen(&self, _: Option<&Caller>, moment: &mut Moment<'_>, trip: usize) -> Prediction {
        let checked = moment.model.check_password(&self.username, self.password);
        match (checked, trip) {
            // Suspended between the two trips: not told more than that it did not work.
            (Err(refusal), 1) if refusal.status == 403 => {
                Prediction::refusal(401, "invalid_credentials")
            }
            (Err(refusal), _) => refusal,
            (Ok(_), 0) => Prediction::new(200, json!({"token_type": "not yet"})),
            (Ok(user), _) => {
                begin_session(moment, &user);
                Prediction::new(200, json!({"token_type": "Bearer"}))
            }
        }
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 200 {
            *memory = signed_in(answer);
        }
    }
}

struct Logout;

impl Operation for Logout {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/logout")
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        moment.model.sessions.get_mut(&caller.session).unwrap().1 = false;
        Prediction::new(204, json!(null))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 204 {
            *memory = Memory::default();
        }
    }
}
