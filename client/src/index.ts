/** A typed client for Kith. */
export { createClient } from "./client.ts";
export type { AnswerOf, Call, Client, ClientOptions, InputOf } from "./client.ts";
export { isProblem, KithError, NetworkFailure, Problem, Refusal, UnexpectedAnswer } from "./errors.ts";
export { entries, pages } from "./pages.ts";
export type { Clock, RetryPolicy } from "./retry.ts";
export type { Fetch } from "./request.ts";
export { memoryStore } from "./session.ts";
export type { Session, TokenStore } from "./session.ts";
export type * from "./schema.ts";
