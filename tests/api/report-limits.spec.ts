/** How many reports an account can make. */
import { expect, test } from "vitest";
import { expectLimited, limits } from "./harness/limits.ts";
import type { PersonActor } from "./harness/person.ts";
import { openWorld } from "./harness/world.ts";

const QUOTA = 6;
// A window of a day, so that none ends within a test.
const world = await openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS: `report-account=${QUOTA}/86400,registration-address=1000/86400` });

const report = (who: PersonActor, { username }: PersonActor) => who.fetch("POST", "/reports", { username, reason: "spam" });

test("30 reports at once by one account are as many as its quota, and leave others alone", async () => {
  const [asha, cleo] = [await world.person("asha"), await world.person("cleo")];
  const crowd = await world.crowd("reported", 30);
  const { told, overlap } = await world.control.watchingOverlap({ containing: "report-account:", count: 30 }, () =>
    Promise.all(crowd.map((whom) => report(asha, whom))),
  );
  expect(overlap).toMatchObject({ barrierFilled: true, arrived: 30 });
  const made = told.filter(({ status }) => status === 201);
  expect(made).toHaveLength(QUOTA);
  for (const response of told.filter((one) => !made.includes(one))) await expectLimited(response, "report-account");
  expect(await world.state.number("select count(*) from reports where reporter_id = ?1", asha.id)).toBe(QUOTA);
  const [whom] = crowd as [PersonActor];
  const first = await report(cleo, whom);
  expect([first.status, limits(first, "ratelimit")["report-account"]?.["r"]]).toEqual([201, QUOTA - 1]);
  // Her other device is the same account.
  await expectLimited(await (await asha.onAnotherDevice()).fetch("POST", "/reports", { username: whom.username, reason: "spam" }), "report-account");
  // What else she does is not hindered.
  expect((await asha.posts.create({ caption: "First light" })).id).not.toBe("");
});

test("what is refused for another reason is not counted", async () => {
  const [asha, ben] = [await world.person("asha"), await world.person("ben")];
  for (let times = 0; times < QUOTA; times += 1) {
    expect((await report(asha, asha)).status).toBe(403);
    expect((await asha.fetch("POST", "/reports", { username: "nobody_at_all", reason: "spam" })).status).toBe(404);
  }
  expect(limits(await report(asha, ben), "ratelimit")["report-account"]?.["r"]).toBe(QUOTA - 1);
});
