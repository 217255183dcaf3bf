/** Writing, reading, listing and deleting posts. */
import { describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import { expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** A character of each of Unicode's planes, and those at their edges. */
const EVERY_PLANE = Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x10000 + 0x1234)).join("");
const EDGES = "\ud7ff\ue000\ufffd\uffff\u{10000}\u{10ffff}";

const RFC_3339_UTC_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("writing", () => {
  test("Ben posts; the answer is the whole post and says where it is", async () => {
    const ben = await world.person("ben");
    const before = Date.now();
    const response = await ben.fetch("POST", "/posts", { caption: "First light" });
    expect(response.status).toBe(201);
    const post = (await response.json()) as Post;
    expect(response.headers.get("location")).toBe(`/api/v1/posts/${post.id}`);
    expect(post).toEqual({
      id: expect.any(String),
      author: { id: ben.id, username: ben.username, display_name: "ben", avatar_url: null },
      caption: "First light",
      media: [],
      visibility: "public",
      reply_to: null,
      tags: [],
      mentions: [],
      like_count: 0,
      comment_count: 0,
      liked: false,
      created_at: expect.stringMatching(RFC_3339_UTC_MS),
      edited_at: null,
      version: 1,
    });
    expect(Math.abs(Date.parse(post.created_at) - before)).toBeLessThan(10_000);
    expect(await ben.posts.read(post)).toEqual(post);
    expect(await world.anonymous.posts.read(post)).toEqual(post);
  });

  test.for([
    "one\ntwo\n\nthree\tfour",
    "🦀👩‍👩‍👧‍👦 مرحبا नमस्ते",
    "e\u0301 is not \u00e9",
    '<script>alert("x")</script> & \\ \u2028 \ufeff',
    "a'; drop table posts; --",
    "0",
    EVERY_PLANE,
    EDGES,
  ])("the caption %j comes back as it was written", async (caption) => {
    const ben = await world.person("ben");
    const post = await ben.posts.create({ caption });
    expect((await world.anonymous.posts.read(post)).caption).toBe(caption);
  });

  test("a caption has at most 2,200 characters, however many bytes they take", async () => {
    const ben = await world.person("ben");
    for (const character of ["x", "é", "🦀"]) {
      const caption = character.repeat(2_200);
      expect((await ben.posts.create({ caption })).caption).toBe(caption);
      await expectInvalid(await ben.fetch("POST", "/posts", { caption: caption + character }), {
        "/caption": "too_long",
      });
    }
  });

  test("a post without pictures needs a caption", async () => {
    const ben = await world.person("ben");
    await expectInvalid(await ben.fetch("POST", "/posts", {}), { "/caption": "required" });
    await expectInvalid(await ben.fetch("POST", "/posts", { caption: null }), { "/caption": "required" });
    await expectInvalid(await ben.fetch("POST", "/posts", { caption: "" }), { "/caption": "too_short" });
    for (const caption of [" ", "\n\t ", "\u3000"]) {
      await expectInvalid(await ben.fetch("POST", "/posts", { caption }), { "/caption": "too_short" });
    }
  });

  test("the visibility is public or followers, and public unless said otherwise", async () => {
    const ben = await world.person("ben");
    expect((await ben.posts.create({ caption: "quiet", visibility: "followers" })).visibility).toBe("followers");
    for (const visibility of ["friends", "", "Public"]) {
      await expectInvalid(await ben.fetch("POST", "/posts", { caption: "x", visibility }), {
        "/visibility": "invalid_value",
      });
    }
  });

  test("nobody else may speak for Ben, and nobody chooses their own counters", async () => {
    const ben = await world.person("ben");
    const wishes = { author_id: "x", like_count: 9, id: "x", created_at: "x", version: 3, audience_id: "x" };
    for (const [name, value] of Object.entries(wishes)) {
      await expectInvalid(await ben.fetch("POST", "/posts", { caption: "x", [name]: value }), {
        [`/${name}`]: "unknown_field",
      });
    }
  });

  test("it takes an account to post", async () => {
    const response = await world.anonymous.fetch("POST", "/posts", { caption: "x" });
    await expectProblem(response, 401, "authentication_required");
  });
});

describe("deleting", () => {
  test("a deleted post is gone for everyone, its author too", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const post = await ben.posts.create({ caption: "a mistake" });
    await asha.like(post);
    await ben.posts.delete(post);
    for (const viewer of [world.anonymous, asha, ben]) {
      await expectProblem(await viewer.fetch("GET", `/posts/${post.id}`), 404, "not_found");
      await expectProblem(await viewer.fetch("GET", `/posts/${post.id}/likes`), 404, "not_found");
    }
    await expectProblem(await ben.fetch("DELETE", `/posts/${post.id}`), 404, "not_found");
    await expectProblem(await asha.fetch("PUT", `/posts/${post.id}/like`), 404, "not_found");
    expect((await ben.profile()).post_count).toBe(0);
  });

  test("the words of a deleted post are erased, not hidden", async () => {
    const ben = await world.person("ben");
    const secret = world.uniqueName("secret");
    const post = await ben.posts.create({ caption: secret });
    await ben.posts.delete(post);
    expect(await world.state.number("select count(*) from posts where instr(caption, ?1) > 0", secret)).toBe(0);
  });

  test("deleting twice at once counts once", async () => {
    const ben = await world.person("ben");
    await ben.posts.create({ caption: "stays" });
    const post = await ben.posts.create({ caption: "goes" });
    const answers = await Promise.all([1, 2, 3].map(() => ben.fetch("DELETE", `/posts/${post.id}`)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404, 404]);
    expect((await ben.profile()).post_count).toBe(1);
  });

  test("only its author deletes a post", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const post = await ben.posts.create({ caption: "mine" });
    await expectProblem(await asha.fetch("DELETE", `/posts/${post.id}`), 403, "not_the_author");
    await expectProblem(await world.anonymous.fetch("DELETE", `/posts/${post.id}`), 401, "authentication_required");
    expect(await ben.posts.read(post)).toEqual(post);
  });

  test("what one may not see looks like what there is not, whatever one tries", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const hidden = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    const absent = "01900000-0000-7000-8000-000000000000";
    const headers = { "x-request-id": "the-same-for-both" };
    for (const [method, suffix] of [
      ["GET", ""],
      ["DELETE", ""],
      ["PUT", "/like"],
      ["DELETE", "/like"],
      ["GET", "/likes"],
    ] as const) {
      const [forHidden, forAbsent] = await Promise.all(
        [hidden.id, absent].map((id) => asha.fetch(method, `/posts/${id}${suffix}`, undefined, headers)),
      );
      if (forHidden === undefined || forAbsent === undefined) throw new Error("two were asked");
      await expectProblem(forHidden.clone(), 404, "not_found");
      expect(await withoutRequestId(forHidden)).toEqual(await withoutRequestId(forAbsent));
    }
  });
});

describe("the public list", () => {
  test("it shows the newest first, public ones only, each as it is read alone", async () => {
    const ben = await world.person("ben");
    const first = await ben.posts.create({ caption: "first" });
    const hidden = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    const deleted = await ben.posts.create({ caption: "a mistake" });
    await ben.posts.delete(deleted);
    const second = await ben.posts.create({ caption: "second" });
    const { data } = await world.anonymous.posts.list("?limit=100");
    expect(data.slice(0, 2)).toEqual([second, first]);
    expect(data.map(({ id }) => id)).not.toContain(hidden.id);
    expect(data.map(({ id }) => id)).not.toContain(deleted.id);
  });

  test("it says of each post whether I like it", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const liked = await ben.posts.create({ caption: "liked" });
    const other = await ben.posts.create({ caption: "not" });
    await asha.like(liked);
    const likedBy = async (viewer: typeof world.anonymous) => {
      const { data } = await viewer.posts.list("?limit=100");
      return data.filter(({ id }) => [liked.id, other.id].includes(id)).map((post) => [post.id, post.liked, post.like_count]);
    };
    expect(await likedBy(asha)).toEqual([[other.id, false, 0], [liked.id, true, 1]]);
    expect(await likedBy(ben)).toEqual([[other.id, false, 0], [liked.id, false, 1]]);
    expect(await likedBy(world.anonymous)).toEqual([[other.id, false, 0], [liked.id, false, 1]]);
  });

  test("paging shows every post once, whatever is written and deleted meanwhile", async () => {
    const ben = await world.person("ben");
    const posts: Post[] = [];
    for (let number = 0; number < 12; number += 1) posts.push(await ben.posts.create({ caption: `${number}` }));
    const doomed = posts[2];
    let pages = 0;
    const seen = await readAllPages<Post>(world.anonymous, "/posts", 5, async () => {
      pages += 1;
      await ben.posts.create({ caption: `written after page ${pages}` });
      if (pages === 1 && doomed !== undefined) await ben.posts.delete(doomed);
    });
    const ids = seen.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(ids.toSorted().toReversed());
    const expected = posts.filter((post) => post !== doomed).map(({ id }) => id);
    expect(ids.filter((id) => expected.includes(id))).toEqual(expected.toReversed());
  });

  test("what nobody may see leaves a page short, never without its followers", async () => {
    const [ben, mallory] = await Promise.all([world.person("ben"), world.person("mallory")]);
    const below = await ben.posts.create({ caption: "below" });
    for (let number = 0; number < 25; number += 1) await mallory.posts.create({ caption: `spam ${number}` });
    const above = await ben.posts.create({ caption: "above" });
    await world.state.suspend(mallory);
    const seen = await readAllPages<Post>(world.anonymous, "/posts", 4);
    expect(seen.filter(({ author }) => author.id === mallory.id)).toEqual([]);
    expect(seen.filter(({ author }) => author.id === ben.id).map(({ id }) => id)).toEqual([above.id, below.id]);
  });

  test("a page has 20 posts unless told otherwise", async () => {
    const ben = await world.person("ben");
    for (let number = 0; number < 22; number += 1) await ben.posts.create({ caption: `${number}` });
    const page = await world.anonymous.posts.list();
    expect(page.data).toHaveLength(20);
    expect(page.next_cursor).not.toBeNull();
    expect((await world.anonymous.posts.list("?limit=1")).data).toHaveLength(1);
  });
});
