/** The tests' end of the wrapper's control surface. */
import { expect } from "vitest";
import { eventually } from "./eventually.ts";
import type {
  BarrierPlan,
  BatchedStatement,
  BatchReport,
  DeliveredMessage,
  DeliveryReport,
  DistinctStatement,
  FaultPlan,
  FaultReport,
  Invocation,
  Lag,
  Overlap,
  Rewriting,
  SessionBatch,
  SessionReport,
} from "./protocol.ts";
import { CONTROL_PREFIX, INVOCATION_HEADER } from "./protocol.ts";
import type { Query, Queryable } from "./state.ts";

const SETTLE_MS = 10_000;

export const JOBS_QUEUE = "kith-jobs";
export const MAILS_QUEUE = "kith-mails";
export const DEAD_LETTER_QUEUE = "kith-jobs-dead";

export class Control {
  readonly #url: URL;

  constructor(url: URL) {
    this.#url = url;
  }

  async #ask<T>(verb: string, input: unknown): Promise<T> {
    const response = await fetch(new URL(`${CONTROL_PREFIX}${verb}`, this.#url), {
      method: "POST",
      body: JSON.stringify(input),
    });
    if (!response.ok) throw new Error(`the wrapper could not ${verb}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /**
   * Runs `story` under these faults and lifts them afterwards. Fails when a fault never struck,
   * because a fault that did not happen proves nothing.
   */
  async withFaults<T>(faults: FaultPlan[], story: () => Promise<T>): Promise<T> {
    await this.#ask("faults", faults);
    let reports: FaultReport[];
    let told: T;
    try {
      told = await story();
    } finally {
      reports = await this.#ask<FaultReport[]>("struck", null);
      await this.#ask("faults", []);
    }
    expect(reports.filter(({ struck }) => struck === 0)).toEqual([]);
    return told;
  }

  /** Runs `story` with a statement of the worker's changed. */
  async rewriting<T>(rewriting: Rewriting, story: () => Promise<T>): Promise<T> {
    await this.#ask("rewrite", rewriting);
    try {
      return await story();
    } finally {
      await this.#ask("rewrite", null);
    }
  }

  /** Runs `story` and answers how many batches were under way at once meanwhile. */
  async watchingOverlap<T>(barrier: BarrierPlan | null, story: () => Promise<T>): Promise<{ told: T; overlap: Overlap }> {
    await this.#ask("watch-overlap", barrier);
    try {
      const told = await story();
      return { told, overlap: await this.#ask<Overlap>("overlap", null) };
    } finally {
      await this.#ask("watch-overlap", null);
    }
  }

  /**
   * Runs `meanwhile` while the first batch of `held` that contains `containing` waits at D1's door:
   * composed and about to run, but not run. Answers what `held` answers when it is let through.
   */
  async holding<T>(containing: string, held: () => Promise<T>, meanwhile: () => Promise<void>): Promise<T> {
    await this.#ask("watch-overlap", { containing, count: Number.MAX_SAFE_INTEGER } satisfies BarrierPlan);
    const answer = held();
    try {
      await eventually("the batch reaches D1's door", async () => (await this.#ask<Overlap>("overlap", null)).arrived > 0);
      await meanwhile();
    } finally {
      await this.#ask("open-barrier", null);
    }
    return answer;
  }

  /** Waits until no invocation, no background work and no fresh message is under way. */
  async settle(): Promise<void> {
    const unsettled = await this.#ask<string | null>("settle", SETTLE_MS);
    if (unsettled !== null) throw new Error(`did not settle within ${SETTLE_MS} ms: ${unsettled}`);
  }

  /** What the worker did to give this answer. */
  async recordOf(response: Response): Promise<Invocation> {
    return this.record(Number(response.headers.get(INVOCATION_HEADER)));
  }

  async record(number: number): Promise<Invocation> {
    const invocation = await this.#ask<Invocation | null>("invocation", number);
    if (invocation === null) throw new Error(`invocation ${number} was not recorded`);
    return invocation;
  }

  async recordsSince(number: number): Promise<Invocation[]> {
    return this.#ask("invocations-since", number);
  }

  /** Every distinct statement since the server started. */
  async statements(): Promise<DistinctStatement[]> {
    return this.#ask("statements", null);
  }

  /** Runs statements of the tests' own in the worker, in one trip. */
  async batch(statements: BatchedStatement[]): Promise<BatchReport> {
    return this.#ask("batch", statements);
  }

  /** Runs statements of the tests' own in a session of D1's, in one trip. */
  async session(batch: SessionBatch): Promise<SessionReport> {
    return this.#ask("session", batch);
  }

  /** Lets the replica have all that the primary has; how far it was behind. */
  async catchUp(): Promise<Lag> {
    return this.#ask("catch-up", null);
  }

  /** The database as the worker has it, so that what is written to it reaches the replica too. */
  readonly database: Queryable = { prepare: (sql) => this.#query(sql, []) };

  #query(sql: string, params: unknown[]): Query {
    const all = async () => {
      const report = await this.batch([{ sql, params }]);
      if ("error" in report) throw new Error(report.error);
      const [result] = JSON.parse(report.json) as { results: Record<string, unknown>[] }[];
      return { results: result?.results ?? [] };
    };
    return { bind: (...values) => this.#query(sql, values), all, run: all };
  }

  /** Hands a batch to the worker's queue handler, as the platform would. */
  async deliver(messages: DeliveredMessage[], queue = JOBS_QUEUE): Promise<DeliveryReport> {
    return this.#ask("deliver", { queue, messages });
  }

  /** Calls the scheduled handler and waits for all it started. */
  async sweep(): Promise<void> {
    await this.#ask("scheduled", "* * * * *");
    await this.settle();
  }
}
