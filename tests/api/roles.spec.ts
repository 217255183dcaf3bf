/** Roles: who may do what, and that a demotion, a suspension and the end of a session act at once. */
import { describe, expect, test } from "vitest";
import { decodeToken } from "./harness/keys.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Registration } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

type Ask = (who: PersonActor) => Promise<Response>;

const listAccounts: Ask = (who) => who.fetch("GET", "/admin/users");
const readLog: Ask = (who) => who.fetch("GET", "/admin/audit");
const givePlan =
  (whom: PersonActor): Ask =>
  (who) =>
    who.fetch("PATCH", `/admin/users/${whom.username}`, { plan: "pro" });

/** Nothing of an account's standing is another, and nothing says that it was. */
async function expectNoTrace(whom: PersonActor): Promise<void> {
  const [account] = await world.state.rows("select role, status, plan, standing_version from users where id = ?1", whom.id);
  expect(account).toEqual({ role: "user", status: "active", plan: "free", standing_version: 1 });
  const changes = (await world.state.events(whom)).filter(({ kind }) => kind.endsWith("_changed"));
  expect(changes).toEqual([]);
}

describe("who may ask", () => {
  const ROUTES = [
    ["GET", "/admin/users", undefined, ["moderator", "admin"]],
    ["GET", "/admin/audit", undefined, ["admin"]],
    ["GET", "/admin/reports", undefined, ["moderator", "admin"]],
    ["PATCH", "/admin/users/@asha", { plan: "pro" }, ["admin"]],
  ] as const;

  test.for(ROUTES)("%s %s", async ([method, template, body, allowed]) => {
    const [asha, mo, rosa] = [await world.person("asha"), await world.moderator("mo"), await world.admin("rosa")];
    const path = template.replace("@asha", asha.username);
    await expectProblem(await world.anonymous.fetch(method, path, body), 401, "authentication_required");
    for (const [role, person] of [["user", asha], ["moderator", mo], ["admin", rosa]] as const) {
      const response = await person.fetch(method, path, body);
      if ((allowed as readonly string[]).includes(role)) expect([role, response.status]).toEqual([role, 200]);
      else {
        await expectProblem(response, 403, "role_required");
        await expectNoTrace(asha);
      }
    }
  });

  test("nobody is told by a refusal whether there is such an account", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const bodies = [ben.username, "nobody_at_all"].map(async (username) => {
      const problem = await expectProblem(await asha.fetch("PATCH", `/admin/users/${username}`, { plan: "pro" }), 403, "role_required");
      return { ...problem, request_id: "" };
    });
    const [one, other] = await Promise.all(bodies);
    expect(one).toEqual(other);
  });
});

describe("a role is in no token", () => {
  test("neither the admin's nor the moderator's", async () => {
    for (const person of [await world.admin("rosa"), await world.moderator("mo")]) {
      const { accessToken } = await person.onAnotherDevice();
      expect(Object.keys(decodeToken(accessToken).claims).toSorted()).toEqual(["aud", "exp", "iat", "iss", "jti", "sid", "sub"]);
    }
  });

  test("and one that claims it, rightly signed, gives nothing", async () => {
    const asha = await world.person("asha");
    const { claims } = decodeToken(asha.accessToken);
    for (const [claim, value] of Object.entries({ role: "admin", roles: ["admin"], scope: "admin", admin: true })) {
      const forged = world.bearing(world.keys.sign({ ...claims, [claim]: value }));
      const response = await forged.fetch("GET", "/admin/users");
      expect([401, 403]).toContain(response.status);
    }
  });
});

describe("the very next request", () => {
  test("of somebody promoted is let in, with the token they have", async () => {
    const [asha, rosa] = [await world.person("asha"), await world.admin("rosa")];
    await expectProblem(await listAccounts(asha), 403, "role_required");
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, { role: "moderator" });
    expect((await listAccounts(asha)).status).toBe(200);
    await expectProblem(await readLog(asha), 403, "role_required");
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, { role: "admin" });
    expect((await readLog(asha)).status).toBe(200);
  });

  test("of a demoted admin is refused, and what a moderator may do goes on", async () => {
    const [asha, sol, rosa] = [await world.person("asha"), await world.admin("sol"), await world.admin("rosa")];
    expect((await readLog(sol)).status).toBe(200);
    await rosa.expect(200, "PATCH", `/admin/users/${sol.username}`, { role: "moderator" });
    await expectProblem(await readLog(sol), 403, "role_required");
    await expectProblem(await givePlan(asha)(sol), 403, "role_required");
    expect((await listAccounts(sol)).status).toBe(200);
    await rosa.expect(200, "PATCH", `/admin/users/${sol.username}`, { role: "user" });
    await expectProblem(await listAccounts(sol), 403, "role_required");
    await expectNoTrace(asha);
  });

  test("of a suspended admin, or of one whose session has ended, is refused", async () => {
    const [asha, sol, rosa] = [await world.person("asha"), await world.admin("sol"), await world.admin("rosa")];
    const device = await sol.onAnotherDevice();
    await device.expect<void>(204, "POST", "/auth/logout");
    for (const ask of [listAccounts, readLog, givePlan(asha)]) await expectBadToken(await ask(device), "session_ended");
    await rosa.expect(200, "PATCH", `/admin/users/${sol.username}`, { status: "suspended" });
    for (const ask of [listAccounts, readLog, givePlan(asha)]) await expectProblem(await ask(sol), 403, "account_suspended");
    await expectNoTrace(asha);
  });

  test("of a person whom an admin has suspended is refused, on every route and at sign-in, until they are let back", async () => {
    const [asha, ben, rosa] = [await world.person("asha"), await world.person("ben"), await world.admin("rosa")];
    const post = await asha.posts.create({ caption: "First light" });
    const credentials = { username: asha.username, password: asha.password };
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, { status: "suspended" });
    for (const [method, path, body] of [["GET", "/profile"], ["POST", "/posts", { caption: "x" }], ["POST", "/auth/logout"]] as const) {
      await expectProblem(await asha.fetch(method, path, body), 403, "account_suspended");
    }
    const refresh = () => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: asha.refreshToken });
    await expectProblem(await refresh(), 403, "account_suspended");
    await expectProblem(await world.anonymous.fetch("POST", "/auth/login", credentials), 403, "account_suspended");
    await expectProblem(await ben.fetch("GET", `/posts/${post.id}`), 404, "not_found");
    await expectProblem(await ben.fetch("GET", `/users/${asha.username}`), 404, "not_found");
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, { status: "active" });
    expect((await asha.profile()).username).toBe(asha.username);
    expect((await refresh()).status).toBe(200);
    expect((await ben.posts.read(post)).id).toBe(post.id);
  });
});

describe("the request that is already on its way", () => {
  const FATES: [string, (sol: PersonActor) => Promise<void>, number, string][] = [
    ["is demoted", (sol) => world.state.setRole(sol, "moderator"), 403, "role_required"],
    ["is suspended", (sol) => world.state.suspend(sol), 403, "account_suspended"],
    ["signs out", (sol) => sol.expect<void>(204, "POST", "/auth/logout"), 401, "session_ended"],
  ];

  test.for(FATES)("of an admin who %s changes nothing", async ([, fate, status, code]) => {
    const [asha, sol] = [await world.person("asha"), await world.admin("sol")];
    const response = await world.control.holding(asha.username, () => givePlan(asha)(sol), () => fate(sol));
    await expectProblem(response, status, code);
    await expectNoTrace(asha);
  });

  test.for(FATES)("of an admin who %s reads nothing", async ([, fate, status, code]) => {
    const [asha, sol] = [await world.person("asha"), await world.admin("sol")];
    const read = () => sol.fetch("GET", `/admin/audit?account=${asha.id}`);
    await expectProblem(await world.control.holding(asha.id, read, () => fate(sol)), status, code);
  });

  test("beside a demotion either counts whole, or is refused whole", async () => {
    const rosa = await world.admin("rosa");
    let [allowed, refused] = [0, 0];
    for (let round = 0; round < 8; round += 1) {
      const tag = `crowd_${round}_${world.uniqueName("x").slice(-4)}`;
      const [sol, ...crowd] = (await world.crowd(tag, 9)) as [PersonActor, ...PersonActor[]];
      await world.state.setRole(sol, "admin");
      // All wait for each other at the database's door, so that it alone says who is first.
      const barrier = { containing: tag, count: 9 };
      const { told, overlap } = await world.control.watchingOverlap(barrier, () =>
        Promise.all([
          ...crowd.slice(0, round).map((person) => givePlan(person)(sol)),
          rosa.fetch("PATCH", `/admin/users/${sol.username}`, { role: "user" }),
          ...crowd.slice(round).map((person) => givePlan(person)(sol)),
        ]),
      );
      expect(overlap).toMatchObject({ barrierFilled: true, most: 9 });
      const answers = told.toSpliced(round, 1);
      expect(told[round]?.status).toBe(200);
      for (const [index, response] of answers.entries()) {
        const person = crowd[index] as PersonActor;
        if (response.status === 200) {
          allowed += 1;
          expect(await world.state.events(person)).toMatchObject([{ kind: "plan_changed", actor_id: sol.id }]);
        } else {
          refused += 1;
          await expectProblem(response, 403, "role_required");
          await expectNoTrace(person);
        }
      }
      await expectProblem(await givePlan(crowd[0] as PersonActor)(sol), 403, "role_required");
    }
    console.info(`beside a demotion: ${allowed} changes came first, ${refused} too late`);
    expect(allowed + refused).toBe(64);
  }, 60_000);
});

describe("nobody gives themselves", () => {
  const GIFTS = {
    role: "admin",
    status: "active",
    plan: "pro",
    email_verified: true,
    email_verified_at: 1,
    id: "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e",
    post_count: 7,
    follower_count: 7,
    following_count: 7,
    version: 7,
    profile_version: 7,
    standing_version: 7,
    created_at: "2020-01-01T00:00:00.000Z",
    password_hash: "x",
    username_hash: "x",
  };
  const COLUMNS = "role, status, plan, email_verified_at, post_count, follower_count, following_count, standing_version";

  test.for(Object.entries(GIFTS))("%s by registering or changing their profile", async ([name, value]) => {
    const username = world.uniqueName("eve");
    const registration = { username, email: `${username}@example.com`, password: "the long passphrase of eve" };
    const refused = await world.anonymous.fetch("POST", "/auth/register", { ...registration, [name]: value });
    await expectInvalid(refused, { [`/${name}`]: "unknown_field" });
    const { user, access_token: token } = await world.anonymous.expect<Registration>(201, "POST", "/auth/register", registration);
    const eve = world.bearing(token);
    await expectInvalid(await eve.fetch("PATCH", "/profile", { bio: "hers", [name]: value }), { [`/${name}`]: "unknown_field" });
    const [row] = await world.state.rows(`select ${COLUMNS} from users where id = ?1`, user.id);
    expect(row).toEqual({
      role: "user",
      status: "active",
      plan: "free",
      email_verified_at: null,
      post_count: 0,
      follower_count: 0,
      following_count: 0,
      standing_version: 1,
    });
  });

  test("more by an admin's change of their standing than role, status and plan", async () => {
    const [asha, rosa] = [await world.person("asha"), await world.admin("rosa")];
    const { role: _role, status: _status, plan: _plan, ...others } = GIFTS;
    for (const [name, value] of [...Object.entries(others), ["email", "eve@example.com"], ["password", "another passphrase"], ["display_name", "Eve"]] as const) {
      const response = await rosa.fetch("PATCH", `/admin/users/${asha.username}`, { role: "moderator", [name]: value });
      await expectInvalid(response, { [`/${name}`]: "unknown_field" });
    }
    await expectNoTrace(asha);
  });
});
