/**
 * Passwords whose hash was made with other parameters than today's: their owners sign in as ever, and the
 * first sign-in replaces the hash.
 */
import { describe, expect, test } from "vitest";
import { statedCost } from "./harness/cost.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const TODAY = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/;

/** "the long passphrase of asha", as deployments of other parameters would have hashed it. */
const OLDER = {
  "7 MiB and five passes": "$argon2id$v=19$m=7168,t=5,p=1$c2l4dGVlbiBieXRlcyBvZg$+v3UeKlhAFj2AY9vTcZR9AHxqjzXE6baU2G37iazfVw",
  "4 MiB and one pass": "$argon2id$v=19$m=4096,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$zU5GlsyAxxMcS0/aS4wtxdCTUUZ1Q3AEG22W5qKgELw",
};
const older = OLDER["4 MiB and one pass"];

/** Asha, who registered when hashes were made like this. */
async function ashaOf(hash: string): Promise<PersonActor> {
  const asha = await world.person("asha");
  await world.state.run("update users set password_hash = ?2 where id = ?1", asha.id, hash);
  return asha;
}

async function hashOf({ id }: PersonActor): Promise<string> {
  const [row] = await world.state.rows<{ password_hash: string }>("select password_hash from users where id = ?1", id);
  return row?.password_hash ?? "";
}

const signIn = ({ username, password }: PersonActor, typed = password) =>
  world.anonymous.fetch("POST", "/auth/login", { username, password: typed });

async function expectSignedIn(response: Response): Promise<Tokens> {
  expect(response.status).toBe(200);
  const tokens = (await response.json()) as Tokens;
  await world.bearing(tokens.access_token).expect(200, "GET", "/profile");
  return tokens;
}

test.for(Object.keys(OLDER) as (keyof typeof OLDER)[])("a hash of %s is replaced by the first sign-in, and by that only", async (which) => {
  const asha = await ashaOf(OLDER[which]);
  const first = await signIn(asha);
  expect(await world.hashesOf(first)).toBe(2);
  expect(statedCost(first)).toMatchObject({ d1_trips: 2 });
  await expectSignedIn(first);
  const replaced = await hashOf(asha);
  expect(replaced).toMatch(TODAY);
  const second = await signIn(asha);
  expect(await world.hashesOf(second)).toBe(1);
  await expectSignedIn(second);
  expect(await hashOf(asha)).toBe(replaced);
  await expectProblem(await signIn(asha, "not the right one"), 401, "invalid_credentials");
});

test("what the account had lives on: its session, its refresh token, and the tags of its profile", async () => {
  const asha = await ashaOf(older);
  const tag = (await asha.fetch("GET", "/profile")).headers.get("etag") ?? "";
  await expectSignedIn(await signIn(asha));
  expect((await asha.fetch("GET", "/profile", undefined, { "if-none-match": tag })).status).toBe(304);
  const { access_token: next } = await world.anonymous.expect<Tokens>(200, "POST", "/auth/refresh", { refresh_token: asha.refreshToken });
  expect(await world.bearing(next).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
});

describe("a hash stays as it is", () => {
  test("after a wrong password, which costs as much as ever", async () => {
    const asha = await ashaOf(older);
    const response = await signIn(asha, "not the right one");
    expect(await world.hashesOf(response)).toBe(1);
    await expectProblem(response, 401, "invalid_credentials");
    expect(await hashOf(asha)).toBe(older);
  });

  test("after the right password of somebody suspended or deleted", async () => {
    for (const [status, code] of [["suspended", 403], ["deleted", 401]] as const) {
      const asha = await ashaOf(older);
      await world.state.run("update users set status = ?2 where id = ?1", asha.id, status);
      const response = await signIn(asha);
      expect([response.status, await world.hashesOf(response)]).toEqual([code, 1]);
      expect(await hashOf(asha)).toBe(older);
    }
  });

  test("where the sign-in does not begin a session, because the account was suspended meanwhile", async () => {
    const asha = await ashaOf(older);
    const response = await world.control.holding(asha.id, () => signIn(asha), () => world.state.suspend(asha));
    await expectProblem(response, 401, "invalid_credentials");
    expect(await hashOf(asha)).toBe(older);
  });

  test("where it is no longer the one that was checked", async () => {
    const asha = await ashaOf(older);
    const another = OLDER["7 MiB and five passes"].replace("c2l4", "c2l5");
    const response = await world.control.holding(
      asha.id,
      () => signIn(asha),
      () => world.state.run("update users set password_hash = ?2 where id = ?1", asha.id, another),
    );
    await expectProblem(response, 401, "invalid_credentials");
    expect(await hashOf(asha)).toBe(another);
  });

  test("where the database failed, and the next sign-in replaces it", async () => {
    const asha = await ashaOf(older);
    const failing = [{ on: "d1", when: "before", times: 1, containing: asha.id } as const];
    await expectProblem(await world.control.withFaults(failing, () => signIn(asha)), 503, "dependency_unavailable");
    expect(await hashOf(asha)).toBe(older);
    await expectSignedIn(await signIn(asha));
    expect(await hashOf(asha)).toMatch(TODAY);
  });
});

test("of many who sign in at the same moment all come in, and all leave the same hash", async () => {
  const asha = await ashaOf(older);
  const many = 8;
  const { told, overlap } = await world.control.watchingOverlap({ containing: asha.id, count: many }, () =>
    Promise.all(Array.from({ length: many }, () => signIn(asha))),
  );
  expect(overlap).toMatchObject({ barrierFilled: true });
  for (const response of told) await expectSignedIn(response);
  expect(await hashOf(asha)).toMatch(TODAY);
  expect(await world.state.number("select count(*) from sessions where user_id = ?1", asha.id)).toBe(many + 1);
});
