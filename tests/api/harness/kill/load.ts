/** One stretch of load, from a start to a kill: what the clients share while it lasts. */
import { setTimeout as after } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Finding } from "./findings.ts";
import type { Ledger, LedgerPost } from "./ledger.ts";
import type { Kind, Tally, Unanswered } from "./tally.ts";

const RECENT = 40;

/** When the kill comes: so long after the start, or with the next acknowledgement after that. */
export interface Moment {
  milliseconds: number;
  withAcknowledgement: boolean;
}

/** Hundreds of times what an acknowledgement takes. */
export const PATIENCE_MS = 10_000;

export class Load {
  readonly ledger: Ledger;
  readonly #tally: Tally;
  /** The post that everybody crowds around. */
  readonly hot: LedgerPost;
  readonly #name: string;
  readonly #recent: LedgerPost[];
  readonly unanswered: Unanswered[] = [];
  readonly #end = new AbortController();
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
    return this.#end.signal.aborted;
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

  found(finding: Finding): void {
    this.#tally.found(finding);
  }

  /** Nobody answers any more, before any kill: whatever the clients still ask is asked in vain. */
  failed(what: string): void {
    this.found({ kind: "wrong", what });
    this.#end.abort();
  }

  /**
   * Lets the clients act, kills when the moment has come, and waits until each has seen the end.
   * Answers whether it killed; what it could not kill is found.
   */
  async run(clients: readonly Client[], moment: Moment, kill: () => void, patienceMs = PATIENCE_MS): Promise<boolean> {
    const acting = Promise.all(clients.map((client) => client.actUntilOver()));
    acting.catch(() => this.#end.abort());
    let killed = false;
    const end = () => {
      if (this.over) return;
      try {
        kill();
        killed = true;
      } catch (error) {
        this.found({ kind: "wrong", what: `the runtime could not be killed: ${String(error)}` });
      }
      this.#end.abort();
    };
    await this.#pass(moment.milliseconds);
    if (moment.withAcknowledgement) {
      this.#onAcknowledgement = end;
      await this.#pass(patienceMs);
      if (!this.over) this.found({ kind: "wrong", what: `nothing was acknowledged for ${patienceMs} ms, before any kill` });
    }
    end();
    await acting;
    return killed;
  }

  /** Waits, or until the load is over. */
  async #pass(milliseconds: number): Promise<void> {
    const { signal } = this.#end;
    await after(milliseconds, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
