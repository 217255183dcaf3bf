//! Posts, who may see them, and likes.

use kith::time::Timestamp;
use serde_json::{Value, json};

use super::{Caller, Id, Model, News, Status, Task};

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
    pub edited_at: Option<Timestamp>,
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
            edited_at: None,
            deleted: false,
            removed: false,
        }
    }

    /// A comment: it is for whom the post is for that it answers.
    pub fn reply(
        parent: &Id,
        to: &Self,
        author: &str,
        caption: &str,
        created_at: Timestamp,
    ) -> Self {
        Self {
            author: author.to_owned(),
            caption: caption.to_owned(),
            reply_to: Some(parent.clone()),
            version: 1,
            created_at,
            edited_at: None,
            deleted: false,
            removed: false,
            ..to.clone()
        }
    }

    /// The words of its caption that begin with a sign, which stand between spaces here.
    fn words<'a>(&'a self, sign: &'a str) -> impl Iterator<Item = &'a str> {
        let words = self.caption.split(' ');
        words.filter_map(move |word| word.strip_prefix(sign))
    }

    /// The hashtags of its caption.
    pub fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = vec![];
        for tag in self.words("#").map(str::to_lowercase) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// Where its caption names people.
    pub fn mentions(&self) -> Vec<Value> {
        let mut place = 0;
        let mut found = vec![];
        for word in self.caption.split(' ') {
            let end = place + word.chars().count();
            if let Some(name) = word.strip_prefix('@') {
                found.push(json!({"username": name, "start": place, "end": end}));
            }
            place = end + 1;
        }
        found
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
        self.posts.get(id).is_some_and(Post::is_there) && self.is_for(viewer, id)
    }

    /// Whether `viewer` may see a post, or the stub of one that is gone and still has comments.
    pub fn may_see_what_is_left(&self, viewer: Option<&str>, id: &str) -> bool {
        let is_left = |post: &Post| post.is_there() || self.comment_count(id) > 0;
        self.posts.get(id).is_some_and(is_left) && self.is_for(viewer, id)
    }

    /// Whether `viewer` may add to a post and see what others have: one's own comment is not enough, if whoever
    /// began its thread lets one take part no more.
    pub fn may_join(&self, viewer: Option<&str>, id: &str) -> bool {
        self.may_see(viewer, id) && self.is_shared(viewer, id, Self::blocked_between)
    }

    /// Whether `viewer` may see what hangs on a post, or on the stub of one.
    pub fn may_join_what_is_left(&self, viewer: Option<&str>, id: &str) -> bool {
        self.may_see_what_is_left(viewer, id) && self.is_shared(viewer, id, Self::blocked_between)
    }

    /// Whether `viewer` may report a post: whom they block themselves does not matter.
    pub fn may_report(&self, viewer: &str, id: &str) -> bool {
        let blocks = |model: &Self, person: &str, viewer: &str| {
            let pair = (person.to_owned(), viewer.to_owned());
            model.blocks.contains_key(&pair)
        };
        self.posts.get(id).is_some_and(|post| {
            post.is_there()
                && self.users[&post.author].status == Status::Active
                && (post.author == viewer || self.is_shared(Some(viewer), id, blocks))
        })
    }

    fn is_for(&self, viewer: Option<&str>, id: &str) -> bool {
        let author = &self.posts[id].author;
        self.users[author].status == Status::Active
            && (viewer == Some(author.as_str())
                || self.is_shared(viewer, id, Self::blocked_between))
    }

    /// Whether whoever began its thread gives a post to `viewer` to see, where `hides` says which blocks count.
    fn is_shared(
        &self,
        viewer: Option<&str>,
        id: &str,
        hides: impl Fn(&Self, &str, &str) -> bool,
    ) -> bool {
        let post = &self.posts[id];
        let Some(viewer) = viewer else {
            return !post.followers_only;
        };
        let follows = self.follow(viewer, &post.audience) == Some(true);
        let invited = post.audience == viewer || follows;
        (!post.followers_only || invited)
            && !hides(self, &post.author, viewer)
            && !hides(self, &post.audience, viewer)
    }

    /// Whether a post is in the feed of `viewer`: it is no comment, and one's own or by somebody whom one follows
    /// and does not mute.
    pub fn is_in_feed(&self, viewer: &str, id: &str) -> bool {
        let post = &self.posts[id];
        let followed = self.follow(viewer, &post.author) == Some(true);
        let mute = (viewer.to_owned(), post.author.clone());
        post.reply_to.is_none()
            && (post.author == viewer || followed && !self.mutes.contains_key(&mute))
            && self.may_see(Some(viewer), id)
    }

    pub fn publish(&mut self, id: Id, post: Post) {
        if post.reply_to.is_none() {
            self.users.get_mut(&post.author).unwrap().posts += 1;
        }
        self.posts.insert(id, post);
    }

    /// Whom a post that was just written, and named nobody of `before`, is told to.
    pub fn news_of(&self, id: &str, before: &[Value]) -> Vec<Task> {
        let post = &self.posts[id];
        let parent = post.reply_to.as_ref().map(|parent| &self.posts[parent]);
        let news = |kind, recipient: &Id| {
            Task::Tell(News {
                kind,
                post: Some(id.to_owned()),
                actor: Some(post.author.clone()),
                recipient: recipient.clone(),
            })
        };
        let mut named: Vec<&str> = post.words("@").collect();
        named.sort_unstable();
        named.dedup();
        named.retain(|name| !before.iter().any(|mention| mention["username"] == *name));
        let people = self.users.iter().filter(|(person, user)| {
            named.contains(&user.username.as_str())
                && user.status == Status::Active
                && **person != post.author
                && parent.is_none_or(|parent| parent.author != **person)
        });
        people.map(|(person, _)| news("mention", person)).collect()
    }

    /// Whom a new comment is told to as an answer.
    pub fn news_of_answer(&self, id: &str) -> Option<Task> {
        let post = &self.posts[id];
        let parent = &self.posts[post.reply_to.as_ref()?];
        let kind = parent.reply_to.as_ref().map_or("comment", |_| "reply");
        (parent.author != post.author).then(|| {
            Task::Tell(News {
                kind,
                post: Some(id.to_owned()),
                actor: Some(post.author.clone()),
                recipient: parent.author.clone(),
            })
        })
    }

    /// Lets a post say something else.
    pub fn edit(&mut self, id: &str, caption: &str, now: Timestamp) {
        let post = self.posts.get_mut(id).unwrap();
        caption.clone_into(&mut post.caption);
        post.edited_at = Some(now);
        post.version += 1;
    }

    /// Takes a post away, for its author or for a moderator; what that leaves to do.
    pub fn take_away(&mut self, id: &str, by_author: bool) -> Task {
        let post = self.posts.get_mut(id).unwrap();
        if by_author {
            post.deleted = true;
            post.caption.clear();
        } else {
            post.removed = true;
        }
        post.version += 1;
        let author = post.author.clone();
        if post.reply_to.is_none() {
            self.users.get_mut(&author).unwrap().posts -= 1;
        }
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
        let told = [&recipient, "like", id, &actor].map(str::to_owned);
        let news = News {
            kind: "like",
            post: Some(id.to_owned()),
            actor: Some(actor.clone()),
            recipient: recipient.clone(),
        };
        (actor != recipient && !self.told.contains(&told)).then_some(Task::Tell(news))
    }

    pub fn unlike(&mut self, caller: &Caller, id: &str) {
        self.likes.remove(&(id.to_owned(), caller.user.clone()));
    }

    pub fn like_count(&self, id: &str) -> usize {
        self.likers(id).len()
    }

    /// How many direct replies are there.
    pub fn comment_count(&self, id: &str) -> usize {
        let replies = self.posts.values();
        replies
            .filter(|post| post.is_there() && post.reply_to.as_deref() == Some(id))
            .count()
    }

    pub fn mutes(&self, viewer: Option<&str>, author: &str) -> bool {
        viewer.is_some_and(|viewer| {
            self.mutes
                .contains_key(&(viewer.to_owned(), author.to_owned()))
        })
    }

    /// A post as `viewer` sees it, or its stub.
    pub fn post_or_stub(&self, viewer: Option<&str>, id: &str) -> Value {
        if self.posts[id].is_there() {
            self.post(viewer, id)
        } else {
            json!({"id": id, "deleted": true})
        }
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
            "tags": post.tags(),
            "mentions": post.mentions(),
            "like_count": self.like_count(id),
            "comment_count": self.comment_count(id),
            "liked": self.likes_it(viewer, id),
            "created_at": post.created_at,
            "edited_at": post.edited_at,
            "version": post.version,
        })
    }
}
