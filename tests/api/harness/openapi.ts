/**
 * Holds every answer to `openapi.json`: a status, type, body, code or header that the document does not
 * have fails the test that got it, and so does a request on which document and Kith judge differently.
 */
import { readFileSync } from "node:fs";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ValidateFunction } from "ajv/dist/2020.js";
import { INVOCATION_HEADER } from "./protocol.ts";

interface Reference {
  $ref?: string;
}

interface Schema extends Reference {
  [keyword: string]: unknown;
}

interface Header {
  required: boolean;
  schema: Schema;
}

interface Answer {
  headers: Record<string, Reference & Header>;
  content?: Record<string, { schema: Schema }>;
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Schema;
}

interface Operation {
  operationId: string;
  parameters: (Reference & Parameter)[];
  requestBody?: { description: string; content: Record<string, { schema: Schema }> };
  responses: Record<string, Reference & Answer>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: {
    headers: Record<string, Header>;
    responses: Record<string, Answer>;
    schemas: Record<string, Schema>;
  };
}

/** One request and its answer. */
export interface Asked {
  method: string;
  /** With the base path and the query. */
  path: string;
  /** What was sent: a text as it travelled, or a value that was sent as JSON. */
  body?: unknown;
  response: Response;
}

/** The headers that the platform adds, and the tests' own. */
const NOT_KITHS = ["connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "transfer-encoding", INVOCATION_HEADER];

/** What is served as a file beside the API. What is no file there is answered by Kith. */
const FILES = /^\/(docs|openapi\.json|account|verify-email|reset-password|setup)([/.]|$)/;

/** What Kith refuses before it looks at the path. */
const BEFORE_THE_ROUTE = ["too_many_requests", "maintenance", "misconfigured", "not_acceptable"];

/** The rules that a schema cannot say: what breaks them is refused though the document takes it. */
export const UNSAYABLE = [
  ["/username", "reserved"],
  ["/password", "too_weak"],
  ["/new_password", "too_weak"],
  ["/new_password", "unchanged"],
  ["/email", "invalid_format"],
  ["/email", "invalid_characters"],
  ["/new_email", "invalid_format"],
  ["/new_email", "invalid_characters"],
  ["/new_email", "unchanged"],
  ["/reply_to", "invalid_value"],
  // To remove a post where a person is reported.
  ["/action", "invalid_value"],
];

export class Contract {
  readonly document: Document;
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #routes: { template: string; pattern: RegExp; names: string[] }[];

  constructor(document: Document) {
    this.document = structuredClone(document);
    // What clients may meet one day is open; what Kith answers today is documented.
    for (const schema of Object.values(this.document.components.schemas)) {
      if (schema["properties"] !== undefined) schema["additionalProperties"] ??= false;
    }
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(this.document, "kith");
    this.#routes = Object.keys(document.paths)
      // What is spelled out comes before what a parameter could stand for.
      .toSorted((one, other) => one.split("{").length - other.split("{").length)
      .map((template) => ({
        template,
        // In the middle of a path, nothing is a text too.
        pattern: new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\{\w+\}(?=\/)/g, "([^/]*)").replaceAll(/\{\w+\}/g, "([^/]+)")}$`),
        names: [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""),
      }));
  }

  /** What is wrong with the answer, or with the document; nothing if they agree. */
  async complaints(asked: Asked): Promise<string[]> {
    const { pathname, searchParams } = new URL(asked.path, "http://kith");
    if (FILES.test(pathname) && !asked.response.headers.has("x-request-id")) return [];
    const text = await asked.response.clone().text();
    const route = this.#routes.find(({ pattern }) => pattern.test(pathname));
    if (route === undefined) return this.#ofNoRoute(asked, text);
    const methods = this.document.paths[route.template] ?? {};
    const operation = methods[asked.method === "HEAD" ? "get" : asked.method.toLowerCase()];
    if (asked.method === "OPTIONS" && asked.response.status === 204) return this.#ofOptions(asked.response, Object.keys(methods));
    if (operation === undefined) return this.#ofNoMethod(asked, text, Object.keys(methods));
    const found = this.#ofAnswer(operation, asked, text);
    const [, ...values] = route.pattern.exec(pathname) ?? [];
    const path = Object.fromEntries(route.names.map((name, index) => [name, decoded(values[index] ?? "")]));
    found.push(...this.#ofRequest(operation, asked, text, path, searchParams));
    return found.map((complaint) => `${operation.operationId}, ${asked.response.status}: ${complaint}`);
  }

  #ofNoRoute(asked: Asked, text: string): string[] {
    // A preflight is answered whatever its path.
    if (asked.method === "OPTIONS" && asked.response.status === 204) return this.#ofOptions(asked.response, []);
    return this.#ofComponents(asked, text, ["not_found", ...BEFORE_THE_ROUTE], "no such path");
  }

  /** `OPTIONS` tells a path's methods; a preflight, which no test needs to say it is, tells none. */
  #ofOptions(response: Response, methods: string[]): string[] {
    const preflight = !response.headers.has("allow");
    const answer = this.document.components.responses[preflight ? "204.preflight" : "204.options"];
    if (answer === undefined) return ["the document does not tell of OPTIONS"];
    return [...this.#ofHeaders(answer, response), ...(preflight ? [] : allowedBy(response, methods))];
  }

  #ofNoMethod(asked: Asked, text: string, methods: string[]): string[] {
    const found = this.#ofComponents(asked, text, ["method_not_allowed", ...BEFORE_THE_ROUTE], "no such method");
    return asked.response.status === 405 ? [...found, ...allowedBy(asked.response, methods)] : found;
  }

  /** An answer that belongs to no operation has to be one of these refusals. */
  #ofComponents({ method, response }: Asked, text: string, codes: string[], what: string): string[] {
    const code = text.startsWith("{") ? (JSON.parse(text) as { code?: string }).code : undefined;
    if (text !== "" && (code === undefined || !codes.includes(code))) {
      return [`the document has ${what}, but the answer is ${response.status} ${code ?? text.slice(0, 80)}`];
    }
    const names = Object.keys(this.document.components.responses);
    const name = names.find((one) => one.startsWith(`${response.status}.`) && (code === undefined || one.split(".").includes(code)));
    const answer = this.document.components.responses[name ?? ""];
    if (answer === undefined) return [`no refusal is documented with ${response.status} ${code}`];
    const found = this.#ofHeaders(answer, response);
    return method === "HEAD" ? found : [...found, ...this.#ofBody(answer, response, text)];
  }

  #ofAnswer(operation: Operation, asked: Asked, text: string): string[] {
    const answer = this.#resolve<Answer>(operation.responses[String(asked.response.status)]);
    if (answer === undefined) return ["this status is not documented"];
    const found = this.#ofHeaders(answer, asked.response);
    return asked.method === "HEAD" ? found : [...found, ...this.#ofBody(answer, asked.response, text)];
  }

  #ofHeaders(answer: Answer, { headers }: Response): string[] {
    const found: string[] = [];
    const documented = new Set(NOT_KITHS);
    for (const [name, entry] of Object.entries(answer.headers)) {
      documented.add(name.toLowerCase());
      const header = this.#resolve<Header>(entry);
      const value = headers.get(name);
      if (header === undefined || (value === null && !header.required)) continue;
      if (value === null) found.push(`the header ${name} is missing`);
      else found.push(...this.#judge(header.schema, value).map((complaint) => `header ${name}: ${value} ${complaint}`));
    }
    for (const [name] of headers) if (!documented.has(name)) found.push(`the header ${name} is not documented`);
    return found;
  }

  #ofBody({ content }: Answer, { headers }: Response, text: string): string[] {
    const type = headers.get("content-type");
    if (content === undefined) return text === "" && type === null ? [] : [`a body where none is documented: ${type}`];
    const documented = content[type ?? ""];
    if (documented === undefined) return [`the type ${type} is not documented`];
    return this.#judge(documented.schema, JSON.parse(text)).map((complaint) => `body ${complaint}: ${text.slice(0, 300)}`);
  }

  /** Where the document refuses what Kith takes, or takes what Kith calls invalid. */
  #ofRequest(operation: Operation, asked: Asked, text: string, path: Record<string, string>, query: URLSearchParams): string[] {
    const refused: string[] = [];
    const body = operation.requestBody?.content["application/json"];
    const asSent = typeof asked.body === "string" || asked.body instanceof Uint8Array;
    if (body !== undefined) {
      const value = asked.body instanceof Uint8Array ? undefined : typeof asked.body === "string" ? parsed(asked.body) : asked.body;
      refused.push(...this.#judge(body.schema, value).map((complaint) => `the request's body ${complaint}`));
    }
    const parameters = operation.parameters.map((parameter) => this.#resolve<Parameter>(parameter));
    for (const parameter of parameters) {
      if (parameter === undefined || parameter.in === "header") continue;
      const sent = parameter.in === "path" ? path[parameter.name] : query.get(parameter.name);
      if (parameter.required && sent === null) refused.push(`${parameter.name} is missing`);
      if (sent === null || sent === undefined) continue;
      const value = this.#resolve(parameter.schema)?.["type"] === "integer" && /^[+-]?\d+$/.test(sent) ? Number(sent) : sent;
      refused.push(...this.#judge(parameter.schema, value).map((complaint) => `${parameter.name} ${complaint}`));
    }
    const known = parameters.flatMap((parameter) => (parameter?.in === "query" ? [parameter.name] : []));
    const names = [...query.keys()];
    // An operation without a query does not look at it.
    if (known.length > 0) refused.push(...names.filter((name, index) => !known.includes(name) || names.indexOf(name) !== index));

    if (asked.response.ok && refused.length > 0) return [`Kith takes what the document refuses: ${refused.join("; ")}`];
    // A text as it was sent may be refused for what a parsed value does not show, like a field given twice.
    if (asked.response.status !== 422 || refused.length > 0 || asSent) return [];
    const { code, errors = [] } = JSON.parse(text) as { code: string; errors?: { pointer: string; code: string }[] };
    const sayable = errors.filter((error) => !UNSAYABLE.some(([pointer, rule]) => error.pointer === pointer && error.code === rule));
    return code !== "invalid" || sayable.length === 0 ? [] : [`the document takes what Kith refuses: ${JSON.stringify(sayable)}`];
  }

  /** What the value breaks of the schema. */
  #judge(schema: Schema, value: unknown): string[] {
    const key = JSON.stringify(schema);
    let validate = this.#validators.get(key);
    if (validate === undefined) {
      validate = this.#ajv.compile(rooted(schema) as Schema);
      this.#validators.set(key, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  #resolve<T extends object>(entry: (T & Reference) | undefined): T | undefined {
    if (entry?.$ref === undefined) return entry;
    let found: unknown = this.document;
    for (const name of entry.$ref.split("/").slice(1)) found = (found as Record<string, unknown>)[name];
    return found as T | undefined;
  }
}

/** Where `Allow` and the document differ. `GET` brings `HEAD` with it, and every path has `OPTIONS`. */
function allowedBy(response: Response, methods: string[]): string[] {
  const allowed = (response.headers.get("allow") ?? "").split(",").map((method) => method.trim().toLowerCase());
  const documented = [...methods, "options", ...(methods.includes("get") ? ["head"] : [])];
  return allowed.toSorted().join() === documented.toSorted().join() ? [] : [`Allow has ${allowed.join()}, the document ${documented.join()}`];
}

/** The same schema with references into the whole document. */
function rooted(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(rooted);
  if (typeof part !== "object" || part === null) return part;
  return Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, name === "$ref" && typeof value === "string" ? `kith${value}` : rooted(value)]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The committed document. */
export function readDocument(): Document {
  return JSON.parse(readFileSync(new URL("../../../openapi.json", import.meta.url), "utf8")) as Document;
}

let contract: Contract | undefined;

/** Fails unless the answer is one that the document describes. */
export async function holdToDocument(asked: Asked): Promise<void> {
  contract ??= new Contract(readDocument());
  const complaints = await contract.complaints(asked);
  if (complaints.length > 0) {
    throw new Error(`${asked.method} ${asked.path} and openapi.json differ:\n  ${complaints.join("\n  ")}`);
  }
}
