// Makes as many posts, people, likes and follows as asked for, to measure against, with comments and hashtags.
// Spread over the past year and uneven in the way real data is: few people have most followers, few posts most
// likes, few tags most posts.

import { Random } from "./random.mjs";
import { insertFollows, insertLikes, insertPeople, insertPosts } from "./rows.mjs";

/** @typedef {import("./rows.mjs").Database} Database */
/** @typedef {import("./rows.mjs").Person} Person */
/** @typedef {import("./rows.mjs").Post} Post */
/** @typedef {import("./rows.mjs").Like} Like */
/** @typedef {import("./rows.mjs").Follow} Follow */

const YEAR_MS = 365 * 24 * 3_600_000;
/** Under a megabyte of JSON in a parameter, which D1 limits to two. */
const ROWS_PER_STATEMENT = 3_000;
const CHUNKS_PER_BATCH = 8;
const FOLLOWERS_ONLY_SHARE = 0.1;
const MEAN_LIKES = 3;
const MOST_LIKES = 500;
const MEAN_FOLLOWS = 10;
/** How many of the posts have a hashtag, name somebody, and are answered once or more. */
const TAGGED_SHARE = 0.2;
const NAMING_SHARE = 0.02;
const MEAN_COMMENTS = 0.5;
const MOST_COMMENTS = 100;
const WORDS = (
  "amber autumn bakery balcony bicycle bridge candle canyon cellar cinema clover coast coffee comet concert copper " +
  "courtyard cranes dawn desert drizzle ember evening ferry festival fiddle garden glacier harbour hazel island jasmine " +
  "kettle kitchen lantern lemon library lighthouse market meadow midnight mosaic mountain museum night orchard paper " +
  "pepper piano picnic plum quarry rain record river rooftop saffron sail sketch snow sourdough station summer sunset " +
  "tandem thunder train tulip valley velvet vinyl violet walnut weekend willow window winter workshop"
).split(" ");

/** The username of the first person, by which seeding recognises its own work. */
export const FIRST_USERNAME = username(0);

/**
 * Fills a database that has the schema and none of these people yet.
 * @param {Database} db
 * @param {object} size
 * @param {number} size.posts
 * @param {number} [size.people] a tenth of the posts if not given
 * @param {number} [size.seed] the same seed and time give the same rows
 * @param {number} [size.now] milliseconds since 1970; nothing is newer
 */
export async function seedScale(db, { posts: postTotal, people: peopleTotal = Math.max(2, Math.ceil(postTotal / 10)), seed = 1, now = Date.now() }) {
  const random = new Random(seed);
  const begin = now - YEAR_MS;
  const people = makePeople(random, peopleTotal, begin, now);
  const posts = makePosts(random, postTotal, people, begin, now);
  const comments = makeComments(random, posts, people, now);
  const written = [...posts, ...comments].toSorted((one, other) => one.createdAt - other.createdAt);
  const likes = makeLikes(random, posts, people, now);
  const follows = makeFollows(random, people, now);
  // In key order, which is the fastest to insert.
  const statements = [
    ...chunks(people).map((rows) => () => insertPeople(db, rows)),
    ...chunks(written).map((rows) => () => insertPosts(db, rows)),
    ...chunks(likes).map((rows) => () => [insertLikes(db, rows)]),
    ...chunks(follows).map((rows) => () => [insertFollows(db, rows)]),
  ];
  for (let index = 0; index < statements.length; index += CHUNKS_PER_BATCH) {
    // One after the other: SQLite has one writer, and all the JSON at once would fill the memory.
    await db.batch(statements.slice(index, index + CHUNKS_PER_BATCH).flatMap((statement) => statement()));
  }
  return { people: people.length, posts: posts.length, comments: comments.length, likes: likes.length, follows: follows.length };
}

/** @param {number} index */
function username(index) {
  return `person_${String(index + 1).padStart(6, "0")}`;
}

/**
 * The moment of item `index` of `total` that are spread evenly, with some noise, in their order.
 * @param {Random} random
 * @param {number} index
 * @param {number} total
 * @param {number} begin
 * @param {number} end
 */
function momentOf(random, index, total, begin, end) {
  return Math.floor(begin + ((index + random.fraction()) / total) * (end - begin));
}

/**
 * @param {Random} random
 * @param {number} total
 * @param {number} begin
 * @param {number} now
 * @returns {Person[]} oldest first
 */
function makePeople(random, total, begin, now) {
  return Array.from({ length: total }, (_, index) => {
    // The very first is there before any post.
    const createdAt = index === 0 ? begin : momentOf(random, index, total, begin, now);
    return {
      id: random.uuidV7(createdAt),
      username: username(index),
      displayName: `Person ${index + 1}`,
      bio: sentence(random, 4),
      locked: false,
      createdAt,
      postCount: 0,
      followerCount: 0,
      followingCount: 0,
      requestedCount: 0,
    };
  });
}

/**
 * @param {Random} random
 * @param {number} total
 * @param {readonly Person[]} people
 * @param {number} begin
 * @param {number} now
 * @returns {Post[]} oldest first
 */
function makePosts(random, total, people, begin, now) {
  let registered = 1;
  return Array.from({ length: total }, (_, index) => {
    const createdAt = momentOf(random, index, total, begin, now);
    while ((people[registered]?.createdAt ?? Infinity) <= createdAt) registered += 1;
    const author = at(people, Math.floor(registered * random.fraction() ** 1.5));
    author.postCount += 1;
    return {
      id: random.uuidV7(createdAt),
      author,
      caption: caption(random, people),
      visibility: random.fraction() < FOLLOWERS_ONLY_SHARE ? "followers" : "public",
      replyTo: null,
      createdAt,
      likeCount: 0,
      commentCount: 0,
    };
  });
}

/**
 * @param {Random} random
 * @param {readonly Post[]} posts
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Post[]} each after what it replies to
 */
function makeComments(random, posts, people, now) {
  return posts.flatMap((root) => {
    // Who may see the others is decided by follows, which are made later.
    if (root.visibility === "followers") return [];
    const thread = [root];
    for (let count = unevenCount(random, MEAN_COMMENTS, MOST_COMMENTS); count > 0; count -= 1) {
      // Most reply to the post itself, some to what was said before.
      const replyTo = at(thread, Math.floor(thread.length * random.fraction() ** 3));
      const author = at(people, random.below(people.length));
      const earliest = Math.max(replyTo.createdAt, author.createdAt);
      const createdAt = Math.floor(earliest + (now - earliest) * random.fraction() ** 6);
      replyTo.commentCount += 1;
      thread.push({
        id: random.uuidV7(createdAt),
        author,
        caption: sentence(random, 2 + random.below(6)),
        visibility: "public",
        replyTo,
        createdAt,
        likeCount: 0,
        commentCount: 0,
      });
    }
    return thread.slice(1);
  });
}

/**
 * @param {Random} random
 * @param {readonly Post[]} posts
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Like[]} in the order of their posts
 */
function makeLikes(random, posts, people, now) {
  return posts.flatMap((post) => {
    // Who may see the others is decided by follows, which are made later.
    if (post.visibility === "followers") return [];
    const chosen = random.distinct(unevenCount(random, MEAN_LIKES, MOST_LIKES), () => random.below(people.length), people.length);
    post.likeCount = chosen.size;
    return [...chosen].map((index) => {
      const person = at(people, index);
      const earliest = Math.max(post.createdAt, person.createdAt);
      // Most likes come soon after the post.
      return { post, person, createdAt: Math.floor(earliest + (now - earliest) * random.fraction() ** 6) };
    });
  });
}

/**
 * @param {Random} random
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Follow[]} in the order of their followers
 */
function makeFollows(random, people, now) {
  return people.flatMap((follower, own) => {
    // The first to come have the most followers.
    const draw = () => Math.floor(people.length * random.fraction() ** 2);
    const chosen = random.distinct(unevenCount(random, MEAN_FOLLOWS, MOST_LIKES), draw, people.length);
    chosen.delete(own);
    follower.followingCount = chosen.size;
    return [...chosen].map((index) => {
      const followee = at(people, index);
      followee.followerCount += 1;
      const earliest = Math.max(follower.createdAt, followee.createdAt);
      return { follower, followee, createdAt: Math.floor(earliest + (now - earliest) * random.fraction()) };
    });
  });
}

/**
 * A count with the given mean, mostly small and now and then large.
 * @param {Random} random
 * @param {number} mean
 * @param {number} most
 */
function unevenCount(random, mean, most) {
  // An exponential distribution, of which one in a hundred is twenty times as large.
  const scale = mean / (0.99 + 0.01 * 20);
  const large = random.fraction() < 0.01 ? 20 : 1;
  return Math.min(most, Math.round(-Math.log(1 - random.fraction()) * scale * large));
}

/**
 * A sentence, now and then with a hashtag or a name. Few tags are on most of the tagged.
 * @param {Random} random
 * @param {readonly Person[]} people
 */
function caption(random, people) {
  const tag = random.fraction() < TAGGED_SHARE ? ` #${at(WORDS, Math.floor(WORDS.length * random.fraction() ** 2))}` : "";
  const name = random.fraction() < NAMING_SHARE ? ` @${at(people, random.below(people.length)).username}` : "";
  return `${sentence(random, 3 + random.below(12))}${tag}${name}`;
}

/**
 * @param {Random} random
 * @param {number} words
 */
function sentence(random, words) {
  const text = Array.from({ length: words }, () => random.choose(WORDS)).join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} index of one of them
 * @returns {T}
 */
function at(items, index) {
  return /** @type {T} */ (items[index]);
}

/**
 * @template T
 * @param {readonly T[]} rows
 * @returns {T[][]}
 */
function chunks(rows) {
  return Array.from({ length: Math.ceil(rows.length / ROWS_PER_STATEMENT) }, (_, index) =>
    rows.slice(index * ROWS_PER_STATEMENT, (index + 1) * ROWS_PER_STATEMENT),
  );
}
