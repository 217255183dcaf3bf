//! What moderators and admins do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::conditional::{self, Seen};
use super::lists::{self, NextPage};
use super::{Answer, Call, Choice, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{Caller, Event, Prediction, Status, User};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/admin/users",
    sites: &[Site::reading("admin.list")],
    weight: 3,
    draw: |choice| {
        let status = ["", "active", "suspended"][choice.chaos.pick(3)];
        let list = format!("/admin/users?status={status}");
        let list = list.trim_end_matches("?status=").to_owned();
        let named = choice.chaos.happens(0.2).then(|| somebody(choice));
        let list = named.map_or(list, |name| format!("/admin/users?username={name}"));
        Arc::new(List {
            after: choice.next_page(&list),
            limit: choice.limit(),
            path: list,
        })
    },
    ..USUAL
};

pub const CHANGE: Scenario = Scenario {
    route: "PATCH /api/v1/admin/users/{username}",
    sites: &[Site::writing("admin.change")],
    weight: 6,
    draw: |choice| {
        let chaos = choice.chaos;
        let path = format!("/admin/users/{}", somebody(choice));
        let one_of = |words: &[&'static str]| words[chaos.pick(words.len())];
        let status = chaos
            .happens(0.3)
            .then(|| one_of(&["active", "active", "suspended"]));
        let plan = chaos.happens(0.4).then(|| one_of(&["free", "pro"]));
        let must = status.is_none() && plan.is_none();
        let role =
            (must || chaos.happens(0.4)).then(|| one_of(&["user", "moderator", "admin", "admin"]));
        Arc::new(Change {
            seen: choice.seen(&path),
            path,
            role,
            status,
            plan,
        })
    },
    ..USUAL
};

/// Mostly anybody, often oneself, and sometimes nobody.
fn somebody(choice: &Choice<'_>) -> String {
    let me = choice.memory.caller.as_ref().map(|caller| &caller.user);
    let me = me.and_then(|id| choice.model.users.get(id));
    match (choice.chaos.below(10), me) {
        (0..3, Some(me)) => me.username.clone(),
        (9, _) => "nobody_at_all".to_owned(),
        _ => choice.username(),
    }
}

/// A page of the accounts.
struct List {
    /// With what picks the entries.
    path: String,
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        let cursor = self.after.as_ref();
        let cursor = cursor.map_or_else(String::new, |next| format!("&cursor={}", next.cursor));
        let (path, limit) = (&self.path, self.limit);
        Call::new("GET", format!("{path}{joint}limit={limit}{cursor}"))
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
        moment.admit_as(caller, &["moderator", "admin"])?;
        let picked = self
            .path
            .split_once('?')
            .and_then(|(_, by)| by.split_once('='));
        let is_picked = |user: &User| match picked {
            Some(("status", status)) => user.status.name() == status,
            Some((_, username)) => user.username == username,
            None => true,
        };
        let model = &moment.model;
        let users = model.users.iter().rev();
        let users = users.filter(|(_, user)| is_picked(user));
        let entries = users.map(|(id, _)| (id.clone(), model.account(id)));
        Ok(lists::prediction(entries.collect()))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        lists::check(prediction, answer, self.after.as_ref(), "id", &[])
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        let next = lists::next(prediction, answer, self.after.as_ref(), "id");
        memory.turn_page(&self.path, next);
    }
}

struct Change {
    path: String,
    /// The account as the client last saw it.
    seen: Option<Seen>,
    role: Option<&'static str>,
    status: Option<&'static str>,
    plan: Option<&'static str>,
}

impl Operation for Change {
    fn call(&self) -> Call {
        let body = json!({"role": self.role, "status": self.status, "plan": self.plan});
        Call {
            if_match: self.seen.as_ref().map(|seen| seen.tag.clone()),
            ..Call::new("PATCH", self.path.clone()).with(body)
        }
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let admin = moment.admit_as(caller, &["admin"])?.user.clone();
        let username = self.path.trim_start_matches("/admin/users/");
        let found = moment.model.by_username(username);
        let (id, before) = found.ok_or_else(Prediction::not_found)?;
        let (id, before) = (id.clone(), before.clone());
        let current = format!("\"{}.", before.standing_version);
        let seen = self.seen.as_ref();
        if seen.is_some_and(|seen| !seen.tag.starts_with(&current)) {
            return Err(Prediction::refusal(412, "precondition_failed"));
        }
        let mut after = before.clone();
        after.role = self.role.unwrap_or(before.role);
        after.plan = self.plan.unwrap_or(before.plan);
        after.status = self.status.map_or(before.status, Status::named);
        after.standing_version += 1;
        let parts = [
            ("role_changed", before.role, after.role),
            ("status_changed", before.status.name(), after.status.name()),
            ("plan_changed", before.plan, after.plan),
        ];
        moment.model.users.insert(id.clone(), after);
        if !moment.model.has_admin() {
            moment.model.users.insert(id, before);
            return Err(Prediction::refusal(409, "last_admin"));
        }
        for (kind, from, to) in parts {
            if from != to {
                let event = Event::about(&id, kind, moment.now).by(&admin);
                moment.record(event.saying(json!({"from": from, "to": to})));
            }
        }
        Ok(Prediction::new(200, moment.model.account(&id)))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(&self.path, answer, memory);
    }
}

pub const AUDIT: Scenario = Scenario {
    route: "GET /api/v1/admin/audit",
    sites: &[Site::reading("audit.list")],
    weight: 3,
    draw: |choice| {
        let kinds = ["signed_out", "refresh_reused", "role_changed", "registered"];
        let list = match choice.chaos.below(4) {
            0 => format!("/admin/audit?kind={}", kinds[choice.chaos.pick(4)]),
            1 => {
                let place = choice.chaos.pick(choice.model.users.len());
                let id = choice.model.users.keys().nth(place).unwrap();
                format!("/admin/audit?account={id}")
            }
            _ => "/admin/audit".to_owned(),
        };
        Arc::new(Audit(List {
            after: choice.next_page(&list),
            limit: choice.limit(),
            path: list,
        }))
    },
    ..USUAL
};

/// A page of the audit log.
struct Audit(List);

impl Operation for Audit {
    fn call(&self) -> Call {
        self.0.call()
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
        moment.admit_as(caller, &["admin"])?;
        let list = &self.0.path;
        let picked = list.split_once('?').and_then(|(_, by)| by.split_once('='));
        let is_picked = |event: &Event| match picked {
            Some(("kind", kind)) => event.kind == kind,
            Some((_, account)) => event.account.as_deref() == Some(account),
            None => true,
        };
        let model = &moment.model;
        let events = model.events.iter().rev();
        let events = events.filter(|(_, event)| is_picked(event));
        let entries = events.map(|(id, _)| (id.clone(), model.event(id)));
        Ok(lists::prediction(entries.collect::<Vec<(String, Value)>>()))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        self.0.check(prediction, answer)
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        self.0.remember(prediction, answer, memory);
    }
}
