/** What Ben is told, how it is numbered, and how he marks it read. */
import { describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Notification, Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

async function benWithPosts(count: number): Promise<{ ben: PersonActor; posts: Post[] }> {
  const ben = await world.person("ben");
  const posts: Post[] = [];
  for (let number = 0; number < count; number += 1) posts.push(await ben.posts.create({ caption: `post ${number}` }));
  return { ben, posts };
}

async function benWithPost() {
  const { ben, posts } = await benWithPosts(1);
  const [post] = posts;
  if (post === undefined) throw new Error("one was made");
  return { ben, post };
}

/** Likes and waits until Ben has been told, so that the order of the telling is the order of the calls. */
async function likeAndTell(person: PersonActor, post: Post): Promise<void> {
  await person.like(post);
  await world.jobsDone(post);
}

const shortForm = ({ id, username }: PersonActor, name: string) => ({ id, username, display_name: name, avatar_url: null });

describe("being told", () => {
  test("Asha likes Ben's post and Ben is told through the queue", async () => {
    const { ben, post } = await benWithPost();
    const asha = await world.person("asha");
    expect(await ben.notifications()).toEqual({ data: [], next_cursor: null, unread_count: 0 });
    await likeAndTell(asha, post);
    expect(await ben.notifications()).toEqual({
      data: [
        {
          seq: 1,
          kind: "like",
          actors: [shortForm(asha, "asha")],
          actor_count: 1,
          post: { id: post.id, caption: post.caption, thumb_url: null },
          order_id: null,
          created_at: expect.stringMatching(/Z$/),
          updated_at: expect.stringMatching(/Z$/),
          read: false,
        },
      ],
      next_cursor: null,
      unread_count: 1,
    });
    expect((await asha.notifications()).data).toEqual([]);
  });

  test("likes of one post make one item, with the three newest people and a count", async () => {
    const { ben, post } = await benWithPost();
    const people: PersonActor[] = [];
    for (const name of ["asha", "cleo", "dana", "eli"]) {
      const person = await world.person(name);
      people.push(person);
      await likeAndTell(person, post);
    }
    const [asha, cleo, dana, eli] = people;
    const item = await world.notificationOf(ben, post);
    expect(item).toMatchObject({ kind: "like", actor_count: 4, seq: 4 });
    expect(item?.actors.map(({ id }) => id)).toEqual([eli?.id, dana?.id, cleo?.id]);
    expect(item?.actors.map(({ id }) => id)).not.toContain(asha?.id);
    expect(await ben.notifications()).toMatchObject({ unread_count: 1, data: [{ seq: 4 }] });
  });

  test("an item that changes moves to the top under a new number", async () => {
    const { ben, posts } = await benWithPosts(2);
    const [first, second] = posts as [Post, Post];
    const [asha, cleo] = await Promise.all([world.person("asha"), world.person("cleo")]);
    await likeAndTell(asha, first);
    await likeAndTell(asha, second);
    await likeAndTell(cleo, first);
    const { data, unread_count: unread } = await ben.notifications();
    expect(data.map(({ seq, post, actor_count }) => [seq, post?.id, actor_count])).toEqual([
      [3, first.id, 2],
      [2, second.id, 1],
    ]);
    expect(unread).toBe(2);
  });

  test("unlike then like does not notify again", async () => {
    const { ben, post } = await benWithPost();
    const asha = await world.person("asha");
    await likeAndTell(asha, post);
    const before = await ben.notifications();
    await asha.unlike(post);
    await likeAndTell(asha, post);
    expect(await ben.notifications()).toEqual(before);
  });

  test("what is told of a deleted post tells nothing of it", async () => {
    const { ben, post } = await benWithPost();
    const asha = await world.person("asha");
    await likeAndTell(asha, post);
    await ben.posts.delete(post);
    const text = await (await ben.fetch("GET", "/notifications")).text();
    expect(text).not.toContain(post.caption);
  });

  test("whom Ben blocks is named to him no more", async () => {
    const { ben, post } = await benWithPost();
    const [asha, cleo] = await Promise.all([world.person("asha"), world.person("cleo")]);
    await likeAndTell(asha, post);
    await likeAndTell(cleo, post);
    await world.state.block(ben, cleo);
    const { data } = await ben.notifications();
    expect(data.flatMap(({ actors }) => actors).map(({ id }) => id)).toEqual([asha.id]);
  });

  test("somebody else's notifications are somebody else's", async () => {
    const { ben, post } = await benWithPost();
    const [asha, mallory] = await Promise.all([world.person("asha"), world.person("mallory")]);
    await likeAndTell(asha, post);
    expect((await mallory.notifications()).data).toEqual([]);
    await mallory.markRead(100);
    expect((await ben.notifications()).unread_count).toBe(1);
    await expectProblem(await world.anonymous.fetch("GET", "/notifications"), 401, "authentication_required");
  });

  test("a cursor of mine opens nothing of another's", async () => {
    const { ben, posts } = await benWithPosts(2);
    const asha = await world.person("asha");
    for (const post of posts) await likeAndTell(asha, post);
    const { next_cursor: cursor } = await ben.notifications("?limit=1");
    const response = await asha.fetch("GET", `/notifications?limit=1&cursor=${cursor}`);
    await expectProblem(response, 400, "malformed_cursor");
  });

  test("paging shows every item once, the newest first", async () => {
    const { ben, posts } = await benWithPosts(7);
    const asha = await world.person("asha");
    for (const post of posts) await likeAndTell(asha, post);
    const items = await readAllPages<Notification>(ben, "/notifications", 3);
    expect(items.map(({ post }) => post?.id)).toEqual(posts.map(({ id }) => id).toReversed());
    expect(items.map(({ seq }) => seq)).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });
});

describe("what is gone", () => {
  test("a deleted post takes its item off the list, and off the count", async () => {
    const { ben, posts } = await benWithPosts(2);
    const [first, second] = posts;
    if (first === undefined || second === undefined) throw new Error("two were made");
    await likeAndTell(await world.person("asha"), first);
    await likeAndTell(await world.person("cleo"), second);
    const tag = (await ben.fetch("GET", "/notifications")).headers.get("etag") ?? "";
    await ben.posts.delete(first);
    await world.jobsDone(first);
    const list = await ben.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
    expect(list.status).toBe(200);
    expect(await list.json()).toMatchObject({ data: [{ post: { id: second.id } }], unread_count: 1 });
    await ben.posts.delete(second);
    await world.jobsDone(second);
    expect(await ben.notifications()).toEqual({ data: [], next_cursor: null, unread_count: 0 });
  });

  test("deleting a post of which all is read changes no count", async () => {
    const { ben, posts } = await benWithPosts(2);
    const [first, second] = posts;
    if (first === undefined || second === undefined) throw new Error("two were made");
    await likeAndTell(await world.person("asha"), first);
    await ben.markRead(1);
    await likeAndTell(await world.person("asha"), second);
    await ben.posts.delete(first);
    await world.jobsDone(first);
    expect(await ben.notifications()).toMatchObject({ data: [{ read: false }], unread_count: 1 });
  });

  test("people who came before the three named ones keep an item alive when those are blocked", async () => {
    const { ben, post } = await benWithPost();
    const fans = await world.crowd("fan", 4);
    for (const fan of fans) await likeAndTell(fan, post);
    for (const fan of fans.slice(1)) await world.state.block(ben, fan);
    expect((await ben.notifications()).data).toMatchObject([{ actors: [], actor_count: 4 }]);
  });

  test("an item without its post ends no list early", async () => {
    const { ben, posts } = await benWithPosts(3);
    const asha = await world.person("asha");
    for (const post of posts) await likeAndTell(asha, post);
    const newest = posts[2];
    // As a deleted account will leave it.
    await world.state.run("delete from posts where id = ?1", newest?.id ?? "");
    const first = await ben.notifications("?limit=1");
    expect(first).toMatchObject({ data: [], next_cursor: expect.any(String) });
    const second = await ben.notifications(`?limit=1&cursor=${first.next_cursor}`);
    expect(second.data).toMatchObject([{ post: { id: posts[1]?.id } }]);
  });
});

describe("marking read", () => {
  test("of very many unread, a number below 200 is exact and one from there on is no less than 200", async () => {
    const { ben, post } = await benWithPost();
    await likeAndTell(await world.person("asha"), post);
    // As if 999 more posts had been liked.
    await world.state.run(
      `insert into notifications (recipient_id, kind, subject_id, seq, actor_1, created_at, updated_at)
       select ?1, 'like', 'post ' || value, value, ?1, 1, 1
       from (with recursive n(value) as (select 2 union all select value + 1 from n where value < 1000) select value from n)`,
      ben.id,
    );
    await world.state.run("update inboxes set last_seq = 1000, unread_count = 1000 where user_id = ?1", ben.id);
    const unreadAfter = async (upTo: number) => {
      await ben.markRead(upTo);
      return (await ben.notifications()).unread_count;
    };
    expect(await unreadAfter(1)).toBe(999);
    for (const upTo of [300, 450, 600, 700, 800]) expect(await unreadAfter(upTo)).toBeGreaterThanOrEqual(200);
    expect(await unreadAfter(801)).toBe(199);
    expect(await unreadAfter(950)).toBe(50);
    expect(await unreadAfter(1000)).toBe(0);
  });

  test("everything up to a number is read, what comes later is not", async () => {
    const { ben, posts } = await benWithPosts(3);
    const asha = await world.person("asha");
    for (const post of posts) await likeAndTell(asha, post);
    await ben.markRead(2);
    const { data, unread_count: unread } = await ben.notifications();
    expect(data.map(({ seq, read }) => [seq, read])).toEqual([[3, false], [2, true], [1, true]]);
    expect(unread).toBe(1);
    await ben.markRead(3);
    expect((await ben.notifications()).unread_count).toBe(0);
  });

  test("marking an older number later makes nothing unread", async () => {
    const { ben, posts } = await benWithPosts(2);
    const asha = await world.person("asha");
    for (const post of posts) await likeAndTell(asha, post);
    await ben.markRead(2);
    await ben.markRead(1);
    expect((await ben.notifications()).unread_count).toBe(0);
  });

  test("a read item that changes is unread again", async () => {
    const { ben, post } = await benWithPost();
    const [asha, cleo] = await Promise.all([world.person("asha"), world.person("cleo")]);
    await likeAndTell(asha, post);
    await ben.markRead(1);
    await likeAndTell(cleo, post);
    expect(await ben.notifications()).toMatchObject({ unread_count: 1, data: [{ seq: 2, read: false, actor_count: 2 }] });
  });

  test("what has not been told yet cannot be read in advance", async () => {
    const { ben, posts } = await benWithPosts(2);
    const [first, second] = posts as [Post, Post];
    const asha = await world.person("asha");
    await likeAndTell(asha, first);
    const { status } = await ben.fetch("POST", "/notifications/read", { up_to: 1_000_000 });
    expect([204, 422]).toContain(status);
    await likeAndTell(asha, second);
    const { data, unread_count: unread } = await ben.notifications();
    expect(data[0]).toMatchObject({ seq: 2, read: false });
    expect(unread).toBe(status === 204 ? 1 : 2);
  });

  test("who has been told nothing may say that it is read", async () => {
    const ben = await world.person("ben");
    await ben.markRead(0);
    expect(await ben.notifications()).toEqual({ data: [], next_cursor: null, unread_count: 0 });
  });

  test("a whole number may be written with a point", async () => {
    const { ben, posts } = await benWithPosts(1);
    await likeAndTell(await world.person("asha"), posts[0] as Post);
    const { status } = await ben.fetch("POST", "/notifications/read", '{"up_to":1.0}');
    expect([status, (await ben.notifications()).unread_count]).toEqual([204, 0]);
  });

  test.for([
    [{}, "required"],
    [{ up_to: null }, "required"],
    [{ up_to: "1" }, "invalid_type"],
    [{ up_to: 1.5 }, "invalid_type"],
    [{ up_to: -1 }, "out_of_range"],
  ] as const)("%j is refused as %s", async ([body, code]) => {
    const ben = await world.person("ben");
    await expectInvalid(await ben.fetch("POST", "/notifications/read", body), { "/up_to": code });
  });
});

describe("polling", () => {
  const poll = (person: PersonActor, tag: string | null) =>
    person.fetch("GET", "/notifications", undefined, tag === null ? {} : { "if-none-match": tag });

  test("nothing new is a 304 without a body, until something is", async () => {
    const { ben, posts } = await benWithPosts(2);
    const [first, second] = posts as [Post, Post];
    const asha = await world.person("asha");
    await likeAndTell(asha, first);
    const full = await poll(ben, null);
    const tag = full.headers.get("etag");
    expect(tag).toMatch(/^W\/".+"$/);
    const same = await poll(ben, tag);
    expect([same.status, await same.text(), same.headers.get("etag")]).toEqual([304, "", tag]);
    expect((await poll(ben, `"something-else", ${tag}`)).status).toBe(304);
    await likeAndTell(asha, second);
    const fresh = await poll(ben, tag);
    expect(fresh.status).toBe(200);
    expect(fresh.headers.get("etag")).not.toBe(tag);
  });

  test("reading changes the tag, because it changes what is shown", async () => {
    const { ben, post } = await benWithPost();
    await likeAndTell(await world.person("asha"), post);
    const tag = (await poll(ben, null)).headers.get("etag");
    await ben.markRead(1);
    const fresh = await poll(ben, tag);
    expect(fresh.status).toBe(200);
    expect(await fresh.json()).toMatchObject({ unread_count: 0, data: [{ read: true }] });
  });

  test("an empty list has a tag too", async () => {
    const ben = await world.person("ben");
    const tag = (await poll(ben, null)).headers.get("etag");
    expect((await poll(ben, tag)).status).toBe(304);
  });

  test("a tag is compared whole: one that only contains the version hides nothing", async () => {
    const { ben, post } = await benWithPost();
    await likeAndTell(await world.person("asha"), post);
    const version = /"(.*)"/u.exec((await poll(ben, null)).headers.get("etag") ?? "")?.[1];
    const response = await poll(ben, `"x ${version} y"`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ data: [{ actor_count: 1 }] });
  });

  test("a browser may keep the list, but must ask before it shows it again", async () => {
    const ben = await world.person("ben");
    expect((await poll(ben, null)).headers.get("cache-control")).toBe("private, no-cache");
  });

  test("another's tag is not mine", async () => {
    const [asha, ben, dana] = await Promise.all(["asha", "ben", "dana"].map((name) => world.person(name)));
    if (asha === undefined || ben === undefined || dana === undefined) throw new Error("three were made");
    const post = await ben.posts.create({ caption: "Ben's" });
    const other = await dana.posts.create({ caption: "Dana's" });
    await likeAndTell(asha, post);
    await likeAndTell(asha, other);
    const bens = await poll(ben, null);
    const danas = await poll(dana, bens.headers.get("etag"));
    // Two lists of one version differ in what they hold, so one account's tag must not hide another's.
    expect(danas.status).toBe(200);
  });
});
