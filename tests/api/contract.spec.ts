/**
 * What D1 does in workerd, case by case, against its record. A failure here is a change of the
 * platform, or a new case: docs/reliability.md says how it is recorded. `cargo test` then says whether
 * the native adapter does the same.
 */
import { afterAll, describe, expect, test } from "vitest";
import { ContractDatabase, readCases, readRecord, writeRecord } from "./harness/contract.ts";
import type { Outcome } from "./harness/contract.ts";
import { openColdWorld } from "./harness/world.ts";

const world = await openColdWorld({});
const database = new ContractDatabase(world.control);
const cases = readCases();
const recorded = readRecord("d1.json");
const native = readRecord("native.json");
const records = process.env["RECORD_CONTRACT"] !== undefined;

afterAll(() => {
  // A case that did not run keeps its record, or has none.
  if (records) writeRecord(Object.fromEntries(cases.flatMap(({ name }) => (recorded[name] === undefined ? [] : [[name, recorded[name]]]))));
});

/** To the letter: the order of a row's columns is part of the contract. */
const texts = (outcomes: readonly Outcome[] = []) => outcomes.map((outcome) => JSON.stringify(outcome));

test("the record is of these cases", () => {
  const names = cases.map(({ name }) => name).toSorted();
  expect(names).toEqual([...new Set(names)]);
  if (!records) expect(Object.keys(recorded).toSorted()).toEqual(names);
});

describe("D1 does what is recorded", () => {
  test.for(cases)("$name", async (story) => {
    const now = await database.run(story);
    if (records) recorded[story.name] = now;
    expect(texts(now)).toEqual(texts(recorded[story.name]));
    if (story.differs !== undefined) expect(texts(now)).not.toEqual(texts(native[story.name]));
  });
});

describe("a session of D1", () => {
  const statements = [{ sql: "select 1 as one", params: [] }];
  const rows = (json: string) => (JSON.parse(json) as { results: unknown }[]).map(({ results }) => results);

  test.for(["first-primary", "first-unconstrained"])("that begins with %s has a bookmark once it has asked, and can be gone on from", async (begins) => {
    const report = await world.control.session({ begins, statements });
    expect(report.before).toBeNull();
    // As long as `http/bookmark.rs` takes back, and nothing that a header or a session cannot hold.
    expect(report.bookmark).toMatch(/^[0-9a-f-]{40,368}$/);
    const later = await world.control.session({ begins: report.bookmark, statements });
    expect(later.before).toBe(report.bookmark);
    expect("json" in later && rows(later.json)).toEqual([[{ one: 1 }]]);
    expect(String(later.bookmark) >= String(report.bookmark)).toBe(true);
  });

  test("is what names a state: the binding itself does not", async () => {
    expect(await world.control.session({ begins: null, statements })).toMatchObject({ before: null, bookmark: null });
  });

  test("takes any text for a bookmark locally, so that no test here shows what production does with one", async () => {
    const report = await world.control.session({ begins: "of another making", statements });
    expect("json" in report && rows(report.json)).toEqual([[{ one: 1 }]]);
  });
});
