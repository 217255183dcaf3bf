/** What a caption says: hashtags, names, what it says after an edit, and the lists that it is found in. */
import { afterEach, describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Page, Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

const ids = (listed: { id: string }[]) => listed.map(({ id }) => id);

/** A hashtag that nobody else has. */
const newTag = () => world.uniqueName("tag");

describe("hashtags", () => {
  // Each as the platform's JavaScript must fold it, and as the tests in Rust have it too.
  test.for([
    ["#CAFÉ #cafe\u0301 #ｃａｆé", ["café"]],
    ["#ΣΟΦΟΣ #σοφος", ["σοφοσ"]],
    ["#می\u200cخواهم", ["میخواهم"]],
    ["#नमस्ते #東京 ＃ハーバー", ["नमस्ते", "東京", "ハーバー"]],
    ["#\u{1d4d7}arbour #ﬁsh #Ǆ", ["harbour", "fish", "dž"]],
    ["#İstanbul", ["i\u0307stanbul"]],
    ["a#b #1 ## https://kith.example/#top #\ufe0f\u20e3", []],
  ] as const)("of %j are found and folded", async ([caption, tags]) => {
    const ben = await world.person("ben");
    const post = await ben.posts.create({ caption });
    expect([post.caption, post.tags]).toEqual([caption, tags]);
    expect((await world.anonymous.posts.read(post)).tags).toEqual(tags);
    for (const tag of tags) expect(ids((await world.anonymous.posts.ofTag(tag)).data)).toContain(post.id);
  });

  test("a post is listed under each, however it is asked for, newest first and without comments", async () => {
    const ben = await world.person("ben");
    const tag = newTag();
    const written: Post[] = [];
    for (let number = 0; number < 5; number += 1) written.push(await ben.posts.create({ caption: `${number} #${tag.toUpperCase()}` }));
    await ben.comment(written[0] as Post, `#${tag}`);
    const listed = await readAllPages<Post>(world.anonymous, `/tags/${tag}/posts`, 2);
    expect(ids(listed)).toEqual(ids(written).toReversed());
    expect(ids((await ben.posts.ofTag(tag.replace("tag", "TaＧ"))).data)).toEqual(ids(written).toReversed());
    expect((await ben.posts.ofTag("nobody_has_used_it")).data).toEqual([]);
  });

  test("a list has only what everyone may see, and nothing of whom one mutes", async () => {
    const [asha, ben, carl, dana] = await Promise.all(["asha", "ben", "carl", "dana"].map((name) => world.person(name)));
    if (!asha || !ben || !carl || !dana) throw new Error("four were asked for");
    const caption = `#${newTag()}`;
    await ben.posts.create({ caption, visibility: "followers" });
    const [muted, , plain] = [await carl.posts.create({ caption }), await dana.posts.create({ caption }), await ben.posts.create({ caption })];
    await world.state.mute(asha, carl);
    await world.state.block(dana, asha);
    const tag = caption.slice(1);
    expect(ids((await asha.posts.ofTag(tag)).data)).toEqual([plain.id]);
    expect(ids((await asha.posts.list("?limit=100")).data)).not.toContain(muted.id);
    // Asked for by name, the muted is there; and learns nothing.
    expect(ids((await asha.posts.of(carl)).data)).toEqual([muted.id]);
    expect(ids((await carl.posts.list("?limit=100")).data)).toContain(muted.id);
    // What only followers see is not for them either to find by it.
    await world.state.follow(asha, ben);
    expect(ids((await asha.posts.ofTag(tag)).data)).toEqual([plain.id]);
  });

  test("posts for followers put no hashtag out of sight, and neither a page nor a cursor tells of them", async () => {
    const [asha, ben, mallory] = await Promise.all(["asha", "ben", "mallory"].map((name) => world.person(name)));
    if (!asha || !ben || !mallory) throw new Error("three were asked for");
    const tag = newTag();
    const open = await ben.posts.create({ caption: `#${tag}` });
    for (let count = 0; count < 4; count += 1) await mallory.posts.create({ caption: `#${tag} #${tag}only`, visibility: "followers" });
    expect(await asha.expect(200, "GET", `/tags/${tag}/posts?limit=1`)).toEqual({ data: [open], next_cursor: null });
    for (const who of [asha, mallory, world.anonymous]) {
      expect((await who.expect<Page<{ tag: string }>>(200, "GET", `/search?type=tags&q=${tag}`)).data).toEqual([{ tag }]);
    }
    expect(await world.state.number("select count(*) from tags where tag = ?1", `${tag}only`)).toBe(0);
  });

  test("a deleted post takes its words, hashtags and names with it; a removed one only goes out of sight", async () => {
    const [ben, mo] = await Promise.all([world.person("ben"), world.moderator("mo")]);
    const tag = newTag();
    const caption = `#${tag} @${ben.username}`;
    const [deleted, removed] = [await ben.posts.create({ caption }), await ben.posts.create({ caption, visibility: "followers" })];
    await ben.posts.delete(deleted);
    await mo.posts.delete(removed);
    const rows = await world.state.rows("select caption, tags, json_array_length(mentions) as named from posts where author_id = ?1 order by id", ben.id);
    expect(rows).toEqual([{ caption: "", tags: "[]", named: 0 }, { caption, tags: JSON.stringify([tag]), named: 1 }]);
    expect(await world.state.number("select count(*) from post_tags where tag = ?1", tag)).toBe(0);
    expect(await world.state.number("select count(*) from posts_text where posts_text match ?1", `"${tag}"`)).toBe(0);
    for (const viewer of [ben, mo, world.anonymous]) {
      await expectProblem(await viewer.fetch("GET", `/posts/${removed.id}`), 404, "not_found");
    }
    await expectProblem(await mo.fetch("DELETE", `/posts/${removed.id}`), 404, "not_found");
    expect((await ben.profile()).post_count).toBe(0);
    expect(await world.state.events(ben)).toContainEqual(
      expect.objectContaining({ kind: "post_removed", actor_id: mo.id, details: JSON.stringify({ post_id: removed.id }) }),
    );
  });
});

describe("names", () => {
  test("are told by place, in code points, whether or not there is such an account", async () => {
    const ben = await world.person("ben");
    const { mentions } = await ben.posts.create({ caption: "🦀 @Nobody_Here. ben@example.com @no.one!" });
    expect(mentions).toEqual([
      { username: "nobody_here", start: 2, end: 14 },
      { username: "no.one", start: 32, end: 39 },
    ]);
  });

  test("a post of nothing but names names twenty people and no more", async () => {
    const ben = await world.person("ben");
    const names = Array.from({ length: 200 }, (_, index) => `@person${index}`);
    const post = await ben.posts.create({ caption: names.join(" ") });
    expect(post.mentions.map(({ username }) => `@${username}`)).toEqual(names.slice(0, 20));
  });

  test.for([
    ["10,000 names", Array.from({ length: 10_000 }, (_, index) => `@p${index}x`).join(" ")],
    ["10,000 hashtags", Array.from({ length: 10_000 }, (_, index) => `#p${index}`).join("")],
  ] as const)("a caption of %s is too long", async ([, caption]) => {
    const ben = await world.person("ben");
    expect((await ben.fetch("POST", "/posts", { caption: caption.slice(0, 60_000) })).status).toBe(422);
  });

  test.for([
    ["combining marks", `#a${"\u0301".repeat(2_000)} @a${"\u0301".repeat(100)}`],
    ["signs", "#@".repeat(1_100)],
    ["direction", "\u202e#one\u202c \u2066@asha\u2069"],
    ["emoji", "#👩‍👩‍👧‍👦 @👩‍👩‍👧‍👦 #️⃣"],
    ["joiners", `#${"\u200d".repeat(1_000)}a @${"\u200c".repeat(1_000)}`],
    ["quotes of JSON", '#a","b @asha"}]'],
  ] as const)("a caption of %s comes back as it was written", async ([, caption]) => {
    const ben = await world.person("ben");
    const post = await ben.posts.create({ caption });
    expect((await world.anonymous.posts.read(post)).caption).toBe(caption);
    for (const tag of post.tags) expect(Array.from(tag).length).toBeLessThanOrEqual(100);
  });
});

describe("editing", () => {
  test("Ben says something else; hashtags and names follow", async () => {
    const ben = await world.person("ben");
    const [stays, goes, comes] = [newTag(), newTag(), newTag()];
    const post = await ben.posts.create({ caption: `#${stays} #${goes} @asha_` });
    const edited = await ben.posts.edit(post, `#${comes} #${stays}`);
    expect(edited).toEqual({ ...post, caption: `#${comes} #${stays}`, tags: [comes, stays], mentions: [], version: 2, edited_at: expect.any(String) });
    expect(await world.anonymous.posts.read(post)).toEqual(edited);
    for (const [tag, there] of [[stays, true], [comes, true], [goes, false]] as const) {
      expect(ids((await ben.posts.ofTag(tag)).data)).toEqual(there ? [post.id] : []);
      expect(await world.state.number("select count(*) from posts_text where posts_text match ?1", `"${tag}"`)).toBe(Number(there));
    }
  });

  test("saying the same changes nothing", async () => {
    const ben = await world.person("ben");
    const post = await ben.posts.create({ caption: "First #light" });
    expect(await ben.posts.edit(post, "First #light")).toEqual(post);
  });

  test("only what the client has seen is changed; a like is no change", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const post = await ben.posts.create({ caption: "First light" });
    const tag = (await ben.fetch("GET", `/posts/${post.id}`)).headers.get("etag") ?? "";
    await asha.like(post);
    const first = await ben.fetch("PUT", `/posts/${post.id}`, { caption: "Second" }, { "if-match": tag });
    expect(first.status).toBe(200);
    await expectProblem(await ben.fetch("PUT", `/posts/${post.id}`, { caption: "Third" }, { "if-match": tag }), 412, "precondition_failed");
    const next = first.headers.get("etag") ?? "";
    expect((await ben.fetch("PUT", `/posts/${post.id}`, { caption: "Third" }, { "if-match": next })).status).toBe(200);
  });

  test("only its author lets a post say something else, moderators neither", async () => {
    const [asha, ben, mo] = await Promise.all([world.person("asha"), world.person("ben"), world.moderator("mo")]);
    const [post, hidden] = [await ben.posts.create({ caption: "mine" }), await ben.posts.create({ caption: "ours", visibility: "followers" })];
    for (const other of [asha, mo]) {
      await expectProblem(await other.fetch("PUT", `/posts/${post.id}`, { caption: "x" }), 403, "not_the_author");
      await expectProblem(await other.fetch("PUT", `/posts/${hidden.id}`, { caption: "x" }), 404, "not_found");
    }
    await expectProblem(await world.anonymous.fetch("PUT", `/posts/${post.id}`, { caption: "x" }), 401, "authentication_required");
    expect(await ben.posts.read(post)).toEqual(post);
  });
});

describe("a person's posts", () => {
  test("come newest first, without comments, for whoever may see the person", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const written: Post[] = [];
    for (let number = 0; number < 4; number += 1) {
      written.push(await ben.posts.create({ caption: `${number}`, visibility: number % 2 === 0 ? "public" : "followers" }));
    }
    await ben.comment(written[0] as Post, "mine");
    expect(ids(await readAllPages<Post>(ben, `/users/${ben.username.toUpperCase()}/posts`, 3))).toEqual(ids(written).toReversed());
    expect(ids((await asha.posts.of(ben)).data)).toEqual([written[2]?.id, written[0]?.id]);
    await world.state.block(ben, asha);
    await expectProblem(await asha.fetch("GET", `/users/${ben.username}/posts`), 404, "not_found");
    // Whoever blocks finds what it takes to lift the block, and nothing else.
    await expectProblem(await ben.fetch("GET", `/users/${asha.username}/posts`), 404, "not_found");
    await world.state.suspend(ben);
    await expectProblem(await world.anonymous.fetch("GET", `/users/${ben.username}/posts`), 404, "not_found");
    await expectProblem(await world.anonymous.fetch("GET", "/users/nobody_here/posts"), 404, "not_found");
  });
});
