//! Likes.

use std::sync::Arc;

use serde_json::json;

use super::lists::{self, NextPage};
use super::{
    Answer, BURY, Call, HANDLED_BY_THE_SWEEP, Memory, Moment, Operation, Scenario, Site, TELL_JOB,
    USUAL,
};
use crate::model::{Caller, Id, Prediction, Status};

pub const LIKE: Scenario = Scenario {
    route: "PUT /api/v1/posts/{id}/like",
    sites: &[Site::writing("likes.like")],
    leads_to: &[TELL_JOB, HANDLED_BY_THE_SWEEP, BURY],
    weight: 30,
    draw: |choice| Arc::new(Like(choice.post())),
    ..USUAL
};

pub const UNLIKE: Scenario = Scenario {
    route: "DELETE /api/v1/posts/{id}/like",
    sites: &[Site::writing("likes.unlike")],
    weight: 12,
    draw: |choice| Arc::new(Unlike(choice.post())),
    ..USUAL
};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}/likes",
    sites: &[Site::reading("likes.list")],
    weight: 7,
    draw: |choice| {
        // Who pages on does so in the list where they are.
        let begun = choice
            .memory
            .pages
            .keys()
            .find(|list| list.ends_with("/likes"));
        let begun = begun.filter(|_| choice.chaos.happens(0.6)).cloned();
        let list = begun.unwrap_or_else(|| format!("/posts/{}/likes", choice.post()));
        Arc::new(List {
            after: choice.next_page(&list),
            path: list,
            limit: choice.limit(),
        })
    },
    ..USUAL
};

struct Like(Id);

impl Operation for Like {
    fn call(&self) -> Call {
        Call::new("PUT", format!("/posts/{}/like", self.0))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        if !moment.model.may_join(Some(&caller.user), &self.0) {
            return Err(Prediction::not_found());
        }
        let task = moment.model.like(caller, &self.0, moment.now);
        moment.tasks.extend(task);
        let count = moment.model.like_count(&self.0);
        Ok(Prediction::new(
            200,
            json!({"liked": true, "like_count": count}),
        ))
    }
}

struct Unlike(Id);

impl Operation for Unlike {
    fn call(&self) -> Call {
        Call::new("DELETE", format!("/posts/{}/like", self.0))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let me = Some(caller.user.as_str());
        // A like may be taken back wherever it is, but the count is told to whom the post is open to.
        let open = moment.model.may_join(me, &self.0);
        if !open && !moment.model.likes_it(me, &self.0) {
            return Err(Prediction::not_found());
        }
        moment.model.unlike(caller, &self.0);
        let count = open.then(|| moment.model.like_count(&self.0));
        Ok(Prediction::new(
            200,
            json!({"liked": false, "like_count": count}),
        ))
    }
}

struct List {
    path: String,
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        super::page_call(&self.path, self.after.as_ref(), self.limit)
    }

    fn open_to_anyone(&self) -> bool {
        true
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
        let viewer = moment.admit_if_signed_in(caller)?;
        let model = &moment.model;
        let post = self.path.split('/').nth(2).unwrap_or_default();
        if !model.may_join(viewer, post) {
            return Err(Prediction::not_found());
        }
        let visible = model.likers(post).into_iter().filter(|(_, liker)| {
            model.users[*liker].status == Status::Active
                && viewer.is_none_or(|viewer| !model.blocked_between(liker, viewer))
        });
        let entries = visible.map(|(key, liker)| (key, model.short(liker)));
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
