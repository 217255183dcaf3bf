// Runs under the Node that wrangler needs: how long searches take in a deployment with many posts. `run.mjs`
// starts it; nobody else does.
//
//   node search.mjs --posts 1000000 --times 50 --profile release

import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildDirectory } from "../scripts/build.mjs";
import { Failure, main, say, wait } from "../scripts/progress.mjs";
import { seedCorpus, wordOf } from "./corpus.mjs";
import { Client } from "./load.mjs";
import { deploymentSettings, startWorker } from "./workers.mjs";

/** A page far down is as many pages of a hundred matches below the first. */
const DEEP_PAGES = 20;

const [most, second, third] = [wordOf(1), wordOf(2), wordOf(3)];

/** @type {readonly (readonly [name: string, type: string, q: string])[]} */
const SEARCHES = [
  ["a rare word", "posts", wordOf(20_000)],
  ["a common word", "posts", wordOf(100)],
  ["a very common word", "posts", most],
  ["a word that nobody wrote", "posts", "xylophone"],
  ["one letter", "posts", second.slice(0, 1)],
  ["two letters of a very common word", "posts", second.slice(0, 2)],
  ["three letters of it", "posts", second.slice(0, 3)],
  ["four letters of it", "posts", second.slice(0, 4)],
  ["the whole of it", "posts", second],
  ["two very common words", "posts", `${most} ${second}`],
  ["a very common word and a rare one", "posts", `${most} ${wordOf(20_000)}`],
  ["two very common words, the beginning of a third", "posts", `${most} ${third} ${second.slice(0, 3)}`],
  ["the ten most common words", "posts", Array.from({ length: 10 }, (_, index) => wordOf(index + 1)).join(" ")],
  ["people: what all usernames begin with", "users", "pers"],
  ["people: a username", "users", "person_77"],
  ["people: a common name", "users", wordOf(10)],
];

/**
 * @param {Client} client
 * @param {string} path
 */
async function ask(client, path) {
  const begun = performance.now();
  const answer = await client.get(path);
  const took = performance.now() - begun;
  if (answer.status !== 200) throw new Failure(`GET ${path} was answered with ${answer.status}.`);
  const { data, next_cursor: next } = /** @type {{ data: unknown[], next_cursor: string | null }} */ (JSON.parse(answer.body.toString()));
  return { took, found: data.length, next };
}

/**
 * Milliseconds that this page takes, the middle one and the slowest in a hundred.
 * @param {Client} client
 * @param {string} path
 * @param {number} times
 */
async function measure(client, path, times) {
  // Once, so that what it reads has been read.
  const { found } = await ask(client, path);
  /** @type {number[]} */
  const all = [];
  for (let count = 0; count < times; count += 1) all.push((await ask(client, path)).took);
  all.sort((one, other) => one - other);
  const at = (/** @type {number} */ share) => (all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0).toFixed(1);
  return { found, p50: at(0.5), p99: at(0.99) };
}

/**
 * The address of a page far down the list, if it goes so far.
 * @param {Client} client
 * @param {string} path
 */
async function deepPage(client, path) {
  let cursor = "";
  for (let page = 0; page < DEEP_PAGES; page += 1) {
    const { next } = await ask(client, `${path}&limit=100${cursor}`);
    if (next === null) return null;
    cursor = `&cursor=${next}`;
  }
  return `${path}${cursor}`;
}

/** @param {{ found: number, p50: string, p99: string }} figures */
function cell({ found, p50, p99 }) {
  return `${p50.padStart(8)} / ${p99.padStart(6)} (${found})`.padEnd(26);
}

await main(async () => {
  const { values } = parseArgs({ options: { posts: { type: "string" }, times: { type: "string" }, profile: { type: "string" } } });
  const [posts, times] = [Number(values.posts), Number(values.times)];
  const directory = buildDirectory(values.profile === "edit" ? "edit" : "release");
  const modules = [
    { type: /** @type {const} */ ("esm"), path: join(directory, "index.js") },
    { type: /** @type {const} */ ("wasm"), path: join(directory, "index_bg.wasm") },
  ];
  const worker = await wait("starting the Worker", () => startWorker("Kith", modules, deploymentSettings()));
  const client = new Client(worker.url);
  try {
    await wait(`seeding ${posts} posts and indexing them`, () => seedCorpus(worker.database, posts));
    say(`Milliseconds per request, p50 / p99 of ${times} (entries on the page); ${posts} posts, ${cpus()[0]?.model ?? "unknown processor"}`);
    say(`${"".padEnd(50)}${"first page".padEnd(26)}after ${DEEP_PAGES * 100} matches`);
    for (const [name, type, q] of SEARCHES) {
      const path = `/api/v1/search?type=${type}&q=${encodeURIComponent(q)}`;
      const first = await measure(client, path, times);
      const deep = await deepPage(client, path);
      say(`${name.padEnd(50)}${cell(first)}${deep === null ? "–" : cell(await measure(client, deep, times))}`);
    }
  } finally {
    client.close();
    await worker.stop();
  }
  return 0;
});
