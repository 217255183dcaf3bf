/** One request to Kith and its answer: no repeating, no session, only what crosses the network. */
import { NetworkFailure, Problem, UnexpectedAnswer } from "./errors.ts";
import type { Clock } from "./retry.ts";
import type { Problem as ProblemBody } from "./schema.ts";

/** What the client knows of an operation while it runs; `schema.ts` has them all. */
export interface Operation {
  method: string;
  /** With `{name}` where a value of `path` belongs. */
  path: string;
  /** The statuses that are answers. Any other is a refusal. */
  answers: readonly number[];
  /** It looks at the access token. */
  bearer?: boolean;
  /** It takes an `Idempotency-Key`. */
  creates?: boolean;
  /** It may answer with the tokens of a new session. */
  tokens?: boolean;
}

/** What any operation may be given. */
export interface Input {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Answer {
  status: number;
  data: unknown;
  headers: Headers;
}

/** A request that can be sent again as it is. */
export interface PreparedRequest {
  operation: Operation;
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  signal: AbortSignal | undefined;
}

/**
 * @throws TypeError for a value that cannot stand in a path.
 */
export function prepare(baseUrl: string, operation: Operation, input: Input): PreparedRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(input.headers ?? {})) if (value !== undefined) headers[name] = value;
  if (input.body !== undefined) headers["content-type"] = "application/json";
  if (operation.creates === true) headers["idempotency-key"] = input.idempotencyKey ?? freshKey();
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(name, input.path?.[name]));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) if (value !== undefined) query.set(name, String(value));
  return {
    operation,
    url: `${baseUrl}${path}${query.size > 0 ? `?${query}` : ""}`,
    headers,
    body: input.body === undefined ? undefined : JSON.stringify(input.body),
    signal: input.signal,
  };
}

/** A value in a path. A dot segment would lead to another path, even if it is escaped. */
function segment(name: string, value: string | undefined): string {
  if (value === undefined || value === "" || value === "." || value === "..") {
    throw new TypeError(`${name} cannot be ${value === undefined ? "left out" : JSON.stringify(value)}`);
  }
  return encodeURIComponent(value);
}

/** 128 random bits; `crypto.randomUUID` is not there on pages that came by plain HTTP. */
export function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Sends the request once.
 * @param more headers of this one time
 * @param clock for a `Retry-After` that is a date
 * @throws Problem, UnexpectedAnswer, NetworkFailure; the signal's reason once it has been aborted.
 */
export async function send(fetch: Fetch, request: PreparedRequest, more: Record<string, string>, clock: Clock): Promise<Answer> {
  const { operation, url, body, signal } = request;
  const name = `${operation.method} ${operation.path}`;
  const init: RequestInit = { method: operation.method, headers: { ...request.headers, ...more }, redirect: "manual" };
  if (body !== undefined) init.body = body;
  if (signal !== undefined) init.signal = signal;

  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    // An answer that breaks off is none.
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw new NetworkFailure(name, error);
  }

  const { status, headers } = response;
  const content = parsed(text);
  const isProblem = /^application\/problem\+json\b/i.test(headers.get("content-type") ?? "");
  if (isProblem && isProblemBody(content)) throw new Problem(name, content, response, clock.now());
  if (isProblem || !operation.answers.includes(status) || content instanceof SyntaxError) {
    throw new UnexpectedAnswer(name, text, response, clock.now());
  }
  return { status, data: content, headers };
}

/** What the text says as JSON; nothing if it is empty. */
function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

function isProblemBody(content: unknown): content is ProblemBody {
  return typeof content === "object" && content !== null && "code" in content && typeof content.code === "string";
}
