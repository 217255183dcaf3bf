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
 * Runs seeds and shows the report.
 * @param {object} run
 * @param {string} run.seeds how many
 * @param {string} [run.seed] the first
 * @param {string} [run.tree] the root of the sources, if not this repository's
 * @param {(command: string, args: string[], options: object) => Promise<import("./processes.mjs").Ending>} [start]
 */
export function simulate({ seeds, seed = "0", tree = ROOT }, start = showAndCapture) {
  const args = ["test", "--quiet", "--test", "simulation", "--target-dir", `${ROOT}/target`, "--", "--nocapture", TEST];
  const env = { ...process.env, RUST_BACKTRACE: "0", KITH_SIM_SEEDS: seeds, KITH_SIM_SEED: seed };
  return start("cargo", args, { cwd: tree, env });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    endChildrenOnSignals();
    const { values } = parseArgs({ options: { seeds: { type: "string", default: "10000" }, seed: { type: "string", default: "0" } } });
    for (const [name, value] of Object.entries(values)) {
      if (!/^\d+$/.test(value)) throw new Failure(`--${name} must be a number.`);
    }
    return (await simulate(values)).code;
  });
}
