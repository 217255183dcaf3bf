// Runs under the Node that wrangler needs: measures what a request costs Kith beside the same thing
// written by hand, and an empty Worker for the floor. `run.mjs` starts it; nobody else does.
//
//   node measure.mjs --rounds 16 --requests 1000 --json figures.json

import { cpus } from "node:os";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildDirectory } from "../scripts/build.mjs";
import { Failure, main, say, wait } from "../scripts/progress.mjs";
import { seedScale } from "../scripts/seed/scale.mjs";
import { npmTool } from "../scripts/tools.mjs";
import { Client } from "./load.mjs";
import { requireSameAnswers, requireSameStatements } from "./sameness.mjs";
import { cpuNanoseconds, deploymentSettings, startWorker } from "./workers.mjs";

/** @typedef {import("./workers.mjs").Running} Running */
/** @typedef {{ worker: Running, client: Client, perRequest: number[] }} Contender */

/** The same posts for everybody. */
const POSTS = { posts: 1_000, seed: 1, now: Date.UTC(2026, 0, 1) };
/** Enough of them that no answer comes out of a cache of one. */
const POSTS_READ = 200;
const ABSENT_POST = "01900000-0000-7000-8000-000000000000";
/** Several seconds of work, because V8 optimises hot code late, and Wasm function by function. */
const WARM_UP_REQUESTS = 6_000;
/** A process that rests has told the scheduler all it used. */
const REST_MS = 50;

const WASM = join(buildDirectory("release"), "index_bg.wasm");
const BY_HAND = fileURLToPath(new URL("baselines/by-hand.mjs", import.meta.url));
const EMPTY = fileURLToPath(new URL("baselines/empty.mjs", import.meta.url));

/**
 * @param {Running[]} started where each is noted at once, so that it is stopped whatever happens next
 */
async function startAll(started) {
  const settings = deploymentSettings();
  const start = async (/** @type {Parameters<typeof startWorker>} */ ...parameters) => {
    const worker = await startWorker(...parameters);
    started.push(worker);
    return worker;
  };
  const esm = (/** @type {string} */ path) => ({ type: /** @type {const} */ ("esm"), path });
  const kith = [esm(join(buildDirectory("release"), "index.js")), { type: /** @type {const} */ ("wasm"), path: WASM }];
  return {
    kith: await start("Kith", kith, settings),
    byHand: await start("JavaScript by hand", [esm(BY_HAND)], settings),
    empty: await start("empty Worker", [esm(EMPTY)], {}),
  };
}

/** @param {Running} worker */
async function publicPosts({ database }) {
  const sql = "select json_group_array(id) as ids from (select id from posts where visibility = 'public' order by id limit ?1)";
  return /** @type {string[]} */ (JSON.parse(String(await database.prepare(sql).bind(POSTS_READ).first("ids"))));
}

/**
 * Measures the contenders in turn, again and again, so that whatever else the machine does meets all
 * of them; the turn is reversed every other time.
 * @param {readonly Running[]} workers
 * @param {readonly string[]} paths
 * @param {{ rounds: number, requests: number }} size
 * @returns {Promise<number[][]>} microseconds of CPU per request, by worker and round
 */
async function measure(workers, paths, { rounds, requests }) {
  /** @type {Contender[]} */
  const contenders = workers.map((worker) => ({ worker, client: new Client(worker.url), perRequest: [] }));
  try {
    for (const { client } of contenders) await client.send(paths, WARM_UP_REQUESTS);
    for (let round = 0; round < rounds; round += 1) {
      for (const { worker, client, perRequest } of round % 2 === 0 ? contenders : contenders.toReversed()) {
        await sleep(REST_MS);
        const before = cpuNanoseconds(worker.pid);
        await client.send(paths, requests);
        await sleep(REST_MS);
        perRequest.push((cpuNanoseconds(worker.pid) - before) / requests / 1_000);
      }
    }
    return contenders.map(({ perRequest }) => perRequest);
  } finally {
    for (const { client } of contenders) client.close();
  }
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? 0, sorted[middle] ?? 0];
  return (low + high) / 2;
}

/** @param {readonly number[]} values */
function summary(values) {
  return { min: Math.min(...values), median: median(values), rounds: values };
}

/**
 * @param {string} route
 * @param {{ kith: number[], byHand: number[], empty: number[] }} figures
 */
function reported(route, figures) {
  const [kith, byHand, empty] = [summary(figures.kith), summary(figures.byHand), summary(figures.empty)];
  const ratio = { min: kith.min / byHand.min, median: kith.median / byHand.median };
  return { route, kith, byHand, empty, ratio };
}

/** @param {ReturnType<typeof reported>[]} routes */
function sayTable(routes) {
  const cell = (/** @type {{ min: number, median: number }} */ { min, median: middle }) => `${min.toFixed(0)} / ${middle.toFixed(0)}`.padStart(12);
  say("");
  say("CPU per request in µs, minimum / median of the rounds; all of workerd, D1's SQLite included");
  say(`${"".padEnd(20)}${["Kith", "by hand", "empty"].map((name) => name.padStart(12)).join("")}${"Kith ÷ by hand".padStart(17)}`);
  for (const { route, kith, byHand, empty, ratio } of routes) {
    const ratios = `${ratio.min.toFixed(2)} / ${ratio.median.toFixed(2)}`.padStart(17);
    say(`${route.padEnd(20)}${cell(kith)}${cell(byHand)}${cell(empty)}${ratios}`);
  }
}

/** @param {string} name */
function versionOf(name) {
  return /** @type {{ version: string }} */ (JSON.parse(readFileSync(npmTool(`${name}/package.json`), "utf8"))).version;
}

await main(async () => {
  const { values } = parseArgs({ options: { rounds: { type: "string" }, requests: { type: "string" }, json: { type: "string" } } });
  const size = { rounds: Number(values.rounds), requests: Number(values.requests) };
  /** @type {Running[]} */
  const started = [];
  try {
    const { kith, byHand, empty } = await wait("starting three Workers", () => startAll(started));
    await wait(`seeding ${POSTS.posts} posts into each database`, async () => {
      for (const { database } of [kith, byHand]) await seedScale(database, POSTS);
    });
    const ids = await publicPosts(kith);
    if (ids.length !== POSTS_READ) throw new Failure(`Seeding made ${ids.length} public posts, not ${POSTS_READ}.`);
    const paths = ids.map((id) => `/api/v1/posts/${id}`);
    await wait("checking that both do the same", async () => {
      requireSameStatements(WASM, BY_HAND);
      const refused = ["/nowhere", `/api/v1/posts/${ABSENT_POST}`, "/api/v1/posts/none"];
      await requireSameAnswers(kith, byHand, ["/health", ...refused, ...paths.slice(0, 20)]);
    });
    const order = [kith, byHand, empty];
    const routes = [];
    for (const [route, under] of /** @type {const} */ ([["GET /health", ["/health"]], ["GET /posts/{id}", paths]])) {
      const [kithFigures = [], byHandFigures = [], emptyFigures = []] = await wait(
        `${route}: ${size.rounds} rounds of ${size.requests} requests to each`,
        () => measure(order, under, size),
      );
      routes.push(reported(route, { kith: kithFigures, byHand: byHandFigures, empty: emptyFigures }));
    }
    sayTable(routes);
    if (values.json !== undefined) {
      const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, workerd: versionOf("workerd") };
      writeFileSync(values.json, JSON.stringify({ machine, ...size, routes }));
    }
  } finally {
    await Promise.all(started.map(({ stop }) => stop()));
  }
});
