// `npm start`: from a fresh clone, or from where the last run ended, to a Worker that answers.
//
//   npm start                    on http://localhost:8787, built with the edit profile
//   npm start -- --port 9000     on another port; --mail-port for the page that shows mails
//   npm start -- --release       with the build that a deployment gets

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { build, parseProfile } from "./build.mjs";
import { createLink, LOCAL } from "./first-admin.mjs";
import { migrateLocalDatabase, seedEmptyDatabase } from "./local-database.mjs";
import { startLocalWorker } from "./local-worker.mjs";
import { isTaken, parsePort } from "./ports.mjs";
import { openLocalPostOffice } from "./post-office.mjs";
import { endChildrenOnSignals, isStopping } from "./processes.mjs";
import { elapsed, Failure, formatDuration, main, messageOf, say, wait } from "./progress.mjs";
import { DEFAULT_PORT, localAddress, localMailApi } from "./secrets.mjs";
import { DEMO_PASSWORD, DEMO_USERNAME } from "./seed/demo.mjs";
import { RUNNING_SERVERS } from "./servers.mjs";
import { setUp } from "./setup.mjs";

/** Cron triggers never fire locally, so this stands in for them; the sweep wants to run often. */
const SCHEDULED_EVERY_MS = 10_000;
const SCHEDULED_PATH = "/cdn-cgi/local/scheduled";
/** Where the API begins; /health has no such prefix. */
const BASE_PATH = "/api/v1";

/** @typedef {{ port: number, mailPort: number | null, profile: import("./build.mjs").Profile }} Options */
/** @typedef {import("./post-office/server.mjs").PostOffice} PostOffice */

/** @returns {Options} a port for mails only if one was asked for */
function parseOptions() {
  // `npm start --port 9000`, without the two dashes, gives the option to npm, which only sets a variable.
  for (const option of ["port", "mail-port"]) {
    const kept = process.env[`npm_config_${option.replace("-", "_")}`];
    if (kept) throw new Failure(`npm keeps options for itself; write: npm start -- --${option} N`);
  }
  let values;
  try {
    ({ values } = parseArgs({
      options: { port: { type: "string" }, "mail-port": { type: "string" }, release: { type: "boolean", default: false } },
    }));
  } catch (error) {
    throw new Failure(`${messageOf(error)}\nUsage: npm start -- [--port N] [--mail-port N] [--release]`);
  }
  const portOf = (/** @type {"port" | "mail-port"} */ option) => {
    const text = values[option];
    if (text === undefined) return null;
    const port = parsePort(text);
    if (port === null) throw new Failure(`--${option} takes a number from 1 to 65535, not "${text}".`);
    return port;
  };
  const [port, mailPort] = [portOf("port") ?? DEFAULT_PORT, portOf("mail-port")];
  if (port === mailPort) throw new Failure("--port and --mail-port must differ.");
  return { port, mailPort, profile: parseProfile(values.release ? "release" : "edit") };
}

/**
 * @param {Options} options
 * @param {PostOffice | null} postOffice
 */
function startWorker({ port, profile }, postOffice) {
  const args = [`build/${profile}/index.js`, "--port", String(port)];
  // Part of every token, so it has to be the address that clients use.
  if (port !== DEFAULT_PORT) args.push("--var", `ISSUER:${localAddress(port)}`);
  if (postOffice !== null) args.push("--var", `MAIL_API_URL:${localMailApi(postOffice.port)}`);
  const note = join(RUNNING_SERVERS, String(process.pid));
  mkdirSync(RUNNING_SERVERS, { recursive: true });
  const onStart = (/** @type {number} */ server) => writeFileSync(note, `${port} ${server}`);
  const worker = startLocalWorker(args, { env: { KITH_PROFILE: profile }, onStart });
  worker.signal.addEventListener("abort", () => rmSync(note, { force: true }));
  return worker;
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
 * As long as nobody is an admin.
 * @param {string | null} link
 */
function sayHowToBecomeAdmin(link) {
  if (link === null) return;
  say("Nobody is an admin yet. Whoever opens this first becomes one; it works once, for a day:");
  say(`  ${link}`);
  say("");
}

/**
 * @param {string} address
 * @param {PostOffice | null} postOffice
 * @param {boolean} hasDemo
 * @param {string | null} adminLink
 */
function sayReady(address, postOffice, hasDemo, adminLink) {
  const person = hasDemo
    ? { path: "/auth/login", body: { username: DEMO_USERNAME, password: DEMO_PASSWORD } }
    : { path: "/auth/register", body: { username: "newcomer", email: "newcomer@example.com", password: DEMO_PASSWORD } };
  say("");
  say(`Kith answers after ${formatDuration(elapsed())}.`);
  say(`  API     ${address}${BASE_PATH}`);
  say(`  posts   ${address}${BASE_PATH}/posts`);
  say(`  health  ${address}/health`);
  say(`  docs    ${address}/docs`);
  if (postOffice !== null) say(`  mail    ${localAddress(postOffice.port)}`);
  say("");
  say(hasDemo ? `Sign in as one of the demo people (password: ${DEMO_PASSWORD}):` : "Register:");
  say(`  curl -s ${address}${BASE_PATH}${person.path} -H 'content-type: application/json' \\`);
  say(`    -d '${JSON.stringify(person.body)}'`);
  say("");
  sayHowToBecomeAdmin(adminLink);
  say("Edit src/ and it is rebuilt. Ctrl-C ends everything.");
  say("");
}

await main(async () => {
  endChildrenOnSignals();
  const options = parseOptions();
  const { port, profile } = options;
  if (await isTaken(port)) {
    const other = port === DEFAULT_PORT ? 8788 : DEFAULT_PORT;
    throw new Failure(`Port ${port} is in use. End the program that uses it, or take another: npm start -- --port ${other}`);
  }
  await setUp();
  await build(profile);
  await wait("migrating the local database", migrateLocalDatabase);
  const hasDemo = await wait("looking for people, seeding if there are none", seedEmptyDatabase);
  const address = localAddress(port);
  const adminLink = await wait("looking for an admin", () => createLink(address, LOCAL));
  const postOffice = await openLocalPostOffice(options.mailPort, port);
  const worker = startWorker(options, postOffice);
  try {
    if (await worker.ready(address)) {
      sayReady(address, postOffice, hasDemo, adminLink);
      void callScheduled(address, worker.signal);
    } else if (!worker.signal.aborted) {
      say(`! no answer from ${address}/health; the log above should say why`);
    }
    const code = await worker.ended;
    // The signal ends this process in a moment; a message about wrangler would only be noise.
    if (isStopping()) return code;
    throw new Failure(`wrangler dev ended by itself with code ${code}; its last lines are above.`);
  } finally {
    await worker.stop();
    await postOffice?.close();
  }
});
