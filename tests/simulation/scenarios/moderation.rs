//! What people report, and what moderators do about it.

use std::sync::Arc;

use serde_json::json;

use super::lists::{self, NextPage};
use super::posts::take_away;
use super::{
    Answer, Call, Choice, Memory, Moment, Operation, POST_DELETED_JOB, Scenario, Site, TELL_JOB,
    USUAL,
};
use crate::model::{
    Caller, Event, Id, Limited, MODERATION, News, Prediction, Report as Made, Resolution, Status,
    Task, User,
};

pub const REPORT: Scenario = Scenario {
    route: "POST /api/v1/reports",
    sites: &[Site::writing("moderation.report")],
    weight: 6,
    draw: |choice| {
        let of_post = choice.chaos.happens(0.5);
        Arc::new(Report {
            post: of_post.then(|| choice.post()),
            username: (!of_post).then(|| choice.username()),
            reason: ["spam", "abuse", "nudity", "other"][choice.chaos.pick(4)],
        })
    },
    ..USUAL
};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/admin/reports",
    sites: &[Site::reading("moderation.list")],
    weight: 3,
    draw: |choice| {
        let status = ["open", "resolved"][choice.chaos.pick(2)];
        let list = format!("/admin/reports?status={status}");
        Arc::new(List {
            after: choice.next_page(&list),
            limit: choice.limit(),
            path: list,
        })
    },
    ..USUAL
};

pub const RESOLVE: Scenario = Scenario {
    route: "POST /api/v1/admin/reports/{id}/resolve",
    sites: &[Site::writing("moderation.resolve")],
    leads_to: &[TELL_JOB, POST_DELETED_JOB],
    weight: 6,
    draw: |choice| {
        Arc::new(Resolve {
            report: report(choice),
            action: ["dismiss", "suspend", "warn", "remove_post"][choice.chaos.pick(4)],
            note: ["", "Looked at."][choice.chaos.pick(2)],
        })
    },
    ..USUAL
};

/// Mostly one that is open, and sometimes one that nobody made.
fn report(choice: &Choice<'_>) -> Id {
    let any = choice.chaos.happens(0.2);
    let reports = choice.model.reports.iter().rev();
    let reports = reports.filter(|(_, report)| any || report.resolution.is_none());
    let ids: Vec<_> = reports.map(|(id, _)| id).take(3).collect();
    let found = ids.get(choice.chaos.pick(ids.len().max(1)));
    found.map_or_else(
        || "01890000-0000-7000-8000-000000000000".to_owned(),
        |id| (*id).clone(),
    )
}

/// A report of a post or of a person.
struct Report {
    post: Option<Id>,
    username: Option<String>,
    reason: &'static str,
}

impl Operation for Report {
    fn call(&self) -> Call {
        let body = json!({"post_id": self.post, "username": self.username, "reason": self.reason});
        Call::new("POST", "/reports").with(body)
    }

    fn is_counted_for(&self, caller: Option<&Caller>, _: &str, subject: &str) -> bool {
        caller.is_some_and(|caller| subject == caller.user)
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let me = moment.admit(caller)?.user.clone();
        let before = moment.model.counts.clone();
        let subject = [(Limited::ReportAccount, me.as_str())];
        moment.model.count(&subject, moment.now)?;
        let model = &moment.model;
        let seen = |id: &Id, user: &User| {
            let blocked = model.blocks.contains_key(&(id.clone(), me.clone()));
            (user.status == Status::Active && !blocked).then(|| id.clone())
        };
        let account = match (&self.post, &self.username) {
            (Some(post), _) => model
                .may_report(&me, post)
                .then(|| model.posts[post].author.clone()),
            (None, Some(username)) => model
                .by_username(username)
                .and_then(|(id, user)| seen(id, user)),
            (None, None) => None,
        };
        let refusal = match &account {
            None => Some(Prediction::not_found()),
            Some(account) if *account == me => Some(Prediction::refusal(403, "own_report")),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            moment.model.counts = before;
            return Err(refusal);
        }
        let account = account.unwrap_or_default();
        let known = model.open_report(&me, &account, self.post.as_ref());
        if let Some(id) = known {
            return Ok(Prediction::new(201, model.report(id)));
        }
        let ids = moment.ids("select id from reports where reporter_id = ?1", &me);
        let mut new = ids
            .into_iter()
            .filter(|id| !moment.model.reports.contains_key(id));
        let id = new.next().unwrap_or_else(|| "not stored".to_owned());
        let made = Made {
            reporter: me,
            account,
            post: self.post.clone(),
            reason: self.reason,
            created_at: moment.now,
            resolution: None,
        };
        moment.model.reports.insert(id.clone(), made);
        Ok(Prediction::new(201, moment.model.report(&id)))
    }
}

/// A page of the reports.
struct List {
    /// With what picks the entries.
    path: String,
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        let cursor = self.after.as_ref();
        let cursor = cursor.map_or_else(String::new, |next| format!("&cursor={}", next.cursor));
        let (path, limit) = (&self.path, self.limit);
        Call::new("GET", format!("{path}&limit={limit}{cursor}"))
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
        let open = self.path.ends_with("open");
        let model = &moment.model;
        let reports = model.reports.iter().rev();
        let reports = reports.filter(|(_, report)| report.resolution.is_none() == open);
        let entries = reports.map(|(id, _)| (id.clone(), model.moderated_report(id)));
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

struct Resolve {
    report: Id,
    action: &'static str,
    note: &'static str,
}

impl Operation for Resolve {
    fn call(&self) -> Call {
        let body = json!({"action": self.action, "note": self.note});
        Call::new("POST", format!("/admin/reports/{}/resolve", self.report)).with(body)
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let me = moment.admit_as(caller, &["moderator", "admin"])?;
        let me = me.user.clone();
        let model = &mut *moment.model;
        let report = model.reports.get(&self.report).cloned();
        let mut report = report.ok_or_else(Prediction::not_found)?;
        if report.resolution.is_some() {
            return Err(Prediction::refusal(409, "report_resolved"));
        }
        let (account, post) = (report.account.clone(), report.post.clone());
        if self.action == "remove_post" && post.is_none() {
            return Err(Prediction::invalid("/action", "invalid_value"));
        }
        let suspends = self.action == "suspend";
        let may_suspend = account != me
            && (model.users[&account].role == "user" || model.users[&me].role == "admin");
        if suspends && !may_suspend {
            return Err(Prediction::refusal(403, "role_required"));
        }
        report.resolution = Some(Resolution {
            action: self.action,
            note: self.note,
            by: me.clone(),
            at: moment.now,
        });
        model.reports.insert(self.report.clone(), report);
        let event = Event::about(&account, "report_resolved", moment.now).by(&me);
        let details = json!({"report_id": self.report, "action": self.action, "post_id": post});
        moment.record(event.saying(details));
        let suspended = moment.model.users.get_mut(&account);
        if let Some(user) = suspended.filter(|user| suspends && user.status == Status::Active) {
            user.status = Status::Suspended;
            user.standing_version += 1;
            let event = Event::about(&account, "status_changed", moment.now).by(&me);
            moment.record(event.saying(json!({"from": "active", "to": "suspended"})));
        }
        match (self.action, post) {
            ("warn", post) => moment.tasks.push(Task::Tell(News {
                kind: MODERATION,
                post,
                actor: None,
                recipient: account,
            })),
            ("remove_post", Some(post)) if moment.model.posts[&post].is_there() => {
                take_away(moment, &post, &me);
            }
            _ => {}
        }
        let answer = moment.model.moderated_report(&self.report);
        Ok(Prediction::new(200, answer))
    }
}
