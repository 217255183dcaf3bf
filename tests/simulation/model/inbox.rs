//! What a person is told.

use std::collections::BTreeMap;

use super::Id;

/// A person's list of notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// How many changes there were.
    pub last_seq: i64,
    /// Everything up to this change is read.
    pub read_seq: i64,
    /// By post.
    pub groups: BTreeMap<Id, Group>,
}

/// The likes of one post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub seq: i64,
    /// Everybody who was told of, the latest last.
    pub actors: Vec<Id>,
}

impl Inbox {
    /// Somebody likes a post.
    pub fn tell(&mut self, post: &str, actor: &str) {
        self.last_seq += 1;
        let group = self.groups.entry(post.to_owned()).or_insert(Group {
            seq: 0,
            actors: vec![],
        });
        group.seq = self.last_seq;
        group.actors.push(actor.to_owned());
    }

    /// A post was deleted. What was read stays read.
    pub fn forget(&mut self, post: &str) {
        if self.groups.remove(post).is_some() {
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
