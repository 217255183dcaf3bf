/**
 * `kill -9` of the runtime at random moments while sixteen clients use it: nothing that was
 * acknowledged is lost, and nothing is doubled. `npm run kill` is the long form of the same.
 */
import { randomInt } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Campaign, CLIENTS } from "./harness/kill/campaign.ts";
import { Keys } from "./harness/keys.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const CYCLES = Number(process.env["KITH_KILL_CYCLES"] ?? 4);
const SEED = Number(process.env["KITH_KILL_SEED"] ?? randomInt(2 ** 32));
const REPORT_EVERY = 10;
const BEGIN_MS = 60_000;
/** Several times what one takes on a busy machine. */
const CYCLE_MS = 20_000;

const keys = new Keys();
const directory = await mkdtemp(join(tmpdir(), "kith-kill-"));
const deployment = new LocalDeployment(directory, keys);
let evidence = false;
afterAll(() => (evidence ? deployment.stop() : deployment.remove()));

test(
  `${CYCLES} kills under the load of ${CLIENTS} clients lose nothing and double nothing`,
  { timeout: BEGIN_MS + CYCLES * CYCLE_MS },
  async () => {
    const campaign = new Campaign(deployment, keys, directory, SEED);
    const { tally } = campaign;
    console.log(`kills under load: ${CYCLES} cycles, ${CLIENTS} clients, seed ${SEED}`);
    try {
      await campaign.begin();
      for (let cycle = 1; cycle <= CYCLES && tally.findings.length === 0; cycle += 1) {
        await campaign.cycle(cycle);
        if (cycle % REPORT_EVERY === 0) console.log(`cycle ${cycle} of ${CYCLES}: ${tally.acknowledgedWrites} writes acknowledged`);
      }
    } finally {
      console.log(tally.lines().join("\n"));
      evidence = tally.findings.length > 0;
      if (evidence) console.log(`what was found is kept in ${directory}`);
    }
    expect(tally.findings, `seed ${SEED}, cycle ${tally.kills}`).toEqual([]);
    expect(tally.kills).toBe(CYCLES);
    expect(tally.acknowledgedWrites).toBeGreaterThan(0);
    expect(tally.provesSomething, "at least half of the kills hit an unfinished write or an unacknowledged message").toBe(true);
  },
);
