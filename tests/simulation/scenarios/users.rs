//! People.

use std::sync::Arc;

use serde_json::json;

use super::conditional::{self, Seen};
use super::{Answer, Call, Memory, Moment, Operation, Scenario, Site, UNLOCKED_JOB, USUAL};
use crate::model::{Caller, Prediction, Task};

pub const ME: Scenario = Scenario {
    route: "GET /api/v1/profile",
    sites: &[Site::reading("users.me")],
    weight: 4,
    draw: |choice| Arc::new(Me(choice.seen(MINE))),
    ..USUAL
};

pub const UPDATE: Scenario = Scenario {
    route: "PATCH /api/v1/profile",
    sites: &[Site::writing("users.update")],
    leads_to: &[UNLOCKED_JOB],
    weight: 8,
    draw: |choice| {
        let chaos = choice.chaos;
        let number = choice.number;
        Arc::new(Update {
            seen: choice.seen(MINE),
            display_name: chaos.happens(0.4).then(|| format!("Name {number}")),
            bio: chaos.happens(0.6).then(|| format!("Bio {number}")),
            locked: chaos.happens(0.5).then(|| chaos.happens(0.5)),
        })
    },
    ..USUAL
};

pub const PROFILE: Scenario = Scenario {
    route: "GET /api/v1/users/{username}",
    sites: &[Site::reading("users.profile")],
    weight: 4,
    draw: |choice| {
        let path = format!("/users/{}", choice.username());
        Arc::new(Profile {
            known: choice.seen(&path),
            path,
        })
    },
    ..USUAL
};

/// Where one's own account is.
const MINE: &str = "/profile";

struct Me(Option<Seen>);

impl Operation for Me {
    fn call(&self) -> Call {
        Call {
            if_none_match: self.0.as_ref().map(|known| known.tag.clone()),
            ..Call::new("GET", MINE)
        }
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
        let caller = moment.admit(caller)?;
        Ok(Prediction::new(200, moment.model.me(&caller.user)))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        conditional::check(prediction, answer, self.0.as_ref())
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(MINE, answer, memory);
    }
}

struct Update {
    /// The profile that the client changes, as it saw it.
    seen: Option<Seen>,
    display_name: Option<String>,
    bio: Option<String>,
    locked: Option<bool>,
}

impl Operation for Update {
    fn call(&self) -> Call {
        let body = json!({
            "display_name": self.display_name,
            "bio": self.bio,
            "locked": self.locked,
        });
        Call {
            if_match: self.seen.as_ref().map(|seen| seen.tag.clone()),
            ..Call::new("PATCH", MINE).with(body)
        }
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        let user = moment.model.users.get_mut(&caller.user).unwrap();
        let current = format!("\"{}.", user.profile_version);
        let seen = self.seen.as_ref();
        if seen.is_some_and(|seen| !seen.tag.starts_with(&current)) {
            return Err(Prediction::refusal(412, "precondition_failed"));
        }
        if let Some(name) = &self.display_name {
            user.display_name.clone_from(name);
        }
        if let Some(bio) = &self.bio {
            user.bio.clone_from(bio);
        }
        user.locked = self.locked.unwrap_or(user.locked);
        user.profile_version += 1;
        if self.locked == Some(false) && moment.model.has_requests(&caller.user) {
            moment.tasks.push(Task::Unlocked(caller.user.clone()));
        }
        Ok(Prediction::new(200, moment.model.me(&caller.user)))
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(MINE, answer, memory);
    }
}

struct Profile {
    path: String,
    known: Option<Seen>,
}

impl Operation for Profile {
    fn call(&self) -> Call {
        Call {
            if_none_match: self.known.as_ref().map(|known| known.tag.clone()),
            ..Call::new("GET", self.path.clone())
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
        moment.admit_if_signed_in(caller)?;
        let model = &moment.model;
        let username = self.path.trim_start_matches("/users/");
        let person = model.by_username(username).map(|(id, _)| id);
        let person = person.filter(|id| model.may_see_profile(caller, id));
        let id = person.ok_or_else(Prediction::not_found)?;
        let viewer = caller.map(|caller| caller.user.as_str());
        let shown = model.related_person(viewer, id);
        Ok(Prediction::new(200, shown))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        conditional::check(prediction, answer, self.known.as_ref())
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        conditional::remember(&self.path, answer, memory);
    }
}
