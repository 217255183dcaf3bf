/**
 * What holds of every answer and every route against whoever is curious: what browsers are told, what is not
 * there to be found, and that what people write stays text.
 */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { send } from "../fuzz/wire.ts";
import { readDocument } from "./harness/openapi.ts";
import { expectProblem } from "./harness/problem.ts";
import { ROOT } from "./harness/server.ts";
import type { Notification, Page, Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const [asha, ben] = [await world.person("asha"), await world.person("ben")];
const post = await asha.posts.create({ caption: "First light" });
const YEAR_SECONDS = 31_536_000;
const ASSETS = `${ROOT}build/assets/`;

/** Files that anybody can ask for, by their paths. */
const FILES = readdirSync(ASSETS, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll("\\", "/").replace(/\/+/g, "/").slice(ASSETS.length));

/** One answer of each kind: from the Worker and as a file, with and without a body, good and refused. */
async function everyKind(): Promise<Response[]> {
  const tag = (await asha.fetch("GET", "/profile")).headers.get("etag") ?? "";
  return Promise.all([
    world.fetch("GET", "/health"),
    world.fetch("GET", "/nothing"),
    world.fetch("GET", "/.well-known/jwks.json"),
    world.fetch("GET", "/openapi.json"),
    world.fetch("GET", "/docs"),
    world.fetch("HEAD", "/health"),
    world.fetch("OPTIONS", "/api/v1/posts", { origin: "https://app.example", "access-control-request-method": "POST" }),
    asha.fetch("GET", "/profile"),
    asha.fetch("GET", "/profile", undefined, { "if-none-match": tag }),
    asha.fetch("PUT", "/profile"),
    asha.fetch("POST", "/posts", { caption: "x" }),
    asha.fetch("POST", "/posts", "{"),
    asha.fetch("POST", "/posts", "x", { "content-type": "text/plain" }),
    world.anonymous.fetch("GET", "/profile"),
    world.anonymous.fetch("POST", "/auth/login", { username: asha.username, password: asha.password }),
    ben.fetch("DELETE", `/posts/${post.id}`),
  ]);
}

describe("every answer", () => {
  test("keeps browsers to HTTPS for a year, on all subdomains", async () => {
    for (const { url, headers } of await everyKind()) {
      const [, seconds] = /^max-age=(\d+); includeSubDomains$/.exec(headers.get("strict-transport-security") ?? "") ?? [];
      expect({ url, isLong: Number(seconds) >= YEAR_SECONDS }).toEqual({ url, isLong: true });
    }
  });

  test("is of the type it says, loads nothing by itself and may be framed by nobody", async () => {
    for (const { url, headers } of await everyKind()) {
      const policy = (headers.get("content-security-policy") ?? "").split(";").map((directive) => directive.trim());
      expect({ url, policy }).toEqual({ url, policy: expect.arrayContaining(["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  test("with a body says its type, and a text its encoding", async () => {
    for (const response of await everyKind()) {
      const body = await response.clone().text();
      const type = response.headers.get("content-type");
      if (body === "") continue;
      expect({ url: response.url, type }).toEqual({ url: response.url, type: expect.stringMatching(/^application\/([a-z.-]+\+)?json$|^text\/\w+; charset=utf-8$/) });
    }
  });

  test("sets no cookie", async () => {
    for (const { url, headers } of await everyKind()) expect([url, headers.getSetCookie()]).toEqual([url, []]);
  });

  test("of the Worker says how it may be kept, and what is somebody's own is for no shared cache", async () => {
    for (const response of await everyKind()) {
      expect([response.url, response.headers.get("cache-control")]).toEqual([response.url, expect.stringMatching(/./)]);
    }
    for (const path of ["/profile", "/notifications", "/posts", `/posts/${post.id}`, `/posts/${post.id}/likes`, `/users/${ben.username}`]) {
      expect([path, (await asha.fetch("GET", path)).headers.get("cache-control")]).toEqual([path, expect.stringMatching(/private|no-store/)]);
    }
  });

  test("with tokens is kept by nobody", async () => {
    const credentials = { username: asha.username, password: asha.password };
    const login = await world.anonymous.fetch("POST", "/auth/login", credentials);
    const { refresh_token: token } = (await login.clone().json()) as { refresh_token: string };
    const renewal = await world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });
    const name = world.uniqueName("new");
    const registration = await world.anonymous.fetch("POST", "/auth/register", { username: name, email: `${name}@example.com`, password: "a good long passphrase" });
    for (const response of [login, renewal, registration]) {
      expect([response.ok, response.headers.get("cache-control")]).toEqual([true, "private, no-store"]);
    }
  });
});

describe("there is nothing to be found of", () => {
  test.for([
    "/.git/HEAD",
    "/.git/config",
    "/.svn/entries",
    "/.dev.vars",
    "/.env",
    "/.wrangler/state",
    "/wrangler.toml",
    "/Cargo.toml",
    "/package.json",
    "/src/lib.rs",
    "/migrations/",
    "/index.js",
    "/index_bg.wasm",
    "/build/",
    "/docs/../wrangler.toml",
    "/docs/%2e%2e/wrangler.toml",
    "/metrics",
    "/debug",
    "/admin",
  ])("the project at %s", async (path) => {
    const response = await send(world.url, { method: "GET", target: path, headers: [["Host", world.url.host], ["Connection", "close"]], body: Buffer.alloc(0) });
    expect({ path, status: response?.status }).toEqual({ path, status: 404 });
  });

  test("sources, settings or hidden files among what is served as a file", () => {
    expect(FILES).toContain("openapi.json");
    const unexpected = FILES.filter((path) => path !== "_headers" && !/^[a-z][\w-]*(\/[a-z][\w-]*)*\.(html|js|css|json|svg|txt)$/.test(path));
    expect(unexpected).toEqual([]);
  });

  test.for(["TRACE", "TRACK", "DEBUG"])("%s, which no route has and which repeats nothing", async (method) => {
    const headers = [["Host", world.url.host], ["Connection", "close"], ["X-Secret", "not-to-be-repeated"]] as const;
    const response = await send(world.url, { method, target: "/api/v1/posts", headers, body: Buffer.alloc(0) });
    // A method that the platform does not know never gets to Kith.
    expect([405, 501]).toContain(response?.status);
    expect(await response?.text()).not.toContain("not-to-be-repeated");
  });

  test("an account that nobody has registered", async () => {
    const empty = await openWorld();
    expect(await empty.state.number("select count(*) from users")).toBe(0);
    for (const username of ["admin", "root", "kith", "test"]) {
      for (const password of [username, "password", "changeme", "admin123"]) {
        await expectProblem(await empty.anonymous.fetch("POST", "/auth/login", { username, password }), 401, "invalid_credentials");
      }
    }
  });
});

describe("every route", () => {
  const SAMPLES: Record<string, string> = { id: post.id, username: asha.username };
  const operations = Object.entries(readDocument().paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { security = [] } = operation as unknown as { security?: object[] };
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => SAMPLES[name] ?? "none");
      const target = path.endsWith("/search") ? `${filled}?type=posts&q=light` : filled;
      const needsAccount = security.length > 0 && security.every((way) => "access_token" in way);
      return { method: method.toUpperCase(), path: target, needsAccount, takesBody: operation.requestBody !== undefined };
    }),
  );

  test("that needs an account refuses whoever has none, before the database is asked", async () => {
    const guarded = operations.filter(({ needsAccount }) => needsAccount);
    expect(guarded.length).toBeGreaterThan(5);
    for (const { method, path } of guarded) {
      for (const [headers, code] of [
        [{}, "authentication_required"],
        [{ authorization: "Bearer a.b.c" }, "invalid_token"],
        [{ cookie: `access_token=${asha.accessToken}` }, "authentication_required"],
      ] as const) {
        const response = await world.anonymous.fetch(method, path.replace("/api/v1", ""), method === "GET" ? undefined : {}, headers);
        await expectProblem(response.clone(), 401, code);
        expect((await world.control.recordOf(response)).trips).toEqual([]);
      }
    }
  });

  test("answers by itself: none leads a browser elsewhere", () => {
    const statuses = Object.values(readDocument().paths).flatMap((methods) => Object.values(methods).flatMap(({ responses }) => Object.keys(responses)));
    expect(statuses).toContain("200");
    expect(statuses.filter((status) => status.startsWith("3") && status !== "304")).toEqual([]);
  });

  test("that reads is asked with a safe method, which changes nothing", async () => {
    await world.control.settle();
    const before = await world.state.rowCounts();
    const reads = operations.filter(({ method }) => method === "GET");
    for (const { path } of reads) {
      for (const method of ["GET", "HEAD"]) {
        const response = await fetch(new URL(path, world.url), { method, headers: { authorization: `Bearer ${asha.accessToken}` }, redirect: "manual" });
        // Some are for others than Asha.
        expect([method, path, [200, 403, 404].includes(response.status)]).toEqual([method, path, true]);
        const writes = (await world.control.recordOf(response)).trips.flatMap(({ statements }) => statements).filter(({ rowsWritten }) => rowsWritten > 0);
        expect([method, path, writes]).toEqual([method, path, []]);
      }
    }
    await world.control.settle();
    expect(await world.state.rowCounts()).toEqual(before);
  });

  test("that takes a body takes none that a form of another site could send", async () => {
    const before = await world.state.rowCounts();
    const taking = operations.filter(({ takesBody }) => takesBody);
    expect(taking.length).toBeGreaterThan(3);
    for (const { method, path } of taking) {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
        const response = await asha.fetch(method, path.replace("/api/v1", ""), "{}", { "content-type": type, origin: "https://evil.example" });
        await expectProblem(response, 415, "unsupported_media_type");
      }
    }
    expect(await world.state.rowCounts()).toEqual(before);
  });
});

describe("what people write", () => {
  const TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><!--",
    "javascript:alert(1)",
    '{"role":"admin"}',
    '\\", "role": "admin',
    "\u2028\u2029",
    "${7*7} {{7*7}} #{7*7} %s %n",
    "=cmd|' /C calc'!A0",
    "' or 1=1; --",
  ];

  test("comes back as it was, as text in JSON, however it is read", async () => {
    const writer = await world.person("writer");
    for (const [index, text] of TEXTS.entries()) {
      const caption = `${index} ${text}`;
      const key = { "idempotency-key": crypto.randomUUID() };
      const created = await writer.fetch("POST", "/posts", { caption }, key);
      const written = (await created.clone().json()) as Post;
      await asha.like(written);
      await world.jobsDone(written);
      const answers = {
        created,
        replayed: await writer.fetch("POST", "/posts", { caption }, key),
        alone: await asha.fetch("GET", `/posts/${written.id}`),
        listed: await world.anonymous.fetch("GET", "/posts?limit=1"),
        told: await writer.fetch("GET", "/notifications?limit=1"),
      };
      const kinds = new Set(Object.values(answers).map(({ headers }) => headers.get("content-type")));
      expect(kinds).toEqual(new Set(["application/json"]));
      const alone = (response: Response) => response.json() as Promise<Post>;
      const captions = [
        (await alone(answers.created)).caption,
        (await alone(answers.replayed)).caption,
        (await alone(answers.alone)).caption,
        ((await answers.listed.json()) as Page<Post>).data[0]?.caption,
        ((await answers.told.json()) as Page<Notification>).data[0]?.post?.caption,
      ];
      expect(captions).toEqual(captions.map(() => caption));
    }
  });

  test("about themselves too", async () => {
    const writer = await world.person("writer");
    for (const text of TEXTS) {
      const bio = text;
      const name = text.replaceAll(/[\u2028\u2029]/g, "x").slice(0, 50);
      const changed = await writer.fetch("PATCH", "/profile", { bio, display_name: name });
      expect([text, changed.status]).toEqual([text, 200]);
      const seen = await world.anonymous.fetch("GET", `/users/${writer.username}`);
      expect(seen.headers.get("content-type")).toBe("application/json");
      expect(await seen.json()).toMatchObject({ bio, display_name: name });
    }
  });
});
