/** The typed client against the built Wasm: its calls are what Kith takes, and Kith's answers what it says. */
import { describe, expect, test } from "vitest";
import { createClient, entries, isProblem, memoryStore, pages } from "../../client/src/index.ts";
import type { Client, ClientOptions, Problem, Session, TokenStore } from "../../client/src/index.ts";
import { StageClock } from "../client/stage.ts";
import { eventually } from "./harness/eventually.ts";
import { decodeToken, nowSeconds } from "./harness/keys.ts";
import { holdToDocument } from "./harness/openapi.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const REFRESH = "/api/v1/auth/refresh";

/** Somebody with an app of their own. */
interface App {
  kith: Client;
  store: TokenStore;
  /** The requests it sent, as `POST /api/v1/posts`, and their headers. */
  sent: { name: string; headers: Headers }[];
  signedOut: (Problem | null)[];
}

function open(options: Partial<ClientOptions> = {}): App {
  const app = { store: memoryStore(), sent: [] as App["sent"], signedOut: [] as App["signedOut"] };
  const kith = createClient({
    baseUrl: world.url,
    tokens: app.store,
    onSignedOut: (why) => app.signedOut.push(why),
    fetch: async (url, init) => {
      const { pathname, search } = new URL(url);
      const method = init.method ?? "GET";
      app.sent.push({ name: `${method} ${pathname}`, headers: new Headers(init.headers) });
      const response = await fetch(url, init);
      await holdToDocument({ method, path: pathname + search, body: init.body ?? undefined, response });
      return response;
    },
    ...options,
  });
  return { ...app, kith };
}

/** Registers somebody new, who is signed in from then on. */
async function register(name: string, options: Partial<ClientOptions> = {}): Promise<App & { username: string; password: string }> {
  const app = open(options);
  const username = world.uniqueName(name);
  const password = `the long passphrase of ${name}`;
  const { status, data } = await app.kith.register({ body: { username, email: `${username}@example.com`, password } });
  expect([status, status === 201 && data.user.username]).toEqual([201, username]);
  return { ...app, username, password };
}

const sessionOf = async ({ store }: App): Promise<Session> => (await store.load()) ?? expect.fail("nobody is signed in");

/** Lets the access token have ended, without the client knowing it. */
async function expire(app: App): Promise<void> {
  const session = await sessionOf(app);
  const { claims } = decodeToken(session.accessToken);
  const accessToken = world.keys.sign({ ...claims, iat: nowSeconds() - 1_200, exp: nowSeconds() - 600 });
  await app.store.save({ ...session, accessToken });
}

const countOf = (app: App, name: string) => app.sent.filter((one) => one.name === name).length;

test("the story of a like: register, post, list, like, be told, and sign out", async () => {
  const [asha, ben] = [await register("asha"), await register("ben")];
  const { data: post, headers } = await ben.kith.createPost({ body: { caption: "Morning light on the harbour" } });
  expect(headers.get("location")).toContain(post.id);

  const listed: string[] = [];
  for await (const { id } of entries(asha.kith.listPosts, { query: { limit: 100 } })) listed.push(id);
  expect(listed).toContain(post.id);

  const { data: like } = await asha.kith.putLike({ path: { id: post.id } });
  expect(like).toEqual({ liked: true, like_count: 1 });
  const notification = await eventually("Ben is told", async () => (await ben.kith.listNotifications()).data.data[0]);
  expect(notification).toMatchObject({ kind: "like", post: { id: post.id }, actors: [{ username: asha.username }], read: false });
  await ben.kith.markRead({ body: { up_to: notification.seq } });
  for await (const page of pages(ben.kith.listNotifications)) expect(page.unread_count).toBe(0);

  const etag = (await ben.kith.listNotifications()).headers.get("etag") ?? "";
  expect(await ben.kith.listNotifications({ headers: { "If-None-Match": etag } })).toMatchObject({ status: 304, data: undefined });

  await ben.kith.deletePost({ path: { id: post.id } });
  await ben.kith.logout();
  expect([await ben.store.load(), ben.signedOut]).toEqual([null, [null]]);
  await expect(ben.kith.getMyProfile()).rejects.toMatchObject({ code: "authentication_required" });
});

test("every entry of a list comes once, over many pages", async () => {
  const asha = await register("asha");
  const { data: post } = await asha.kith.createPost({ body: { caption: "Low tide" } });
  const crowd = await world.crowd("ben", 7);
  for (const person of crowd) await person.like(post);
  const likers: string[] = [];
  for await (const { username } of entries(asha.kith.listLikes, { path: { id: post.id }, query: { limit: 2 } })) likers.push(username);
  expect(likers.toSorted()).toEqual(crowd.map(({ username }) => username).toSorted());
});

describe("an access token that has ended", () => {
  test("is renewed once for 20 calls, and all of them succeed", async () => {
    const asha = await register("asha");
    await expire(asha);
    const before = await sessionOf(asha);
    const answers = await Promise.all(Array.from({ length: 20 }, () => asha.kith.getMyProfile()));
    expect(answers.map(({ data }) => data.username)).toEqual(Array.from({ length: 20 }, () => asha.username));
    expect([countOf(asha, `POST ${REFRESH}`), countOf(asha, "GET /api/v1/profile")]).toEqual([1, 40]);
    expect((await sessionOf(asha)).refreshToken).not.toBe(before.refreshToken);
  });

  test("is renewed by two pages at once without harm, because Kith gives both the same tokens", async () => {
    const one = await register("asha");
    await expire(one);
    const session = await sessionOf(one);
    const other = open();
    await other.store.save(session);
    await Promise.all([one.kith.getMyProfile(), other.kith.getMyProfile()]);
    expect([countOf(one, `POST ${REFRESH}`), countOf(other, `POST ${REFRESH}`)]).toEqual([1, 1]);
    expect((await sessionOf(one)).refreshToken).toBe((await sessionOf(other)).refreshToken);
  });

  test("ends the session where its refresh token was used up, and all who wait learn why", async () => {
    const asha = await register("asha");
    await expire(asha);
    const stolen = open();
    await stolen.store.save(await sessionOf(asha));
    await stolen.kith.getMyProfile();
    const { refreshToken } = await sessionOf(asha);
    await world.state.run("update sessions set rotated_at = rotated_at - 60000 where id = ?1", refreshToken.split(".")[0]);

    const outcomes = await Promise.allSettled([asha.kith.getMyProfile(), asha.kith.listNotifications()]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { status: 401, code: "refresh_reused" } });
    expect(asha.signedOut).toMatchObject([{ code: "refresh_reused" }]);
    await expect(stolen.kith.getMyProfile()).rejects.toMatchObject({ code: "session_ended" });
    expect(stolen.signedOut).toMatchObject([{ code: "session_ended" }]);
  });
});

describe("a refusal", () => {
  test("names the rules that were broken", async () => {
    const asha = await register("asha");
    const refused = await asha.kith.createPost({ body: { caption: "" } }).catch((error: unknown) => error);
    expect(isProblem(refused, "invalid") && refused.errors).toMatchObject([{ pointer: "/caption", code: "too_short" }]);
    expect(isProblem(refused) && refused.requestId).toMatch(/^[0-9a-f]{32}$/);
  });

  test("of a login signs nobody out", async () => {
    const asha = await register("asha");
    const wrong = asha.kith.login({ body: { username: asha.username, password: "not the passphrase" } });
    await expect(wrong).rejects.toMatchObject({ code: "invalid_credentials" });
    expect((await asha.kith.getMyProfile()).data.username).toBe(asha.username);
  });
});

describe("a post whose answer was lost", () => {
  test.for(["before", "after"] as const)("%s it was written is there once", async (when) => {
    const clock = new StageClock();
    const asha = await register("asha", { clock });
    const idempotencyKey = world.uniqueName("draft");
    const { data: post } = await world.control.withFaults([{ on: "d1", when, times: 1, containing: idempotencyKey }], () =>
      clock.through(asha.kith.createPost({ body: { caption: "Once" }, idempotencyKey })),
    );
    // As long as Kith asked to be left alone.
    expect(clock.waited).toEqual([1_000]);
    expect(countOf(asha, "POST /api/v1/posts")).toBe(2);
    expect(await world.state.rows("select id from posts where caption = 'Once' and author_id = ?1", post.author.id)).toEqual([{ id: post.id }]);
  });

  test("on the network is there once, too", async () => {
    const clock = new StageClock();
    let lost = 0;
    const asha = await register("asha", {
      clock,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (url.endsWith("/posts") && lost++ === 0) throw new TypeError("connection reset");
        return response;
      },
    });
    const { data: post, headers } = await clock.through(asha.kith.createPost({ body: { caption: "Once" } }));
    expect([lost, headers.get("idempotent-replayed")]).toEqual([2, "true"]);
    expect((await asha.kith.getMyProfile()).data).toMatchObject({ id: post.author.id, post_count: 1 });
  });
});
