/**
 * After ten thousand operations of dozens of people at once, every counter equals what it counts, nobody follows
 * across a block, and the indexes of words and hashtags hold what is there and nothing else.
 *
 * The seed is printed; `KITH_SEED` repeats its choices, though not how they meet.
 */
import { describe, expect, test } from "vitest";
import { readDocument } from "./harness/openapi.ts";
import { OPERATIONS } from "./harness/town/operations.ts";
import type { Operation } from "./harness/town/operations.ts";
import { Town } from "./harness/town/town.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const TOTAL = 10_000;
/** How many are under way at once. */
const HANDS = 32;
const SEED = Number(process.env["KITH_SEED"] ?? Date.now());

/** What people may be told but that it is done: it is gone or not theirs, they may not, it is so already, or is too much. */
const REFUSALS = [403, 404, 409];

function documented({ route }: Operation): boolean {
  const [method = "", path = ""] = route.split(" ");
  return readDocument().paths[`/api/v1${path}`]?.[method.toLowerCase()] !== undefined;
}

/** Does operations by chance, as often as their weights say, in many hands. How often each was done and refused. */
async function live(town: Town, total: number): Promise<Map<string, { done: number; refused: number }>> {
  const urn = OPERATIONS.flatMap((operation) => Array.from({ length: operation.weight }, () => operation));
  const tally = new Map(OPERATIONS.map(({ route }) => [route, { done: 0, refused: 0 }]));
  let left = total;
  const hand = async () => {
    while (left > 0) {
      left -= 1;
      const operation = town.random.choose(urn);
      const { route, refusal } = operation;
      const response = await operation.act(town);
      if (response === undefined) continue;
      const counts = tally.get(route);
      if (counts === undefined) continue;
      if (response.ok) counts.done += 1;
      else if ([...REFUSALS, refusal].includes(response.status)) counts.refused += 1;
      else expect.fail(`${route}: ${response.status} ${await response.text()}`);
    }
  };
  await Promise.all(Array.from({ length: HANDS }, hand));
  return tally;
}

/** Follows and requests between two of whom one blocks the other. */
const followsAcrossBlocks = () =>
  world.state.rows(
    `select f.* from follows f join blocks b
     on (b.blocker_id, b.blocked_id) in ((f.follower_id, f.followee_id), (f.followee_id, f.follower_id))`,
  );

/** Hashtags of public posts that are not listed under them, and posts that are listed under what is not theirs. */
const wrongTags = () =>
  world.state.rows(
    `with told as (
       select t.value as tag, p.id as post_id from posts p, json_each(p.tags) t
       where p.reply_to is null and p.visibility = 'public' and p.deleted_at is null and p.removed_at is null
     )
     select * from (select * from told except select tag, post_id from post_tags)
     union all
     select * from (select tag, post_id from post_tags except select * from told)`,
  );

/** Posts that are not found by their own word, or are found though they are gone. */
async function wrongWords(): Promise<unknown[]> {
  const wrong = await world.state.rows<{ what: string }>(
    `select 'not found: ' || p.id as what from posts p
     where p.deleted_at is null and p.removed_at is null
       and not exists (select 1 from posts_text where posts_text match substr(p.caption, 1, instr(p.caption, ' ') - 1) and rowid = p.number)
     union all
     select 'found though gone: ' || rowid from posts_text t
     where not exists (select 1 from posts p where p.number = t.rowid and p.deleted_at is null and p.removed_at is null)`,
  );
  return wrong;
}

describe(`${TOTAL} random operations at once, seed ${SEED}`, () => {
  test("are all there are", () => {
    expect(OPERATIONS.filter((operation) => !documented(operation)).map(({ route }) => route)).toEqual([]);
  });

  test("leave every counter equal to what it counts, and nothing that may not be", { timeout: 300_000 }, async () => {
    const town = await Town.open(world, SEED);
    const { told: tally, overlap } = await world.control.watchingOverlap(null, () => live(town, TOTAL));
    expect(overlap.most).toBeGreaterThanOrEqual(HANDS / 2);
    // What was never done proves nothing.
    expect([...tally].filter(([, { done }]) => done < 10)).toEqual([]);
    await world.control.settle();
    expect(await world.state.wrongCounters()).toEqual([]);
    expect(await followsAcrossBlocks()).toEqual([]);
    expect(await wrongTags()).toEqual([]);
    expect(await wrongWords()).toEqual([]);
  });
});
