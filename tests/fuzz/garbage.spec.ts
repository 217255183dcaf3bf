/**
 * Garbage of Kith's own making, beside that of Schemathesis: no request makes a 5xx, and every answer is one
 * that the document describes, or comes from the platform because it was no HTTP.
 */
import { afterAll, expect, test } from "vitest";
import { Random } from "../../scripts/seed/random.mjs";
import { Contract, readDocument } from "../api/harness/openapi.ts";
import { commandFor, EXAMPLES, SEEDS, TIMEOUT_MS } from "./extent.ts";
import { Garbage, KNOWN_METHODS } from "./garbage.ts";
import { Stage } from "./stage.ts";
import { send } from "./wire.ts";
import type { Sent } from "./wire.ts";

/** Requests for each case of an operation that Schemathesis makes up. */
const TIMES = 50;
/** What the platform's server says of what is no HTTP, or too much of it; and of methods that it does not know. */
const NO_HTTP = [400, 413, 414, 431];
const UNKNOWN_METHOD = 501;
const MOST_FOUND = 20;

let requests = 0;
let unanswered = 0;
let platforms = 0;
afterAll(() => {
  console.log(`garbage: ${requests} requests, ${platforms} refused by the platform, ${unanswered} connections closed`);
});

function shown({ method, target, headers, body }: Sent): string {
  const lines = [`${method} ${target}`, ...headers.map(([name, value]) => `${name}: ${value}`), "", body.toString("latin1")];
  return lines.map((line) => JSON.stringify(line.slice(0, 300))).join("\n    ");
}

/** A text as it was sent, if it is one. */
function asText(body: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}

/** What is wrong with the answer. */
async function complaints(contract: Contract, { method, target, body }: Sent, response: Response): Promise<string[]> {
  if (!response.headers.has("x-request-id")) {
    // Files are the platform's too.
    const isFile = response.ok || response.status === 307;
    const isNoHttp = NO_HTTP.includes(response.status) || (response.status === UNKNOWN_METHOD && !KNOWN_METHODS.includes(method));
    if (isFile || isNoHttp) {
      platforms += 1;
      return [];
    }
    return [`the platform answers: ${response.status} ${(await response.text()).slice(0, 300)}`];
  }
  if (response.status >= 500) return [`${response.status} ${(await response.text()).slice(0, 300)}`];
  const sent = body.length === 0 ? {} : { body: asText(body) ?? new Uint8Array(body) };
  return contract.complaints({ method, path: target, response, ...sent });
}

test.for(SEEDS)("seed %i, garbage: no answer is another than the document says", { timeout: TIMEOUT_MS }, async (seed) => {
  const stage = await Stage.open();
  try {
    const document = readDocument();
    const contract = new Contract(document);
    const garbage = new Garbage(new Random(seed), document, await stage.known(), stage.url.host);
    const found: string[] = [];
    for (let count = 0; count < EXAMPLES * TIMES && found.length < MOST_FOUND; count += 1) {
      const sent = garbage.next();
      const response = await send(stage.url, sent);
      requests += 1;
      if (response === null) unanswered += 1;
      else found.push(...(await complaints(contract, sent, response)).map((complaint) => `${complaint}\n    ${shown(sent)}`));
    }
    expect(found, `again: ${commandFor(seed)}`).toEqual([]);
    expect(stage.log().found, "the Worker's log").toEqual([]);
    expect(await stage.examine(), "the database").toEqual([]);
  } finally {
    await stage.close();
  }
});
