/** What a call can fail with, besides the reason of its own `AbortSignal`. */
import type { BrokenRule, Problem as ProblemBody, ProblemCode } from "./schema.ts";

/** Anything that went wrong between the client and Kith. */
export abstract class KithError extends Error {
  /** What was asked for, as in `POST /api/v1/posts`. */
  readonly operation: string;

  constructor(operation: string, message: string, options?: ErrorOptions) {
    super(`${operation}: ${message}`, options);
    this.operation = operation;
  }
}

/** No answer came: Kith could not be reached, or the answer broke off. What was asked for may have happened. */
export class NetworkFailure extends KithError {
  override readonly name = "NetworkFailure";

  constructor(operation: string, cause: unknown) {
    super(operation, "no answer", { cause });
  }
}

interface Refused {
  status: number;
  headers: Headers;
}

/** An answer came, and it is not what was asked for. */
export abstract class Refusal extends KithError {
  readonly status: number;
  readonly headers: Headers;
  /** Milliseconds to wait before asking again, as `Retry-After` says; null where it says nothing. */
  readonly retryAfter: number | null;

  constructor(operation: string, message: string, { status, headers }: Refused, now: number) {
    super(operation, `${status} ${message}`);
    this.status = status;
    this.headers = headers;
    this.retryAfter = readRetryAfter(headers.get("retry-after"), now);
  }
}

/** Kith's own refusal: an `application/problem+json` (RFC 9457). */
export class Problem<Code extends ProblemCode = ProblemCode> extends Refusal {
  override readonly name = "Problem";
  /** What went wrong. A Kith newer than this client may have codes that the type does not. */
  readonly code: Code;
  /** One sentence for a developer. */
  readonly detail: string;
  /** The request in Kith's log. */
  readonly requestId: string;
  /** The rules that the input broke, with the code `invalid`. */
  readonly errors: readonly BrokenRule[];

  constructor(operation: string, body: ProblemBody & { code: Code }, refused: Refused, now: number) {
    super(operation, `${body.code}: ${body.detail}`, refused, now);
    this.code = body.code;
    this.detail = body.detail;
    this.requestId = body.request_id;
    this.errors = body.errors ?? [];
  }
}

/** An answer that Kith does not give, such as a proxy's page. */
export class UnexpectedAnswer extends Refusal {
  override readonly name = "UnexpectedAnswer";
  readonly body: string;

  constructor(operation: string, body: string, refused: Refused, now: number) {
    super(operation, "is not an answer of Kith", refused, now);
    this.body = body;
  }
}

/** Whether Kith refused, with one of these codes if any are given. */
export function isProblem<Code extends ProblemCode>(error: unknown, ...codes: Code[]): error is Problem<Code> {
  return error instanceof Problem && (codes.length === 0 || codes.some((code) => code === error.code));
}

/** The same for a code that not every Kith has. */
export function hasCode(error: unknown, code: string): error is Problem {
  return error instanceof Problem && error.code === code;
}

/** `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. Null for any other text. */
function readRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
