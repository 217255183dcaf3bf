/** One's own sessions: who sees which, how one ends, and how long one lives at the most. */
import { describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import { Actor } from "./harness/person.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Page, Session, Tokens } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

const sessionOf = ({ refreshToken }: { refreshToken: string }) => refreshToken.split(".")[0] ?? "";
const list = (actor: Actor, query = "") => actor.expect<Page<Session>>(200, "GET", `/auth/sessions${query}`);
const ids = ({ data }: Page<Session>) => data.map(({ id }) => id);
const end = (actor: Actor, id: string) => actor.fetch("DELETE", `/auth/sessions/${id}`);
const refresh = (token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

/** This person signed in on a device that calls itself so. */
async function onDevice({ username, password }: PersonActor, userAgent: string): Promise<Tokens & { session: string }> {
  const body = { username, password };
  const tokens = await world.anonymous.expect<Tokens>(200, "POST", "/auth/login", body, { "user-agent": userAgent });
  return { ...tokens, session: sessionOf({ refreshToken: tokens.refresh_token }) };
}

/** Sessions of this person that began in this order, oldest first; live unless `changes` says otherwise. */
async function addSessions({ id }: PersonActor, count: number, changes = "null"): Promise<string[]> {
  const added = Array.from({ length: count }, () => uuidV7());
  await world.state.run(
    `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at, revoked_at)
     select value, ?2, 'test', value, ?3, ?3, ?3, ?4, ${changes} from json_each(?1)`,
    JSON.stringify(added),
    id,
    Date.now(),
    Date.now() + DAY_MS,
  );
  return added;
}

describe("the list", () => {
  test("Asha sees each of her devices, newest first, and which one asks", async () => {
    const asha = await world.person("asha");
    const phone = await onDevice(asha, "Kith for phones/1.0");
    const before = Date.now() - 60_000;
    const { data, next_cursor: cursor } = await list(world.bearing(phone.access_token));
    expect(data).toEqual([
      {
        id: phone.session,
        user_agent: "Kith for phones/1.0",
        created_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        last_used_at: expect.any(String),
        current: true,
      },
      { id: sessionOf(asha), user_agent: expect.any(String), created_at: expect.any(String), last_used_at: expect.any(String), current: false },
    ]);
    expect(cursor).toBeNull();
    expect(Date.parse(data[0]?.created_at ?? "")).toBeGreaterThan(before);
    const seen = (await list(asha)).data.map(({ id, current }) => [id, current]);
    expect(seen).toEqual([[phone.session, false], [sessionOf(asha), true]]);
  });

  test("tells when a session was last renewed", async () => {
    const asha = await world.person("asha");
    await world.state.run("update sessions set last_used_at = 1000 where user_id = ?1", asha.id);
    expect((await list(asha)).data[0]?.last_used_at).toBe("1970-01-01T00:00:01.000Z");
    expect((await refresh(asha.refreshToken)).status).toBe(200);
    expect(Date.parse((await list(asha)).data[0]?.last_used_at ?? "")).toBeGreaterThan(Date.now() - 60_000);
  });

  test("holds nobody else's, and none that has ended or run out", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const [left, phone] = [await onDevice(asha, "left"), await onDevice(asha, "phone")];
    await world.bearing(left.access_token).expect(204, "POST", "/auth/logout");
    await addSessions(asha, 1, "1");
    const [over = ""] = await addSessions(asha, 1);
    await world.state.run("update sessions set expires_at = ?2 where id = ?1", over, Date.now());
    expect(ids(await list(asha))).toEqual([phone.session, sessionOf(asha)]);
    expect(ids(await list(ben))).toEqual([sessionOf(ben)]);
  });

  test("is read page by page to its end, each once, whatever begins meanwhile", async () => {
    const asha = await world.person("asha");
    const added = await addSessions(asha, 9);
    const read = await readAllPages<Session>(asha, "/auth/sessions", 2, async () => void (await addSessions(asha, 1)));
    expect(read.map(({ id }) => id)).toEqual([...added.toReversed(), sessionOf(asha)]);
  });

  test("leads on below however many that have ended", async () => {
    const asha = await world.person("asha");
    await addSessions(asha, 60, "1");
    const first = await list(asha, "?limit=5");
    expect(first.data).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    const read = await readAllPages<Session>(asha, "/auth/sessions", 5);
    expect(read.map(({ id }) => id)).toEqual([sessionOf(asha)]);
  });

  test("answers 304 while nothing has changed", async () => {
    const asha = await world.person("asha");
    const tag = (await asha.fetch("GET", "/auth/sessions")).headers.get("etag") ?? "";
    expect((await asha.fetch("GET", "/auth/sessions", undefined, { "if-none-match": tag })).status).toBe(304);
    await onDevice(asha, "phone");
    expect((await asha.fetch("GET", "/auth/sessions", undefined, { "if-none-match": tag })).status).toBe(200);
  });

  test("takes no cursor of another's list", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    await addSessions(asha, 3);
    const { next_cursor: cursor } = await list(asha, "?limit=1");
    await expectProblem(await ben.fetch("GET", `/auth/sessions?cursor=${cursor}`), 400, "malformed_cursor");
    await expectInvalid(await asha.fetch("GET", "/auth/sessions?limit=0"), { "/limit": "out_of_range" });
  });

  test("is for whoever is signed in only", async () => {
    await expectProblem(await world.anonymous.fetch("GET", "/auth/sessions"), 401, "authentication_required");
    await expectProblem(await world.anonymous.fetch("DELETE", `/auth/sessions/${uuidV7()}`), 401, "authentication_required");
  });
});

describe("what a device calls itself", () => {
  test("is text that a stranger typed: no control character of it is kept or shown", async () => {
    const asha = await world.person("asha");
    const { session } = await onDevice(asha, "a\tb [31m");
    const of = async (id: string) => (await list(asha)).data.find((one) => one.id === id)?.user_agent;
    expect(await of(session)).toBe("ab [31m");
    const stored = "select user_agent as agent from sessions where id = ?1";
    expect(await world.state.rows(stored, session)).toEqual([{ agent: "ab [31m" }]);
    // However it came to be there.
    await world.state.run("update sessions set user_agent = ?2 where id = ?1", session, "x\u001b[2J\r\ny\u202ez\u2028<b>");
    expect(await of(session)).toBe("x[2Jyz<b>");
  });

  test("is kept to 256 characters", async () => {
    const asha = await world.person("asha");
    const { session } = await onDevice(asha, "x".repeat(1_000));
    expect((await list(asha)).data.find(({ id }) => id === session)?.user_agent).toBe("x".repeat(256));
  });
});

describe("ending a session", () => {
  test("of another device acts on its very next request, whatever token it has", async () => {
    const asha = await world.person("asha");
    const phone = await onDevice(asha, "phone");
    const response = await end(asha, phone.session);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await expectBadToken(await world.bearing(phone.access_token).fetch("GET", "/profile"), "session_ended");
    await expectBadToken(await world.bearing(phone.access_token).fetch("POST", "/posts", { caption: "too late" }), "session_ended");
    await expectBadToken(await refresh(phone.refresh_token), "session_ended");
    expect(ids(await list(asha))).toEqual([sessionOf(asha)]);
    expect(await asha.profile()).toMatchObject({ id: asha.id });
  });

  test("that is one's own signs out", async () => {
    const asha = await world.person("asha");
    const phone = await onDevice(asha, "phone");
    expect((await end(asha, sessionOf(asha))).status).toBe(204);
    await expectBadToken(await asha.fetch("GET", "/profile"), "session_ended");
    await expectBadToken(await refresh(asha.refreshToken), "session_ended");
    expect(ids(await list(world.bearing(phone.access_token)))).toEqual([phone.session]);
  });

  test("that is another's, unknown, over or ended is the same 404, and changes nothing", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const [ended = ""] = await addSessions(asha, 1, "1");
    const [over = ""] = await addSessions(asha, 1);
    await world.state.run("update sessions set expires_at = 1 where id = ?1", over);
    const gone = (await onDevice(asha, "phone")).session;
    expect((await end(asha, gone)).status).toBe(204);
    const all = () => world.state.rows("select * from sessions where user_id in (?1, ?2) order by id", asha.id, ben.id);
    const before = await all();
    const seen = [];
    for (const id of [sessionOf(ben), uuidV7(), ended, over, gone]) {
      const response = await end(asha, id);
      await expectProblem(response.clone(), 404, "not_found");
      const { trips } = await world.control.recordOf(response);
      seen.push({ ...(await withoutRequestId(response)), trips: trips.map(({ statements }) => statements.length) });
    }
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await all()).toEqual(before);
    expect(await ben.profile()).toMatchObject({ id: ben.id });
  });

  test("by what is no id finds nothing either", async () => {
    const asha = await world.person("asha");
    for (const id of ["none", sessionOf(asha).toUpperCase(), "%00", "'%20or%201=1", "*"]) {
      await expectProblem(await end(asha, id), 404, "not_found");
    }
    expect(await asha.profile()).toMatchObject({ id: asha.id });
  });

  test("of two who end each other at once, one or both have their way, and nothing is left undone", async () => {
    for (let round = 0; round < 8; round += 1) {
      const asha = await world.person("asha");
      const phone = await onDevice(asha, "phone");
      const [one, other] = await Promise.all([end(asha, phone.session), end(world.bearing(phone.access_token), sessionOf(asha))]);
      expect([one.status, other.status].toSorted()).toEqual([204, 401]);
      expect(await world.state.number("select count(*) from sessions where user_id = ?1 and revoked_at is null", asha.id)).toBe(1);
    }
  });

  test("while it is being renewed leaves no live one, whichever comes first", async () => {
    const firsts = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const asha = await world.person("asha");
      const phone = await onDevice(asha, "phone");
      const renewing = () => refresh(phone.refresh_token);
      const ending = () => end(asha, phone.session);
      const { told, overlap } = await world.control.watchingOverlap({ containing: phone.session, count: 2 }, () =>
        Promise.all(round % 2 === 0 ? [renewing(), ending()] : [ending(), renewing()]),
      );
      expect(overlap).toMatchObject({ barrierFilled: true });
      const [renewed, ended] = (round % 2 === 0 ? told : told.toReversed()) as [Response, Response];
      expect(ended.status).toBe(204);
      const tokens = [phone];
      if (renewed.status === 200) tokens.push({ ...((await renewed.json()) as Tokens), session: phone.session });
      else await expectBadToken(renewed, "session_ended");
      firsts.add(renewed.status === 200 ? "renewed" : "ended");
      for (const { refresh_token: token, access_token: access } of tokens) {
        await expectBadToken(await refresh(token), "session_ended");
        await expectBadToken(await world.bearing(access).fetch("GET", "/profile"), "session_ended");
      }
    }
    expect(firsts).toEqual(new Set(["renewed", "ended"]));
  });

  test("that is already on its way is not done by a session that ends before", async () => {
    const asha = await world.person("asha");
    const [phone, tablet] = [await onDevice(asha, "phone"), await onDevice(asha, "tablet")];
    const response = await world.control.holding(
      tablet.session,
      () => end(world.bearing(phone.access_token), tablet.session),
      () => asha.expect(204, "DELETE", `/auth/sessions/${phone.session}`),
    );
    await expectBadToken(response, "session_ended");
    expect(ids(await list(asha))).toEqual([tablet.session, sessionOf(asha)]);
  });
});

describe("the longest life of a session", () => {
  const rowOf = async (id: string) => {
    const [row] = await world.state.rows<{ created_at: number; expires_at: number }>("select created_at, expires_at from sessions where id = ?1", id);
    if (row === undefined) throw new Error("the session is gone");
    return row;
  };
  /** As if the session had begun this much longer ago. */
  const age = (id: string, ms: number) => world.state.run("update sessions set created_at = created_at - ?2 where id = ?1", id, ms);

  test("a renewal lets it live for 60 days more", async () => {
    const asha = await world.person("asha");
    await age(sessionOf(asha), YEAR_MS - 61 * DAY_MS);
    await world.state.run("update sessions set expires_at = expires_at - ?2 where id = ?1", sessionOf(asha), DAY_MS);
    const before = Date.now();
    expect((await refresh(asha.refreshToken)).status).toBe(200);
    const { expires_at: expires } = await rowOf(sessionOf(asha));
    expect(expires).toBeGreaterThanOrEqual(before + 60 * DAY_MS);
    expect(expires).toBeLessThan(before + 60 * DAY_MS + 60_000);
  });

  test("but never past a year from its beginning, however often it is renewed", async () => {
    const asha = await world.person("asha");
    await age(sessionOf(asha), YEAR_MS - 10 * DAY_MS);
    let token = asha.refreshToken;
    for (let times = 0; times < 3; times += 1) {
      const { refresh_token: next } = await world.anonymous.expect<Tokens>(200, "POST", "/auth/refresh", { refresh_token: token });
      const { created_at: created, expires_at: expires } = await rowOf(sessionOf(asha));
      expect(expires).toBe(created + YEAR_MS);
      token = next;
    }
    expect(await asha.profile()).toMatchObject({ id: asha.id });
    // The last day is over.
    await world.state.run("update sessions set expires_at = ?2, created_at = ?2 - ?3 where id = ?1", sessionOf(asha), Date.now(), YEAR_MS);
    await expectBadToken(await asha.fetch("GET", "/profile"), "session_ended");
    await expectBadToken(await refresh(token), "session_ended");
  });
});

test("sessions that began longer than a year ago are forgotten, as many as there are, and no others", async () => {
  const asha = await world.person("asha");
  const ofAge = (ms: number) => uuidV7(Date.now() - YEAR_MS - ms);
  const old = Array.from({ length: 2_100 }, (_, index) => ofAge(2 * DAY_MS + index));
  const kept = [ofAge(-DAY_MS), ofAge(-300 * DAY_MS)];
  await world.state.run(
    `insert into sessions (id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at)
     select value, ?2, 'test', value, 1, 1, 1, 1 from json_each(?1)`,
    JSON.stringify([...old, ...kept]),
    asha.id,
  );
  await world.control.sweep();
  const left = await world.state.rows<{ id: string }>("select id from sessions where user_id = ?1 order by id", asha.id);
  expect(left.map(({ id }) => id)).toEqual([...kept, sessionOf(asha)].toSorted());
  expect(await asha.profile()).toMatchObject({ id: asha.id });
});
