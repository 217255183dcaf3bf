/** Reads at replicas: what they may miss, and what they never do. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { newToken, sqlOfLink } from "../../scripts/first-admin.mjs";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectBadToken, expectProblem } from "./harness/problem.ts";
import type { Trip } from "./harness/protocol.ts";
import { ROOT } from "./harness/server.ts";
import type { Page, Post, Report } from "./harness/shapes.ts";
import { openLaggingWorld } from "./harness/world.ts";

const world = await openLaggingWorld();

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

const bookmarkOf = (response: Response) => {
  const bookmark = response.headers.get("d1-bookmark");
  if (bookmark === null) throw new Error(`${response.status} without a bookmark`);
  return bookmark;
};

/** Asks, with a bookmark if there is one. */
const ask = (actor: Actor, method: string, path: string, bookmark?: string, body?: unknown) =>
  actor.fetch(method, path, body, bookmark === undefined ? {} : { "d1-bookmark": bookmark });

const read = (actor: Actor, path: string, bookmark?: string) => ask(actor, "GET", path, bookmark);

async function statusOf(response: Promise<Response>): Promise<number> {
  return (await response).status;
}

/** A post, and the bookmark that its author got for it. */
async function publish(author: PersonActor, caption: string): Promise<{ post: Post; path: string; bookmark: string }> {
  const response = await author.fetch("POST", "/posts", { caption });
  const post = (await response.json()) as Post;
  return { post, path: `/posts/${post.id}`, bookmark: bookmarkOf(response) };
}

async function tripsOf(response: Response): Promise<Trip[]> {
  return (await world.control.recordOf(response)).trips;
}

/** Where the trips of an answer ran. */
const placesOf = async (response: Response) => (await tripsOf(response)).map(({ ranAt }) => ranAt);

describe("while the replica lags", () => {
  test("an author reads their own post at the replica by its bookmark, at once", async () => {
    const asha = await world.person("asha");
    await world.control.catchUp();
    const { path, bookmark } = await publish(asha, "First light");
    const response = await read(asha, path, bookmark);
    expect([response.status, await placesOf(response)]).toEqual([200, ["replica"]]);
  });

  test("an author finds their own post in their feed at the replica by its bookmark, and others' when it has caught up", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await world.state.follow(asha, ben);
    await world.control.catchUp();
    const { post, bookmark } = await publish(asha, "First light");
    const feed = async () => {
      const response = await read(asha, "/feed", bookmark);
      expect(await placesOf(response)).toEqual(["replica"]);
      return ((await response.json()) as Page<Post>).data.map(({ id }) => id);
    };
    expect(await feed()).toEqual([post.id]);
    const { post: newer } = await publish(ben, "Low tide");
    expect(await feed()).toEqual([post.id]);
    await world.control.catchUp();
    expect(await feed()).toEqual([newer.id, post.id]);
  });

  test("an author without the bookmark reads their own post at the primary", async () => {
    const asha = await world.person("asha");
    await world.control.catchUp();
    const { path } = await publish(asha, "First light");
    const response = await read(asha, path);
    expect([response.status, await placesOf(response)]).toEqual([200, ["primary"]]);
    expect((await world.control.catchUp()).version).toBeGreaterThan(0);
  });

  test("a stranger sees what was so until the replica catches up, or brings a bookmark", async () => {
    const asha = await world.person("asha");
    await world.control.catchUp();
    const { post, path, bookmark } = await publish(asha, "First light");
    const [before, list] = [await read(world.anonymous, path), await read(world.anonymous, "/posts?limit=100")];
    expect([before.status, await placesOf(before), await placesOf(list)]).toEqual([404, ["replica"], ["replica"]]);
    const listed = async (response: Response) => ((await response.json()) as Page<Post>).data.some(({ id }) => id === post.id);
    expect(await listed(list)).toBe(false);
    await world.control.catchUp();
    expect(await statusOf(read(world.anonymous, path))).toBe(200);
    expect(await listed(await read(world.anonymous, "/posts?limit=100"))).toBe(true);

    const next = await publish(asha, "Second light");
    expect(await statusOf(read(world.anonymous, next.path, bookmark))).toBe(404);
    expect(await statusOf(read(world.anonymous, next.path, next.bookmark))).toBe(200);
  });

  test("a search finds at the replica what its bookmark knows", async () => {
    const asha = await world.person("asha");
    await world.control.catchUp();
    const word = `light${randomBytes(6).toString("hex")}`;
    const { post, bookmark } = await publish(asha, word);
    const found = async (type: string, q: string, known?: string) => {
      const response = await read(world.anonymous, `/search?type=${type}&q=${q}`, known);
      const { data } = (await response.json()) as Page<{ id: string }>;
      return [data.map(({ id }) => id), await placesOf(response)];
    };
    expect(await found("posts", word)).toEqual([[], ["replica"]]);
    expect(await found("posts", word, bookmark)).toEqual([[post.id], ["replica"]]);
    expect(await found("users", asha.username)).toEqual([[asha.id], ["replica"]]);
  });

  test("a bookmark brings the replica to its state and no further", async () => {
    const asha = await world.person("asha");
    await world.control.catchUp();
    const first = await publish(asha, "First light");
    const second = await publish(asha, "Second light");
    expect(await statusOf(read(asha, second.path, first.bookmark))).toBe(404);
    expect(await statusOf(read(asha, first.path, first.bookmark))).toBe(200);
    const { version, applied } = await world.control.catchUp();
    expect(version - applied).toBe(1);
  });

  test("a bookmark is good for whoever brings it, and after signing in", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await world.control.catchUp();
    const { path, bookmark } = await publish(asha, "First light");
    const response = await read(ben, path, bookmark);
    expect([response.status, await placesOf(response)]).toEqual([200, ["replica"]]);
    const credentials = { username: asha.username, password: asha.password };
    const login = await world.anonymous.fetch("POST", "/auth/login", credentials);
    const { access_token: token } = (await login.clone().json()) as { access_token: string };
    const profile = await read(world.bearing(token), "/profile", bookmarkOf(login));
    expect([profile.status, await placesOf(profile)]).toEqual([200, ["replica"]]);
  });

  test("what the queue has done is seen at the primary at once", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const { post } = await publish(asha, "First light");
    await world.control.catchUp();
    await ben.like(post);
    expect(await world.notificationOf(asha, post)).toMatchObject({ actor_count: 1, read: false });
  });
});

describe("what ends a session or an account", () => {
  /** Somebody with a post and its bookmark, and a replica that knows of both. */
  async function signedIn(): Promise<{ asha: PersonActor; path: string; bookmark: string }> {
    const asha = await world.person("asha");
    const { path, bookmark } = await publish(asha, "First light");
    await world.control.catchUp();
    return { asha, path, bookmark };
  }

  /** Every way to write and to read that is refused from now on, though the replica does not know it yet. */
  async function refusals({ asha, path, bookmark }: Awaited<ReturnType<typeof signedIn>>): Promise<Response[]> {
    return [
      await ask(asha, "PUT", `${path}/like`),
      await ask(asha, "PUT", `${path}/like`, bookmark),
      await ask(asha, "DELETE", path, bookmark),
      await ask(asha, "POST", "/posts", bookmark, { caption: "Too late" }),
      await ask(asha, "POST", "/notifications/read", bookmark, { up_to: 1 }),
      await ask(asha, "POST", "/auth/logout", bookmark),
      await ask(asha, "DELETE", `/auth/sessions/${asha.refreshToken.split(".")[0]}`, bookmark),
      await read(asha, path),
      await read(asha, "/posts"),
      await read(asha, "/feed"),
      await read(asha, `${path}/likes`),
      await read(asha, "/profile"),
      await read(asha, `/users/${asha.username}`),
      await read(asha, "/notifications"),
      await read(asha, "/auth/sessions"),
    ];
  }

  test("signing out acts at once on every write and on every read without a bookmark, and later on the others", async () => {
    const story = await signedIn();
    await story.asha.expect(204, "POST", "/auth/logout");
    for (const response of await refusals(story)) {
      await expectBadToken(response, "session_ended");
      expect(await placesOf(response)).toEqual(["primary"]);
    }
    expect(await statusOf(read(story.asha, "/profile", story.bookmark))).toBe(200);
    await world.control.catchUp();
    await expectBadToken(await read(story.asha, "/profile", story.bookmark), "session_ended");
  });

  test("a suspension acts so too", async () => {
    const story = await signedIn();
    await world.state.suspend(story.asha);
    for (const response of await refusals(story)) {
      await expectProblem(response, 403, "account_suspended");
      expect(await placesOf(response)).toEqual(["primary"]);
    }
    expect(await statusOf(read(story.asha, story.path, story.bookmark))).toBe(200);
    await world.control.catchUp();
    await expectProblem(await read(story.asha, story.path, story.bookmark), 403, "account_suspended");
  });

  test("a demotion acts at once on every read too, whatever bookmark it brings", async () => {
    const rosa = await world.admin("rosa");
    const { bookmark } = await publish(rosa, "First light");
    await world.control.catchUp();
    expect(await statusOf(read(rosa, "/admin/audit", bookmark))).toBe(200);
    await world.state.setRole(rosa, "moderator");
    await expectProblem(await read(rosa, "/admin/audit", bookmark), 403, "role_required");
    expect(await statusOf(read(rosa, "/admin/users", bookmark))).toBe(200);
    await world.state.suspend(rosa);
    await expectProblem(await read(rosa, "/admin/users", bookmark), 403, "account_suspended");
    expect((await world.control.catchUp()).version).toBeGreaterThan(0);
  });

  test("a suspended account cannot sign in, though the replica knows nothing of it", async () => {
    const { asha, bookmark } = await signedIn();
    await world.state.suspend(asha);
    const credentials = { username: asha.username, password: asha.password };
    const response = await ask(world.anonymous, "POST", "/auth/login", bookmark, credentials);
    await expectProblem(response, 403, "account_suspended");
    expect(await placesOf(response)).toEqual(["primary", "primary"]);
  });

  test("a block hides at the primary at once, and at a replica once it knows", async () => {
    const { asha, path, bookmark } = await signedIn();
    const ben = await world.person("ben");
    await world.control.catchUp();
    await world.state.block(asha, ben);
    expect(await statusOf(read(ben, path))).toBe(404);
    expect(await statusOf(ask(ben, "PUT", `${path}/like`, bookmark))).toBe(404);
    expect(await statusOf(read(ben, path, bookmark))).toBe(200);
    await world.control.catchUp();
    expect(await statusOf(read(ben, path, bookmark))).toBe(404);
  });
});

describe("what is decided is never decided by a replica", () => {
  test("the two trips of a sign-in", async () => {
    const asha = await world.person("asha");
    await world.state.run("update users set display_name = 'Asha the second' where id = ?1", asha.id);
    const credentials = { username: asha.username, password: asha.password };
    const login = await world.anonymous.fetch("POST", "/auth/login", credentials);
    expect((await tripsOf(login)).map(({ session, ranAt }) => [session, ranAt])).toEqual([
      // It counts the attempt, so it writes.
      ["first-primary", "primary"],
      ["first-primary", "primary"],
    ]);
    const wrong = await world.anonymous.fetch("POST", "/auth/login", { ...credentials, password: "not this one" });
    await expectProblem(wrong, 401, "invalid_credentials");
    expect(await placesOf(wrong)).toEqual(["primary", "primary"]);
  });

  test("the replay of a request, which names its state like the first answer", async () => {
    const asha = await world.person("asha");
    const [{ bookmark: old }] = [await publish(asha, "Before")];
    await world.control.catchUp();
    const headers = { "idempotency-key": randomBytes(8).toString("hex"), "d1-bookmark": old };
    const write = () => asha.fetch("POST", "/posts", { caption: "Once" }, headers);
    const [first, again] = [await write(), await write()];
    expect([first.status, again.status, again.headers.get("idempotent-replayed")]).toEqual([201, 201, "true"]);
    expect((await tripsOf(again)).map(({ session, ranAt }) => [session, ranAt])).toEqual([
      ["first-primary", "primary"],
      ["first-primary", "primary"],
    ]);
    const { id } = (await again.json()) as Post;
    expect(await statusOf(read(asha, `/posts/${id}`, bookmarkOf(again)))).toBe(200);
    expect(await statusOf(read(asha, `/posts/${id}`, bookmarkOf(first)))).toBe(200);
  });

  test("whatever the queue, the cron and any request but a GET ask", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const { post, bookmark } = await publish(asha, "First light");
    await ask(ben, "PUT", `/posts/${post.id}/like`, bookmark);
    await world.jobsDone(post);
    await ask(asha, "DELETE", `/posts/${post.id}`, bookmark);
    await world.state.makeDue(post);
    await world.control.sweep();
    await world.jobsDone(post);
    const invocations = await world.control.recordsSince(0);
    const kinds = new Set(invocations.filter(({ trips }) => trips.length > 0).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(["fetch", "queue", "scheduled"]));
    for (const { kind, name, trips } of invocations) {
      if (kind === "fetch" && name.startsWith("GET ")) continue;
      for (const { session, ranAt } of trips) {
        expect({ name, session: session ?? "first-primary", ranAt }).toEqual({ name, session: "first-primary", ranAt: "primary" });
      }
    }
  });

  test("nothing that writes is sent where it only may read", async () => {
    const writes = /^\s*(insert|update|delete)\b/i;
    for (const { name, trips } of await world.control.recordsSince(0)) {
      for (const { session, statements } of trips) {
        const isWrite = statements.some(({ sql }) => writes.test(sql));
        if (isWrite) expect({ name, session }).toEqual({ name, session: "first-primary" });
      }
    }
  });
});

describe("each route", () => {
  /** Someone who has a post that another likes, and what asks of each route that writes. */
  async function scene() {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const { post } = await publish(asha, "First light");
    await ben.like(post);
    await world.jobsDone(post);
    const username = world.uniqueName("chen");
    const account = { username, email: `${username}@example.com`, password: "the passphrase of chen" };
    const credentials = { username: asha.username, password: asha.password };
    const rosa = await world.admin("rosa");
    const { id: user_id, username: name, email } = asha;
    const link = world.keys.mailToken({ may: "reset_password", user_id, username: name, email, credential_version: 1 });
    const writing: Record<string, () => Promise<Response>> = {
      "DELETE /api/v1/auth/sessions/{id}": () => asha.fetch("DELETE", `/auth/sessions/${asha.refreshToken.split(".")[0]}`),
      "DELETE /api/v1/posts/{id}": () => asha.fetch("DELETE", `/posts/${post.id}`),
      "DELETE /api/v1/posts/{id}/like": () => ben.fetch("DELETE", `/posts/${post.id}/like`),
      "PATCH /api/v1/admin/users/{username}": () => rosa.fetch("PATCH", `/admin/users/${asha.username}`, { plan: "pro" }),
      "PATCH /api/v1/profile": () => asha.fetch("PATCH", "/profile", { bio: "Boats" }),
      "POST /api/v1/auth/email": () => asha.fetch("POST", "/auth/email", { password: asha.password, new_email: `new.${asha.email}` }),
      "POST /api/v1/auth/email/resend": () => asha.fetch("POST", "/auth/email/resend"),
      "POST /api/v1/auth/email/verify": () =>
        world.anonymous.fetch("POST", "/auth/email/verify", { token: world.keys.mailToken({ may: "verify_email", user_id: asha.id, email: asha.email }) }),
      "POST /api/v1/auth/refresh": () => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: asha.refreshToken }),
      "POST /api/v1/auth/login": () => world.anonymous.fetch("POST", "/auth/login", credentials),
      "POST /api/v1/auth/logout": () => asha.fetch("POST", "/auth/logout"),
      "POST /api/v1/auth/password": () => asha.fetch("POST", "/auth/password", { current_password: asha.password, new_password: "two horses of my own" }),
      "POST /api/v1/auth/password/forgot": () => world.anonymous.fetch("POST", "/auth/password/forgot", { email: asha.email }),
      "POST /api/v1/auth/password/reset": () => world.anonymous.fetch("POST", "/auth/password/reset", { token: link, new_password: "two horses of my own" }),
      "POST /api/v1/auth/register": () => world.anonymous.fetch("POST", "/auth/register", account),
      "POST /api/v1/notifications/read": () => asha.fetch("POST", "/notifications/read", { up_to: 1 }),
      "POST /api/v1/posts/{id}/comments": () => ben.fetch("POST", `/posts/${post.id}/comments`, { caption: "Lovely" }),
      "PUT /api/v1/posts/{id}": () => asha.fetch("PUT", `/posts/${post.id}`, { caption: "First light, again" }),
      "POST /api/v1/admin/reports/{id}/resolve": async () => {
        const { id } = await ben.expect<Report>(201, "POST", "/reports", { post_id: post.id, reason: "spam" });
        return rosa.fetch("POST", `/admin/reports/${id}/resolve`, { action: "remove_post" });
      },
      "POST /api/v1/reports": () => ben.fetch("POST", "/reports", { post_id: post.id, reason: "spam" }),
      "POST /api/v1/posts": () => asha.fetch("POST", "/posts", { caption: "Second light" }),
      "POST /api/v1/setup": async () => {
        await world.state.dismissAdmins();
        const { token, hash } = newToken();
        for (const sql of sqlOfLink(hash, Date.now())) await world.state.run(sql);
        return world.anonymous.fetch("POST", "/setup", { token, ...account });
      },
      "PUT /api/v1/users/{username}/follow": () => ben.fetch("PUT", `/users/${asha.username}/follow`),
      "DELETE /api/v1/users/{username}/follow": () => ben.fetch("DELETE", `/users/${asha.username}/follow`),
      "PUT /api/v1/users/{username}/block": () => rosa.fetch("PUT", `/users/${ben.username}/block`),
      "DELETE /api/v1/users/{username}/block": () => rosa.fetch("DELETE", `/users/${ben.username}/block`),
      "PUT /api/v1/users/{username}/mute": () => ben.fetch("PUT", `/users/${asha.username}/mute`),
      "DELETE /api/v1/users/{username}/mute": () => ben.fetch("DELETE", `/users/${asha.username}/mute`),
      "DELETE /api/v1/followers/{username}": () => asha.fetch("DELETE", `/followers/${ben.username}`),
      "PUT /api/v1/follow-requests/{username}": async () => {
        await asha.lock();
        await ben.follow(asha);
        return asha.fetch("PUT", `/follow-requests/${ben.username}`);
      },
      "DELETE /api/v1/follow-requests/{username}": () => asha.fetch("DELETE", `/follow-requests/${ben.username}`),
      "PUT /api/v1/posts/{id}/like": () => ben.fetch("PUT", `/posts/${post.id}/like`),
    };
    return { asha, ben, rosa, post, writing };
  }

  const lines = readFileSync(`${ROOT}tests/snapshots/routes.txt`, "utf8").trim().split("\n");
  const routes = lines.map((line) => {
    const [, method = "", path = "", asker = ""] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(line) ?? [];
    return { method, path, asker, route: `${method} ${path}` };
  });
  const reading = routes.filter(({ method, asker }) => method === "GET" && asker !== "anyone");

  test("that writes takes part here", async () => {
    const { writing } = await scene();
    const all = routes.filter(({ method }) => method !== "GET").map(({ route }) => route);
    expect(Object.keys(writing).toSorted()).toEqual(all.toSorted());
  });

  test.for(routes.filter(({ method }) => method !== "GET"))("$route writes at the primary and names the state", async ({ route }) => {
    const { writing, asha } = await scene();
    const response = await writing[route]?.();
    if (response === undefined) throw new Error("say above how it is asked");
    expect(response.ok).toBe(true);
    const last = (await tripsOf(response)).at(-1);
    expect(last).toMatchObject({ session: "first-primary", ranAt: "primary" });
    // The state is good for a read.
    const later = await read(world.anonymous, `/users/${asha.username}`, bookmarkOf(response));
    expect([later.status, await placesOf(later)]).toEqual([200, ["replica"]]);
  });

  test.for(reading)("$route reads where it may, and names no state", async ({ path, asker }) => {
    const { asha, rosa, post } = await scene();
    const { bookmark } = await publish(asha, "For its bookmark");
      const query = path === "/api/v1/search" ? "?type=posts&q=light" : "";
      const named = path.slice("/api/v1".length).replace("{id}", post.id).replace("{username}", asha.username);
      const filled = named.replace("{tag}", "light") + query;
    const byRole = ["admins", "moderators and admins"].includes(asker);
    const ways: [Actor, string | undefined, string, string | null][] = byRole
      ? // So that no read outlives a demotion.
        [[rosa, undefined, "primary", null], [rosa, bookmark, "primary", null]]
      : [
          [asha, undefined, "primary", null],
          [asha, bookmark, "replica", expect.stringMatching(/^[0-9a-f]{8}-00000000-00000000-[0-9a-f]{32}$/)],
        ];
    if (asker === "anyone, richer when signed in") {
      ways.push([world.anonymous, bookmark, "replica", expect.stringMatching(/^[0-9a-f]{8}-0/)]);
      ways.push([world.anonymous, undefined, "replica", "first-unconstrained"]);
    }
    for (const [actor, sent, ranAt, session] of ways) {
      const response = await read(actor, filled, sent);
      expect([response.status, response.headers.get("d1-bookmark")]).toEqual([200, null]);
      const trips = await tripsOf(response);
      expect(trips.map((trip) => ({ session: trip.session, ranAt: trip.ranAt }))).toEqual([{ session, ranAt }]);
    }
  });

  test("that is refused names no state, even after a commit", async () => {
    const { ben, post } = await scene();
    const response = await ben.fetch("DELETE", `/posts/${post.id}`);
    await expectProblem(response, 403, "not_the_author");
    expect(response.headers.get("d1-bookmark")).toBeNull();
  });
});

describe("a replica that fails", () => {
  test("is asked again, with what the first try began with", async () => {
    const asha = await world.person("asha");
    const { post, path, bookmark } = await publish(asha, "First light");
    const response = await world.control.withFaults([{ on: "d1", when: "before", times: 2, containing: post.id }], () => read(asha, path, bookmark));
    expect(response.status).toBe(200);
    const sessions = (await tripsOf(response)).map(({ session }) => session);
    expect(sessions).toHaveLength(3);
    expect(new Set(sessions).size).toBe(1);
  });

  test("is a 503 in the end, like the primary", async () => {
    const asha = await world.person("asha");
    const { post, path } = await publish(asha, "First light");
    const response = await world.control.withFaults([{ on: "d1", when: "before", times: 3, containing: post.id }], () => read(world.anonymous, path));
    await expectProblem(response, 503, "dependency_unavailable");
  });
});
