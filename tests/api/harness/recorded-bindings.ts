/**
 * The bindings the worker gets: the real ones, recorded and failing on demand. Runs in workerd.
 *
 * The classes carry the platform's names because workers-rs recognises a binding by the name of its
 * constructor.
 */
import type { D1, D1Result, D1Session, D1Statement, EmailMessage, EmailSender, Env, Kv, KvMethod, Queue, RateLimiter } from "./platform.ts";
import type { FaultPlan, Invocation, Trip } from "./protocol.ts";
import type { Recorder } from "./recorder.ts";

/** The queues whose messages count as on their way until the worker has seen them. */
export const QUEUES = ["kith-jobs", "kith-mails"];

/** One invocation's view of the recorder. */
export interface Observer {
  recorder: Recorder;
  invocation: Invocation;
}

function fail(plan: FaultPlan, usual: string): never {
  throw new Error(plan.error ?? usual);
}

class Statement implements D1Statement {
  readonly #observer: Observer;
  readonly sql: string;
  readonly params: unknown[];
  readonly real: D1Statement;

  constructor(observer: Observer, sql: string, real: D1Statement, params: unknown[] = []) {
    this.#observer = observer;
    this.sql = sql;
    this.real = real;
    this.params = params;
  }

  bind(...values: unknown[]): Statement {
    return new Statement(this.#observer, this.sql, this.real.bind(...values), values);
  }

  async first(column?: string): Promise<unknown> {
    // The real `first` hides the accounting, so it is read through `all`, as the platform does too.
    const { results } = await this.all();
    const row = results[0];
    if (row === undefined) return null;
    return column === undefined ? row : row[column];
  }

  async all(): Promise<D1Result> {
    const [result] = await trip(this.#observer, [this], async () => [await this.real.all()], null);
    if (result === undefined) throw new Error("D1 gave no result");
    return result;
  }

  async run(): Promise<D1Result> {
    return this.all();
  }

  async raw(): Promise<unknown[]> {
    return (await this.all()).results.map((row) => Object.values(row));
  }
}

/** Runs one round trip, recorded, counted as in flight, failing if that is planned. */
async function trip(
  { recorder, invocation }: Observer,
  statements: readonly Statement[],
  run: () => Promise<D1Result[]>,
  session: { constraint: string; real: D1Session } | null,
): Promise<D1Result[]> {
  const record: Trip = {
    statements: statements.map(({ sql, params }) => ({ sql, params, rowsRead: 0, rowsWritten: 0 })),
    session: session?.constraint ?? null,
    ranAt: "primary",
    failed: null,
    afterAnswer: invocation.answered,
  };
  invocation.trips.push(record);
  for (const { sql, params } of statements) recorder.prepared(sql, params);
  const text = JSON.stringify(record.statements);
  const fault = recorder.strike("d1", text, invocation.kind);
  try {
    const results = await recorder.inFlight(text, async () => {
      if (fault?.when === "before") fail(fault, "D1_ERROR: Network connection lost.");
      return run();
    });
    if (fault !== null) fail(fault, "D1_ERROR: Network connection lost.");
    results.forEach(({ meta }, index) => {
      const statement = record.statements[index];
      if (statement === undefined) return;
      statement.rowsRead = meta.rows_read;
      statement.rowsWritten = meta.rows_written;
    });
    return results;
  } catch (error) {
    record.failed = String(error);
    throw error;
  } finally {
    record.ranAt = session?.real.servedBy ?? "primary";
  }
}

function unwrap(statements: readonly D1Statement[]): Statement[] {
  return statements.map((statement) => {
    if (statement instanceof Statement) return statement;
    throw new Error("a statement that was not prepared here");
  });
}

class D1DatabaseSession implements D1Session {
  readonly observer: Observer;
  readonly constraint: string;
  readonly real: D1Session;

  constructor(observer: Observer, constraint: string, real: D1Session) {
    this.observer = observer;
    this.constraint = constraint;
    this.real = real;
  }

  prepare(sql: string): Statement {
    return new Statement(this.observer, sql, this.real.prepare(this.observer.recorder.sent(sql)));
  }

  async batch(statements: D1Statement[]): Promise<D1Result[]> {
    const ours = unwrap(statements);
    return trip(this.observer, ours, () => this.real.batch(ours.map(({ real }) => real)), this);
  }

  getBookmark(): string | null {
    return this.real.getBookmark?.() ?? null;
  }
}

class D1Database implements D1 {
  readonly #observer: Observer;
  readonly #real: D1;

  constructor(observer: Observer, real: D1) {
    this.#observer = observer;
    this.#real = real;
  }

  prepare(sql: string): Statement {
    return new Statement(this.#observer, sql, this.#real.prepare(this.#observer.recorder.sent(sql)));
  }

  async batch(statements: D1Statement[]): Promise<D1Result[]> {
    const ours = unwrap(statements);
    return trip(this.#observer, ours, () => this.#real.batch(ours.map(({ real }) => real)), null);
  }

  exec(): Promise<unknown> {
    throw new Error("Kith must not use exec: it is neither prepared nor a transaction");
  }

  withSession(constraint?: string): D1DatabaseSession {
    return new D1DatabaseSession(this.#observer, constraint ?? "first-unconstrained", this.#real.withSession(constraint));
  }
}

class KvNamespace implements Kv {
  readonly get: KvMethod;
  readonly getWithMetadata: KvMethod;
  readonly put: KvMethod;
  readonly list: KvMethod;
  readonly delete: KvMethod;

  constructor({ recorder, invocation }: Observer, real: Kv) {
    const recorded =
      (method: KvMethod, count: () => void): KvMethod =>
      async (...parameters) => {
        count();
        const fault = recorder.strike("kv", String(parameters[0]), invocation.kind);
        if (fault?.when === "before") fail(fault, "KV GET failed: 500 Internal Server Error");
        const answer = await method.apply(real, parameters);
        if (fault !== null) fail(fault, "KV GET failed: 500 Internal Server Error");
        return answer;
      };
    const read = () => {
      invocation.kvReads += 1;
    };
    const write = () => {
      invocation.kvWrites += 1;
    };
    this.get = recorded(real.get, read);
    this.getWithMetadata = recorded(real.getWithMetadata, read);
    this.list = recorded(real.list, read);
    this.put = recorded(real.put, write);
    this.delete = recorded(real.delete, write);
  }
}

class WorkerQueue implements Queue {
  readonly #observer: Observer;
  readonly #real: Queue;

  constructor(observer: Observer, real: Queue) {
    this.#observer = observer;
    this.#real = real;
  }

  async send(message: unknown, options?: unknown): Promise<unknown> {
    return this.#record([message], () => this.#real.send(message, options ?? undefined));
  }

  async sendBatch(messages: Iterable<{ body: unknown }>, options?: unknown): Promise<unknown> {
    const all = [...messages];
    return this.#record(
      all.map(({ body }) => body),
      () => this.#real.sendBatch(all, options ?? undefined),
    );
  }

  async #record(messages: unknown[], send: () => Promise<unknown>): Promise<unknown> {
    const { recorder, invocation } = this.#observer;
    invocation.queueSends.push(...messages);
    if (invocation.answered) invocation.lateQueueSends += messages.length;
    const fault = recorder.strike("queue", JSON.stringify(messages), invocation.kind);
    if (fault?.when === "before") fail(fault, "Queue sendBatch failed: Internal Server Error");
    if (fault?.when === "forget") return undefined;
    recorder.messagesSent(messages.length);
    const answer = await send();
    if (fault !== null) fail(fault, "Queue sendBatch failed: Internal Server Error");
    return answer;
  }
}

class Ratelimit implements RateLimiter {
  readonly #observer: Observer;
  readonly #name: string;
  readonly #real: RateLimiter;

  constructor(observer: Observer, name: string, real: RateLimiter) {
    this.#observer = observer;
    this.#name = name;
    this.#real = real;
  }

  async limit(options: { key: string }): Promise<{ success: boolean }> {
    const { recorder, invocation } = this.#observer;
    const asked = `${this.#name} ${options.key}`;
    invocation.limited.push(asked);
    const fault = recorder.strike("limiter", asked, invocation.kind);
    if (fault !== null) fail(fault, "internal error");
    return this.#real.limit(options);
  }
}

class MailBinding implements EmailSender {
  readonly #observer: Observer;
  readonly #real: EmailSender;

  constructor(observer: Observer, real: EmailSender) {
    this.#observer = observer;
    this.#real = real;
  }

  async send(message: EmailMessage): Promise<unknown> {
    const { recorder, invocation } = this.#observer;
    const { from, to, "EmailMessage::raw": raw } = message;
    invocation.mails.push(raw);
    const fault = recorder.strike("mail", `${from} ${to} ${raw}`, invocation.kind);
    const failed = Object.assign(new Error(`the mail to ${to} failed`), { code: fault?.error });
    if (fault?.when === "before") throw failed;
    const answer = await this.#real.send(message);
    if (fault !== null) throw failed;
    return answer;
  }
}

/** The environment of one invocation, with its bindings recorded. */
export function recordedBindings(env: Env, observer: Observer): Env {
  const recorded: Env = {
    ...env,
    DB: new D1Database(observer, env.DB),
    KV: new KvNamespace(observer, env.KV),
    JOBS: new WorkerQueue(observer, env.JOBS),
    MAILS: new WorkerQueue(observer, env.MAILS),
  };
  for (const name of ["ADDRESS_LIMITER", "ACCOUNT_LIMITER"] as const) {
    const real = env[name];
    if (real !== undefined) recorded[name] = new Ratelimit(observer, name, real);
  }
  if (env.MAIL !== undefined) recorded.MAIL = new MailBinding(observer, env.MAIL);
  return recorded;
}
