/**
 * What each operation may cost, in trips to D1 and in rows as D1 bills them, read from `Kith-Cost`
 * and from the recording alike: in a small and in a large deployment, before and after `analyze`, and
 * under 3,000 newer rows that the viewer may not see.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultyPlans } from "./harness/plans.ts";
import { coverWithInvisible, FATES, leadsOn, liveIn } from "./harness/scale.ts";
import type { Fate, Size } from "./harness/scale.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";
import { OF_LIKES } from "./harness/budgets/likes.ts";
import { OF_NOTIFICATIONS } from "./harness/budgets/notifications.ts";
import { OF_POSTS } from "./harness/budgets/posts.ts";
import { OF_SEARCH } from "./harness/budgets/search.ts";
import { OF_PEOPLE } from "./harness/budgets/people.ts";
import { OF_AUTH } from "./harness/budgets/auth.ts";
import { OF_MODERATION } from "./harness/budgets/moderation.ts";
import type { Rows } from "./harness/cost.ts";
import { DEAD_LETTER_QUEUE } from "./harness/control.ts";
import { eventually } from "./harness/eventually.ts";
import type { PersonActor } from "./harness/person.ts";
import type { Page } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { newPerson } from "./harness/budgets/measure.ts";
import type { Place } from "./harness/budgets/measure.ts";

const SIZES: Size[] = [
  { posts: 1_000, people: 100 },
  { posts: 100_000, people: 10_000 },
];
const worlds = await Promise.all(SIZES.map(async (size) => ({ size, world: await openWorld() })));

const BUDGETS = [...OF_LIKES, ...OF_NOTIFICATIONS, ...OF_POSTS, ...OF_SEARCH, ...OF_PEOPLE, ...OF_AUTH, ...OF_MODERATION];

/** Those who run it, and a log as long as there are posts. */
async function runBy(world: World, { posts }: Size): Promise<{ rosa: PersonActor; mo: PersonActor }> {
  const now = Date.now() - 60_000;
  for (let start = 0; start < posts; start += 1_000) {
    const ids = JSON.stringify(Array.from({ length: 1_000 }, () => uuidV7(now)));
    const sql = "insert into audit_events (id, at, kind, account_id, request_id) select value, ?2, 'signed_in', value, 'seeded' from json_each(?1)";
    await world.state.run(sql, ids, now);
  }
  const reports = `insert into reports (id, reporter_id, account_id, reason, created_at, resolved_at, resolved_by, action)
    select value, (select id from users order by id limit 1), reported.id, 'spam', ?2,
      iif(key % 2 = 0, null, ?2), iif(key % 2 = 0, null, (select id from users order by id limit 1)), iif(key % 2 = 0, null, 'dismiss')
    from json_each(?1)
    join (select id, row_number() over (order by id) as place from users) reported on place = key + 2`;
  await world.state.run(reports, JSON.stringify(Array.from({ length: 90 }, () => uuidV7(now))), now);
  return { rosa: await world.admin("rosa"), mo: await world.moderator("mo") };
}

/** What was measured, trips/rows read/rows written, by operation, with where it was measured. */
const figures = new Map<string, Map<string, string[]>>();

function note(operation: string, { trips, read, written }: Rows, where: string): void {
  const measured = figures.get(operation) ?? new Map<string, string[]>();
  figures.set(operation, measured);
  const figure = `${trips}/${read}/${written}`;
  measured.set(figure, [...(measured.get(figure) ?? []), where]);
}

afterAll(() => {
  const lines = BUDGETS.map(({ operation, most }) => {
    const measured = [...(figures.get(operation) ?? [])].map(([figure, where]) =>
      where.length > SIZES.length ? `${figure} (${where.length} times)` : `${figure} (${where.join("; ")})`,
    );
    return `${operation}, at most ${most.trips}/${most.read}/${most.written}: ${measured.join(", ")}`;
  });
  console.info(`Trips to D1, rows read, rows written:\n${lines.join("\n")}`);
});

/** Sends every mail there is, one that does not get through and one that never will. */
async function writeEveryLetter(world: World, { id, email }: PersonActor): Promise<void> {
  const account = { user_id: id };
  const write = async (letter: { letter: string } & Record<string, unknown>) => {
    await world.state.write(letter);
    await world.control.sweep();
  };
  await world.mails.failing(email, 500, 1, () => write({ letter: "verify_email", ...account }));
  await world.mails.failing(email, 422, 1, () => write({ letter: "password_changed", ...account, email }));
  await write({ letter: "registration", registration_id: uuidV7() });
  await write({ letter: "reset_password", email });
  await write({ letter: "new_device", ...account, email, session_id: uuidV7() });
  await write({ letter: "confirm_email", ...account, new_email: "new@example.com", credential_version: 1 });
  await eventually("every mail was looked at", async () =>
    (await world.state.letters()).every(({ dead_at: dead, failures }) => dead !== null || failures > 0),
  );
}

// The order of what follows is part of what is measured, so it is not shuffled.
function keepBudgets({ size, world }: (typeof worlds)[number]): void {
  let place: Place;
  beforeAll(async () => {
    place = { world, ...(await liveIn(world, size)), ...(await runBy(world, size)) };
  }, 120_000);

  const keepToBudgets = (circumstance: string) =>
    test.for(BUDGETS)(`${circumstance}: $operation`, async ({ operation, most, measure }) => {
      const rows = await measure(place);
      note(operation, rows, `${size.posts} posts ${circumstance}`);
      expect(rows.trips).toBeLessThanOrEqual(most.trips);
      expect(rows.read).toBeLessThanOrEqual(most.read);
      expect(rows.written).toBeLessThanOrEqual(most.written);
    });

  const keepToPlans = (circumstance: string) =>
    test(`${circumstance}: no statement walks a table that grows`, async () => {
      // What the budgets do not reach: marking read, the sweep, and the end of a job that failed.
      const { viewer, author } = place;
      await viewer.markRead(1);
      await world.fetch("GET", "/health/ready");
      const post = await author.posts.create({ caption: "in trouble" });
      await world.control.withFaults([{ on: "queue", when: "before", times: 2, containing: post.id }], async () => {
        await viewer.like(post);
        await world.control.settle();
        await world.state.makeDue(post);
        await world.control.sweep();
      });
      const job = { kind: "like", post_id: post.id, actor_id: viewer.id, recipient_id: author.id };
      const lost = { id: uuidV7(), request_id: "r", trace_id: "t", job };
      await world.control.deliver([{ id: "lost", body: lost, attempts: 6 }], DEAD_LETTER_QUEUE);
      await writeEveryLetter(world, viewer);
      const searches = ["posts&q=seeded", "users&q=crowd", "tags&q=seeded"].map((search) => `/search?type=${search}`);
      const cursors = ["/posts", "/notifications", "/auth/sessions", `/posts/${place.popular.id}/likes`, ...searches];
      for (const path of cursors) {
        const and = path.includes("?") ? "&" : "?";
        const { next_cursor: cursor } = await viewer.expect<Page<unknown>>(200, "GET", `${path}${and}limit=1`);
        await viewer.expect(200, "GET", `${path}${and}limit=20&cursor=${cursor}`);
        if (/^\/(posts|search)/.test(path)) await world.anonymous.expect(200, "GET", `${path}${and}limit=20&cursor=${cursor}`);
      }
      const [locked, asker] = [await newPerson(place, "locked"), await newPerson(place, "asker")];
      await locked.lock();
      await asker.follow(locked);
      await locked.lock(false);
      await world.control.settle();
      const statements = await world.control.statements();
      expect(statements.length).toBeGreaterThan(15);
      expect(await faultyPlans(world.state, statements)).toEqual([]);
    });

  describe("before analyze", { shuffle: false }, () => {
    keepToBudgets("before analyze");
    keepToPlans("before analyze");
  });

  describe("after analyze", { shuffle: false }, () => {
    beforeAll(() => world.state.run("analyze"));
    keepToBudgets("after analyze");
    keepToPlans("after analyze");
  });

  const keepUnder = (fate: Fate) => {
    beforeAll(async () => {
      await coverWithInvisible(world, place, fate);
      await world.state.run("analyze");
    }, 60_000);
    keepToBudgets(`under rows ${fate}`);
    keepToPlans(`under rows ${fate}`);

    test("every list leads on to what lies below", async () => {
      const { viewer, popular } = place;
      const mine = ["followers", "following"].map((list) => `/users/${viewer.username}/${list}`);
      const people = ["/users", "/blocks", "/mutes", "/follow-requests", ...mine];
      const searches = ["posts&q=seeded", "users&q=crowd", "tags&q=seeded"].map((search) => `/search?type=${search}`);
      for (const path of ["/posts", `/posts/${popular.id}/likes`, "/notifications", "/auth/sessions", ...people, ...searches]) {
        expect(leadsOn(await viewer.expect<Page<unknown>>(200, "GET", path))).toBe(true);
      }
      for (const { reader } of place.followers) expect(leadsOn(await reader.expect<Page<unknown>>(200, "GET", "/feed"))).toBe(true);
    });
  };
  for (const fate of FATES) {
    describe(`under 3,000 newer rows that are ${fate}`, { shuffle: false }, () => {
      keepUnder(fate);
    });
  }
}

for (const scale of worlds) {
  const { posts, people } = scale.size;
  describe(`with ${posts} posts of ${people} people`, { shuffle: false }, () => {
    keepBudgets(scale);
  });
}
