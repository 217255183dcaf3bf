/**
 * No clause that decides who sees what is there for nothing: each is taken out of each statement of each route that
 * reads, on its way to D1, and the matrix must find another answer than the rules give.
 *
 * The predicate of posts counts as one clause here; `tests/visibility.rs` takes it apart.
 */
import { describe, expect, test } from "vitest";
import { setStage } from "./harness/matrix/cast.ts";
import type { Stage, StateName } from "./harness/matrix/cast.ts";
import { withoutEach } from "./harness/matrix/clauses.ts";
import type { Without } from "./harness/matrix/clauses.ts";
import { ROWS } from "./harness/matrix/rows.ts";
import type { Row } from "./harness/matrix/rows.ts";
import { isWrong, nameOf, wrongCells } from "./harness/matrix/table.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const READING = ROWS.filter(({ changes }) => changes !== true);

/** One thing of each sort that a row looks for. */
const ENOUGH: readonly StateName[] = ["followers-only", "a comment by the owner in a stranger's thread"];

/** Clauses without which nothing else is found, each with the reason why it is there all the same. */
const SAID_TWICE: { of: RegExp; clause: RegExp; because: string }[] = [
  { of: /with recursive merged/, clause: /^u\.status = 'active'$/, because: "the predicate says it of each post; so none of theirs is looked for" },
  { of: /with recursive merged/, clause: /^\(?p\.deleted_at is null/, because: "only such posts are looked for; but the predicate is one" },
];

/** The distinct statements that the rows make the worker send, each with the rows that do: the same in every state. */
async function statements({ scenes, ...stage }: Stage): Promise<Map<string, Row[]>> {
  const few = { ...stage, scenes: scenes.filter(({ state }) => ENOUGH.includes(state)) };
  const found = new Map<string, Row[]>();
  for (const row of READING) {
    const before = await world.fetch("GET", "/health");
    const number = (await world.control.recordOf(before)).number;
    expect((await wrongCells(row, few)).wrong).toEqual([]);
    for (const { trips } of await world.control.recordsSince(number)) {
      for (const { sql } of trips.flatMap((trip) => trip.statements)) {
        const rows = found.get(sql) ?? [];
        found.set(sql, rows.includes(row) ? rows : [...rows, row]);
      }
    }
  }
  return found;
}

/** More parameters than any statement has. */
const MOST_PARAMETERS = 9;

/** Whether the database can answer a statement; one without a clause that a partial index asks for, it cannot. */
async function canBeAnswered(sql: string): Promise<boolean> {
  const places = Array.from({ length: MOST_PARAMETERS }, (_, index) => index + 1).filter((place) => sql.includes(`?${place}`));
  const nothing = Array.from({ length: Math.max(0, ...places) }, () => null);
  try {
    await world.state.rows(`explain ${sql}`, ...nothing);
    return true;
  } catch (error) {
    // Any other error is the test's own: it has cut the statement in the wrong place.
    if (String(error).includes("no query solution")) return false;
    throw error;
  }
}

/** Whether any of the rows finds something else without the clause, or what no answer can be made of. */
async function isFound({ sql, text }: Without, rows: readonly Row[], stage: Stage): Promise<boolean> {
  if (!(await canBeAnswered(text))) return true;
  return world.control.rewriting({ from: sql, to: text }, async () => {
    for (const row of rows) {
      if (await isWrong(row, stage).catch(() => true)) return true;
    }
    return false;
  });
}

describe("every clause that decides who sees what", () => {
  test("decides a cell of the matrix", { timeout: 600_000 }, async () => {
    const stage = await setStage(world);
    const idle: string[] = [];
    const said = new Set<object>();
    let tried = 0;
    for (const [sql, rows] of await statements(stage)) {
      for (const without of withoutEach(sql)) {
        tried += 1;
        if (await isFound(without, rows, stage)) continue;
        const twice = SAID_TWICE.find(({ of, clause }) => of.test(sql) && clause.test(without.clause));
        if (twice === undefined) idle.push(`${rows.map(nameOf).join(", ")}: ${without.clause}\n  in ${sql}`);
        else said.add(twice);
      }
    }
    expect(idle).toEqual([]);
    // What is found by now needs no excuse.
    expect(SAID_TWICE.filter((twice) => !said.has(twice))).toEqual([]);
    expect(tried).toBeGreaterThanOrEqual(50);
  });
});
