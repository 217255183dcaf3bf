/**
 * Who finds what at which route: every route of `openapi.json`, for everybody who may look at something, in every
 * state it may be in. What they ought to find is said by rules that know neither route nor SQL (`harness/matrix`).
 */
import { beforeAll, describe, expect, test } from "vitest";
import { readDocument } from "./harness/openapi.ts";
import { ACTORS, setStage, STATES } from "./harness/matrix/cast.ts";
import type { Stage } from "./harness/matrix/cast.ts";
import { NOTHING_OF_OTHERS, ROWS } from "./harness/matrix/rows.ts";
import { expected, nameOf, wrongCells } from "./harness/matrix/table.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** For whoever changes nothing. */
let unchanged: Stage;
beforeAll(async () => {
  unchanged = await setStage(world);
});

/** The methods and paths of the document, below the base path. */
function documented(): string[] {
  const methods = ["get", "put", "post", "patch", "delete"];
  return Object.entries(readDocument().paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => methods.includes(method))
      .map((method) => `${method.toUpperCase()} ${path.replace("/api/v1", "")}`),
  );
}

describe("the matrix", () => {
  test("has a row for every route, and for no other", () => {
    const rows = [...new Set([...ROWS.map(({ route }) => route), ...Object.keys(NOTHING_OF_OTHERS)])];
    expect(rows.toSorted()).toEqual(documented().toSorted());
  });

  test("has another column for every two actors but those whom nothing tells apart", () => {
    const stage = unchanged;
    const columns = new Map<string, string[]>();
    for (const actor of ACTORS) {
      const column = stage.scenes.flatMap((scene) => ROWS.map((row) => expected(row, stage, actor, scene))).join();
      columns.set(column, [...(columns.get(column) ?? []), actor]);
    }
    const alike = [...columns.values()].filter((actors) => actors.length > 1);
    // A request, a mute by another and a role open nothing, and more than being blocked shuts nothing.
    expect(alike).toEqual([
      ["a pending follower", "a stranger", "one whom the owner mutes", "a moderator"],
      ["one whom the owner blocks", "one who mutes the owner, and each blocks the other"],
    ]);
  });
});

describe.for(ROWS.map((row) => [nameOf(row), row] as const))("%s", ([, row]) => {
  test("shows to everybody what they may see, and nothing else", { timeout: 60_000 }, async () => {
    const stage = row.changes === true ? await setStage(world) : unchanged;
    const { cells, wrong } = await wrongCells(row, stage);
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThanOrEqual(STATES.length / 2);
  });
});
