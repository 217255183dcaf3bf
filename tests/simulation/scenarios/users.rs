//! People.

use std::sync::Arc;

use serde_json::json;

use super::{Call, Moment, Operation, Scenario};
use crate::model::{Caller, Prediction};

pub const ME: Scenario = Scenario {
    route: "GET /api/v1/profile",
    sites: &["users.me"],
    leads_to: &[],
    weight: 3,
    hashes: false,
    reads_flags: false,
    draw: |_| Arc::new(Me),
};

pub const PROFILE: Scenario = Scenario {
    route: "GET /api/v1/users/{username}",
    sites: &["users.profile"],
    leads_to: &[],
    weight: 4,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(Profile(choice.username())),
};

struct Me;

impl Operation for Me {
    fn call(&self) -> Call {
        Call::new("GET", "/profile")
    }

    fn writes(&self) -> bool {
        false
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        let me = &moment.model.users[&caller.user];
        let shown = json!({
            "id": caller.user,
            "username": me.username,
            "email": me.email,
            "post_count": me.posts,
        });
        Prediction::new(200, shown)
    }
}

struct Profile(String);

impl Operation for Profile {
    fn call(&self) -> Call {
        Call::new("GET", format!("/users/{}", self.0))
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
        let person = model.by_username(&self.0);
        let visible = person.filter(|(id, _)| model.may_see_profile(caller, id));
        let Some((id, user)) = visible else {
            return Prediction::not_found();
        };
        let mut shown = json!({"id": id, "username": user.username, "post_count": user.posts});
        if let Some(caller) = caller.filter(|caller| caller.user != *id) {
            let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
            let (mine, theirs) = (pair(&caller.user, id), pair(id, &caller.user));
            shown["relation"] = json!({
                "following": model.follows.contains(&mine),
                "followed_by": model.follows.contains(&theirs),
                "blocking": model.blocks.contains(&mine),
            });
        }
        Prediction::new(200, shown)
    }
}
