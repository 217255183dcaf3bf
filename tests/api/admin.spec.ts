/** Accounts as those see and change them who run Kith. */
import { afterEach, describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Account, Page } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const MEMBERS = ["created_at", "display_name", "email_verified", "id", "plan", "role", "status", "username"];

const list = (who: PersonActor, query = "") => who.expect<Page<Account>>(200, "GET", `/admin/users${query}`);
const change = (who: PersonActor, whom: PersonActor, standing: object, headers = {}) =>
  who.fetch("PATCH", `/admin/users/${whom.username}`, standing, headers);
const standingOf = async ({ id }: PersonActor) =>
  (await world.state.rows<{ role: string; status: string; plan: string }>("select role, status, plan from users where id = ?1", id))[0];
const kindsOf = async (whom: PersonActor) => (await world.state.events(whom)).map(({ kind }) => kind).filter((kind) => kind.endsWith("_changed"));

/** Every page of the list, to its end. */
async function everything(who: PersonActor, query: string): Promise<Account[]> {
  const found: Account[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Page<Account> = await list(who, `?${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

afterEach(() => world.control.settle());

describe("the list of accounts", () => {
  test("shows an account's standing, and its address to nobody", async () => {
    const [mo, rosa, asha] = [await world.moderator("mo"), await world.admin("rosa"), await world.person("asha")];
    for (const who of [mo, rosa]) {
      const response = await who.fetch("GET", "/admin/users?limit=1");
      const text = await response.text();
      expect(text).not.toMatch(/@|email"|password|argon2/);
      const [newest] = (JSON.parse(text) as Page<Account>).data;
      expect(Object.keys(newest ?? {}).toSorted()).toEqual(MEMBERS);
      expect(newest).toMatchObject({
        id: asha.id,
        username: asha.username,
        display_name: "asha",
        role: "user",
        status: "active",
        plan: "free",
        email_verified: false,
      });
    }
  });

  test("goes from the newest to the oldest, each account once, over many pages", async () => {
    const rosa = await world.admin("rosa");
    const crowd = await world.crowd("crowd", 9);
    const known = await world.state.rows<{ id: string }>("select id from users where status <> 'deleted' order by id desc");
    for (const limit of [4, 100]) {
      expect((await everything(rosa, `limit=${limit}`)).map(({ id }) => id)).toEqual(known.map(({ id }) => id));
    }
    expect(known.length).toBeGreaterThan(crowd.length);
  });

  test("finds one by username, in any case", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    for (const username of [asha.username, asha.username.toUpperCase()]) {
      const page = await list(rosa, `?username=${username}`);
      expect([page.data.map(({ id }) => id), page.next_cursor]).toEqual([[asha.id], null]);
    }
    for (const username of ["nobody_at_all", "", "%00", "' or '1'='1", "x".repeat(500), "%25"]) {
      expect(await list(rosa, `?username=${username}`)).toEqual({ data: [], next_cursor: null });
    }
    expect(await list(rosa, `?username=${asha.username}&status=suspended`)).toEqual({ data: [], next_cursor: null });
  });

  test("picks by status, on short pages that lead on", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await world.state.suspend(asha);
    await world.crowd("crowd", 30);
    const first = await list(rosa, "?status=suspended&limit=5");
    expect(first.data).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    const suspended = await everything(rosa, "status=suspended&limit=5");
    expect(suspended.map(({ id }) => id)).toContain(asha.id);
    expect(suspended.every(({ status }) => status === "suspended")).toBe(true);
    const active = await everything(rosa, "status=active&limit=100");
    expect(active.map(({ id }) => id)).not.toContain(asha.id);
  });

  test("does not show who was deleted", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
    expect((await list(rosa, `?username=${asha.username}`)).data).toEqual([]);
    expect((await everything(rosa, "limit=100")).map(({ id }) => id)).not.toContain(asha.id);
  });

  test("is told again only when it has changed", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const path = `/admin/users?username=${asha.username}`;
    const tag = (await rosa.fetch("GET", path)).headers.get("etag") ?? "";
    const again = () => rosa.fetch("GET", path, undefined, { "if-none-match": tag });
    expect((await again()).status).toBe(304);
    await change(rosa, asha, { plan: "pro" });
    expect((await again()).status).toBe(200);
  });

  test("takes no other parameter, and no other value", async () => {
    const rosa = await world.admin("rosa");
    for (const status of ["deleted", "Active", "", "'; drop table users; --"]) {
      await expectInvalid(await rosa.fetch("GET", `/admin/users?status=${encodeURIComponent(status)}`), { "/status": "invalid_value" });
    }
    for (const name of ["email", "role", "offset", "q"]) {
      await expectInvalid(await rosa.fetch("GET", `/admin/users?${name}=x`), { [`/${name}`]: "unknown_field" });
    }
    await expectProblem(await rosa.fetch("GET", "/admin/users?status=active&status=suspended"), 422, "invalid");
  });

  test("goes on by a link that picks the same", async () => {
    const rosa = await world.admin("rosa");
    await world.crowd("listed", 2);
    const response = await rosa.fetch("GET", "/admin/users?limit=1&status=active");
    const { next_cursor: cursor } = (await response.json()) as Page<Account>;
    expect(response.headers.get("link")).toBe(`<?status=active&limit=1&cursor=${cursor}>; rel="next"`);
  });

  test("has cursors of its own, bound to what is picked", async () => {
    const rosa = await world.admin("rosa");
    await world.crowd("crowd", 3);
    const { next_cursor: cursor } = await list(rosa, "?limit=1&status=active");
    expect((await rosa.fetch("GET", `/admin/users?status=active&cursor=${cursor}`)).status).toBe(200);
    for (const path of [`/admin/users?cursor=${cursor}`, `/admin/users?status=suspended&cursor=${cursor}`, `/admin/audit?cursor=${cursor}`, `/posts?cursor=${cursor}`]) {
      await expectProblem(await rosa.fetch("GET", path), 400, "malformed_cursor");
    }
  });
});

describe("a change of somebody's standing", () => {
  test("is answered with what is there now, and seen by whom it concerns", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const response = await change(rosa, asha, { role: "moderator", plan: "pro" });
    expect(response.status).toBe(200);
    const account = (await response.json()) as Account;
    expect(Object.keys(account).toSorted()).toEqual(MEMBERS);
    expect(account).toMatchObject({ id: asha.id, role: "moderator", status: "active", plan: "pro" });
    expect(await asha.profile()).toMatchObject({ role: "moderator", plan: "pro" });
  });

  test.for([
    [{ role: "moderator" }, { role: "moderator", status: "active", plan: "free" }],
    [{ status: "suspended" }, { role: "user", status: "suspended", plan: "free" }],
    [{ plan: "pro", role: null }, { role: "user", status: "active", plan: "pro" }],
    [{ role: "admin", status: "active", plan: "pro" }, { role: "admin", status: "active", plan: "pro" }],
  ])("of %j leaves the rest as it is", async ([standing, expected]) => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    expect((await change(rosa, asha, standing as object)).status).toBe(200);
    expect(await standingOf(asha)).toEqual(expected);
  });

  test("finds the account by its username in any case", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username.toUpperCase()}`, { plan: "pro" });
    expect(await standingOf(asha)).toMatchObject({ plan: "pro" });
  });

  test("asks for something", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    for (const nothing of [{}, { role: null }, { role: null, status: null, plan: null }]) {
      await expectInvalid(await change(rosa, asha, nothing), { "": "required" });
    }
    expect(await kindsOf(asha)).toEqual([]);
  });

  test.for([
    ["role", ["king", "Admin", "", "admin ", "deleted"]],
    ["status", ["deleted", "Active", "", "banned"]],
    ["plan", ["gold", "PRO", ""]],
  ] as const)("takes no other %s than there is", async ([field, values]) => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    for (const value of values) {
      await expectInvalid(await change(rosa, asha, { [field]: value }), { [`/${field}`]: "invalid_value" });
    }
    expect(await standingOf(asha)).toEqual({ role: "user", status: "active", plan: "free" });
  });

  test("of nobody, or of who was deleted, is not found", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await world.state.run("update users set status = 'deleted' where id = ?1", asha.id);
    for (const username of [asha.username, "nobody_at_all", asha.id, "x", "%00", "a%2Fb", "a'%20or%201=1", "x".repeat(2_000), "%ff"]) {
      await expectProblem(await rosa.fetch("PATCH", `/admin/users/${username}`, { status: "active", role: "admin" }), 404, "not_found");
    }
    expect(await standingOf(asha)).toEqual({ role: "user", status: "deleted", plan: "free" });
    expect(await kindsOf(asha)).toEqual([]);
  });

  test("made by two who have seen the same is made once", async () => {
    const [rosa, sol, asha] = [await world.admin("rosa"), await world.admin("sol"), await world.person("asha")];
    const seen = (await change(rosa, asha, { plan: "pro" })).headers.get("etag") ?? "";
    expect(seen).toMatch(/^"2\.[\w-]{16}"$/);
    const first = await change(rosa, asha, { role: "moderator" }, { "if-match": seen });
    expect(first.status).toBe(200);
    await expectProblem(await change(sol, asha, { status: "suspended" }, { "if-match": seen }), 412, "precondition_failed");
    expect(await standingOf(asha)).toEqual({ role: "moderator", status: "active", plan: "pro" });
    expect(await kindsOf(asha)).toEqual(["plan_changed", "role_changed"]);
    const newest = first.headers.get("etag") ?? "";
    for (const [headers, status] of [[{ "if-match": `W/${newest}` }, 412], [{ "if-match": '"x"' }, 412], [{ "if-match": "*" }, 200]] as const) {
      expect((await change(sol, asha, { status: "active" }, headers)).status).toBe(status);
    }
  });

  test("is no conflict with what the person does meanwhile", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const seen = (await change(rosa, asha, { plan: "pro" })).headers.get("etag") ?? "";
    await asha.expect(200, "PATCH", "/profile", { bio: "Boats" });
    await asha.posts.create({ caption: "First light" });
    expect((await change(rosa, asha, { plan: "free" }, { "if-match": seen })).status).toBe(200);
  });

  test("by which an answer was lost is made once, and so is its event", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const lost = await world.control.withFaults([{ on: "d1", when: "after", times: 1, containing: asha.username }], () => change(rosa, asha, { plan: "pro" }));
    await expectProblem(lost, 503, "dependency_unavailable");
    expect((await change(rosa, asha, { plan: "pro" })).status).toBe(200);
    expect(await kindsOf(asha)).toEqual(["plan_changed"]);
  });
});

describe("the last admin", () => {
  const onlyAdmin = async () => {
    await world.state.dismissAdmins();
    return world.admin("rosa");
  };
  const admins = () => world.state.number("select count(*) from users where role = 'admin' and status = 'active'");

  test.for([{ role: "user" }, { role: "moderator" }, { status: "suspended" }, { role: "user", plan: "pro" }])("cannot go by %j", async (standing) => {
    const rosa = await onlyAdmin();
    await expectProblem(await change(rosa, rosa, standing), 409, "last_admin");
    expect(await standingOf(rosa)).toEqual({ role: "admin", status: "active", plan: "free" });
    expect(await kindsOf(rosa)).toEqual([]);
    expect((await change(rosa, rosa, { plan: "pro", role: "admin" })).status).toBe(200);
  });

  test("is not one beside somebody who is suspended", async () => {
    const rosa = await onlyAdmin();
    const sol = await world.admin("sol");
    await change(rosa, sol, { status: "suspended" });
    await expectProblem(await change(rosa, rosa, { role: "user" }), 409, "last_admin");
    await change(rosa, sol, { status: "active" });
    expect((await change(rosa, rosa, { role: "user" })).status).toBe(200);
    expect(await admins()).toBe(1);
  });

  test.for(["role", "status"])("stays when two take each other's %s at the same moment, 30 times", { timeout: 60_000 }, async (field) => {
    const standing = field === "role" ? { role: "user" } : { status: "suspended" };
    for (let round = 0; round < 30; round += 1) {
      await world.state.dismissAdmins();
      const tag = world.uniqueName("pair");
      const pair = await world.crowd(tag, 2);
      const [rosa, sol] = pair as [PersonActor, PersonActor];
      for (const admin of pair) await world.state.setRole(admin, "admin");
      const { told, overlap } = await world.control.watchingOverlap({ containing: tag, count: 2 }, () =>
        Promise.all([change(rosa, sol, standing), change(sol, rosa, standing)]),
      );
      expect(overlap).toMatchObject({ barrierFilled: true, arrived: 2 });
      expect(overlap.most).toBeGreaterThan(1);
      expect(told.map(({ status }) => status).toSorted()).toEqual([200, 403]);
      expect(await admins()).toBe(1);
    }
  });

  test("stays when two go at the same moment, 30 times", async () => {
    for (let round = 0; round < 30; round += 1) {
      await world.state.dismissAdmins();
      const tag = world.uniqueName("pair");
      const pair = await world.crowd(tag, 2);
      for (const admin of pair) await world.state.setRole(admin, "admin");
      const { told, overlap } = await world.control.watchingOverlap({ containing: tag, count: 2 }, () =>
        Promise.all(pair.map((admin) => change(admin, admin, { role: "user" }))),
      );
      expect(overlap.most).toBeGreaterThan(1);
      expect(told.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      expect(await admins()).toBe(1);
    }
  }, 60_000);
});
