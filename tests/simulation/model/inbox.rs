//! What a person is told.

use std::collections::BTreeMap;

use super::jobs::ABOUT_POSTS;
use super::{Id, News};

/// A person's list of notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// How many changes there were.
    pub last_seq: i64,
    /// Everything up to this change is read.
    pub read_seq: i64,
    /// By kind and what it is about.
    pub groups: BTreeMap<(&'static str, Id), Group>,
}

/// What is told as one, such as the likes of one post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub seq: i64,
    /// Everybody who was told of, the latest last; nobody in particular where the moderators did it.
    pub actors: Vec<Option<Id>>,
    /// The post that it is about, if it is about one.
    pub post: Option<Id>,
}

impl Inbox {
    /// Something happened.
    pub fn tell(&mut self, news: &News) {
        self.last_seq += 1;
        let key = (news.kind, news.subject().to_owned());
        let group = self.groups.entry(key).or_default();
        group.seq = self.last_seq;
        group.actors.push(news.actor.clone());
        group.post.clone_from(&news.post);
    }

    /// A post is gone. What was read stays read, and what the moderators did stays told.
    pub fn forget(&mut self, post: &str) {
        let before = self.groups.len();
        self.groups
            .retain(|(kind, subject), _| subject != post || !ABOUT_POSTS.contains(kind));
        if self.groups.len() < before {
            if self.read_seq == self.last_seq {
                self.read_seq += 1;
            }
            self.last_seq += 1;
        }
    }

    /// Everything up to a change is read.
    pub fn mark_read(&mut self, up_to: i64) {
        self.read_seq = self.read_seq.max(up_to.min(self.last_seq));
    }

    pub fn unread(&self) -> usize {
        self.groups
            .values()
            .filter(|group| group.seq > self.read_seq)
            .count()
    }
}
