/** Bookmarks: only what Kith has answered with is taken back. */
import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Actor } from "./harness/person.ts";
import { expectBadToken, expectProblem } from "./harness/problem.ts";
import type { Page, Post } from "./harness/shapes.ts";
import { openLaggingWorld } from "./harness/world.ts";

const world = await openLaggingWorld();

const ask = (actor: Actor, method: string, path: string, bookmark: string) => actor.fetch(method, path, undefined, { "d1-bookmark": bookmark });

const tripsOf = async (response: Response) => (await world.control.recordOf(response)).trips;

/** A post, its path, and the bookmark that its author got for it. */
async function publish(author: Actor) {
  const response = await author.fetch("POST", "/posts", { caption: "First light" });
  const post = (await response.json()) as Post;
  return { post, path: `/posts/${post.id}`, bookmark: response.headers.get("d1-bookmark") ?? "" };
}

/** As Kith makes its codes: HMAC over each part with its length before it. */
function sealed(key: Buffer, purpose: string, state: string): string {
  const mac = createHmac("sha256", key);
  for (const part of [purpose, state]) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(part)));
    mac.update(length).update(part);
  }
  return Buffer.concat([mac.digest().subarray(0, 16), Buffer.from(state)]).toString("base64url");
}

const ownKey = Buffer.from(world.keys.secrets().SECRET_KEYS.split(":")[1] ?? "", "base64url");
const stateOf = (bookmark: string) => Buffer.from(bookmark, "base64url").subarray(16).toString();

async function forgeries(good: string): Promise<Record<string, string>> {
  const state = stateOf(good);
  // Made as Kith makes them: so what differs below in one thing is refused for that thing.
  expect(sealed(ownKey, "bookmark", state)).toBe(good);
  const flipped = Buffer.from(good, "base64url");
  flipped.writeUInt8(flipped.readUInt8(20) ^ 1, 20);
  const { next_cursor: cursor } = (await (await ask(world.anonymous, "GET", "/posts?limit=1", good)).json()) as Page<Post>;
  if (cursor === null) throw new Error("there is no second page");
  return {
    "nothing": "",
    "a constraint": "first-primary",
    "another constraint": "first-unconstrained",
    "the bare state": state,
    "the state without a code": Buffer.from(state).toString("base64url"),
    "another deployment's": sealed(randomBytes(32), "bookmark", state),
    "one for another purpose": sealed(ownKey, "cursor", state),
    "a cursor": cursor,
    "one without its end": good.slice(0, -1),
    "one without its code": good.slice(22),
    "only a code": good.slice(0, 22),
    "one with a letter more": `${good}A`,
    "one with padding": `${good}=`,
    "one with a bit turned": flipped.toString("base64url"),
    "the right one twice": `${good}, ${good}`,
    "the right one and another": `${good},${sealed(randomBytes(32), "bookmark", state)}`,
    "SQL": "'; drop table users; --",
    "SQL in the right form": Buffer.from(`${"x".repeat(16)}'; drop table users; --`).toString("base64url"),
    "the wrong alphabet": "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/",
    "one of 8 KB": "A".repeat(8_000),
    "all zeros, as they are locally": "00000000-00000000-0000000000000000000000000000000000000000000000",
  };
}

test("a bookmark of another making is refused before anything is asked, on reads and writes alike", async () => {
  const asha = await world.person("asha");
  await publish(asha);
  const { post, path, bookmark } = await publish(asha);
  for (const [what, forged] of Object.entries(await forgeries(bookmark))) {
    for (const [actor, method, asked] of [
      [world.anonymous, "GET", path],
      [asha, "GET", "/profile"],
      [asha, "PUT", `${path}/like`],
      [asha, "POST", "/auth/logout"],
    ] as const) {
      const response = await ask(actor, method, asked, forged);
      expect({ what, asked, status: response.status }).toEqual({ what, asked, status: 400 });
      await expectProblem(response, 400, "malformed_bookmark");
      expect(await tripsOf(response)).toEqual([]);
    }
  }
  expect(await asha.profile()).toMatchObject({ id: asha.id });
  expect(await world.state.number("select count(*) from likes where post_id = ?1", post.id)).toBe(0);
});

test("a bookmark of another making is refused after a bad token and before a bad id, and where there is no account for it", async () => {
  const bad = "of another making";
  await expectBadToken(await ask(world.bearing("letmein"), "GET", "/profile", bad));
  await expectProblem(await ask(world.anonymous, "GET", "/profile", bad), 401, "authentication_required");
  await expectProblem(await ask(world.anonymous, "GET", "/posts/none", bad), 400, "malformed_bookmark");
  expect((await world.fetch("GET", "/health", { "d1-bookmark": bad })).status).toBe(200);
});

test("a bookmark is no cursor, and a cursor is none", async () => {
  const asha = await world.person("asha");
  const { bookmark } = await publish(asha);
  const response = await ask(asha, "GET", `/posts?cursor=${bookmark}`, bookmark);
  await expectProblem(response, 400, "malformed_cursor");
  expect(await tripsOf(response)).toEqual([]);
});

test("a bookmark that Kith made for a database as it was before it was restored is refused, and reading without it works", async () => {
  const asha = await world.person("asha");
  const { path, bookmark } = await publish(asha);
  const later = stateOf(bookmark).replace(/^[0-9a-f]{8}/, "7fffffff");
  const refused = await ask(asha, "GET", path, sealed(ownKey, "bookmark", later));
  await expectProblem(refused, 400, "malformed_bookmark");
  expect((await asha.fetch("GET", path)).status).toBe(200);
});
