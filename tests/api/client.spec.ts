/** The typed client against the built Wasm: its calls are what Kith takes, and Kith's answers what it says. */
import { describe, expect, test } from "vitest";
import { entries, isProblem, pages } from "../../client/src/index.ts";
import { StageClock } from "../client/stage.ts";
import { App, PersonsApp } from "./harness/app.ts";
import { eventually } from "./harness/eventually.ts";
import { openWorld } from "./harness/world.ts";

const [world, discreet] = await Promise.all([openWorld(), openWorld({ REVEAL_EMAIL: "0" })]);
const REFRESH = "POST /api/v1/auth/refresh";

test("the story of a like: register, post, list, like, be told, and sign out", async () => {
  const [asha, ben] = [await PersonsApp.of(world, "asha"), await PersonsApp.of(world, "ben")];
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

test("the story of a newcomer: register, answer the mail, sign in, and change the address", async () => {
  const { kith, store, signedOut } = new App(discreet);
  const username = discreet.uniqueName("asha");
  const [credentials, email] = [{ username, password: "the long passphrase of asha" }, `${username}@example.com`];
  expect(await kith.register({ body: { ...credentials, email } })).toMatchObject({ status: 202, data: { status: "verify_email" } });
  await expect(kith.login({ body: credentials })).rejects.toMatchObject({ status: 401, code: "invalid_credentials" });
  const [registration] = await discreet.state.rows<{ id: string }>("select id from registrations where username = ?1", username);
  const token = discreet.keys.mailToken({ may: "register", registration_id: registration?.id ?? "" });
  // A page is opened twice, or asks again because no answer came.
  for (const _ of [1, 2]) expect(await kith.verifyEmail({ body: { token } })).toMatchObject({ status: 204, data: undefined });
  await kith.login({ body: credentials });
  const { data: me } = await kith.getMyProfile();
  expect(me).toMatchObject({ username, email, email_verified: true });

  const newEmail = `new.${email}`;
  // A wrong password signs nobody out.
  const wrong = kith.changeEmail({ body: { password: "not the passphrase", new_email: newEmail } });
  await expect(wrong).rejects.toMatchObject({ status: 403, code: "wrong_password" });
  expect([signedOut, await store.load()]).toEqual([[], expect.anything()]);
  expect(await kith.changeEmail({ body: { password: credentials.password, new_email: newEmail } })).toMatchObject({ status: 202, data: undefined });
  const change = discreet.keys.mailToken({ may: "change_email", user_id: me.id, new_email: newEmail, credential_version: 1 });
  await kith.verifyEmail({ body: { token: change } });
  expect((await kith.getMyProfile()).data).toMatchObject({ email: newEmail, email_verified: true });
  expect((await kith.resendVerification()).status).toBe(202);
  await kith.login({ body: { email: newEmail, password: credentials.password } });
});

test("every entry of a list comes once, over many pages", async () => {
  const asha = await PersonsApp.of(world, "asha");
  const { data: post } = await asha.kith.createPost({ body: { caption: "Low tide" } });
  const crowd = await world.crowd("ben", 7);
  for (const person of crowd) await person.like(post);
  const likers: string[] = [];
  for await (const { username } of entries(asha.kith.listLikes, { path: { id: post.id }, query: { limit: 2 } })) likers.push(username);
  expect(likers.toSorted()).toEqual(crowd.map(({ username }) => username).toSorted());
});

describe("an access token that has ended", () => {
  test("is renewed once for 20 calls, and all of them succeed", async () => {
    const asha = await PersonsApp.of(world, "asha");
    await asha.expire();
    const before = await asha.session();
    const answers = await Promise.all(Array.from({ length: 20 }, () => asha.kith.getMyProfile()));
    expect(answers.map(({ data }) => data.username)).toEqual(Array.from({ length: 20 }, () => asha.username));
    expect([asha.times(REFRESH), asha.times("GET /api/v1/profile")]).toEqual([1, 40]);
    expect((await asha.session()).refreshToken).not.toBe(before.refreshToken);
  });

  test("is renewed by two pages at once without harm, because Kith gives both the same tokens", async () => {
    const one = await PersonsApp.of(world, "asha");
    await one.expire();
    const session = await one.session();
    const other = new App(world);
    await other.store.save(session);
    await Promise.all([one.kith.getMyProfile(), other.kith.getMyProfile()]);
    expect([one.times(REFRESH), other.times(REFRESH)]).toEqual([1, 1]);
    expect((await one.session()).refreshToken).toBe((await other.session()).refreshToken);
  });

  test("ends the session where its refresh token was used up, and all who wait learn why", async () => {
    const asha = await PersonsApp.of(world, "asha");
    await asha.expire();
    const stolen = new App(world);
    await stolen.store.save(await asha.session());
    await stolen.kith.getMyProfile();
    const { refreshToken } = await asha.session();
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
    const asha = await PersonsApp.of(world, "asha");
    const refused = await asha.kith.createPost({ body: { caption: "" } }).catch((error: unknown) => error);
    expect(isProblem(refused, "invalid") && refused.errors).toMatchObject([{ pointer: "/caption", code: "too_short" }]);
    expect(isProblem(refused) && refused.requestId).toMatch(/^[0-9a-f]{32}$/);
  });

  test("of a login signs nobody out", async () => {
    const asha = await PersonsApp.of(world, "asha");
    const wrong = asha.kith.login({ body: { username: asha.username, password: "not the passphrase" } });
    await expect(wrong).rejects.toMatchObject({ code: "invalid_credentials" });
    expect((await asha.kith.getMyProfile()).data.username).toBe(asha.username);
  });
});

describe("a post whose answer was lost", () => {
  test.for(["before", "after"] as const)("%s it was written is there once", async (when) => {
    const clock = new StageClock();
    const asha = await PersonsApp.of(world, "asha", { clock });
    const idempotencyKey = world.uniqueName("draft");
    const { data: post } = await world.control.withFaults([{ on: "d1", when, times: 1, containing: idempotencyKey }], () =>
      clock.through(asha.kith.createPost({ body: { caption: "Once" }, idempotencyKey })),
    );
    // As long as Kith asked to be left alone.
    expect(clock.waited).toEqual([1_000]);
    expect(asha.times("POST /api/v1/posts")).toBe(2);
    expect(await world.state.rows("select id from posts where caption = 'Once' and author_id = ?1", post.author.id)).toEqual([{ id: post.id }]);
  });

  test("on the network is there once, too", async () => {
    const clock = new StageClock();
    let lost = 0;
    const asha = await PersonsApp.of(world, "asha", {
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
