/** What Schemathesis makes of a document that lies: each lie is found, so that silence means something. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readDocument } from "../api/harness/openapi.ts";
import { makeDirectory } from "../api/harness/scratch.ts";
import { TIMEOUT_MS } from "./extent.ts";
import { LogTally } from "./log.ts";
import { PYTHON, runSchemathesis } from "./schemathesis.ts";
import { Stage } from "./stage.ts";

/** As it is in the file, unchecked: each lie changes what is there. */
interface Loose {
  [name: string]: Loose;
}

const LIES: readonly (readonly [finding: RegExp, lie: (document: Loose) => void])[] = [
  [/ST\d+ Undocumented status code/, (it) => delete at(it, "paths", "/api/v1/posts", "get", "responses")["422"]],
  [/ST\d+ Response violates schema/, (it) => Object.assign(at(it, "components", "schemas", "LikeState"), { required: ["liked", "like_count", "since"] })],
  [/ST\d+ Missing required response headers/, (it) => Object.assign(at(it, "paths", "/health", "get", "responses", "200", "headers"), { ETag: { required: true, schema: { type: "string" } } })],
  [/ST\d+ Schema-valid request rejected/, (it) => Object.assign(at(it, "components", "schemas", "MarkReadRequest", "properties", "up_to"), { minimum: -100 })],
  [/Invalid component: parameter `limit` in query/, (it) => Object.assign(at(it, "paths", "/api/v1/notifications", "get", "parameters", "1", "schema"), { maximum: 50 })],
  [/ST\d+ API accepts (requests without|invalid) authentication/, (it) => Object.assign(at(it, "paths", "/.well-known/jwks.json", "get"), { security: [{ access_token: [] }] })],
];

/** Where the lies are, so that nothing else takes time. */
const PLACES = ["/api/v1/posts", "/api/v1/posts/{id}/like", "/api/v1/notifications", "/api/v1/notifications/read", "/health", "/.well-known/jwks.json"];

function at(document: Loose, ...names: string[]): Loose {
  let part = document;
  for (const name of names) {
    const inner = part[name];
    if (inner === undefined) throw new Error(`the document has no ${names.join("/")}`);
    part = inner;
  }
  return part;
}

test.skipIf(PYTHON === "")("a document that lies is found out", { timeout: TIMEOUT_MS }, async () => {
  const stage = await Stage.open();
  try {
    const directory = await makeDirectory("kith-fuzz-");
    const document = readDocument();
    for (const [, lie] of LIES) lie(document as unknown as Loose);
    const path = join(directory, "wrong.json");
    await writeFile(path, JSON.stringify(document));
    const where = PLACES.flatMap((place) => ["--include-path", place]);
    const options = { url: stage.url, document: path, peers: stage.peers, mailToken: stage.mailToken, mailTokens: [], reports: [], seed: 1, examples: 1, directory, timeoutMs: TIMEOUT_MS };
    const { code, output } = await runSchemathesis({ ...options, more: ["--phases", "coverage", ...where] });
    expect(code).toBe(1);
    for (const [finding] of LIES) expect(output).toMatch(finding);
  } finally {
    await stage.close();
  }
});

test("what a log must not hold is found in it", () => {
  const found = (level: string, message: string) => {
    const tally = new LogTally();
    tally.add(level, message);
    return tally.found.length;
  };
  expect(found("info", '{"level":"info","event":"request","status":200}')).toBe(0);
  expect(found("info", "a word of the platform's")).toBe(0);
  expect(found("warn", '{"level":"warn","event":"request","status":503}')).toBe(1);
  expect(found("error", '{"level":"error","event":"request","status":500}')).toBe(1);
  expect(found("error", '{"level":"error","event":"keys_not_forgotten"}')).toBe(1);
  expect(found("error", "panicked at src/lib.rs:1:1")).toBe(1);
  expect(found("warn", "NOSENTRY a context of the runtime's ended")).toBe(0);
});
