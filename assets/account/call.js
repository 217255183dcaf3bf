// What the account pages do to the outside: take the token out of the address, and call the API.

import { meaningOf, NO_ANSWER, tokenIn } from "./words.js";

const PATIENCE_MS = 30_000;

/**
 * Takes the token out of the address bar and of the history, where others could find it.
 * @param {Pick<Location, "hash" | "pathname">} location
 * @param {Pick<History, "replaceState">} history
 */
export function takeToken(location, history) {
  const found = tokenIn(location.hash);
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  return found;
}

/**
 * Sends what was filled in, with the token, in a body and nowhere else.
 * @param {string} path of the API
 * @param {string} token
 * @param {Readonly<Record<string, string>>} values by the names of their fields
 * @param {typeof fetch} [ask]
 * @returns {Promise<import("./words.js").Outcome>}
 */
export async function call(path, token, values, ask = fetch) {
  const fields = Object.keys(values);
  let response;
  try {
    response = await ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ token, ...values }),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return { state: "refused", message: NO_ANSWER, fields: new Map() };
  }
  // An answer that is no JSON is not Kith's, and its status says enough.
  const body = /** @type {unknown} */ (await response.json().catch(() => null));
  return meaningOf(response.status, body, { fields, retryAfter: response.headers.get("Retry-After") });
}
