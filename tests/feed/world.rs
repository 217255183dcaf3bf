//! A small world of people and posts, which changes at random: in the database, and in a naive model of it, from
//! which the feed is read as plainly as it can be said.

use std::collections::{BTreeMap, BTreeSet};

use kith::platform::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

use crate::kith_native::{BEGINNING, Kith, token};

/// A person, by their place: the one who reads is the first.
type Person = usize;

const READER: Person = 0;

/// Moments at which posts of the time before were written.
const PAST: u64 = 1_000;

/// What a feed tells of a post, as far as it can be wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed {
    pub id: String,
    author: String,
    caption: String,
    visibility: String,
    like_count: usize,
    liked: bool,
}

impl Fed {
    pub fn of(post: &Json) -> Self {
        let text = |pointer: &str| post.pointer(pointer).and_then(Json::as_str).unwrap();
        let likes = post["like_count"].as_u64().unwrap();
        Self {
            id: text("/id").to_owned(),
            author: text("/author/id").to_owned(),
            caption: text("/caption").to_owned(),
            visibility: text("/visibility").to_owned(),
            like_count: usize::try_from(likes).unwrap(),
            liked: post["liked"].as_bool().unwrap(),
        }
    }
}

/// A page as it should be.
pub struct Page {
    pub posts: Vec<Fed>,
    /// The id after which the feed goes on, if it does.
    pub goes_on_after: Option<String>,
}

struct Post {
    author: Person,
    caption: String,
    followers_only: bool,
    is_comment: bool,
    is_there: bool,
    likes: BTreeSet<Person>,
}

#[derive(Default)]
struct Standing {
    suspended: bool,
    muted: bool,
    /// Whether the reader follows them, and they have accepted.
    followed: Option<bool>,
    /// Whether they block the reader, and the reader them.
    blocks: [bool; 2],
}

pub struct World<'a> {
    kith: &'a Kith,
    random: ChaCha8Rng,
    seed: u64,
    token: String,
    people: Vec<Standing>,
    posts: BTreeMap<String, Post>,
    now: u64,
    written: u64,
}

macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(Value::from($value)),*] };
}

impl<'a> World<'a> {
    /// People, who mostly follow each other, and what they have posted.
    pub fn new(kith: &'a Kith, seed: u64) -> Self {
        let mut world = Self {
            kith,
            random: ChaCha8Rng::seed_from_u64(seed),
            seed,
            token: String::new(),
            people: Vec::new(),
            posts: BTreeMap::new(),
            now: PAST,
            written: 0,
        };
        for place in 0..world.draw(2, 8) {
            world.settle_in(place);
        }
        let reader = world.id(READER);
        let session = world.name("5", 0);
        world.kith.write(&[(
            "insert into sessions (
               id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at
             ) values (?1, ?2, '', ?1, ?3, ?3, ?3, ?3 + 600000)",
            params![session.as_str(), reader.as_str(), BEGINNING],
        )]);
        world.token = token(&reader, &session);
        for _ in 0..world.draw(0, 6) {
            world.change_relation();
        }
        // Some write much, some little.
        let most = world.draw(5, 80);
        for _ in 0..world.draw(0, most) {
            let at = world.random.random_range(0..PAST);
            world.post(at);
        }
        world
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// A number from `least` up to `end`, which is no more part of it.
    pub fn draw(&mut self, least: usize, end: usize) -> usize {
        self.random.random_range(least..end.max(least + 1))
    }

    fn happens(&mut self, chance: f64) -> bool {
        self.random.random_bool(chance)
    }

    /// An id of this world's own.
    fn name(&self, kind: &str, place: usize) -> String {
        let [high, low] = [self.seed >> 16, self.seed & 0xffff];
        format!(
            "{place:08x}-{kind}000-7000-8000-{:08x}{low:04x}",
            high & 0xffff_ffff
        )
    }

    fn id(&self, person: Person) -> String {
        self.name("a", person)
    }

    fn settle_in(&mut self, place: Person) {
        let id = self.id(place);
        self.kith.write(&[(
            "insert into users (id, username, email, password_hash, display_name, created_at)
             values (?1, ?1, ?1, '', 'Somebody', 0)",
            params![id.as_str()],
        )]);
        self.people.push(Standing::default());
        if place != READER && self.happens(0.8) {
            let accepted = self.happens(0.9);
            self.set_follow(place, Some(accepted));
        }
    }

    fn set_follow(&mut self, followee: Person, accepted: Option<bool>) {
        let (reader, followee_id) = (self.id(READER), self.id(followee));
        let pair = params![reader.as_str(), followee_id.as_str()];
        self.kith.write(&[(
            "delete from follows where follower_id = ?1 and followee_id = ?2",
            pair,
        )]);
        if let Some(accepted) = accepted {
            let state = if accepted { "accepted" } else { "pending" };
            self.kith.write(&[(
                "insert into follows values (?1, ?2, ?3, 0)",
                params![reader.as_str(), followee_id.as_str(), state],
            )]);
        }
        self.standing(followee).followed = accepted;
    }

    fn standing(&mut self, person: Person) -> &mut Standing {
        self.people.get_mut(person).unwrap()
    }

    /// A new post or, now and then, a comment, under the id of that moment: others of later moments may be there
    /// already, because an id is made before it is committed.
    fn post(&mut self, at: u64) {
        let author = self.draw(0, self.people.len());
        let followers_only = self.happens(0.3);
        let root = self.happens(0.15).then(|| self.any_post()).flatten();
        self.written += 1;
        let (seed, written) = (self.seed, self.written);
        let id = format!(
            "019{at:05x}-0000-7{written:03x}-8000-{:012x}",
            seed & 0xffff_ffff_ffff
        );
        let caption = format!("Number {written}");
        let visibility = if followers_only {
            "followers"
        } else {
            "public"
        };
        self.kith.write(&[(
            "insert into posts (id, author_id, caption, visibility, reply_to, audience_id, created_at)
             values (?1, ?2, ?3, ?4, ?5, ?2, 0)",
            params![
                id.as_str(),
                self.id(author).as_str(),
                caption.as_str(),
                visibility,
                root.as_deref()
            ],
        )]);
        let post = Post {
            author,
            caption,
            followers_only,
            is_comment: root.is_some(),
            is_there: true,
            likes: BTreeSet::new(),
        };
        self.posts.insert(id, post);
    }

    fn any_post(&mut self) -> Option<String> {
        let place = self.draw(0, self.posts.len());
        self.posts.keys().nth(place).cloned()
    }

    /// Somebody does something.
    pub fn change(&mut self) {
        match self.draw(0, 10) {
            0..3 => {
                self.now += 1;
                self.post(self.now);
            }
            3 => {
                let at = self.random.random_range(0..self.now);
                self.post(at);
            }
            place @ 4..7 => {
                if let Some(id) = self.any_post() {
                    self.change_post(&id, place - 4);
                }
            }
            _ => self.change_relation(),
        }
    }

    fn change_post(&mut self, id: &str, how: usize) {
        let person = self.draw(0, self.people.len());
        let person_id = self.id(person);
        let removed = self.happens(0.5);
        let (now, post) = (self.now, self.posts.get_mut(id).unwrap());
        match how {
            0 => {
                let sql = if removed {
                    "update posts set removed_at = 1 where id = ?1"
                } else {
                    "update posts set deleted_at = 1, caption = '' where id = ?1"
                };
                self.kith.write(&[(sql, params![id])]);
                post.is_there = false;
            }
            1 if post.is_there => {
                post.caption = format!("Edited at {now}");
                self.kith.write(&[(
                    "update posts set caption = ?2, edited_at = 1, version = version + 1 where id = ?1",
                    params![id, post.caption.as_str()],
                )]);
            }
            _ if post.likes.insert(person) => self.kith.write(&[
                (
                    "insert into likes values (?1, ?2, 0)",
                    params![id, person_id.as_str()],
                ),
                (
                    "update posts set like_count = like_count + 1 where id = ?1",
                    params![id],
                ),
            ]),
            _ => {}
        }
    }

    fn change_relation(&mut self) {
        let other = self.draw(1, self.people.len().max(2));
        if other >= self.people.len() {
            return;
        }
        match self.draw(0, 8) {
            0 => self.set_follow(other, None),
            1 | 2 => {
                let accepted = self.happens(0.8);
                self.set_follow(other, Some(accepted));
            }
            3 | 4 => {
                let muted = !self.standing(other).muted;
                self.standing(other).muted = muted;
                self.set_pair("mutes", "muter_id", "muted_id", (READER, other), muted);
            }
            5 => {
                let suspended = !self.standing(other).suspended;
                self.standing(other).suspended = suspended;
                let status = if suspended { "suspended" } else { "active" };
                let id = self.id(other);
                self.kith.write(&[(
                    "update users set status = ?2 where id = ?1",
                    params![id.as_str(), status],
                )]);
            }
            _ => self.change_block(other),
        }
    }

    /// A block ends the follow. Now and then it is left, which must not be and yet must show nothing.
    fn change_block(&mut self, other: Person) {
        let way = self.draw(0, 2);
        let blocks = !self.people.get(other).unwrap().blocks.get(way).unwrap();
        *self.standing(other).blocks.get_mut(way).unwrap() = blocks;
        let pair = if way == 0 {
            (other, READER)
        } else {
            (READER, other)
        };
        self.set_pair("blocks", "blocker_id", "blocked_id", pair, blocks);
        if blocks && self.happens(0.7) {
            self.set_follow(other, None);
        }
    }

    fn set_pair(&self, table: &str, from: &str, to: &str, pair: (Person, Person), is: bool) {
        let sql = if is {
            format!("insert into {table} values (?1, ?2, 0)")
        } else {
            format!("delete from {table} where {from} = ?1 and {to} = ?2")
        };
        let (one, other) = (self.id(pair.0), self.id(pair.1));
        self.kith
            .write(&[(&sql, params![one.as_str(), other.as_str()])]);
    }

    /// Whether the feed comes to a post: it is there, no comment, and one's own or of somebody active whom one
    /// follows and does not mute.
    fn comes_to(&self, post: &Post) -> bool {
        let standing = self.people.get(post.author).unwrap();
        let wanted = standing.followed == Some(true) && !standing.muted && !standing.suspended;
        post.is_there && !post.is_comment && (post.author == READER || wanted)
    }

    /// Whether it may be shown, besides.
    fn is_shown(&self, post: &Post) -> bool {
        self.comes_to(post) && self.people.get(post.author).unwrap().blocks == [false; 2]
    }

    /// The ids of all that the reader would be shown now.
    pub fn feed(&self) -> BTreeSet<String> {
        let shown = self.posts.iter().filter(|(_, post)| self.is_shown(post));
        shown.map(|(id, _)| id.clone()).collect()
    }

    /// The page of at most `limit` posts after the id `after`, as it must be now.
    pub fn page(&self, after: Option<&str>, limit: usize) -> Page {
        let before = |id: &str| after.is_none_or(|after| id < after);
        let posts = self.posts.iter().rev();
        let posts: Vec<_> = posts
            .filter(|(id, post)| before(id) && self.comes_to(post))
            .collect();
        let on_page = posts.iter().take(limit);
        let last = on_page.clone().next_back().map(|(id, _)| (*id).clone());
        let shown = on_page.filter(|(_, post)| self.is_shown(post));
        Page {
            posts: shown.map(|(id, post)| self.fed(id, post)).collect(),
            goes_on_after: last.filter(|_| posts.len() > limit),
        }
    }

    fn fed(&self, id: &str, post: &Post) -> Fed {
        let visibility = if post.followers_only {
            "followers"
        } else {
            "public"
        };
        Fed {
            id: id.to_owned(),
            author: self.id(post.author),
            caption: post.caption.clone(),
            visibility: visibility.to_owned(),
            like_count: post.likes.len(),
            liked: post.likes.contains(&READER),
        }
    }
}
