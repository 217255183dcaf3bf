/**
 * A database with a replica that lags: a primary and a replica, both real, where the replica has what the
 * primary had some writes ago. It catches up when a test says so, or when a bookmark demands it. Sessions
 * keep the promises that D1 makes for them. Runs in workerd.
 */
import type { D1, D1Result, D1Session, D1Statement } from "./platform.ts";

/** Where a batch ran. */
export type Node = "primary" | "replica";

interface Sent {
  sql: string;
  params: unknown[];
}

/** What changes rows, which only the primary takes. */
const WRITES = /^\s*(insert|update|delete|replace)\b/i;

const BOOKMARK = /^([0-9a-f]{8})-00000000-00000000-([0-9a-f]{32})$/;

/** The batches that have changed something at the primary, and how many of them the replica has applied. */
export class Replication {
  readonly #log: Sent[][] = [];
  #applied = 0;
  #applying = false;
  #lineage = "";

  get version(): number {
    return this.#log.length;
  }

  get applied(): number {
    return this.#applied;
  }

  committed(batch: Sent[], results: D1Result[]): void {
    if (results.some(({ meta }) => meta.rows_written > 0)) this.#log.push(batch);
  }

  /** Names the state after so many batches, in the form of D1's bookmarks. */
  bookmark(version: number): string {
    if (this.#lineage === "") this.#lineage = crypto.randomUUID().replaceAll("-", "");
    return `${version.toString(16).padStart(8, "0")}-00000000-00000000-${this.#lineage}`;
  }

  /** Of which state this is the name; an error for what this database has not said. */
  versionOf(bookmark: string): number {
    const [, version = "", lineage] = BOOKMARK.exec(bookmark) ?? [];
    const known = Number.parseInt(version, 16);
    if (lineage !== this.#lineage || !(known <= this.version)) {
      throw new Error("D1_SESSION_ERROR: invalid bookmark or constraint");
    }
    return known;
  }

  /** Lets the replica apply what the primary has run, up to this state. */
  async catchUp(replica: D1, version: number): Promise<void> {
    // A timer of this very request: see `recorder.ts`.
    while (this.#applying) await new Promise((resolve) => setTimeout(resolve, 2));
    this.#applying = true;
    try {
      for (; this.#applied < version; this.#applied += 1) {
        const batch = this.#log[this.#applied] ?? [];
        await replica.batch(batch.map((sent) => prepared(replica, sent)));
      }
    } finally {
      this.#applying = false;
    }
  }
}

function prepared(database: D1, { sql, params }: Sent): D1Statement {
  return params.length === 0 ? database.prepare(sql) : database.prepare(sql).bind(...params);
}

class LaggingStatement implements D1Statement {
  readonly #session: LaggingSession;
  readonly sent: Sent;

  constructor(session: LaggingSession, sent: Sent) {
    this.#session = session;
    this.sent = sent;
  }

  bind(...params: unknown[]): LaggingStatement {
    return new LaggingStatement(this.#session, { sql: this.sent.sql, params });
  }

  async all(): Promise<D1Result> {
    const [result] = await this.#session.batch([this]);
    if (result === undefined) throw new Error("D1 gave no result");
    return result;
  }

  first(): Promise<unknown> {
    throw new Error("the recorder asks for all rows");
  }

  run(): Promise<D1Result> {
    return this.all();
  }

  raw(): Promise<unknown[]> {
    throw new Error("the recorder asks for all rows");
  }
}

/** A session: its first batch sees what it began with, later ones at least what the one before saw. */
class LaggingSession implements D1Session {
  readonly #nodes: LaggingD1;
  /** The state to be seen; none for whatever is there, "newest" for the primary's. */
  #least: number | "newest" | null;
  #bookmark: string | null = null;
  servedBy: Node = "primary";

  constructor(nodes: LaggingD1, least: number | "newest" | null) {
    this.#nodes = nodes;
    this.#least = least;
  }

  prepare(sql: string): LaggingStatement {
    return new LaggingStatement(this, { sql, params: [] });
  }

  async batch(statements: D1Statement[]): Promise<D1Result[]> {
    const batch = statements.map((statement) => {
      if (statement instanceof LaggingStatement) return statement.sent;
      throw new Error("a statement that was not prepared here");
    });
    const { primary, replica, replication } = this.#nodes;
    this.servedBy = this.#least === "newest" ? "primary" : "replica";
    if (this.#least === "newest") {
      const results = await primary.batch(batch.map((sent) => prepared(primary, sent)));
      replication.committed(batch, results);
      this.#seen(replication.version);
      return results;
    }
    // D1 would take a write to the primary by itself. Kith is not to rely on it.
    if (batch.some(({ sql }) => WRITES.test(sql))) {
      throw new Error("D1_ERROR: attempt to write a readonly database: SQLITE_READONLY");
    }
    await replication.catchUp(replica, this.#least ?? 0);
    const results = await replica.batch(batch.map((sent) => prepared(replica, sent)));
    this.#seen(replication.applied);
    return results;
  }

  #seen(version: number): void {
    this.#least = version;
    this.#bookmark = this.#nodes.replication.bookmark(version);
  }

  getBookmark(): string | null {
    return this.#bookmark;
  }
}

/** The binding over both. */
export class LaggingD1 implements D1 {
  readonly primary: D1;
  readonly replica: D1;
  readonly replication: Replication;

  constructor(primary: D1, replica: D1, replication: Replication) {
    this.primary = primary;
    this.replica = replica;
    this.replication = replication;
  }

  /** The binding itself always asks the primary. */
  prepare(sql: string): D1Statement {
    return new LaggingSession(this, "newest").prepare(sql);
  }

  batch(statements: D1Statement[]): Promise<D1Result[]> {
    return new LaggingSession(this, "newest").batch(statements);
  }

  exec(): Promise<unknown> {
    throw new Error("Kith must not use exec: it is neither prepared nor a transaction");
  }

  withSession(constraint = "first-unconstrained"): LaggingSession {
    if (constraint === "first-primary") return new LaggingSession(this, "newest");
    if (constraint === "first-unconstrained") return new LaggingSession(this, null);
    return new LaggingSession(this, this.replication.versionOf(constraint));
  }
}
