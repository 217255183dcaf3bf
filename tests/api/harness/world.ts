/** Where the stories of one spec file take place: a server, its people, and what a test may tamper with. */
import { randomBytes } from "node:crypto";
import { afterAll, expect } from "vitest";
import { Control } from "./control.ts";
import { eventually } from "./eventually.ts";
import { Keys } from "./keys.ts";
import type { MailBox } from "./mails.ts";
import { holdToDocument } from "./openapi.ts";
import { Actor, PersonActor } from "./person.ts";
import type { Headers } from "./person.ts";
import type { D1, Kv } from "./platform.ts";
import { isRuntimesOwn, startServer } from "./server.ts";
import type { Platform, Server } from "./server.ts";
import type { Notification, Post, Registration, Tokens } from "./shapes.ts";
import { State } from "./state.ts";

/** As much of a request's log line as tests look at. */
export interface RequestLine {
  route: string | null;
  status: number;
  user_id: string | null;
  cause: string | null;
  cost: { d1_trips: number; password_hashes: number };
}

export class World {
  readonly keys: Keys;
  readonly anonymous: Actor;
  readonly control: Control;
  readonly state: State;
  /** The database itself, for seeding only. */
  readonly database: D1;
  /** The store, as an operator writes to it. */
  readonly keyValue: Kv;
  /** What its people find in their mail. */
  readonly mails: MailBox;
  /** Where the server listens. */
  readonly url: URL;
  readonly #server: Server;

  constructor(server: Server, keys: Keys) {
    this.#server = server;
    this.keys = keys;
    this.url = server.url;
    this.anonymous = new Actor(server.url);
    this.control = new Control(server.url);
    this.state = new State(server.lags ? this.control.database : server.database, keys);
    this.database = server.database;
    this.keyValue = server.keyValue;
    this.mails = server.mails;
  }

  /** A name nobody else in this file has. */
  uniqueName(name: string): string {
    return `${name}_${randomBytes(5).toString("hex")}`;
  }

  /** Registers somebody new, who is signed in from then on. */
  async person(name: string, headers: Headers = {}): Promise<PersonActor> {
    const username = this.uniqueName(name);
    const email = `${username}@example.com`;
    const password = `the long passphrase of ${name}`;
    const body = { username, email, password, display_name: name };
    const registered = await this.anonymous.expect<Registration>(201, "POST", "/auth/register", body, headers);
    const { user, access_token: accessToken, refresh_token: refreshToken } = registered;
    return new PersonActor(this.#server.url, { id: user.id, username, email, password, accessToken, refreshToken });
  }

  /** Somebody new, who runs Kith. */
  async admin(name: string): Promise<PersonActor> {
    const person = await this.person(name);
    await this.state.setRole(person, "admin");
    return person;
  }

  /** Somebody new, who moderates. */
  async moderator(name: string): Promise<PersonActor> {
    const person = await this.person(name);
    await this.state.setRole(person, "moderator");
    return person;
  }

  /** The same where a registration waits for its mail: answers that, as whoever has the mailbox does. */
  async personByMail(name: string): Promise<PersonActor> {
    const username = this.uniqueName(name);
    const account = { username, email: `${username}@example.com`, password: `the long passphrase of ${name}` };
    await this.anonymous.expect(202, "POST", "/auth/register", { ...account, display_name: name });
    const [registration] = await this.state.rows<{ id: string }>("select id from registrations where username = ?1", username);
    const id = registration?.id ?? "";
    await this.anonymous.expect(204, "POST", "/auth/email/verify", { token: this.keys.mailToken({ may: "register", registration_id: id }) });
    const credentials = { username, password: account.password };
    const { access_token: accessToken, refresh_token: refreshToken } = await this.anonymous.expect<Tokens>(200, "POST", "/auth/login", credentials);
    return new PersonActor(this.#server.url, { ...account, id, accessToken, refreshToken });
  }

  /** Signed-in people who did not register; for stories that need many. */
  async crowd(name: string, count: number): Promise<PersonActor[]> {
    const accounts = await this.state.people(name, count);
    return accounts.map((account) => new PersonActor(this.#server.url, account));
  }

  /** Somebody without an account who shows this token. */
  bearing(token: string): Actor {
    return new Actor(this.#server.url, { authorization: `Bearer ${token}` });
  }

  /** A request outside the API's base path, by nobody in particular. Its answer is held to `openapi.json`. */
  async fetch(method: string, path: string, headers: Headers = {}): Promise<Response> {
    const response = await fetch(new URL(path, this.#server.url), { method, headers, redirect: "manual" });
    await holdToDocument({ method, path, response });
    return response;
  }

  /** The lines that the worker has logged, oldest first. */
  logLines(): { level: string; message: string }[] {
    return this.#server.harness.getLogs().filter(({ message }) => !isRuntimesOwn(message));
  }

  /** The line that the worker logs for this answer, once it has arrived. */
  async lineOf(response: Response): Promise<RequestLine> {
    const id = `"request_id":"${response.headers.get("x-request-id") ?? ""}"`;
    const found = await eventually("the log line arrives", async () =>
      this.logLines().find(({ message }) => message.includes(id) && message.includes('"event":"request"')),
    );
    return JSON.parse(found.message) as RequestLine;
  }

  /** How many passwords were hashed for this answer. */
  async hashesOf(response: Response): Promise<number> {
    return (await this.lineOf(response)).cost.password_hashes;
  }

  /** Waits until the jobs about this post have all been done. */
  async jobsDone(post: { id: string }): Promise<void> {
    await this.control.settle();
    await eventually("the jobs of the post are done", async () => (await this.state.jobsOf(post)).length === 0);
  }

  /** This person's notification about the post, once nothing more can change it; `undefined` if there is none. */
  async notificationOf(person: Actor, post: Post): Promise<Notification | undefined> {
    await this.jobsDone(post);
    const { data } = await person.notifications("?limit=100");
    const groups = data.filter((notification) => notification.post?.id === post.id);
    expect(groups.length).toBeLessThanOrEqual(1);
    return groups[0];
  }

  /**
   * Waits until every letter about somebody has become a mail or is known not to become one. One about an address
   * alone is about its text.
   */
  async mailsDone(about?: { id: string }): Promise<void> {
    await this.control.settle();
    await eventually("no letter is left", async () => (await this.state.letters(about)).every(({ dead_at: dead }) => dead !== null));
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

/** Starts a world that no request has reached yet, for the calling spec file. */
export async function openColdWorld(vars: Record<string, string>, platform: Platform = {}): Promise<World> {
  const keys = new Keys();
  const world = new World(await startServer(keys, vars, platform), keys);
  afterAll(() => world.close());
  return world;
}

/** Starts a world whose reads may lag, for the calling spec file. */
export function openLaggingWorld(): Promise<World> {
  return openWorld({}, { lags: true });
}

/** Starts a world for the calling spec file and closes it when the file is done. */
export async function openWorld(vars: Record<string, string> = {}, platform: Platform = {}): Promise<World> {
  const world = await openColdWorld(vars, platform);
  // The first request of an isolate sweeps in the background; let no recording see that.
  const response = await world.fetch("GET", "/health");
  expect(response.status).toBe(200);
  await world.control.settle();
  return world;
}
