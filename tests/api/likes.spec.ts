/** Liking, changing one's mind, and who liked. */
import { describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { ShortPerson } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

async function ashaAndBensPost() {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  return { asha, ben, post: await ben.posts.create({ caption: "First light" }) };
}

describe("a like", () => {
  test("Asha likes Ben's post and everyone sees the count", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    expect(await asha.like(post)).toEqual({ liked: true, like_count: 1 });
    expect(await asha.posts.read(post)).toMatchObject({ liked: true, like_count: 1 });
    expect(await ben.posts.read(post)).toMatchObject({ liked: false, like_count: 1 });
    expect(await world.anonymous.posts.read(post)).toMatchObject({ liked: false, like_count: 1 });
  });

  test("liking twice counts once and notifies once", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await asha.like(post);
    expect(await asha.like(post)).toEqual({ liked: true, like_count: 1 });
    expect(await world.notificationOf(ben, post)).toMatchObject({ kind: "like", actor_count: 1 });
    expect((await ben.notifications()).unread_count).toBe(1);
  });

  test("unliking takes it back, and only once", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await ben.like(post);
    await asha.like(post);
    expect(await asha.unlike(post)).toEqual({ liked: false, like_count: 1 });
    expect(await asha.unlike(post)).toEqual({ liked: false, like_count: 1 });
    expect(await asha.posts.read(post)).toMatchObject({ liked: false, like_count: 1 });
  });

  test("unliking what was never liked changes nothing", async () => {
    const { asha, post } = await ashaAndBensPost();
    expect(await asha.unlike(post)).toEqual({ liked: false, like_count: 0 });
  });

  test.for(["blocks her", "is blocked by her", "is suspended", "takes her from his followers", "deletes it"])("Ben %s: Asha takes her like back, without being told how many there are", async (how) => {
    const [asha, ben, cleo] = await Promise.all([world.person("asha"), world.person("ben"), world.person("cleo")]);
    const post = await ben.posts.create({ caption: "First light", visibility: "followers" });
    for (const person of [asha, cleo]) {
      await world.state.follow(person, ben);
      await person.like(post);
    }
    if (how === "blocks her") await ben.block(asha);
    if (how === "is blocked by her") await asha.block(ben);
    if (how === "is suspended") await world.state.suspend(ben);
    if (how === "takes her from his followers") await ben.removeFollower(asha);
    if (how === "deletes it") await ben.posts.delete(post);
    expect(await asha.unlike(post)).toEqual({ liked: false, like_count: null });
    expect(await world.state.number("select count(*) from likes where post_id = ?1 and user_id = ?2", post.id, asha.id)).toBe(0);
    expect(await world.state.number("select like_count from posts where id = ?1", post.id)).toBe(1);
    // There is none to take back any more, so it is as if there were no post.
    const headers = { "x-request-id": "the-same-for-both" };
    const [gone, absent] = await Promise.all(
      [post.id, "01900000-0000-7000-8000-000000000000"].map(async (id) => withoutRequestId(await asha.fetch("DELETE", `/posts/${id}/like`, undefined, headers))),
    );
    expect(gone).toEqual(absent);
    await expectProblem(await asha.fetch("DELETE", `/posts/${post.id}/like`), 404, "not_found");
  });

  test("a like is no edit: the version of the post stays", async () => {
    const { asha, post } = await ashaAndBensPost();
    await asha.like(post);
    expect((await asha.posts.read(post)).version).toBe(post.version);
  });

  test("Ben may like his own post, which notifies nobody", async () => {
    const { ben, post } = await ashaAndBensPost();
    expect(await ben.like(post)).toEqual({ liked: true, like_count: 1 });
    expect(await world.notificationOf(ben, post)).toBeUndefined();
    expect(await ben.notifications()).toMatchObject({ data: [], unread_count: 0 });
  });

  test("it takes an account to like", async () => {
    const { post } = await ashaAndBensPost();
    for (const method of ["PUT", "DELETE"]) {
      const response = await world.anonymous.fetch(method, `/posts/${post.id}/like`);
      await expectProblem(response, 401, "authentication_required");
    }
    expect((await world.anonymous.posts.read(post)).like_count).toBe(0);
  });

  test("there must be something to like", async () => {
    const { asha } = await ashaAndBensPost();
    for (const id of ["01900000-0000-7000-8000-000000000000", "nonsense", asha.id]) {
      for (const method of ["PUT", "DELETE"]) {
        await expectProblem(await asha.fetch(method, `/posts/${id}/like`), 404, "not_found");
      }
      await expectProblem(await asha.fetch("GET", `/posts/${id}/likes`), 404, "not_found");
    }
  });
});

describe("who liked", () => {
  test("the newest like comes first, each person in short form", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    const cleo = await world.person("cleo");
    for (const person of [asha, ben, cleo]) await person.like(post);
    expect(await world.anonymous.likers(post)).toEqual({
      data: [cleo, ben, asha].map(({ id, username }) => ({
        id,
        username,
        display_name: username.split("_")[0],
        avatar_url: null,
      })),
      next_cursor: null,
    });
    await ben.unlike(post);
    expect((await asha.likers(post)).data.map(({ id }) => id)).toEqual([cleo.id, asha.id]);
  });

  test("paging shows each of them once, those of the same moment too, while others come and go", async () => {
    const { post } = await ashaAndBensPost();
    const crowd = await world.crowd("fan", 12);
    await Promise.all(crowd.map((person) => person.like(post)));
    const late = await world.person("late");
    const [leaver] = crowd;
    let pages = 0;
    const seen = await readAllPages<ShortPerson>(world.anonymous, `/posts/${post.id}/likes`, 5, async () => {
      pages += 1;
      if (pages === 1) await late.like(post);
    });
    expect(seen.map(({ id }) => id).toSorted()).toEqual(crowd.map(({ id }) => id).toSorted());
    await leaver?.unlike(post);
    const after = await readAllPages<ShortPerson>(world.anonymous, `/posts/${post.id}/likes`, 5);
    expect(after).toHaveLength(12);
    expect(after[0]?.id).toBe(late.id);
  });

  test("a cursor of one post's list is no cursor of another's", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    const other = await ben.posts.create({ caption: "another" });
    await asha.like(post);
    await ben.like(post);
    const { next_cursor: cursor } = await asha.likers(post, "?limit=1");
    expect(cursor).not.toBeNull();
    const response = await asha.fetch("GET", `/posts/${other.id}/likes?limit=1&cursor=${cursor}`);
    await expectProblem(response, 400, "malformed_cursor");
  });
});
