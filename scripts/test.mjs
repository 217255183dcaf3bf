// `npm test`: set-up, then every test there is. A part that fails does not keep the others from
// running, and the last line counts the tests of all of them.
//
//   npm test                        the release build, which is what a deployment gets
//   npm test -- --edit              the edit build: seconds instead of minutes after a change
//   npm test -- likes -t "twice"    whatever else is given goes to vitest
//   npm test -- --lint              the lints as well; `.ci/run` does this
//
// Both of the quick ways leave out what takes minutes: the planted mutants, the short fuzzing and the small
// benchmark. Where there is no Python most of the fuzzing is skipped, and said to be; with `CI` set that fails.
// Last of all, the tests that docs/security names are held to those that ran.

import { join } from "node:path";
import { build } from "./build.mjs";
import { fuzzShortly, removeFuzzScratch } from "./fuzz.mjs";
import { lint } from "./lint.mjs";
import { endChildrenOnSignals, show, showAndCapture } from "./processes.mjs";
import { counted, describe, elapsed, Failure, formatDuration, main, say } from "./progress.mjs";
import { readCargoOutput, readVitestReport } from "./reports.mjs";
import { makeScratch, SCRATCH_VARIABLE } from "./scratch.mjs";
import { holdToRun } from "./security.mjs";
import { setUp, setUpLint } from "./setup.mjs";
import { huntMutants } from "./sim-mutants.mjs";
import { findNode, npmTool, ROOT, toolEnvironment } from "./tools.mjs";

/** @typedef {import("./reports.mjs").Count} Count */
/** @typedef {Count & { name: string, ok: boolean, milliseconds: number }} Part */

/** @type {ReturnType<typeof makeScratch> | null} */
let scratch = null;

/** Which tests ran, for the pages that name some. @type {import("./security.mjs").Suites} */
const suites = {};

/** @returns {Promise<Count & { ok: boolean }>} */
async function runCargoTests() {
  const env = { ...process.env, ...(process.stdout.isTTY ? { CARGO_TERM_COLOR: "always" } : {}) };
  const { code, output } = await showAndCapture("cargo", ["test", "--no-fail-fast"], { cwd: ROOT, env });
  const report = readCargoOutput(output);
  suites.cargo = { whole: report.tests.length > 0, tests: report.tests };
  return { ...report, ok: code === 0 };
}

/**
 * @param {"release" | "edit"} profile
 * @param {string[]} args
 * @returns {Promise<Count & { ok: boolean }>}
 */
async function runWorkerTests(profile, args) {
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that vitest accepts.");
  scratch = makeScratch("kith-test-");
  const report = join(scratch.path, "vitest.json");
  try {
    const own = ["run", "--config", "tests/vitest.config.ts", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const env = { ...toolEnvironment(), KITH_PROFILE: profile, [SCRATCH_VARIABLE]: scratch.path };
    const { code } = await show(node, [npmTool("vitest/vitest.mjs"), ...own, ...args], { cwd: ROOT, env });
    const outcome = await readVitestReport(report);
    suites.worker = { whole: args.length === 0 && outcome.tests.length > 0, tests: outcome.tests };
    return { ...outcome, ok: code === 0 };
  } finally {
    scratch.remove();
  }
}

/** Far more seeds than any mutant has needed: what one costs that is found does not grow with it. */
const SEEDS = "3000";

/** The simulation finds every defect that is planted for it. */
async function runMutants() {
  const { passed, failed } = await huntMutants(SEEDS);
  return { passed, failed, skipped: 0, ok: failed === 0 };
}

/** What was left out that should not be, and why. @type {string[]} */
const leftOut = [];

/** @returns {Promise<Count & { ok: boolean }>} */
async function runShortFuzzing() {
  const outcome = await fuzzShortly("release", { mayGoOn: ["", "0", "false"].includes(process.env.CI ?? "") });
  suites.fuzz = { whole: outcome.missing === null && outcome.tests.length > 0, tests: outcome.tests };
  if (outcome.missing !== null) leftOut.push(`API fuzzing skipped, but for the garbage: ${outcome.missing}`);
  return outcome;
}

/** No figure is asserted, but that both Workers of the benchmark still do the same. */
async function runSmallBenchmark() {
  const { code } = await show(process.execPath, ["bench/run.mjs", "--rounds", "1", "--requests", "50"], { cwd: ROOT });
  return { passed: 0, failed: 0, skipped: 0, ok: code === 0 };
}

/** Every test that docs/security names was among those that ran, and passed. */
function compareSecurity() {
  const { failed, unseen } = holdToRun(suites);
  if (unseen > 0) leftOut.push(`docs/security: ${counted(unseen, "test")} that it names did not run here`);
  return Promise.resolve({ passed: 0, failed, skipped: 0, ok: failed === 0 });
}

/**
 * Runs one part, whatever happens in it.
 * @param {string} name
 * @param {boolean} hasTests
 * @param {() => Promise<Count & { ok: boolean }>} work
 * @returns {Promise<Part>}
 */
async function runPart(name, hasTests, work) {
  say(`\n▸ ${name}`);
  const begun = performance.now();
  let result = { passed: 0, failed: 0, skipped: 0, ok: false };
  try {
    result = await work();
  } catch (error) {
    say(`✗ ${describe(error)}`);
  }
  // Tests that did not run prove nothing.
  if (hasTests && result.ok && result.passed === 0) {
    say(`✗ ${name}: no test was run`);
    result.ok = false;
  }
  if (result.failed > 0) result.ok = false;
  // What fails without naming a test, such as a compile error, still counts as a failure.
  else if (!result.ok) result.failed = 1;
  return { ...result, name, milliseconds: performance.now() - begun };
}

/**
 * @param {Part[]} parts
 * @returns {number} the exit code
 */
function summarise(parts) {
  say("");
  for (const part of parts) {
    const counts = part.passed + part.failed + part.skipped > 0 ? `  ${formatCount(part)}` : "";
    say(`${part.ok ? "✓" : "✗"} ${part.name.padEnd(24)} ${formatDuration(part.milliseconds).padStart(12)}${counts}`);
  }
  say(`  ${"all".padEnd(24)} ${formatDuration(elapsed()).padStart(12)}`);
  say("");
  for (const what of leftOut) say(`! ${what}\n`);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const part of parts) {
    total.passed += part.passed;
    total.failed += part.failed;
    total.skipped += part.skipped;
  }
  if (total.failed === 0 && total.passed === 0) total.failed = 1;
  // CI reads this line, so it stays the last one and alone.
  say(formatCount(total));
  return total.failed === 0 ? 0 : 1;
}

/** @param {Count} count */
function formatCount({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

await main(async () => {
  endChildrenOnSignals(() => {
    scratch?.remove();
    removeFuzzScratch();
  });
  const args = process.argv.slice(2);
  const profile = args.includes("--edit") ? "edit" : "release";
  const forwarded = args.filter((argument) => argument !== "--edit" && argument !== "--lint");
  const whole = profile === "release" && forwarded.length === 0;
  const nothing = { passed: 0, failed: 0, skipped: 0 };

  /** @type {Part[]} */
  const parts = [];
  parts.push(
    await runPart("set-up", false, async () => {
      await setUp();
      if (args.includes("--lint")) await setUpLint();
      return { ...nothing, ok: true };
    }),
  );
  if (parts.every((part) => part.ok)) {
    if (args.includes("--lint")) parts.push(await runPart("lints", false, async () => ({ ...nothing, ok: await lint() })));
    parts.push(await runPart("cargo test", true, runCargoTests));
    if (whole) parts.push(await runPart("planted mutants", true, runMutants));
    const built = await runPart(`build (${profile})`, false, async () => {
      await build(profile);
      return { ...nothing, ok: true };
    });
    parts.push(built);
    if (built.ok) parts.push(await runPart("Worker in workerd", true, () => runWorkerTests(profile, forwarded)));
    if (built.ok && whole) parts.push(await runPart("API fuzzing", true, runShortFuzzing));
    if (built.ok && whole) parts.push(await runPart("benchmark, in small", false, runSmallBenchmark));
    parts.push(await runPart("docs/security", false, compareSecurity));
    if (!built.ok) say("✗ Worker in workerd: not run, because there is no build to run it on");
  }
  return summarise(parts);
});
