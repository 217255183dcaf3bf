/** The pages of docs/security: whole, with a ground for each row, and true to what stands in the sources. */
import { expect, test } from "vitest";
import { complaintsOfCompleteness, complaintsOfRows, complaintsOfWaiting, countsOf, readPages } from "../../scripts/security.mjs";

const pages = readPages();

test("every requirement of levels 1 and 2 and every risk of the API Top 10 has one row", () => {
  expect(complaintsOfCompleteness(pages)).toEqual([]);
});

test("every row says one thing, on what ground, and names only what is there", () => {
  expect(complaintsOfRows(pages)).toEqual([]);
});

test("no row waits for a feature", () => {
  expect(complaintsOfWaiting(pages)).toEqual([]);
});

test("the figures are those of the tables, as npm run security writes them", () => {
  const { told, actual } = countsOf(pages);
  expect(told).toBe(actual);
});
