// `npm run bench`: how large the Worker is, and how much CPU a request costs it beside the same thing
// written by hand in JavaScript. Figures are reported and never asserted; it fails only when it could
// not measure. `README.md` says what the figures mean.
//
//   npm run bench
//   npm run bench -- --rounds 4 --requests 1000
//   npm run bench -- --json figures.json
//   npm run bench -- feed                       only what a page of the feed costs
//   npm run bench -- search                     only how long searches take among a million posts
//   npm run bench -- search --posts 100000 --times 20

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build, buildDirectory } from "../scripts/build.mjs";
import { endChildrenOnSignals, show } from "../scripts/processes.mjs";
import { Failure, main, messageOf, say } from "../scripts/progress.mjs";
import { setUpBuild } from "../scripts/setup.mjs";
import { findNode, ROOT, toolEnvironment } from "../scripts/tools.mjs";

const USAGE = "Usage: npm run bench -- [feed|search] [--rounds N] [--requests N] [--posts N] [--times N] [--json FILE]";
const MEASURE_MS = 30 * 60_000;

function parseOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        posts: { type: "string", default: "1000000" },
        times: { type: "string", default: "50" },
        rounds: { type: "string", default: "16" },
        requests: { type: "string", default: "1000" },
        json: { type: "string" },
      },
    });
    requireNumber("--rounds", values.rounds, 1_000);
    requireNumber("--requests", values.requests, 1_000_000);
    requireNumber("--posts", values.posts, 1_000_000);
    requireNumber("--times", values.times, 1_000);
    const [part, ...more] = positionals;
    if (!["feed", "search", undefined].includes(part) || more.length > 0) throw new Failure(`There is no part "${positionals.join(" ")}".`);
    return { ...values, part };
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n${USAGE}`);
  }
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} most
 */
function requireNumber(option, text, most) {
  if (/^\d{1,7}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return;
  throw new Failure(`${option} takes a whole number from 1 to ${most}, not "${text}".`);
}

/** What a deployment uploads, in bytes. */
function measureSize() {
  const [wasm, javascript] = ["index_bg.wasm", "index.js"].map((name) => readFileSync(join(buildDirectory("release"), name)));
  if (wasm === undefined || javascript === undefined) throw new Failure("The build has no output.");
  const [wasmGzip, javascriptGzip] = [wasm, javascript].map((bytes) => gzipSync(bytes, { level: 9 }).length);
  return {
    wasm: wasm.length,
    wasmGzip: wasmGzip ?? 0,
    javascript: javascript.length,
    javascriptGzip: javascriptGzip ?? 0,
    totalGzip: (wasmGzip ?? 0) + (javascriptGzip ?? 0),
  };
}

/** @param {ReturnType<typeof measureSize>} size */
function saySize(size) {
  const rows = /** @type {const} */ ([
    ["wasm", size.wasm],
    ["wasm, gzip -9", size.wasmGzip],
    ["JavaScript", size.javascript],
    ["JavaScript, gzip -9", size.javascriptGzip],
    ["upload, gzip -9", size.totalGzip],
  ]);
  say("");
  say("Size of the Worker");
  for (const [name, bytes] of rows) say(`  ${name.padEnd(20)}${(bytes / 1024).toFixed(1).padStart(8)} KiB`);
  say("");
}

/**
 * Runs a script of this folder under the Node that wrangler needs.
 * @param {"measure.mjs" | "feed.mjs" | "search.mjs"} file
 * @param {string[]} options
 */
async function measure(file, options) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that wrangler accepts.");
  const script = fileURLToPath(new URL(file, import.meta.url));
  const args = ["--no-warnings", script, ...options];
  const { code } = await show(node, args, { cwd: ROOT, env: toolEnvironment(), timeout: MEASURE_MS });
  return code;
}

await main(async () => {
  endChildrenOnSignals();
  const options = parseOptions();
  await setUpBuild();
  await build("release");
  if (options.part === "search") return measure("search.mjs", ["--posts", options.posts, "--times", options.times]);
  if (options.part === "feed") {
    if (process.platform !== "linux") throw new Failure(`What the feed costs is not measured on ${process.platform}: its CPU is read from Linux's /proc.`);
    return measure("feed.mjs", []);
  }
  const size = measureSize();
  saySize(size);

  let cpu = null;
  if (process.platform === "linux") {
    const directory = await mkdtemp(join(tmpdir(), "kith-bench-"));
    const report = join(directory, "cpu.json");
    try {
      const { rounds, requests } = options;
      const code = await measure("measure.mjs", ["--rounds", rounds, "--requests", requests, "--json", report]);
      if (code !== 0) return code;
      cpu = /** @type {unknown} */ (JSON.parse(readFileSync(report, "utf8")));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  } else {
    say(`CPU per request is not measured on ${process.platform}: it is read from Linux's /proc.`);
  }
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ date: new Date().toISOString(), size, cpu }, null, 2)}\n`);
  }
  return 0;
});
