/**
 * What D1 does in workerd, case by case, against its record. A failure here is a change of the
 * platform, or a new case: `UPDATE_SNAPSHOTS=1 npm test -- contract` records it, and `cargo test`
 * then says whether the native adapter does the same.
 */
import { afterAll, describe, expect, test } from "vitest";
import { ContractDatabase, readCases, readRecord, writeRecord } from "./harness/contract.ts";
import { openColdWorld } from "./harness/world.ts";

const world = await openColdWorld({});
const database = new ContractDatabase(world.control);
const cases = readCases();
const recorded = readRecord("d1.json");
const native = readRecord("native.json");
const updates = process.env["UPDATE_SNAPSHOTS"] !== undefined;

afterAll(() => {
  if (updates) writeRecord(Object.fromEntries(cases.map(({ name }) => [name, recorded[name] ?? []])));
});

test("the record is of these cases", () => {
  const names = cases.map(({ name }) => name).toSorted();
  expect(names).toEqual([...new Set(names)]);
  if (!updates) expect(Object.keys(recorded).toSorted()).toEqual(names);
});

describe("D1 does what is recorded", () => {
  test.for(cases)("$name", async (story) => {
    const now = await database.run(story);
    if (updates) recorded[story.name] = now;
    expect(now).toEqual(recorded[story.name]);
    if (story.differs !== undefined) expect(now).not.toEqual(native[story.name]);
  });
});
