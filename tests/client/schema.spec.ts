/** What is made of openapi.json: types that say what it says, and nothing that they cannot say. */
import { describe, expect, test } from "vitest";
import { schemaOf } from "../../scripts/client-schema.mjs";

type Document = Parameters<typeof schemaOf>[0];

const documentOf = (schemas: object, paths: object = {}): Document => ({ paths, components: { schemas } }) as Document;

/** The type that a schema becomes, on one line. */
const typeOf = (schema: object) => {
  const [, type = ""] = /export (?:type|interface) T (?:= )?(.*?);?\n\n/s.exec(schemaOf(documentOf({ T: schema }))) ?? [];
  return type.replaceAll(/\s+/g, " ");
};

describe("a schema", () => {
  test.for([
    [{ type: "integer", minimum: 1 }, "number"],
    [{ type: ["string", "null"], pattern: "^a" }, "string | null"],
    [{ const: "Bearer", type: "string" }, '"Bearer"'],
    [{ enum: ["pass", "fail"], type: "string" }, '"pass" | "fail"'],
    [{ $ref: "#/components/schemas/Post" }, "Post"],
    [{ anyOf: [{ $ref: "#/components/schemas/Post" }, { type: "null" }] }, "Post | null"],
    [{ type: "array", items: { type: ["string", "null"] } }, "Array<string | null>"],
    [{ allOf: [{ $ref: "#/components/schemas/A" }, { oneOf: [{ const: 1 }, { const: 2 }] }] }, "A & (1 | 2)"],
    [{ type: "object", additionalProperties: { type: "boolean" } }, "Record<string, boolean>"],
    [{ type: "object", properties: { a: { type: "string" }, "b-c": { type: "null" } }, required: ["a"] }, '{ a: string; "b-c"?: null; }'],
    [{ type: "object", properties: { a: { type: "string" } }, anyOf: [{ const: 1 }, { const: 2 }] }, "{ a?: string; } & (1 | 2)"],
  ] as const)("becomes a type: %j", ([schema, type]) => {
    expect(typeOf(schema)).toBe(type);
  });

  test.for([{ type: "string", not: { const: "" } }, { type: "array", prefixItems: [] }, { type: "date" }, {}, { required: ["a"] }])(
    "that no type can say is refused: %j",
    (schema) => {
      expect(() => typeOf(schema)).toThrow("The typed client has no type for");
    },
  );

  test("keeps its words, and nothing in them ends the comment", () => {
    expect(schemaOf(documentOf({ T: { type: "string", description: "As in a/*b*/c." } }))).toContain("/** As in a/*b*\\/c. */\nexport type T = string;");
  });
});

describe("an operation", () => {
  const json = { content: { "application/json": { schema: { type: "string" } } } };
  const problem = { content: { "application/problem+json": { schema: { type: "string" } } } };
  const operation = (more: object) => documentOf({}, { "/a/{b}": { post: { operationId: "do_a_thing", summary: "Does", responses: { 201: json, 404: problem }, ...more } } });
  const parameter = (name: string, where: string, required = false) => ({ name, in: where, required, schema: { type: "string" } });

  test("has its refusals left out, and its facts beside it", () => {
    const text = schemaOf(operation({ security: [{}, { access_token: [] }], parameters: [parameter("Idempotency-Key", "header"), parameter("b", "path", true)] }));
    expect(text).toContain("answers: { 201: string };");
    expect(text).toContain("idempotencyKey?: string;");
    expect(text).toContain('doAThing: {"method":"POST","path":"/a/{b}","answers":[201],"bearer":true,"creates":true}');
  });

  test("leaves to the client the headers that it sends by itself", () => {
    const text = schemaOf(operation({ parameters: ["Authorization", "D1-Bookmark", "If-Match"].map((name) => parameter(name, "header")) }));
    expect(text).toContain('headers?: Partial<Record<"If-Match", string>>;');
  });

  test("whose content is no JSON is refused, by its name", () => {
    const requestBody = { content: { "multipart/form-data": { schema: { type: "string" } } } };
    expect(() => schemaOf(operation({ requestBody }))).toThrow("doAThing: the typed client knows no content but one JSON yet");
  });
});
