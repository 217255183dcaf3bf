/** Pages of other origins, as a browser lets them call (the Fetch standard). */
import { describe, expect, test } from "vitest";
import { expectProblem } from "./harness/problem.ts";
import { openColdWorld, openWorld } from "./harness/world.ts";

const APP = "https://app.example";
const world = await openWorld({ CORS_ORIGINS: `${APP}, http://localhost:*` });
const asha = await world.person("asha");

const STRANGERS = [
  "https://evil.example",
  "http://app.example",
  "https://app.example.evil.example",
  "https://app.example:8443",
  "http://localhost.evil.example",
  "null",
  "",
  "*",
];

const preflight = (origin: string, path: string, method = "POST") =>
  world.fetch("OPTIONS", path, {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": "authorization,content-type,idempotency-key",
  });

const permissions = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));

describe("a page of an allowed origin", () => {
  test.for([APP, "http://localhost:5173"])("%s may ask, and is told what it may send", async (origin) => {
    for (const path of ["/api/v1/posts", "/api/v1/auth/login", "/health", "/api/v1/nothing"]) {
      const response = await preflight(origin, path);
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("access-control-max-age")).toBe("7200");
      expect(response.headers.get("access-control-allow-methods")?.split(",")).toEqual(
        expect.arrayContaining(["GET", "POST", "PUT", "PATCH", "DELETE"]),
      );
      expect(response.headers.get("access-control-allow-headers")?.split(",")).toEqual(
        expect.arrayContaining(["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"]),
      );
      expect(response.headers.get("vary")).toBe("Origin");
    }
  });

  test("may read the answer and its headers, refusals too", async () => {
    const answers = await Promise.all([
      asha.fetch("GET", "/posts", undefined, { origin: APP }),
      asha.fetch("GET", "/nothing", undefined, { origin: APP }),
      asha.fetch("POST", "/posts", "{", { origin: APP }),
      asha.fetch("GET", "/posts", undefined, { origin: APP, accept: "text/html" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 400, 406]);
    for (const { headers } of answers) {
      expect(headers.get("access-control-allow-origin")).toBe(APP);
      const exposed = headers.get("access-control-expose-headers")?.split(",") ?? [];
      expect(exposed).toEqual(expect.arrayContaining(["etag", "link", "location", "retry-after", "x-request-id", "kith-cost"]));
    }
  });

  test("is never asked to send what a browser keeps", async () => {
    const response = await preflight(APP, "/api/v1/posts");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("a preflight needs no token and no database, and says so little", async () => {
    const response = await preflight(APP, `/api/v1/posts/${crypto.randomUUID()}`, "DELETE");
    expect(response.headers.get("kith-cost")).toMatch(/^d1_trips=0,/);
  });
});

describe("a page of another origin", () => {
  test.for(STRANGERS)("%s is permitted nothing", async (origin) => {
    const response = await preflight(origin, "/api/v1/posts");
    expect([response.status, permissions(response)]).toEqual([204, []]);
    const answer = await asha.fetch("GET", "/posts", undefined, { origin });
    expect([answer.status, permissions(answer), answer.headers.get("vary")]).toEqual([200, [], "Origin"]);
  });

  test("an app that is no page is served as ever", async () => {
    const response = await asha.fetch("GET", "/posts");
    expect([response.status, permissions(response), response.headers.get("vary")]).toEqual([200, [], "Origin"]);
  });
});

test("OPTIONS that is no preflight is about the path", async () => {
  const response = await world.fetch("OPTIONS", "/api/v1/posts", { origin: APP });
  expect([response.status, response.headers.get("allow")]).toEqual([204, "GET,HEAD,POST,OPTIONS"]);
  expect(response.headers.get("access-control-allow-origin")).toBe(APP);
  await expectProblem(await world.fetch("OPTIONS", "/api/v1/nothing", { origin: APP }), 404, "not_found");
});

test("a page may read that the deployment is under maintenance", async () => {
  const closing = await openColdWorld({ CORS_ORIGINS: APP });
  await closing.keyValue.put("flags", JSON.stringify({ maintenance: true }));
  // An isolate looks the flags up beside its first request, so the first may still be served.
  await closing.fetch("GET", "/health");
  await closing.control.settle();
  const response = await closing.fetch("GET", "/api/v1/posts", { origin: APP });
  expect(response.headers.get("access-control-allow-origin")).toBe(APP);
  expect(response.headers.get("access-control-expose-headers")).toContain("retry-after");
  await expectProblem(response, 503, "maintenance");
});
