/** The document and Kith agree: on the limits of what is sent, and that the harness would notice if not. */
import { describe, expect, test } from "vitest";
import { Contract, readDocument } from "./harness/openapi.ts";
import type { Asked, Document } from "./harness/openapi.ts";
import { BASE } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const asha = await world.person("asha");
const post = await asha.posts.create({ caption: "First light" });

describe("a document that is wrong is found", () => {
  // A place in the document, as it is cast and unchecked: each mutation changes what is there.
  interface Loose {
    [name: string]: Loose;
  }
  const at = (document: Document, ...names: string[]): Loose => {
    let part = document as unknown as Loose;
    for (const name of names) {
      const inner = part[name];
      if (inner === undefined) throw new Error(`the document has no ${names.join("/")}`);
      part = inner;
    }
    return part;
  };
  const likes = `${BASE}/posts/{id}/likes`;

  test.for<[string, string, string, unknown, (document: Document) => void, RegExp]>([
    ["a path is missing", "GET", "/profile", undefined, (it) => delete at(it, "paths")[`${BASE}/profile`], /no such path/],
    ["a method is missing", "GET", "/posts", undefined, (it) => delete at(it, "paths", `${BASE}/posts`)["get"], /no such method/],
    ["a method is invented", "POST", "/profile", {}, (it) => Object.assign(at(it, "paths", `${BASE}/profile`), { put: {} }), /Allow has/],
    ["a status is missing", "GET", "/profile", undefined, (it) => delete at(it, "paths", `${BASE}/profile`, "get", "responses")["200"], /status/],
    ["a code is missing", "GET", "/posts/x", undefined, (it) => Object.assign(at(it, "components", "responses", "404.not_found", "content", "application/problem+json", "schema"), { properties: { code: { enum: ["gone"] } } }), /allowed values/],
    ["a field is missing", "GET", "/profile", undefined, (it) => delete at(it, "components", "schemas", "Me", "properties")["totp"], /additional properties/],
    ["a field is invented", "GET", "/profile", undefined, (it) => Object.assign(at(it, "components", "schemas", "Me"), { required: ["age"] }), /required property 'age'/],
    ["a type is wrong", "GET", likes, undefined, (it) => Object.assign(at(it, "components", "schemas", "ShortPersonPage", "properties", "data"), { type: "object" }), /must be object/],
    ["a media type is wrong", "GET", "/profile", undefined, (it) => Object.assign(at(it, "paths", `${BASE}/profile`, "get", "responses", "200"), { content: { "text/html": {} } }), /type application\/json is not documented/],
    ["a header is missing", "GET", "/profile", undefined, (it) => delete at(it, "paths", `${BASE}/profile`, "get", "responses", "200", "headers")["traceparent"], /traceparent is not documented/],
    ["a header is invented", "GET", "/profile", undefined, (it) => Object.assign(at(it, "paths", `${BASE}/profile`, "get", "responses", "200", "headers"), { Expires: { required: true, schema: {} } }), /Expires is missing/],
    ["a header looks otherwise", "GET", "/profile", undefined, (it) => Object.assign(at(it, "components", "headers", "X-Request-Id"), { schema: { pattern: "^%" } }), /header X-Request-Id/],
    ["it takes more than Kith", "POST", "/posts", { caption: "x".repeat(2_201) }, (it) => delete at(it, "components", "schemas", "CreatePostRequest", "properties", "caption")["maxLength"], /takes what Kith refuses.*too_long/],
    ["it takes less than Kith", "POST", "/posts", { caption: "xxx" }, (it) => Object.assign(at(it, "components", "schemas", "CreatePostRequest", "properties", "caption"), { maxLength: 2 }), /takes what the document refuses/],
    ["it lacks a parameter", "GET", "/posts?limit=5", undefined, (it) => Object.assign(at(it, "paths", `${BASE}/posts`, "get"), { parameters: [{ name: "size", in: "query", schema: {} }] }), /takes what the document refuses: limit/],
  ])("%s", async ([, method, path, body, mutate, complaint]) => {
    const asked = path.replace(BASE, "").replace("{id}", post.id);
    const response = await asha.fetch(method, asked, body);
    const exchange: Asked = { method, path: `${BASE}${asked}`, body, response };
    expect(await new Contract(readDocument()).complaints(exchange)).toEqual([]);
    const wrong = readDocument();
    mutate(wrong);
    expect((await new Contract(wrong).complaints(exchange)).join("\n")).toMatch(complaint);
  });
});

describe("limits", () => {
  interface Field {
    type?: string | string[];
    minLength?: number;
    maxLength?: number;
    minimum?: number;
    maximum?: number;
  }
  interface Body {
    properties: Record<string, Field>;
  }
  const { paths, components } = readDocument();
  /** An id, as every id looks, of nothing. */
  const NOBODYS = "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e";
  const beyond: [string, string, string, unknown, string][] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const reference = operation.requestBody?.content["application/json"]?.schema.$ref ?? "";
      const body = components.schemas[reference.split("/").at(-1) ?? ""] as unknown as Body | undefined;
      const at = (field: string, value: unknown, code: string) => beyond.push([method.toUpperCase(), path.replace(BASE, "").replace("{id}", NOBODYS), field, value, code]);
      for (const [field, { minLength, maxLength, minimum, maximum }] of Object.entries(body?.properties ?? {})) {
        if (minLength !== undefined) at(field, "a".repeat(minLength - 1), "too_short");
        if (maxLength !== undefined) at(field, "a".repeat(maxLength + 1), "too_long");
        if (minimum !== undefined) at(field, minimum - 1, "out_of_range");
        if (maximum !== undefined) at(field, maximum + 1, "out_of_range");
      }
    }
  }

  test("there are some", () => expect(beyond.length).toBeGreaterThan(10));

  test.for(beyond)("%s %s refuses a %s beyond them: %s", async ([method, path, field, value, code]) => {
    const problem = await expectProblem(await asha.fetch(method, path, { [field]: value }), 422, "invalid");
    expect(problem.errors).toContainEqual(expect.objectContaining({ pointer: `/${field}`, code }));
  });

  test("of a page", async () => {
    const limit = paths[`${BASE}/posts`]?.["get"]?.parameters.find(({ name }) => name === "limit");
    const { minimum = Number.NaN, maximum = Number.NaN } = (limit?.schema ?? {}) as Field;
    const status = async (size: number) => (await asha.fetch("GET", `/posts?limit=${size}`)).status;
    expect(await Promise.all([minimum - 1, minimum, maximum, maximum + 1].map(status))).toEqual([422, 200, 200, 422]);
  });
});
