// The rows of made-up data and how they get into D1: a thousand and more in one statement, through
// one JSON parameter, because D1 takes at most 100 parameters. Counters are part of the rows; who
// makes the rows has to make them equal to what they count.

/**
 * As much of D1's binding as seeding needs.
 * @typedef {object} Statement
 * @property {(...values: unknown[]) => Statement} bind
 * @property {(column: string) => Promise<unknown>} first
 */
/**
 * @typedef {object} Database
 * @property {(sql: string) => Statement} prepare
 * @property {(statements: any[]) => Promise<unknown>} batch
 */

/** @typedef {{ id: string, username: string, displayName: string, bio: string, locked: boolean, createdAt: number, postCount: number, followerCount: number, followingCount: number }} Person */
/** @typedef {{ id: string, author: Person, caption: string, visibility: "public" | "followers", createdAt: number, likeCount: number }} Post */
/** @typedef {{ post: Post, person: Person, createdAt: number }} Like */
/** @typedef {{ follower: Person, followee: Person, createdAt: number }} Follow */

export const DEMO_PASSWORD = "correct horse battery staple";

/**
 * Argon2id of `DEMO_PASSWORD`, committed because Node 20 cannot compute it. For local data only.
 * Made once with Python's argon2-cffi:
 * `PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash("correct horse battery staple")`.
 */
const DEMO_PASSWORD_HASH = "$argon2id$v=19$m=19456,t=2,p=1$H3Cev+PlInJpfm6xHqwJ1w$OR4L2J1Be+Y8UHeQKlwOG3FABcz7V47NHpBdWtAuL88";

const INSERT_USERS = `
insert into users (
  id, username, email, email_verified_at, password_hash, display_name, bio, locked,
  post_count, follower_count, following_count, created_at
)
select
  value ->> 0, value ->> 1, value ->> 2, value ->> 8, ?2, value ->> 3, value ->> 4, value ->> 9,
  value ->> 5, value ->> 6, value ->> 7, value ->> 8
from json_each(?1)`;

const INSERT_POSTS = `
insert into posts (id, author_id, caption, visibility, audience_id, like_count, created_at)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 1, value ->> 4, value ->> 5
from json_each(?1)`;

const INSERT_LIKES = `
insert into likes (post_id, user_id, created_at)
select value ->> 0, value ->> 1, value ->> 2
from json_each(?1)`;

const INSERT_FOLLOWS = `
insert into follows (follower_id, followee_id, state, created_at)
select value ->> 0, value ->> 1, 'accepted', value ->> 2
from json_each(?1)`;

/**
 * @param {Database} db
 * @param {readonly Person[]} people
 */
export function insertPeople(db, people) {
  const rows = people.map((person) => [
    person.id,
    person.username,
    `${person.username}@example.com`,
    person.displayName,
    person.bio,
    person.postCount,
    person.followerCount,
    person.followingCount,
    person.createdAt,
    person.locked ? 1 : 0,
  ]);
  return db.prepare(INSERT_USERS).bind(JSON.stringify(rows), DEMO_PASSWORD_HASH);
}

/**
 * @param {Database} db
 * @param {readonly Post[]} posts
 */
export function insertPosts(db, posts) {
  const rows = posts.map((post) => [post.id, post.author.id, post.caption, post.visibility, post.likeCount, post.createdAt]);
  return db.prepare(INSERT_POSTS).bind(JSON.stringify(rows));
}

/**
 * @param {Database} db
 * @param {readonly Like[]} likes
 */
export function insertLikes(db, likes) {
  const rows = likes.map((like) => [like.post.id, like.person.id, like.createdAt]);
  return db.prepare(INSERT_LIKES).bind(JSON.stringify(rows));
}

/**
 * @param {Database} db
 * @param {readonly Follow[]} follows
 */
export function insertFollows(db, follows) {
  const rows = follows.map((follow) => [follow.follower.id, follow.followee.id, follow.createdAt]);
  return db.prepare(INSERT_FOLLOWS).bind(JSON.stringify(rows));
}
