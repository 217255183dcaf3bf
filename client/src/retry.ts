/** When a request is sent again, and how long to wait before. */
import { hasCode, NetworkFailure, Refusal } from "./errors.ts";
import type { PreparedRequest } from "./request.ts";

export interface RetryPolicy {
  /** How often a request is sent at most. */
  attempts: number;
  /** Milliseconds. The wait before the first repetition is random, up to this; each one after doubles it. */
  firstWait: number;
  /** Milliseconds. A wait is never longer. Where Kith asks for a longer one, the call fails at once. */
  longestWait: number;
}

export const RETRY: RetryPolicy = { attempts: 4, firstWait: 250, longestWait: 30_000 };

/** Time and chance, which tests replace. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when that is aborted first. */
  wait(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

export const CLOCK: Clock = {
  now: () => Date.now(),
  async wait(milliseconds, signal) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    try {
      await unlessAborted(over, signal);
    } finally {
      clearTimeout(timer);
    }
  },
  random: () => Math.random(),
};

/** What the promise comes to, or the signal's reason where that is aborted first. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whether asking twice comes to the same as asking once. */
export function isRepeatable({ operation, headers }: PreparedRequest): boolean {
  return ["GET", "HEAD", "PUT", "DELETE"].includes(operation.method) || "idempotency-key" in headers;
}

/** Makes the attempt again until it succeeds, fails for good, or was made often enough. */
export async function repeating<T>(attempt: () => Promise<T>, policy: RetryPolicy, clock: Clock, signal?: AbortSignal): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      const wait = made < policy.attempts ? waitAfter(error, made, policy, clock) : null;
      if (wait === null) throw error;
      await clock.wait(wait, signal);
    }
  }
}

/** Milliseconds; null where asking again does not help. */
function waitAfter(error: unknown, made: number, { firstWait, longestWait }: RetryPolicy, clock: Clock): number | null {
  const asked = error instanceof Refusal ? error.retryAfter : null;
  const isPassing =
    error instanceof NetworkFailure ||
    (error instanceof Refusal && (error.status === 429 || error.status === 503)) ||
    hasCode(error, "idempotency_in_progress");
  if (!isPassing) return null;
  if (asked !== null) return asked <= longestWait ? asked : null;
  // Full jitter, so that many clients who failed together do not come back together.
  return clock.random() * Math.min(longestWait, firstWait * 2 ** (made - 1));
}
