// `npm start`: from a fresh clone, or from where the last run ended, to a Worker that answers.
//
//   npm start                    on http://localhost:8787, built with the edit profile
//   npm start -- --port 9000     on another port
//   npm start -- --release       with the build that a deployment gets

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { build, parseProfile } from "./build.mjs";
import { migrateLocalDatabase, seedEmptyDatabase } from "./local-database.mjs";
import { endChildrenOnSignals, isStopping, show } from "./processes.mjs";
import { elapsed, Failure, formatDuration, main, messageOf, say, wait } from "./progress.mjs";
import { DEFAULT_PORT, localAddress } from "./secrets.mjs";
import { DEMO_PASSWORD, DEMO_USERNAME } from "./seed/demo.mjs";
import { RUNNING_SERVERS } from "./servers.mjs";
import { setUp } from "./setup.mjs";
import { findNode, ROOT, toolEnvironment, WRANGLER } from "./tools.mjs";

/** Cron triggers never fire locally, so this stands in for them; the sweep wants to run often. */
const SCHEDULED_EVERY_MS = 10_000;
const SCHEDULED_PATH = "/cdn-cgi/local/scheduled";
const ANSWERS_WITHIN_MS = 60_000;
/** Where the API begins; /health has no such prefix. */
const BASE_PATH = "/api/v1";

/** @returns {{ port: number, profile: import("./build.mjs").Profile }} */
function parseOptions() {
  // `npm start --port 9000`, without the two dashes, gives the option to npm, which only sets this.
  if (process.env.npm_config_port) throw new Failure("npm keeps options for itself; write: npm start -- --port N");
  let values;
  try {
    ({ values } = parseArgs({ options: { port: { type: "string" }, release: { type: "boolean", default: false } } }));
  } catch (error) {
    throw new Failure(`${messageOf(error)}\nUsage: npm start -- [--port N] [--release]`);
  }
  const text = values.port ?? String(DEFAULT_PORT);
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new Failure(`--port takes a number from 1 to 65535, not "${text}".`);
  }
  return { port, profile: parseProfile(values.release ? "release" : "edit") };
}

/**
 * Whether anything accepts connections, under either of the addresses that localhost can mean.
 * @param {number} port
 */
async function isTaken(port) {
  const attempts = ["127.0.0.1", "::1"].map(
    (host) =>
      new Promise((resolve) => {
        const socket = connect({ host, port, timeout: 1_000 });
        const settle = (/** @type {boolean} */ taken) => {
          socket.destroy();
          resolve(taken);
        };
        socket.once("connect", () => settle(true));
        socket.once("error", () => settle(false));
        socket.once("timeout", () => settle(true));
      }),
  );
  return (await Promise.all(attempts)).includes(true);
}

/**
 * @param {number} port
 * @param {import("./build.mjs").Profile} profile
 * @returns {Promise<number>} wrangler's exit code
 */
async function serve(port, profile) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that wrangler accepts.");
  const args = ["--no-warnings", WRANGLER, "dev", `build/${profile}/index.js`, "--port", String(port)];
  args.push("--show-interactive-dev-session=false");
  // Part of every token, so it has to be the address that clients use.
  if (port !== DEFAULT_PORT) args.push("--var", `ISSUER:${localAddress(port)}`);
  const note = join(RUNNING_SERVERS, String(process.pid));
  mkdirSync(RUNNING_SERVERS, { recursive: true });
  const onStart = (/** @type {number} */ server) => writeFileSync(note, `${port} ${server}`);
  try {
    const { code } = await show(node, args, { cwd: ROOT, env: { ...toolEnvironment(), KITH_PROFILE: profile }, onStart });
    return code;
  } finally {
    rmSync(note, { force: true });
  }
}

/**
 * Waits until the Worker answers, whatever it says.
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function answers(address, signal) {
  const begun = performance.now();
  while (performance.now() - begun < ANSWERS_WITHIN_MS) {
    try {
      const response = await fetch(`${address}/health`, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
      await response.arrayBuffer();
      if (!response.ok) say(`! GET /health answers ${response.status}; the log above should say why`);
      return true;
    } catch {
      if (signal.aborted) return false;
      await sleep(100);
    }
  }
  return false;
}

/**
 * Calls the scheduled handler until `signal`. A failing call is reported, but not again and again.
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function callScheduled(address, signal) {
  let failing = false;
  while (!signal.aborted) {
    await sleep(SCHEDULED_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    let problem = null;
    try {
      const response = await fetch(address + SCHEDULED_PATH, { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) });
      const text = await response.text();
      if (!response.ok) problem = `${response.status} ${text.slice(0, 200)}`;
    } catch (error) {
      if (signal.aborted) return;
      problem = messageOf(error);
    }
    if (problem !== null && !failing) say(`! the scheduled handler fails (${problem}); calling it every ${SCHEDULED_EVERY_MS / 1000} s all the same`);
    if (problem === null && failing) say("✓ the scheduled handler works again");
    failing = problem !== null;
  }
}

/**
 * @param {string} address
 * @param {boolean} hasDemo
 */
function sayReady(address, hasDemo) {
  const person = hasDemo
    ? { path: "/auth/login", body: { username: DEMO_USERNAME, password: DEMO_PASSWORD } }
    : { path: "/auth/register", body: { username: "newcomer", email: "newcomer@example.com", password: DEMO_PASSWORD } };
  say("");
  say(`Kith answers after ${formatDuration(elapsed())}.`);
  say(`  API     ${address}${BASE_PATH}`);
  say(`  posts   ${address}${BASE_PATH}/posts`);
  say(`  health  ${address}/health`);
  say(`  docs    ${address}/docs`);
  say("");
  say(hasDemo ? `Sign in as one of the demo people (password: ${DEMO_PASSWORD}):` : "Register:");
  say(`  curl -s ${address}${BASE_PATH}${person.path} -H 'content-type: application/json' \\`);
  say(`    -d '${JSON.stringify(person.body)}'`);
  say("");
  say("Edit src/ and it is rebuilt. Ctrl-C ends everything.");
  say("");
}

await main(async () => {
  endChildrenOnSignals();
  const { port, profile } = parseOptions();
  if (await isTaken(port)) {
    const other = port === DEFAULT_PORT ? 8788 : DEFAULT_PORT;
    throw new Failure(`Port ${port} is in use. End the program that uses it, or take another: npm start -- --port ${other}`);
  }
  await setUp();
  await build(profile);
  await wait("migrating the local database", migrateLocalDatabase);
  const hasDemo = await wait("looking for people, seeding if there are none", seedEmptyDatabase);

  const address = localAddress(port);
  const ended = new AbortController();
  const server = serve(port, profile).finally(() => ended.abort());
  if (await answers(address, ended.signal)) {
    sayReady(address, hasDemo);
    void callScheduled(address, ended.signal);
  } else if (!ended.signal.aborted) {
    say(`! no answer from ${address}/health for ${ANSWERS_WITHIN_MS / 1000} s; the log above should say why`);
  }
  const code = await server;
  // The signal ends this process in a moment; a message about wrangler would only be noise.
  if (isStopping()) return code;
  throw new Failure(`wrangler dev ended by itself with code ${code}; its last lines are above.`);
});
