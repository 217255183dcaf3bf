//! Follows, requests to follow, blocks and mutes, and the lists of people.

use std::sync::Arc;

use serde_json::Value;

use super::lists::{self, NextPage};
use super::{
    Answer, BURY, Call, Choice, HANDLED_BY_THE_SWEEP, Memory, Moment, Operation, Scenario, Site,
    TELL_JOB, USUAL,
};
use crate::model::{Caller, Id, Model, Prediction};

/// What somebody does to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Follow,
    Unfollow,
    Block,
    Unblock,
    Mute,
    Unmute,
    Accept,
    Refuse,
    Remove,
}

macro_rules! deed {
    ($route:literal, $site:literal, $verb:ident, $weight:literal) => {
        Scenario {
            route: $route,
            sites: &[Site::writing($site)],
            weight: $weight,
            draw: |choice| draw(choice, Verb::$verb),
            ..USUAL
        }
    };
}

pub const FOLLOW: Scenario = Scenario {
    leads_to: &[TELL_JOB, HANDLED_BY_THE_SWEEP, BURY],
    ..deed!(
        "PUT /api/v1/users/{username}/follow",
        "graph.follow",
        Follow,
        24
    )
};
pub const UNFOLLOW: Scenario = deed!(
    "DELETE /api/v1/users/{username}/follow",
    "graph.unfollow",
    Unfollow,
    6
);
pub const BLOCK: Scenario = deed!(
    "PUT /api/v1/users/{username}/block",
    "graph.block",
    Block,
    6
);
pub const UNBLOCK: Scenario = deed!(
    "DELETE /api/v1/users/{username}/block",
    "graph.unblock",
    Unblock,
    8
);
pub const MUTE: Scenario = deed!("PUT /api/v1/users/{username}/mute", "graph.mute", Mute, 4);
pub const UNMUTE: Scenario = deed!(
    "DELETE /api/v1/users/{username}/mute",
    "graph.unmute",
    Unmute,
    4
);
pub const ACCEPT: Scenario = deed!(
    "PUT /api/v1/follow-requests/{username}",
    "graph.accept",
    Accept,
    8
);
pub const REFUSE: Scenario = deed!(
    "DELETE /api/v1/follow-requests/{username}",
    "graph.refuse",
    Refuse,
    4
);
pub const REMOVE: Scenario = deed!(
    "DELETE /api/v1/followers/{username}",
    "graph.remove",
    Remove,
    4
);

macro_rules! list {
    ($route:literal, $site:literal, $path:expr) => {
        Scenario {
            route: $route,
            sites: &[Site::reading($site)],
            weight: 4,
            draw: |choice| {
                let path: fn(&Choice<'_>) -> String = $path;
                let path = path(choice);
                Arc::new(People {
                    after: choice.next_page(&path),
                    path,
                    limit: choice.limit(),
                })
            },
            ..USUAL
        }
    };
}

pub const DIRECTORY: Scenario = list!("GET /api/v1/users", "graph.directory", |_| "/users".into());
pub const FOLLOWERS: Scenario = list!(
    "GET /api/v1/users/{username}/followers",
    "graph.followers",
    |choice| list_of_somebody(choice, "followers")
);
pub const FOLLOWING: Scenario = list!(
    "GET /api/v1/users/{username}/following",
    "graph.following",
    |choice| list_of_somebody(choice, "following")
);
pub const REQUESTS: Scenario = list!("GET /api/v1/follow-requests", "graph.requests", |_| {
    "/follow-requests".into()
});
pub const BLOCKS: Scenario = list!("GET /api/v1/blocks", "graph.blocks", |_| "/blocks".into());
pub const MUTES: Scenario = list!("GET /api/v1/mutes", "graph.mutes", |_| "/mutes".into());

/// The list where the client is, or that of anybody.
fn list_of_somebody(choice: &Choice<'_>, list: &str) -> String {
    let mut begun = choice.memory.pages.keys();
    let begun = begun.find(|path| path.ends_with(list) && path.starts_with("/users/"));
    let begun = begun.filter(|_| choice.chaos.happens(0.6)).cloned();
    begun.unwrap_or_else(|| format!("/users/{}/{list}", choice.username()))
}

fn draw(choice: &Choice<'_>, verb: Verb) -> Arc<dyn Operation> {
    // Mostly somebody to whom it makes a difference, if there is anybody.
    let model = choice.model;
    let caller = choice.memory.caller.as_ref();
    let those = caller.map_or_else(Vec::new, |caller| {
        let me = &caller.user;
        let listed = match verb {
            Verb::Accept | Verb::Refuse => model.followers(me, false),
            Verb::Remove => model.followers(me, true),
            Verb::Unblock => model.shunned(me, "blocks"),
            Verb::Unmute => model.shunned(me, "mutes"),
            Verb::Unfollow => model.following(me),
            Verb::Follow | Verb::Block | Verb::Mute => vec![],
        };
        listed.into_iter().map(|(_, id)| id).collect()
    });
    let username = if those.is_empty() || choice.chaos.happens(0.2) {
        choice.username()
    } else {
        let id = &those[choice.chaos.pick(those.len())];
        model.users[id].username.clone()
    };
    Arc::new(Deed { verb, username })
}

struct Deed {
    verb: Verb,
    username: String,
}

impl Operation for Deed {
    fn call(&self) -> Call {
        let name = &self.username;
        match self.verb {
            Verb::Follow => Call::new("PUT", format!("/users/{name}/follow")),
            Verb::Unfollow => Call::new("DELETE", format!("/users/{name}/follow")),
            Verb::Block => Call::new("PUT", format!("/users/{name}/block")),
            Verb::Unblock => Call::new("DELETE", format!("/users/{name}/block")),
            Verb::Mute => Call::new("PUT", format!("/users/{name}/mute")),
            Verb::Unmute => Call::new("DELETE", format!("/users/{name}/mute")),
            Verb::Accept => Call::new("PUT", format!("/follow-requests/{name}")),
            Verb::Refuse => Call::new("DELETE", format!("/follow-requests/{name}")),
            Verb::Remove => Call::new("DELETE", format!("/followers/{name}")),
        }
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let (me, now) = (&caller.user, moment.now);
        let model = &mut *moment.model;
        let other = model.by_username(&self.username).map(|(id, _)| id.clone());
        let other = other.filter(|id| model.may_see_profile(Some(caller), id));
        let other = other.ok_or_else(Prediction::not_found)?;
        if other == *me {
            return Err(Prediction::refusal(403, "own_account"));
        }
        let pair = (me.clone(), other.clone());
        match self.verb {
            Verb::Follow => moment.tasks.extend(model.start_to_follow(me, &other, now)?),
            Verb::Unfollow => model.end_follow(me, &other, None),
            Verb::Block => model.block(me, &other, now),
            Verb::Unblock => {
                model.blocks.remove(&pair);
            }
            Verb::Mute => {
                model.mutes.entry(pair).or_insert(now);
            }
            Verb::Unmute => {
                model.mutes.remove(&pair);
            }
            Verb::Accept => {
                if !model.accept(&other, me, now) {
                    return Err(Prediction::not_found());
                }
            }
            Verb::Refuse | Verb::Remove => {
                model.end_follow(&other, me, Some(self.verb == Verb::Remove));
                return Ok(Prediction::new(204, Value::Null));
            }
        }
        let relation = model.relation(me, &other);
        // To accept whoever follows already changes nothing; whoever only asks is accepted by now.
        Ok(Prediction::new(200, relation))
    }
}

/// A list of people.
struct People {
    path: String,
    after: Option<NextPage>,
    limit: usize,
}

impl People {
    /// Whose list it is, if it is the list of somebody.
    fn whose<'a>(&self, model: &'a Model) -> Option<&'a Id> {
        let name = self.path.split('/').nth(2).unwrap_or_default();
        model.by_username(name).map(|(id, _)| id)
    }
}

impl Operation for People {
    fn call(&self) -> Call {
        super::page_call(&self.path, self.after.as_ref(), self.limit)
    }

    fn open_to_anyone(&self) -> bool {
        self.path.starts_with("/users")
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
        let viewer = if self.open_to_anyone() {
            moment.admit_if_signed_in(caller)?
        } else {
            Some(moment.admit(caller)?.user.as_str())
        };
        let model = &*moment.model;
        if self.path == "/users" {
            let people = model.users.keys().rev();
            let people = people.filter(|id| {
                model.may_meet(viewer, id) && viewer.is_none_or(|viewer| viewer != *id)
            });
            let entries = people.map(|id| (id.clone(), model.related_person(viewer, id)));
            return Ok(lists::prediction(entries.collect()));
        }
        let me = viewer.unwrap_or_default();
        let listed = match self.path.as_str() {
            "/follow-requests" => model.followers(me, false),
            "/blocks" => model.shunned(me, "blocks"),
            "/mutes" => model.shunned(me, "mutes"),
            path => {
                let whose = self.whose(model).filter(|id| model.may_meet(viewer, id));
                let whose = whose.ok_or_else(Prediction::not_found)?;
                if path.ends_with("following") {
                    model.following(whose)
                } else {
                    model.followers(whose, true)
                }
            }
        };
        // Whom one blocks oneself stays in the lists of whom one blocks and mutes.
        let own = ["/blocks", "/mutes"].contains(&self.path.as_str());
        let shown = listed.into_iter().filter(|(_, id)| {
            if own {
                model.may_see_profile(caller, id)
            } else {
                model.may_meet(viewer, id)
            }
        });
        let entries = shown.map(|(key, id)| (key, model.short(&id)));
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
