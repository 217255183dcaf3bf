/** A Worker of its own for one run of the fuzzing, with a small world in it, and what it must look like after. */
import { eventually, InVain } from "../api/harness/eventually.ts";
import { Keys } from "../api/harness/keys.ts";
import { leftoversOf, numbersOf } from "../api/harness/kill/examination.ts";
import { Actor, PersonActor } from "../api/harness/person.ts";
import { BARE, startServer } from "../api/harness/server.ts";
import type { Server } from "../api/harness/server.ts";
import type { Page, Post, Tokens } from "../api/harness/shapes.ts";
import { State } from "../api/harness/state.ts";
import type { Known } from "./garbage.ts";
import { LogTally } from "./log.ts";

/** What the examples of the document sign in with. */
const PASSWORD = "a horse of my own";
const SETTLE_MS = 60_000;
const LINKS = 50;
/** No limit of requests is to hide what a request would do: the quotas are as wide as they get. */
const VARS = { RATE_LIMIT_FACTOR: "1000" };
const SHIELD = { limit: 1_000_000 };

export class Stage {
  readonly peers: readonly PersonActor[];
  /** The token of a mail that proves the address of one of them. */
  readonly mailToken: string;
  /** What the links of mails carry to somebody else, each good once, after the one before it. */
  readonly mailTokens: readonly string[];
  /** Open reports of posts, by their ids. */
  readonly reports: readonly string[];
  readonly #server: Server;
  readonly #state: State;

  private constructor(server: Server, state: State, keys: Keys, peers: readonly PersonActor[], forgetful: PersonActor, reports: readonly string[]) {
    this.mailTokens = linksTo(forgetful, keys);
    this.reports = reports;
    this.#server = server;
    this.#state = state;
    this.peers = peers;
    const { id, email } = peers.at(-1) ?? { id: "", email: "" };
    this.mailToken = keys.mailToken({ may: "verify_email", user_id: id, email }, Date.now() + 86_400_000);
  }

  /** Starts the Worker, with people who post, like, block and have been told. */
  static async open(vars: Record<string, string> = {}): Promise<Stage> {
    const keys = new Keys();
    const server = await startServer(keys, { ...VARS, ...vars }, { entry: BARE, shield: SHIELD });
    const state = new State(server.database, keys);
    const peers = await populate(server.url, state, keys);
    const stage = new Stage(server, state, keys, peers, await register(server.url, "forgetful", state, keys), await report(state, peers));
    const found = await stage.examine();
    if (found.length > 0) throw new Error(`the stage is not set:\n${found.join("\n")}`);
    return stage;
  }

  get url(): URL {
    return this.#server.url;
  }

  /** What somebody who knows this world would ask for. */
  async known(): Promise<Known> {
    const { peers } = this;
    const [asha] = peers;
    if (asha === undefined) throw new Error("nobody signs in");
    const posts = await this.#state.rows<{ id: string }>("select id from posts");
    const usernames = await this.#state.rows<{ username: string }>("select username from users");
    const pages = await Promise.all([asha.posts.list("?limit=2"), asha.notifications("?limit=2"), new Actor(this.url).expect<Page<Post>>(200, "GET", "/posts?limit=5")]);
    return {
      tokens: peers.map(({ accessToken }) => accessToken),
      posts: posts.map(({ id }) => id),
      usernames: usernames.map(({ username }) => username),
      cursors: pages.flatMap(({ next_cursor: cursor }) => (cursor === null ? [] : [cursor])),
    };
  }

  /** The Worker's log so far. */
  log(): LogTally {
    const tally = new LogTally();
    for (const { level, message } of this.#server.harness.getLogs()) tally.add(level, message);
    return tally;
  }

  /** Lets every job be done, and answers what is then wrong with the database. */
  async examine(): Promise<string[]> {
    const settled = eventually(
      "every job is done",
      async () => {
        await this.#server.harness.getWorker().scheduled({ cron: "* * * * *" });
        return (await this.#state.number("select count(*) from jobs where dead_at is null")) === 0;
      },
      SETTLE_MS,
    );
    await settled.catch((error: unknown) => {
      if (!(error instanceof InVain)) throw error;
    });
    const found = [...(await leftoversOf(this.#state)), ...(await numbersOf(this.#state))];
    return found.map(({ kind, what }) => `${kind}: ${what}`);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

async function register(url: URL, username: string, state: State, keys: Keys): Promise<PersonActor> {
  const email = `${username}@example.com`;
  const nobody = new Actor(url);
  const registered = await nobody.fetch("POST", "/auth/register", { username, email, password: PASSWORD });
  if (!registered.ok) throw new Error(`${username} was not registered: ${registered.status}`);
  // Where nobody is told who has an account, a mail is to be answered.
  for (const { id } of await state.rows<{ id: string }>("select id from registrations where username = ?1", username)) {
    await nobody.expect(204, "POST", "/auth/email/verify", { token: keys.mailToken({ may: "register", registration_id: id }) });
  }
  const { access_token: accessToken, refresh_token: refreshToken } = await nobody.expect<Tokens>(200, "POST", "/auth/login", { username, password: PASSWORD });
  const account = { id: "", username, email, password: PASSWORD, accessToken, refreshToken };
  const { id } = await new PersonActor(url, account).profile();
  return new PersonActor(url, { ...account, id });
}

/** Has the posts of the first that everyone may see reported by the last. */
async function report(state: State, peers: readonly PersonActor[]): Promise<string[]> {
  const [first, last] = [peers[0], peers.at(-1)];
  if (first === undefined || last === undefined) throw new Error("nobody signs in");
  const posts = await state.rows<{ id: string }>("select id from posts where author_id = ?1 and visibility = 'public' and deleted_at is null", first.id);
  const made = posts.map(({ id }) => last.expect<{ id: string }>(201, "POST", "/reports", { post_id: id, reason: "other" }));
  return (await Promise.all(made)).map(({ id }) => id);
}

/** As many links to a new password as a run can use. */
function linksTo({ id, username, email }: PersonActor, keys: Keys): string[] {
  const inADay = Date.now() + 86_400_000;
  const link = (version: number) => keys.mailToken({ may: "reset_password", user_id: id, username, email, credential_version: version }, inADay);
  return Array.from({ length: LINKS }, (_, index) => link(index + 1));
}

/** Answers those who sign in: the one whom the document's examples name, an admin, and somebody else. */
async function populate(url: URL, state: State, keys: Keys): Promise<readonly PersonActor[]> {
  const asha = await register(url, "asha", state, keys);
  const ben = await register(url, "ben", state, keys);
  const mira = await register(url, "mira", state, keys);
  await state.setRole(asha, "admin");
  await state.follow(asha, ben);
  await state.block(mira, ben);
  await asha.lock();
  await mira.follow(asha);
  for (const [author, audience] of [[asha, [ben, mira]], [ben, [asha]], [mira, [asha]]] as const) {
    for (let number = 1; number <= 12; number += 1) {
      const visibility = number % 3 === 0 ? "followers" : "public";
      const post = await author.posts.create({ caption: `Number ${number} of ${author.username}`, visibility });
      const seen = audience.filter((one) => visibility === "public" || (one === asha && author === ben));
      for (const one of seen) await one.like(post);
      if (number % 5 === 0) await author.posts.delete(post);
    }
  }
  return [asha, ben];
}
