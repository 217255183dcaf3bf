//! Lists of posts and of comments.

use std::sync::Arc;

use super::lists::{self, NextPage};
use super::{Answer, Call, Choice, Memory, Moment, Operation, Scenario, Site, USUAL, page_call};
use crate::model::{Caller, Id, Model, Post, Prediction};

pub const PUBLIC: Scenario = Scenario {
    route: "GET /api/v1/posts",
    sites: &[Site::reading("posts.list")],
    weight: 8,
    draw: |choice| list(choice, Which::Public),
    ..USUAL
};

pub const TAGGED: Scenario = Scenario {
    route: "GET /api/v1/tags/{tag}/posts",
    sites: &[Site::reading("posts.list_tagged")],
    weight: 6,
    draw: |choice| {
        let tags = ["one", "two", "DREI", "none"];
        list(choice, Which::Tagged(tags[choice.chaos.pick(tags.len())]))
    },
    ..USUAL
};

pub const OF_PERSON: Scenario = Scenario {
    route: "GET /api/v1/users/{username}/posts",
    sites: &[Site::reading("posts.list_of_person")],
    weight: 6,
    draw: |choice| list(choice, Which::OfPerson(choice.username())),
    ..USUAL
};

pub const COMMENTS: Scenario = Scenario {
    route: "GET /api/v1/posts/{id}/comments",
    sites: &[Site::reading("posts.list_comments")],
    weight: 8,
    draw: |choice| list(choice, Which::Comments(choice.post())),
    ..USUAL
};

fn list(choice: &Choice<'_>, which: Which) -> Arc<dyn Operation> {
    Arc::new(List {
        after: choice.next_page(&which.path()),
        which,
        limit: choice.limit(),
    })
}

enum Which {
    Public,
    Tagged(&'static str),
    OfPerson(String),
    Comments(Id),
}

impl Which {
    fn path(&self) -> String {
        match self {
            Self::Public => "/posts".to_owned(),
            Self::Tagged(tag) => format!("/tags/{tag}/posts"),
            Self::OfPerson(username) => format!("/users/{username}/posts"),
            Self::Comments(post) => format!("/posts/{post}/comments"),
        }
    }

    /// Whether there is such a list for the viewer.
    fn is_there(&self, model: &Model, viewer: Option<&str>) -> bool {
        match self {
            Self::Public | Self::Tagged(_) => true,
            Self::OfPerson(username) => model
                .by_username(username)
                .is_some_and(|(id, _)| model.may_meet(viewer, id)),
            Self::Comments(post) => model.may_join_what_is_left(viewer, post),
        }
    }

    /// Whether a post belongs to the list, for whoever may see it.
    fn holds(&self, model: &Model, viewer: Option<&str>, post: &Post) -> bool {
        let root = post.reply_to.is_none();
        let heard = !model.mutes(viewer, &post.author);
        match self {
            Self::Public => root && heard && !post.followers_only,
            Self::Tagged(tag) => {
                let tagged = post.tags().contains(&tag.to_lowercase());
                root && heard && !post.followers_only && tagged
            }
            Self::OfPerson(username) => root && model.users[&post.author].username == *username,
            Self::Comments(parent) => heard && post.reply_to.as_ref() == Some(parent),
        }
    }

    /// The key of a post in the list, by which the first comes last.
    fn key(&self, id: &str) -> String {
        match self {
            // Oldest first.
            Self::Comments(_) => id
                .bytes()
                .map(|byte| char::from(b'~' - (byte - b' ')))
                .collect(),
            _ => id.to_owned(),
        }
    }
}

struct List {
    which: Which,
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        page_call(&self.which.path(), self.after.as_ref(), self.limit)
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
        let (model, which) = (&moment.model, &self.which);
        if !which.is_there(model, viewer) {
            return Err(Prediction::not_found());
        }
        let listed = model.posts.iter().filter(|(id, post)| {
            let seen = match which {
                Which::Comments(_) => model.may_see_what_is_left(viewer, id),
                _ => model.may_see(viewer, id),
            };
            seen && which.holds(model, viewer, post)
        });
        let entries = listed.map(|(id, _)| (which.key(id), model.post_or_stub(viewer, id)));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(lists::prediction(entries))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        lists::check(prediction, answer, self.after.as_ref(), "id", &[])
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        let next = lists::next(prediction, answer, self.after.as_ref(), "id");
        memory.turn_page(&self.which.path(), next);
    }
}
