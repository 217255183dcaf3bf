/** People as others see them, and as they see themselves. */
import { describe, expect, test } from "vitest";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Person } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const PUBLIC_MEMBERS = [
  "avatar_url",
  "bio",
  "created_at",
  "display_name",
  "follower_count",
  "following_count",
  "id",
  "locked",
  "post_count",
  "username",
];

describe("a person", () => {
  test("anyone sees the public side of Asha and nothing else", async () => {
    const asha = await world.person("asha");
    const person = await world.anonymous.expect<Person>(200, "GET", `/users/${asha.username}`);
    expect(Object.keys(person).toSorted()).toEqual(PUBLIC_MEMBERS);
    expect(person).toMatchObject({ id: asha.id, username: asha.username, display_name: "asha", bio: "" });
  });

  test("Ben, signed in, sees of Asha nothing private either", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const text = await (await ben.fetch("GET", `/users/${asha.username}`)).text();
    for (const secret of [asha.email, "password", "email", "role", "plan", "status", "argon2"]) {
      expect(text).not.toContain(secret);
    }
  });

  test("a username is found in any case", async () => {
    const asha = await world.person("asha");
    const person = await world.anonymous.expect<Person>(200, "GET", `/users/${asha.username.toUpperCase()}`);
    expect(person.id).toBe(asha.id);
  });

  test("her posts are counted as she writes and deletes them", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const count = async () => (await ben.expect<Person>(200, "GET", `/users/${asha.username}`)).post_count;
    const first = await asha.posts.create({ caption: "one" });
    await asha.posts.create({ caption: "two", visibility: "followers" });
    expect(await count()).toBe(2);
    await asha.posts.delete(first);
    expect(await count()).toBe(1);
    expect((await asha.profile()).post_count).toBe(1);
  });

  test("nobody and the suspended cannot be told apart", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    await world.state.suspend(asha);
    const headers = { "x-request-id": "the-same-for-both" };
    for (const viewer of [world.anonymous, ben]) {
      const suspended = await viewer.fetch("GET", `/users/${asha.username}`, undefined, headers);
      const nobody = await viewer.fetch("GET", `/users/${world.uniqueName("nobody")}`, undefined, headers);
      await expectProblem(suspended.clone(), 404, "not_found");
      expect(await withoutRequestId(suspended)).toEqual(await withoutRequestId(nobody));
    }
  });

  test("whom Asha blocks, gets a 404 for her; she herself still finds them", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    await world.state.block(asha, ben);
    await expectProblem(await ben.fetch("GET", `/users/${asha.username}`), 404, "not_found");
    expect((await world.anonymous.fetch("GET", `/users/${asha.username}`)).status).toBe(200);
    expect((await asha.fetch("GET", `/users/${ben.username}`)).status).toBe(200);
  });

  test("an impossible username is simply not found", async () => {
    for (const username of ["x", "%00", "a%2Fb", "a'%20or%201=1", "a".repeat(2_000), "%F0%9F%A6%80", "%ff", "%ED%A0%80"]) {
      await expectProblem(await world.anonymous.fetch("GET", `/users/${username}`), 404, "not_found");
    }
  });
});

describe("my own profile", () => {
  test("Asha sees her public side and her private one", async () => {
    const asha = await world.person("asha");
    const me = await asha.profile();
    expect(Object.keys(me).toSorted()).toEqual(
      [...PUBLIC_MEMBERS, "email", "email_verified", "plan", "role", "totp"].toSorted(),
    );
    expect(me).toMatchObject({ email: asha.email, email_verified: false, role: "user", plan: "free", totp: false });
  });

  test("it is nobody else's to cache", async () => {
    const asha = await world.person("asha");
    const response = await asha.fetch("GET", "/profile");
    expect(response.headers.get("cache-control")).toMatch(/private|no-store/);
  });

  test("nobody has none", async () => {
    await expectProblem(await world.anonymous.fetch("GET", "/profile"), 401, "authentication_required");
  });
});
