/** What a client is tried on without a Kith: a script that answers, and a clock that moves when it is told. */
import { createClient, memoryStore } from "../../client/src/index.ts";
import type { Client, ClientOptions, Clock, Problem, Session, TokenStore } from "../../client/src/index.ts";

/** A request as it was sent. */
export interface Sent {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
  init: RequestInit;
}

export type Script = (sent: Sent) => Response | Promise<Response>;

/** Time that passes only when something waits for it. */
export class StageClock implements Clock {
  time = Date.parse("2026-11-20T12:00:00Z");
  chance = 0.5;
  /** The waits that came to their end, in milliseconds. */
  readonly waited: number[] = [];
  #timers: { at: number; ring: () => void }[] = [];

  now = (): number => this.time;
  random = (): number => this.chance;

  wait = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = {
        at: this.time + milliseconds,
        ring: () => {
          this.waited.push(milliseconds);
          resolve();
        },
      };
      this.#timers.push(timer);
      const give = () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
        reject(signal?.reason);
      };
      if (signal?.aborted === true) give();
      signal?.addEventListener("abort", give);
    });

  /** Lets the wait that ends first end. */
  ring(): void {
    const [first] = this.#timers.toSorted((one, other) => one.at - other.at);
    if (first === undefined) return;
    this.#timers = this.#timers.filter((one) => one !== first);
    this.time = Math.max(this.time, first.at);
    first.ring();
  }

  /** What the call comes to, with every wait of it passing at once. */
  async through<T>(call: Promise<T>): Promise<T> {
    let over = false;
    call.then(
      () => (over = true),
      () => (over = true),
    );
    for (;;) {
      await idle();
      if (over) return call;
      this.ring();
    }
  }
}

/** Until everything that can happen by itself has happened. */
export function idle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { type: "about:blank", title: "", status, detail: `It is ${code}.`, code, request_id: "r1" };
  return json(status, body, { "content-type": "application/problem+json", ...headers });
}

export function noContent(): Response {
  return new Response(null, { status: 204 });
}

/** The tokens of the session's generation `n`. */
export function tokens(n: number): { access_token: string; token_type: "Bearer"; expires_in: number; refresh_token: string } {
  return { access_token: `access-${n}`, token_type: "Bearer", expires_in: 600, refresh_token: `refresh-${n}` };
}

/** A promise that the test keeps. */
export class Held<T> {
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

export class Stage {
  readonly clock = new StageClock();
  readonly sent: Sent[] = [];
  readonly signedOut: (Problem | null)[] = [];
  readonly store: TokenStore;
  readonly kith: Client;

  constructor(script: Script, options: Partial<ClientOptions> = {}) {
    this.store = options.tokens ?? memoryStore();
    this.kith = createClient({
      baseUrl: "https://kith.test",
      tokens: this.store,
      clock: this.clock,
      onSignedOut: (why) => this.signedOut.push(why),
      fetch: async (url, init) => {
        const { body } = init;
        const sent = {
          method: init.method ?? "GET",
          url: new URL(url),
          headers: new Headers(init.headers),
          body: typeof body === "string" ? (JSON.parse(body) as unknown) : body,
          init,
        };
        this.sent.push(sent);
        return script(sent);
      },
      ...options,
    });
  }

  /** Signed in with the tokens of generation 1, which are good for ten minutes. */
  async signedIn(): Promise<Session> {
    const session = { id: "asha's", accessToken: "access-1", refreshToken: "refresh-1", expiresAt: this.clock.now() + 600_000 };
    await this.store.save(session);
    return session;
  }

  /** What was sent to this path. */
  to(path: string): Sent[] {
    return this.sent.filter(({ url }) => url.pathname === path);
  }
}
