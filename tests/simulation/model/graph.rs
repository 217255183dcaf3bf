//! Who follows, blocks and mutes whom.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::jobs::News;
use super::{Id, Model, Prediction, Status, Task};

/// A follow, or a request to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    pub accepted: bool,
    /// Since when.
    pub at: Timestamp,
}

/// People by the key of their place in a list, newest first.
pub type Listed = Vec<(String, Id)>;

fn pair(one: &str, other: &str) -> (Id, Id) {
    (one.to_owned(), other.to_owned())
}

/// The key of a place in a list by time.
fn key(at: Timestamp, id: &str) -> String {
    format!("{:016} {id}", at.millis())
}

fn newest_first(mut listed: Listed) -> Listed {
    listed.sort();
    listed.reverse();
    listed
}

impl Model {
    /// How somebody stands to somebody else.
    pub fn relation(&self, me: &str, other: &str) -> Value {
        let mine = self.follow(me, other);
        json!({
            "following": mine == Some(true),
            "requested": mine == Some(false),
            "followed_by": self.follow(other, me) == Some(true),
            "blocking": self.blocks.contains_key(&pair(me, other)),
            "muting": self.mutes.contains_key(&pair(me, other)),
        })
    }

    /// How many somebody follows, how many they have asked, and how many follow them.
    pub fn follow_counts(&self, id: &str) -> [usize; 3] {
        let count = |counts: &dyn Fn(&(Id, Id), &Follow) -> bool| {
            let follows = self.follows.iter();
            follows
                .filter(|(pair, follow)| counts(pair, follow))
                .count()
        };
        [
            count(&|(from, _), follow| from == id && follow.accepted),
            count(&|(from, _), follow| from == id && !follow.accepted),
            count(&|(_, to), follow| to == id && follow.accepted),
        ]
    }

    /// Somebody follows somebody else, or asks to; what that leaves to do.
    ///
    /// # Errors
    /// The refusal.
    pub fn start_to_follow(
        &mut self,
        me: &str,
        other: &str,
        now: Timestamp,
    ) -> Result<Option<Task>, Prediction> {
        if self.blocks.contains_key(&pair(me, other)) {
            return Err(Prediction::refusal(409, "person_blocked"));
        }
        let accepted = !self.users[other].locked;
        let before = self.follow(me, other);
        if before.is_some_and(|before| before || !accepted) {
            return Ok(None);
        }
        let follow = Follow { accepted, at: now };
        self.follows.insert(pair(me, other), follow);
        let kind = if accepted { "follow" } else { "follow_request" };
        let told = [other, kind, other, me].map(str::to_owned);
        let news = News {
            kind,
            post: None,
            actor: Some(me.to_owned()),
            recipient: other.to_owned(),
        };
        Ok((!self.told.contains(&told)).then_some(Task::Tell(news)))
    }

    /// A follow is over, or a request, if there is one that was accepted, or was not, or either.
    pub fn end_follow(&mut self, from: &str, to: &str, accepted: Option<bool>) {
        let found = self.follow(from, to);
        if found.is_some_and(|found| accepted.is_none_or(|accepted| accepted == found)) {
            self.follows.remove(&pair(from, to));
        }
    }

    pub fn block(&mut self, me: &str, other: &str, now: Timestamp) {
        self.blocks.entry(pair(me, other)).or_insert(now);
        self.end_follow(me, other, None);
        self.end_follow(other, me, None);
    }

    /// Whether somebody follows from now on, or has before.
    pub fn accept(&mut self, from: &str, to: &str, now: Timestamp) -> bool {
        let Some(follow) = self.follows.get_mut(&pair(from, to)) else {
            return false;
        };
        if !follow.accepted {
            *follow = Follow {
                accepted: true,
                at: now,
            };
        }
        true
    }

    pub fn has_requests(&self, id: &str) -> bool {
        let mut follows = self.follows.iter();
        follows.any(|((_, to), follow)| to == id && !follow.accepted)
    }

    /// A round of the job that accepts whoever asks, if that is there and the account is not locked.
    pub fn accept_all(&mut self, id: &str, job: &str, now: Timestamp) {
        if !self.jobs.contains_key(job) || self.users[id].locked {
            return;
        }
        for ((_, to), follow) in &mut self.follows {
            if to == id && !follow.accepted {
                *follow = Follow {
                    accepted: true,
                    at: now,
                };
            }
        }
    }

    /// Who follows somebody, or only asks to.
    pub fn followers(&self, id: &str, accepted: bool) -> Listed {
        let follows = self.follows.iter();
        let follows = follows.filter(|((_, to), follow)| to == id && follow.accepted == accepted);
        newest_first(
            follows
                .map(|((from, _), follow)| (key(follow.at, from), from.clone()))
                .collect(),
        )
    }

    /// Whom somebody follows, by their ids.
    pub fn following(&self, id: &str) -> Listed {
        let follows = self.follows.iter();
        let follows = follows.filter(|((from, _), follow)| from == id && follow.accepted);
        newest_first(
            follows
                .map(|((_, to), _)| (to.clone(), to.clone()))
                .collect(),
        )
    }

    /// Whom somebody blocks, or mutes.
    pub fn shunned(&self, id: &str, list: &str) -> Listed {
        let of_list = if list == "blocks" {
            &self.blocks
        } else {
            &self.mutes
        };
        let of_id = of_list.iter().filter(|((from, _), _)| from == id);
        newest_first(
            of_id
                .map(|((_, to), at)| (key(*at, to), to.clone()))
                .collect(),
        )
    }

    /// Whether a person is there for whoever asks, and no block stands between them.
    pub fn may_meet(&self, viewer: Option<&str>, id: &str) -> bool {
        let blocked = viewer.is_some_and(|viewer| self.blocked_between(viewer, id));
        self.users[id].status == Status::Active && !blocked
    }

    /// A person as shown to the one who asks, with how the two stand to each other.
    pub fn related_person(&self, viewer: Option<&str>, id: &str) -> Value {
        let mut shown = self.person(id);
        if let Some(me) = viewer.filter(|me| *me != id) {
            let relation = self.relation(me, id);
            if relation["blocking"] == true {
                shown = self.short(id);
            }
            shown["relation"] = relation;
        }
        shown
    }
}
