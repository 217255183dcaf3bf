/**
 * A deployment that has been lived in: posts and people by the thousand, and one person whose lists
 * are long in every way, so that a budget that holds for them holds for all.
 */
import { seedScale } from "../../../scripts/seed/scale.mjs";
import type { PersonActor } from "./person.ts";
import type { Page, Post } from "./shapes.ts";
import { uuidV7 } from "./state.ts";
import type { State } from "./state.ts";
import type { World } from "./world.ts";

/** As many as a list's newest rows that its reader may not see. */
export const INVISIBLE = 3_000;
const ROWS_PER_STATEMENT = 1_000;
const SEED = 7;

export interface Size {
  posts: number;
  people: number;
}

/** Why somebody's rows are invisible to the viewer. */
export const FATES = ["blocked", "blocking", "suspended", "followers-only"] as const;
export type Fate = (typeof FATES)[number];

async function inChunks(rows: readonly unknown[], insert: (chunk: string) => Promise<void>): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await insert(JSON.stringify(rows.slice(start, start + ROWS_PER_STATEMENT)));
  }
}

/** Posts with the hashtag `popular`, or comments on `parent`, which are `age` milliseconds old. */
async function insertPosts(state: State, authors: readonly { id: string }[], visibility: string, count: number, parent?: Post, age = 0): Promise<Post["id"][]> {
  const now = Date.now() - age;
  const rows = Array.from({ length: count }, (_, index) => [uuidV7(now), authors[index % authors.length]?.id]);
  await inChunks(rows, (chunk) =>
    state.run(
      `insert into posts (id, author_id, caption, tags, visibility, reply_to, audience_id, number, created_at)
       select value ->> 0, value ->> 1, 'seeded #popular', '["popular"]', ?2, ?4, coalesce(?5, value ->> 1),
         (select coalesce(max(number), 0) from posts) + 1 + key, ?3
       from json_each(?1)`,
      chunk,
      visibility,
      now,
      parent?.id ?? null,
      parent?.author.id ?? null,
    ),
  );
  await inChunks(parent === undefined && visibility === "public" ? rows : [], (chunk) =>
    state.run("insert into post_tags (tag, post_id) select 'popular', value ->> 0 from json_each(?1)", chunk),
  );
  if (parent !== undefined) await state.run("update posts set comment_count = comment_count + ?2 where id = ?1", parent.id, count);
  await inChunks(rows, (chunk) =>
    state.run(
      `insert into posts_text (rowid, caption, audience)
       select p.number, p.caption, p.audience from json_each(?1) made cross join posts p on p.id = made.value ->> 0`,
      chunk,
    ),
  );
  return rows.map(([id]) => id ?? "");
}

/** As many hashtags as posts, each in three of them, newer than all before. */
async function insertTags(state: State, posts: readonly string[]): Promise<void> {
  const first = 1 + ((await state.number("select max(number) from tags")) || 0);
  const rows = posts.map((_, index) => [first + index, `seeded_${first + index}`, ...[0, 1, 2].map((next) => posts[(index + next) % posts.length])]);
  await inChunks(rows, async (chunk) => {
    await state.run("insert into tags (number, tag) select value ->> 0, value ->> 1 from json_each(?1)", chunk);
    await state.run("insert into tags_text (rowid, tag) select value ->> 0, value ->> 1 from json_each(?1)", chunk);
    await state.run(
      `insert into post_tags (tag, post_id)
       select tag.value ->> 1, tag.value ->> (2 + place.value) from json_each(?1) as tag, json_each('[0,1,2]') as place`,
      chunk,
    );
  });
}

async function insertLikes(state: State, post: { id: string }, people: readonly { id: string }[]): Promise<void> {
  const now = Date.now();
  await inChunks(people.map(({ id }, index) => [id, now + index]), (chunk) =>
    state.run(
      `insert into likes (post_id, user_id, created_at)
       select ?2, value ->> 0, value ->> 1 from json_each(?1)`,
      chunk,
      post.id,
    ),
  );
  await state.run("update posts set like_count = like_count + ?2 where id = ?1", post.id, people.length);
}

/** As if each of the actors had liked one post of the recipient and it had been told. */
async function insertNotifications(state: State, recipient: { id: string }, posts: readonly string[], actors: readonly { id: string }[]): Promise<void> {
  const first = 1 + ((await state.number("select last_seq from inboxes where user_id = ?1", recipient.id)) || 0);
  const actor = (index: number) => actors[index % actors.length]?.id;
  const rows = posts.map((post, index) => [post, first + index, actor(index), actor(index + 1), actor(index + 2)]);
  await inChunks(rows, (chunk) =>
    state.run(
      `insert into notifications
         (recipient_id, kind, subject_id, seq, actor_1, actor_2, actor_3, actor_count, created_at, updated_at)
       select ?2, 'like', value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 3, ?3, ?3 from json_each(?1)`,
      chunk,
      recipient.id,
      Date.now(),
    ),
  );
  await inChunks(rows, (chunk) =>
    state.run(
      `insert or ignore into told (recipient_id, kind, subject_id, actor_id)
       select ?2, 'like', post.value ->> 0, post.value ->> (2 + place.value)
       from json_each(?1) as post, json_each('[0,1,2]') as place`,
      chunk,
      recipient.id,
    ),
  );
  await state.run(
    `insert into inboxes (user_id, last_seq, read_seq, unread_count) values (?1, ?2, 0, ?3)
     on conflict do update set last_seq = excluded.last_seq, unread_count = unread_count + excluded.unread_count`,
    recipient.id,
    first + rows.length - 1,
    rows.length,
  );
}

/** Each of the people asks to follow somebody, follows them, is followed and muted by them. */
async function insertFollowed(state: State, person: { id: string }, people: readonly { id: string }[]): Promise<void> {
  await inChunks(people.map(({ id }) => id), async (chunk) => {
    await state.run(
      `insert into follows (follower_id, followee_id, state, created_at)
       select value, ?2, iif(key % 2, 'pending', 'accepted'), 2 from json_each(?1)
       union all select ?2, value, 'accepted', 2 from json_each(?1)`,
      chunk,
      person.id,
    );
    await state.run("insert into mutes (muter_id, muted_id, created_at) select ?2, value, 2 from json_each(?1)", chunk, person.id);
  });
}

/** Sessions of one person, newer than all before. With `ended`, none of them is alive. */
async function insertSessions(state: State, person: { id: string }, count: number, ended = false): Promise<void> {
  const now = Date.now();
  await inChunks(Array.from({ length: count }, () => uuidV7(now)), (chunk) =>
    state.run(
      `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at, revoked_at)
       select value, ?2, 'seeded', value, ?3, ?3, ?3, ?3 + 86400000, iif(?4, ?3, null) from json_each(?1)`,
      chunk,
      person.id,
      now,
      Number(ended),
    ),
  );
}

/** The people and things that the budgets are measured on. */
export interface LivedIn {
  /** Who reads a long feed. */
  followers: Follower[];
  /** Follows and blocks many, is told much. */
  viewer: PersonActor;
  /** Has many followers and many posts. */
  author: PersonActor;
  /** By the author, liked by many. */
  popular: Post;
}

/** Somebody who follows many, and so reads a long feed. */
export interface Follower {
  name: string;
  /** How many they follow, whatever becomes of those. */
  follows: number;
  reader: PersonActor;
  /** Whom they follow. */
  followees: string[];
}

/** Readers of feeds, by how many they follow. */
export const FOLLOWERS = [
  { name: "20", follows: 20 },
  { name: "20, of whom one wrote 3,000 posts", follows: 20, prolific: true },
  { name: "200", follows: 200 },
  { name: "1,000", follows: 1_000 },
  { name: "2,000", follows: 2_000 },
];
const LONGEST_FEED = 2_000;
/** Whoever follows 20 has more than fifty pages to read, also when most of them are gone. */
const POSTS_OF_THE_FIRST_20 = 3_000;

/** Fills the feeds of people who follow many; each of them likes what is on their first pages, as it costs most so. */
async function fillFeeds(world: World): Promise<Follower[]> {
  const { state } = world;
  const followed = await state.people("followed", LONGEST_FEED);
  await insertPosts(state, followed, "followers", 2 * LONGEST_FEED);
  await insertPosts(state, followed.slice(0, 20), "followers", POSTS_OF_THE_FIRST_20);
  const [prolific] = await state.people("prolific", 1);
  if (prolific === undefined) throw new Error("nobody is prolific");
  await insertPosts(state, [prolific], "public", 3_000);
  const readers = await world.crowd("reader", FOLLOWERS.length);
  return Promise.all(
    FOLLOWERS.map(async ({ name, follows, prolific: ofOne }, index) => {
      const reader = readers[index] as PersonActor;
      const some = followed.slice(0, follows - (ofOne === undefined ? 0 : 1));
      const followees = [...(ofOne === undefined ? [] : [prolific]), ...some].map(({ id }) => id);
      await insertFollows(state, reader, followees);
      await state.run(
        `insert into likes (post_id, user_id, created_at)
         select id, ?2, 1 from posts where author_id in (select value from json_each(?1)) order by id desc limit 100`,
        JSON.stringify(followees),
        reader.id,
      );
      return { name, follows, reader, followees };
    }),
  );
}

function insertFollows(state: State, follower: { id: string }, followees: readonly string[]): Promise<void> {
  return inChunks(followees, (chunk) =>
    state.run("insert into follows (follower_id, followee_id, state, created_at) select ?2, value, 'accepted', 1 from json_each(?1)", chunk, follower.id),
  );
}

/** Puts these people, who have written the newest posts, in the place of a fifth of those whom each reader follows. */
async function coverFeeds(state: State, followers: readonly Follower[], makers: readonly string[]): Promise<void> {
  for (const { reader, follows, followees } of followers) {
    // Others stay, so that there is something left below.
    const replaced = followees.splice(-follows / 5, follows / 5);
    const instead = makers.slice(0, replaced.length);
    const gone = JSON.stringify(replaced);
    await state.run("delete from follows where follower_id = ?2 and followee_id in (select value from json_each(?1))", gone, reader.id);
    await insertFollows(state, reader, instead);
    followees.unshift(...instead);
  }
}

/** Fills the world, and makes the viewer's and the author's lists long. */
export async function liveIn(world: World, { posts, people }: Size): Promise<LivedIn> {
  const { state } = world;
  await seedScale(world.database, { posts, people, seed: SEED, now: Date.now() - 60_000 });
  const [viewer, author, ...crowd] = (await world.crowd("resident", 1_002)) as [PersonActor, PersonActor, ...PersonActor[]];
  await inChunks(crowd.slice(0, 500).map(({ id }) => id), (chunk) =>
    state.run(
      `insert into follows (follower_id, followee_id, state, created_at)
       select ?2, value, 'accepted', 1 from json_each(?1) union all select value, ?3, 'accepted', 1 from json_each(?1)`,
      chunk,
      viewer.id,
      author.id,
    ),
  );
  await inChunks(crowd.slice(500, 700).map(({ id }) => id), (chunk) =>
    state.run("insert into blocks (blocker_id, blocked_id, created_at) select ?2, value, 1 from json_each(?1)", chunk, viewer.id),
  );
  await insertFollowed(state, viewer, crowd.slice(700, 1_000));
  const told = await insertPosts(state, [viewer], "public", 300);
  await insertTags(state, await insertPosts(state, [author], "public", 300));
  await state.run("update users set post_count = 300 where id in (?1, ?2)", viewer.id, author.id);
  await insertNotifications(state, viewer, told, crowd.slice(0, 300));
  await insertSessions(state, viewer, 300);
  const popular = await author.posts.create({ caption: "popular" });
  await insertLikes(state, popular, crowd);
  await insertPosts(state, crowd, "public", 300, popular);
  return { viewer, author, popular, followers: await fillFeeds(world) };
}

/** Puts rows on top of every list of the viewer that this fate of their makers hides. */
export async function coverWithInvisible(world: World, { viewer, popular, followers }: LivedIn, fate: Fate): Promise<void> {
  const { state } = world;
  const makers = await state.people(`hidden_${fate.slice(0, 4)}`, fate === "followers-only" ? 30 : INVISIBLE);
  const ids = makers.map(({ id }) => id);
  const hidden = await insertPosts(state, makers, fate === "followers-only" ? "followers" : "public", INVISIBLE);
  // What only followers may see gives no hashtags.
  if (fate !== "followers-only") await insertTags(state, hidden);
  await insertSessions(state, viewer, INVISIBLE, true);
  if (fate === "followers-only") return;
  await coverFeeds(state, followers, ids);
  // Comments go oldest first.
  await insertPosts(state, makers, "public", INVISIBLE, popular, 86_400_000);
  await insertLikes(state, popular, makers);
  await insertFollowed(state, viewer, makers);
  const told = await insertPosts(state, [viewer], "followers", INVISIBLE);
  await insertNotifications(state, viewer, told, makers);
  await inChunks(ids, (chunk) => {
    if (fate === "suspended") {
      return state.run("update users set status = 'suspended' where id in (select value from json_each(?1))", chunk);
    }
    const pair = fate === "blocked" ? "?2, value" : "value, ?2";
    return state.run(`insert into blocks (blocker_id, blocked_id, created_at) select ${pair}, 2 from json_each(?1)`, chunk, viewer.id);
  });
}

/** Whether a page, however short, leads on to what lies below the invisible rows. */
export function leadsOn(page: Page<unknown>): boolean {
  return page.data.length > 0 || page.next_cursor !== null;
}
