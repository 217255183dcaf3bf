//! What is done to the database directly, and to the model alike: what has no route yet, and what an
//! admin does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Version};

use kith::id::{PostId, RegistrationId, SessionId, UserId};
use kith::platform::native::{Timeline, VirtualClock};
use kith::platform::{Clock, Value};
use kith::time::Timestamp;

use crate::model::{
    Caller, Follow, Id, KEPT, LONGEST_LIFE, NewPost, OLDER_HASH, Post, Registration, Session,
    Status, User,
};
use crate::refresh_tokens;
use crate::scenarios::{LINKS, OTHER_PASSWORD, PASSWORD, hash_of_link, token_of_link};
use crate::world::{BEGINNING, World};

/// A password's hash, computed once: what it costs is not what is tested here.
fn hash_of(password: &str) -> String {
    static HASHES: OnceLock<[String; 2]> = OnceLock::new();
    let hashes = HASHES.get_or_init(|| [PASSWORD, OTHER_PASSWORD].map(|text| hash(text, 19, 2)));
    hashes[usize::from(password == OTHER_PASSWORD)].clone()
}

/// The hash of the usual password, with other parameters.
fn older_hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(PASSWORD, 4, 1)).clone()
}

fn hash(password: &str, mebibytes: u32, passes: u32) -> String {
    let salt = SaltString::encode_b64(b"sixteen bytes...").unwrap();
    let parameters = argon2::Params::new(mebibytes * 1_024, passes, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    argon2
        .hash_password(password.as_bytes(), &salt)
        .unwrap()
        .to_string()
}

macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(Value::from($value)),*] };
}

impl World {
    pub fn write(&self, sql: &str, params: &[Value]) {
        self.write_all(&[(sql, params)]);
    }

    /// The model must follow before anything else is written.
    fn write_all(&self, statements: &[(&str, &[Value])]) {
        self.keep_the_past();
        self.database.batch(statements).unwrap();
    }

    /// Somebody new, who did not register.
    pub fn settle_in(&self, username: &str) -> Id {
        let id = UserId::generate(&self.clock, self.random.as_ref()).to_string();
        let user = User::new(username, PASSWORD, self.clock.now());
        self.write_all(&[
            (
                "insert into users (
               id, username, email, password_hash, display_name, created_at, number
             ) values (?1, ?2, ?3, ?4, ?2, ?5, (select coalesce(max(number), 0) + 1 from users))",
                params![
                    id.as_str(),
                    username,
                    user.email.as_str(),
                    hash_of(PASSWORD),
                    user.created_at
                ],
            ),
            (
                "insert into users_text (rowid, username, display_name)
             select number, username, display_name from users where id = ?1",
                params![id.as_str()],
            ),
        ]);
        self.state().model.users.insert(id.clone(), user);
        id
    }

    /// A registration that has been waiting for up to a day and a bit, with names of their own or of others.
    fn leave_waiting(&self, other: &str) {
        let age = Duration::from_mins(self.chaos.below(60 * 25));
        let clock = VirtualClock::new(self.timeline.clone(), BEGINNING.minus(age));
        let id = RegistrationId::generate(&clock, self.random.as_ref()).to_string();
        let user = self.state().model.users[other].clone();
        let own = format!("waiting_{}", self.next_choice());
        let username = if self.chaos.happens(0.1) {
            user.username
        } else {
            own
        };
        let email = if self.chaos.happens(0.2) {
            user.email
        } else {
            format!("{username}@example.com")
        };
        let registration = Registration {
            username,
            email,
            hash: PASSWORD,
            created_at: clock.now(),
        };
        self.write(
            "insert into registrations (
               id, username, email, password_hash, display_name, created_at, expires_at
             ) values (?1, ?2, ?3, ?4, ?2, ?5, ?6)",
            params![
                id.as_str(),
                registration.username.as_str(),
                registration.email.as_str(),
                hash_of(PASSWORD),
                registration.created_at,
                registration.expires_at()
            ],
        );
        self.state().model.registrations.insert(id, registration);
    }

    /// A session on another device; a few last for minutes only, and a few have nearly lived as long as any
    /// may.
    pub fn open_session(&self, user: &str) -> Caller {
        let minutes = || Duration::from_mins(1 + self.chaos.below(90));
        let now = self.clock.now();
        if self.chaos.happens(0.1) {
            return self.insert_session(user, now, now.plus(minutes()));
        }
        let began = if self.chaos.happens(0.1) {
            now.minus(LONGEST_LIFE).plus(minutes())
        } else {
            now
        };
        self.insert_session(user, began, began.plus(LONGEST_LIFE))
    }

    /// A session of former times, which is soon to be forgotten.
    pub fn leave_long_ago(&self, user: &str) {
        let minutes = Duration::from_mins(self.chaos.below(30));
        let began = self.clock.now().minus(KEPT).plus(minutes);
        self.insert_session(user, began, began.plus(LONGEST_LIFE));
    }

    fn insert_session(&self, user: &str, began: Timestamp, expires_at: Timestamp) -> Caller {
        let clock = VirtualClock::new(Timeline::new(), began);
        let session = SessionId::generate(&clock, self.random.as_ref()).to_string();
        let hash = refresh_tokens::first(&session).hash();
        self.write(
            "insert into sessions (
               id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at
             ) values (?1, ?2, '', ?5, ?3, ?3, ?3, ?4)",
            params![session.as_str(), user, began, expires_at, hash.as_str()],
        );
        let opened = Session::open(user, hash, began, expires_at);
        self.state().model.sessions.insert(session.clone(), opened);
        Caller {
            user: user.to_owned(),
            session,
        }
    }

    /// Anybody's session.
    pub fn any_session(&self) -> Id {
        let state = self.state();
        let place = self.chaos.pick(state.model.sessions.len());
        state.model.sessions.keys().nth(place).unwrap().clone()
    }

    /// A post or a comment that was there before.
    pub fn write_post(&self, author: &str, post: &NewPost, reply_to: Option<&Id>) -> Id {
        let id = PostId::generate(&self.clock, self.random.as_ref()).to_string();
        let now = self.clock.now();
        let written = match reply_to {
            None => Post::root(author, post, now),
            Some(parent) => {
                let state = self.state();
                Post::reply(
                    parent,
                    &state.model.posts[parent],
                    author,
                    &post.caption,
                    now,
                )
            }
        };
        let visibility = if written.followers_only {
            "followers"
        } else {
            "public"
        };
        self.write_all(&[
            (
                "insert into posts (
               id, author_id, caption, visibility, reply_to, audience_id, created_at, number
             ) values (
               ?1, ?2, ?3, ?4, ?5, ?6, ?7, (select coalesce(max(number), 0) + 1 from posts)
             )",
                params![
                    id.as_str(),
                    author,
                    written.caption.as_str(),
                    visibility,
                    written.reply_to.as_deref(),
                    written.audience.as_str(),
                    written.created_at,
                ],
            ),
            (
                "insert into posts_text (rowid, caption, audience)
             select number, caption, audience from posts where id = ?1",
                params![id.as_str()],
            ),
            (
                "update users set post_count = post_count + 1 where id = ?1 and ?2 is null",
                params![author, written.reply_to.as_deref()],
            ),
            (
                "update posts set comment_count = comment_count + 1 where id = ?1",
                params![written.reply_to.as_deref()],
            ),
        ]);
        self.state().model.publish(id.clone(), written);
        id
    }

    fn set_status(&self, user: &str, status: Status) {
        self.write(
            "update users set status = ?2, version = version + 1 where id = ?1",
            params![user, status.name()],
        );
        self.state().model.users.get_mut(user).unwrap().status = status;
    }

    /// At the console, where nothing keeps the last admin.
    pub fn set_role(&self, user: &str, role: &'static str) {
        self.write(
            "update users set role = ?2 where id = ?1",
            params![user, role],
        );
        self.state().model.users.get_mut(user).unwrap().role = role;
    }

    /// A link that makes a first admin; a few are good for minutes only.
    fn make_link(&self) {
        let hash = hash_of_link(&token_of_link(self.chaos.pick(LINKS)));
        let minutes = if self.chaos.happens(0.3) { 2 } else { 24 * 60 };
        let expires_at = self.clock.now().plus(Duration::from_mins(minutes));
        self.write(
            "insert into setup_tokens values (?1, ?2)
             on conflict do update set expires_at = excluded.expires_at",
            params![hash.as_str(), expires_at],
        );
        self.state().model.links.insert(hash, expires_at);
    }

    /// As a moderator would. Nobody brings a post back: what was told about it is forgotten for good.
    fn remove_post(&self, post: &str) {
        let written = self.state().model.posts[post].clone();
        if written.deleted || written.removed {
            return;
        }
        let (author, parent) = (written.author, written.reply_to);
        self.write_all(&[
            (
                "update posts set removed_at = ?2 where id = ?1",
                params![post, self.clock.now()],
            ),
            (
                "update users set post_count = post_count - 1 where id = ?1 and ?2 is null",
                params![author.as_str(), parent.as_deref()],
            ),
            (
                "update posts set comment_count = comment_count - 1 where id = ?1",
                params![parent.as_deref()],
            ),
            ("delete from post_tags where post_id = ?1", params![post]),
        ]);
        let model = &mut self.state().model;
        model.posts.get_mut(post).unwrap().removed = true;
        if parent.is_none() {
            model.users.get_mut(&author).unwrap().posts -= 1;
        }
    }

    /// Follows, or has asked to, before the story begins.
    pub fn befriend(&self, from: &str, to: &str, accepted: bool) {
        let state = if accepted { "accepted" } else { "pending" };
        let at = self.clock.now();
        self.write_all(&[
            (
                "insert into follows values (?1, ?2, ?3, ?4)",
                params![from, to, state, at],
            ),
            (
                "update users
                 set following_count = following_count + ?2, requested_count = requested_count + 1 - ?2
                 where id = ?1",
                params![from, accepted],
            ),
            (
                "update users set follower_count = follower_count + ?2 where id = ?1",
                params![to, accepted],
            ),
        ]);
        let pair = (from.to_owned(), to.to_owned());
        let follow = Follow { accepted, at };
        self.state().model.follows.insert(pair, follow);
    }

    /// Sets a password, under a hash of today's parameters or of others.
    fn set_password(&self, user: &str, password: &'static str, older: bool) {
        let (hash, named) = if older {
            (older_hash(), OLDER_HASH)
        } else {
            (hash_of(password), password)
        };
        self.write(
            "update users
             set password_hash = ?2, credential_version = credential_version + 1
             where id = ?1",
            params![user, hash],
        );
        let state = &mut *self.state();
        let user = state.model.users.get_mut(user).unwrap();
        user.password = password;
        user.hash = named;
        user.salt = 0;
        user.credential_version += 1;
    }

    /// Wakes the dead jobs, and those that are put off, perhaps for hours, as an admin does.
    pub fn replay_dead_jobs(&self) {
        let now = self.clock.now();
        self.write(
            "update jobs
             set dead_at = null, due_at = ?1, attempts = 0, leased_until = null, failures = 0
             where dead_at is not null or failures > 0",
            params![now],
        );
        let state = &mut *self.state();
        let jobs = state.model.jobs.values_mut();
        for job in jobs.filter(|job| job.dead || job.failures > 0) {
            job.dead = false;
            job.leased_until = None;
            job.failures = 0;
            job.due_at = Some(now.millis());
            job.attempts = 0;
        }
    }

    pub fn jobs_left(&self) -> usize {
        self.state().model.jobs.len()
    }

    /// Jobs that are neither dead nor put off.
    pub fn jobs_to_come(&self) -> usize {
        let state = self.state();
        let jobs = state.model.jobs.values();
        jobs.filter(|job| !job.dead && job.failures == 0).count()
    }

    fn any<T>(&self, from: &[T]) -> Option<T>
    where
        T: Clone,
    {
        (!from.is_empty()).then(|| from[self.chaos.pick(from.len())].clone())
    }

    /// Does one thing to somebody, often the favourite kind of thing.
    fn meddle(&self, favourite: u64) {
        let (people, posts) = {
            let state = self.state();
            let people: Vec<Id> = state.model.users.keys().cloned().collect();
            let posts: Vec<Id> = state.model.posts.keys().cloned().collect();
            (people, posts)
        };
        let (Some(one), Some(other)) = (self.any(&people), self.any(&people)) else {
            return;
        };
        // More is mended than harmed, so that most people can do most things.
        let harm = self.chaos.happens(0.4);
        let post = self.any(&posts);
        let kind = if self.chaos.happens(0.5) {
            favourite
        } else {
            self.chaos.below(KINDS)
        };
        self.note(|| {
            let what = [
                "status",
                "password",
                "removal",
                "comment",
                "role",
                "link",
                "registration",
                "news",
            ];
            let what = what[usize::try_from(kind).unwrap()];
            format!("{what} of {one}, to {other} or {post:?}; harm: {harm}")
        });
        match kind {
            STATUS => self.set_status(
                &one,
                if harm {
                    Status::Suspended
                } else {
                    Status::Active
                },
            ),
            PASSWORDS if harm => self.set_password(&one, OTHER_PASSWORD, false),
            PASSWORDS => self.set_password(&one, PASSWORD, self.chaos.happens(0.4)),
            2 => {
                if let (Some(post), true) = (post, harm) {
                    self.remove_post(&post);
                    if self.chaos.happens(0.5) {
                        self.leave_removal(&post);
                    }
                }
            }
            3 => {
                if let Some(post) = post {
                    let comment = NewPost {
                        caption: format!("Comment {}", self.next_choice()),
                        followers_only: false,
                    };
                    self.write_post(&one, &comment, Some(&post));
                }
            }
            4 => {
                let roles = ["admin", "admin", "moderator", "user"];
                let role = roles[self.chaos.pick(roles.len())];
                self.set_role(&one, if harm { "user" } else { role });
            }
            LINKING => {
                // Whoever is to come by a link must be the first.
                let admins: Vec<Id> = {
                    let state = self.state();
                    let users = state.model.users.iter();
                    let admins = users.filter(|(_, user)| user.role == "admin");
                    admins.map(|(id, _)| id.clone()).collect()
                };
                for admin in admins.iter().filter(|_| harm) {
                    self.set_role(admin, "user");
                }
                self.make_link();
            }
            6 => self.leave_waiting(&other),
            7 => self.spread_news(&one, &other, post.as_ref()),
            _ => {}
        }
    }
}

/// The kinds of things that are done: the first suspends people, the second changes passwords.
const STATUS: u64 = 0;
const PASSWORDS: u64 = 1;
const LINKING: u64 = 5;
const KINDS: u64 = 8;

/// An operator and moderators. Each run has some who do mostly one thing,
/// and some who are in a hurry: what must hold when it comes between two trips needs both.
pub async fn meddle(world: Arc<World>) {
    let chaos = &world.chaos;
    let doors = ["auth.login", "auth.email", "auth.password", "auth.reset"];
    let at_the_door = doors.iter().any(|door| chaos.focus.site.starts_with(door));
    let favourite = match chaos.focus.site {
        site if site.starts_with("auth.set_up") => LINKING,
        _ => chaos.below(if at_the_door { 2 } else { KINDS }),
    };
    let hurried = at_the_door || chaos.happens(0.3);
    while world.state().busy > 0 && !world.is_over() {
        // In the middle of what people do, and long after.
        let soon = hurried || chaos.happens(0.5);
        let millis = chaos.below(if soon { 400 } else { 30_000 });
        world.timeline.sleep(Duration::from_millis(millis)).await;
        world.meddle(favourite);
        if world.switches && chaos.happens(if soon { 0.005 } else { 0.1 }) {
            world.set_switches(chaos.happens(0.6), chaos.happens(0.4));
        }
    }
    world.set_switches(true, false);
}
