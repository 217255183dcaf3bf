/**
 * Every row of a database whose jobs are all done, held against the ledger. The ledger must know
 * everything that was ever asked of this database.
 */
import type { State } from "../state.ts";
import { strangeLike, strangePost, strangeTelling, wrongCaption, wrongCounter, wrongLife, wrongLike, wrongMark, wrongTelling } from "./findings.ts";
import type { Finding } from "./findings.ts";
import type { Ledger } from "./ledger.ts";

/**
 * People whose sequence has not taken one number for each time they were told and for each post
 * that was taken out of their list, deleted or removed. Whatever was done twice shows here, even if it left no row.
 */
const WRONG_NUMBERS = `
  select user_id, last_seq, due from (
    select user_id, last_seq, (select count(*) from told where recipient_id = user_id) + (
      select count(distinct subject_id) from told
      join posts on posts.id = subject_id
      where recipient_id = user_id
        and kind in ('like', 'comment', 'reply', 'mention')
        and (deleted_at is not null or removed_at is not null)
    ) as due
    from inboxes
  )
  where last_seq <> due`;

export async function examine(state: State, ledger: Ledger): Promise<Finding[]> {
  const parts = [postsOf, likesOf, toldOf, shownOf, numbersOf, marksOf, leftoversOf];
  const findings: Finding[] = [];
  for (const part of parts) findings.push(...(await part(state, ledger)));
  return findings;
}

async function postsOf(state: State, { posts }: Ledger): Promise<Finding[]> {
  const rows = await state.rows<{ id: string; author_id: string; caption: string; live: number }>(
    "select id, author_id, caption, deleted_at is null as live from posts",
  );
  const found: Finding[] = [];
  const kept = new Set<string>();
  for (const { id, author_id: authorId, caption, live } of rows) {
    kept.add(id);
    const post = posts.get(id);
    if (post === undefined) found.push(strangePost(id, caption));
    else if (!post.live.values.includes(live === 1)) found.push(wrongLife(post, live === 1));
    else if (authorId !== post.authorId || caption !== (live === 1 ? post.caption : "")) found.push(wrongCaption(id, caption));
  }
  // Deleted posts keep their rows.
  for (const post of posts.values()) if (!kept.has(post.id)) found.push(wrongLife(post, false));
  return found;
}

async function likesOf(state: State, { posts }: Ledger): Promise<Finding[]> {
  const rows = await state.rows<{ post_id: string; user_id: string }>("select post_id, user_id from likes");
  const kept = new Map(rows.map((row) => [`${row.post_id} by ${row.user_id}`, row]));
  const found: Finding[] = [];
  for (const post of posts.values()) {
    for (const [person, { now }] of post.likes) {
      const liked = kept.delete(`${post.id} by ${person}`);
      if (!now.values.includes(liked)) found.push(wrongLike(post, person, liked));
    }
  }
  for (const { post_id: post, user_id: person } of kept.values()) found.push(strangeLike(post, person));
  return found;
}

/** Who was told of whom: of everyone who ever liked, and of nobody else. */
async function toldOf(state: State, { posts }: Ledger): Promise<Finding[]> {
  const rows = await state.rows<{ subject_id: string; actor_id: string }>("select subject_id, actor_id from told");
  const found: Finding[] = [];
  for (const { subject_id: post, actor_id: actor } of rows) {
    const fact = posts.get(post)?.likes.get(actor);
    if (fact?.ever || fact?.now.values.includes(true)) continue;
    found.push({ kind: "doubled", what: `the telling of a like of ${post} by ${actor}, who never liked it` });
  }
  return found;
}

/** What the authors are shown. */
async function shownOf(state: State, { posts }: Ledger): Promise<Finding[]> {
  const rows = await state.rows<{ recipient_id: string; subject_id: string; actor_count: number }>(
    "select recipient_id, subject_id, actor_count from notifications",
  );
  const shown = new Map(rows.map((row) => [row.subject_id, { recipientId: row.recipient_id, likes: row.actor_count }]));
  const known = [...posts.values()].flatMap((post) => wrongTelling(post, shown.get(post.id)));
  const strange = [...shown.keys()].filter((id) => !posts.has(id)).map(strangeTelling);
  return [...known, ...strange];
}

export async function numbersOf(state: State): Promise<Finding[]> {
  const rows = await state.rows<{ user_id: string; last_seq: number; due: number }>(WRONG_NUMBERS);
  return rows.map(({ user_id: person, last_seq: last, due }) => ({
    kind: last < due ? "lost" : "doubled",
    what: `a change of the list of ${person}: ${last} numbers taken for ${due} changes`,
  }));
}

async function marksOf(state: State, ledger: Ledger): Promise<Finding[]> {
  const rows = await state.rows<{ user_id: string; read_seq: number }>("select user_id, read_seq from inboxes");
  return rows
    .filter(({ user_id: person, read_seq: upTo }) => upTo < Math.min(...ledger.watermarkOf(person).values))
    .map(({ user_id: person }) => wrongMark("lost", person, ledger.watermarkOf(person).values));
}

/** What a job left undone is lost besides, and found as such. */
export async function leftoversOf(state: State): Promise<Finding[]> {
  const jobs = await state.rows<{ payload: string; dead: number }>("select payload, dead_at is not null as dead from jobs");
  const counters = await state.wrongCounters();
  return [
    ...jobs.map(({ payload, dead }): Finding => ({ kind: "wrong", what: `the ${dead === 1 ? "dead" : "undone"} job ${payload}` })),
    ...counters.map(wrongCounter),
  ];
}
