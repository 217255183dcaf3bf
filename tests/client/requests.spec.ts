/** What a call sends, and what becomes of the answer. */
import { describe, expect, test } from "vitest";
import { isProblem, KithError, NetworkFailure, Problem, UnexpectedAnswer } from "../../client/src/index.ts";
import type { Client } from "../../client/src/index.ts";
import { OPERATIONS } from "../../client/src/schema.ts";
import { readDocument } from "../api/harness/openapi.ts";
import { Held, idle, json, noContent, problem, Stage } from "./stage.ts";

const POST = { id: "p1", caption: "Morning light" };

/** What the promise was rejected with. */
async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => expect.fail(`succeeded with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

describe("a request", () => {
  test("says what was given: path, query, headers and body", async () => {
    const stage = new Stage(() => json(200, { data: [], next_cursor: null }));
    await stage.kith.listLikes({ path: { id: "a/b c?" }, query: { limit: 5, cursor: undefined }, headers: { "X-Request-Id": "mine" } });
    const [sent] = stage.sent;
    expect(sent?.url.href).toBe("https://kith.test/api/v1/posts/a%2Fb%20c%3F/likes?limit=5");
    expect(sent?.method).toBe("GET");
    expect(Object.fromEntries(sent?.headers ?? [])).toEqual({ "x-request-id": "mine" });
    expect(sent?.init.body).toBeUndefined();

    await stage.kith.login({ body: { username: "asha", password: "a horse of my own" } });
    expect(stage.sent[1]).toMatchObject({ method: "POST", body: { username: "asha", password: "a horse of my own" } });
    expect(Object.fromEntries(stage.sent[1]?.headers ?? [])).toEqual({ "content-type": "application/json" });
  });

  test.for(["", ".", ".."])("for a path with %j is not sent, because it would go elsewhere", async (id) => {
    const stage = new Stage(noContent);
    await expect(stage.kith.deletePost({ path: { id } })).rejects.toThrow(TypeError);
    expect(stage.sent).toEqual([]);
  });

  test("goes below the base URL, with or without a slash at its end", async () => {
    for (const baseUrl of ["https://kith.test/social", "https://kith.test/social/", new URL("https://kith.test/social")]) {
      const stage = new Stage(() => json(200, POST), { baseUrl });
      await stage.kith.getPost({ path: { id: "p1" } });
      expect(stage.sent[0]?.url.href).toBe("https://kith.test/social/api/v1/posts/p1");
    }
  });

  test.for(["https://kith.test/?a=b", "https://kith.test/#a", "https://asha:secret@kith.test/", "kith.test"])(
    "has no place to go under %s, so there is no client",
    (baseUrl) => {
      expect(() => new Stage(noContent, { baseUrl })).toThrow(TypeError);
    },
  );

  test("is not redirected, so that no token goes elsewhere", async () => {
    const stage = new Stage(() => new Response(null, { status: 302, headers: { location: "https://elsewhere.test" } }));
    await stage.signedIn();
    expect(await refusalOf(stage.kith.getMyProfile())).toMatchObject({ name: "UnexpectedAnswer", status: 302 });
    expect(stage.sent.map(({ init }) => init.redirect)).toEqual(["manual"]);
  });

  test("bears the token where the operation looks at it, and nowhere else", async () => {
    const stage = new Stage(() => json(200, { status: "pass" }));
    await stage.signedIn();
    await stage.kith.getMyProfile();
    await stage.kith.listPosts();
    await stage.kith.getHealth();
    await stage.kith.getPublicKeys();
    expect(stage.sent.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer access-1", "Bearer access-1", null, null]);
  });

  test("is possible for every operation of the document", async () => {
    const stage = new Stage(noContent);
    const call = stage.kith as unknown as Record<keyof Client, (input: object) => Promise<unknown>>;
    for (const name of Object.keys(OPERATIONS) as (keyof Client)[]) {
      await call[name]({ path: { id: "x", username: "x", tag: "x" } }).catch(() => undefined);
    }
    const called = stage.sent.map(({ method, url }) => `${method} ${url.pathname}`);
    const documented = Object.entries(readDocument().paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, "x")}`),
    );
    expect(called.toSorted()).toEqual(documented.toSorted());
  });
});

describe("an answer", () => {
  test("comes with its status and its headers", async () => {
    const stage = new Stage(() => json(200, POST, { etag: '"1.x"' }));
    const answer = await stage.kith.getPost({ path: { id: "p1" } });
    expect(answer).toMatchObject({ status: 200, data: POST });
    expect(answer.headers.get("etag")).toBe('"1.x"');
  });

  test("without a body has no data", async () => {
    const stage = new Stage(noContent);
    expect(await stage.kith.deletePost({ path: { id: "p1" } })).toMatchObject({ status: 204, data: undefined });
  });

  test("whose data happen to have a code is no refusal", async () => {
    const stage = new Stage(() => json(200, { ...POST, code: "invalid" }));
    expect(await stage.kith.getPost({ path: { id: "p1" } })).toMatchObject({ status: 200, data: { code: "invalid" } });
  });

  test("that nothing is new is one for those who ask so", async () => {
    const stage = new Stage(() => new Response(null, { status: 304 }));
    const answer = await stage.kith.listNotifications({ headers: { "If-None-Match": 'W/"x"' } });
    expect(answer).toMatchObject({ status: 304, data: undefined });
    expect(stage.sent[0]?.headers.get("if-none-match")).toBe('W/"x"');
  });

  test("with a status of 503 is one where the document says so", async () => {
    const stage = new Stage(() => json(503, { status: "fail", checks: {} }, { "content-type": "application/health+json" }));
    expect(await stage.kith.getReadiness()).toMatchObject({ status: 503, data: { status: "fail" } });
  });
});

describe("a refusal", () => {
  test("of Kith is a Problem, with all that it says", async () => {
    const errors = [{ pointer: "/caption", code: "too_long", detail: "At most 2200 characters are allowed." }];
    const body = { type: "about:blank", title: "", status: 422, detail: "It breaks a rule.", code: "invalid", request_id: "r7", errors };
    const stage = new Stage(() => json(422, body, { "content-type": "application/problem+json; charset=utf-8" }));
    const error = await refusalOf(stage.kith.createPost({ body: { caption: "" } }));
    expect(error).toBeInstanceOf(Problem);
    expect(error).toBeInstanceOf(KithError);
    expect(error).toMatchObject({ status: 422, code: "invalid", detail: "It breaks a rule.", requestId: "r7", errors, retryAfter: null });
    expect(String(error)).toBe("Problem: POST /api/v1/posts: 422 invalid: It breaks a rule.");
    expect([isProblem(error), isProblem(error, "not_found", "invalid"), isProblem(error, "not_found")]).toEqual([true, true, false]);
  });

  test.for([
    ["a proxy's page", () => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } })],
    ["a page instead of data", () => new Response("<h1>Sign in to this network</h1>", { headers: { "content-type": "text/html" } })],
    ["a status that is not documented", () => json(418, {})],
    ["a problem of something else", () => json(500, { title: "Oh" }, { "content-type": "application/problem+json" })],
  ] as const)("of another form is an UnexpectedAnswer: %s", async ([, answer]) => {
    const stage = new Stage(answer);
    const error = await refusalOf(stage.kith.getPost({ path: { id: "p1" } }));
    expect(error).toBeInstanceOf(UnexpectedAnswer);
    expect(error).toMatchObject({ status: answer().status, body: await answer().text() });
    expect(isProblem(error)).toBe(false);
  });

  test("of the network is a NetworkFailure with its cause", async () => {
    const cause = new TypeError("fetch failed");
    const stage = new Stage(() => Promise.reject(cause), { retry: { attempts: 1 } });
    const error = await refusalOf(stage.kith.getPost({ path: { id: "p1" } }));
    expect(error).toBeInstanceOf(NetworkFailure);
    expect(error).toMatchObject({ cause, operation: "GET /api/v1/posts/{id}" });
  });

  test("in the middle of an answer is a NetworkFailure too", async () => {
    const broken = () => new Response(new ReadableStream({ pull: (stream) => stream.error(new Error("reset")) }));
    const stage = new Stage(broken, { retry: { attempts: 1 } });
    expect(await refusalOf(stage.kith.getPost({ path: { id: "p1" } }))).toBeInstanceOf(NetworkFailure);
  });
});

describe("a bookmark", () => {
  const session = { access_token: "b", refresh_token: "b", expires_in: 600, token_type: "Bearer" };
  const writing = () => {
    let written = 0;
    return new Stage(({ method, url }) => {
      if (url.pathname.endsWith("/logout")) return noContent();
      if (method === "GET") return json(200, POST);
      written += 1;
      const headers = { "d1-bookmark": `mark-${written}` };
      return url.pathname.endsWith("/login") ? json(200, session, headers) : json(201, POST, headers);
    });
  };
  const read = (stage: Stage) => stage.kith.getPost({ path: { id: "p1" } });
  const write = (stage: Stage) => stage.kith.createPost({ body: { caption: "x" } });
  const login = (stage: Stage) => stage.kith.login({ body: { username: "ben", password: "a boat of my own" } });
  const bookmarks = (stage: Stage) => stage.sent.map(({ headers }) => headers.get("d1-bookmark"));

  test("of the newest write is sent with all that comes later", async () => {
    const stage = writing();
    await stage.signedIn();
    for (const step of [read, write, read, write, read]) await step(stage);
    expect(bookmarks(stage)).toEqual([null, null, "mark-1", "mark-1", "mark-2"]);
  });

  test("comes with signing in too, and is forgotten with the session", async () => {
    const stage = writing();
    for (const step of [login, read]) await step(stage);
    await stage.kith.logout();
    await read(stage);
    expect(bookmarks(stage)).toEqual([null, "mark-1", "mark-1", null]);
  });

  test("of somebody who was signed in before is not sent", async () => {
    const stage = writing();
    const { id } = await stage.signedIn();
    await write(stage);
    await stage.store.save({ id: `not ${id}`, accessToken: "ben", refreshToken: "ben", expiresAt: stage.clock.now() + 600_000 });
    await read(stage);
    expect(bookmarks(stage)).toEqual([null, null]);
  });

  test("is kept of no write that overlapped another, because either may be the newer", async () => {
    const held = [new Held<Response>(), new Held<Response>()];
    let written = 0;
    const stage = new Stage(({ method }) => (method === "GET" ? json(200, POST) : (held[written++]?.promise ?? json(201, POST, { "d1-bookmark": "alone" }))));
    await stage.signedIn();
    const writes = [write(stage), write(stage)];
    await idle();
    held[1]?.resolve(json(201, POST, { "d1-bookmark": "newer" }));
    await writes[1];
    held[0]?.resolve(json(201, POST, { "d1-bookmark": "older" }));
    await writes[0];
    for (const step of [read, write, read]) await step(stage);
    expect(bookmarks(stage)).toEqual([null, null, null, null, "alone"]);
  });

  test.for([
    ["the network failed", () => Promise.reject(new TypeError("fetch failed"))],
    ["the database failed", () => problem(503, "dependency_unavailable")],
    ["a proxy lost the answer", () => new Response("", { status: 502 })],
  ] as const)("is forgotten where a later write may have happened unseen, because %s", async ([, failure]) => {
    const held = new Held<Response>();
    const answers = [json(201, POST, { "d1-bookmark": "older" }), null, held.promise, json(201, POST, { "d1-bookmark": "newer" })];
    const stage = new Stage(({ method }) => (method === "GET" ? json(200, POST) : (answers.shift() ?? failure())), { retry: { attempts: 1 } });
    await stage.signedIn();
    await write(stage);
    const lost = write(stage);
    const overlapping = write(stage);
    await expect(lost).rejects.toBeInstanceOf(KithError);
    await read(stage);
    held.resolve(json(201, POST, { "d1-bookmark": "perhaps older" }));
    await overlapping;
    for (const step of [read, write, read]) await step(stage);
    expect(bookmarks(stage)).toEqual([null, "older", "older", null, null, null, "newer"]);
  });

  test("is kept where a write was refused, which has changed nothing", async () => {
    const answers = [json(201, POST, { "d1-bookmark": "mark" }), problem(422, "invalid")];
    const stage = new Stage(({ method }) => (method === "GET" ? json(200, POST) : (answers.shift() ?? noContent())));
    await stage.signedIn();
    await write(stage);
    await expect(write(stage)).rejects.toMatchObject({ code: "invalid" });
    await read(stage);
    expect(bookmarks(stage)).toEqual([null, "mark", "mark"]);
  });

  test("that Kith does not take is dropped, and the request sent again without", async () => {
    const stage = new Stage(({ method, headers }) => {
      if (method === "POST") return json(201, POST, { "d1-bookmark": "of an old key" });
      return headers.has("d1-bookmark") ? problem(400, "malformed_bookmark") : json(200, POST);
    });
    await stage.signedIn();
    for (const step of [write, read, read]) await step(stage);
    expect(bookmarks(stage)).toEqual([null, "of an old key", null, null]);
  });
});
