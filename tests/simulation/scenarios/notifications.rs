//! What people are told.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Call, Memory, Moment, Operation, Scenario};
use crate::model::{Caller, Inbox, Model, Prediction, Status};

pub const LIST: Scenario = Scenario {
    route: "GET /api/v1/notifications",
    sites: &["notifications.list"],
    leads_to: &[],
    weight: 8,
    hashes: false,
    reads_flags: false,
    draw: |choice| Arc::new(List(choice.memory.etag.clone())),
};

pub const MARK_READ: Scenario = Scenario {
    route: "POST /api/v1/notifications/read",
    sites: &["notifications.mark_read"],
    leads_to: &[],
    weight: 6,
    hashes: false,
    reads_flags: false,
    draw: |choice| {
        let caller = choice.memory.caller.as_ref();
        let inbox = caller.and_then(|caller| choice.model.inboxes.get(&caller.user));
        let last = inbox.map_or(0, |inbox| inbox.last_seq).unsigned_abs();
        // Sometimes beyond what there is.
        Arc::new(MarkRead(choice.chaos.below(last + 2)))
    },
};

/// With the entity tag of the list as the client last saw it.
struct List(Option<String>);

impl Operation for List {
    fn call(&self) -> Call {
        Call {
            if_none_match: self.0.clone(),
            ..Call::new("GET", "/notifications?limit=100")
        }
    }

    fn writes(&self) -> bool {
        false
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        let inbox = moment
            .model
            .inboxes
            .get(&caller.user)
            .cloned()
            .unwrap_or_default();
        let data = shown(moment.model, caller, &inbox);
        Prediction::new(
            200,
            json!({
                "unread_count": inbox.unread(),
                "data": data,
                "version": [inbox.last_seq, inbox.read_seq],
            }),
        )
    }

    /// Either the list as it must be, or word that it is still the one the client has. Of that, the
    /// tag must name the inbox's state: blocks and suspensions since then are not told (0010).
    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        let mut expected = prediction.clone();
        if prediction.status != 200 {
            return super::agrees(prediction, answer);
        }
        let version = expected
            .body
            .as_object_mut()
            .and_then(|body| body.remove("version"));
        if answer.status != 304 {
            return super::agrees(&expected, answer);
        }
        let tag = self.0.as_deref().unwrap_or_default();
        let numbers = version.and_then(|version| serde_json::from_value(version).ok());
        let (last, read): (i64, i64) = numbers.unwrap_or_default();
        if tag.contains(&format!(".{last}.{read}.")) {
            Ok(())
        } else {
            Err(format!(
                "answered 304 to {tag}, where {expected:?} was right"
            ))
        }
    }

    fn remember(&self, _: &Prediction, answer: &Answer, memory: &mut Memory) {
        if answer.status == 200 {
            memory.etag.clone_from(&answer.etag);
        }
    }
}

/// The groups that a person sees, newest first.
fn shown(model: &Model, caller: &Caller, inbox: &Inbox) -> Vec<Value> {
    let mut groups: Vec<_> = inbox.groups.iter().collect();
    groups.sort_by_key(|(_, group)| -group.seq);
    let groups = groups.into_iter().filter_map(|(post, group)| {
        let latest = group.actors.iter().rev().take(3);
        let named: Vec<_> = latest
            .filter(|actor| {
                model.users[*actor].status == Status::Active
                    && !model.blocked_between(actor, &caller.user)
            })
            .map(|actor| json!({"id": actor}))
            .collect();
        let somebody = !named.is_empty() || group.actors.len() > 3;
        (somebody && model.may_see(Some(&caller.user), post)).then(|| {
            json!({
                "seq": group.seq,
                "kind": "like",
                "actors": named,
                "actor_count": group.actors.len(),
                "post": {"id": post, "caption": model.posts[post].caption},
                "read": group.seq <= inbox.read_seq,
            })
        })
    });
    groups.collect()
}

struct MarkRead(u64);

impl Operation for MarkRead {
    fn call(&self) -> Call {
        Call::new("POST", "/notifications/read").with(json!({"up_to": self.0}))
    }

    fn happen(&self, caller: Option<&Caller>, moment: &mut Moment<'_>, _: usize) -> Prediction {
        let caller = caller.unwrap();
        if let Err(refusal) = moment.model.guard(caller) {
            return refusal;
        }
        if let Some(inbox) = moment.model.inboxes.get_mut(&caller.user) {
            inbox.mark_read(i64::try_from(self.0).unwrap());
        }
        Prediction::new(204, Value::Null)
    }
}
