/**
 * The examination after a kill, on databases that somebody tampered with: a check that cannot fail
 * proves nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { examine } from "./harness/kill/examination.ts";
import type { Finding } from "./harness/kill/findings.ts";
import { Ledger } from "./harness/kill/ledger.ts";
import { Tally } from "./harness/kill/tally.ts";
import { Keys } from "./harness/keys.ts";
import { ROOT } from "./harness/server.ts";
import { SqliteFile } from "./harness/sqlite-file.ts";
import { State } from "./harness/state.ts";

/**
 * Ben posted three times. Asha and Chloe like the first, which he has read. Asha liked the second,
 * which he deleted. Chloe liked the third and took it back.
 */
const STORY = `
  insert into users (id, username, email, password_hash, display_name, post_count, created_at) values ('ben', 'ben', 'ben', '', 'Ben', 2, 1);
  insert into posts (id, author_id, caption, visibility, audience_id, like_count, created_at, deleted_at) values
    ('liked', 'ben', 'First light', 'public', 'ben', 2, 1, null),
    ('deleted', 'ben', '', 'public', 'ben', 1, 1, 2),
    ('unliked', 'ben', 'The boat', 'public', 'ben', 0, 1, null);
  insert into likes values ('liked', 'asha', 1), ('liked', 'chloe', 1), ('deleted', 'asha', 1);
  insert into told values
    ('ben', 'like', 'liked', 'asha'), ('ben', 'like', 'liked', 'chloe'), ('ben', 'like', 'deleted', 'asha'), ('ben', 'like', 'unliked', 'chloe');
  insert into inboxes values ('ben', 5, 2, 1);
  insert into notifications (recipient_id, kind, subject_id, seq, actor_1, actor_count, created_at, updated_at) values
    ('ben', 'like', 'liked', 2, 'chloe', 2, 1, 1), ('ben', 'like', 'unliked', 5, 'chloe', 1, 1, 1);`;

const author = { id: "ben", username: "ben", display_name: "Ben", avatar_url: null };

/** What the three know of it. */
function knowledge(): Ledger {
  const ledger = new Ledger();
  const liked = ledger.add({ id: "liked", author, caption: "First light" });
  const deleted = ledger.add({ id: "deleted", author, caption: "The fog" });
  const unliked = ledger.add({ id: "unliked", author, caption: "The boat" });
  for (const [post, person] of [[liked, "asha"], [liked, "chloe"], [deleted, "asha"], [unliked, "chloe"]] as const) {
    post.likeOf(person).acknowledged(true);
  }
  unliked.likeOf("chloe").acknowledged(false);
  deleted.live.becomes(() => false);
  ledger.watermarkOf("ben").becomes(() => 2);
  return ledger;
}

async function examineStory(tampering: string): Promise<Finding[]> {
  const file = new SqliteFile(":memory:");
  try {
    for (const name of readdirSync(`${ROOT}migrations`).toSorted()) file.script(readFileSync(`${ROOT}migrations/${name}`, "utf8"));
    file.script(STORY);
    file.script(tampering);
    return await examine(new State(file, new Keys()), knowledge());
  } finally {
    file.close();
  }
}

const GROUP = "insert into notifications (recipient_id, kind, subject_id, seq, actor_1, created_at, updated_at) values";
const JOB = "insert into jobs (id, payload, request_id, trace_id, due_at, created_at, dead_at) values";

describe("the examination of a database", () => {
  test("finds nothing where nothing was tampered with", async () => {
    expect(await examineStory("")).toEqual([]);
  });

  test.for<[fault: string, tampering: string, kind: Finding["kind"], what: string]>([
    ["a like is gone", "delete from likes where user_id = 'chloe'; update posts set like_count = 1 where id = 'liked'", "lost", "the like of liked by chloe"],
    ["a like that was taken back is there", "insert into likes values ('unliked', 'chloe', 1); update posts set like_count = 1 where id = 'unliked'", "lost", "the taking back of the like of unliked"],
    ["somebody likes who never did", "insert into likes values ('unliked', 'asha', 1); update posts set like_count = 1 where id = 'unliked'", "doubled", "the like of unliked by asha"],
    ["a post is gone", "delete from posts where id = 'unliked'; update users set post_count = 1", "lost", "the post unliked"],
    ["a post is deleted that nobody deleted", "update posts set deleted_at = 1, caption = '' where id = 'unliked'", "lost", "the post unliked"],
    ["a deleted post is back", "update posts set deleted_at = null where id = 'deleted'", "lost", "the deletion of deleted"],
    ["a post is there twice", "insert into posts (id, author_id, caption, visibility, audience_id, created_at) values ('again', 'ben', 'The boat', 'public', 'ben', 1)", "doubled", "the post again"],
    ["a post says something else", "update posts set caption = 'The fog' where id = 'unliked'", "wrong", "what unliked says"],
    ["a like is not told", "delete from notifications where subject_id = 'unliked'; update inboxes set unread_count = 0", "lost", "is told of 0 likes instead of 1"],
    ["a like is told twice", "update notifications set actor_count = 3 where subject_id = 'liked'", "doubled", "is told of 3 likes instead of 2"],
    ["a like is told that nobody made", "insert into told values ('ben', 'like', 'unliked', 'asha')", "doubled", "the telling of a like of unliked by asha"],
    ["likes of nobody's post are told", `${GROUP} ('ben', 'like', 'nothing', 1, 'asha', 1, 1)`, "doubled", "the telling of likes of nothing"],
    ["a deleted post is told of", `${GROUP} ('ben', 'like', 'deleted', 3, 'asha', 1, 1)`, "lost", "what was told of deleted"],
    ["somebody else is told", "update notifications set recipient_id = 'asha' where subject_id = 'liked'", "wrong", "asha is told of liked"],
    ["a list changed once too often", "update inboxes set last_seq = 6", "doubled", "6 numbers taken for 5 changes"],
    ["a list changed once too little", "update inboxes set last_seq = 4", "lost", "4 numbers taken for 5 changes"],
    ["what was read is unread", "update inboxes set read_seq = 0, unread_count = 2", "lost", "what ben has read, which is up to 2"],
    ["a job is left", `${JOB} ('left', 'a payload', '', '', 1, 1, null)`, "wrong", "the undone job a payload"],
    ["a job is dead", `${JOB} ('left', 'a payload', '', '', null, 1, 1)`, "wrong", "the dead job a payload"],
    ["a counter of likes is off", "update posts set like_count = 3 where id = 'liked'", "wrong", "likes of post liked: 3"],
    ["a counter of posts is off", "update users set post_count = 3", "wrong", "posts of ben: 3"],
    ["a counter of unread is off", "update inboxes set unread_count = 2", "wrong", "unread of ben: 2"],
  ])("finds that %s", async ([, tampering, kind, what]) => {
    expect(await examineStory(tampering)).toContainEqual({ kind, what: expect.stringContaining(what) });
  });
});

test.for([
  ["nothing", [0, 0], false],
  ["an unfinished write", [1, 0], true],
  ["an unacknowledged message", [0, 1], true],
] as const)("of a kill that hit nothing and one that hit %s, half must have hit something", ([, [writes, messages], proves]) => {
  const tally = new Tally();
  tally.kill(0, 0);
  tally.kill(writes, messages);
  expect(tally.provesSomething).toBe(proves);
});
