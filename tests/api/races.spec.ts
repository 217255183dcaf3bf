/** Many at once: exactly one winner where there can be one, and counters that equal what they count. */
import { afterEach, describe, expect, test } from "vitest";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const MANY = 200;

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

async function ashaAndBensPost() {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  return { asha, ben, post: await ben.posts.create({ caption: "First light" }) };
}

function tally(values: number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe("200 parallel likes", () => {
  test("by 200 accounts give exactly 200", async () => {
    const { ben, post } = await ashaAndBensPost();
    const crowd = await world.crowd("fan", MANY);
    const { told, overlap } = await world.control.watchingOverlap({ containing: post.id, count: MANY }, () =>
      Promise.all(crowd.map((person) => person.like(post))),
    );
    // All 200 batches were composed before the first of them ran.
    expect(overlap).toMatchObject({ barrierFilled: true, arrived: MANY });
    expect(overlap.most).toBeGreaterThanOrEqual(MANY);
    expect(told.every(({ liked }) => liked)).toBe(true);
    expect(told.map(({ like_count: count }) => count).toSorted((a, b) => a - b)).toEqual(crowd.map((_, index) => index + 1));
    expect((await ben.posts.read(post)).like_count).toBe(MANY);
    expect(await world.state.number("select count(*) from likes where post_id = ?1", post.id)).toBe(MANY);
    const item = await world.notificationOf(ben, post);
    expect(item).toMatchObject({ actor_count: MANY, seq: MANY });
    expect(new Set(item?.actors.map(({ id }) => id)).size).toBe(3);
    expect((await ben.notifications()).unread_count).toBe(1);
  });

  test("by one account give exactly 1", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    const { told, overlap } = await world.control.watchingOverlap({ containing: post.id, count: MANY }, () =>
      Promise.all(Array.from({ length: MANY }, () => asha.like(post))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true, arrived: MANY });
    expect(new Set(told.map((like) => JSON.stringify(like)))).toEqual(new Set(['{"liked":true,"like_count":1}']));
    expect(await world.state.number("select count(*) from likes where post_id = ?1", post.id)).toBe(1);
    expect(await world.notificationOf(ben, post)).toMatchObject({ actor_count: 1, seq: 1 });
  });
});

describe("crossing", () => {
  test("likes and unlikes of one account end in one state that all routes agree on", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? asha.like(post) : asha.unlike(post))));
    const { liked, like_count: count } = await asha.posts.read(post);
    expect(count).toBe(liked ? 1 : 0);
    expect((await asha.likers(post)).data.length).toBe(count);
    expect((await world.notificationOf(ben, post))?.actor_count).toBe(1);
  });

  test("a like and the deletion of its post: either it was liked and is gone, or it was gone", async () => {
    const { ben } = await ashaAndBensPost();
    const crowd = await world.crowd("fan", 20);
    for (let round = 0; round < 5; round += 1) {
      const post = await ben.posts.create({ caption: `round ${round}` });
      const [deletion, ...likes] = await Promise.all([
        ben.fetch("DELETE", `/posts/${post.id}`),
        ...crowd.map((person) => person.fetch("PUT", `/posts/${post.id}/like`)),
      ]);
      expect(deletion?.status).toBe(204);
      const { 200: stored = 0, 404: refused = 0 } = tally(likes.map(({ status }) => status));
      expect(stored + refused).toBe(crowd.length);
      expect(await world.state.number("select like_count from posts where id = ?1", post.id)).toBe(stored);
    }
  });

  test("a like and a logout: the answer says which came first", async () => {
    const { ben } = await ashaAndBensPost();
    const crowd = await world.crowd("leaver", 20);
    const post = await ben.posts.create({ caption: "goodbye" });
    const outcomes = await Promise.all(
      crowd.map(async (person) => {
        const [like, logout] = await Promise.all([
          person.fetch("PUT", `/posts/${post.id}/like`),
          person.fetch("POST", "/auth/logout"),
        ]);
        expect(logout.status).toBe(204);
        return like.status;
      }),
    );
    const { 200: stored = 0, 401: refused = 0 } = tally(outcomes);
    expect(stored + refused).toBe(crowd.length);
    expect(await world.state.number("select count(*) from likes where post_id = ?1", post.id)).toBe(stored);
  });

  test("posting and deleting at once leaves the count of what is left", async () => {
    const { ben } = await ashaAndBensPost();
    const posts = await Promise.all(Array.from({ length: 20 }, (_, index) => ben.posts.create({ caption: `${index}` })));
    await Promise.all([
      ...posts.slice(0, 10).map((post) => ben.posts.delete(post)),
      ...posts.slice(0, 10).map((_, index) => ben.posts.create({ caption: `more ${index}` })),
    ]);
    expect((await ben.profile()).post_count).toBe(21);
  });

  test("being told while marking read loses neither", async () => {
    const { ben } = await ashaAndBensPost();
    const posts = await Promise.all(Array.from({ length: 10 }, (_, index) => ben.posts.create({ caption: `${index}` })));
    const [fan] = await world.crowd("fan", 1);
    await Promise.all([
      ...posts.map((post) => fan?.like(post)),
      ...posts.map((_, index) => ben.markRead(index)),
    ]);
    for (const post of posts) await world.jobsDone(post);
    const { data, unread_count: unread } = await ben.notifications("?limit=100");
    expect(data).toHaveLength(10);
    expect(unread).toBe(data.filter(({ read }) => !read).length);
    expect(new Set(data.map(({ seq }) => seq)).size).toBe(10);
  });
});
