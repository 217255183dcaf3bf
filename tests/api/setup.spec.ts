/** The first admin, by the one-time link. */
import { describe, expect, test } from "vitest";
import { newToken, sqlOfLink, sqlOfPromotion } from "../../scripts/first-admin.mjs";
import { expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Registration } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const world = await openWorld();
const strict = await openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS: "setup-address=3/3600" });

const DAY_MS = 24 * 3_600_000;

/** A link as the operator's command makes it, so many milliseconds ago, with no admin there. */
async function issue(place: World = world, agoMs = 0): Promise<string> {
  await place.state.dismissAdmins();
  const { token, hash } = newToken();
  for (const sql of sqlOfLink(hash, Date.now() - agoMs)) await place.state.run(sql);
  return token;
}

/** Somebody who comes by a link. */
function newcomer(place: World = world) {
  const username = place.uniqueName("rosa");
  return { username, email: `${username}@example.com`, password: "the long passphrase of rosa" };
}

const setUp = (token: string, body: object = newcomer(), headers = {}) => world.anonymous.fetch("POST", "/setup", { token, ...body }, headers);

const countAdmins = () => world.state.number("select count(*) from users where role = 'admin'");

describe("a link", () => {
  test("makes an admin, signed in, whose address counts as verified", async () => {
    const token = await issue();
    const rosa = { ...newcomer(), display_name: "Rosa" };
    const response = await setUp(token, rosa);
    expect([response.status, response.headers.get("location")]).toEqual([201, `/api/v1/users/${rosa.username}`]);
    const answer = (await response.json()) as Registration;
    expect(answer).toMatchObject({ token_type: "Bearer", user: { username: rosa.username, display_name: "Rosa", email: rosa.email, email_verified: true, role: "admin" } });
    await world.bearing(answer.access_token).expect(200, "GET", "/admin/audit");
    await world.anonymous.expect(200, "POST", "/auth/refresh", { refresh_token: answer.refresh_token });
    await world.anonymous.expect(200, "POST", "/auth/login", { username: rosa.username, password: rosa.password });
    const events = await world.state.events(answer.user);
    const request_id = response.headers.get("x-request-id");
    expect(events.slice(0, 2).toSorted((one, other) => one.kind.localeCompare(other.kind))).toMatchObject([
      { kind: "admin_created", actor_id: null, session_id: null, request_id, details: '{"by":"link"}' },
      { kind: "signed_in", actor_id: answer.user.id, session_id: answer.refresh_token.split(".")[0], request_id },
    ]);
  });

  test("takes one trip, and is used up with its token", async () => {
    const token = await issue();
    const response = await setUp(token);
    expect([response.status, (await world.control.recordOf(response)).trips.length]).toEqual([201, 1]);
    expect(await world.state.number("select count(*) from setup_tokens")).toBe(0);
  });

  test("that is wrong, was used, is too old, or comes too late is refused with the same bytes", async () => {
    const headers = { "x-request-id": "the-same-for-all" };
    const wrong = await setUp((await issue(), newToken().token), newcomer(), headers);
    const expired = await setUp(await issue(world, DAY_MS), newcomer(), headers);
    const used = await issue();
    expect((await setUp(used)).status).toBe(201);
    await world.state.dismissAdmins();
    const again = await setUp(used, newcomer(), headers);
    const late = await issue();
    await world.admin("sol");
    const afterAnother = await setUp(late, newcomer(), headers);
    const nonsense = await Promise.all(["", "x", "a b", "é\u0001", "'; drop table setup_tokens; --", "x".repeat(10_000)].map((token) => setUp(token, newcomer(), headers)));
    const [first, ...others] = await Promise.all([wrong, expired, again, afterAnother, ...nonsense].map(withoutRequestId));
    expect(first).toMatchObject({ status: 401, body: expect.stringContaining('"invalid_setup_token"') });
    for (const other of others) expect(other).toEqual(first);
    const trips = await Promise.all([wrong, expired, again, afterAnother].map(async (response) => (await world.control.recordOf(response)).trips.length));
    expect(trips).toEqual([1, 1, 1, 1]);
    // Each after as much work as if it were good.
    const { token } = newToken();
    expect(await world.hashesOf(await setUp(token))).toBe(1);
    expect(await world.hashesOf(await setUp(await issue()))).toBe(1);
  });

  test("that is wrong tells nothing of who has an account", async () => {
    const asha = await world.person("asha");
    await issue();
    const { token } = newToken();
    const headers = { "x-request-id": "the-same-for-both" };
    const taken = await setUp(token, { username: asha.username, email: asha.email, password: "a good long passphrase" }, headers);
    const free = await setUp(token, newcomer(), headers);
    expect(await withoutRequestId(taken)).toEqual(await withoutRequestId(free));
  });

  test("is good until its day is over", async () => {
    expect((await setUp(await issue(world, DAY_MS - 60_000))).status).toBe(201);
  });

  test("of the same operator's before is void once there is a newer one", async () => {
    const [older, newer] = [await issue(), await issue()];
    await expectProblem(await setUp(older), 401, "invalid_setup_token");
    expect((await setUp(newer)).status).toBe(201);
  });

  test("is not used up by a name that is taken, or by what breaks a rule", async () => {
    const asha = await world.person("asha");
    const token = await issue();
    const rosa = newcomer();
    await expectProblem(await setUp(token, { ...rosa, username: asha.username }), 409, "username_taken");
    await expectProblem(await setUp(token, { ...rosa, email: asha.email.toUpperCase() }), 409, "email_taken");
    await expectInvalid(await setUp(token, { ...rosa, password: "short" }), { "/password": "too_short" });
    await expectInvalid(await setUp(token, { ...rosa, password: "password123" }), { "/password": "too_weak" });
    await expectInvalid(await setUp(token, { ...rosa, username: "admin" }), { "/username": "reserved" });
    expect(await countAdmins()).toBe(0);
    expect((await setUp(token, rosa)).status).toBe(201);
  });

  test("names every field that is missing at once, and knows no other", async () => {
    const response = await world.anonymous.fetch("POST", "/setup", {});
    await expectInvalid(response, { "/token": "required", "/username": "required", "/email": "required", "/password": "required" });
    const token = await issue();
    for (const name of ["role", "plan", "status", "email_verified", "expires_at"]) {
      await expectInvalid(await setUp(token, { ...newcomer(), [name]: "x" }), { [`/${name}`]: "unknown_field" });
    }
    expect(await countAdmins()).toBe(0);
  });

  test("works while registration is closed, for the operator has closed it", async () => {
    const token = await issue();
    await world.keyValue.put("flags", JSON.stringify({ registration_open: false }));
    try {
      expect((await setUp(token)).status).toBe(201);
    } finally {
      await world.keyValue.delete("flags");
    }
  });

  test("used by 100 at the same moment makes exactly one admin", async () => {
    const token = await issue();
    const { hash } = await world.state.rows<{ hash: string }>("select hash from setup_tokens").then(([row]) => row ?? { hash: "" });
    const people = Array.from({ length: 100 }, () => newcomer());
    // Each costs a hash, so the first wait for some of the others only.
    const { told, overlap } = await world.control.watchingOverlap({ containing: hash, count: 20 }, () => Promise.all(people.map((person) => setUp(token, person))));
    expect(overlap.barrierFilled).toBe(true);
    expect(overlap.most).toBeGreaterThanOrEqual(20);
    expect(told.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const response of told) if (response.status !== 201) await expectProblem(response, 401, "invalid_setup_token");
    expect(await countAdmins()).toBe(1);
    const usernames = JSON.stringify(people.map(({ username }) => username));
    expect(await world.state.number("select count(*) from users where username in (select value from json_each(?1))", usernames)).toBe(1);
    expect(await world.state.number("select count(*) from audit_events where kind = 'admin_created' and account_id in (select id from users where username in (select value from json_each(?1)))", usernames)).toBe(1);
  }, 60_000);

  test("whose answer was lost has made its admin, and makes no other", async () => {
    const token = await issue();
    const rosa = newcomer();
    const lost = await world.control.withFaults([{ on: "d1", when: "after", times: 1, containing: rosa.username }], () => setUp(token, rosa));
    await expectProblem(lost, 503, "dependency_unavailable");
    await expectProblem(await setUp(token, rosa), 401, "invalid_setup_token");
    expect(await countAdmins()).toBe(1);
    await world.anonymous.expect(200, "POST", "/auth/login", { username: rosa.username, password: rosa.password });
  });

  test("is in no log and no table", async () => {
    const token = await issue();
    await setUp(token, { ...newcomer(), username: "-" });
    const stored = async () => JSON.stringify(await Promise.all(["setup_tokens", "audit_events", "users", "sessions"].map((table) => world.state.rows(`select * from ${table}`))));
    expect(await stored()).not.toContain(token);
    expect((await setUp(token)).status).toBe(201);
    expect(await stored()).not.toContain(token);
    await world.control.settle();
    expect(JSON.stringify(world.logLines())).not.toContain(token);
  });
});

describe("tries", () => {
  test("are counted exactly for an address, good or bad, and no header makes another of it", async () => {
    const ask = (token: string, headers = {}) => strict.anonymous.fetch("POST", "/setup", { token, ...newcomer(strict) }, headers);
    const token = await issue(strict);
    const tries = await Promise.all(Array.from({ length: 6 }, (_, index) => ask(newToken().token, { "x-forwarded-for": `203.0.113.${index}`, forwarded: `for=203.0.113.${index}` })));
    expect(tries.map(({ status }) => status).toSorted()).toEqual([401, 401, 401, 429, 429, 429]);
    const refused = await ask(token);
    expect(refused.headers.get("ratelimit-policy")).toContain('"setup-address";q=3;w=3600');
    await expectProblem(refused, 429, "too_many_requests");
    expect(await strict.state.number("select count(*) from users where role = 'admin'")).toBe(0);
    // What breaks a rule costs no hash and is no try.
    await expectProblem(await strict.anonymous.fetch("POST", "/setup", { token }), 422, "invalid");
  });
});

describe("the operator's command", () => {
  test("makes no link while there is an admin", async () => {
    await world.state.dismissAdmins();
    await world.admin("rosa");
    const { token, hash } = newToken();
    for (const sql of sqlOfLink(hash, Date.now())) await world.state.run(sql);
    expect(await world.state.number("select count(*) from setup_tokens")).toBe(0);
    await expectProblem(await setUp(token), 401, "invalid_setup_token");
  });

  test("makes somebody an admin by name, who is one at once, and the log says so once", async () => {
    const asha = await world.person("asha");
    await expectProblem(await asha.fetch("GET", "/admin/audit"), 403, "role_required");
    for (let time = 0; time < 2; time += 1) {
      for (const sql of sqlOfPromotion(asha.username.toUpperCase(), Date.now())) await world.state.run(sql);
    }
    const { data } = await asha.expect<{ data: { kind: string }[] }>(200, "GET", `/admin/audit?account=${asha.id}&kind=admin_created`);
    expect(data).toMatchObject([{ actor_id: null, request_id: "console", details: { by: "console", from: "user" } }]);
  });

  test("makes nobody an admin who is suspended", async () => {
    const asha = await world.person("asha");
    await world.state.suspend(asha);
    for (const sql of sqlOfPromotion(asha.username, Date.now())) await world.state.run(sql);
    expect(await world.state.rows("select role from users where id = ?1", asha.id)).toEqual([{ role: "user" }]);
    expect((await world.state.events(asha)).filter(({ kind }) => kind === "admin_created")).toEqual([]);
  });

  test("lets no text of SQL through as a name", () => {
    for (const username of ["x'; drop table users; --", "a'b", 'a"b', "a b", "", "ab\u0000c", "x".repeat(31)]) {
      expect(() => sqlOfPromotion(username, 0)).toThrow("no username");
    }
  });
});
