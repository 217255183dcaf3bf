/** What a deployment can be told, and what it refuses to run with. */
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { limits } from "./harness/limits.ts";
import { expectProblem } from "./harness/problem.ts";
import { openColdWorld, openWorld } from "./harness/world.ts";

const [discreet, closing, unlimited, speechless] = await Promise.all([
  openWorld({ REVEAL_EMAIL: "0", EXPOSE_COST: "0" }),
  openColdWorld({}),
  openColdWorld({ RATE_LIMITS: "sign-in-everything=5/900" }),
  openColdWorld({ MAIL_API_KEY: "too short" }),
]);

describe("the operator's flags", () => {
  const register = () => {
    const username = discreet.uniqueName("asha");
    const body = { username, email: `${username}@example.com`, password: "a good long passphrase" };
    return discreet.anonymous.fetch("POST", "/auth/register", body);
  };
  afterEach(() => discreet.keyValue.delete("flags"));

  test("who closes registration closes it to newcomers only", async () => {
    const { username, password } = await discreet.personByMail("early");
    await discreet.keyValue.put("flags", JSON.stringify({ registration_open: false }));
    await expectProblem(await register(), 403, "registration_closed");
    expect((await discreet.anonymous.fetch("POST", "/auth/login", { username, password })).status).toBe(200);
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

test("a provider's key that is too short to be one is refused, by the name of its setting", async () => {
  await expectProblem(await speechless.anonymous.fetch("GET", "/posts"), 503, "misconfigured");
  const line = await eventually("the setting is named", async () => speechless.logLines().find(({ message }) => message.includes("MAIL_API_KEY")));
  expect(line.message).not.toContain("too short");
});
