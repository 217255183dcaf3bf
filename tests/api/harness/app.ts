/** People with an app that uses the typed client. */
import { expect } from "vitest";
import { createClient, memoryStore } from "../../../client/src/index.ts";
import type { Client, ClientOptions, Fetch, Problem, Session, TokenStore } from "../../../client/src/index.ts";
import { decodeToken, nowSeconds } from "./keys.ts";
import { holdToDocument } from "./openapi.ts";
import type { World } from "./world.ts";

/** Sends what the client sends, and holds the answer to `openapi.json`. */
const heldToDocument: Fetch = async (url, init) => {
  const { pathname, search } = new URL(url);
  const response = await fetch(url, init);
  await holdToDocument({ method: init.method ?? "GET", path: pathname + search, body: init.body ?? undefined, response });
  return response;
};

export class App {
  readonly kith: Client;
  readonly store: TokenStore = memoryStore();
  /** The requests it sent, as `POST /api/v1/posts`, and their headers. */
  readonly sent: { name: string; headers: Headers }[] = [];
  readonly signedOut: (Problem | null)[] = [];
  readonly #world: World;

  /** @param options whose `fetch` stands between the client and the world */
  constructor(world: World, { fetch: send = heldToDocument, ...options }: Partial<ClientOptions> = {}) {
    this.#world = world;
    this.kith = createClient({
      baseUrl: world.url,
      tokens: this.store,
      onSignedOut: (why) => this.signedOut.push(why),
      fetch: (url, init) => {
        this.sent.push({ name: `${init.method} ${new URL(url).pathname}`, headers: new Headers(init.headers) });
        return send(url, init);
      },
      ...options,
    });
  }

  /** How often this was sent. */
  times(name: string): number {
    return this.sent.filter((one) => one.name === name).length;
  }

  async session(): Promise<Session> {
    return (await this.store.load()) ?? expect.fail("nobody is signed in");
  }

  /** Lets the access token have ended, without the client knowing it. */
  async expire(): Promise<void> {
    const session = await this.session();
    const { claims } = decodeToken(session.accessToken);
    const accessToken = this.#world.keys.sign({ ...claims, iat: nowSeconds() - 1_200, exp: nowSeconds() - 600 });
    await this.store.save({ ...session, accessToken });
  }
}

/** The app of somebody new, who has registered with it. */
export class PersonsApp extends App {
  username = "";

  static async of(world: World, name: string, options?: Partial<ClientOptions>): Promise<PersonsApp> {
    const app = new PersonsApp(world, options);
    app.username = world.uniqueName(name);
    const credentials = { username: app.username, password: `the long passphrase of ${name}` };
    const { status, data } = await app.kith.register({ body: { ...credentials, email: `${app.username}@example.com` } });
    expect([status, status === 201 && data.user.username]).toEqual([201, app.username]);
    return app;
  }
}
