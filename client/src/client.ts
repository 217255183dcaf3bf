/** The client: a call for each operation, and what all of them have in common. */
import { Bookmark } from "./bookmark.ts";
import { hasCode, isProblem, NetworkFailure } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { prepare, send } from "./request.ts";
import type { Answer, Fetch, Input, PreparedRequest } from "./request.ts";
import { CLOCK, isRepeatable, repeating, RETRY } from "./retry.ts";
import type { Clock, RetryPolicy } from "./retry.ts";
import { OPERATIONS } from "./schema.ts";
import type { Operations, Tokens } from "./schema.ts";
import { memoryStore, Sessions } from "./session.ts";
import type { Session, TokenStore } from "./session.ts";

export interface ClientOptions {
  /** Where Kith is, as in `https://kith.example.com`. Nothing is ever sent elsewhere. */
  baseUrl: string | URL;
  /** Where the session is kept; in memory unless given. */
  tokens?: TokenStore;
  /** Told that nobody is signed in any more: null after `logout`, else the refusal that ended the session. */
  onSignedOut?: (why: Problem | null) => void;
  /** How patiently what fails in passing is asked again. */
  retry?: Partial<RetryPolicy>;
  /** What sends requests, unless it is the `fetch` of the platform. */
  fetch?: Fetch;
  /** Time and chance, for tests. */
  clock?: Clock;
}

/** A call for each operation of Kith, by its name. */
export type Client = { readonly [Name in keyof Operations]: Call<Name> };

/** A 304 is an answer only to those who ask for one. */
export type Call<Name extends keyof Operations> = Conditional<Name> &
  ((...input: Optional<InputOf<Name>>) => Promise<Exclude<AnswerOf<Name>, { status: 304 }>>);

type Conditional<Name extends keyof Operations> = 304 extends keyof Operations[Name]["answers"]
  ? (input: InputOf<Name> & { headers: { "If-None-Match": string } }) => Promise<AnswerOf<Name>>
  : unknown;

type Optional<Given> = object extends Given ? [input?: Given] : [input: Given];

/** What the operation takes, and a signal that ends the call wherever it waits. */
export type InputOf<Name extends keyof Operations> = Operations[Name]["input"] & { signal?: AbortSignal };

/** What the operation answers: its body as `data`, by `status`. */
export type AnswerOf<Name extends keyof Operations> = {
  [Status in keyof Operations[Name]["answers"]]: { status: Status; data: Operations[Name]["answers"][Status]; headers: Headers };
}[keyof Operations[Name]["answers"]];

/** Milliseconds. For ten seconds Kith gives the same tokens again for a refresh token; later, that is theft. */
const REDEEM_WITHIN = 8_000;

/** @throws TypeError for a `baseUrl` that nothing can be appended to. */
export function createClient(options: ClientOptions): Client {
  const caller = new Caller(options);
  const calls = Object.keys(OPERATIONS).map((name) => [name, (input: Input = {}) => caller.call(name as keyof Operations, input)]);
  return Object.fromEntries(calls) as Client;
}

class Caller {
  readonly #baseUrl: string;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #retry: RetryPolicy;
  readonly #sessions: Sessions;
  readonly #bookmark = new Bookmark();

  constructor({ baseUrl, tokens = memoryStore(), onSignedOut = () => undefined, retry = {}, fetch, clock = CLOCK }: ClientOptions) {
    this.#baseUrl = withoutSlash(new URL(baseUrl));
    this.#fetch = fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#clock = clock;
    this.#retry = { ...RETRY, ...retry };
    this.#sessions = new Sessions({ store: tokens, redeem: (token) => this.#redeem(token), onSignedOut, clock });
  }

  async call(name: keyof Operations, input: Input): Promise<Answer> {
    const operation = OPERATIONS[name];
    const request = prepare(this.#baseUrl, operation, input);
    const session = operation.bearer === true ? await this.#sessions.current(input.signal) : null;
    const askedAt = this.#clock.now();
    const remember = this.#bookmark.watch();
    const answer = await this.#signedIn(request, session);
    if (operation.tokens === true && isTokens(answer.data)) {
      const { id } = await this.#sessions.begin(answer.data, askedAt);
      remember(answer.headers, id);
    }
    if (name === "logout" && session !== null) await this.#sessions.end(session.id, null);
    return answer;
  }

  /** Asks with the session's token, and once more with a new one if that was over. */
  async #signedIn(request: PreparedRequest, session: Session | null): Promise<Answer> {
    try {
      return await this.#repeated(request, session);
    } catch (error) {
      if (session === null || !isProblem(error, "token_expired")) throw error;
      return this.#repeated(request, await this.#sessions.renewed(session, error, request.signal));
    }
  }

  /** Asks until there is an answer, or asking again would be wrong or in vain. */
  async #repeated(request: PreparedRequest, session: Session | null): Promise<Answer> {
    const policy = isRepeatable(request) ? this.#retry : { ...this.#retry, attempts: 1 };
    try {
      return await repeating(() => this.#once(request, session), policy, this.#clock, request.signal);
    } catch (error) {
      if (session !== null && isProblem(error, "session_ended", "invalid_token")) await this.#sessions.end(session.id, error);
      throw error;
    }
  }

  async #once(request: PreparedRequest, session: Session | null): Promise<Answer> {
    if (session === null) return this.#send(request, {});
    try {
      return await this.#remembered(request, session, this.#bookmark.headersFor(session.id));
    } catch (error) {
      if (!hasCode(error, "malformed_bookmark")) throw error;
      this.#bookmark.forget();
      return this.#remembered(request, session, {});
    }
  }

  /** Keeps the bookmark of the answer; none where a write may have happened and no answer names its state. */
  async #remembered(request: PreparedRequest, session: Session, bookmark: Record<string, string>): Promise<Answer> {
    const remember = this.#bookmark.watch();
    try {
      const answer = await this.#send(request, { authorization: `Bearer ${session.accessToken}`, ...bookmark });
      remember(answer.headers, session.id);
      return answer;
    } catch (error) {
      if (mayHaveWritten(request, error)) this.#bookmark.forget();
      throw error;
    }
  }

  /** Sent again when the answer is lost, for as long as Kith gives the same one. */
  async #redeem(refreshToken: string): Promise<Tokens> {
    const over = new AbortController();
    const request = prepare(this.#baseUrl, OPERATIONS.refresh, { body: { refresh_token: refreshToken }, signal: over.signal });
    const policy = { ...this.#retry, longestWait: Math.min(this.#retry.longestWait, REDEEM_WITHIN / 2) };
    const late = this.#clock.wait(REDEEM_WITHIN, over.signal).then(() => {
      throw new NetworkFailure("POST /api/v1/auth/refresh", `nothing within ${REDEEM_WITHIN} ms`);
    });
    try {
      const answer = await Promise.race([repeating(() => this.#send(request, {}), policy, this.#clock, over.signal), late]);
      return answer.data as Tokens;
    } finally {
      over.abort();
    }
  }

  #send(request: PreparedRequest, headers: Record<string, string>): Promise<Answer> {
    return send(this.#fetch, request, headers, this.#clock);
  }
}

/** What paths are appended to. Behind a query or a fragment they would be none, and all calls go to one place. */
function withoutSlash({ href, origin, pathname }: URL): string {
  const base = origin + pathname;
  if (href !== base) throw new TypeError("baseUrl is an address and a path, without a name, a query or a fragment");
  return base.replace(/\/+$/, "");
}

/** Whether the request may have had its effect though it failed. What Kith refuses has none. */
function mayHaveWritten({ operation }: PreparedRequest, error: unknown): boolean {
  return operation.method !== "GET" && !(isProblem(error) && error.status < 500);
}

/** A registration may be answered without. */
function isTokens(data: unknown): data is Tokens {
  return typeof data === "object" && data !== null && "access_token" in data;
}
