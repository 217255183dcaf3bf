/** The feed: what those one follows post, and oneself, newest first, and nothing else. */
import { describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Page, Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const feed = (reader: PersonActor, query = "") => reader.expect<Page<Post>>(200, "GET", `/feed${query}`);

const captions = async (reader: PersonActor) => (await feed(reader)).data.map(({ caption }) => caption);

/** Asha, who follows Ben and Chen, and Dara, whom she does not know. */
async function ashaAndHerFriends() {
  const [asha, ben, chen, dara] = (await world.crowd("friend", 4)) as [PersonActor, PersonActor, PersonActor, PersonActor];
  await world.state.follow(asha, ben);
  await world.state.follow(asha, chen);
  return { asha, ben, chen, dara };
}

const write = (author: PersonActor, caption: string, visibility = "public") => author.posts.create({ caption, visibility });

describe("Asha's feed", () => {
  test("shows what she and those she follows have written, newest first, each post as it is shown alone", async () => {
    const { asha, ben, chen, dara } = await ashaAndHerFriends();
    await write(ben, "Low tide");
    await write(asha, "My own");
    await write(dara, "Of a stranger");
    const forFriends = await write(chen, "For friends", "followers");
    await asha.like(forFriends);
    await chen.like(forFriends);
    await write(ben, "High tide");
    const { data, next_cursor: next } = await feed(asha);
    expect(data.map(({ caption }) => caption)).toEqual(["High tide", "For friends", "My own", "Low tide"]);
    expect(next).toBeNull();
    expect(data[1]).toMatchObject({ liked: true, like_count: 2 });
    expect(data).toEqual(await Promise.all(data.map((post) => asha.posts.read(post))));
  });

  test("is empty before anybody has written", async () => {
    const { asha } = await ashaAndHerFriends();
    expect(await feed(asha)).toEqual({ data: [], next_cursor: null });
  });

  test("shows nothing of one who has not accepted her, and nothing of those who follow her", async () => {
    const { asha, dara } = await ashaAndHerFriends();
    const emil = (await world.crowd("emil", 1))[0] as PersonActor;
    await world.state.follow(asha, dara, "pending");
    await world.state.follow(emil, asha);
    await write(dara, "Public, and yet not asked for");
    await write(emil, "To whom it may concern");
    expect(await captions(asha)).toEqual([]);
  });

  test("shows no comments, neither others' nor her own", async () => {
    const { asha, ben } = await ashaAndHerFriends();
    const post = await write(ben, "A thread");
    await world.state.comment(ben, post);
    await world.state.comment(asha, post);
    expect(await captions(asha)).toEqual(["A thread"]);
  });

  test("is nobody's without an account", async () => {
    await expectProblem(await world.anonymous.fetch("GET", "/feed"), 401, "authentication_required");
  });

  test("is not sent again while it is the same", async () => {
    const { asha, ben } = await ashaAndHerFriends();
    const post = await write(ben, "Low tide");
    const tag = (await asha.fetch("GET", "/feed")).headers.get("etag") ?? "";
    const again = () => asha.fetch("GET", "/feed", undefined, { "if-none-match": tag });
    expect((await again()).status).toBe(304);
    await asha.like(post);
    expect((await again()).status).toBe(200);
  });
});

describe("what leaves the feed at once", () => {
  test.for([
    ["deleted", ({ ben, post }) => ben.posts.delete(post)],
    ["removed by a moderator", ({ post }) => world.state.removePost(post)],
    ["by one who is suspended", ({ ben }) => world.state.suspend(ben)],
    ["by one whom she mutes", ({ asha, ben }) => world.state.mute(asha, ben)],
    ["by one whom she no longer follows", ({ asha, ben }) => world.state.run("delete from follows where follower_id = ?1 and followee_id = ?2", asha.id, ben.id)],
    // A block takes the follow away. That it hides does not hang on that.
    ["by one whom she blocks", ({ asha, ben }) => world.state.block(asha, ben)],
    ["by one who blocks her", ({ asha, ben }) => world.state.block(ben, asha)],
  ] as [string, (story: { asha: PersonActor; ben: PersonActor; post: Post }) => Promise<unknown>][])("a post that is %s", async ([, happens]) => {
    const { asha, ben, chen } = await ashaAndHerFriends();
    await write(chen, "Below");
    const post = await write(ben, "In question");
    await write(asha, "Above");
    expect(await captions(asha)).toEqual(["Above", "In question", "Below"]);
    await happens({ asha, ben, post });
    expect(await captions(asha)).toEqual(["Above", "Below"]);
  });

  test("a mute hides nothing else, nothing for the muted, and nothing of those who mute her", async () => {
    const { asha, ben, chen } = await ashaAndHerFriends();
    const post = await write(ben, "Low tide");
    await write(chen, "By one who mutes");
    await world.state.follow(ben, asha);
    await write(asha, "My own");
    await world.state.mute(asha, ben);
    await world.state.mute(chen, asha);
    expect(await captions(asha)).toEqual(["My own", "By one who mutes"]);
    expect((await asha.posts.read(post)).caption).toBe("Low tide");
    expect(await captions(ben)).toEqual(["My own", "Low tide"]);
  });

  test("a suspension that ends brings everything back", async () => {
    const { asha, ben } = await ashaAndHerFriends();
    await write(ben, "Low tide");
    await world.state.suspend(ben);
    expect(await captions(asha)).toEqual([]);
    await world.state.run("update users set status = 'active' where id = ?1", ben.id);
    expect(await captions(asha)).toEqual(["Low tide"]);
  });
});

describe("paging", () => {
  /** Asha's friends, who have written by turns, and one of them more than the other. */
  async function livelyFriends() {
    const friends = await ashaAndHerFriends();
    const { asha, ben, chen } = friends;
    const posts = [];
    for (const [index, author] of [ben, chen, ben, ben, asha, ben, ben, chen, ben, asha, ben].entries()) posts.push(await write(author, `Number ${index}`));
    return { ...friends, posts: posts.toReversed().map(({ id }) => id) };
  }

  test.for([1, 2, 3, 10, 11, 100])("shows each post once, in order, %i at a time", async (limit) => {
    const { asha, posts } = await livelyFriends();
    expect((await readAllPages<Post>(asha, "/feed", limit)).map(({ id }) => id)).toEqual(posts);
  });

  test("misses nothing and repeats nothing while others write, delete and go", async () => {
    const { asha, ben, chen, dara, posts } = await livelyFriends();
    await world.state.follow(asha, dara);
    const gone = (await write(dara, "Goes")).id;
    let pages = 0;
    const seen = await readAllPages<Post>(asha, "/feed", 2, async () => {
      pages += 1;
      await write(ben, "Meanwhile");
      if (pages === 1) await chen.posts.delete({ id: posts[9] ?? "" });
      if (pages === 2) await world.state.run("delete from follows where follower_id = ?1 and followee_id = ?2", asha.id, dara.id);
    });
    expect(seen.map(({ id }) => id)).toEqual([gone, ...posts.filter((_, place) => place !== 9)]);
  });

  test("leads on behind posts that may not be shown, however many fill a page", async () => {
    const { asha, dara, posts } = await livelyFriends();
    await world.state.follow(asha, dara);
    for (let count = 0; count < 5; count += 1) await write(dara, "Hidden");
    await world.state.block(dara, asha);
    const first = await feed(asha, "?limit=2");
    expect(first.data).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    expect((await readAllPages<Post>(asha, "/feed", 2)).map(({ id }) => id)).toEqual(posts);
  });

  test("a cursor of one person's feed is no cursor of another's, nor of another list", async () => {
    const { asha, ben } = await livelyFriends();
    const { next_cursor: cursor } = await feed(asha, "?limit=1");
    expect(cursor).not.toBeNull();
    for (const [reader, path] of [[ben, "/feed"], [asha, "/posts"]] as const) {
      await expectProblem(await reader.fetch("GET", `${path}?limit=1&cursor=${cursor}`), 400, "malformed_cursor");
    }
  });
});
