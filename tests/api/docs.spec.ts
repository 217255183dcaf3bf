/** What is served beside the API, as files and without the Worker: the document and the page that shows it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { expectProblem } from "./harness/problem.ts";
import { INVOCATION_HEADER } from "./harness/protocol.ts";
import { ROOT } from "./harness/server.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const PAGE = (await (await world.fetch("GET", "/docs")).text()).replaceAll(/<!--.*?-->/gs, "");
const SCRIPTS = [...PAGE.matchAll(/<script src="([^"]+)"><\/script>/g)].map(([, path]) => path ?? "");

/** The directives of a content security policy, each with its sources. */
function policyOf({ headers }: Response): Map<string, string[]> {
  const directives = (headers.get("content-security-policy") ?? "").split(";").map((directive) => directive.trim().split(" "));
  return new Map(directives.map(([name = "", ...sources]) => [name, sources]));
}

test("the document is the one that was reviewed", async () => {
  const response = await world.fetch("GET", "/openapi.json");
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(await response.text()).toBe(readFileSync(`${ROOT}openapi.json`, "utf8"));
});

test("who has the document already is told so", async () => {
  const tag = (await world.fetch("GET", "/openapi.json")).headers.get("etag") ?? "";
  expect((await world.fetch("GET", "/openapi.json", { "if-none-match": tag })).status).toBe(304);
});

describe.for(["/openapi.json", "/docs", ...SCRIPTS])("%s", (path) => {
  test("costs no invocation of the Worker", async () => {
    const response = await world.fetch("GET", path);
    expect([response.status, response.headers.get(INVOCATION_HEADER)]).toEqual([200, null]);
  });

  test("protects itself", async () => {
    const response = await world.fetch("GET", path);
    const { headers } = response;
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("public, max-age=0, must-revalidate");
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{7,}/);
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    const policy = policyOf(response);
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("script-src")).toEqual(["'self'"]);
    expect(policy.get("connect-src")).toEqual(["'self'"]);
    expect(policy.get("frame-ancestors")).toEqual(["'none'"]);
    // Nothing comes from elsewhere, by whatever directive.
    const sources = new Set([...policy.values()].flat());
    expect([...sources].toSorted()).toEqual(["'none'", "'self'", "'unsafe-inline'", "data:"]);
    expect([...policy].filter(([, from]) => from.includes("'unsafe-inline'")).map(([name]) => name)).toEqual(["style-src"]);
  });
});

test("the page has no script but files of its own", () => {
  expect(SCRIPTS).toEqual(["/docs/reference.js", "/docs/start.js"]);
  expect(PAGE.match(/<script/g)).toHaveLength(SCRIPTS.length);
  expect(PAGE).not.toMatch(/<style|\son\w+=|javascript:|https?:/);
});

test.for(["/docs/", "/docs.html"])("%s leads to the page", async (path) => {
  const response = await world.fetch("GET", path);
  expect([response.status, response.headers.get("location")]).toEqual([307, "/docs"]);
});

test.for(["/docs/nothing", "/docs/nothing.js", "/openapi.json/x", "/openapi.yaml", "/_headers", "/nothing"])(
  "%s is not found, as Kith says it",
  async (path) => {
    const response = await world.fetch("GET", path);
    await expectProblem(response, 404, "not_found");
    expect(response.headers.get(INVOCATION_HEADER)).not.toBeNull();
  },
);

test.for(["/api/v1/posts", "/health", "/.well-known/jwks.json"])("%s is the Worker's", async (path) => {
  const response = await world.fetch("GET", path);
  expect([response.status, response.headers.has(INVOCATION_HEADER)]).toEqual([200, true]);
});
