/** What becomes of a kill's cycle in which something goes wrong: it is found, and the campaign goes no further. */
import { afterAll, expect, test } from "vitest";
import { Campaign, LIMITS } from "./harness/kill/campaign.ts";
import { Keys } from "./harness/keys.ts";
import { SEES_PROCESSES } from "./harness/processes.ts";
import { makeDirectory } from "./harness/scratch.ts";
import { withFile } from "./harness/sqlite-file.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const keys = new Keys();
const directory = await makeDirectory("kith-kill-");

/** Due in no time that anybody lives to see. */
const JOB = `insert or ignore into jobs (id, payload, request_id, trace_id, due_at, created_at) values ('never', 'a payload', '', '', 9e15, 1)`;

/** Leaves a job that nobody will ever do between a kill and the check after it. */
class Tampered extends LocalDeployment {
  override async stop(): Promise<void> {
    await super.stop();
    await withFile(await this.databaseFile(), {}, async (file) => file.script(JOB));
  }
}

const deployment = new Tampered(directory, keys);
afterAll(() => deployment.remove());

test.skipIf(!SEES_PROCESSES)("a job that is never done is found, and so is a cycle that is never over", { timeout: 120_000 }, async () => {
  const limits = { ...LIMITS, settleMs: 2_000 };
  const campaign = new Campaign(deployment, keys, directory, 1, limits);
  await campaign.begin();
  await campaign.cycle(1);
  expect(campaign.tally.findings).toEqual([{ kind: "wrong", what: "the undone job a payload" }]);
  expect(campaign.tally.kills).toBe(1);

  limits.cycleMs = 10;
  await campaign.cycle(2);
  expect(campaign.tally.findings).toContainEqual({ kind: "wrong", what: "cycle 2 was not over after 10 ms" });
});
