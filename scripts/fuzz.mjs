// `npm run fuzz`: Schemathesis against the built Worker, with what the document says Kith takes and with
// what it says it does not, and garbage that no schema thinks of. `npm test` runs a short form of the same.
//
//   npm run fuzz                       5 seeds, about half an hour on two cores
//   npm run fuzz -- --seeds 20         as many seeds, by chance
//   npm run fuzz -- --seed 7           one seed: what an earlier run found, it finds again
//   npm run fuzz -- --minutes 60       seeds by chance, none begun after an hour
//   npm run fuzz -- --examples 200     more cases of each operation than 100

import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { endChildrenOnSignals, show } from "./processes.mjs";
import { counted, elapsed, Failure, main, messageOf, say } from "./progress.mjs";
import { readVitestReport } from "./reports.mjs";
import { makeScratch, SCRATCH_VARIABLE } from "./scratch.mjs";
import { setUpBuild, setUpFuzzer } from "./setup.mjs";
import { findNode, npmTool, PYTHON_MINIMUM, ROOT, toolEnvironment } from "./tools.mjs";

/** @typedef {import("./reports.mjs").Report & { ok: boolean }} Outcome */
/** @typedef {{ profile: "release" | "edit", seeds: readonly number[], examples: number, patienceMs: number }} Extent */

const USAGE = "Usage: npm run fuzz -- [--seeds N | --seed S | --minutes M] [--examples N]";
const EXAMPLES = 100;
/** Much more than a run takes: Schemathesis is killed then, which fails the run. */
const PATIENCE_MS = { short: 10 * 60_000, long: 90 * 60_000 };

/** What `npm test` runs: the same every time, within about a minute. */
const SHORT = { seeds: [1], examples: 5, patienceMs: PATIENCE_MS.short };

const NO_PYTHON = `no Python ≥ ${PYTHON_MINIMUM} with venv was found`;
const NEEDS_PYTHON = `API fuzzing needs Python: ${NO_PYTHON}.`;

/**
 * Runs these seeds, each signed in, as nobody, and with garbage.
 * @param {string} python of the virtual environment with Schemathesis; empty where there is none, and only garbage is sent
 * @param {Extent} extent
 * @returns {Promise<Outcome>}
 */
async function fuzz(python, { profile, seeds, examples, patienceMs }) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that vitest accepts.");
  const scratch = makeScratch("kith-fuzz-");
  removeScratch = () => scratch.remove();
  const report = join(scratch.path, "vitest.json");
  try {
    // The report goes straight to the terminal, while it goes on.
    const args = ["run", "--config", "tests/fuzz/vitest.config.ts", "--disable-console-intercept"];
    args.push("--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`);
    const env = {
      ...toolEnvironment(),
      KITH_PROFILE: profile,
      KITH_FUZZ_PYTHON: python,
      KITH_FUZZ_SEEDS: seeds.join(","),
      KITH_FUZZ_EXAMPLES: String(examples),
      KITH_FUZZ_TIMEOUT_MS: String(patienceMs),
      [SCRATCH_VARIABLE]: scratch.path,
    };
    const { code } = await show(node, [npmTool("vitest/vitest.mjs"), ...args], { cwd: ROOT, env });
    return { ...(await readVitestReport(report)), ok: code === 0 };
  } finally {
    scratch.remove();
  }
}

/**
 * The short form, for `npm test`.
 * @param {"release" | "edit"} profile
 * @param {{ mayGoOn: boolean }} options whether garbage alone is better than nothing where there is no Python
 * @returns {Promise<Outcome & { missing: string | null }>} with what was missing for the rest
 */
export async function fuzzShortly(profile, { mayGoOn }) {
  const tool = await setUpFuzzer();
  if (tool === null && !mayGoOn) throw new Failure(NEEDS_PYTHON);
  return { ...(await fuzz(tool?.python ?? "", { profile, ...SHORT })), missing: tool === null ? NO_PYTHON : null };
}

let removeScratch = () => {};

/** Removes what an interrupted run has made. */
export function removeFuzzScratch() {
  removeScratch();
}

/** @returns {{ seeds: number[], minutes: number | null, examples: number }} */
function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string" },
        seed: { type: "string" },
        minutes: { type: "string" },
        examples: { type: "string", default: String(EXAMPLES) },
      },
    });
    if ([values.seeds, values.seed, values.minutes].filter((value) => value !== undefined).length > 1) {
      throw new Failure("--seeds, --seed and --minutes exclude each other.");
    }
    const examples = parseNumber("--examples", values.examples, 1, 100_000);
    const minutes = values.minutes === undefined ? null : parseNumber("--minutes", values.minutes, 1, 10_000);
    const seeds =
      values.seed === undefined
        ? Array.from({ length: parseNumber("--seeds", values.seeds ?? "5", 1, 10_000) }, newSeed)
        : [parseNumber("--seed", values.seed, 0, 2 ** 32 - 1)];
    return { seeds, minutes, examples };
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n${USAGE}`);
  }
}

function newSeed() {
  return randomInt(2 ** 32);
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function parseNumber(option, text, least, most) {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new Failure(`${option} takes a whole number from ${least} to ${most}, not "${text}".`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    endChildrenOnSignals(removeFuzzScratch);
    const { seeds, minutes, examples } = parseOptions();
    await setUpBuild();
    const tool = await setUpFuzzer();
    if (tool === null) throw new Failure(NEEDS_PYTHON);
    await build("release");
    const rest = { profile: /** @type {const} */ ("release"), examples, patienceMs: PATIENCE_MS.long };
    const isClean = async (/** @type {number[]} */ some) => (await fuzz(tool.python, { ...rest, seeds: some })).ok;
    if (minutes === null) return (await isClean(seeds)) ? 0 : 1;
    const end = elapsed() + minutes * 60_000;
    let runs = 0;
    let clean = true;
    do {
      clean = await isClean([newSeed()]);
      runs += 1;
    } while (clean && elapsed() < end);
    say(`${counted(runs, "seed")} in ${minutes} min`);
    return clean ? 0 : 1;
  });
}
