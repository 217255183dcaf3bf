/** Bodies: which types, sizes and syntax are read, whatever the route. */
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { readDocument } from "./harness/openapi.ts";
import type { Headers } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const asha = await world.person("asha");

/** What each route reads at most, as the document says, of things that are not there. */
const LIMITS = Object.entries(readDocument().paths).flatMap(([template, methods]) =>
  Object.entries(methods).flatMap(([method, { requestBody }]) => {
    const limit = Number(/At most (\d+) bytes/.exec(requestBody?.description ?? "")?.[1]);
    const path = template.replace("{id}", "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e");
    return requestBody === undefined ? [] : [{ method: method.toUpperCase(), path, limit }];
  }),
);

describe("bodies", () => {
  const send = (body: string | Uint8Array, headers: Headers = {}) => asha.fetch("POST", "/posts", body, headers);

  test("what is no JSON type is not read", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""]) {
      const response = await send('{"caption":"x"}', { "content-type": type });
      await expectProblem(response, 415, "unsupported_media_type");
    }
  });

  test("whoever sends a megabyte that nobody reads still gets the answer", async () => {
    const megabyte = "x".repeat(1024 * 1024);
    const json = { "content-type": "application/json" };
    for (let round = 0; round < 5; round += 1) {
      await expectProblem(await world.anonymous.fetch("POST", "/posts", megabyte, json), 401, "authentication_required");
      await expectProblem(await asha.fetch("POST", "/nothing", megabyte, json), 404, "not_found");
      await expectProblem(await asha.fetch("PUT", "/posts", megabyte, json), 405, "method_not_allowed");
      await expectProblem(await send(megabyte, { "content-type": "text/plain" }), 415, "unsupported_media_type");
      await expectProblem(await send(megabyte), 413, "payload_too_large");
    }
  });

  test("JSON may name its charset or its vocabulary", async () => {
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/vnd.kith+json"]) {
      expect((await send('{"caption":"x"}', { "content-type": type })).status).toBe(201);
    }
  });

  test.for(LIMITS)("$method $path reads $limit bytes, and not one more", async ({ method, path, limit }) => {
    const { url } = await world.fetch("GET", "/health");
    const padded = (length: number) => `{${" ".repeat(length - 2)}}`;
    const headers = { authorization: `Bearer ${asha.accessToken}`, "content-type": "application/json" };
    const streamed = (length: number) => {
      const init: RequestInit = { method, headers, body: new Blob([padded(length)]).stream(), duplex: "half" };
      return fetch(new URL(path, url), init);
    };
    const told = (length: number) => asha.fetch(method, path.replace("/api/v1", ""), padded(length));
    for (const ask of [told, streamed]) {
      expect((await ask(limit)).status).not.toBe(413);
      await expectProblem(await ask(limit + 1), 413, "payload_too_large");
    }
  });

  test("a body that does not say its length is limited all the same", async () => {
    const chunk = new Uint8Array(16 * 1024).fill(0x20);
    let chunks = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks += 1;
        if (chunks > 64) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await fetch(new URL("/api/v1/posts", (await world.fetch("GET", "/health")).url), {
      method: "POST",
      headers: { authorization: `Bearer ${asha.accessToken}`, "content-type": "application/json" },
      body: stream,
      duplex: "half",
    });
    await expectProblem(response, 413, "payload_too_large");
  });

  test("a body without end is not read for ever", async () => {
    const { url } = await world.fetch("GET", "/health");
    const headers = { authorization: `Bearer ${asha.accessToken}`, "content-type": "application/json" };
    const sending = request(new URL("/api/v1/posts", url), { method: "POST", headers });
    const piece = " ".repeat(16 * 1024);
    const fill = () => {
      while (!sending.destroyed && sending.write(piece));
    };
    sending.on("drain", fill);
    fill();
    const ended = await once(sending, "response").then(
      ([answer]: IncomingMessage[]) => answer?.statusCode,
      (error: NodeJS.ErrnoException) => error.code,
    );
    sending.destroy();
    // Whoever goes on sending may see the connection end before they see the answer.
    expect([413, "ECONNRESET", "EPIPE"]).toContain(ended);
  });

  test.for([
    ["nothing", ""],
    ["half an object", '{"caption":"x"'],
    ["two objects", '{"caption":"x"}{}'],
    ["a trailing comma", '{"caption":"x",}'],
    ["single quotes", "{'caption':'x'}"],
    ["a word", "hello"],
    ["NaN", '{"caption":NaN}'],
    ["a raw control character", '{"caption":"\u0001"}'],
    ["a high surrogate alone", String.raw`{"caption":"\ud800"}`],
    ["a low surrogate alone", String.raw`{"caption":"\udc00 x"}`],
    ["arrays 10,000 deep", "[".repeat(10_000)],
    ["closed arrays 10,000 deep", `{"caption":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["objects 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ] as const)("%s is malformed", async ([, body]) => {
    await expectProblem(await send(body), 400, "malformed_json");
  });

  test("bytes that are not UTF-8 are malformed", async () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"caption":"'), Buffer.from(bytes), Buffer.from('"}')]);
      await expectProblem(await send(body), 400, "malformed_json");
    }
  });

  test.for(["[]", '["a caption"]', '"a caption"', "1", "null", "true"])(
    "%s is well-formed, but no object",
    async (body) => {
      const before = await world.state.rowCounts();
      await expectInvalid(await send(body), { "": "invalid_type" });
      expect(await world.state.rowCounts()).toEqual(before);
    },
  );

  test("a member given twice is refused, so that no two readers see two things", async () => {
    const response = await send('{"caption":"one","caption":"two"}');
    expect([400, 422]).toContain(response.status);
  });
});
