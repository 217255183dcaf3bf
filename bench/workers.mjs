// Starts Workers to be measured: each in a workerd of its own with a D1 of its own, reached without
// Miniflare's entry Worker in between, so that a process's CPU time is what its Worker costs.

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { Failure } from "../scripts/progress.mjs";
import { ROOT } from "../scripts/tools.mjs";

/** The Miniflare that wrangler itself runs on; Kith does not depend on it otherwise. */
const { Log, LogLevel, Miniflare } = /** @type {typeof import("miniflare")} */ (
  createRequire(createRequire(import.meta.url).resolve("wrangler"))("miniflare")
);

const START_MS = 60_000;

/** @typedef {import("../scripts/seed/rows.mjs").Database} Database */
/** @typedef {{ type: "esm" | "wasm", path: string }} Module */

/**
 * @typedef {object} Running
 * @property {string} name
 * @property {URL} url
 * @property {number} pid of its workerd
 * @property {Database} database
 * @property {string[] | null} lines where its log lines are kept, while somebody looks at them
 * @property {() => Promise<void>} stop
 */

/** The settings and secrets of a deployment, made for this run. */
export function deploymentSettings() {
  const key = () => `bench:${randomBytes(32).toString("base64url")}`;
  return {
    SIGNING_KEYS: key(),
    SECRET_KEYS: key(),
    ISSUER: "http://localhost",
    AUDIENCE: "kith",
    EXPOSE_COST: "1",
    REVEAL_EMAIL: "0",
    JOB_GRACE_SECONDS: "30",
    RATE_LIMIT_FACTOR: "1",
    // No mail is sent: nobody registers here.
    MAIL_TRANSPORT: "binding",
    MAIL_FROM: "Kith <no-reply@localhost.example>",
  };
}

/**
 * Starts a Worker with migrated, empty storage that is gone when it stops.
 * @param {string} name
 * @param {Module[]} modules the first is its main module
 * @param {Record<string, string>} settings
 * @returns {Promise<Running>}
 */
export async function startWorker(name, modules, settings) {
  const declared = unstable_readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
  const contents = modules.map(({ type, path }) => [
    fileName(path),
    type === "esm" ? { type, contents: readFileSync(path, "utf8") } : { type, contents: new Uint8Array(readFileSync(path)) },
  ]);
  contents.unshift(["entry.mjs", { type: "esm", contents: withLimiter(fileName(modules[0]?.path ?? "")) }]);
  const texts = Object.entries(settings).map(([variable, value]) => [variable, { type: "text", value }]);
  const others = new Set(workerdsOfThisProcess());
  /** @type {Pick<Running, "lines">} */
  const kept = { lines: null };
  const miniflare = new Miniflare({
    workers: [
      {
        config: {
          name: "kith",
          compatibilityDate: declared.compatibility_date ?? "",
          compatibilityFlags: declared.compatibility_flags,
          manifest: { mainModule: contents[0]?.[0], modulesRoot: "/", modules: Object.fromEntries(contents) },
          env: {
            ...Object.fromEntries(texts),
            DB: { type: "d1", id: "bench" },
            KV: { type: "kv", id: "bench" },
            JOBS: { type: "queue", name: "kith-jobs" },
            MAILS: { type: "queue", name: "kith-mails" },
          },
        },
        dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
      },
    ],
    host: "127.0.0.1",
    cf: false,
    enableDevRegistry: false,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: (/** @type {{ message: string }} */ { message }) => kept.lines?.push(message),
  });
  try {
    await within(START_MS, `${name} does not start`, miniflare.ready);
    const database = /** @type {Database} */ (/** @type {unknown} */ (await miniflare.getD1Database("DB")));
    await migrate(database);
    const pid = workerdsOfThisProcess().find((one) => !others.has(one));
    if (pid === undefined) throw new Failure(`${name} runs without a workerd that could be measured.`);
    const url = await miniflare.unsafeGetDirectURL("kith");
    return Object.assign(kept, { name, url, pid, database, stop: () => miniflare.dispose() });
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

/** @param {string} path */
function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * A main module around another that gives it a rate limiter. The simulator's is a Worker of its own with a
 * database of its own, and would be most of what is measured; this one lets everybody pass at once.
 * @param {string} main the file of the module around which it goes
 */
function withLimiter(main) {
  return `
    import * as module from "./${main}";
    const limiter = { limit: async () => ({ success: true }) };
    const worker = module.default;
    const limited = (env) => ({ ...env, ADDRESS_LIMITER: limiter, ACCOUNT_LIMITER: limiter });
    class Limited extends (typeof worker === "function" ? worker : Object) {
      constructor(context, env) { super(context, limited(env)); }
    }
    const plain = { fetch: (request, env, context) => worker.fetch(request, limited(env), context) };
    export default typeof worker === "function" ? Limited : plain;
  `;
}

/** @param {Database} database */
async function migrate(database) {
  const directory = join(ROOT, "migrations");
  for (const file of readdirSync(directory).toSorted()) {
    const statements = unstable_splitSqlQuery(readFileSync(join(directory, file), "utf8"));
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
}

/**
 * @template T
 * @param {number} milliseconds
 * @param {string} complaint
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
async function within(milliseconds, complaint, work) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure(`${complaint} within ${milliseconds / 1000} s.`)), milliseconds);
  });
  try {
    return /** @type {T} */ (await Promise.race([work, late]));
  } finally {
    clearTimeout(timer);
  }
}

/** @returns {number[]} the process ids of the workerds that this process has started */
function workerdsOfThisProcess() {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(tryRead(`/proc/${entry}/stat`)) ?? [];
    return name === "workerd" && Number(parent) === process.pid ? [Number(entry)] : [];
  });
}

/**
 * The CPU time that a process has used so far, of all its threads, in nanoseconds.
 * @param {number} pid
 */
export function cpuNanoseconds(pid) {
  const directory = `/proc/${pid}/task`;
  let total = 0;
  for (const thread of readdirSync(directory)) total += Number(tryRead(`${directory}/${thread}/schedstat`).split(" ", 1)[0]);
  return total;
}

/** @param {string} path */
function tryRead(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process or the thread has ended since its directory was listed.
    return "";
  }
}
