/**
 * What the wrapper remembers, for the whole isolate: every invocation with what it did, the faults
 * planned for it, and which batches overlapped. Runs in workerd.
 */
import type {
  BarrierPlan,
  DistinctStatement,
  FaultPlan,
  FaultReport,
  Invocation,
  InvocationKind,
  Overlap,
  Rewriting,
} from "./protocol.ts";

/** How long a barrier holds what has arrived when the rest does not come. */
const BARRIER_PATIENCE_MS = 5_000;
/** Enough for any spec; older invocations are forgotten. */
const REMEMBERED_INVOCATIONS = 50_000;

interface Barrier extends BarrierPlan {
  arrived: number;
  deadline: number;
  filled: boolean | null;
}

export class Recorder {
  readonly #invocations = new Map<number, Invocation>();
  readonly #statements = new Map<string, DistinctStatement>();
  #faults: FaultReport[] = [];
  #spared = new Map<FaultPlan, number>();
  #barrier: Barrier | null = null;
  #rewriting: Rewriting | null = null;
  #last = 0;
  #inFlight = 0;
  #mostInFlight = 0;
  #sentMessages = 0;
  #receivedMessages = 0;

  begin(kind: InvocationKind, name: string): Invocation {
    this.#last += 1;
    const invocation: Invocation = {
      number: this.#last,
      kind,
      name,
      trips: [],
      kvReads: 0,
      kvWrites: 0,
      limited: [],
      queueSends: [],
      mails: [],
      lateQueueSends: 0,
      answered: false,
      background: 0,
    };
    this.#invocations.set(invocation.number, invocation);
    this.#invocations.delete(invocation.number - REMEMBERED_INVOCATIONS);
    return invocation;
  }

  invocation(number: number): Invocation | undefined {
    return this.#invocations.get(number);
  }

  /** Every invocation after the given number, oldest first. */
  since(number: number): Invocation[] {
    return [...this.#invocations.values()].filter((invocation) => invocation.number > number);
  }

  prepared(sql: string, params: unknown[]): void {
    if (!this.#statements.has(sql)) this.#statements.set(sql, { sql, params });
  }

  statements(): DistinctStatement[] {
    return [...this.#statements.values()];
  }

  rewrite(rewriting: Rewriting | null): void {
    this.#rewriting = rewriting;
  }

  /** What D1 is sent for this statement of the worker's. */
  sent(sql: string): string {
    return this.#rewriting?.from === sql ? this.#rewriting.to : sql;
  }

  plan(faults: FaultPlan[]): void {
    this.#faults = faults.map((plan) => ({ plan, struck: 0 }));
    this.#spared = new Map();
  }

  faults(): FaultReport[] {
    return this.#faults;
  }

  /** The fault that strikes this call, if one does; counts it. */
  strike(on: FaultPlan["on"], text: string, kind: InvocationKind): FaultPlan | null {
    for (const report of this.#faults) {
      const { plan } = report;
      if (plan.on !== on || report.struck >= plan.times) continue;
      if (plan.during !== undefined && plan.during !== kind) continue;
      if (plan.containing !== undefined && !text.includes(plan.containing)) continue;
      const spared = this.#spared.get(plan) ?? 0;
      if (spared < (plan.sparing ?? 0)) {
        this.#spared.set(plan, spared + 1);
        continue;
      }
      report.struck += 1;
      return plan;
    }
    return null;
  }

  /** Sets up a barrier, or none, and starts counting overlaps anew. */
  watchOverlap(barrier: BarrierPlan | null): void {
    this.#mostInFlight = this.#inFlight;
    this.#barrier =
      barrier === null ? null : { ...barrier, arrived: 0, deadline: Date.now() + BARRIER_PATIENCE_MS, filled: null };
  }

  /** Lets through what waits at the barrier. */
  openBarrier(): void {
    if (this.#barrier !== null) this.#barrier.filled ??= false;
    this.#barrier = null;
  }

  overlap(): Overlap {
    const { arrived = 0, filled = null } = this.#barrier ?? {};
    return { most: this.#mostInFlight, arrived, barrierFilled: filled };
  }

  /** Runs a batch as one of those in flight, after waiting at the barrier if it is one of its kind. */
  async inFlight<T>(text: string, run: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#inFlight);
    try {
      await this.#waitAtBarrier(text);
      return await run();
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #waitAtBarrier(text: string): Promise<void> {
    const barrier = this.#barrier;
    if (barrier === null || barrier.filled !== null || !text.includes(barrier.containing)) return;
    barrier.arrived += 1;
    // A timer of this very request: a promise that another request settles would be no pending I/O
    // of ours, and the runtime would take us for hung.
    while (barrier.filled === null) {
      if (barrier.arrived >= barrier.count) barrier.filled = true;
      else if (Date.now() > barrier.deadline) barrier.filled = false;
      else await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  messagesSent(count: number): void {
    this.#sentMessages += count;
  }

  messagesReceived(count: number): void {
    this.#receivedMessages += count;
  }

  /** What is still under way, or null when the worker is idle and no message is on its way to it. */
  unsettled(): string | null {
    const unfinished = [...this.#invocations.values()].filter(
      (invocation) => !invocation.answered || invocation.background > 0,
    );
    const onTheWay = this.#sentMessages - this.#receivedMessages;
    if (unfinished.length === 0 && onTheWay <= 0) return null;
    return `${unfinished.map(({ name }) => name).join(", ")}; ${onTheWay} messages on their way`;
  }
}
