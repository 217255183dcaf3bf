/** When a request is sent again, after which wait, and what it is then. */
import { describe, expect, test, vi } from "vitest";
import { CLOCK } from "../../client/src/retry.ts";
import { idle, json, noContent, problem, Stage } from "./stage.ts";
import type { Script, Sent } from "./stage.ts";

const POST = { id: "p1", caption: "Morning light" };

const failing = (times: number, failure: () => Response | Promise<Response>, then: Script): Script => {
  let failed = 0;
  return (sent) => (failed++ < times ? failure() : then(sent));
};
const unreachable = () => Promise.reject(new TypeError("fetch failed"));
const busy = (headers: Record<string, string> = {}) => problem(503, "dependency_unavailable", headers);

type Call = (stage: Stage) => Promise<unknown>;
const write = (stage: Stage) => stage.kith.createPost({ body: { caption: "x" } });
const read = (stage: Stage) => stage.kith.getPost({ path: { id: "p1" } });
const keys = (sent: Sent[]) => sent.map(({ headers }) => headers.get("idempotency-key"));

describe("sent again", () => {
  test.for([
    ["the network failed", unreachable],
    ["Kith is busy", () => busy()],
    ["a proxy says that Kith is busy", () => new Response("", { status: 503 })],
    ["there were too many requests", () => json(429, {})],
    ["the first is still under way", () => problem(409, "idempotency_in_progress")],
  ] as const)("is what failed because %s", async ([, failure]) => {
    const stage = new Stage(failing(2, failure, () => json(200, POST)));
    expect(await stage.clock.through(read(stage))).toMatchObject({ status: 200, data: POST });
    expect(stage.sent).toHaveLength(3);
  });

  test("are reads, and writes that have the effect once however often they come", async () => {
    const path = { id: "p1" };
    const calls: Call[] = [read, write, (stage) => stage.kith.putLike({ path }), (stage) => stage.kith.deletePost({ path })];
    for (const call of calls) {
      const stage = new Stage(failing(1, unreachable, ({ method }) => (method === "DELETE" ? noContent() : json(method === "POST" ? 201 : 200, POST))));
      await stage.clock.through(call(stage));
      expect(stage.sent).toHaveLength(2);
    }
  });

  test("is nothing that would happen twice", async () => {
    const calls: Call[] = [
      (stage) => stage.kith.login({ body: { username: "asha", password: "a horse of my own" } }),
      (stage) => stage.kith.markRead({ body: { up_to: 3 } }),
      // It would undo what another device has changed meanwhile.
      (stage) => stage.kith.updateMyProfile({ body: { bio: "Boats." } }),
    ];
    for (const call of calls) {
      const stage = new Stage(unreachable);
      await expect(stage.clock.through(call(stage))).rejects.toMatchObject({ name: "NetworkFailure" });
      expect(stage.sent).toHaveLength(1);
    }
  });

  test.for([400, 401, 403, 404, 409, 422, 500] as const)("is nothing that was refused with %i", async (status) => {
    const stage = new Stage(() => problem(status, "internal", { "retry-after": "1" }));
    await expect(stage.clock.through(read(stage))).rejects.toMatchObject({ status });
    expect(stage.sent).toHaveLength(1);
  });

  test("is a request until it was sent as often as allowed, and then it fails as it last failed", async () => {
    const stage = new Stage(failing(3, unreachable, () => busy()), { retry: { attempts: 4 } });
    await expect(stage.clock.through(read(stage))).rejects.toMatchObject({ code: "dependency_unavailable" });
    expect(stage.sent).toHaveLength(4);
  });
});

describe("the wait", () => {
  test("is random, below a bound that doubles up to the longest", async () => {
    const stage = new Stage(unreachable, { retry: { attempts: 6, firstWait: 100, longestWait: 500 } });
    await expect(stage.clock.through(read(stage))).rejects.toThrow("no answer");
    expect(stage.clock.waited).toEqual([50, 100, 200, 250, 250]);

    const lucky = new Stage(unreachable, { retry: { attempts: 2 } });
    lucky.clock.chance = 0;
    await expect(lucky.clock.through(read(lucky))).rejects.toThrow("no answer");
    expect(lucky.clock.waited).toEqual([0]);
  });

  test.for([
    ["7", 7_000],
    ["Fri, 20 Nov 2026 12:00:09 GMT", 9_000],
    ["Fri, 20 Nov 2026 11:00:00 GMT", 0],
    ["soon", 125],
  ] as const)("is as long as Kith asks for: %s", async ([retryAfter, wait]) => {
    const stage = new Stage(failing(1, () => busy({ "retry-after": retryAfter }), () => json(200, POST)));
    await stage.clock.through(read(stage));
    expect(stage.clock.waited).toEqual([wait]);
  });

  test("that Kith asks for is not cut short: where it is too long, the call fails at once and says it", async () => {
    const stage = new Stage(() => json(429, {}, { "retry-after": "31" }));
    await expect(stage.clock.through(read(stage))).rejects.toMatchObject({ status: 429, retryAfter: 31_000 });
    expect(stage.sent).toHaveLength(1);
  });

  test("ends when the caller gives up", async () => {
    const stage = new Stage(unreachable);
    const enough = new AbortController();
    const call = stage.kith.getPost({ path: { id: "p1" }, signal: enough.signal });
    await idle();
    enough.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(stage.sent).toHaveLength(1);
  });
});

test("the platform's own clock rings in time, and leaves nothing ticking for who gives up", async () => {
  vi.useFakeTimers();
  try {
    const patient = CLOCK.wait(1_000);
    const enough = new AbortController();
    const impatient = CLOCK.wait(60_000, enough.signal);
    enough.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await patient;
  } finally {
    vi.useRealTimers();
  }
});

describe("a caller who gives up", () => {
  test("while the request is under way gets the reason, and it is not sent again", async () => {
    const enough = new AbortController();
    const stage = new Stage(({ init }) => new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new Error("aborted")))), { retry: { attempts: 1 } });
    const call = stage.kith.getPost({ path: { id: "p1" }, signal: enough.signal });
    await idle();
    enough.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(stage.sent).toHaveLength(1);
  });
});

describe("an idempotency key", () => {
  test("is fresh for each call, and stays the same when the call is sent again", async () => {
    let sent = 0;
    const stage = new Stage(() => ((sent += 1) % 2 === 1 ? unreachable() : json(201, POST)));
    await stage.clock.through(write(stage));
    await stage.clock.through(write(stage));
    const [first, again, second] = keys(stage.sent);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(again).toBe(first);
    expect(second).not.toBe(first);
  });

  test("of the caller's own is the one that is sent", async () => {
    const stage = new Stage(failing(1, unreachable, () => json(201, POST)));
    await stage.clock.through(stage.kith.createPost({ body: { caption: "x" }, idempotencyKey: "draft-7" }));
    expect(keys(stage.sent)).toEqual(["draft-7", "draft-7"]);
  });

  test("is sent by what creates, and by nothing else", async () => {
    const stage = new Stage(noContent);
    await stage.kith.markRead({ body: { up_to: 3 } });
    expect(keys(stage.sent)).toEqual([null]);
  });
});
