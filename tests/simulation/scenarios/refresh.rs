//! Renewing a session: by the newest token, by the one before it, by those that were used up, and by
//! what Kith never issued.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Answer, Call, Choice, Memory, Moment, Operation, Scenario, Site, USUAL, auth};
use crate::chaos::Chaos;
use crate::model::{self, Caller, Event, Prediction};
use crate::refresh_tokens::{self, RefreshToken};

pub const REFRESH: Scenario = Scenario {
    route: "POST /api/v1/auth/refresh",
    sites: &[Site::writing("auth.refresh")],
    weight: 6,
    draw: |choice| {
        let text = draw_token(choice);
        Arc::new(Refresh {
            token: refresh_tokens::genuine(&text),
            text,
        })
    },
    ..USUAL
};

/// Mostly the newest that the client knows, and sometimes one that it has used.
fn draw_token(choice: &Choice<'_>) -> String {
    let known = &choice.memory.refresh_tokens;
    match (choice.chaos.below(20), &known[..]) {
        (_, []) => "nobody.1.s.Y29kZQ".to_owned(),
        // Of another generation, under the code of its own.
        (0, [.., newest]) => newest.replacen('.', ".1", 1),
        (1..13, [.., newest]) => newest.clone(),
        (13..18, [.., parent, _]) => parent.clone(),
        (_, known) => known[choice.chaos.pick(known.len())].clone(),
    }
}

struct Refresh {
    text: String,
    /// Nothing if Kith did not issue it.
    token: Option<RefreshToken>,
}

impl Operation for Refresh {
    fn call(&self) -> Call {
        Call::new("POST", "/auth/refresh").with(json!({"refresh_token": self.text}))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn looks_at_token(&self) -> bool {
        false
    }

    /// To the millisecond where a token that was used stops to be harmless: on its way the request takes a
    /// few milliseconds, never the same.
    fn asks_again_after(&self, chaos: &Chaos) -> Option<Duration> {
        let edge = Duration::from_millis(9_982 + chaos.below(16));
        chaos.happens(0.3).then_some(edge)
    }

    fn refusal(&self) -> Option<Prediction> {
        let refused = || Prediction::refusal(401, "invalid_refresh_token");
        self.token.is_none().then(refused)
    }

    fn happen(
        &self,
        _: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let unasked = || Prediction::new(401, json!("refused without the database"));
        let parent = self.token.as_ref().ok_or_else(unasked)?;
        // Isolates may disagree about which key comes first; the database tells whose was taken.
        let stored = auth::newest_token(moment, &parent.session);
        let children = parent.children();
        let child = |hash: &str| children.iter().find(|child| child.hash() == *hash);
        let offered = child(&stored).map(RefreshToken::hash).unwrap_or_default();
        let lived = moment.model.sessions.get(&parent.session);
        let lived = lived.filter(|session| session.lives);
        let owner = lived.map(|session| session.user.clone());
        let redeemed = moment.model.redeem(parent, offered, moment.now);
        let ended = moment.model.sessions.get(&parent.session);
        if let (Some(owner), Some(false)) = (owner, ended.map(|session| session.lives)) {
            let event = Event::about(&owner, "refresh_reused", moment.now);
            moment.record(event.in_session(&parent.session));
        }
        let (caller, newest) = redeemed?;
        let unknown = || Prediction::new(200, json!("a token that the parent does not lead to"));
        let child = child(&newest).ok_or_else(unknown)?;
        Ok(Prediction {
            session: Some(caller),
            refresh_token: Some(Box::new(child.clone())),
            ..Prediction::new(200, auth::tokens_of())
        })
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        model::agrees(prediction, answer.status, &answer.body)?;
        auth::speaks_for(prediction, answer)
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        let code = answer.body["code"].as_str();
        if matches!(code, Some("refresh_reused" | "session_ended")) {
            memory.of_another(None, None);
        }
        let text = |name: &str| answer.body[name].as_str().map(str::to_owned);
        let (Some(access), Some(refresh)) = (text("access_token"), text("refresh_token")) else {
            return;
        };
        memory.token = Some(access);
        if !memory.refresh_tokens.contains(&refresh) {
            memory.refresh_tokens.push(refresh);
        }
    }
}
