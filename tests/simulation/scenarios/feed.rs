//! The feed.

use std::sync::Arc;

use super::lists::{self, NextPage};
use super::{Answer, Call, Memory, Moment, Operation, Scenario, Site, USUAL, page_call};
use crate::model::{Caller, Prediction};

const PATH: &str = "/feed";

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/feed",
    sites: &[Site::reading("feed.list")],
    weight: 8,
    draw: |choice| {
        Arc::new(List {
            after: choice.next_page(PATH),
            limit: choice.limit(),
        })
    },
    ..USUAL
};

/// A page of one's own feed.
struct List {
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        page_call(PATH, self.after.as_ref(), self.limit)
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
        let viewer = moment.admit(caller)?.user.as_str();
        let model = &moment.model;
        let feed = model.posts.iter().rev();
        let feed = feed.filter(|(id, _)| model.is_in_feed(viewer, id));
        let entries = feed.map(|(id, _)| (id.clone(), model.post(Some(viewer), id)));
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
