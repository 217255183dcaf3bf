//! Posts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::lists::{self, NextPage};
use super::{
    Answer, Call, Memory, Moment, Operation, POST_DELETED_JOB, Scenario, Site, USUAL, page_call,
};
use crate::model::{Caller, Id, NewPost, Post, Prediction};

const PATH: &str = "/posts";

pub const CREATE: Scenario = Scenario {
    route: "POST /api/v1/posts",
    sites: &[Site::writing("posts.create")],
    weight: 9,
    draw: |choice| {
        Arc::new(Create(NewPost {
            caption: format!("Number {}", choice.number),
            followers_only: choice.chaos.happens(0.4),
        }))
    },
    ..USUAL
};

pub const READ: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}",
    sites: &[Site::reading("posts.read")],
    weight: 8,
    draw: |choice| Arc::new(Read(choice.post())),
    ..USUAL
};

pub const DELETE: Scenario = Scenario {
    route: "DELETE /api/v1/posts/{id}",
    sites: &[Site::writing("posts.delete")],
    leads_to: &[POST_DELETED_JOB],
    draw: |choice| {
        let own = choice.own_post().filter(|_| choice.chaos.happens(0.6));
        Arc::new(Delete(own.unwrap_or_else(|| choice.post())))
    },
    ..USUAL
};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/posts",
    sites: &[Site::reading("posts.list")],
    weight: 8,
    draw: |choice| {
        Arc::new(List {
            after: choice.next_page(PATH),
            limit: choice.limit(),
        })
    },
    ..USUAL
};

struct Create(NewPost);

impl Operation for Create {
    fn call(&self) -> Call {
        let visibility = if self.0.followers_only {
            "followers"
        } else {
            "public"
        };
        Call::new("POST", PATH).with(json!({
            "caption": self.0.caption, "visibility": visibility,
        }))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        // A client that asks again makes another post with the same caption.
        let ids = moment.ids("select id from posts where caption = ?1", &self.0.caption);
        let known = &moment.model.posts;
        let new: Vec<_> = ids
            .into_iter()
            .filter(|id| !known.contains_key(id))
            .collect();
        let [id] = &new[..] else {
            return Err(Prediction::new(201, json!({"new posts": new})));
        };
        let post = Post::root(&caller.user, &self.0, moment.now);
        moment.model.publish(id.clone(), post);
        Ok(Prediction::new(
            201,
            moment.model.post(Some(&caller.user), id),
        ))
    }
}

struct Read(Id);

impl Operation for Read {
    fn call(&self) -> Call {
        Call::new("GET", format!("/posts/{}", self.0))
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
        if moment.model.may_see(viewer, &self.0) {
            Ok(Prediction::new(200, moment.model.post(viewer, &self.0)))
        } else {
            Err(Prediction::not_found())
        }
    }
}

struct Delete(Id);

impl Operation for Delete {
    fn call(&self) -> Call {
        Call::new("DELETE", format!("/posts/{}", self.0))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        if !moment.model.may_see(Some(&caller.user), &self.0) {
            return Err(Prediction::not_found());
        }
        if moment.model.posts[&self.0].author != caller.user {
            return Err(Prediction::refusal(403, "not_the_author"));
        }
        let task = moment.model.delete(&self.0);
        moment.tasks.push(task);
        Ok(Prediction::new(204, Value::Null))
    }
}

/// A page of the public list.
struct List {
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        page_call(PATH, self.after.as_ref(), self.limit)
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
        let public = model.posts.iter().rev().filter(|(id, post)| {
            post.reply_to.is_none() && !post.followers_only && model.may_see(viewer, id)
        });
        let entries = public.map(|(id, _)| (id.clone(), model.post(viewer, id)));
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
