/**
 * The guard rides in the batch: what ends a session, an account or a view also ends the request that
 * is already on its way to the database, and nothing of it stays.
 */
import { describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken, expectProblem } from "./harness/problem.ts";
import type { Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

async function ashaAndBensPost() {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  return { asha, ben, post: await ben.posts.create({ caption: "First light" }) };
}

/** Neither a like nor its count nor a job nor a word to Ben. */
async function expectNoTrace(ben: PersonActor, post: Post): Promise<void> {
  expect(await world.state.number("select count(*) from likes where post_id = ?1", post.id)).toBe(0);
  expect(await world.state.number("select like_count from posts where id = ?1", post.id)).toBe(0);
  expect(await world.state.jobsOf(post)).toEqual([]);
  expect((await ben.notifications()).data).toEqual([]);
}

const endSession = (asha: PersonActor) => asha.expect<void>(204, "POST", "/auth/logout");

describe("the very next request", () => {
  test("a revoked session cannot like", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await endSession(asha);
    await expectBadToken(await asha.fetch("PUT", `/posts/${post.id}/like`), "session_ended");
    await expectNoTrace(ben, post);
  });

  test("a suspended account cannot like, and is told why", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await world.state.suspend(asha);
    await expectProblem(await asha.fetch("PUT", `/posts/${post.id}/like`), 403, "account_suspended");
    await expectNoTrace(ben, post);
  });

  test("a session whose time is over cannot like", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await world.state.run("update sessions set expires_at = 1 where user_id = ?1", asha.id);
    await expectBadToken(await asha.fetch("PUT", `/posts/${post.id}/like`), "session_ended");
    await expectNoTrace(ben, post);
  });

  test("a deleted account cannot like", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
    expect((await asha.fetch("PUT", `/posts/${post.id}/like`)).status).toBe(401);
    await expectNoTrace(ben, post);
  });

  test.for([
    ["POST", "/posts", { caption: "too late" }],
    ["GET", "/posts", undefined],
    ["GET", "/profile", undefined],
    ["GET", "/notifications", undefined],
    ["POST", "/notifications/read", { up_to: 1 }],
    ["POST", "/auth/password", { current_password: "hers", new_password: "two horses of my own" }],
    ["POST", "/auth/logout", undefined],
    ["GET", "/auth/sessions", undefined],
    ["DELETE", "/auth/sessions/01900000-0000-7000-8000-000000000000", undefined],
  ] as const)("a revoked session and a suspended account can no longer %s %s", async ([method, path, body]) => {
    const { asha, ben } = await ashaAndBensPost();
    await endSession(asha);
    await world.state.suspend(ben);
    await expectBadToken(await asha.fetch(method, path, body), "session_ended");
    await expectProblem(await ben.fetch(method, path, body), 403, "account_suspended");
    expect(await world.state.number("select count(*) from posts where author_id = ?1", asha.id)).toBe(0);
    expect(await world.state.number("select count(*) from posts where author_id = ?1", ben.id)).toBe(1);
  });
});

describe("the request that is already on its way", () => {
  const held = (asha: PersonActor, post: Post, meanwhile: () => Promise<void>) =>
    world.control.holding(post.id, () => asha.fetch("PUT", `/posts/${post.id}/like`), meanwhile);

  test("a like is rolled back when its session ends before it is stored", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await expectBadToken(await held(asha, post, () => endSession(asha)), "session_ended");
    await expectNoTrace(ben, post);
  });

  test("a like is rolled back when its account is suspended before it is stored", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    const response = await held(asha, post, () => world.state.suspend(asha));
    await expectProblem(response, 403, "account_suspended");
    await expectNoTrace(ben, post);
  });

  test.for(["removed", "blocked", "deleted"])("a like is rolled back when its post is %s before it is stored", async (fate) => {
    const { asha, ben, post } = await ashaAndBensPost();
    const response = await held(asha, post, async () => {
      if (fate === "removed") await world.state.removePost(post);
      else if (fate === "blocked") await world.state.block(ben, asha);
      else await world.state.run("update posts set deleted_at = 1 where id = ?1", post.id);
    });
    await expectProblem(response, 404, "not_found");
    await expectNoTrace(ben, post);
  });
});
