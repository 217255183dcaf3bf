/** Kills on one deployment, one after the other, each with a load before it and every check after it. */
import { join } from "node:path";
import { Random } from "../../../../scripts/seed/random.mjs";
import { eventually, InVain } from "../eventually.ts";
import { decodeToken } from "../keys.ts";
import type { Keys } from "../keys.ts";
import { PersonActor } from "../person.ts";
import type { Account } from "../person.ts";
import { copyDatabase, withFile } from "../sqlite-file.ts";
import { State } from "../state.ts";
import type { LocalDeployment } from "../wrangler-dev.ts";
import { Client } from "./client.ts";
import { examine } from "./examination.ts";
import { Ledger } from "./ledger.ts";
import type { LedgerPost } from "./ledger.ts";
import { Load } from "./load.ts";
import { Recheck } from "./recheck.ts";
import { Tally } from "./tally.ts";

export const CLIENTS = 16;
const SOONEST_KILL_MS = 100;
const LATEST_KILL_MS = 1_500;
const JOBS_LEFT = "select count(*) from jobs where dead_at is null";

/** How long a cycle may take, and how long of it the jobs. */
export const LIMITS = { cycleMs: 90_000, settleMs: 30_000 };

export class Campaign {
  readonly tally = new Tally();
  readonly #deployment: LocalDeployment;
  readonly #keys: Keys;
  readonly #copies: string;
  readonly #seed: number;
  readonly #limits: typeof LIMITS;
  readonly #ledger = new Ledger();
  #accounts: Account[] = [];
  #url: URL | null = null;
  #over = false;

  /** Everything that chance decides hangs on `seed`; `copies` is a directory to look at copies in. */
  constructor(deployment: LocalDeployment, keys: Keys, copies: string, seed: number, limits = LIMITS) {
    this.#deployment = deployment;
    this.#keys = keys;
    this.#copies = copies;
    this.#seed = seed;
    this.#limits = limits;
  }

  /** Creates the tables and the people, and starts. */
  async begin(): Promise<void> {
    await this.#deployment.migrate();
    await withFile(await this.#deployment.databaseFile(), {}, async (file) => {
      this.#accounts = await new State(file, this.#keys).people("client", CLIENTS);
    });
    this.#url = await this.#deployment.start({ consumes: true });
  }

  /** Load, kill, restart, check. What is found stands in the tally; a cycle that takes too long is found and left. */
  async cycle(number: number): Promise<void> {
    const { cycleMs } = this.#limits;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#over = true;
        this.tally.found({ kind: "wrong", what: `cycle ${number} was not over after ${cycleMs} ms` });
        resolve();
      }, cycleMs);
    });
    try {
      await Promise.race([this.#cycle(number), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #cycle(number: number): Promise<void> {
    const random = new Random(this.#seed + number * 2 ** 32);
    const people = this.#people();
    const load = new Load(`cycle ${number}`, this.#ledger, this.tally, await this.#hotPost(random.choose(people), number));
    const clients = people.map((person) => new Client(person, new Random(random.uint32()), load));
    const milliseconds = SOONEST_KILL_MS + random.below(LATEST_KILL_MS - SOONEST_KILL_MS);
    // What is acknowledged too soon is seen best at the moment of the acknowledgement.
    const moment = { milliseconds, withAcknowledgement: random.below(2) === 0 };
    const killed = await load.run(clients, moment, () => this.#deployment.killRuntime());
    await this.#deployment.stop();
    // What ended by itself has been found, and stays for whoever looks.
    if (!killed) return;
    this.tally.kill(load.unanswered.length, await this.#messagesLeft());

    if (this.#over) throw new Error(`cycle ${number} came too late`);
    this.#url = await this.#deployment.start({ consumes: true });
    const recheck = new Recheck(this.#people(), this.#ledger);
    this.tally.found(...(await recheck.writes()));
    await this.#settle();
    this.tally.found(...(await recheck.notifications()));
    this.tally.found(...(await this.#look((state) => examine(state, this.#ledger))));
    this.tally.resolved(load.unanswered);
  }

  /** Everybody at the address where the deployment is now, with a token that is good for a while. */
  #people(): PersonActor[] {
    const url = this.#url;
    if (url === null) throw new Error("the campaign has not begun");
    return this.#accounts.map((account) => {
      const { claims } = decodeToken(account.accessToken);
      const renewed = this.#keys.claims(account.id, claims["sid"] as string);
      return new PersonActor(url, { ...account, accessToken: this.#keys.sign(renewed) });
    });
  }

  async #hotPost(author: PersonActor, number: number): Promise<LedgerPost> {
    const post = await author.posts.create({ caption: `What everybody talks about in cycle ${number}` });
    return this.#ledger.add(post);
  }

  /** The jobs that the kill left undone, counted in a copy: recovering the original is the runtime's part. */
  async #messagesLeft(): Promise<number> {
    const copy = join(this.#copies, "killed.sqlite");
    await copyDatabase(await this.#deployment.databaseFile(), copy);
    return withFile(copy, {}, (file) => new State(file, this.#keys).number(JOBS_LEFT));
  }

  /** Waits until queue and sweep have done every job. What they leave undone the examination finds. */
  async #settle(): Promise<void> {
    const settled = eventually(
      "every job is done",
      async () => {
        await this.#deployment.sweep();
        return this.#look(async (state) => (await state.number(JOBS_LEFT)) === 0);
      },
      this.#limits.settleMs,
    );
    await settled.catch((error: unknown) => {
      if (!(error instanceof InVain)) throw error;
    });
  }

  /** Reads what the running deployment holds, beside it. */
  async #look<T>(ask: (state: State) => Promise<T>): Promise<T> {
    return withFile(await this.#deployment.databaseFile(), { readOnly: true }, (file) => ask(new State(file, this.#keys)));
  }
}
