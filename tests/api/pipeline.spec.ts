/** What holds for every answer, whatever the route: refusals, identity, trace, cost, caching, log. */
import { describe, expect, test } from "vitest";
import { recordedRows, statedCost } from "./harness/cost.ts";
import type { Headers, PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const asha = await world.person("asha");
const post = await asha.posts.create({ caption: "First light" });

describe("routes that are not there", () => {
  test.for(["/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/posts", "/posts", "/api/v1/health"])(
    "%s is not found",
    async (path) => {
      await expectProblem(await world.fetch("GET", path), 404, "not_found");
    },
  );

  test.for([
    ["/auth/register", ["POST"]],
    ["/auth/login", ["POST"]],
    ["/auth/logout", ["POST"]],
    ["/auth/sessions", ["GET"]],
    ["/auth/sessions/01900000-0000-7000-8000-000000000000", ["DELETE"]],
    ["/auth/email", ["POST"]],
    ["/auth/email/verify", ["POST"]],
    ["/auth/email/resend", ["POST"]],
    ["/auth/password", ["POST"]],
    ["/auth/password/forgot", ["POST"]],
    ["/auth/password/reset", ["POST"]],
    ["/profile", ["GET", "PATCH"]],
    ["/users", ["GET"]],
    [`/users/${asha.username}`, ["GET"]],
    [`/users/${asha.username}/follow`, ["PUT", "DELETE"]],
    [`/users/${asha.username}/block`, ["PUT", "DELETE"]],
    [`/users/${asha.username}/mute`, ["PUT", "DELETE"]],
    [`/users/${asha.username}/followers`, ["GET"]],
    [`/users/${asha.username}/following`, ["GET"]],
    [`/followers/${asha.username}`, ["DELETE"]],
    ["/follow-requests", ["GET"]],
    [`/follow-requests/${asha.username}`, ["PUT", "DELETE"]],
    ["/blocks", ["GET"]],
    ["/mutes", ["GET"]],
    ["/posts", ["GET", "POST"]],
    [`/posts/${post.id}`, ["GET", "PUT", "DELETE"]],
    [`/posts/${post.id}/comments`, ["GET", "POST"]],
    ["/tags/light/posts", ["GET"]],
    [`/users/${asha.username}/posts`, ["GET"]],
    [`/posts/${post.id}/like`, ["PUT", "DELETE"]],
    [`/posts/${post.id}/likes`, ["GET"]],
    ["/feed", ["GET"]],
    ["/search", ["GET"]],
    ["/notifications", ["GET"]],
    ["/notifications/read", ["POST"]],
    ["/admin/users", ["GET"]],
    [`/admin/users/${asha.username}`, ["PATCH"]],
    ["/admin/audit", ["GET"]],
    ["/reports", ["POST"]],
    ["/admin/reports", ["GET"]],
    ["/admin/reports/01900000-0000-7000-8000-000000000000/resolve", ["POST"]],
    ["/setup", ["POST"]],
  ] as const)("%s names the methods it has", async ([path, methods]) => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      if ((methods as readonly string[]).includes(method)) continue;
      const response = await world.anonymous.fetch(method, path);
      await expectProblem(response, 405, "method_not_allowed");
      const allowed = (response.headers.get("allow") ?? "").split(",").map((name) => name.trim());
      expect(allowed.filter((name) => name !== "HEAD" && name !== "OPTIONS").toSorted()).toEqual(methods.toSorted());
      const asked = await world.anonymous.fetch("OPTIONS", path);
      expect([asked.status, await asked.text(), asked.headers.get("allow")]).toEqual([204, "", response.headers.get("allow")]);
    }
  });

  test("OPTIONS of a path that is not there finds nothing", async () => {
    await expectProblem(await world.fetch("OPTIONS", "/api/v1/nothing"), 404, "not_found");
  });

  test.for(["/health", "/health/ready", "/.well-known/jwks.json"])("%s is only read", async (path) => {
    const response = await world.fetch("POST", path);
    await expectProblem(response, 405, "method_not_allowed");
    expect(response.headers.get("allow")).toContain("GET");
  });

  test("HEAD answers like GET, without the body", async () => {
    for (const path of ["/health", `/api/v1/posts/${post.id}`]) {
      const response = await world.fetch("HEAD", path);
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });
});

describe("what the client takes", () => {
  const asked = (accept: string) => asha.fetch("GET", "/posts", undefined, { accept });

  test.for(["application/json", "application/*", "*/*", "application/problem+json", "text/html, */*;q=0.1"])(
    "%s is JSON's to satisfy",
    async (accept) => {
      expect((await asked(accept)).status).toBe(200);
    },
  );

  test.for(["text/html", "image/webp,image/*", "application/json;q=0", "application/json;q=0,*/*", "application/xml"])(
    "%s is not to be had",
    async (accept) => {
      await expectProblem(await asked(accept), 406, "not_acceptable");
    },
  );

  test("whoever asks only for the methods gets no body, so whatever they take will do", async () => {
    const response = await world.fetch("OPTIONS", "/api/v1/posts", { accept: "text/html" });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "GET,HEAD,POST,OPTIONS"]);
  });

  test("nothing happens to who takes no JSON", async () => {
    const before = await world.state.rowCounts();
    const response = await asha.fetch("POST", "/posts", { caption: "unseen" }, { accept: "text/html" });
    await expectProblem(response.clone(), 406, "not_acceptable");
    expect(statedCost(response).d1_trips).toBe(0);
    expect(await world.state.rowCounts()).toEqual(before);
  });
});

describe("identity and trace", () => {
  const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
  const ask = (headers: Headers = {}) => world.fetch("GET", `/api/v1/posts/${post.id}`, headers);

  test("every answer has an id, and no two the same", async () => {
    const ids = await Promise.all([ask(), ask(), world.fetch("GET", "/nothing")]);
    const seen = ids.map(({ headers }) => headers.get("x-request-id") ?? "");
    for (const id of seen) expect(id).toMatch(REQUEST_ID);
    expect(new Set(seen).size).toBe(3);
  });

  test.for(["a", "0.-_Z", "x".repeat(64)])("the id %s is kept", async (id) => {
    expect((await ask({ "x-request-id": id })).headers.get("x-request-id")).toBe(id);
    const missing = await world.fetch("GET", "/nothing", { "x-request-id": id });
    expect((await expectProblem(missing, 404, "not_found")).request_id).toBe(id);
  });

  test.for(["x".repeat(65), "two words", 'a"b', "{}", "é", "a/b", "a,b"])("the id %s is replaced", async (id) => {
    const kept = (await ask({ "x-request-id": id })).headers.get("x-request-id") ?? "";
    expect(kept).toMatch(REQUEST_ID);
    expect(kept).not.toBe(id);
  });

  test("a trace is continued with a span of its own", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const parent = "00f067aa0ba902b7";
    for (const flags of ["00", "01"]) {
      const response = await ask({ traceparent: `00-${trace}-${parent}-${flags}` });
      const [version, id, span, kept] = (response.headers.get("traceparent") ?? "").split("-");
      expect([version, id, kept]).toEqual(["00", trace, flags]);
      expect(span).toMatch(/^[0-9a-f]{16}$/);
      expect(span).not.toBe(parent);
    }
  });

  test("a trace that is none begins anew", async () => {
    for (const traceparent of ["", "00", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`]) {
      const begun = (await ask({ traceparent })).headers.get("traceparent") ?? "";
      expect(begun).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/);
      expect(begun).not.toContain("aaaaaaaa");
    }
  });
});

describe("cost and time", () => {
  test("Server-Timing says how long it took, in all and in D1", async () => {
    const response = await asha.fetch("GET", "/posts");
    expect(response.headers.get("server-timing")).toMatch(/^total;dur=\d+(\.\d+)?, d1;dur=\d+(\.\d+)?$/);
  });

  test("Kith-Cost is what D1 itself said, on every route", async () => {
    const ben = await world.person("ben");
    const mine = await ben.posts.create({ caption: "mine" });
    const requests: [PersonActor | typeof world.anonymous, string, string, unknown?][] = [
      [world.anonymous, "POST", "/auth/login", { username: ben.username, password: ben.password }],
      [world.anonymous, "GET", "/posts"],
      [world.anonymous, "GET", `/users/${ben.username}`],
      [asha, "GET", "/profile"],
      [asha, "GET", `/posts/${mine.id}`],
      [asha, "GET", "/search?type=posts&q=mine"],
      [asha, "POST", "/posts", { caption: "another" }],
      [asha, "PUT", `/posts/${mine.id}/like`],
      [asha, "PUT", `/posts/${mine.id}/like`],
      [ben, "GET", `/posts/${mine.id}/likes`],
      [asha, "DELETE", `/posts/${mine.id}/like`],
      [ben, "GET", "/notifications"],
      [ben, "POST", "/notifications/read", { up_to: 1 }],
      [ben, "DELETE", `/posts/${mine.id}`],
      [ben, "POST", "/auth/password", { current_password: ben.password, new_password: "two horses of my own" }],
      [world.anonymous, "POST", "/auth/password/forgot", { email: ben.email }],
      [ben, "POST", "/auth/logout"],
    ];
    for (const [actor, method, path, body] of requests) {
      const response = await actor.fetch(method, path, body);
      expect([method, path, response.ok]).toEqual([method, path, true]);
      const record = await world.control.recordOf(response);
      const rows = recordedRows(record);
      const stated = statedCost(response);
      expect([method, path, stated]).toEqual([
        method,
        path,
        {
          d1_trips: rows.trips,
          rows_read: rows.read,
          rows_written: rows.written,
          kv_reads: record.kvReads,
          kv_writes: record.kvWrites,
          queue_sends: expect.any(Number),
          r2_ops: 0,
        },
      ]);
      expect(stated.queue_sends).toBeLessThanOrEqual(record.queueSends.length);
      expect(stated.queue_sends).toBeGreaterThanOrEqual(record.queueSends.length - record.lateQueueSends);
    }
  });

  test("an aborted batch tells no rows, and Kith-Cost says so", async () => {
    const response = await asha.fetch("PUT", "/posts/01900000-0000-7000-8000-000000000000/like");
    await expectProblem(response.clone(), 404, "not_found");
    const { d1_trips: trips, rows_read: read, rows_written: written } = statedCost(response);
    expect([trips, read, written]).toEqual([1, Number.NaN, Number.NaN]);
  });

  test("what needs no database pays for none", async () => {
    for (const path of ["/health", "/.well-known/jwks.json", "/nothing"]) {
      expect(statedCost(await world.fetch("GET", path))).toMatchObject({ d1_trips: 0, rows_read: 0, rows_written: 0 });
    }
    const refused = await world.bearing("nonsense").fetch("GET", "/profile");
    expect(statedCost(refused).d1_trips).toBe(0);
  });
});

describe("headers", () => {
  test("every answer protects itself", async () => {
    const answers = await Promise.all([
      world.fetch("GET", "/health"),
      world.fetch("GET", "/nothing"),
      world.fetch("GET", "/.well-known/jwks.json"),
      asha.fetch("GET", "/profile"),
      asha.fetch("POST", "/posts", "{"),
    ]);
    for (const { headers } of answers) {
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{7,}/);
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
      expect(headers.get("cache-control")).not.toBeNull();
    }
  });

  test("what differs by who asks is in no shared cache", async () => {
    for (const path of ["/posts", `/posts/${post.id}`, "/notifications", `/users/${asha.username}`]) {
      expect((await asha.fetch("GET", path)).headers.get("cache-control")).toMatch(/private|no-store/);
    }
  });
});

describe("the log", () => {
  test("one line a request, and nothing in it that is anyone's secret", async () => {
    const secret = world.uniqueName("secret");
    const ben = await world.person("ben");
    const told: [Response, { method: string; route: string | null; status: number }][] = [];
    const log = async (actor: typeof world.anonymous, method: string, path: string, route: string | null, body?: unknown) => {
      const response = await actor.fetch(method, path, body);
      told.push([response, { method, route, status: response.status }]);
    };
    await log(world.anonymous, "POST", "/auth/register", "/api/v1/auth/register", {
      username: world.uniqueName("new"),
      email: `${secret}@example.com`,
      password: `${secret} password`,
    });
    await log(world.anonymous, "POST", "/auth/login", "/api/v1/auth/login", { email: `${secret}@example.com`, password: secret });
    await log(ben, "POST", "/auth/password", "/api/v1/auth/password", { current_password: secret, new_password: `${secret} password` });
    await log(world.anonymous, "POST", "/auth/password/forgot", "/api/v1/auth/password/forgot", { email: `${secret}@example.com` });
    await log(world.anonymous, "POST", "/auth/password/reset", "/api/v1/auth/password/reset", { token: secret, new_password: `${secret} password` });
    await log(ben, "POST", "/posts", "/api/v1/posts", { caption: secret });
    await log(ben, "POST", "/posts", "/api/v1/posts", `{"caption":"${secret}`);
    await log(ben, "PUT", `/posts/${post.id}/like`, "/api/v1/posts/{id}/like");
    await log(ben, "GET", `/posts/${secret}?limit=${secret}`, "/api/v1/posts/{id}");
    await log(ben, "GET", `/nowhere/${secret}?q=${secret}`, null);
    await log(world.bearing(`${secret}.x.y`), "GET", "/profile", "/api/v1/profile");

    for (const [response, expected] of told) {
      const id = response.headers.get("x-request-id") ?? "";
      const line = await world.lineOf(response);
      expect(world.logLines().filter(({ message }) => message.includes(id) && message.includes('"request"'))).toHaveLength(1);
      expect(line).toMatchObject({
        ...expected,
        request_id: id,
        trace_id: (response.headers.get("traceparent") ?? "").split("-")[1],
        ms: expect.any(Number),
        cost: expect.objectContaining({ d1_trips: expect.any(Number) }),
      });
    }
    const everything = world.logLines().map(({ message }) => message).join("\n");
    for (const private_ of [secret, ben.accessToken, ben.accessToken.split(".")[2] ?? "", ben.email, "Bearer ey", "$argon2"]) {
      expect(everything).not.toContain(private_);
    }
  });

  test("every line of the worker is one JSON object", async () => {
    await asha.fetch("GET", "/posts");
    for (const { message } of world.logLines()) {
      expect(JSON.parse(message)).toMatchObject({ level: expect.stringMatching(/^(info|warn|error)$/) });
    }
  });
});
