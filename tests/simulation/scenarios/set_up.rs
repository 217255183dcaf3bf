//! The first admin, by a one-time link.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::auth::{self, PASSWORD};
use super::{Answer, Call, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{self, Caller, Event, Limited, Prediction, User};

pub const SET_UP: Scenario = Scenario {
    route: "POST /api/v1/setup",
    sites: &[Site::writing("auth.set_up")],
    weight: 1,
    hashes: true,
    draw: |choice| {
        let username = if choice.chaos.happens(0.2) {
            choice.username()
        } else {
            format!("founder_{}", choice.number)
        };
        let owner = if choice.chaos.happens(0.2) {
            choice.username()
        } else {
            username.clone()
        };
        Arc::new(SetUp {
            token: token(choice.chaos.pick(LINKS)),
            email: format!("{owner}@example.com"),
            username,
        })
    },
    ..USUAL
};

/// How many links there can be.
pub const LINKS: usize = 3;

/// What a link holds.
pub fn token(number: usize) -> String {
    format!("the token of link {number}")
}

/// What the database keeps of it.
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

struct SetUp {
    token: String,
    username: String,
    email: String,
}

impl Operation for SetUp {
    fn call(&self) -> Call {
        Call::new("POST", "/setup").with(json!({
            "token": self.token,
            "username": self.username,
            "email": self.email,
            "password": PASSWORD,
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
        let address = [(Limited::SetupAddress, moment.address)];
        moment.model.count(&address, moment.now)?;
        let model = &mut *moment.model;
        let hash = hash(&self.token);
        let link = model.links.get(&hash);
        if link.is_none_or(|expires_at| *expires_at <= moment.now) || model.has_admin() {
            return Err(Prediction::refusal(401, "invalid_setup_token"));
        }
        let is_taken =
            |taken: fn(&User, &Self) -> bool| model.users.values().any(|user| taken(user, self));
        if is_taken(|user, new| user.username == new.username) {
            return Err(Prediction::refusal(409, "username_taken"));
        }
        if is_taken(|user, new| user.email == new.email) {
            return Err(Prediction::refusal(409, "email_taken"));
        }
        model.links.remove(&hash);
        let mut user = User::new(&self.username, PASSWORD, moment.now);
        user.email.clone_from(&self.email);
        user.hash = "its own";
        user.role = "admin";
        user.email_verified_at = Some(moment.now);
        let ids = moment.ids("select id from users where username = ?1", &self.username);
        let Some(id) = ids.into_iter().next() else {
            return Err(Prediction::new(201, json!("an admin who was not stored")));
        };
        moment.model.users.insert(id.clone(), user);
        let created = Event::about(&id, "admin_created", moment.now);
        moment.record(created.saying(json!({"by": "link"})));
        let caller = auth::begin_session(moment, &id)?;
        auth::note_device(moment, &id);
        let signed_in = Event::about(&id, "signed_in", moment.now).by(&id);
        moment.record(signed_in.in_session(&caller.session));
        let mut body = auth::tokens_of();
        body["user"] = moment.model.me(&id);
        Ok(Prediction {
            session: Some(caller),
            ..Prediction::new(201, body)
        })
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        model::agrees(prediction, answer.status, &answer.body)?;
        auth::speaks_for(prediction, answer)
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        auth::remember(answer, memory);
    }
}
