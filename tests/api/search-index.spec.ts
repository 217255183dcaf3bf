/** The full-text index: what it keeps of what is gone, and whom it tells of what they may not see. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Actor, PersonActor } from "./harness/person.ts";
import { readAllPages } from "./harness/paging.ts";
import type { Page, Post, ShortPerson } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
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

const crowd = async (count: number) => (await world.crowd("cast", count)) as [PersonActor, ...PersonActor[]];

/** In how many blocks of a full-text index this stands. Ends of words suffice: what they share is stored once. */
const blocksWith = (table: string, word: string) =>
  world.state.number(`select count(*) from ${table}_data where instr(block, cast(?1 as blob)) > 0`, word.slice(4));

/** Ben's post, which his friend may see, and Asha. */
async function stage(visibility: string) {
  const [ben, asha, friend] = (await crowd(3)) as [PersonActor, PersonActor, PersonActor];
  const word = uniqueWord();
  await world.state.follow(friend, ben);
  const post = await ben.posts.create({ caption: word, visibility });
  return { ben, asha, friend, word, post };
}

describe("the index keeps nothing of", () => {
  test.for(["deleted", "edited", "removed"])("a post that was %s", async (fate) => {
    const [{ ben, asha, word, post }, mo] = [await stage("public"), await world.moderator("mo")];
    expect(await blocksWith("posts_text", word)).toBeGreaterThan(0);
    if (fate === "deleted") await ben.posts.delete(post);
    if (fate === "removed") await mo.posts.delete(post);
    if (fate === "edited") {
      await ben.posts.edit(post, "other words");
      await ben.posts.edit(post, "other words");
    }
    expect([await captions(asha, word), await captions(ben, word), await blocksWith("posts_text", word)]).toEqual([[], [], 0]);
    // An index that was told of wrong words would find out by its sums.
    await world.state.run("insert into posts_text (posts_text) values ('integrity-check')");
  });

  test("a name that somebody has changed", async () => {
    const [[asha], before, after] = [await crowd(1), uniqueWord(), uniqueWord()];
    await asha.expect(200, "PATCH", "/profile", { display_name: before });
    expect(await blocksWith("users_text", before)).toBeGreaterThan(0);
    await asha.expect(200, "PATCH", "/profile", { display_name: after });
    expect([await blocksWith("users_text", before), await names(asha, after)]).toEqual([0, [asha.username]]);
  });
});

describe("nobody learns from a page that there is", () => {
  test("a post for followers", async () => {
    const { ben, asha, friend, word, post } = await stage("followers");
    for (let count = 0; count < 3; count += 1) await ben.posts.create({ caption: word, visibility: "followers" });
    await ben.comment(post, word);
    await world.state.follow(asha, ben, "pending");
    for (const stranger of [world.anonymous, asha]) {
      expect(await stranger.expect(200, "GET", `${query("posts", word)}&limit=1`)).toEqual({ data: [], next_cursor: null });
    }
    for (const reader of [ben, friend]) expect(await readAllPages<Post>(reader, query("posts", word), 2)).toHaveLength(5);
  });

  test("a comment under a post for others' followers, but for whoever wrote it", async () => {
    const { asha, friend, word, post } = await stage("followers");
    const reply = uniqueWord();
    await friend.comment(post, `${word} ${reply}`);
    await world.state.run("delete from follows where follower_id = ?1", friend.id);
    await world.state.follow(asha, friend);
    expect([await captions(friend, reply), await captions(asha, reply)]).toEqual([[`${word} ${reply}`], []]);
    // Whom asha follows wrote it, but not for her: nor does a page tell.
    for (let count = 0; count < 3; count += 1) await world.state.comment(friend, post, reply);
    expect(await asha.expect(200, "GET", `${query("posts", reply)}&limit=1`)).toEqual({ data: [], next_cursor: null });
  });

  test("a post for followers of those behind the first thirty whom one follows", async () => {
    const [asha, ...authors] = await crowd(32);
    const word = uniqueWord();
    const inOrder = authors.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    for (const author of inOrder) await world.state.follow(asha, author);
    for (const author of [inOrder[0], inOrder[29], inOrder[30]]) await (author as PersonActor).posts.create({ caption: word, visibility: "followers" });
    await (inOrder[30] as PersonActor).posts.create({ caption: `${word} for all` });
    expect(await readAllPages<Post>(asha, query("posts", word), 20)).toHaveLength(3);
    expect(await captions(asha, `${word} all`)).toEqual([`${word} for all`]);
  });
});

describe("what a Worker of before wrote", () => {
  test("without numbers is found as nobody else's", async () => {
    const word = uniqueWord();
    const id = uuidV7();
    await world.state.run("insert into users (id, username, email, password_hash, display_name, created_at) values (?1, ?2, ?2, '', ?2, 1)", id, `${word}_old`);
    const asha = await world.person("asha");
    await asha.expect(200, "PATCH", "/profile", { display_name: word });
    expect(await names(asha, word)).toEqual([asha.username]);
    const post = uuidV7();
    await world.state.run("insert into posts (id, author_id, caption, visibility, audience_id, created_at) values (?1, ?2, ?3, 'public', ?2, 1)", post, asha.id, word);
    const next = await asha.posts.create({ caption: `${word} next` });
    expect((await found<Post>(asha, "posts", word)).map((listed) => listed.id)).toEqual([next.id]);
    // Once it is edited, it is found.
    await asha.posts.edit({ id: post }, `${word} edited`);
    expect(await captions(asha, word)).toEqual([`${word} next`, `${word} edited`]);
    expect(await world.state.number("select count(*) from posts where number is null")).toBe(0);
    expect(await world.state.number("select count(*) from users where number is null")).toBe(0);
  });

  test("is found once the index was made anew", async () => {
    const [[asha], before, after] = [await crowd(1), uniqueWord(), uniqueWord()];
    const [gone, edited, deleted] = await Promise.all(["gone", "edited", "deleted"].map((what) => asha.posts.create({ caption: `${before} ${what}` })));
    await world.state.run("update posts set caption = ?2 where id = ?1", edited?.id, `${after} edited`);
    await world.state.run("update posts set caption = '', deleted_at = 1 where id = ?1", deleted?.id);
    await world.state.run("update posts set removed_at = 1 where id = ?1", gone?.id);
    await world.state.run("update users set display_name = ?2 where id = ?1", asha.id, after);
    // Nothing that may not be seen is found before either, but an old word leads to a new caption.
    expect(await captions(asha, before)).toEqual([`${after} edited`]);
    const script = await readFile(new URL("../../scripts/rebuild-search.sql", import.meta.url), "utf8");
    const statements = script.replace(/^--.*$/gm, "").split(";").filter((sql) => sql.trim() !== "");
    for (const sql of statements) await world.state.run(sql);
    expect([await captions(asha, before), await captions(asha, after), await names(asha, after)]).toEqual([[], [`${after} edited`], [asha.username]]);
    expect([await blocksWith("posts_text", before), await blocksWith("posts_text", after)]).toEqual([0, 1]);
  });
});
