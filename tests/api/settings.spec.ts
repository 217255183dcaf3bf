/** What a deployment can be told: to be discreet, as in production, and what it refuses to run with. */
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { limits } from "./harness/limits.ts";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import { openColdWorld, openWorld } from "./harness/world.ts";

const [discreet, closing, unlimited] = await Promise.all([
  openWorld({ REVEAL_EMAIL: "0", EXPOSE_COST: "0" }),
  openColdWorld({}),
  openColdWorld({ RATE_LIMITS: "sign-in-everything=5/900" }),
]);

describe("with REVEAL_EMAIL=0", () => {
  const register = (body: object) =>
    discreet.anonymous.fetch("POST", "/auth/register", body, { "x-request-id": "the-same-for-all" });

  function newcomer() {
    const username = discreet.uniqueName("asha");
    return { username, email: `${username}@example.com`, password: "a good long passphrase" };
  }

  test("every registration is told to look into its mail, whether the mailbox is taken or not", async () => {
    const asha = newcomer();
    const first = await register(asha);
    expect(first.status).toBe(202);
    expect(await first.clone().json()).toEqual({ status: "verify_email" });
    const again = await register({ ...newcomer(), email: asha.email.toUpperCase() });
    expect(await withoutRequestId(again)).toEqual(await withoutRequestId(first));
    expect(await discreet.state.number("select count(*) from users where email = ?1", asha.email)).toBe(1);
  });

  test("the first login gives the tokens", async () => {
    const { username, email, password } = newcomer();
    await register({ username, email, password });
    const response = await discreet.anonymous.fetch("POST", "/auth/login", { username, password });
    expect(await response.json()).toMatchObject({ token_type: "Bearer", expires_in: 600 });
  });

  test("who registers with a taken mailbox gets no account and does not change the one there is", async () => {
    const [asha, mallory] = [newcomer(), newcomer()];
    await register(asha);
    await register({ ...mallory, email: asha.email, password: "mallory's own passphrase" });
    const login = (body: object) => discreet.anonymous.fetch("POST", "/auth/login", body);
    const wrong = await login({ username: mallory.username, password: "mallory's own passphrase" });
    await expectProblem(wrong, 401, "invalid_credentials");
    const stolen = await login({ email: asha.email, password: "mallory's own passphrase" });
    await expectProblem(stolen, 401, "invalid_credentials");
    expect((await login({ email: asha.email, password: asha.password })).status).toBe(200);
  });

  test("a username is public, so that it is taken may be said", async () => {
    const asha = newcomer();
    await register(asha);
    await expectProblem(await register({ ...newcomer(), username: asha.username }), 409, "username_taken");
  });

  test("a taken username is told whether or not the mailbox is taken too, so it cannot be used to ask for mailboxes", async () => {
    const [asha, ben] = [newcomer(), newcomer()];
    await register(asha);
    await register(ben);
    const free = await register({ ...newcomer(), username: asha.username });
    const taken = await register({ ...newcomer(), username: asha.username, email: ben.email });
    await expectProblem(taken.clone(), 409, "username_taken");
    expect(await withoutRequestId(taken)).toEqual(await withoutRequestId(free));
  });
});

describe("the operator's flags", () => {
  const register = () => {
    const username = discreet.uniqueName("asha");
    const body = { username, email: `${username}@example.com`, password: "a good long passphrase" };
    return discreet.anonymous.fetch("POST", "/auth/register", body);
  };
  afterEach(() => discreet.keyValue.delete("flags"));

  test("who closes registration closes it to newcomers only", async () => {
    const username = discreet.uniqueName("early");
    const early = { username, password: "a good long passphrase" };
    await discreet.anonymous.fetch("POST", "/auth/register", { ...early, email: `${username}@example.com` });
    await discreet.keyValue.put("flags", JSON.stringify({ registration_open: false }));
    await expectProblem(await register(), 403, "registration_closed");
    expect((await discreet.anonymous.fetch("POST", "/auth/login", early)).status).toBe(200);
  });

  test.for(["nonsense", "[]", '{"registration_open":"no"}', "\u0000"])("%j in the store closes nothing", async (flags) => {
    await discreet.keyValue.put("flags", flags);
    expect((await register()).status).toBe(202);
  });
});

describe("maintenance", () => {
  test("it closes everything but health, says when to come back, and counts all the same", async () => {
    await closing.keyValue.put("flags", JSON.stringify({ maintenance: true }));
    // An isolate looks the flags up beside its first request, so the first may still be served.
    const closed = await eventually("it is closed", async () => {
      const response = await closing.fetch("GET", "/api/v1/posts");
      return response.status === 503 ? response : undefined;
    });
    expect(closed.headers.get("retry-after")).toMatch(/^\d+$/u);
    await expectProblem(closed, 503, "maintenance");
    expect(Object.keys(limits(closed, "ratelimit-policy"))).toEqual(["address"]);
    expect((await closing.fetch("GET", "/health")).status).toBe(200);
  });
});

test("with EXPOSE_COST=0 no answer tells its cost", async () => {
  for (const path of ["/health", "/api/v1/posts", "/nothing"]) {
    expect((await discreet.fetch("GET", path)).headers.get("kith-cost")).toBeNull();
  }
});

test("a limit that there is not is refused, by the name of its setting", async () => {
  const response = await unlimited.anonymous.fetch("GET", "/posts");
  // No limit holds, so none is told.
  expect(response.headers.get("ratelimit-policy")).toBeNull();
  await expectProblem(response, 503, "misconfigured");
  await eventually("the setting is named", async () => unlimited.logLines().find(({ message }) => message.includes("RATE_LIMITS")));
});
