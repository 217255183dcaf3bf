/** Who is signed in: tokens that end, are renewed once for all, and are forgotten. */
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../client/src/index.ts";
import type { TokenStore } from "../../client/src/index.ts";
import { idle, Held, json, noContent, problem, Stage, tokens } from "./stage.ts";
import type { Script, Sent } from "./stage.ts";

const ME = { username: "asha" };
const REFRESH = "/api/v1/auth/refresh";
const isRefresh = ({ url }: Sent) => url.pathname === REFRESH;

/** A Kith whose access tokens are good from this generation on. */
const takingFrom = (generation: number, refresh: Script): Script => (sent) => {
  if (isRefresh(sent)) return refresh(sent);
  const shown = Number(sent.headers.get("authorization")?.split("-")[1]);
  return shown >= generation ? json(200, ME) : problem(401, "token_expired");
};

const profile = (stage: Stage) => stage.kith.getMyProfile();
const shown = (stage: Stage) => stage.to("/api/v1/profile").map(({ headers }) => headers.get("authorization"));

describe("signing in", () => {
  test("by name or by registering keeps the tokens, which later calls bear", async () => {
    const stage = new Stage(({ url }) => {
      if (url.pathname.endsWith("/login")) return json(200, tokens(1));
      return url.pathname.endsWith("/register") ? json(201, { ...tokens(2), user: ME }) : json(200, ME);
    });
    await stage.kith.login({ body: { username: "asha", password: "a horse of my own" } });
    await profile(stage);
    await stage.kith.register({ body: { username: "ben", email: "ben@example.com", password: "a boat of my own" } });
    await profile(stage);
    expect(shown(stage)).toEqual(["Bearer access-1", "Bearer access-2"]);
    expect(await stage.store.load()).toMatchObject({ refreshToken: "refresh-2", expiresAt: stage.clock.now() + 600_000 });
  });

  test("is not what a registration that waits for a mail does", async () => {
    const stage = new Stage(() => json(202, { status: "verify_email" }));
    await stage.kith.register({ body: { username: "ben", email: "ben@example.com", password: "a boat of my own" } });
    expect(await stage.store.load()).toBeNull();
  });

  test("and a renewal count the token's life from when it was asked for", async () => {
    const slow = (n: number) => {
      stage.clock.time += 3_000;
      return json(200, tokens(n));
    };
    const stage = new Stage((sent) => (sent.url.pathname.endsWith("/login") ? slow(1) : takingFrom(2, () => slow(2))(sent)));
    const begun = stage.clock.now();
    await stage.kith.login({ body: { username: "asha", password: "a horse of my own" } });
    expect(await stage.store.load()).toMatchObject({ accessToken: "access-1", expiresAt: begun + 600_000 });
    await profile(stage);
    expect(await stage.store.load()).toMatchObject({ accessToken: "access-2", expiresAt: begun + 603_000 });
  });

  test("goes on where a page before it had kept the tokens", async () => {
    const kept = JSON.stringify(await new Stage(noContent).signedIn());
    const stage = new Stage(() => json(200, ME), { tokens: { load: async () => JSON.parse(kept), save: async () => undefined } });
    await profile(stage);
    expect(shown(stage)).toEqual(["Bearer access-1"]);
  });
});

describe("an access token that has ended", () => {
  test("is renewed once for 20 calls that wait, and each is sent once more", async () => {
    const held = new Held<Response>();
    const stage = new Stage(takingFrom(2, () => held.promise));
    await stage.signedIn();
    const calls = Array.from({ length: 20 }, () => profile(stage));
    await idle();
    expect(stage.to(REFRESH)).toHaveLength(1);
    held.resolve(json(200, tokens(2)));
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(stage.to(REFRESH).map(({ body }) => body)).toEqual([{ refresh_token: "refresh-1" }]);
    expect(shown(stage)).toEqual([...Array.from({ length: 20 }, () => "Bearer access-1"), ...Array.from({ length: 20 }, () => "Bearer access-2")]);
  });

  test("is not renewed again for a call whose refusal comes after the renewal", async () => {
    const late = new Held<Response>();
    let first = true;
    const stage = new Stage((sent) => {
      if (isRefresh(sent)) return json(200, tokens(2));
      if (first) {
        first = false;
        return late.promise;
      }
      return takingFrom(2, noContent)(sent);
    });
    await stage.signedIn();
    const slow = profile(stage);
    await idle();
    await profile(stage);
    late.resolve(problem(401, "token_expired"));
    expect(await slow).toMatchObject({ status: 200 });
    expect(stage.to(REFRESH)).toHaveLength(1);
  });

  test("is renewed before it is sent where this device's clock says that it is over", async () => {
    const stage = new Stage(takingFrom(2, () => json(200, tokens(2))));
    await stage.signedIn();
    stage.clock.time += 596_000;
    await Promise.all([profile(stage), profile(stage)]);
    expect(stage.sent.map(({ url }) => url.pathname)).toEqual([REFRESH, "/api/v1/profile", "/api/v1/profile"]);
  });

  test("is not renewed again by a page that finds it renewed by another, in the store they share", async () => {
    const late = new Held<Response>();
    const one = new Stage(takingFrom(2, () => json(200, tokens(2))));
    await one.signedIn();
    let first = true;
    const other = new Stage((sent) => (first ? ((first = false), late.promise) : takingFrom(2, noContent)(sent)), { tokens: one.store });
    const slow = profile(other);
    await profile(one);
    late.resolve(problem(401, "token_expired"));
    expect(await slow).toMatchObject({ status: 200 });
    expect([one.to(REFRESH).length, other.to(REFRESH).length]).toEqual([1, 0]);
    expect(shown(other)).toEqual(["Bearer access-1", "Bearer access-2"]);
  });

  test.for([400, 403, 404, 503] as const)("is not what a %i means, so nothing is renewed", async (status) => {
    const stage = new Stage(() => problem(status, "internal"), { retry: { attempts: 1 } });
    await stage.signedIn();
    await expect(profile(stage)).rejects.toMatchObject({ status });
    expect(stage.to(REFRESH)).toEqual([]);
  });

  test("even after its renewal fails the call, without another renewal", async () => {
    const stage = new Stage(takingFrom(9, () => json(200, tokens(2))));
    await stage.signedIn();
    await expect(profile(stage)).rejects.toMatchObject({ code: "token_expired" });
    expect(stage.to(REFRESH)).toHaveLength(1);
    expect(stage.signedOut).toEqual([]);
  });

  test("lets a caller who gives up go, while the others wait on", async () => {
    const held = new Held<Response>();
    const stage = new Stage(takingFrom(2, () => held.promise));
    await stage.signedIn();
    const enough = new AbortController();
    const impatient = stage.kith.getMyProfile({ signal: enough.signal });
    const patient = profile(stage);
    await idle();
    enough.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    held.resolve(json(200, tokens(2)));
    expect(await patient).toMatchObject({ status: 200 });
  });
});

describe("a renewal", () => {
  test.for(["refresh_reused", "session_ended", "invalid_refresh_token"])("refused with %s fails all who wait, and signs out once", async (code) => {
    const stage = new Stage(takingFrom(2, () => problem(401, code)));
    await stage.signedIn();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => profile(stage)));
    expect(outcomes).toMatchObject(Array.from({ length: 5 }, () => ({ status: "rejected", reason: { name: "Problem", status: 401, code } })));
    expect(stage.to(REFRESH)).toHaveLength(1);
    expect(stage.signedOut).toMatchObject([{ code }]);
    expect(await stage.store.load()).toBeNull();
  });

  test("whose answer is lost is asked for again, with the same token", async () => {
    let lost = 0;
    const stage = new Stage(takingFrom(2, () => (lost++ < 2 ? Promise.reject(new TypeError("fetch failed")) : json(200, tokens(2)))));
    await stage.signedIn();
    expect(await stage.clock.through(profile(stage))).toMatchObject({ status: 200 });
    expect(stage.to(REFRESH).map(({ body }) => body)).toEqual(Array.from({ length: 3 }, () => ({ refresh_token: "refresh-1" })));
  });

  test("that cannot be had fails the call and signs nobody out; the next call tries anew", async () => {
    let reachable = false;
    const stage = new Stage(takingFrom(2, () => (reachable ? json(200, tokens(2)) : Promise.reject(new TypeError("fetch failed")))));
    await stage.signedIn();
    await expect(stage.clock.through(profile(stage))).rejects.toMatchObject({ name: "NetworkFailure" });
    expect(stage.signedOut).toEqual([]);
    reachable = true;
    expect(await stage.clock.through(profile(stage))).toMatchObject({ status: 200 });
  });

  test("that Kith asks to put off for longer fails the call at once, because then the same token would be theft", async () => {
    const stage = new Stage(takingFrom(2, () => problem(503, "dependency_unavailable", { "retry-after": "5" })));
    await stage.signedIn();
    await expect(stage.clock.through(profile(stage))).rejects.toMatchObject({ status: 503, retryAfter: 5_000 });
    expect([stage.to(REFRESH).length, stage.signedOut]).toEqual([1, []]);
  });

  test("that is never answered is given up while Kith would still give the same tokens", async () => {
    const stage = new Stage(takingFrom(2, () => new Promise(() => undefined)));
    await stage.signedIn();
    await expect(stage.clock.through(profile(stage))).rejects.toMatchObject({ name: "NetworkFailure" });
    expect(stage.clock.waited).toEqual([8_000]);
    expect(stage.to(REFRESH)[0]?.init.signal?.aborted).toBe(true);
    expect(stage.signedOut).toEqual([]);
  });

  test("refused because the account is suspended leaves the session, which may be good again", async () => {
    const stage = new Stage(takingFrom(2, () => problem(403, "account_suspended")));
    await stage.signedIn();
    await expect(profile(stage)).rejects.toMatchObject({ code: "account_suspended" });
    expect(await stage.store.load()).not.toBeNull();
  });

  test("that is answered after signing out brings nobody back", async () => {
    const held = new Held<Response>();
    const stage = new Stage((sent) => (sent.url.pathname.endsWith("/logout") ? noContent() : takingFrom(2, () => held.promise)(sent)));
    const { id } = await stage.signedIn();
    const call = profile(stage);
    await idle();
    await stage.kith.logout();
    held.resolve(json(200, tokens(2)));
    await call.catch(() => undefined);
    expect(await stage.store.load()).toBeNull();
    expect([id, stage.signedOut]).toEqual(["asha's", [null]]);
  });
});

describe("a store that takes its time", () => {
  const slowStore = (): TokenStore => {
    const kept = memoryStore();
    return {
      load: async () => {
        const session = await kept.load();
        await idle();
        return session;
      },
      save: async (session) => {
        await idle();
        await kept.save(session);
      },
    };
  };

  test("gets one renewal for calls that are refused while it is at work", async () => {
    const refusals = Array.from({ length: 12 }, () => new Held<Response>());
    let asked = 0;
    const script = takingFrom(2, () => json(200, tokens(2)));
    const stage = new Stage((sent) => (isRefresh(sent) ? script(sent) : (refusals[asked++]?.promise ?? script(sent))), { tokens: slowStore() });
    await stage.signedIn();
    const calls = refusals.map(() => profile(stage));
    while (asked < refusals.length) await idle();
    for (const refusal of refusals) {
      refusal.resolve(problem(401, "token_expired"));
      await idle();
    }
    await Promise.all(calls);
    expect(stage.to(REFRESH)).toHaveLength(1);
  });

  test("keeps nobody whose renewal was answered while they signed out", async () => {
    for (let before = 0; before < 8; before += 1) {
      const held = new Held<Response>();
      const stage = new Stage((sent) => (sent.url.pathname.endsWith("/logout") ? noContent() : takingFrom(2, () => held.promise)(sent)), { tokens: slowStore() });
      await stage.signedIn();
      const call = profile(stage).catch(() => undefined);
      while (stage.to(REFRESH).length === 0) await idle();
      const out = stage.kith.logout();
      // At whatever moment of it.
      for (let step = 0; step < before; step += 1) await idle();
      held.resolve(json(200, tokens(2)));
      await Promise.all([call, out]);
      expect(await stage.store.load()).toBeNull();
    }
  });
});

describe("somebody else who signs in meanwhile", () => {
  test("does not do what the one before had asked for", async () => {
    const held = new Held<Response>();
    const stage = new Stage(({ url }) => (url.pathname.endsWith("/login") ? json(200, tokens(7)) : held.promise));
    await stage.signedIn();
    const ashas = stage.kith.deletePost({ path: { id: "p1" } });
    await idle();
    await stage.kith.login({ body: { username: "ben", password: "a boat of my own" } });
    held.resolve(problem(401, "token_expired"));
    await expect(ashas).rejects.toMatchObject({ code: "token_expired" });
    expect(stage.to("/api/v1/posts/p1").map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer access-1"]);
    expect(await stage.store.load()).toMatchObject({ accessToken: "access-7" });
  });

  test("is not signed out by the end of the session before", async () => {
    const held = new Held<Response>();
    const stage = new Stage(({ url }) => (url.pathname.endsWith("/login") ? json(200, tokens(7)) : held.promise));
    await stage.signedIn();
    const ashas = profile(stage);
    await idle();
    await stage.kith.login({ body: { username: "ben", password: "a boat of my own" } });
    held.resolve(problem(401, "session_ended"));
    await expect(ashas).rejects.toMatchObject({ code: "session_ended" });
    expect(await stage.store.load()).toMatchObject({ accessToken: "access-7" });
    expect(stage.signedOut).toEqual([]);
  });
});

describe("signing out", () => {
  test("forgets the tokens and tells so", async () => {
    const stage = new Stage(({ url }) => (url.pathname.endsWith("/logout") ? noContent() : json(200, { data: [], next_cursor: null })));
    await stage.signedIn();
    await stage.kith.logout();
    await stage.kith.listPosts();
    expect(stage.sent.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer access-1", null]);
    expect(stage.signedOut).toEqual([null]);
  });

  test("that does not reach Kith forgets nothing, so that it can be tried again", async () => {
    const stage = new Stage(() => Promise.reject(new TypeError("fetch failed")));
    await stage.signedIn();
    await expect(stage.kith.logout()).rejects.toMatchObject({ name: "NetworkFailure" });
    expect(await stage.store.load()).not.toBeNull();
  });

  test.for(["session_ended", "invalid_token"])("happens by itself when Kith answers %s", async (code) => {
    const stage = new Stage(() => problem(401, code));
    await stage.signedIn();
    await expect(profile(stage)).rejects.toMatchObject({ code });
    expect(stage.signedOut).toMatchObject([{ code }]);
    expect(await stage.store.load()).toBeNull();
    expect(stage.to(REFRESH)).toEqual([]);
  });

  test("is not what a wrong password does", async () => {
    const stage = new Stage(() => problem(401, "invalid_credentials"));
    await stage.signedIn();
    await expect(stage.kith.login({ body: { username: "asha", password: "wrong" } })).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(await stage.store.load()).not.toBeNull();
  });
});
