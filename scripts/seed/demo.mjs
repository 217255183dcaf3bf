// The small, lively demo: twenty people who post, answer, like and follow, so that the first requests of a
// newcomer find something to look at. Made so that every rule of Kith holds: whoever answers or likes may see
// what it is about, counters equal counts, and everybody has been told what they would have been.

import { ASKING, BLOCKS, LET_IN, LOCKED, MUTES, PEOPLE } from "./demo/people.mjs";
import { makeNotifications } from "./demo/notifications.mjs";
import { insertBlocks, insertMutes, insertNotifications } from "./demo/rows.mjs";
import { THREADS } from "./demo/threads.mjs";
import { findMentions } from "./captions.mjs";
import { Random } from "./random.mjs";
import { DEMO_PASSWORD, insertFollows, insertLikes, insertPeople, insertPosts, rootOf } from "./rows.mjs";

export { DEMO_PASSWORD };

/** @typedef {import("./rows.mjs").Database} Database */
/** @typedef {import("./rows.mjs").Person} Person */
/** @typedef {import("./rows.mjs").Post} Post */
/** @typedef {import("./rows.mjs").Like} Like */
/** @typedef {import("./rows.mjs").Follow} Follow */
/** @typedef {import("./demo/threads.mjs").Said} Said */
/** @typedef {import("./demo/notifications.mjs").News} News */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const PERIOD_MS = 21 * DAY_MS;
const SEED = 7;

/** Whom the ready-made curl signs in as. */
export const DEMO_USERNAME = "mira";

export const DEMO_USERNAMES = PEOPLE.map(([username]) => username);

/**
 * The whole demo in one batch, that is, all of it or nothing.
 * @param {Database} db
 * @param {number} now milliseconds since 1970
 */
export async function seedDemo(db, now) {
  const { people, posts, likes, follows, mutes, blocks, news } = makeDemo(now);
  await db.batch([
    ...insertPeople(db, people),
    ...insertPosts(db, posts),
    insertLikes(db, likes),
    insertFollows(db, follows),
    insertMutes(db, mutes),
    insertBlocks(db, blocks),
    ...insertNotifications(db, makeNotifications(news)),
  ]);
  const comments = posts.filter(({ replyTo }) => replyTo !== null).length;
  return { people: people.length, posts: posts.length - comments, comments, likes: likes.length, follows: follows.length };
}

/** @param {number} now milliseconds since 1970; nothing is newer */
function makeDemo(now) {
  const random = new Random(SEED);
  const people = makePeople(random, now);
  const named = (/** @type {string} */ username) => /** @type {Person} */ (people.find((person) => person.username === username));
  const pair = (/** @type {readonly [string, string]} */ [one, other]) => ({ one: named(one), other: named(other), createdAt: now - random.below(DAY_MS) });
  const mutes = MUTES.map(pair);
  const blocks = BLOCKS.map(pair);
  const follows = makeFollows(random, people, named, now);
  const posts = makePosts(random, named, now);
  const likes = makeLikes(random, posts, people, now);
  return { people, posts, likes, follows, mutes, blocks, news: makeNews(posts, likes, follows, named) };
}

/**
 * @param {Random} random
 * @param {number} now
 * @returns {Person[]} oldest first
 */
function makePeople(random, now) {
  return PEOPLE.map(([username, displayName, bio], index) => {
    const createdAt = now - PERIOD_MS - (PEOPLE.length - index) * DAY_MS + random.below(DAY_MS);
    const locked = username === LOCKED;
    return { id: random.uuidV7(createdAt), username, displayName, bio, locked, createdAt, postCount: 0, followerCount: 0, followingCount: 0, requestedCount: 0 };
  });
}

/**
 * Everybody's posts and what was answered to them.
 * @param {Random} random
 * @param {(username: string) => Person} named
 * @param {number} now
 * @returns {Post[]} oldest first
 */
function makePosts(random, named, now) {
  /** @type {Post[]} */
  const posts = [];
  /** @type {(said: Said, replyTo: Post | null, createdAt: number) => number} when the last of it was said */
  const say = ([username, caption, ...replies], replyTo, createdAt) => {
    const author = named(username);
    const visibility = replyTo?.visibility ?? (author.locked ? "followers" : "public");
    const post = { id: random.uuidV7(createdAt), author, caption, visibility, replyTo, createdAt, likeCount: 0, commentCount: replies.length };
    posts.push(post);
    if (replyTo === null) author.postCount += 1;
    // One after the other, each before now: sooner where there is little time.
    const moment = (/** @type {number} */ last) => last + Math.floor(Math.min(2 * MINUTE_MS + random.below(90 * MINUTE_MS), (now - last) / 3));
    return replies.reduce((last, reply) => say(reply, post, moment(last)), createdAt);
  };
  // The newest is of a quarter of an hour ago, so that there is always something of today.
  const moments = THREADS.map((_, index) => now - 15 * MINUTE_MS - Math.floor(((index + random.fraction() / 2) / THREADS.length) * PERIOD_MS));
  for (const said of shuffled(random, THREADS)) say(said, null, /** @type {number} */ (moments.pop()));
  return posts.toSorted((one, other) => one.createdAt - other.createdAt);
}

/**
 * @template T
 * @param {Random} random
 * @param {readonly T[]} items
 * @returns {T[]}
 */
function shuffled(random, items) {
  const keyed = items.map((item) => ({ item, key: random.fraction() }));
  return keyed.toSorted((one, other) => one.key - other.key).map(({ item }) => item);
}

/**
 * @param {string} one
 * @param {string} other
 */
function keepApart(one, other) {
  return BLOCKS.some((pair) => pair.some((name) => name === one) && pair.some((name) => name === other));
}

/**
 * Whether somebody of the demo may see a post of it.
 * @param {Person} person
 * @param {Post} post
 */
function maySee(person, post) {
  const letIn = post.visibility === "public" || LET_IN.includes(person.username) || person.locked;
  return letIn && ![post.author, rootOf(post).author].some(({ username }) => keepApart(person.username, username));
}

/**
 * @param {Random} random
 * @param {readonly Post[]} posts
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Like[]}
 */
function makeLikes(random, posts, people, now) {
  return posts.flatMap((post) => {
    const warmth = random.fraction() ** 1.5 * (post.replyTo === null ? 0.6 : 0.25);
    const likers = people.filter((person) => person !== post.author && maySee(person, post) && random.fraction() < warmth);
    post.likeCount = likers.length;
    return likers.map((person) => ({ post, person, createdAt: post.createdAt + Math.floor((now - post.createdAt) * random.fraction() ** 3) }));
  });
}

/**
 * @param {Random} random
 * @param {readonly Person[]} people
 * @param {(username: string) => Person} named
 * @param {number} now
 * @returns {Follow[]}
 */
function makeFollows(random, people, named, now) {
  const moment = () => now - random.below(PERIOD_MS);
  const open = people.flatMap((follower) =>
    people
      .filter((person) => person !== follower && !person.locked && !keepApart(follower.username, person.username))
      .filter(() => random.fraction() < 0.3)
      .map((followee) => ({ follower, followee, pending: false, createdAt: moment() })),
  );
  const letIn = LET_IN.map((username) => ({ follower: named(username), followee: named(LOCKED), pending: false, createdAt: now - PERIOD_MS }));
  const asking = ASKING.map((username) => ({ follower: named(username), followee: named(LOCKED), pending: true, createdAt: moment() }));
  for (const { follower } of asking) follower.requestedCount += 1;
  for (const { follower, followee } of [...open, ...letIn]) {
    follower.followingCount += 1;
    followee.followerCount += 1;
  }
  return [...open, ...letIn, ...asking];
}

/**
 * What everybody was told, but of whom they do not want to hear.
 * @param {readonly Post[]} posts
 * @param {readonly Like[]} likes
 * @param {readonly Follow[]} follows
 * @param {(username: string) => Person} named
 * @returns {News[]}
 */
function makeNews(posts, likes, follows, named) {
  /** @type {News[]} */
  const news = [
    ...likes.map(({ post, person, createdAt }) => ({ kind: "like", recipient: post.author, actor: person, subject: post.id, at: createdAt })),
    // Whom a locked account has let in was a request then.
    ...follows.map(({ follower, followee, createdAt }) => ({ kind: followee.locked ? "follow_request" : "follow", recipient: followee, actor: follower, subject: followee.id, at: createdAt })),
  ];
  for (const { id, author, caption, replyTo, createdAt } of posts) {
    const told = (/** @type {string} */ kind, /** @type {Person} */ recipient) => news.push({ kind, recipient, actor: author, subject: id, at: createdAt });
    if (replyTo !== null) told(replyTo.replyTo === null ? "comment" : "reply", replyTo.author);
    for (const username of new Set(findMentions(caption).map((mention) => mention.username))) {
      // Who is told of the answer is not told of the name in it as well.
      if (username !== replyTo?.author.username) told("mention", named(username));
    }
  }
  /** @type {(news: News) => boolean} */
  const wanted = ({ recipient, actor }) => recipient !== actor && !MUTES.some(([muter, muted]) => muter === recipient.username && muted === actor.username);
  return news.filter(wanted);
}
