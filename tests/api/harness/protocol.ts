/**
 * What the tests and the wrapper around the worker say to each other, as JSON over
 * `POST /__test/<verb>`. Types only: one side runs in Node, the other in workerd.
 */

/** What called into the worker. */
export type InvocationKind = "fetch" | "queue" | "scheduled";

/** Makes the next calls of one dependency fail. */
export interface FaultPlan {
  on: "d1" | "kv" | "queue" | "limiter" | "mail";
  /**
   * `before`: the call fails and nothing happened. `after`: it happened and only the answer is lost.
   * `forget` (queue only): the call succeeds and nothing happened.
   */
  when: "before" | "after" | "forget";
  /** How many matching calls fail. */
  times: number;
  /** How many matching calls are spared first. */
  sparing?: number;
  /** Only calls whose text contains this: SQL and parameters, the key, the message as JSON, the limiter's binding and key, or the mail. */
  containing?: string;
  /** Only calls made by this kind of invocation. */
  during?: InvocationKind;
  /** The message of the error; of the mail binding's, its code. */
  error?: string;
}

/** A plan and how often it has struck, so that a test can prove its fault happened. */
export interface FaultReport {
  plan: FaultPlan;
  struck: number;
}

/** One statement as the worker sent it and as D1 accounted for it. */
export interface RecordedStatement {
  sql: string;
  params: unknown[];
  rowsRead: number;
  rowsWritten: number;
}

/** One round trip to D1. */
export interface Trip {
  statements: RecordedStatement[];
  /** What its session began with: a constraint or a bookmark; null for the binding itself. */
  session: string | null;
  /** Where it ran. Only a world with a replica has another place than the primary. */
  ranAt: "primary" | "replica";
  /** The error of a trip that failed; its rows are then unknown and recorded as 0. */
  failed: string | null;
  /** Whether it began after the answer was given, in `waitUntil`. */
  afterAnswer: boolean;
}

/** Everything one invocation of the worker did with its bindings. */
export interface Invocation {
  number: number;
  kind: InvocationKind;
  /** `PUT /api/v1/posts/…/like`, the queue's name, or the cron expression. */
  name: string;
  trips: Trip[];
  kvReads: number;
  kvWrites: number;
  /** What the platform's limiters were asked: binding and key. */
  limited: string[];
  queueSends: unknown[];
  /** What the mail binding was given: each a whole message. */
  mails: string[];
  /** How many of the messages were sent after the answer was given. */
  lateQueueSends: number;
  answered: boolean;
  /** Promises given to `waitUntil` that have not ended. */
  background: number;
}

/** Sends D1 another statement in the place of one, as if the worker had a defect there. */
export interface Rewriting {
  from: string;
  to: string;
}

/** Holds D1 batches that contain a text until so many have arrived, so that they surely overlap. */
export interface BarrierPlan {
  containing: string;
  count: number;
}

/** How many D1 batches have been under way at once since the last reset. */
export interface Overlap {
  most: number;
  /** How many batches have reached the barrier. */
  arrived: number;
  /** Whether the barrier opened because all arrived, not because it gave up waiting. */
  barrierFilled: boolean | null;
}

/** A message for the worker's queue handler. */
export interface DeliveredMessage {
  id: string;
  body: unknown;
  attempts: number;
}

/** A batch for the worker's queue handler. */
export interface Delivery {
  queue: string;
  messages: DeliveredMessage[];
}

/** What the handler decided on one message. */
export interface MessageVerdict {
  id: string;
  verdict: "acked" | "retried" | "undecided";
  delaySeconds: number | null;
}

/** What became of a delivery. */
export interface DeliveryReport {
  invocation: number;
  messages: MessageVerdict[];
  /** The error the handler threw, if it did. */
  threw: string | null;
}

/** A distinct statement with the parameters of its first use. */
export interface DistinctStatement {
  sql: string;
  params: unknown[];
}

/** A statement of the tests' own. */
export interface BatchedStatement {
  sql: string;
  params: unknown[];
}

/** What came of a batch: D1's results as JSON, made in the worker, or the text of its error. */
export type BatchReport = { json: string } | { error: string };

/** How far the replica is behind: writing batches at the primary, and those that the replica has applied. */
export interface Lag {
  version: number;
  applied: number;
}

/** A batch of the tests' own in a session that begins with this constraint or bookmark; null for the binding itself. */
export interface SessionBatch {
  begins: string | null;
  statements: BatchedStatement[];
}

/** What came of it, and the bookmark that the session had before and has now. */
export type SessionReport = BatchReport & { before: string | null; bookmark: string | null };

/** Names the invocation on the answers of the worker; added by the wrapper, not by Kith. */
export const INVOCATION_HEADER = "x-test-invocation";
/** Where the wrapper listens for the tests; Kith has nothing there. */
export const CONTROL_PREFIX = "/__test/";
