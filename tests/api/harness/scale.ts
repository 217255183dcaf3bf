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

async function insertPosts(state: State, authors: readonly { id: string }[], visibility: string, count: number): Promise<Post["id"][]> {
  const now = Date.now();
  const rows = Array.from({ length: count }, (_, index) => [uuidV7(now), authors[index % authors.length]?.id]);
  await inChunks(rows, (chunk) =>
    state.run(
      `insert into posts (id, author_id, caption, visibility, audience_id, created_at)
       select value ->> 0, value ->> 1, 'seeded', ?2, value ->> 1, ?3 from json_each(?1)`,
      chunk,
      visibility,
      now,
    ),
  );
  return rows.map(([id]) => id ?? "");
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
  /** Follows and blocks many, is told much. */
  viewer: PersonActor;
  /** Has many followers and many posts. */
  author: PersonActor;
  /** By the author, liked by many. */
  popular: Post;
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
  const told = await insertPosts(state, [viewer], "public", 300);
  await insertPosts(state, [author], "public", 300);
  await state.run("update users set post_count = 300 where id in (?1, ?2)", viewer.id, author.id);
  await insertNotifications(state, viewer, told, crowd.slice(0, 300));
  await insertSessions(state, viewer, 300);
  const popular = await author.posts.create({ caption: "popular" });
  await insertLikes(state, popular, crowd);
  return { viewer, author, popular };
}

/** Puts rows on top of every list of the viewer that this fate of their makers hides. */
export async function coverWithInvisible(world: World, { viewer, popular }: LivedIn, fate: Fate): Promise<void> {
  const { state } = world;
  const makers = await state.people(`hidden_${fate.slice(0, 4)}`, fate === "followers-only" ? 30 : INVISIBLE);
  const ids = makers.map(({ id }) => id);
  await insertPosts(state, makers, fate === "followers-only" ? "followers" : "public", INVISIBLE);
  await insertSessions(state, viewer, INVISIBLE, true);
  if (fate === "followers-only") return;
  await insertLikes(state, popular, makers);
  const told = await insertPosts(state, [viewer], "followers", INVISIBLE);
  await insertNotifications(state, viewer, told, makers);
  await inChunks(ids, (chunk) => {
    if (fate === "suspended") {
      return state.run("update users set status = 'suspended' where id in (select value from json_each(?1))", chunk);
    }
    const pair = fate === "blocked" ? "?2, value" : "value, ?2";
    return state.run(`insert into blocks (blocker_id, blocked_id, created_at) select ${pair}, 1 from json_each(?1)`, chunk, viewer.id);
  });
}

/** Whether a page, however short, leads on to what lies below the invisible rows. */
export function leadsOn(page: Page<unknown>): boolean {
  return page.data.length > 0 || page.next_cursor !== null;
}
