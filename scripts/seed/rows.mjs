// The rows of made-up data and how they get into D1: a thousand and more in one statement, through
// one JSON parameter, because D1 takes at most 100 parameters. Counters are part of the rows; who
// makes the rows has to make them equal to what they count. What a row is found by (its running number, its
// words in the full-text index, its hashtags) is made of the row, as the server does it.

import { findMentions, findTags } from "./captions.mjs";

/**
 * As much of D1's binding as seeding needs.
 * @typedef {object} Statement
 * @property {(...values: unknown[]) => Statement} bind
 * @property {(column: string) => Promise<unknown>} first
 * @property {() => Promise<unknown>} run
 */
/**
 * @typedef {object} Database
 * @property {(sql: string) => Statement} prepare
 * @property {(statements: any[]) => Promise<unknown>} batch
 */

/** @typedef {{ id: string, username: string, displayName: string, bio: string, locked: boolean, createdAt: number, postCount: number, followerCount: number, followingCount: number, requestedCount: number }} Person */
/** @typedef {{ id: string, author: Person, caption: string, visibility: "public" | "followers", replyTo: Post | null, createdAt: number, likeCount: number, commentCount: number }} Post a comment if it replies to another */
/** @typedef {{ post: Post, person: Person, createdAt: number }} Like */
/** @typedef {{ follower: Person, followee: Person, pending?: boolean, createdAt: number }} Follow */

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
  post_count, follower_count, following_count, requested_count, created_at, number
)
select
  value ->> 0, value ->> 1, value ->> 2, value ->> 8, ?2, value ->> 3, value ->> 4, value ->> 9,
  value ->> 5, value ->> 6, value ->> 7, value ->> 10, value ->> 8,
  (select coalesce(max(number), 0) from users) + 1 + key
from json_each(?1)`;

const INSERT_USERS_TEXT = `
insert into users_text (rowid, username, display_name)
select u.number, u.username, u.display_name
from json_each(?1)
cross join users u on u.id = value ->> 0`;

const INSERT_POSTS = `
insert into posts (
  id, author_id, caption, visibility, reply_to, audience_id, like_count, comment_count, tags, mentions,
  created_at, number
)
select
  value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
  value ->> 8, value ->> 9, value ->> 10,
  (select coalesce(max(number), 0) from posts) + 1 + key
from json_each(?1)`;

const INSERT_POSTS_TEXT = `
insert into posts_text (rowid, caption, audience)
select p.number, p.caption, p.audience
from json_each(?1)
cross join posts p on p.id = value ->> 0`;

// What only followers may see, and what is said in comments, is for nobody to find among the hashtags.
const INSERT_TAGS = `
insert into tags (tag)
select distinct tag.value
from json_each(?1) row
cross join json_each(row.value ->> 8) tag
where row.value ->> 3 = 'public' and row.value ->> 4 is null
on conflict do nothing`;

const INSERT_TAGS_TEXT = `
insert into tags_text (rowid, tag)
select distinct t.number, t.tag
from json_each(?1) row
cross join json_each(row.value ->> 8) tag
cross join tags t on t.tag = tag.value
where not exists (select 1 from tags_text where rowid = t.number)`;

const INSERT_POST_TAGS = `
insert into post_tags (tag, post_id)
select tag.value, row.value ->> 0
from json_each(?1) row
cross join json_each(row.value ->> 8) tag
where row.value ->> 3 = 'public' and row.value ->> 4 is null`;

const INSERT_LIKES = `
insert into likes (post_id, user_id, created_at)
select value ->> 0, value ->> 1, value ->> 2
from json_each(?1)`;

const INSERT_FOLLOWS = `
insert into follows (follower_id, followee_id, state, created_at)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3
from json_each(?1)`;

/**
 * People, and that they are found by their names. In the order given, which has to be that of their ids: the
 * newest has the largest number.
 * @param {Database} db
 * @param {readonly Person[]} people
 * @returns {Statement[]}
 */
export function insertPeople(db, people) {
  const rows = JSON.stringify(
    people.map((person) => [
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
      person.requestedCount,
    ]),
  );
  return [db.prepare(INSERT_USERS).bind(rows, DEMO_PASSWORD_HASH), db.prepare(INSERT_USERS_TEXT).bind(rows)];
}

/**
 * Posts and comments, and that they are found by their words and their hashtags. In the order given, as people.
 * @param {Database} db
 * @param {readonly Post[]} posts
 * @returns {Statement[]}
 */
export function insertPosts(db, posts) {
  const rows = JSON.stringify(
    posts.map((post) => [
      post.id,
      post.author.id,
      post.caption,
      post.visibility,
      post.replyTo?.id ?? null,
      rootOf(post).author.id,
      post.likeCount,
      post.commentCount,
      JSON.stringify(findTags(post.caption)),
      JSON.stringify(findMentions(post.caption)),
      post.createdAt,
    ]),
  );
  return [INSERT_POSTS, INSERT_POSTS_TEXT, INSERT_TAGS, INSERT_TAGS_TEXT, INSERT_POST_TAGS].map((sql) => db.prepare(sql).bind(rows));
}

/**
 * The post that its thread began with.
 * @param {Post} post
 * @returns {Post}
 */
export function rootOf(post) {
  return post.replyTo === null ? post : rootOf(post.replyTo);
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
  const rows = follows.map(({ follower, followee, pending, createdAt }) => [follower.id, followee.id, pending === true ? "pending" : "accepted", createdAt]);
  return db.prepare(INSERT_FOLLOWS).bind(JSON.stringify(rows));
}
