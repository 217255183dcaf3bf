// Runs the Worker under `wrangler dev`, and waits until it can work. One that lacks a setting answers every
// request with 503 and tells only its log which setting that is, so the log is read.

import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { show } from "./processes.mjs";
import { Failure, say } from "./progress.mjs";
import { findNode, ROOT, toolEnvironment, WRANGLER } from "./tools.mjs";

const ANSWERS_WITHIN_MS = 60_000;
/** How long a line may take from the Worker's log to here. */
const LOGGED_WITHIN_MS = 10_000;

/**
 * A Worker that was started.
 * @typedef {object} LocalWorker
 * @property {Promise<number>} ended wrangler's exit code
 * @property {AbortSignal} signal aborted once it has ended
 * @property {(address: string) => Promise<boolean>} ready whether it answers, whatever it says; throws a
 *   `Failure` that names the setting if the Worker lacks one
 * @property {() => Promise<number>} stop ends it, and answers its exit code
 */

/**
 * @param {string[]} args of `wrangler dev`
 * @param {{ env?: NodeJS.ProcessEnv, onStart?: (pid: number) => void }} [options]
 * @returns {LocalWorker}
 */
export function startLocalWorker(args, { env = {}, onStart } = {}) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that wrangler accepts.");
  const ended = new AbortController();
  const stopped = new AbortController();
  /** Why requests were refused, by their ids, until the Worker has answered. @type {Map<string, string> | null} */
  let causes = new Map();
  const onLine = (/** @type {string} */ line) => {
    const refusal = causes && refusalIn(line);
    if (refusal) causes?.set(refusal.request, refusal.cause);
  };
  const command = ["--no-warnings", WRANGLER, "dev", ...args, "--show-interactive-dev-session=false"];
  // To wrangler, the line that names a setting is a warning.
  const loud = ["none", "error"].includes(process.env.WRANGLER_LOG ?? "") ? { WRANGLER_LOG: "warn" } : {};
  const options = { cwd: ROOT, env: { ...toolEnvironment(), ...loud, ...env }, onStart, onLine, signal: stopped.signal };
  const exit = show(node, command, options).then(({ code }) => {
    ended.abort();
    return code;
  });

  /** @param {string} request its id */
  async function causeOf(request) {
    const deadline = performance.now() + LOGGED_WITHIN_MS;
    while (performance.now() < deadline && !ended.signal.aborted) {
      const cause = causes?.get(request);
      if (cause !== undefined) return cause;
      await sleep(20);
    }
    return null;
  }

  return {
    ended: exit,
    signal: ended.signal,
    async ready(address) {
      const response = await firstAnswer(`${address}/health`, ended.signal);
      if (response === null) return false;
      const request = misconfigured(response);
      if (request !== null) throw new Failure(complaint(await causeOf(request)));
      causes = null;
      if (response.status !== 200) say(`! GET /health answers ${response.status}; the log above should say why`);
      return true;
    },
    stop() {
      stopped.abort();
      return exit;
    },
  };
}

/**
 * @param {string} url
 * @param {AbortSignal} signal of the server's end
 * @returns {Promise<{ status: number, text: string } | null>} null if there was none
 */
async function firstAnswer(url, signal) {
  const begun = performance.now();
  while (performance.now() - begun < ANSWERS_WITHIN_MS) {
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
      return { status: response.status, text: await response.text() };
    } catch {
      if (signal.aborted) return null;
      await sleep(100);
    }
  }
  return null;
}

/**
 * @param {{ status: number, text: string }} answer
 * @returns {string | null} the id of the request if the Worker lacks a setting
 */
function misconfigured({ status, text }) {
  if (status !== 503) return null;
  try {
    const { code, request_id: request } = /** @type {Record<string, unknown>} */ (JSON.parse(text));
    return code === "misconfigured" && typeof request === "string" ? request : null;
  } catch {
    // Not an answer of Kith's, which are JSON.
    return null;
  }
}

/**
 * @param {string} line of wrangler's output, which frames the Worker's lines and paints them
 * @returns {{ request: string, cause: string } | null}
 */
export function refusalIn(line) {
  const text = stripVTControlCharacters(line);
  const json = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  if (!json.startsWith("{")) return null;
  try {
    const { event, request_id: request, cause } = /** @type {Record<string, unknown>} */ (JSON.parse(json));
    return event === "request" && typeof request === "string" && typeof cause === "string" ? { request, cause } : null;
  } catch {
    // One of the many lines that are wrangler's own.
    return null;
  }
}

/** @param {string | null} cause as the Worker logs it: the setting's name, and what is wrong with it */
function complaint(cause) {
  if (cause === null) return "The Worker lacks a setting, or one is unfit; its log above should say which.";
  return (
    `${cause}, so the Worker serves nothing.\n` +
    "Local settings and secrets stand in .dev.vars, the others in wrangler.toml; docs/deploy.md says what each takes.\n" +
    "Without .dev.vars, `npm start` makes all of it anew, which ends every local session."
  );
}
