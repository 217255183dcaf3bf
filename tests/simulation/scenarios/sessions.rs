//! One's own sessions: the list of them, and the end of one.

use std::sync::Arc;

use serde_json::json;

use super::lists::{self, NextPage};
use super::{Answer, Call, Choice, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{Caller, Event, Id, Prediction};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/auth/sessions",
    sites: &[Site::reading("auth.sessions")],
    weight: 4,
    draw: |choice| {
        Arc::new(List {
            after: choice.next_page(PATH),
            limit: choice.limit(),
        })
    },
    ..USUAL
};

pub const END: Scenario = Scenario {
    route: "DELETE /api/v1/auth/sessions/{id}",
    sites: &[Site::writing("auth.end_session")],
    weight: 3,
    draw: |choice| Arc::new(End(draw_session(choice))),
    ..USUAL
};

const PATH: &str = "/auth/sessions";

/// Mostly one of one's own, dead or alive; sometimes another's, and now and then none at all.
fn draw_session(choice: &Choice<'_>) -> Id {
    let me = choice.memory.caller.as_ref().map(|caller| &caller.user);
    let any = choice.chaos.happens(0.2);
    let sessions = choice.model.sessions.iter();
    let sessions = sessions.filter(|(_, session)| any || Some(&session.user) == me);
    let sessions: Vec<_> = sessions.map(|(id, _)| id).collect();
    if sessions.is_empty() || choice.chaos.happens(0.05) {
        return "01890000-0000-7000-8000-000000000000".to_owned();
    }
    sessions[choice.chaos.pick(sessions.len())].clone()
}

struct List {
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        super::page_call(PATH, self.after.as_ref(), self.limit)
    }

    fn writes(&self) -> bool {
        false
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let sessions = moment.model.sessions.iter().rev();
        let live = sessions
            .filter(|(_, session)| session.user == caller.user && session.is_alive(moment.now));
        let entries = live.map(|(id, session)| {
            let shown = json!({
                "id": id,
                "user_agent": session.user_agent,
                "created_at": session.created_at,
                "last_used_at": session.renewed_at,
                "current": *id == caller.session,
            });
            (id.clone(), shown)
        });
        Ok(lists::prediction(entries.collect()))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        lists::check(prediction, answer, self.after.as_ref(), "id", &[])
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        let next = lists::next(prediction, answer, self.after.as_ref(), "id");
        memory.turn_page(PATH, next);
    }
}

struct End(Id);

impl Operation for End {
    fn call(&self) -> Call {
        Call::new("DELETE", format!("{PATH}/{}", self.0))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let now = moment.now;
        let session = moment.model.sessions.get_mut(&self.0);
        let session = session
            .filter(|session| session.user == caller.user && session.is_alive(now))
            .ok_or_else(Prediction::not_found)?;
        session.lives = false;
        let event = Event::about(&caller.user, "session_ended", now).by(&caller.user);
        moment.record(event.in_session(&self.0));
        Ok(Prediction::new(204, json!(null)))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        let own = memory.caller.as_ref().map(|caller| &caller.session);
        if answer.status == 204 && own == Some(&self.0) {
            memory.of_another(None, None);
        }
    }
}
