// A deployment to search in: made-up words, as uneven as real ones, in as many posts as asked for. The most
// common word stands in more than half of them, which is worse than any language.

import { Random } from "../scripts/seed/random.mjs";
import { insertPeople, insertPosts } from "../scripts/seed/rows.mjs";

/** @typedef {import("../scripts/seed/rows.mjs").Database} Database */
/** @typedef {import("../scripts/seed/rows.mjs").Person} Person */
/** @typedef {import("../scripts/seed/rows.mjs").Post} Post */

const SYLLABLES = (
  "ba be bi bo bu da de di do du fa fe fi ga go ka ke ko la le li lo ma me mi mo na ne no pa pe po ra re ri ro sa se si so " +
  "ta te ti to va ve vi wa we wi za ze zo"
).split(" ");
const VOCABULARY = 50_000;
const PEOPLE_SHARE = 0.1;
const FOLLOWERS_ONLY_SHARE = 0.1;
const ROWS_PER_STATEMENT = 3_000;
const SEED = 1;
const BEGIN = Date.UTC(2025, 0, 1);

/**
 * The word of this rank, 1 for the most common.
 * @param {number} rank
 */
export function wordOf(rank) {
  let rest = (rank - 1) * 7_919 + 13;
  let word = "";
  do {
    word += SYLLABLES[rest % SYLLABLES.length] ?? "";
    rest = Math.floor(rest / SYLLABLES.length);
  } while (rest > 0);
  return word;
}

/**
 * Fills an empty database that has the schema.
 * @param {Database} database
 * @param {number} total of posts
 */
export async function seedCorpus(database, total) {
  const random = new Random(SEED);
  // Zipf's law: the word of rank n is as common as 1/n.
  const words = (/** @type {number} */ count) =>
    Array.from({ length: count }, () => wordOf(Math.floor(VOCABULARY ** random.fraction()))).join(" ");
  /** @type {Person[]} */
  const people = Array.from({ length: Math.ceil(total * PEOPLE_SHARE) }, (_, index) => ({
    id: random.uuidV7(BEGIN + index),
    username: `person_${index + 1}`,
    displayName: words(2),
    bio: "",
    locked: false,
    createdAt: BEGIN + index,
    postCount: 0,
    followerCount: 0,
    followingCount: 0,
    requestedCount: 0,
  }));
  for (let start = 0; start < people.length; start += ROWS_PER_STATEMENT) {
    await database.batch(insertPeople(database, people.slice(start, start + ROWS_PER_STATEMENT)));
  }
  for (let start = 0; start < total; start += ROWS_PER_STATEMENT) {
    const posts = Array.from({ length: Math.min(ROWS_PER_STATEMENT, total - start) }, (_, index) => {
      const createdAt = BEGIN + people.length + (start + index) * 20;
      const author = /** @type {Person} */ (people[random.below(people.length)]);
      const visibility = random.fraction() < FOLLOWERS_ONLY_SHARE ? /** @type {const} */ ("followers") : /** @type {const} */ ("public");
      return { id: random.uuidV7(createdAt), author, caption: words(3 + random.below(25)), visibility, replyTo: null, createdAt, likeCount: 0, commentCount: 0 };
    });
    await database.batch(insertPosts(database, posts));
  }
}
