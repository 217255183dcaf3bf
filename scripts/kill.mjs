// `npm run kill`: the long form of tests/api/kill-under-load.spec.ts. Kills the runtime of a local
// deployment again and again while clients use it, restarts it, and checks that nothing that was
// acknowledged is lost and nothing is doubled. `npm test` runs a few cycles of the same.
//
//   npm run kill                            200 cycles, about twelve minutes on two cores
//   npm run kill -- --cycles 40
//   npm run kill -- --cycles 40 --seed 7    the choices of an earlier run, which printed its seed

import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { endChildrenOnSignals, show } from "./processes.mjs";
import { Failure, main, messageOf } from "./progress.mjs";
import { makeScratch, SCRATCH_VARIABLE } from "./scratch.mjs";
import { setUpBuild } from "./setup.mjs";
import { findNode, npmTool, ROOT, toolEnvironment } from "./tools.mjs";

const USAGE = "Usage: npm run kill -- [--cycles N] [--seed N]";
const SPEC = "tests/api/kill-under-load.spec.ts";
const MOST_CYCLES = 10_000;
/** A little more than what the spec gives itself, so that its own report comes first. */
const BEGIN_MS = 4 * 60_000;
const CYCLE_MS = 20_000;

/** @returns {{ cycles: number, seed: number | null }} */
function parseOptions() {
  try {
    const { values } = parseArgs({ options: { cycles: { type: "string", default: "200" }, seed: { type: "string" } } });
    return {
      cycles: parseNumber("--cycles", values.cycles, 1, MOST_CYCLES),
      seed: values.seed === undefined ? null : parseNumber("--seed", values.seed, 0, 2 ** 32 - 1),
    };
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n${USAGE}`);
  }
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

await main(async () => {
  const { cycles, seed } = parseOptions();
  if (process.platform !== "linux") throw new Failure("npm run kill needs Linux: it finds the processes that it kills in /proc.");
  const scratch = makeScratch("kith-kill-");
  endChildrenOnSignals(() => scratch.remove());
  try {
    return await killAndCheck(cycles, seed, scratch.path);
  } finally {
    scratch.remove();
  }
});

/**
 * @param {number} cycles
 * @param {number | null} seed
 * @param {string} directory for what the spec makes
 * @returns {Promise<number>} the exit code
 */
async function killAndCheck(cycles, seed, directory) {
  await setUpBuild();
  await build("release");
  const node = findNode();
  if (node === null) throw new Failure("Set-up has not run: no Node that vitest accepts.");
  // The report goes straight to the terminal, while the cycles go on.
  const args = ["run", SPEC, "--config", "tests/vitest.config.ts", "--disable-console-intercept"];
  const chosen = seed === null ? {} : { KITH_KILL_SEED: String(seed) };
  const env = { ...toolEnvironment(), KITH_PROFILE: "release", KITH_KILL_CYCLES: String(cycles), [SCRATCH_VARIABLE]: directory, ...chosen };
  const { code } = await show(node, [npmTool("vitest/vitest.mjs"), ...args], { cwd: ROOT, env, timeout: BEGIN_MS + cycles * CYCLE_MS });
  return code;
}
