//! People.

use std::sync::Arc;

use serde_json::json;

use super::{Call, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{Caller, Prediction};

pub const ME: Scenario = Scenario {
    route: "GET /api/v1/profile",
    sites: &[Site::reading("users.me")],
    weight: 3,
    draw: |_| Arc::new(Me),
    ..USUAL
};

pub const PROFILE: Scenario = Scenario {
    route: "GET /api/v1/users/{username}",
    sites: &[Site::reading("users.profile")],
    weight: 4,
    draw: |choice| Arc::new(Profile(choice.username())),
    ..USUAL
};

struct Me;

impl Operation for Me {
    fn call(&self) -> Call {
        Call::new("GET", "/profile")
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
}

struct Profile(String);

impl Operation for Profile {
    fn call(&self) -> Call {
        Call::new("GET", format!("/users/{}", self.0))
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
        let person = model.by_username(&self.0).map(|(id, _)| id);
        let person = person.filter(|id| model.may_see_profile(caller, id));
        let id = person.ok_or_else(Prediction::not_found)?;
        let mut shown = model.person(id);
        if let Some(me) = caller.map(|caller| &caller.user).filter(|me| *me != id) {
            let mine = model.follow(me, id);
            let blocking = model.blocks.contains(&(me.clone(), id.clone()));
            shown["relation"] = json!({
                "following": mine == Some(true),
                "requested": mine == Some(false),
                "followed_by": model.follow(id, me) == Some(true),
                "blocking": blocking,
                "muting": false,
            });
        }
        Ok(Prediction::new(200, shown))
    }
}
