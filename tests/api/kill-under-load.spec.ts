/**
 * `kill -9` of the runtime at random moments while sixteen clients use it: nothing that was
 * acknowledged is lost, and nothing is doubled. `npm run kill` is the long form of the same.
 */
import { randomInt } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { counted } from "../../scripts/progress.mjs";
import { Campaign, CLIENTS, LIMITS } from "./harness/kill/campaign.ts";
import { Keys } from "./harness/keys.ts";
import { SEES_PROCESSES } from "./harness/processes.ts";
import { keepEvidence, makeDirectory } from "./harness/scratch.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const CYCLES = Number(process.env["KITH_KILL_CYCLES"] ?? 4);
const SEED = Number(process.env["KITH_KILL_SEED"] ?? randomInt(2 ** 32));
const REPORT_EVERY = 10;
const BEGIN_MS = 60_000;
/** Several times what one takes on a busy machine. */
const CYCLE_MS = 20_000;

const keys = new Keys();
const directory = await makeDirectory("kith-kill-");
const deployment = new LocalDeployment(directory, keys);
const campaign = new Campaign(deployment, keys, directory, SEED);
const { tally } = campaign;
let passed = !SEES_PROCESSES;
afterAll(async () => {
  if (passed) return deployment.remove();
  const found = tally.findings.map(({ kind, what }) => `${kind}: ${what}`);
  await keepEvidence(directory, [`seed ${SEED}`, ...tally.lines(), ...found, ""].join("\n"));
  console.log(`what was found is kept in ${directory}`);
  await deployment.stop();
});

test.skipIf(!SEES_PROCESSES)(
  `nothing is lost and nothing doubled in ${counted(CYCLES, "kill")} under the load of ${CLIENTS} clients`,
  { timeout: BEGIN_MS + CYCLES * CYCLE_MS + LIMITS.cycleMs },
  async () => {
    console.log(`kills under load: ${counted(CYCLES, "cycle")}, ${CLIENTS} clients, seed ${SEED}`);
    try {
      await campaign.begin();
      for (let cycle = 1; cycle <= CYCLES && tally.findings.length === 0; cycle += 1) {
        await campaign.cycle(cycle);
        if (cycle % REPORT_EVERY === 0) console.log(`cycle ${cycle} of ${CYCLES}: ${tally.acknowledgedWrites} writes acknowledged`);
      }
    } finally {
      console.log(tally.lines().join("\n"));
    }
    expect(tally.findings, `seed ${SEED}, after ${counted(tally.kills, "kill")}`).toEqual([]);
    expect(tally.kills).toBe(CYCLES);
    expect(tally.acknowledgedWrites).toBeGreaterThan(0);
    expect(tally.provesSomething, "at least half of the kills hit an unfinished write or an unacknowledged message").toBe(true);
    passed = true;
  },
);
