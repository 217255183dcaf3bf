//! Posts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Call, Memory, Moment, NextPage, Operation, POST_DELETED_JOB, Scenario};
use crate::model::{Caller, Id, Model, NewPost, Post, Prediction};

pub const CREATE: Scenario = Scenario {
    route: "POST /api/v1/posts",
    sites: &["posts.create"],
    leads_to: &[],
    weight: 8,
    hashes: false,
    reads_flags: false,
    draw: |choice| {
        Arc::new(Create(NewPost {
            caption: format!("Number {}", choice.number),
            followers_only: choice.chaos.happens(0.4),
        }))
    },
};

pub const READ: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}",
    sites: &["posts.read"],
    leads_to: &[],
    weight: 8,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(Read(choice.post())),
};

pub const DELETE: Scenario = Scenario {
    route: "DELETE /api/v1/posts/{id}",
    sites: &["posts.delete"],
    leads_to: &[POST_DELETED_JOB],
    weight: 4,
    hashes: false,
    reads_flags: false,
    draw: |choice| {
        let own = choice.own_post().filter(|_| choice.chaos.happens(0.6));
        Arc::new(Delete(own.unwrap_or_else(|| choice.post())))
    },
};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/posts",
    sites: &["posts.list"],
    leads_to: &[],
    weight: 5,
    hashes: false,
    reads_flags: false,
    draw: |choice| {
        let limit = 1 + choice.chaos.pick(5);
        let after = choice
            .memory
            .page
            .clone()
            .filter(|_| choice.chaos.happens(0.7));
        Arc::new(List { after, limit })
    },
};

/// A post as `viewer` sees it.
fn shown(model: &Model, viewer: Option<&str>, id: &str) -> Value {
    let post = &model.posts[id];
    json!({
        "id": id,
        "author": {"id": post.author, "username": model.users[&post.author].username},
        "caption": post.caption,
        "visibility": if post.followers_only { "followers" } else { "public" },
        "like_count": model.like_count(id),
        "liked": model.likes_it(viewer, id),
        "version": post.version,
    })
}

struct Create(NewPost);

impl Operation for Create {
    fn call(&self) -> Call {
        let visibility = if self.0.followers_only {
            "followers"
        } else {
            "public"
        };
        Call::new("POST", "/posts").with(json!({
            "caption": self.0.caption, "visibility": visibility,
        }))
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        // A client that asks again makes another post with the same caption.
        let ids = moment.ids("select id from posts where caption = ?1", &self.0.caption);
        let known = &moment.model.posts;
        let new: Vec<_> = ids
            .into_iter()
            .filter(|id| !known.contains_key(id))
            .collect();
        let [id] = &new[..] else {
            return Prediction::new(201, json!({"new posts": new}));
        };
        let post = Post::root(&caller.user, &self.0);
        moment.model.publish(id.clone(), post);
        Prediction::new(201, shown(moment.model, Some(&caller.user), id))
    }
}

struct Read(Id);

impl Operation for Read {
    fn call(&self) -> Call {
        Call::new("GET", format!("/posts/{}", self.0))
    }

    fn writes(&self) -> bool {
        false
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        if let Some(refusal) = caller.and_then(|caller| moment.model.guard(caller).err()) {
            return refusal;
        }
        let viewer = caller.map(|caller| caller.user.as_str());
        if moment.model.may_see(viewer, &self.0) {
            Prediction::new(200, shown(moment.model, viewer, &self.0))
        } else {
            Prediction::not_found()
        }
    }
}

struct Delete(Id);

impl Operation for Delete {
    fn call(&self) -> Call {
        Call::new("DELETE", format!("/posts/{}", self.0))
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        if !moment.model.may_see(Some(&caller.user), &self.0) {
            return Prediction::not_found();
        }
        if moment.model.posts[&self.0].author != caller.user {
            return Prediction::refusal(403, "not_the_author");
        }
        let job = moment.model.delete(&self.0);
        moment.jobs.push(job);
        Prediction::new(204, Value::Null)
    }
}

/// A page of the public list: its first, or the one after what the client has seen.
struct List {
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        let limit = self.limit;
        let cursor = self.after.as_ref().map(|page| &page.cursor);
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        Call::new("GET", format!("/posts?limit={limit}{cursor}"))
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
        let public = model.posts.iter().rev().filter(|(id, post)| {
            post.reply_to.is_none() && !post.followers_only && model.may_see(viewer, id)
        });
        let all: Vec<_> = public.map(|(id, _)| shown(model, viewer, id)).collect();
        Prediction::new(200, json!({"all": all}))
    }

    /// The page holds nothing but what may be seen, and leaves nothing out: not between two posts,
    /// not before the first one, and not after the last where the list says that it ends.
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        if prediction.status != 200 {
            return super::agrees(prediction, answer);
        }
        let all = prediction.body["all"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let page = ids(&answer.body["data"]);
        let first = page.first().cloned().unwrap_or_default();
        let start = match &self.after {
            None => 0,
            Some(_) => all
                .iter()
                .position(|post| post["id"] == first)
                .unwrap_or(all.len()),
        };
        let due = self.after.iter().flat_map(|after| &after.rest);
        let missed = due
            .clone()
            .find(|id| **id > first && all[..start].iter().any(|post| post["id"] == **id));
        if let Some(missed) = missed.filter(|_| !page.is_empty()) {
            return Err(format!(
                "the page begins after {missed}, which nobody has shown"
            ));
        }
        let ends = answer.body["next_cursor"].is_null();
        let end = if ends { all.len() } else { start + page.len() };
        let expected = Prediction::new(200, json!({"data": all.get(start..end)}));
        super::agrees(&expected, answer)
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        let page = ids(&answer.body["data"]);
        let cursor = answer.body["next_cursor"].as_str().map(str::to_owned);
        let all = ids(&prediction.body["all"]).into_iter();
        memory.page = cursor.zip(page.last()).map(|(cursor, last)| NextPage {
            cursor,
            rest: all.filter(|id| id < last).collect(),
        });
    }
}

fn ids(posts: &Value) -> Vec<Id> {
    let posts = posts.as_array().into_iter().flatten();
    posts
        .filter_map(|post| post["id"].as_str().map(str::to_owned))
        .collect()
}
