//! Posts, who may see them, and likes.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Id, Model, Status, Task};

/// A post or a comment.
#[derive(Clone, Debug)]
pub struct Post {
    pub author: Id,
    pub caption: String,
    pub followers_only: bool,
    /// The post it comments on.
    pub reply_to: Option<Id>,
    /// Who began its thread.
    pub audience: Id,
    pub version: i64,
    pub created_at: Timestamp,
    pub deleted: bool,
    pub removed: bool,
}

/// What an author says about a new post.
#[derive(Clone, Debug)]
pub struct NewPost {
    pub caption: String,
    pub followers_only: bool,
}

impl Post {
    pub fn root(author: &str, post: &NewPost, created_at: Timestamp) -> Self {
        Self {
            author: author.to_owned(),
            caption: post.caption.clone(),
            followers_only: post.followers_only,
            reply_to: None,
            audience: author.to_owned(),
            version: 1,
            created_at,
            deleted: false,
            removed: false,
        }
    }

    /// Whether neither its author nor a moderator has taken it away.
    pub fn is_there(&self) -> bool {
        !self.deleted && !self.removed
    }
}

impl Model {
    /// Whether `viewer`, or nobody in particular, may see a post. Written from the product's rules,
    /// not from the predicate in SQL.
    pub fn may_see(&self, viewer: Option<&str>, id: &str) -> bool {
        let Some(post) = self.posts.get(id) else {
            return false;
        };
        if !post.is_there() || self.users[&post.author].status != Status::Active {
            return false;
        }
        let Some(viewer) = viewer else {
            return !post.followers_only;
        };
        if post.author == viewer {
            return true;
        }
        let follows = self.follow(viewer, &post.audience) == Some(true);
        let invited = post.audience == viewer || follows;
        (!post.followers_only || invited)
            && !self.blocked_between(&post.author, viewer)
            && !self.blocked_between(&post.audience, viewer)
    }

    pub fn publish(&mut self, id: Id, post: Post) {
        self.users.get_mut(&post.author).unwrap().posts += 1;
        self.posts.insert(id, post);
    }

    /// Deletes a post; what that leaves to do.
    pub fn delete(&mut self, id: &str) -> Task {
        let post = self.posts.get_mut(id).unwrap();
        post.deleted = true;
        post.caption.clear();
        post.version += 1;
        let author = post.author.clone();
        self.users.get_mut(&author).unwrap().posts -= 1;
        Task::PostDeleted {
            post: id.to_owned(),
            author,
        }
    }

    /// A like; what it leaves to do, if somebody is to be told.
    pub fn like(&mut self, caller: &Caller, id: &str, now: Timestamp) -> Option<Task> {
        let actor = caller.user.clone();
        let key = (id.to_owned(), actor.clone());
        if self.likes.contains_key(&key) {
            return None;
        }
        self.likes.insert(key, now);
        let recipient = self.posts[id].author.clone();
        let told = (recipient.clone(), id.to_owned(), actor.clone());
        let task = Task::Like {
            post: id.to_owned(),
            actor: actor.clone(),
            recipient: recipient.clone(),
        };
        (actor != recipient && !self.told.contains(&told)).then_some(task)
    }

    pub fn unlike(&mut self, caller: &Caller, id: &str) {
        self.likes.remove(&(id.to_owned(), caller.user.clone()));
    }

    pub fn like_count(&self, id: &str) -> usize {
        self.likers(id).len()
    }

    /// Who likes a post, newest like first, each with the key of their place in the list.
    pub fn likers(&self, id: &str) -> Vec<(String, &Id)> {
        let likes = self.likes.iter().filter(|((post, _), _)| post == id);
        let mut people: Vec<_> = likes
            .map(|((_, user), at)| (format!("{:016} {user}", at.millis()), user))
            .collect();
        people.sort();
        people.reverse();
        people
    }

    pub fn likes_it(&self, viewer: Option<&str>, id: &str) -> bool {
        let key = |viewer: &str| (id.to_owned(), viewer.to_owned());
        viewer.is_some_and(|viewer| self.likes.contains_key(&key(viewer)))
    }

    /// A post as `viewer` sees it.
    pub fn post(&self, viewer: Option<&str>, id: &str) -> Value {
        let post = &self.posts[id];
        json!({
            "id": id,
            "author": self.short(&post.author),
            "caption": post.caption,
            "media": [],
            "visibility": if post.followers_only { "followers" } else { "public" },
            "reply_to": post.reply_to,
            "tags": [],
            "mentions": [],
            "like_count": self.like_count(id),
            "comment_count": 0,
            "liked": self.likes_it(viewer, id),
            "created_at": post.created_at,
            "edited_at": null,
            "version": post.version,
        })
    }
}
