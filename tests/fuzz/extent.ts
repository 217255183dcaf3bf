/** How much is to be tried, as the command that runs the fuzzing says. */

/** Each is a run of its own. */
export const SEEDS = (process.env["KITH_FUZZ_SEEDS"] ?? "1").split(",").map(Number);
/** The most cases of each operation in a phase that makes them up. */
export const EXAMPLES = Number(process.env["KITH_FUZZ_EXAMPLES"] ?? 5);
/** The most that one run may take. */
export const TIMEOUT_MS = Number(process.env["KITH_FUZZ_TIMEOUT_MS"] ?? 300_000);

/** What does the same again. */
export function commandFor(seed: number): string {
  return `npm run fuzz -- --seed ${seed} --examples ${EXAMPLES}`;
}
