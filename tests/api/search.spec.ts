/** Search: what is found by which words, who finds it, and what no words can do. */
import { randomBytes, randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Page, Post, ShortPerson } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** A word that nothing else in this file holds. */
const uniqueWord = () => `w${randomBytes(6).toString("hex")}`;

const query = (type: string, q: string) => `/search?${new URLSearchParams({ type, q }).toString()}`;

async function found<T>(who: Actor, type: string, q: string): Promise<T[]> {
  return (await who.expect<Page<T>>(200, "GET", query(type, q))).data;
}

const captions = async (who: Actor, q: string) => (await found<Post>(who, "posts", q)).map(({ caption }) => caption);
const names = async (who: Actor, q: string) => (await found<ShortPerson>(who, "users", q)).map(({ username }) => username);
const tagsFound = async (who: Actor, q: string) => (await found<{ tag: string }>(who, "tags", q)).map((listed) => listed.tag);

/** People without a password, with the numbers and names that registration would give them. */
const crowd = async <N extends number>(count: N) => (await world.crowd("cast", count)) as PersonActor[] & { length: N };

async function one(): Promise<PersonActor> {
  return (await crowd(1))[0] as PersonActor;
}

/** A hashtag with the posts that bear it. */
async function tag(text: string, ...posts: { id: string }[]): Promise<void> {
  await world.state.run("insert into tags (number, tag) select coalesce(max(number), 0) + 1, ?1 from tags where true on conflict do nothing", text);
  await world.state.run(
    "insert into tags_text (rowid, tag) select number, tag from tags where tag = ?1 and not exists (select 1 from tags_text where rowid = number)",
    text,
  );
  for (const { id } of posts) await world.state.run("insert or ignore into post_tags (tag, post_id) values (?1, ?2)", text, id);
}

describe("posts", () => {
  test("are found by their words, newest first, all of them in any order", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    for (const caption of [`${word} red boat`, `boat, ${word}!`, `${word} bread`]) await asha.posts.create({ caption });
    expect(await captions(world.anonymous, `boat ${word}`)).toEqual([`boat, ${word}!`, `${word} red boat`]);
    expect(await captions(asha, `${word} RED`)).toEqual([`${word} red boat`]);
    expect(await captions(asha, `#${word} "bread"`)).toEqual([`${word} bread`]);
    expect(await captions(asha, `${word} sail`)).toEqual([]);
  });

  test("are found by the beginning of the last word, and of no other", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    await asha.posts.create({ caption: `${word} harbour` });
    expect(await captions(asha, `${word} harb`)).toEqual([`${word} harbour`]);
    expect(await captions(asha, `${word} ha`)).toEqual([`${word} harbour`]);
    expect(await captions(asha, word.slice(0, -2))).toEqual([`${word} harbour`]);
    expect(await captions(asha, `harb ${word}`)).toEqual([]);
    // One letter is a word of one letter.
    expect(await captions(asha, `${word} h`)).toEqual([]);
  });

  test("are found whatever the case and the accents, composed or not", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    const decomposed = `${word} Cafe\u0301`;
    await asha.posts.create({ caption: decomposed });
    await asha.posts.create({ caption: `${word} CAFÉ` });
    for (const text of ["cafe", "Café", "CAFE\u0301", "caf"]) {
      expect(await captions(asha, `${word} ${text}`)).toEqual([`${word} CAFÉ`, decomposed]);
    }
  });

  test("in a script without spaces are found by the beginning of a run", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    await asha.posts.create({ caption: `${word} 東京タワー` });
    expect(await captions(asha, `${word} 東京`)).toEqual([`${word} 東京タワー`]);
    expect(await captions(asha, `${word} タワー`)).toEqual([]);
  });

  test("come with what a post has, comments as well", async () => {
    const [asha, ben] = (await crowd(2)) as [PersonActor, PersonActor];
    const word = uniqueWord();
    const root = await asha.posts.create({ caption: word });
    await ben.like(root);
    const { id } = await world.state.comment(ben, root, word);
    const [comment, post] = await found<Post>(ben, "posts", word);
    expect(comment).toMatchObject({ id, reply_to: root.id, author: { id: ben.id } });
    expect(post).toEqual(await ben.posts.read(root));
  });

  test("go on page by page, by a link that names the search", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    const written: string[] = [];
    for (let count = 1; count <= 7; count += 1) written.unshift((await asha.posts.create({ caption: `${word} & ${count}` })).id);
    expect(await pageByPage(asha, "posts", `${word} &`, 3)).toEqual(written);
    const { next_cursor: cursor } = await asha.expect<Page<Post>>(200, "GET", `${query("posts", word)}&limit=1`);
    for (const other of [query("posts", `${word}x`), query("users", word)]) {
      await expectProblem(await asha.fetch("GET", `${other}&cursor=${cursor}`), 400, "malformed_cursor");
    }
  });
});

/** The ids of all that is found, read along the links. */
async function pageByPage(who: Actor, type: string, q: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let path = `${query(type, q)}&limit=${limit}`;
  for (;;) {
    const response = await who.fetch("GET", path);
    expect(response.status).toBe(200);
    const { data, next_cursor: next } = (await response.json()) as Page<{ id: string }>;
    expect(data.length).toBeLessThanOrEqual(limit);
    ids.push(...data.map(({ id }) => id));
    const link = /^<(\?[^>]*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    expect(link === undefined).toBe(next === null);
    if (link === undefined) return ids;
    path = `/search${link}`;
  }
}

describe("people", () => {
  test("are found by username and display name, the very username first, then the newest account", async () => {
    const word = uniqueWord();
    const [older, exact, newer] = [await one(), await one(), await one()];
    await rename(older, `${word}_older`);
    await rename(exact, word);
    await rename(newer, `n.${word}`);
    await newer.expect(200, "PATCH", "/profile", { display_name: `Ben ${word}` });
    for (const text of [word, word.toUpperCase(), `@${word}`]) {
      expect(await names(world.anonymous, text)).toEqual([word, `n.${word}`, `${word}_older`]);
    }
    expect(await names(older, `${word} old`)).toEqual([`${word}_older`]);
    expect(await names(older, `ben ${word}`)).toEqual([`n.${word}`]);
    expect(await names(older, word.slice(0, 6))).toEqual(expect.arrayContaining([word, `${word}_older`]));
    for (const limit of [1, 2, 3]) {
      expect(await pageByPage(older, "users", word, limit)).toEqual([exact.id, newer.id, older.id]);
    }
  });

  test("are found by the name they have, and no more by the one they had", async () => {
    const [asha, before, after] = [await one(), uniqueWord(), uniqueWord()];
    await asha.expect(200, "PATCH", "/profile", { display_name: before });
    expect(await names(asha, before)).toEqual([asha.username]);
    await asha.expect(200, "PATCH", "/profile", { display_name: after });
    expect([await names(asha, before), await names(asha, after)]).toEqual([[], [asha.username]]);
    // The same again is no change, and what is refused is none.
    await asha.expect(200, "PATCH", "/profile", { display_name: after, bio: "new" });
    await asha.expect(200, "PATCH", "/profile", { bio: "newer" });
    expect((await asha.fetch("PATCH", "/profile", { display_name: before }, { "if-match": '"999"' })).status).toBe(412);
    expect([await names(asha, before), await names(asha, after)]).toEqual([[], [asha.username]]);
    await asha.expect(200, "PATCH", "/profile", { display_name: before });
    expect([await names(asha, before), await names(asha, after)]).toEqual([[asha.username], []]);
  });

  test("are found as soon as they have registered", async () => {
    const asha = await world.person("asha");
    expect(await names(world.anonymous, asha.username)).toEqual([asha.username]);
  });

  test.for(["by the username", "by a word of the name"])("who are blocked either way or suspended are not found %s", async (by) => {
    const [asha, blocked, blocker, suspended] = (await crowd(4)) as [PersonActor, PersonActor, PersonActor, PersonActor];
    const word = uniqueWord();
    for (const person of [blocked, blocker, suspended]) await person.expect(200, "PATCH", "/profile", { display_name: word });
    const seen = async (who: Actor, person: PersonActor) =>
      (await names(who, by === "by the username" ? person.username : word)).includes(person.username);
    for (const person of [blocked, blocker, suspended]) expect(await seen(asha, person)).toBe(true);
    await world.state.block(asha, blocked);
    await world.state.block(blocker, asha);
    await world.state.suspend(suspended);
    for (const person of [blocked, blocker, suspended]) expect(await seen(asha, person)).toBe(false);
    for (const person of [blocked, blocker]) {
      expect(await seen(person, asha)).toBe(false);
      expect(await seen(world.anonymous, person)).toBe(true);
    }
  });

  test("whom one mutes are found: they were asked for", async () => {
    const [asha, muted] = (await crowd(2)) as [PersonActor, PersonActor];
    await mute(asha, muted);
    expect(await names(asha, muted.username)).toEqual([muted.username]);
  });
});

/** Gives somebody another username, which no route does. */
async function rename(person: PersonActor, username: string): Promise<void> {
  const text = "select %, number, username, display_name from users where id = ?1";
  await world.state.run(`insert into users_text (users_text, rowid, username, display_name) ${text.replace("%", "'delete'")}`, person.id);
  await world.state.run("update users set username = ?2 where id = ?1", person.id, username);
  await world.state.run(`insert into users_text (users_text, rowid, username, display_name) ${text.replace("%", "null")}`, person.id);
}

async function mute(muter: PersonActor, muted: PersonActor): Promise<void> {
  await world.state.run("insert into mutes (muter_id, muted_id, created_at) values (?1, ?2, 1)", muter.id, muted.id);
}

/** A hashtag's first posts are others' matter, so a hashtag is found by who may see one of its newest three. */
describe("hashtags", () => {
  test("are found by their words and beginnings, newest first", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    const post = await asha.posts.create({ caption: "tagged" });
    for (const text of [`${word}_boat`, `${word}bread`, word]) await tag(text, post);
    expect(await tagsFound(asha, word)).toEqual([word, `${word}bread`, `${word}_boat`]);
    expect(await tagsFound(world.anonymous, `#${word.toUpperCase()}_bo`)).toEqual([`${word}_boat`]);
    const first = await asha.expect<Page<{ tag: string }>>(200, "GET", `${query("tags", word)}&limit=2`);
    const second = await asha.expect<Page<{ tag: string }>>(200, "GET", `${query("tags", word)}&limit=2&cursor=${first.next_cursor}`);
    expect([...first.data, ...second.data].map(({ tag: text }) => text)).toEqual([word, `${word}bread`, `${word}_boat`]);
    expect(second.next_cursor).toBeNull();
  });

  test.for(["removed", "suspended", "blocked", "blocking"])("used only in posts that are %s are not found", async (fate) => {
    const [asha, ben, friend] = (await crowd(3)) as [PersonActor, PersonActor, PersonActor];
    const word = uniqueWord();
    await world.state.follow(friend, ben);
    const post = await ben.posts.create({ caption: "tagged" });
    await tag(word, post);
    expect(await tagsFound(asha, word)).toEqual([word]);
    if (fate === "removed") await world.state.removePost(post);
    if (fate === "suspended") await world.state.suspend(ben);
    if (fate === "blocked") await world.state.block(asha, ben);
    if (fate === "blocking") await world.state.block(ben, asha);
    expect(await tagsFound(asha, word)).toEqual([]);
    const friendsFind = fate === "removed" || fate === "suspended" ? [] : [word];
    expect(await tagsFound(friend, word)).toEqual(friendsFind);
  });

  test("that nobody uses any more are not found, and their cursor does not tell them", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    const post = await asha.posts.create({ caption: "tagged" });
    await tag(`${word}old`, post);
    await tag(`${word}secret`);
    const { data, next_cursor: cursor } = await asha.expect<Page<object>>(200, "GET", `${query("tags", word)}&limit=1`);
    expect(data).toEqual([]);
    expect(Buffer.from(cursor ?? "", "base64url").toString("latin1")).not.toContain(word);
    expect(await asha.expect(200, "GET", `${query("tags", word)}&limit=1&cursor=${cursor}`)).toEqual({ data: [{ tag: `${word}old` }], next_cursor: null });
  });

  test("are found where the second or third newest post may be seen, and not where only the fourth", async () => {
    const [asha, ben] = (await crowd(2)) as [PersonActor, PersonActor];
    const word = uniqueWord();
    const open = await ben.posts.create({ caption: "open" });
    await tag(word, open);
    const hide = async () => {
      const post = await ben.posts.create({ caption: "hidden" });
      await tag(word, post);
      await world.state.run("update posts set removed_at = 1 where id = ?1", post.id);
    };
    for (let count = 0; count < 2; count += 1) await hide();
    expect(await tagsFound(asha, word)).toEqual([word]);
    await hide();
    expect(await tagsFound(asha, word)).toEqual([]);
  });
});

describe("what a post says is found by nobody who may not see it:", () => {
  /** Ben's post, and who looks for it. */
  async function stage(visibility: string) {
    const [ben, asha, friend] = (await crowd(3)) as [PersonActor, PersonActor, PersonActor];
    const word = uniqueWord();
    await world.state.follow(friend, ben);
    const post = await ben.posts.create({ caption: word, visibility });
    return { ben, asha, friend, word, post };
  }

  const seenBy = async (word: string, ...viewers: Actor[]) => Promise.all(viewers.map(async (viewer) => (await captions(viewer, word)).length));

  test("one for followers", async () => {
    const { ben, asha, friend, word } = await stage("followers");
    await world.state.follow(asha, ben, "pending");
    expect(await seenBy(word, world.anonymous, asha, friend, ben)).toEqual([0, 0, 1, 1]);
  });

  test("one of somebody who is blocked, or blocks", async () => {
    const { ben, asha, friend, word } = await stage("public");
    expect(await seenBy(word, asha, friend)).toEqual([1, 1]);
    await world.state.block(asha, ben);
    await world.state.block(ben, friend);
    expect(await seenBy(word, asha, friend, world.anonymous, ben)).toEqual([0, 0, 1, 1]);
  });

  test("one of somebody who is muted, which nobody else notices", async () => {
    const { ben, asha, friend, word } = await stage("public");
    await mute(asha, ben);
    expect(await seenBy(word, asha, friend, ben)).toEqual([0, 1, 1]);
  });

  test("one of somebody who is suspended", async () => {
    const { ben, asha, friend, word } = await stage("public");
    await world.state.suspend(ben);
    expect(await seenBy(word, asha, friend, world.anonymous)).toEqual([0, 0, 0]);
  });

  test("one that was removed", async () => {
    const { ben, asha, word, post } = await stage("public");
    await world.state.removePost(post);
    expect(await seenBy(word, asha, ben)).toEqual([0, 0]);
  });

  test("one that was deleted, of which the index keeps nothing", async () => {
    const { ben, asha, word, post } = await stage("public");
    await ben.posts.delete(post);
    expect(await seenBy(word, asha, ben)).toEqual([0, 0]);
    expect(await world.state.number("select count(*) from posts_text where posts_text match ?1", `"${word}"`)).toBe(0);
  });

  test("a comment under a post for followers", async () => {
    const { asha, friend, word, post } = await stage("followers");
    const reply = uniqueWord();
    await world.state.comment(friend, post, `${word} ${reply}`);
    expect(await seenBy(reply, asha, friend, world.anonymous)).toEqual([0, 1, 0]);
  });
});

describe("bad input", () => {
  test.for([
    ["", { "/q": "required", "/type": "required" }],
    ["?q=boat", { "/type": "required" }],
    ["?type=users", { "/q": "required" }],
    ["?q=&type=users", { "/q": "too_short" }],
    ["?q=%20%20&type=users", { "/q": "too_short" }],
    ["?q=boat&type=people", { "/type": "invalid_value" }],
    ["?q=boat&type=Users", { "/type": "invalid_value" }],
    [`?q=${"x".repeat(101)}&type=tags`, { "/q": "too_long" }],
    ["?q=a%00b&type=posts", { "/q": "invalid_characters" }],
    ["?q=a%0Ab&type=posts", { "/q": "invalid_characters" }],
    ["?q=boat&type=posts&limit=0", { "/limit": "out_of_range" }],
    ["?q=boat&type=posts&typ=1", { "/typ": "unknown_field" }],
  ] as const)("/search%s is refused by its rule", async ([path, rules]) => {
    await expectInvalid(await world.anonymous.fetch("GET", `/search${path}`), rules);
  });

  test("a hundred characters of any script are taken", async () => {
    for (const letter of ["x", "é", "東", "🎉", '"', "*", "'"]) {
      expect((await world.anonymous.fetch("GET", query("posts", letter.repeat(100)))).status).toBe(200);
    }
  });
});

/** Pieces of the index' query language, of SQL, and of what tokenizers trip over. */
const PIECES = [
  '"', '""', "'", "*", "^", "-", "+", ":", "(", ")", "{", "}", "[", "]", ",", ".", ";", "\\", "/", "%", "_", "#", "@", "~", "|", "&", "=", "<", ">",
  "AND", "OR", "NOT", "NEAR", "NEAR(", "NEAR(a b, 2)", "caption", "caption:", "username :", "{caption tag} :", "rank", "rowid", "posts_text", "--", "/*",
  "a", "boat", "ha", "é", "e\u0301", "\u0301", "\u0345", "ß", "İ", "ﬁ", "東京", "ไทย", "हिन्दी", "ि", "👩‍👩‍👧", "🎉", "\u200b", "\u00ad", "\ufeff", "\ufffd", "\uffff", "\u{10ffff}", "\u{e0001}", "Ⓐ", "١٢", "½", " ", "  ",
];

describe("no text is a query of the index' own:", () => {
  const allFound = async (q: string) => {
    for (const type of ["users", "posts", "tags"]) {
      const response = await world.anonymous.fetch("GET", query(type, q));
      expect([q, type, response.status, [...((await response.json()) as { data?: unknown[] }).data ?? ["none"]].length < 21]).toEqual([q, type, 200, true]);
    }
  };

  test("every piece alone, and doubled, is answered", async () => {
    for (const piece of PIECES) {
      const asked = [piece, `${piece}${piece}`, `"${piece}`, `boat ${piece}`, `${piece} boat`].filter((q) => /[^\s\u200b\u00ad\ufeff\u{e0001}]/u.test(q));
      for (const q of asked) await allFound(q);
    }
  }, 120_000);

  test("two hundred texts of hostile pieces are answered", async () => {
    for (let count = 0; count < 200; count += 1) {
      const pieces = Array.from({ length: 1 + randomInt(8) }, () => PIECES[randomInt(PIECES.length)]);
      await allFound(Array.from(`x${pieces.join("")}`).slice(0, 100).join(""));
    }
  }, 120_000);

  test("operators are words like others", async () => {
    const [asha, word] = [await one(), uniqueWord()];
    for (const caption of [`${word} boat`, `${word} bread`]) await asha.posts.create({ caption });
    expect(await captions(asha, `${word} boat OR bread`)).toEqual([]);
    expect(await captions(asha, `${word} NOT boat`)).toEqual([]);
    expect(await captions(asha, `caption:${word}`)).toEqual([]);
    expect(await captions(asha, `-${word} ^boat`)).toEqual([`${word} boat`]);
    expect(await captions(asha, `"${word}" (boat)`)).toEqual([`${word} boat`]);
  });
});

test("a list that has not changed costs no body", async () => {
  const [asha, word] = [await one(), uniqueWord()];
  await asha.posts.create({ caption: word });
  const first = await asha.fetch("GET", query("posts", word));
  const again = await asha.fetch("GET", query("posts", word), undefined, { "if-none-match": first.headers.get("etag") ?? "" });
  expect([first.status, again.status]).toEqual([200, 304]);
});
