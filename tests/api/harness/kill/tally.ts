/** What a campaign did, counted, and the report of it. */
import { counted } from "../../../../scripts/progress.mjs";
import type { Finding } from "./findings.ts";

export const KINDS = ["like", "unlike", "post", "deletion", "reading mark", "read"] as const;
export type Kind = (typeof KINDS)[number];

/** A write that was asked for and not answered. */
export interface Unanswered {
  kind: Kind;
  /** Whether it had happened; `null` if that makes no difference to anybody. To be asked after the check. */
  happened: () => boolean | null;
}

export class Tally {
  kills = 0;
  killsOnRequests = 0;
  killsOnMessages = 0;
  killsOnEither = 0;
  messages = 0;
  readonly #findings = new Map<string, Finding>();
  readonly #acknowledged = new Map<Kind, number>();
  readonly #outcomes = new Map<boolean | null, number>();
  readonly #startedAt = performance.now();

  /** What was found, each thing once, whoever found it. */
  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  found(...findings: readonly Finding[]): void {
    for (const finding of findings) this.#findings.set(`${finding.kind}: ${finding.what}`, finding);
  }

  acknowledged(kind: Kind): void {
    this.#acknowledged.set(kind, (this.#acknowledged.get(kind) ?? 0) + 1);
  }

  /** A kill that left so many writes unanswered and so many messages unacknowledged. */
  kill(unfinishedWrites: number, messages: number): void {
    this.kills += 1;
    this.messages += messages;
    if (unfinishedWrites > 0) this.killsOnRequests += 1;
    if (messages > 0) this.killsOnMessages += 1;
    if (unfinishedWrites > 0 || messages > 0) this.killsOnEither += 1;
  }

  resolved(unanswered: readonly Unanswered[]): void {
    for (const { happened } of unanswered) {
      const outcome = happened();
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    }
  }

  /** Whether enough kills hit something for the rest to prove anything. */
  get provesSomething(): boolean {
    return this.kills > 0 && this.killsOnEither * 2 >= this.kills;
  }

  get acknowledgedWrites(): number {
    return KINDS.filter((kind) => kind !== "read").reduce((sum, kind) => sum + (this.#acknowledged.get(kind) ?? 0), 0);
  }

  #count(kind: Finding["kind"]): number {
    return this.findings.filter((finding) => finding.kind === kind).length;
  }

  #outcome(outcome: boolean | null): number {
    return this.#outcomes.get(outcome) ?? 0;
  }

  lines(): string[] {
    const byKind = KINDS.map((kind) => `${kind} ${this.#acknowledged.get(kind) ?? 0}`).join(", ");
    const unknown = this.#outcome(true) + this.#outcome(false) + this.#outcome(null);
    const rows: [name: string, value: string][] = [
      ["kills", `${this.kills}`],
      ["  hit an unfinished write", `${this.killsOnRequests}`],
      ["  hit an unacknowledged message", `${this.killsOnMessages} (${counted(this.messages, "message")})`],
      ["  hit either", `${this.killsOnEither}, of which at least half is wanted`],
      ["acknowledged writes", `${this.acknowledgedWrites}`],
      ["acknowledged by kind", byKind],
      ["unknown outcomes", `${unknown}: ${this.#outcome(true)} had happened, ${this.#outcome(false)} had not, ${this.#outcome(null)} without a difference`],
      ["lost", `${this.#count("lost")}`],
      ["doubled", `${this.#count("doubled")}`],
      ["wrong otherwise", `${this.#count("wrong")}`],
      ["seconds", ((performance.now() - this.#startedAt) / 1000).toFixed(1)],
    ];
    return rows.map(([name, value]) => `${name.padEnd(34)} ${value}`);
  }
}
