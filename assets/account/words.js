// What the account pages know without a browser: which token a link bears, what can be said of an input
// before it is sent, and what an answer means, in words for whoever holds the link.

/** As `docs/errors.md` has it; lengths count code points. */
const PASSWORD_LENGTH = { least: 8, most: 256 };

/**
 * The part of a problem+json that is looked at. Nothing of it is taken for granted.
 * @typedef {{ code?: unknown, detail?: unknown, request_id?: unknown, errors?: unknown }} Problem
 */

/**
 * What became of a call: `done`; `dead`, when the link is of no use any more; or `refused`, with what to say of
 * the whole and of single fields, by their names.
 * @typedef {{ state: "done" } | { state: "dead" } | { state: "refused", message: string, fields: Map<string, string> }} Outcome
 */

/**
 * The token of a link's fragment.
 * @param {string} fragment as `location.hash` has it
 * @returns {{ state: "ask", token: string } | { state: "none" } | { state: "garbled" }}
 */
export function tokenIn(fragment) {
  if (fragment === "" || fragment === "#") return { state: "none" };
  const token = new URLSearchParams(fragment.slice(1)).get("token") ?? "";
  // Base64url and what may stand between its parts. A mail program that breaks or cuts a link leaves another.
  return /^[\w.~:-]{16,4096}$/.test(token) ? { state: "ask", token } : { state: "garbled" };
}

/**
 * What is wrong with an input before it is sent; most rules are left to the server, which knows them all.
 * @param {string} name of the field
 * @param {string} value
 * @returns {string | null}
 */
export function faultOf(name, value) {
  if (value === "") return "Please fill this in.";
  if (!name.endsWith("password")) return null;
  const { length } = Array.from(value);
  if (length < PASSWORD_LENGTH.least) return `At least ${PASSWORD_LENGTH.least} characters are needed.`;
  if (length > PASSWORD_LENGTH.most) return `At most ${PASSWORD_LENGTH.most} characters are allowed.`;
  return null;
}

/** What is said of a field, where it can be said more plainly than the server does. By code, or by field and code. */
const RULES = new Map([
  ["required", "Please fill this in."],
  ["reserved", "This name is kept for the service itself. Please take another."],
  ["too_weak", "This password is too easy to guess. Please take another."],
  ["invalid_characters", "This has characters that cannot be used here."],
  ["username invalid_format", "Use a–z, 0–9, _ and dots; no dot first or last, nor two in a row."],
  ["email invalid_format", "This is no e-mail address that can be used here."],
]);

/** What is said of the whole. */
const CODES = new Map([
  ["maintenance", "The service is being worked on. Please try again in a while."],
  ["misconfigured", "The service is not set up completely. Only who runs it can help."],
  ["dependency_unavailable", "The service cannot do this right now. Please try again in a moment."],
  ["registration_closed", "New accounts cannot be made right now."],
  ["invalid", "Please look at what is marked below."],
]);

/** Codes that speak of one field, and what they mean where a page has no such field. */
const TAKEN = new Map([
  [
    "username_taken",
    {
      field: "username",
      words: "This name belongs to somebody else. Please take another.",
      alone: "Somebody else was faster and has the name now. Please register again in your app, with another.",
    },
  ],
  ["email_taken", { field: "email", words: "This address has an account already.", alone: "This address has an account already. Please sign in in your app." }],
]);

export const NO_ANSWER = "There was no answer. Please look at your connection and try again.";

/**
 * What an answer means.
 * @param {number} status
 * @param {unknown} body what came as JSON; null if it was none
 * @param {{ fields: readonly string[], retryAfter?: string | null }} about the fields that the page has
 * @returns {Outcome}
 */
export function meaningOf(status, body, { fields, retryAfter = null }) {
  if (status >= 200 && status < 300) return { state: "done" };
  const problem = /** @type {Problem} */ (typeof body === "object" && body !== null ? body : {});
  const code = textOf(problem.code);
  const violations = violationsOf(problem.errors);
  if (isDead(status, code, violations)) return { state: "dead" };

  const said = new Map(violations.filter(({ field }) => fields.includes(field)).map(({ field, words }) => [field, words]));
  const taken = TAKEN.get(code);
  if (taken && fields.includes(taken.field)) said.set(taken.field, taken.words);
  if (said.size > 0) return { state: "refused", message: CODES.get("invalid") ?? "", fields: said };

  if (status === 429) return refused(`That was too often. Please try again ${inTime(retryAfter)}.`);
  const rest = violations.map(({ words }) => words).join(" ");
  const known = rest === "" ? (taken?.alone ?? CODES.get(code)) : undefined;
  if (known !== undefined) return refused(known);
  if (status >= 500 || code === "") return refused(`Something went wrong at the service. Please try again later.${numberOf(problem)}`);
  return refused(rest || textOf(problem.detail) || `The service refuses this (${code}).`);
}

/** @param {string} message */
function refused(message) {
  return /** @type {const} */ ({ state: "refused", message, fields: new Map() });
}

/**
 * A link that was used, is too old, or was never made looks the same on purpose.
 * @param {number} status
 * @param {string} code
 * @param {{ field: string }[]} violations
 */
function isDead(status, code, violations) {
  if (violations.some(({ field }) => field === "token")) return true;
  return status === 404 || status === 410 || (status < 500 && code.includes("token"));
}

/**
 * @param {unknown} errors
 * @returns {{ field: string, words: string }[]} the first of each field comes last, so that it is the one kept
 */
function violationsOf(errors) {
  if (!Array.isArray(errors)) return [];
  return errors
    .map((/** @type {Record<string, unknown> | null} */ error) => {
      const field = textOf(error?.pointer).replace(/^\//, "");
      const code = textOf(error?.code);
      const words = RULES.get(`${field} ${code}`) ?? RULES.get(code) ?? (textOf(error?.detail) || "This is not accepted.");
      return { field, words };
    })
    .toReversed();
}

/**
 * @param {string | null} seconds of a Retry-After
 * @returns {string}
 */
function inTime(seconds) {
  const count = Number(seconds);
  if (!/^\d+$/.test(seconds ?? "") || count === 0) return "later";
  const minutes = Math.ceil(count / 60);
  return count <= 60 ? "in a minute" : `in ${minutes} minutes`;
}

/** @param {Problem} problem */
function numberOf({ request_id: id }) {
  return textOf(id) === "" ? "" : ` If it goes on, tell who runs it this number: ${textOf(id)}`;
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === "string" ? value : "";
}
