//! Posts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::conditional::{self, Seen};
use super::lists::{self, NextPage};
use super::{
    Answer, Call, Memory, Moment, Operation, POST_DELETED_JOB, Scenario, Site, USUAL, page_call,
};
use crate::model::{self, Caller, Id, NewPost, Post, Prediction, Recorded};

const PATH: &str = "/posts";

pub const CREATE: Scenario = Scenario {
    route: "POST /api/v1/posts",
    sites: &[
        Site::writing("posts.create"),
        Site::reading("posts.create: replay"),
    ],
    weight: 9,
    draw: |choice| {
        let chaos = choice.chaos;
        let replays = chaos.focus.site == "posts.create: replay";
        let keyed = replays || chaos.happens(0.6);
        // Some use a key again, for the same request or for another, and some another's.
        let used = choice.model.keys.iter().rev().take(3);
        let used = used
            .filter(|_| chaos.happens(if replays { 0.6 } else { 0.15 }))
            .map(|((_, key), known)| {
                (
                    key.clone(),
                    known.request["caption"].as_str().unwrap().to_owned(),
                )
            });
        let used: Vec<_> = used.collect();
        let (key, caption) = match used.first() {
            Some((key, caption)) if keyed => (key.clone(), Some(caption.clone())),
            _ => (format!("key-{}", choice.number), None),
        };
        let caption = caption.filter(|_| chaos.happens(0.5));
        Arc::new(Create {
            post: NewPost {
                caption: caption.unwrap_or_else(|| format!("Number {}", choice.number)),
                followers_only: chaos.happens(0.4),
            },
            key: keyed.then_some(key),
            quoted: chaos.happens(0.5),
        })
    },
    ..USUAL
};

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

pub const READ: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}",
    sites: &[Site::reading("posts.read")],
    weight: 8,
    draw: |choice| {
        let post = choice.post();
        let known = choice.seen(&format!("/posts/{post}"));
        Arc::new(Read { post, known })
    },
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

struct Create {
    post: NewPost,
    key: Option<String>,
    /// Whether the key is sent in quotes, which is the same key.
    quoted: bool,
}

impl Create {
    fn body(&self) -> Value {
        let followers_only = self.post.followers_only;
        let visibility = if followers_only {
            "followers"
        } else {
            "public"
        };
        json!({"caption": self.post.caption, "visibility": visibility})
    }
}

impl Operation for Create {
    fn call(&self) -> Call {
        let quote = |key: &String| {
            if self.quoted {
                format!("\"{key}\"")
            } else {
                key.clone()
            }
        };
        Call {
            idempotency_key: self.key.as_ref().map(quote),
            ..Call::new("POST", PATH).with(self.body())
        }
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        trip: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let key = self.key.clone().map(|key| (caller.user.clone(), key));
        let known = key.as_ref().and_then(|key| moment.model.keys.get(key));
        if let Some(known) = known.filter(|known| known.at.plus(REMEMBERED) > moment.now) {
            if known.request != self.body() {
                return Err(Prediction::refusal(422, "idempotency_key_reused"));
            }
            return Ok(Prediction {
                replayed: true,
                ..Prediction::new(201, known.answer.clone())
            });
        }
        if trip > 0 {
            // There was nothing to replay. Kith counts the day from one moment for both trips.
            return Err(Prediction::new(0, json!("no second trip")));
        }
        // A client that asks again without a key makes another post with the same caption.
        let ids = moment.ids(
            "select id from posts where caption = ?1",
            &self.post.caption,
        );
        let posts = &moment.model.posts;
        let new: Vec<_> = ids
            .into_iter()
            .filter(|id| !posts.contains_key(id))
            .collect();
        let [id] = &new[..] else {
            return Err(Prediction::new(201, json!({"new posts": new})));
        };
        let post = Post::root(&caller.user, &self.post, moment.now);
        moment.model.publish(id.clone(), post);
        let answer = moment.model.post(Some(&caller.user), id);
        if let Some(key) = key {
            let recorded = Recorded {
                request: self.body(),
                answer: answer.clone(),
                at: moment.now,
            };
            moment.model.keys.insert(key, recorded);
        }
        Ok(Prediction::new(201, answer))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        if answer.replayed != prediction.replayed {
            return Err(format!("says that it is a replay: {}", answer.replayed));
        }
        model::agrees(prediction, answer.status, &answer.body)
    }
}

struct Read {
    post: Id,
    known: Option<Seen>,
}

impl Operation for Read {
    fn call(&self) -> Call {
        Call {
            if_none_match: self.known.as_ref().map(|known| known.tag.clone()),
            ..Call::new("GET", format!("/posts/{}", self.post))
        }
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
        if moment.model.may_see(viewer, &self.post) {
            Ok(Prediction::new(200, moment.model.post(viewer, &self.post)))
        } else {
            Err(Prediction::not_found())
        }
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        conditional::check(prediction, answer, self.known.as_ref())
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(&self.call().path, answer, memory);
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
