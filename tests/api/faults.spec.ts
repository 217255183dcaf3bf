/**
 * D1 or KV failing at each call site in turn, before or after taking effect: a documented 503 or a
 * success, never a success without the write, and the same request again is always right.
 */
import { describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import type { FaultPlan } from "./harness/protocol.ts";
import type { Post } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** Errors that D1 documents. */
const D1_ERRORS = [
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
  "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
];

interface Stage {
  asha: PersonActor;
  ben: PersonActor;
  post: Post;
  newcomer: { username: string; email: string; password: string };
  /** Another session of Asha's. */
  phone: string;
}

interface CallSite {
  name: string;
  /** How many trips to D1 it makes when nothing fails. */
  trips: number;
  request: (stage: Stage) => Promise<Response>;
  /** The write that a 2xx promises; reads have none. */
  stored?: (stage: Stage) => Promise<boolean>;
}

const exists = async (sql: string, ...params: unknown[]) => (await world.state.number(sql, ...params)) > 0;
const count = "select count(*) from";

const SITES: CallSite[] = [
  {
    name: "POST /auth/register",
    trips: 1,
    request: ({ newcomer }) => world.anonymous.fetch("POST", "/auth/register", newcomer),
    stored: ({ newcomer }) => exists(`${count} users where username = ?1`, newcomer.username),
  },
  {
    name: "POST /auth/login",
    trips: 2,
    request: ({ asha: { username, password } }) => world.anonymous.fetch("POST", "/auth/login", { username, password }),
    // Registering opened the first session, and there is the phone's.
    stored: async ({ asha }) => (await world.state.number(`${count} sessions where user_id = ?1`, asha.id)) > 2,
  },
  {
    name: "POST /auth/email",
    trips: 2,
    request: ({ asha, newcomer }) => asha.fetch("POST", "/auth/email", { password: asha.password, new_email: newcomer.email }),
  },
  {
    name: "POST /auth/email/resend",
    trips: 1,
    request: ({ asha }) => asha.fetch("POST", "/auth/email/resend"),
  },
  {
    name: "POST /auth/email/verify",
    trips: 1,
    request: ({ asha, newcomer }) => {
      const token = world.keys.mailToken({ may: "change_email", user_id: asha.id, new_email: newcomer.email, credential_version: 1 });
      return world.anonymous.fetch("POST", "/auth/email/verify", { token });
    },
    stored: ({ newcomer }) => exists(`${count} users where email = ?1 and email_verified_at is not null`, newcomer.email),
  },
  {
    name: "POST /auth/logout",
    trips: 1,
    request: ({ asha }) => asha.fetch("POST", "/auth/logout"),
    stored: ({ asha }) => exists(`${count} sessions where user_id = ?1 and revoked_at is not null`, asha.id),
  },
  {
    name: "POST /auth/refresh",
    trips: 1,
    request: ({ asha }) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: asha.refreshToken }),
    stored: ({ asha }) => exists(`${count} sessions where user_id = ?1 and generation = 2 and revoked_at is null`, asha.id),
  },
  { name: "GET /auth/sessions", trips: 1, request: ({ asha }) => asha.fetch("GET", "/auth/sessions") },
  {
    name: "DELETE /auth/sessions/{id}",
    trips: 1,
    request: ({ asha, phone }) => asha.fetch("DELETE", `/auth/sessions/${phone}`),
    stored: ({ phone }) => exists(`${count} sessions where id = ?1 and revoked_at is not null`, phone),
  },
  { name: "GET /profile", trips: 1, request: ({ asha }) => asha.fetch("GET", "/profile") },
  { name: "GET /users/{username}", trips: 1, request: ({ asha, ben }) => asha.fetch("GET", `/users/${ben.username}`) },
  { name: "GET /posts", trips: 1, request: () => world.anonymous.fetch("GET", "/posts") },
  { name: "GET /posts, signed in", trips: 1, request: ({ asha }) => asha.fetch("GET", "/posts") },
  { name: "GET /posts/{id}", trips: 1, request: ({ post }) => world.anonymous.fetch("GET", `/posts/${post.id}`) },
  {
    name: "POST /posts",
    trips: 1,
    request: ({ asha }) => asha.fetch("POST", "/posts", { caption: "written in a storm" }),
    stored: ({ asha }) => exists(`${count} posts where author_id = ?1`, asha.id),
  },
  {
    name: "DELETE /posts/{id}",
    trips: 1,
    request: ({ ben, post }) => ben.fetch("DELETE", `/posts/${post.id}`),
    stored: ({ post }) => exists(`${count} posts where id = ?1 and deleted_at is not null`, post.id),
  },
  {
    name: "PUT /posts/{id}/like",
    trips: 1,
    request: ({ asha, post }) => asha.fetch("PUT", `/posts/${post.id}/like`),
    stored: ({ asha, post }) => exists(`${count} likes where post_id = ?1 and user_id = ?2`, post.id, asha.id),
  },
  {
    name: "DELETE /posts/{id}/like",
    trips: 1,
    request: ({ ben, post }) => ben.fetch("DELETE", `/posts/${post.id}/like`),
    stored: async ({ ben, post }) => !(await exists(`${count} likes where post_id = ?1 and user_id = ?2`, post.id, ben.id)),
  },
  { name: "GET /posts/{id}/likes", trips: 1, request: ({ asha, post }) => asha.fetch("GET", `/posts/${post.id}/likes`) },
  {
    name: "POST /reports",
    trips: 1,
    request: ({ asha, ben }) => asha.fetch("POST", "/reports", { username: ben.username, reason: "spam" }),
    stored: ({ asha }) => exists(`${count} reports where reporter_id = ?1`, asha.id),
  },
  { name: "GET /notifications", trips: 1, request: ({ ben }) => ben.fetch("GET", "/notifications") },
  {
    name: "POST /notifications/read",
    trips: 1,
    request: ({ ben }) => ben.fetch("POST", "/notifications/read", { up_to: 1 }),
    stored: ({ ben }) => exists(`${count} inboxes where user_id = ?1 and read_seq = 1`, ben.id),
  },
];

async function stage(): Promise<Stage> {
  const [asha, ben, cleo] = await Promise.all(["asha", "ben", "cleo"].map((name) => world.person(name)));
  if (asha === undefined || ben === undefined || cleo === undefined) throw new Error("three were made");
  const post = await ben.posts.create({ caption: "First light" });
  await ben.like(post);
  await cleo.like(post);
  await world.jobsDone(post);
  const username = world.uniqueName("new");
  const phone = uuidV7();
  await world.state.run(
    `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at)
     values (?1, ?2, 'phone', ?1, 1, 1, 1, 9e15)`,
    phone,
    asha.id,
  );
  return { asha, ben, post, phone, newcomer: { username, email: `${username}@example.com`, password: "a good long passphrase" } };
}

const during = (faults: FaultPlan[], request: () => Promise<Response>) => world.control.withFaults(faults, request);

describe("D1", () => {
  const cases = SITES.flatMap((site) =>
    Array.from({ length: site.trips }, (_, index) => ({ ...site, nth: index + 1, sparing: index })),
  );

  test.for(cases)("failing before call $nth of $name: 503 or success, never a success without the write", async (site) => {
    const scene = await stage();
    const plan: FaultPlan = { on: "d1", when: "before", times: 100, sparing: site.sparing, during: "fetch" };
    const response = await during([plan], () => site.request(scene));
    await expectProblem(response, 503, "dependency_unavailable");
    // Nothing happened. (A login's session is the one that registration made.)
    if (site.stored !== undefined && site.trips === 1) expect(await site.stored(scene)).toBe(false);
    expect((await site.request(scene)).ok).toBe(true);
    if (site.stored !== undefined) expect(await site.stored(scene)).toBe(true);
    await world.control.settle();
    expect(await world.state.wrongCounters()).toEqual([]);
  });

  test.for(cases)("losing its answer to call $nth of $name: the same request again is right", async (site) => {
    const scene = await stage();
    const plan: FaultPlan = { on: "d1", when: "after", times: 1, sparing: site.sparing, during: "fetch" };
    const response = await during([plan], () => site.request(scene));
    if (response.ok) {
      if (site.stored !== undefined) expect(await site.stored(scene)).toBe(true);
    } else {
      await expectProblem(response, 503, "dependency_unavailable");
    }
    const again = await site.request(scene);
    // What happened unseen shows in its own way: the name is taken, the session over, the post gone.
    const unseen: Record<string, number> = { "POST /auth/register": 409, "POST /auth/logout": 401, "DELETE /posts/{id}": 404, "DELETE /auth/sessions/{id}": 404 };
    expect([200, 201, 202, 204, unseen[site.name]]).toContain(again.status);
    if (site.stored !== undefined) expect(await site.stored(scene)).toBe(true);
    await world.control.settle();
    expect(await world.state.wrongCounters()).toEqual([]);
  });

  test.for(D1_ERRORS)("every error that D1 documents is a 503: %s", async (error) => {
    const { asha, post } = await stage();
    const plan: FaultPlan = { on: "d1", when: "before", times: 100, during: "fetch", error };
    const likes = await during([plan], () => asha.fetch("PUT", `/posts/${post.id}/like`));
    const { request_id: _, ...told } = await expectProblem(likes, 503, "dependency_unavailable");
    expect(JSON.stringify(told)).not.toMatch(/d1|overloaded|reset/i);
    await expectProblem(await during([plan], () => asha.fetch("GET", "/posts")), 503, "dependency_unavailable");
  });

  test("an error that nobody has heard of is no 2xx and shows nothing of itself", async () => {
    const { asha, post } = await stage();
    const plan: FaultPlan = { on: "d1", when: "before", times: 100, during: "fetch", error: "D1_ERROR: flux capacitor" };
    const response = await during([plan], () => asha.fetch("PUT", `/posts/${post.id}/like`));
    expect([500, 503]).toContain(response.status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.text()).not.toContain("flux");
  });

  test("a like whose answer was lost and that is sent again counts once and notifies once", async () => {
    const { asha, ben, post } = await stage();
    const like = () => asha.fetch("PUT", `/posts/${post.id}/like`);
    await during([{ on: "d1", when: "after", times: 1, during: "fetch", containing: post.id }], like);
    expect(await (await like()).json()).toEqual({ liked: true, like_count: 3 });
    await world.state.makeDue(post);
    await world.control.sweep();
    expect(await world.notificationOf(ben, post)).toMatchObject({ actor_count: 2, seq: 2 });
  });

  test("an abort code in what a client writes aborts nothing", async () => {
    const { asha } = await stage();
    for (const caption of ["abort:session_ended", "$.abort", "bad JSON path: 'abort:not_found'"]) {
      const created = await asha.posts.create({ caption });
      expect((await asha.posts.read(created)).caption).toBe(caption);
    }
  });
});

describe("KV", () => {
  test.for(["before", "after"] as const)("failing %s every call: the whole story works", async (when) => {
    // What needs no store proves nothing; readiness asks it, so that the fault strikes at least once.
    await world.control.withFaults([{ on: "kv", when, times: 100_000 }], async () => {
      await world.fetch("GET", "/health/ready");
      const { asha, ben, post } = await stage();
      const device: PersonActor = await asha.onAnotherDevice();
      expect(await device.like(post)).toMatchObject({ liked: true });
      expect((await world.anonymous.fetch("GET", `/users/${ben.username}`)).status).toBe(200);
      expect((await world.fetch("GET", "/.well-known/jwks.json")).status).toBe(200);
      expect((await world.anonymous.posts.list()).data.length).toBeGreaterThan(0);
      await world.jobsDone(post);
      const { data } = await ben.notifications();
      expect(data).toMatchObject([{ kind: "like", actor_count: 2 }]);
      await ben.markRead(data[0]?.seq ?? 0);
      await asha.expect(204, "POST", "/auth/logout");
    });
  });
});
