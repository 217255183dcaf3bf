/** Follows and blocks at once: no follow beside a block, and counters that equal what they count. */
import { afterEach, describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const MANY = 200;

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
  expect(
    await world.state.rows(
      `select follower_id, followee_id from follows f
       where exists (
         select 1 from blocks
         where (blocker_id, blocked_id) in ((f.follower_id, f.followee_id), (f.followee_id, f.follower_id))
       )`,
    ),
  ).toEqual([]);
});

describe("200 at once", () => {
  test("follow, block, unblock and unfollow across a few people leave nothing forbidden", { timeout: 60_000 }, async () => {
    const crowd = await world.crowd("crossing", 4);
    await (crowd[3] as PersonActor).lock();
    const verbs = ["follow", "block", "unblock", "unfollow", "accept", "removeFollower"] as const;
    const paths = {
      follow: "PUT /users/_/follow",
      unfollow: "DELETE /users/_/follow",
      block: "PUT /users/_/block",
      unblock: "DELETE /users/_/block",
      accept: "PUT /follow-requests/_",
      removeFollower: "DELETE /followers/_",
    };
    // What is done the first time takes longest here: reading the document.
    const [first, second] = crowd as [PersonActor, PersonActor];
    for (const path of Object.values(paths)) {
      const [method = "", route = ""] = path.split(" ");
      await first.fetch(method, route.replace("_", second.username));
    }
    const { told, overlap } = await world.control.watchingOverlap({ containing: "abort:session_ended", count: MANY }, () =>
      Promise.all(
        Array.from({ length: MANY }, async (_, index) => {
          const one = crowd[index % 4] as PersonActor;
          const other = crowd[(index + 1 + (Math.floor(index / 4) % 3)) % 4] as PersonActor;
          const verb = verbs[index % 7 < 2 ? 0 : Math.floor(index / 5) % verbs.length] ?? "follow";
          const [method = "", path = ""] = paths[verb].split(" ");
          return (await one.fetch(method, path.replace("_", other.username))).status;
        }),
      ),
    );
    expect(overlap).toMatchObject({ barrierFilled: true, arrived: MANY });
    expect(told.filter((status) => ![200, 204, 404, 409].includes(status))).toEqual([]);
    expect(told.filter((status) => status === 200).length).toBeGreaterThan(0);
  });

  test("follows of one account by 200 give exactly 200, and by one give exactly 1", { timeout: 60_000 }, async () => {
    const [ben, ...crowd] = (await world.crowd("fan", MANY + 1)) as [PersonActor, ...PersonActor[]];
    await Promise.all(crowd.map((fan) => fan.follow(ben)));
    expect((await ben.profile()).follower_count).toBe(MANY);
    const [one] = crowd as [PersonActor];
    await one.unfollow(ben);
    const relations = await Promise.all(Array.from({ length: MANY }, () => one.follow(ben)));
    expect(relations.every(({ following }) => following)).toBe(true);
    expect((await ben.profile()).follower_count).toBe(MANY);
  });

  test("an unlocking and those who ask meanwhile: all follow in the end", async () => {
    const [ben, ...crowd] = (await world.crowd("asker", 101)) as [PersonActor, ...PersonActor[]];
    await ben.lock();
    await Promise.all([...crowd.map((fan) => fan.follow(ben)), ben.lock(false)]);
    await world.control.settle();
    expect((await ben.profile()).follower_count).toBe(crowd.length);
  });
});
