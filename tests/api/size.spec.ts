/** How large the Worker may be: every byte of it is start-up time, everywhere in the world. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BUILT_WORKER } from "./harness/server.ts";

const MOST_BYTES = 600 * 1024;

test.runIf(BUILT_WORKER.includes("/release/"))("the Worker has at most 600 KiB, compressed", () => {
  const files = ["index.js", "index_bg.wasm"].map((name) => readFileSync(join(dirname(BUILT_WORKER), name)));
  const sizes = files.map((bytes) => gzipSync(bytes, { level: 9 }).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
});

test("the Worker does not carry the document that describes it", () => {
  const wasm = readFileSync(join(dirname(BUILT_WORKER), "index_bg.wasm"), "latin1");
  // It does carry the words that it answers with.
  expect(wasm).toContain("malformed_cursor");
  for (const words of ["additionalProperties", "x-enumDescriptions", "Morning light on the harbour"]) {
    expect(wasm).not.toContain(words);
  }
});
