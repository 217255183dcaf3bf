// Makes client/src/schema.ts from openapi.json: the types of all that is sent and answered, and the little
// that the client must know of each operation while it runs. Nobody edits or commits what it makes; the
// lints, the tests and the package make it first.
//
// What it does not know of JSON Schema it refuses, so that nothing becomes `unknown` in silence.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, main } from "./progress.mjs";
import { ROOT } from "./tools.mjs";

/**
 * @typedef {{ [keyword: string]: unknown, $ref?: string, description?: string, properties?: Record<string, Schema>,
 *   required?: string[], items?: Schema, enum?: unknown[], const?: unknown, oneOf?: Schema[], anyOf?: Schema[],
 *   allOf?: Schema[], type?: string | string[], additionalProperties?: boolean | Schema }} Schema
 * @typedef {{ $ref?: string, name: string, in: string, required?: boolean, description?: string, schema: Schema }} Parameter
 * @typedef {{ $ref?: string, content?: Record<string, { schema: Schema }> }} Body
 * @typedef {{ operationId: string, summary: string, description?: string, parameters?: Parameter[],
 *   requestBody?: Body & { required?: boolean }, responses: Record<string, Body>, security?: Record<string, unknown>[] }} Operation
 * @typedef {{ paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, Schema> } }} Document
 */

export const SCHEMA = join(ROOT, "client", "src", "schema.ts");

const SAID = "$ref const enum type properties required items additionalProperties oneOf anyOf allOf";
/** Keywords that narrow values in ways that a TypeScript type cannot, or not at all. */
const UNSAID = "format pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems";
const KEYWORDS = new Set(`${SAID} ${UNSAID} description title example examples default deprecated`.split(" "));

/** Headers that the client sends by itself; the caller has other words for them, or none. */
const OWN_HEADERS = ["authorization", "content-type", "idempotency-key", "d1-bookmark"];

const PROBLEM = "application/problem+json";

/**
 * The text of schema.ts.
 * @param {Document} document
 */
export function schemaOf(document) {
  const named = Object.entries(document.components.schemas).map(([name, schema]) => declaration(name, schema));
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => describe(document, path, method.toUpperCase(), operation)),
  );
  return [
    "// Made from openapi.json by scripts/client-schema.mjs; not to be edited.\n",
    'import type { Operation } from "./request.ts";\n',
    ...named,
    "/** What each operation takes, and what it answers by status. */",
    `export interface Operations {\n${operations.map(({ type }) => type).join("\n")}\n}\n`,
    "/** What the client has to know of each operation while it runs. */",
    `export const OPERATIONS: { readonly [Name in keyof Operations]: Operation } = {`,
    ...operations.map(({ name, facts }) => `  ${name}: ${JSON.stringify(facts)},`),
    "};\n",
  ].join("\n");
}

/**
 * @param {string} name
 * @param {Schema} schema
 */
function declaration(name, schema) {
  const type = typeOf(schema, "");
  const isPlain = schema.oneOf === undefined && schema.anyOf === undefined && schema.allOf === undefined;
  const isObject = schema.properties !== undefined && isPlain;
  const declared = isObject ? `interface ${name} ${type}` : `type ${name} = ${type};`;
  return `${comment(schema.description, "")}export ${declared}\n`;
}

/**
 * @param {Document} document
 * @param {string} path
 * @param {string} method
 * @param {Operation} operation
 */
function describe(document, path, method, operation) {
  const name = operation.operationId.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
  const parameters = (operation.parameters ?? []).map((parameter) => resolved(document, parameter));
  const creates = parameters.some((parameter) => parameter.in === "header" && parameter.name === "Idempotency-Key");
  const answers = Object.entries(operation.responses).flatMap(([status, response]) => answerOf(document, status, response));
  const body = jsonOf(resolved(document, operation.requestBody ?? {}).content, name);

  const input = [
    ...group("path", parameters.filter((parameter) => parameter.in === "path")),
    ...group("query", parameters.filter((parameter) => parameter.in === "query")),
    ...headers(parameters.filter((parameter) => parameter.in === "header").map((parameter) => parameter.name)),
    ...(body === null ? [] : [`body${operation.requestBody?.required === true ? "" : "?"}: ${typeOf(body, "      ")};`]),
    ...(creates ? ["/** Names what is to be created; a fresh one unless given. */", "idempotencyKey?: string;"] : []),
  ];
  const text = `\`${method} ${path}\`: ${operation.summary}.${operation.description === undefined ? "" : `\n\n${operation.description}`}`;
  const type = [
    `${comment(text, "  ")}  ${name}: {`,
    `    input: {${input.map((line) => `\n      ${line}`).join("")}\n    };`,
    `    answers: { ${answers.map((answer) => `${answer.status}: ${answer.type}`).join("; ")} };`,
    "  };",
  ].join("\n");

  const facts = {
    method,
    path,
    answers: answers.map((answer) => Number(answer.status)),
    ...((operation.security ?? []).some((scheme) => "access_token" in scheme) && { bearer: true }),
    ...(creates && { creates: true }),
    ...(answers.some((answer) => bearsTokens(document, answer.schema)) && { tokens: true }),
  };
  return { name, type, facts };
}

/**
 * The members of one kind of parameter, as one member of the input.
 * @param {string} name
 * @param {Parameter[]} parameters
 */
function group(name, parameters) {
  if (parameters.length === 0) return [];
  const optional = parameters.every((parameter) => parameter.required !== true);
  const members = parameters.map((parameter) => {
    const said = comment(parameter.description, "        ");
    return `${said}        ${key(parameter.name)}${parameter.required === true ? "" : "?"}: ${typeOf(parameter.schema, "        ")};\n`;
  });
  return [`${name}${optional ? "?" : ""}: {\n${members.join("")}      };`];
}

/**
 * The headers that a caller may give, as one member of the input.
 * @param {string[]} names
 */
function headers(names) {
  const callers = names.filter((name) => !OWN_HEADERS.includes(name.toLowerCase()));
  return callers.length === 0 ? [] : [`headers?: Partial<Record<${callers.map((name) => JSON.stringify(name)).join(" | ")}, string>>;`];
}

/**
 * What a response is to a caller: an answer, or nothing if it is a refusal.
 * @param {Document} document
 * @param {string} status
 * @param {Body} response
 */
function answerOf(document, status, response) {
  const { [PROBLEM]: problem, ...content } = resolved(document, response).content ?? {};
  const schema = jsonOf(content, status);
  if (schema === null && (Number(status) >= 400 || problem !== undefined)) return [];
  return [{ status, schema, type: schema === null ? "undefined" : typeOf(schema, "      ") }];
}

/**
 * @param {Record<string, { schema: Schema }> | undefined} content
 * @param {string} where
 * @returns {Schema | null} null where there is no content
 */
function jsonOf(content, where) {
  const types = Object.entries(content ?? {});
  const [first] = types;
  if (first === undefined) return null;
  const [type, { schema }] = first;
  if (types.length > 1 || !/^application\/([\w.-]+\+)?json$/.test(type)) {
    throw new Failure(`${where}: the typed client knows no content but one JSON yet, and this is ${types.map(([name]) => name).join(", ")}.`);
  }
  return schema;
}

/**
 * Whether what is answered signs somebody in.
 * @param {Document} document
 * @param {Schema | null} schema
 */
function bearsTokens(document, schema) {
  const required = schema === null ? [] : (resolved(document, schema).required ?? []);
  return required.includes("access_token") && required.includes("refresh_token");
}

/**
 * @param {Schema} schema
 * @param {string} indent of the line on which the type begins
 * @returns {string}
 */
function typeOf(schema, indent) {
  const { $ref, const: constant, enum: values, oneOf, anyOf, allOf, type, properties, required } = schema;
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword) && !keyword.startsWith("x-"));
  if (required !== undefined && properties === undefined) unknown.push("required");
  if (unknown.length > 0) throw new Failure(`The typed client has no type for ${unknown.join(", ")} of JSON Schema here: ${JSON.stringify(schema)}.`);

  // Each part narrows the others; the alternatives within a part do not.
  const parts = [];
  if ($ref !== undefined) parts.push([$ref.split("/").at(-1) ?? $ref]);
  if (constant !== undefined) parts.push([JSON.stringify(constant)]);
  else if (values !== undefined) parts.push(values.map((value) => JSON.stringify(value)));
  else if (type !== undefined || properties !== undefined) {
    parts.push([type ?? "object"].flat().map((name) => typeNamed(name, schema, indent)));
  }
  const alternatives = oneOf ?? anyOf;
  if (alternatives !== undefined) parts.push(alternatives.map((alternative) => typeOf(alternative, indent)));
  for (const part of allOf ?? []) {
    const narrowing = typeOf(part, indent);
    parts.push([/^\w+$/.test(narrowing) ? narrowing : `(${narrowing})`]);
  }

  const [only] = parts;
  if (only === undefined) throw new Failure(`The typed client has no type for ${JSON.stringify(schema)}.`);
  if (parts.length === 1) return only.join(" | ");
  return parts.map((part) => (part.length === 1 ? part[0] : `(${part.join(" | ")})`)).join(" & ");
}

/**
 * @param {string} name of JSON Schema's type
 * @param {Schema} schema
 * @param {string} indent
 */
function typeNamed(name, { items, properties, required = [], additionalProperties }, indent) {
  if (name === "integer") return "number";
  if (["string", "number", "boolean", "null"].includes(name)) return name;
  if (name === "array" && items !== undefined) return `Array<${typeOf(items, indent)}>`;
  if (name !== "object") throw new Failure(`The typed client has no type for ${name} of JSON Schema.`);
  if (properties === undefined) {
    return typeof additionalProperties === "object" ? `Record<string, ${typeOf(additionalProperties, indent)}>` : "Record<string, unknown>";
  }
  const members = Object.entries(properties).map(([member, schema]) => {
    const inner = `${indent}  `;
    return `${comment(schema.description, inner)}${inner}${key(member)}${required.includes(member) ? "" : "?"}: ${typeOf(schema, inner)};\n`;
  });
  return `{\n${members.join("")}${indent}}`;
}

/** @param {string} name */
function key(name) {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

/**
 * @param {string | undefined} text
 * @param {string} indent
 */
function comment(text, indent) {
  if (text === undefined) return "";
  const lines = text.trim().replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}

/**
 * @template {{ $ref?: string }} T
 * @param {Document} document
 * @param {T} entry
 * @returns {T} what it refers to, or itself
 */
function resolved(document, entry) {
  if (entry.$ref === undefined) return entry;
  /** @type {unknown} */
  let found = document;
  for (const name of entry.$ref.split("/").slice(1)) found = /** @type {Record<string, unknown>} */ (found)[name];
  return /** @type {T} */ (found);
}

/** Makes schema.ts match openapi.json; leaves it alone if it does. */
export function writeSchema() {
  const document = /** @type {Document} */ (JSON.parse(readFileSync(join(ROOT, "openapi.json"), "utf8")));
  const text = schemaOf(document);
  if (existsSync(SCHEMA) && readFileSync(SCHEMA, "utf8") === text) return;
  // Moved when complete: two test runs may do this at once.
  const partial = `${SCHEMA}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, SCHEMA);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => writeSchema());
}
