/**
 * The few shapes of the Workers platform that the wrapper passes on, written down here because the
 * tests need no more of them than this.
 */

export interface D1Meta {
  rows_read: number;
  rows_written: number;
}

export interface D1Result {
  results: Record<string, unknown>[];
  success: boolean;
  meta: D1Meta;
}

export interface D1Statement {
  bind(...values: unknown[]): D1Statement;
  first(column?: string): Promise<unknown>;
  all(): Promise<D1Result>;
  run(): Promise<D1Result>;
  raw(options?: unknown): Promise<unknown[]>;
}

export interface D1Session {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<D1Result[]>;
  getBookmark?(): string | null;
  /** Where the last batch ran, of a database that has more than one place. */
  servedBy?: "primary" | "replica";
}

export interface D1 extends D1Session {
  exec(sql: string): Promise<unknown>;
  withSession(constraint?: string): D1Session;
}

export type KvMethod = (...parameters: unknown[]) => Promise<unknown>;

export interface Kv {
  get: KvMethod;
  getWithMetadata: KvMethod;
  put: KvMethod;
  list: KvMethod;
  delete: KvMethod;
}

export interface Queue {
  send(message: unknown, options?: unknown): Promise<unknown>;
  sendBatch(messages: Iterable<{ body: unknown }>, options?: unknown): Promise<unknown>;
}

export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** What Kith makes of a mail, as the simulator of the platform keeps it. */
export interface EmailMessage {
  readonly from: string;
  readonly to: string;
  readonly "EmailMessage::raw": string;
}

export interface EmailSender {
  send(message: EmailMessage): Promise<unknown>;
}

export interface Env {
  DB: D1;
  /** A second database, for the tests whose reads lag. */
  REPLICA?: D1;
  KV: Kv;
  JOBS: Queue;
  MAILS: Queue;
  MAIL?: EmailSender;
  ADDRESS_LIMITER?: RateLimiter;
  ACCOUNT_LIMITER?: RateLimiter;
  [name: string]: unknown;
}

export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

export interface Message {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds?: number } | null): void;
}

export interface MessageBatch {
  readonly queue: string;
  readonly messages: readonly Message[];
  ackAll(): void;
  retryAll(options?: { delaySeconds?: number } | null): void;
}

export interface ScheduledController {
  readonly scheduledTime: number;
  readonly cron: string;
  noRetry(): void;
}

/** The default export of the built worker. */
export interface Entrypoint {
  fetch(request: Request): Promise<Response>;
  queue(batch: MessageBatch): Promise<void>;
  scheduled(controller: ScheduledController): Promise<void>;
}

export type EntrypointClass = new (context: Context, env: Env) => Entrypoint;
