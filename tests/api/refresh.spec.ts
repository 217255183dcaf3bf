/**
 * Refresh tokens: each is used once, a lost answer may be asked for again, parallel calls do no harm,
 * and whoever shows one that was used up ends the session for all who hold its tokens.
 */
import { describe, expect, test } from "vitest";
import { ACCESS_TOKEN_SECONDS, decodeToken } from "./harness/keys.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const MANY = 200;
const DAY_MS = 86_400_000;

const refresh = (token: unknown) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });
const redeem = (token: string) => world.anonymous.expect<Tokens>(200, "POST", "/auth/refresh", { refresh_token: token });
const next = async (token: string) => (await redeem(token)).refresh_token;

const sessionOf = (token: string) => token.split(".")[0] ?? "";

interface SessionRow {
  generation: number;
  rotated_at: number;
  last_used_at: number;
  expires_at: number;
  revoked_at: number | null;
}

async function rowOf(token: string): Promise<SessionRow> {
  const [row] = await world.state.rows<SessionRow>(
    "select generation, rotated_at, last_used_at, expires_at, revoked_at from sessions where id = ?1",
    sessionOf(token),
  );
  if (row === undefined) throw new Error("the session has no row");
  return row;
}

/** As if the last rotation had been this much longer ago. */
const age = (token: string, ms: number) =>
  world.state.run("update sessions set rotated_at = rotated_at - ?2 where id = ?1", sessionOf(token), ms);

/** Nobody who holds any of these tokens gets further, and neither does the session's access token. */
async function expectDead(tokens: string[], accessToken: string): Promise<void> {
  for (const token of tokens) await expectBadToken(await refresh(token), "session_ended");
  await expectBadToken(await world.bearing(accessToken).fetch("GET", "/profile"), "session_ended");
  expect((await rowOf(tokens[0] ?? "")).revoked_at).not.toBeNull();
}

describe("redeeming a refresh token", () => {
  test("Asha gets new tokens of the same session, which lives on from now", async () => {
    const asha = await world.person("asha");
    const day = "update sessions set expires_at = expires_at - ?2, last_used_at = last_used_at - ?2 where id = ?1";
    await world.state.run(day, sessionOf(asha.refreshToken), DAY_MS);
    const before = await rowOf(asha.refreshToken);
    const response = await refresh(asha.refreshToken);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toContain("no-store");
    const tokens = (await response.json()) as Tokens;
    expect(tokens).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: ACCESS_TOKEN_SECONDS,
      refresh_token: expect.any(String),
    });
    expect(tokens.refresh_token).not.toBe(asha.refreshToken);
    const { claims } = decodeToken(tokens.access_token);
    expect(claims).toMatchObject({ sub: asha.id, sid: sessionOf(asha.refreshToken) });
    expect(await world.bearing(tokens.access_token).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
    const after = await rowOf(tokens.refresh_token);
    expect(after).toMatchObject({ generation: 2, revoked_at: null, last_used_at: after.rotated_at });
    expect(after.last_used_at - before.last_used_at).toBeGreaterThanOrEqual(DAY_MS);
    expect(after.expires_at - after.rotated_at).toBe(60 * DAY_MS);
    expect(await world.state.number("select count(*) from sessions where user_id = ?1", asha.id)).toBe(1);
  });

  test("each token leads to the next, on each device its own", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    for (let token = phone.refreshToken, generation = 2; generation < 6; generation += 1) {
      token = await next(token);
      expect(await rowOf(token)).toMatchObject({ generation, revoked_at: null });
    }
    expect(await rowOf(asha.refreshToken)).toMatchObject({ generation: 1, revoked_at: null });
    await redeem(asha.refreshToken);
  });

  test("an access token that Asha had before is good for the rest of its time", async () => {
    const asha = await world.person("asha");
    await redeem(asha.refreshToken);
    expect(await asha.profile()).toMatchObject({ id: asha.id });
  });

  test("a bad access token beside it is not looked at", async () => {
    const asha = await world.person("asha");
    const body = { refresh_token: asha.refreshToken };
    await world.bearing("nonsense").expect(200, "POST", "/auth/refresh", body);
  });
});

describe("the same token again", () => {
  test("within ten seconds Asha gets the same new token, and nothing is stored", async () => {
    const asha = await world.person("asha");
    const child = await next(asha.refreshToken);
    await age(child, 8_000);
    const before = await rowOf(child);
    const again = await redeem(asha.refreshToken);
    expect(again.refresh_token).toBe(child);
    expect(await rowOf(child)).toEqual(before);
    expect(await world.bearing(again.access_token).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
    await redeem(child);
  });

  test("after ten seconds the session ends, for whoever holds the newest token too", async () => {
    const asha = await world.person("asha");
    const thief = await redeem(asha.refreshToken);
    await age(asha.refreshToken, 10_001);
    await expectBadToken(await refresh(asha.refreshToken), "refresh_reused");
    await expectDead([thief.refresh_token, asha.refreshToken], thief.access_token);
  });

  test("one that is older than the parent of the newest ends the session at once", async () => {
    const asha = await world.person("asha");
    const second = await next(asha.refreshToken);
    const newest = await redeem(second);
    await expectBadToken(await refresh(asha.refreshToken), "refresh_reused");
    await expectDead([newest.refresh_token, second, asha.refreshToken], newest.access_token);
  });

  test("the end of one session leaves the person's others alone", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    const second = await next(asha.refreshToken);
    await redeem(second);
    await expectBadToken(await refresh(asha.refreshToken), "refresh_reused");
    expect(await phone.profile()).toMatchObject({ id: asha.id });
    await redeem(phone.refreshToken);
  });
});

describe("an answer that got lost", () => {
  const lost = (token: string, when: "before" | "after") =>
    world.control.withFaults([{ on: "d1", when, times: 1, during: "fetch", containing: sessionOf(token) }], () => refresh(token));

  test.for(["before", "after"] as const)("D1 failing %s its batch: the same token again is right, and leads on", async (when) => {
    const asha = await world.person("asha");
    await expectProblem(await lost(asha.refreshToken, when), 503, "dependency_unavailable");
    expect(await rowOf(asha.refreshToken)).toMatchObject({ generation: when === "after" ? 2 : 1, revoked_at: null });
    const child = await next(asha.refreshToken);
    expect(await rowOf(child)).toMatchObject({ generation: 2, revoked_at: null });
    await redeem(child);
  });

  test.for(["before", "after"] as const)("D1 failing %s the end of a session: whoever asks again is refused all the same", async (when) => {
    const asha = await world.person("asha");
    const newest = await redeem(await next(asha.refreshToken));
    await expectProblem(await lost(asha.refreshToken, when), 503, "dependency_unavailable");
    await expectBadToken(await refresh(asha.refreshToken), when === "after" ? "session_ended" : "refresh_reused");
    await expectDead([newest.refresh_token], newest.access_token);
  });
});

/** Redeems all of these at once: each was about to reach D1 before any did. */
async function atOnce(tokens: string[]): Promise<Response[]> {
  const containing = sessionOf(tokens[0] ?? "");
  const { told, overlap } = await world.control.watchingOverlap({ containing, count: tokens.length }, () =>
    Promise.all(tokens.map(refresh)),
  );
  expect(overlap).toMatchObject({ barrierFilled: true, arrived: tokens.length });
  expect(overlap.most).toBeGreaterThanOrEqual(tokens.length);
  return told;
}

describe("at the same moment", () => {
  test("200 uses of one token lead to one child, round after round", async () => {
    const asha = await world.person("asha");
    let parent = asha.refreshToken;
    for (let generation = 2; generation < 6; generation += 1) {
      const responses = await atOnce(Array.from({ length: MANY }, () => parent));
      const answers = await Promise.all(responses.map(async (response) => (await response.json()) as Tokens));
      expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
      const children = new Set(answers.map(({ refresh_token: child }) => child));
      expect(children.size).toBe(1);
      expect(await rowOf(parent)).toMatchObject({ generation, revoked_at: null });
      expect(await world.bearing(answers.at(-1)?.access_token ?? "").expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
      parent = [...children][0] ?? "";
    }
    await redeem(parent);
  }, 60_000);

  test("200 uses of a token that is used up: one ends the session, and nobody gets anything", async () => {
    const asha = await world.person("asha");
    const newest = await redeem(await next(asha.refreshToken));
    const responses = await atOnce(Array.from({ length: MANY }, () => asha.refreshToken));
    const problems = await Promise.all(responses.map(async (response) => ((await response.json()) as { code: string }).code));
    expect(problems.filter((code) => code === "refresh_reused")).toHaveLength(1);
    expect(problems.filter((code) => code === "session_ended")).toHaveLength(MANY - 1);
    await expectDead([newest.refresh_token], newest.access_token);
  });

  test("a token and its parent: there is never more than one newest token", async () => {
    const firsts = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      const asha = await world.person("asha");
      const child = await next(asha.refreshToken);
      const tokens = round % 2 === 0 ? [asha.refreshToken, child] : [child, asha.refreshToken];
      const [one, other] = (await atOnce(tokens)) as [Response, Response];
      const [ofParent, ofChild] = round % 2 === 0 ? [one, other] : [other, one];
      // The child is the newest token whichever came first, so it is redeemed.
      const { refresh_token: newest } = (await ofChild.json()) as Tokens;
      expect(ofChild.status).toBe(200);
      firsts.add(ofParent.status === 200 ? "parent" : "child");
      if (ofParent.status === 200) {
        // The parent came first, and led to its child once more.
        expect(((await ofParent.json()) as Tokens).refresh_token).toBe(child);
        await redeem(newest);
      } else {
        // The child came first, so that its parent was too old.
        await expectBadToken(ofParent, "refresh_reused");
        await expectBadToken(await refresh(newest), "session_ended");
      }
    }
    expect(firsts).toEqual(new Set(["parent", "child"]));
  });
});

describe("what Kith did not issue", () => {
  /** Everything that is wrong with a token of Asha's, by what it is. */
  async function forgeries(asha: PersonActor): Promise<Record<string, string>> {
    const [session = "", , secret = "", code = ""] = asha.refreshToken.split(".");
    const ben = await world.person("ben");
    const [other = "", , otherSecret = "", otherCode = ""] = ben.refreshToken.split(".");
    for (const caption of ["one", "two"]) await asha.posts.create({ caption });
    const { next_cursor: cursor } = await asha.posts.list("?limit=1");
    return {
      nothing: "",
      nonsense: "nonsense",
      "an access token": asha.accessToken,
      "a cursor": cursor ?? "",
      "another generation": `${session}.2.${secret}.${code}`,
      "another session": `${other}.1.${secret}.${code}`,
      "another secret": `${session}.1.${otherSecret}.${code}`,
      "another's code": `${session}.1.${secret}.${otherCode}`,
      "no code": `${session}.1.${secret}.`,
      "no code at all": `${session}.1.${secret}`,
      "half a code": `${session}.1.${secret}.${code.slice(0, 22)}`,
      "a letter less": asha.refreshToken.slice(0, -1),
      "a letter more": `${asha.refreshToken}A`,
      "a part more": `${asha.refreshToken}.${code}`,
      "in capitals": asha.refreshToken.toUpperCase(),
      "a space before": ` ${asha.refreshToken}`,
      padded: `${asha.refreshToken}=`,
      "with U+0000": `${asha.refreshToken}\u0000`,
      "long": `${asha.refreshToken}${"A".repeat(15_000)}`,
      "SQL": `${session}' or '1'='1.1.${secret}.${code}`,
    };
  }

  test("is refused alike, without a look at the database, and ends nothing", async () => {
    const asha = await world.person("asha");
    const same = async (token: string) => {
      const response = await world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });
      expect((await world.control.recordOf(response)).trips).toEqual([]);
      await expectBadToken(response.clone(), "invalid_refresh_token");
      return withoutRequestId(response);
    };
    const expected = await same("nonsense");
    for (const [what, token] of Object.entries(await forgeries(asha))) {
      expect({ what, ...(await same(token)) }).toEqual({ what, ...expected });
    }
    await redeem(asha.refreshToken);
  });

  test("a refresh token is no access token", async () => {
    const asha = await world.person("asha");
    await expectBadToken(await world.bearing(asha.refreshToken).fetch("GET", "/profile"));
  });

  test.for([
    [{}, { "/refresh_token": "required" }],
    [{ refresh_token: null }, { "/refresh_token": "required" }],
    [{ refresh_token: 7 }, { "/refresh_token": "invalid_type" }],
    [{ refresh_token: ["x"] }, { "/refresh_token": "invalid_type" }],
    [{ refresh_token: { x: 1 } }, { "/refresh_token": "invalid_type" }],
    [{ refresh_token: true }, { "/refresh_token": "invalid_type" }],
    [{ refresh_token: "x", token: "y" }, { "/token": "unknown_field" }],
    [["x"], { "": "invalid_type" }],
  ] as const)("a body of another form is invalid: %j", async ([body, errors]) => {
    await expectInvalid(await world.anonymous.fetch("POST", "/auth/refresh", body), errors);
  });

  test("a body that is no JSON, of another type or too large is refused as everywhere", async () => {
    const send = (body: string, headers = {}) => world.anonymous.fetch("POST", "/auth/refresh", body, headers);
    await expectProblem(await send("{"), 400, "malformed_json");
    await expectProblem(await send("refresh_token=x", { "content-type": "application/x-www-form-urlencoded" }), 415, "unsupported_media_type");
    await expectProblem(await send(JSON.stringify({ refresh_token: "x".repeat(65_536) })), 413, "payload_too_large");
  });
});

test("the log tells what was refused, and nothing of the tokens", async () => {
  const asha = await world.person("asha");
  const child = await next(asha.refreshToken);
  await redeem(child);
  await refresh(asha.refreshToken);
  await refresh(`${child}x`);
  const log = world.logLines().map(({ message }) => message).join("\n");
  expect(log).toContain("/api/v1/auth/refresh");
  for (const token of [asha.refreshToken, child]) {
    for (const part of token.split(".").slice(2)) expect(log).not.toContain(part);
  }
});

describe("whose session or account is over", () => {
  const fates: [string, (asha: PersonActor) => Promise<void>, number, string][] = [
    // By hand, because the batch of a logout names the session too, and would wait at D1's door.
    ["whose session was ended", (asha) => world.state.run("update sessions set revoked_at = 1 where user_id = ?1", asha.id), 401, "session_ended"],
    ["whose time is over", (asha) => world.state.run("update sessions set expires_at = 1 where user_id = ?1", asha.id), 401, "session_ended"],
    ["whose session is gone", (asha) => world.state.run("delete from sessions where user_id = ?1", asha.id), 401, "session_ended"],
    ["who is deleted", (asha) => world.state.run("update users set status = 'deleted' where id = ?1", asha.id), 401, "session_ended"],
    ["who is suspended", (asha) => world.state.suspend(asha), 403, "account_suspended"],
  ];

  test.for(fates)("%s gets nothing, by no token, and nothing is stored", async ([, befall, status, code]) => {
    const asha = await world.person("asha");
    const parent = await next(asha.refreshToken);
    const newest = await next(parent);
    await befall(asha);
    const rows = () => world.state.rows("select * from sessions where user_id = ?1", asha.id);
    const before = await rows();
    for (const token of [newest, parent, asha.refreshToken]) await expectProblem(await refresh(token), status, code);
    expect(await rows()).toEqual(before);
  });

  test.for(fates)("%s while the request is on its way gets nothing", async ([, befall, status, code]) => {
    const asha = await world.person("asha");
    const response = await world.control.holding(
      sessionOf(asha.refreshToken),
      () => refresh(asha.refreshToken),
      () => befall(asha),
    );
    await expectProblem(response, status, code);
  });

  test("who has signed out gets nothing", async () => {
    const asha = await world.person("asha");
    const child = await next(asha.refreshToken);
    await asha.expect(204, "POST", "/auth/logout");
    await expectDead([child, asha.refreshToken], asha.accessToken);
  });

  test("who is no longer suspended goes on where they were", async () => {
    const asha = await world.person("asha");
    await world.state.suspend(asha);
    await expectProblem(await refresh(asha.refreshToken), 403, "account_suspended");
    await world.state.run("update users set status = 'active' where id = ?1", asha.id);
    await redeem(asha.refreshToken);
  });
});
