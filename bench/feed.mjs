// Runs under the Node that wrangler needs: what a page of the feed costs, by how many its reader follows.
// `run.mjs` starts it; nobody else does.
//
//   node feed.mjs --requests 100 --profile release

import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildDirectory } from "../scripts/build.mjs";
import { Failure, main, say, wait } from "../scripts/progress.mjs";
import { Client } from "./load.mjs";
import { cpuNanoseconds, deploymentSettings, startWorker } from "./workers.mjs";

/** @typedef {import("./workers.mjs").Running} Running */
/** @typedef {{ name: string, follows: number, token: string }} Reader */

const PEOPLE = 2_000;
const POSTS_EACH = 60;
/** By how many they follow; the last one follows somebody who wrote 3,000 posts too. */
const FOLLOWS = [20, 200, 1_000, 2_000];
const PROLIFIC_POSTS = 3_000;
const FIFTY_PAGES = 50 * 20;
const WARM_UP_REQUESTS = 500;

/** @param {number} place */
const personId = (place) => `${place.toString(16).padStart(8, "0")}-0000-7000-8000-000000000000`;

/** Gives each of these people one post, in turn. */
const INSERT_POSTS = `insert into posts (id, author_id, caption, visibility, audience_id, created_at)
select format('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, at), author, 'A caption of some length, as people write them', 'public', author, at
from (select value as author, cast(?2 as integer) + key as at from json_each(?1))`;

/** @param {Running} worker */
async function fill({ database }) {
  const ids = Array.from({ length: PEOPLE + 1 }, (_, place) => personId(place + 1));
  await database
    .prepare(
      `insert into users (id, username, email, password_hash, display_name, created_at)
       select value, value, value, '', 'Somebody', 0 from json_each(?1)`,
    )
    .bind(JSON.stringify(ids))
    .run();
  const [prolific = "", ...people] = ids;
  let at = Date.UTC(2026, 0, 1);
  const post = async (/** @type {string[]} */ authors) => {
    await database.prepare(INSERT_POSTS).bind(JSON.stringify(authors), at).run();
    at += authors.length;
  };
  for (let round = 0; round < POSTS_EACH; round += 1) {
    await post(people);
    await post(Array.from({ length: PROLIFIC_POSTS / POSTS_EACH }, () => prolific));
  }
  return { prolific, people };
}

/**
 * @param {Running} worker
 * @param {string[]} followees
 * @param {string} name
 * @returns {Promise<Reader>}
 */
async function reader({ url, database }, followees, name) {
  const username = `reader_${name.replaceAll(/\W/g, "_")}`;
  const body = JSON.stringify({ username, email: `${username}@example.com`, password: "a good long passphrase" });
  const response = await fetch(new URL("/api/v1/auth/register", url), { method: "POST", headers: { "content-type": "application/json" }, body });
  if (response.status !== 201) throw new Failure(`A reader could not register: ${response.status} ${await response.text()}`);
  const { user, access_token: token } = /** @type {{ user: { id: string }, access_token: string }} */ (await response.json());
  await database
    .prepare("insert into follows (follower_id, followee_id, state, created_at) select ?1, value, 'accepted', 0 from json_each(?2)")
    .bind(user.id, JSON.stringify(followees))
    .run();
  return { name, follows: followees.length, token };
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/**
 * @param {Running} worker
 * @param {Client} client
 * @param {Reader} who
 * @param {number} requests
 */
async function measure(worker, client, { name, token }, requests) {
  const get = async (/** @type {string} */ query) => {
    const answer = await client.get(`/api/v1/feed${query}`, { authorization: `Bearer ${token}` });
    if (answer.status !== 200) throw new Failure(`The feed was answered with ${answer.status}: ${answer.body.toString()}`);
    const page = /** @type {{ data: unknown[], next_cursor: string | null }} */ (JSON.parse(answer.body.toString()));
    return { page, headers: answer.headers };
  };
  let after = "";
  for (let passed = 0; passed < FIFTY_PAGES; passed += 100) {
    const { page } = await get(`?limit=100${after}`);
    if (page.next_cursor === null) throw new Failure("The feed has no fifty pages.");
    after = `&cursor=${page.next_cursor}`;
  }
  const figures = [];
  for (const [place, query] of /** @type {const} */ ([[1, "?limit=20"], [51, `?limit=20${after}`]])) {
    const { page, headers } = await get(query);
    if (page.data.length !== 20) throw new Failure(`A page has ${page.data.length} posts.`);
    const rows = Number(/rows_read=(\d+)/.exec(headers.get("kith-cost") ?? "")?.[1]);
    const d1 = [];
    const before = cpuNanoseconds(worker.pid);
    for (let count = 0; count < requests; count += 1) {
      const timed = await get(query);
      d1.push(Number(/d1;dur=([\d.]+)/.exec(timed.headers.get("server-timing") ?? "")?.[1]));
    }
    figures.push({ name, place, rows, d1: median(d1), cpu: (cpuNanoseconds(worker.pid) - before) / requests / 1e6 });
  }
  return figures;
}

await main(async () => {
  const { values } = parseArgs({ options: { requests: { type: "string", default: "100" }, profile: { type: "string", default: "release" } } });
  const directory = buildDirectory(values.profile === "edit" ? "edit" : "release");
  const modules = [
    { type: /** @type {const} */ ("esm"), path: join(directory, "index.js") },
    { type: /** @type {const} */ ("wasm"), path: join(directory, "index_bg.wasm") },
  ];
  const settings = { ...deploymentSettings(), REVEAL_EMAIL: "1", RATE_LIMIT_FACTOR: "100" };
  const worker = await wait("starting Kith", () => startWorker("Kith", modules, settings));
  const client = new Client(worker.url);
  try {
    const { prolific, people } = await wait(`seeding ${PEOPLE * POSTS_EACH + PROLIFIC_POSTS} posts of ${PEOPLE + 1} people`, () => fill(worker));
    /** @type {Reader[]} */
    const readers = [];
    for (const follows of FOLLOWS) readers.push(await reader(worker, people.slice(0, follows), `${follows}`));
    readers.push(await reader(worker, [prolific, ...people.slice(0, 19)], "20, one wrote 3,000"));
    const headers = { authorization: `Bearer ${readers[0]?.token}` };
    await wait("warming up", async () => {
      for (let count = 0; count < WARM_UP_REQUESTS; count += 1) await client.get("/api/v1/feed", headers);
    });
    const figures = [];
    for (const one of readers) figures.push(...(await wait(`feed of one who follows ${one.name}`, () => measure(worker, client, one, Number(values.requests)))));
    say("");
    say("A page of 20 posts of the feed; one request at a time");
    say(`${"follows".padEnd(22)}${"page".padStart(6)}${"rows read".padStart(12)}${"D1, ms".padStart(10)}${"CPU, ms".padStart(10)}`);
    for (const { name, place, rows, d1, cpu } of figures) {
      say(`${name.padEnd(22)}${String(place).padStart(6)}${String(rows).padStart(12)}${d1.toFixed(1).padStart(10)}${cpu.toFixed(1).padStart(10)}`);
    }
  } finally {
    client.close();
    await worker.stop();
  }
});
