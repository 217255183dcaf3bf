//! What people are told.

use std::sync::Arc;

use serde_json::{Value, json};

use super::lists::{self, Entries, NextPage};
use super::{Answer, Call, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{ANYTHING, Caller, Id, Inbox, MODERATION, Model, Prediction};

const PATH: &str = "/notifications";

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/notifications",
    sites: &[Site::reading("notifications.list")],
    weight: 9,
    draw: |choice| {
        let after = choice.next_page(PATH);
        Arc::new(List {
            known: choice.memory.etag.clone().filter(|_| after.is_none()),
            after,
            limit: choice.limit(),
        })
    },
    ..USUAL
};

pub const MARK_READ: Scenario = Scenario {
    route: "POST /api/v1/notifications/read",
    sites: &[Site::writing("notifications.mark_read")],
    weight: 6,
    draw: |choice| {
        let caller = choice.memory.caller.as_ref();
        let inbox = caller.and_then(|caller| choice.model.inboxes.get(&caller.user));
        let last = inbox.map_or(0, |inbox| inbox.last_seq).unsigned_abs();
        // Sometimes beyond what there is.
        Arc::new(MarkRead(choice.chaos.below(last + 2)))
    },
    ..USUAL
};

struct List {
    /// The entity tag of the list as the client last saw it.
    known: Option<String>,
    after: Option<NextPage>,
    limit: usize,
}

impl Operation for List {
    fn call(&self) -> Call {
        Call {
            if_none_match: self.known.clone(),
            ..super::page_call(PATH, self.after.as_ref(), self.limit)
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
        let inbox = moment.model.inboxes.get(&caller.user);
        let inbox = inbox.cloned().unwrap_or_default();
        let mut prediction = lists::prediction(shown(moment.model, caller, &inbox));
        prediction.body["unread_count"] = json!(inbox.unread());
        // What the version of the list holds of it: whose it is, and what state it is in.
        let whose = &caller.user[caller.user.len() - 12..];
        let version = format!("{whose}.{}.{}.", inbox.last_seq, inbox.read_seq);
        prediction.body["version"] = json!(version);
        Ok(prediction)
    }

    /// Either the list as it must be, or word that it is still the one the client has. Of that, the
    /// tag must name the inbox's state: blocks and suspensions since then are not told (0010).
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        let version = prediction.body["version"].as_str().unwrap_or_default();
        let tag = |tag: &Option<String>| tag.clone().unwrap_or_default();
        if answer.status == 304 && prediction.status == 200 {
            let known = tag(&self.known);
            let same = known.contains(version);
            return same
                .then_some(())
                .ok_or_else(|| format!("answered 304 to {known}, where {prediction:?} was right"));
        }
        if answer.status == 200 && !tag(&answer.etag).contains(version) {
            return Err(format!("is tagged {:?} at {version}", answer.etag));
        }
        let unread = prediction.body["unread_count"].clone();
        let more = [("unread_count", unread)];
        lists::check(prediction, answer, self.after.as_ref(), "seq", &more)
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 200 {
            memory.etag.clone_from(&answer.etag);
            let next = lists::next(prediction, answer, self.after.as_ref(), "seq");
            memory.turn_page(PATH, next);
        }
    }
}

/// The groups that a person sees, newest first.
fn shown(model: &Model, caller: &Caller, inbox: &Inbox) -> Entries {
    let mut groups: Vec<_> = inbox.groups.iter().collect();
    groups.sort_by_key(|(_, group)| -group.seq);
    let groups = groups.into_iter().filter_map(|((kind, _), group)| {
        let latest = group.actors.iter().rev().take(3).flatten();
        let named: Vec<_> = latest
            .filter(|actor| model.may_be_named(actor, &caller.user))
            .map(|actor| model.short(actor))
            .collect();
        let somebody = !named.is_empty() || group.actors.len() > 3;
        let sees = |post: &Id| model.may_see(Some(&caller.user), post);
        let by_moderators = *kind == MODERATION;
        let is_shown = by_moderators || somebody && group.post.as_ref().is_none_or(sees);
        if !is_shown {
            return None;
        }
        let post = group.post.as_ref().map(|post| {
            let caption = if sees(post) {
                &model.posts[post].caption
            } else {
                ""
            };
            json!({"id": post, "caption": caption, "thumb_url": null})
        });
        let count = if by_moderators { 0 } else { group.actors.len() };
        let entry = json!({
            "seq": group.seq,
            "kind": kind,
            "actors": named,
            "actor_count": count,
            "post": post,
            "order_id": null,
            "created_at": ANYTHING,
            "updated_at": ANYTHING,
            "read": group.seq <= inbox.read_seq,
        });
        Some((format!("{:016}", group.seq), entry))
    });
    groups.collect()
}

struct MarkRead(u64);

impl Operation for MarkRead {
    fn call(&self) -> Call {
        Call::new("POST", "/notifications/read").with(json!({"up_to": self.0}))
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let caller = moment.admit(caller)?;
        if let Some(inbox) = moment.model.inboxes.get_mut(&caller.user) {
            inbox.mark_read(i64::try_from(self.0).unwrap());
        }
        Ok(Prediction::new(204, Value::Null))
    }
}
