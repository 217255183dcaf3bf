//! Posts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::conditional::{self, Seen};
use super::{
    Answer, Call, Choice, Memory, Moment, Operation, POST_DELETED_JOB, Scenario, Site, TELL_JOB,
    USUAL,
};
use crate::model::{
    self, Caller, Event, Id, MODERATION, NewPost, News, Post, Prediction, Recorded, Task,
};

const PATH: &str = "/posts";

pub const CREATE: Scenario = Scenario {
    route: "POST /api/v1/posts",
    sites: &[
        Site::writing("posts.create"),
        Site::reading("posts.create: replay"),
    ],
    leads_to: &[TELL_JOB],
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
                    known.request[1]["caption"].as_str().unwrap().to_owned(),
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
                caption: caption.unwrap_or_else(|| caption_of(choice, "Number")),
                followers_only: chaos.happens(0.4),
            },
            parent: None,
            by_path: false,
            key: keyed.then_some(key),
            quoted: chaos.happens(0.5),
        })
    },
    ..USUAL
};

/// Words that nobody has used, some of them hashtags and names.
fn caption_of(choice: &Choice<'_>, what: &str) -> String {
    let mut caption = format!("{what} {}", choice.number);
    for tag in ["#one", "#Two", "#drei"] {
        if choice.chaos.happens(0.3) {
            caption = format!("{caption} {tag}");
        }
    }
    while choice.chaos.happens(0.3) {
        caption = format!("{caption} @{}", choice.username());
    }
    caption
}

pub const COMMENT: Scenario = Scenario {
    route: "POST /api/v1/posts/{id}/comments",
    sites: &[Site::writing("posts.comment")],
    leads_to: &[TELL_JOB],
    weight: 14,
    draw: |choice| {
        Arc::new(Create {
            post: NewPost {
                caption: caption_of(choice, "Comment"),
                followers_only: false,
            },
            parent: Some(choice.post()),
            by_path: choice.chaos.happens(0.6),
            key: None,
            quoted: false,
        })
    },
    ..USUAL
};

pub const EDIT: Scenario = Scenario {
    route: "PUT /api/v1/posts/{id}",
    sites: &[Site::writing("posts.update")],
    leads_to: &[TELL_JOB],
    weight: 8,
    draw: |choice| {
        let own = choice.own_post().filter(|_| choice.chaos.happens(0.8));
        let post = own.unwrap_or_else(|| choice.post());
        let said = choice.model.posts.get(&post);
        let same = said.filter(|post| post.is_there() && choice.chaos.happens(0.2));
        Arc::new(Edit {
            caption: same.map_or_else(|| caption_of(choice, "Edited"), |post| post.caption.clone()),
            seen: choice.seen(&format!("/posts/{post}")),
            post,
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
    leads_to: &[POST_DELETED_JOB, TELL_JOB],
    draw: |choice| {
        let own = choice.own_post().filter(|_| choice.chaos.happens(0.6));
        Arc::new(Delete(own.unwrap_or_else(|| choice.post())))
    },
    ..USUAL
};

struct Create {
    post: NewPost,
    /// The post that it comments on.
    parent: Option<Id>,
    /// Whether that is said by the path.
    by_path: bool,
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
        match &self.parent {
            Some(_) if self.by_path => json!({"caption": self.post.caption}),
            Some(parent) => json!({"caption": self.post.caption, "reply_to": parent}),
            None => json!({"caption": self.post.caption, "visibility": visibility}),
        }
    }

    fn path(&self) -> String {
        match &self.parent {
            Some(parent) if self.by_path => format!("{PATH}/{parent}/comments"),
            _ => PATH.to_owned(),
        }
    }

    /// What a key stands for.
    fn request(&self) -> Value {
        json!([self.path(), self.body()])
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
            ..Call::new("POST", self.path()).with(self.body())
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
            if known.request != self.request() {
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
        if let Some(parent) = &self.parent
            && !moment.model.may_join(Some(&caller.user), parent)
        {
            return Err(if self.by_path {
                Prediction::not_found()
            } else {
                Prediction::invalid("/reply_to", "invalid_value")
            });
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
        let post = match &self.parent {
            None => Post::root(&caller.user, &self.post, moment.now),
            Some(parent) => {
                let to = &moment.model.posts[parent];
                Post::reply(parent, to, &caller.user, &self.post.caption, moment.now)
            }
        };
        moment.model.publish(id.clone(), post);
        moment.tasks = moment.model.news_of(id, &[]);
        moment.tasks.extend(moment.model.news_of_answer(id));
        let answer = moment.model.post(Some(&caller.user), id);
        if let Some(key) = key {
            let recorded = Recorded {
                request: self.request(),
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
        if moment.model.may_see_what_is_left(viewer, &self.post) {
            let shown = moment.model.post_or_stub(viewer, &self.post);
            Ok(Prediction::new(200, shown))
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
        let model = &mut *moment.model;
        let moderates = model.users[&caller.user].role != "user";
        let is_there = model.posts.get(&self.0).is_some_and(Post::is_there);
        if !(model.may_see(Some(&caller.user), &self.0) || moderates && is_there) {
            return Err(Prediction::not_found());
        }
        if model.posts[&self.0].author != caller.user && !moderates {
            return Err(Prediction::refusal(403, "not_the_author"));
        }
        take_away(moment, &self.0, &caller.user);
        Ok(Prediction::new(204, Value::Null))
    }
}

/// What it does that somebody who may takes away a post that is there: its author, or a moderator.
pub fn take_away(moment: &mut Moment<'_>, post: &Id, by: &Id) {
    let author = moment.model.posts[post].author.clone();
    let own = author == *by;
    let tidying = moment.model.take_away(post, own);
    moment.tasks.push(tidying);
    if !own {
        let removed = Event::about(&author, "post_removed", moment.now).by(by);
        moment.record(removed.saying(json!({"post_id": post})));
        moment.tasks.push(Task::Tell(News {
            kind: MODERATION,
            post: Some(post.clone()),
            actor: None,
            recipient: author,
        }));
    }
}

struct Edit {
    post: Id,
    caption: String,
    /// The post that the client changes, as it saw it.
    seen: Option<Seen>,
}

impl Operation for Edit {
    fn call(&self) -> Call {
        Call {
            if_match: self.seen.as_ref().map(|seen| seen.tag.clone()),
            ..Call::new("PUT", format!("/posts/{}", self.post))
                .with(json!({"caption": self.caption}))
        }
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let model = &mut *moment.model;
        if !model.may_join(Some(&caller.user), &self.post) {
            return Err(Prediction::not_found());
        }
        let post = &model.posts[&self.post];
        if post.author != caller.user {
            return Err(Prediction::refusal(403, "not_the_author"));
        }
        let current = format!("\"{}.", post.version);
        let seen = self.seen.as_ref();
        if seen.is_some_and(|seen| !seen.tag.starts_with(&current)) {
            return Err(Prediction::refusal(412, "precondition_failed"));
        }
        if post.caption != self.caption {
            let before = post.mentions();
            model.edit(&self.post, &self.caption, moment.now);
            moment.tasks = model.news_of(&self.post, &before);
        }
        let shown = moment.model.post(Some(&caller.user), &self.post);
        Ok(Prediction::new(200, shown))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(&format!("/posts/{}", self.post), answer, memory);
    }
}
