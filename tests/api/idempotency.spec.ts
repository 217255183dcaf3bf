/** `Idempotency-Key`: what was asked for once is done once, however often it is asked for. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Page, Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const DAY_MS = 86_400_000;

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

/** Asks for a post under this key. */
const write = (author: PersonActor, key: string, caption: string) =>
  author.fetch("POST", "/posts", { caption }, { "idempotency-key": key });

const replayed = (response: Response) => response.headers.get("idempotent-replayed");

const postsOf = (author: PersonActor) => world.state.number("select count(*) from posts where author_id = ?1", author.id);

describe("the same request under the same key", () => {
  test("creates one post and answers the same bytes, in two trips", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    const first = await write(asha, key, "First light \u{1f305}");
    expect([first.status, replayed(first)]).toEqual([201, null]);
    const again = await write(asha, key, "First light \u{1f305}");
    expect([again.status, replayed(again)]).toEqual([201, "true"]);
    expect(await again.text()).toBe(await first.text());
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    expect((await world.control.recordOf(first)).trips).toHaveLength(1);
    expect((await world.control.recordOf(again)).trips).toHaveLength(2);
    expect(await postsOf(asha)).toBe(1);
  });

  test("answers as it did, whatever has become of the post since", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const key = randomUUID();
    const first = await write(asha, key, "Here today");
    const text = await first.text();
    const post = JSON.parse(text) as Post;
    await ben.like(post);
    await asha.posts.delete(post);
    const again = await write(asha, key, "Here today");
    expect([again.status, await again.text()]).toEqual([201, text]);
    expect((await asha.fetch("GET", `/posts/${post.id}`)).status).toBe(404);
  });

  test("is answered the same as one without a key", async () => {
    const asha = await world.person("asha");
    const body = { caption: "Tide", visibility: "followers" };
    const plain = await asha.expect<Post>(201, "POST", "/posts", body);
    const keyed = (await (await asha.fetch("POST", "/posts", body, { "idempotency-key": randomUUID() })).json()) as Post;
    const { id, created_at } = keyed;
    expect(keyed).toEqual({ ...plain, id, created_at });
  });

  test("means the key in quotes and bare alike", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    expect(replayed(await write(asha, key, "Fog"))).toBeNull();
    expect(replayed(await write(asha, `"${key}"`, "Fog"))).toBe("true");
  });

  test("100 times at once has one effect, and 100 answers alike", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    const { told, overlap } = await world.control.watchingOverlap({ containing: key, count: 100 }, () =>
      Promise.all(Array.from({ length: 100 }, () => write(asha, key, "Once"))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 201));
    expect(told.filter((response) => replayed(response) === null)).toHaveLength(1);
    expect(new Set(await Promise.all(told.map((response) => response.text()))).size).toBe(1);
    expect(await postsOf(asha)).toBe(1);
    expect((await asha.profile()).post_count).toBe(1);
  });

  test("is a new one a day later, and the sweep forgets what is older", async () => {
    const asha = await world.person("asha");
    const [early, late] = [randomUUID(), randomUUID()];
    await write(asha, early, "Yesterday");
    await write(asha, late, "Today");
    await world.state.run("update idempotency_keys set created_at = ?2 where key = ?1", early, Date.now() - DAY_MS);
    expect(replayed(await write(asha, early, "Yesterday"))).toBeNull();
    expect(await postsOf(asha)).toBe(3);

    await world.state.run("update idempotency_keys set created_at = ?2 where key = ?1", early, Date.now() - DAY_MS);
    await world.control.sweep();
    expect(await world.state.rows("select key from idempotency_keys where user_id = ?1", asha.id)).toEqual([{ key: late }]);
  });
});

describe("a key", () => {
  test("that was used for another request is refused, and nothing is created", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    await write(asha, key, "First");
    await expectProblem(await write(asha, key, "Second"), 422, "idempotency_key_reused");
    expect(await postsOf(asha)).toBe(1);
  });

  test("of another account is another key", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const key = randomUUID();
    const [hers, his] = [await write(asha, key, "The same"), await write(ben, key, "The same")];
    expect([hers.status, replayed(hers), his.status, replayed(his)]).toEqual([201, null, 201, null]);
    expect(((await his.json()) as Post).author.id).toBe(ben.id);
  });

  test("is not used up by a request that was refused", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    expect((await write(asha, key, "")).status).toBe(422);
    expect(replayed(await write(asha, key, "Now it is right"))).toBeNull();
  });

  test("replays nothing once the session has ended", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    await write(asha, key, "Mine");
    await asha.expect(204, "POST", "/auth/logout");
    await expectProblem(await write(asha, key, "Mine"), 401, "session_ended");
  });

  test.for(["", '""', '"open', '"a"b', "k".repeat(256), "ü"])("of another form is refused: %s", async (key) => {
    const asha = await world.person("asha");
    await expectProblem(await write(asha, key, "Never"), 400, "malformed_idempotency_key");
    expect(await postsOf(asha)).toBe(0);
  });
});

describe("an answer that was lost", () => {
  test.for(["before", "after"] as const)("%s the post was written is given when the same is asked again, which writes no second", async (when) => {
    const asha = await world.person("asha");
    const key = randomUUID();
    const lost = await world.control.withFaults([{ on: "d1", when, times: 1, containing: key }], () => write(asha, key, "Once"));
    await expectProblem(lost, 503, "dependency_unavailable");
    const again = await write(asha, key, "Once");
    expect([again.status, replayed(again)]).toEqual([201, when === "after" ? "true" : null]);
    expect(await postsOf(asha)).toBe(1);
    const { data } = await asha.expect<Page<Post>>(200, "GET", "/posts?limit=100");
    expect(data.filter(({ author }) => author.id === asha.id)).toHaveLength(1);
  });

  test("on the way of a replay is asked for again by Kith itself", async () => {
    const asha = await world.person("asha");
    const key = randomUUID();
    await write(asha, key, "Once");
    const again = await world.control.withFaults(
      [{ on: "d1", when: "before", times: 1, sparing: 1, containing: key, error: "Network connection lost." }],
      () => write(asha, key, "Once"),
    );
    expect([again.status, replayed(again)]).toEqual([201, "true"]);
  });
});
