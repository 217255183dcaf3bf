//! Likes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, BURY, Call, HANDLED_BY_THE_SWEEP, LIKE_JOB, Moment, Operation, Scenario};
use crate::model::{Caller, Id, Model, Prediction, Status};

pub const LIKE: Scenario = Scenario {
    route: "PUT /api/v1/posts/{id}/like",
    sites: &["likes.like"],
    leads_to: &[LIKE_JOB, HANDLED_BY_THE_SWEEP, BURY],
    weight: 30,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(Like(choice.post())),
};

pub const UNLIKE: Scenario = Scenario {
    route: "DELETE /api/v1/posts/{id}/like",
    sites: &["likes.unlike"],
    leads_to: &[],
    weight: 12,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(Unlike(choice.post())),
};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}/likes",
    sites: &["likes.list"],
    leads_to: &[],
    weight: 5,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(List(choice.post())),
};

struct Like(Id);

/// The guard, and whether the post is visible.
fn admit(model: &Model, caller: &Caller, post: &str) -> Result<(), Prediction> {
    model.guard(caller)?;
    if model.may_see(Some(&caller.user), post) {
        Ok(())
    } else {
        Err(Prediction::not_found())
    }
}

impl Operation for Like {
    fn call(&self) -> Call {
        Call::new("PUT", format!("/posts/{}/like", self.0))
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = admit(moment.model, caller, &self.0) {
            return refusal;
        }
        moment.jobs.extend(moment.model.like(caller, &self.0));
        let count = moment.model.like_count(&self.0);
        Prediction::new(200, json!({"liked": true, "like_count": count}))
    }
}

struct Unlike(Id);

impl Operation for Unlike {
    fn call(&self) -> Call {
        Call::new("DELETE", format!("/posts/{}/like", self.0))
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = admit(moment.model, caller, &self.0) {
            return refusal;
        }
        moment.model.unlike(caller, &self.0);
        let count = moment.model.like_count(&self.0);
        Prediction::new(200, json!({"liked": false, "like_count": count}))
    }
}

struct List(Id);

impl Operation for List {
    fn call(&self) -> Call {
        Call::new("GET", format!("/posts/{}/likes?limit=100", self.0))
    }

    fn writes(&self) -> bool {
        false
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let model = &moment.model;
        if let Some(refusal) = caller.and_then(|caller| model.guard(caller).err()) {
            return refusal;
        }
        let viewer = caller.map(|caller| caller.user.as_str());
        if !model.may_see(viewer, &self.0) {
            return Prediction::not_found();
        }
        let visible = model.likers(&self.0).filter(|liker| {
            model.users[*liker].status == Status::Active
                && viewer.is_none_or(|viewer| !model.blocked_between(liker, viewer))
        });
        Prediction::new(200, json!({"likers": visible.collect::<BTreeSet<_>>()}))
    }

    /// The list is complete, in whichever order: there are fewer people than a page holds.
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        let listed = answer.body["data"].as_array().cloned().unwrap_or_default();
        let ids: BTreeSet<_> = listed
            .iter()
            .filter_map(|person| person["id"].as_str())
            .collect();
        let seen = Answer {
            body: match answer.status {
                200 if ids.len() == listed.len() => json!({"likers": ids}),
                200 => Value::from("somebody is listed twice"),
                _ => answer.body.clone(),
            },
            ..answer.clone()
        };
        super::agrees(prediction, &seen)
    }
}
