//! Posts, who may see them, and likes.

use super::{Caller, Id, Job, Model, Status};

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
    pub fn root(author: &str, post: &NewPost) -> Self {
        Self {
            author: author.to_owned(),
            caption: post.caption.clone(),
            followers_only: post.followers_only,
            reply_to: None,
            audience: author.to_owned(),
            version: 1,
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
        let follow = (viewer.to_owned(), post.audience.clone());
        let invited = post.audience == viewer || self.follows.contains(&follow);
        (!post.followers_only || invited)
            && !self.blocked_between(&post.author, viewer)
            && !self.blocked_between(&post.audience, viewer)
    }

    pub fn publish(&mut self, id: Id, post: Post) {
        self.users.get_mut(&post.author).unwrap().posts += 1;
        self.posts.insert(id, post);
    }

    /// Deletes a post, which leaves a job.
    pub fn delete(&mut self, id: &str) -> Job {
        let post = self.posts.get_mut(id).unwrap();
        post.deleted = true;
        post.caption.clear();
        post.version += 1;
        let author = post.author.clone();
        self.users.get_mut(&author).unwrap().posts -= 1;
        Job::PostDeleted {
            post: id.to_owned(),
            author,
        }
    }

    /// A like; the job of it, if somebody is to be told.
    pub fn like(&mut self, caller: &Caller, id: &str) -> Option<Job> {
        let actor = caller.user.clone();
        let new = self.likes.insert((id.to_owned(), actor.clone()));
        let recipient = self.posts[id].author.clone();
        let told = (recipient.clone(), id.to_owned(), actor.clone());
        let job = Job::Like {
            post: id.to_owned(),
            actor: actor.clone(),
            recipient: recipient.clone(),
        };
        (new && actor != recipient && !self.told.contains(&told)).then_some(job)
    }

    pub fn unlike(&mut self, caller: &Caller, id: &str) {
        self.likes.remove(&(id.to_owned(), caller.user.clone()));
    }

    pub fn like_count(&self, id: &str) -> usize {
        self.likers(id).count()
    }

    pub fn likers(&self, id: &str) -> impl Iterator<Item = &Id> {
        let post = id.to_owned();
        self.likes
            .iter()
            .filter(move |(liked, _)| *liked == post)
            .map(|(_, user)| user)
    }

    pub fn likes_it(&self, viewer: Option<&str>, id: &str) -> bool {
        viewer.is_some_and(|viewer| self.likes.contains(&(id.to_owned(), viewer.to_owned())))
    }
}
