/** One stretch of load, from a start to a kill: what the clients share while it lasts. */
import { setTimeout as after } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Finding, Ledger, LedgerPost } from "./ledger.ts";
import type { Kind, Tally, Unanswered } from "./tally.ts";

const RECENT = 40;

/** When the kill comes: so long after the start, or with the next acknowledgement after that. */
export interface Moment {
  milliseconds: number;
  withAcknowledgement: boolean;
}

export class Load {
  readonly ledger: Ledger;
  readonly #tally: Tally;
  /** The post that everybody crowds around. */
  readonly hot: LedgerPost;
  readonly #name: string;
  readonly #recent: LedgerPost[];
  readonly unanswered: Unanswered[] = [];
  #over = false;
  #onAcknowledgement: (() => void) | null = null;
  #posts = 0;

  constructor(name: string, ledger: Ledger, tally: Tally, hot: LedgerPost) {
    this.#name = name;
    this.ledger = ledger;
    this.#tally = tally;
    this.hot = hot;
    this.#recent = [...ledger.posts.values()].filter(({ live }) => live.is(true)).slice(-RECENT);
  }

  /** No request begins once it is over. */
  get over(): boolean {
    return this.#over;
  }

  /** The posts that people come across: the newest of those that nobody is deleting. */
  recent(): LedgerPost[] {
    return this.#recent.filter(({ live }) => live.is(true)).slice(-RECENT);
  }

  published(post: LedgerPost): void {
    this.#recent.push(post);
  }

  /** No two posts are called the same, so that one that was created twice shows. */
  newCaption(): string {
    this.#posts += 1;
    return `Post ${this.#posts} of ${this.#name}`;
  }

  /** A client has its whole answer in hand. Nothing of this write may be missing from now on. */
  acknowledged(kind: Kind): void {
    this.#tally.acknowledged(kind);
    if (kind !== "read") this.#onAcknowledgement?.();
  }

  found(kind: Finding["kind"], what: string): void {
    this.#tally.findings.push({ kind, what });
  }

  /** Lets the clients act, kills when the moment has come, and waits until each has seen the end. */
  async run(clients: readonly Client[], moment: Moment, kill: () => void): Promise<void> {
    const acting = Promise.all(clients.map((client) => client.actUntilOver()));
    await after(moment.milliseconds);
    const end = () => {
      this.#onAcknowledgement = null;
      this.#over = true;
      kill();
    };
    if (moment.withAcknowledgement) this.#onAcknowledgement = end;
    else end();
    await acting;
  }
}
