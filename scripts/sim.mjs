// `npm run sim`: the simulation's long form.
//
//   npm run sim -- --seeds 10000          so many runs, from seed 0 on
//   npm run sim -- --seeds 1 --seed 4711  one run, with its history

import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { endChildrenOnSignals, showAndCapture } from "./processes.mjs";
import { Failure, main } from "./progress.mjs";
import { ROOT } from "./tools.mjs";

/** The test that runs seeds, and prints what it saw. */
const TEST = "whatever_goes_wrong_every_promise_is_kept";

/**
 * @param {string} name an option's
 * @param {string} value
 * @param {number} [least]
 */
export function wholeNumber(name, value, least = 1) {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || !Number.isSafeInteger(number)) throw new Failure(`--${name} must be a whole number from ${least} on.`);
  return value;
}

/**
 * Runs seeds and shows the report.
 * @param {object} run
 * @param {string} run.seeds how many
 * @param {string} [run.seed] the first
 * @param {string} [run.tree] the root of the sources, if not this repository's
 * @param {(command: string, args: string[], options: object) => Promise<import("./processes.mjs").Ending>} [start]
 */
export async function simulate({ seeds, seed = "0", tree = ROOT }, start = showAndCapture) {
  const args = ["test", "--quiet", "--test", "simulation", "--target-dir", `${ROOT}/target`, "--", "--nocapture", TEST];
  const env = { ...process.env, RUST_BACKTRACE: "0", KITH_SIM_SEEDS: seeds, KITH_SIM_SEED: seed };
  const ending = await start("cargo", args, { cwd: tree, env });
  if (ending.code === 127) throw new Failure("cargo could not be started: install Rust by rustup.");
  return ending;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    endChildrenOnSignals();
    const { values } = parseArgs({ options: { seeds: { type: "string", default: "10000" }, seed: { type: "string", default: "0" } } });
    const seeds = wholeNumber("seeds", values.seeds);
    const seed = wholeNumber("seed", values.seed, 0);
    return (await simulate({ seeds, seed })).code;
  });
}
