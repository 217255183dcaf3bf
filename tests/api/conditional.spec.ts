/** Asking again without being told again, and changing only what one has seen (RFC 9110, section 13). */
import { describe, expect, test } from "vitest";
import type { Actor } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Me } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const TAG = /^"\d+\.[\w-]{16}"$/;

/** The tag of what the actor sees at this path. */
async function tagOf(actor: Actor, path: string): Promise<string> {
  const response = await actor.fetch("GET", path);
  expect(response.status).toBe(200);
  return response.headers.get("etag") ?? "";
}

const again = (actor: Actor, path: string, tag: string) => actor.fetch("GET", path, undefined, { "if-none-match": tag });

describe("a single resource", () => {
  const asha = world.person("asha");
  const post = asha.then((author) => author.posts.create({ caption: "First light" }));
  const paths = async () => ["/profile", `/users/${(await asha).username}`, `/posts/${(await post).id}`];

  test("has a tag, and costs nothing to ask for again", async () => {
    for (const path of await paths()) {
      const tag = await tagOf(await asha, path);
      expect(tag).toMatch(TAG);
      const response = await again(await asha, path, tag);
      expect([path, response.status, await response.text()]).toEqual([path, 304, ""]);
      expect(response.headers.get("etag")).toBe(tag);
      expect(response.headers.get("cache-control")).toBe("private, no-cache");
      expect(response.headers.get("content-type")).toBeNull();
    }
  });

  test("is known by its tag among others, weak or strong, and by the star", async () => {
    for (const path of await paths()) {
      const tag = await tagOf(await asha, path);
      for (const sent of [`"x", ${tag}`, `W/${tag}`, `${tag},W/"y"`, "*"]) {
        expect([path, sent, (await again(await asha, path, sent)).status]).toEqual([path, sent, 304]);
      }
      for (const sent of ["", '"x"', tag.replaceAll('"', ""), `${tag.slice(0, -2)}"`, '"', "W/", "é"]) {
        expect([path, sent, (await again(await asha, path, sent)).status]).toEqual([path, sent, 200]);
      }
    }
  });

  test("HEAD has the same tag, and 304 too", async () => {
    for (const path of await paths()) {
      const tag = await tagOf(await asha, path);
      const head = await (await asha).fetch("HEAD", path);
      expect([head.status, head.headers.get("etag")]).toEqual([200, tag]);
      expect((await (await asha).fetch("HEAD", path, undefined, { "if-none-match": tag })).status).toBe(304);
    }
  });

  test("is another one for whoever sees something else in it", async () => {
    const [author, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const written = await author.posts.create({ caption: "For the ladder" });
    const path = `/posts/${written.id}`;
    const unliked = await tagOf(ben, path);
    await ben.like(written);
    const liked = await tagOf(ben, path);
    expect(liked).not.toBe(unliked);
    expect(await tagOf(world.anonymous, path)).not.toBe(liked);
    expect((await again(world.anonymous, path, liked)).status).toBe(200);
    // Ben's like is no change of the post itself.
    expect(liked.split(".")[0]).toBe(unliked.split(".")[0]);
  });

  test("that is gone is not unchanged, whatever the tag", async () => {
    const author = await world.person("asha");
    const written = await author.posts.create({ caption: "Soon gone" });
    const tag = await tagOf(author, `/posts/${written.id}`);
    await author.posts.delete(written);
    for (const sent of [tag, "*"]) {
      await expectProblem(await again(author, `/posts/${written.id}`, sent), 404, "not_found");
    }
  });

  test("is told to nobody who may not see it any more, by their old tag", async () => {
    const [author, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const written = await author.posts.create({ caption: "Not for Ben" });
    const tag = await tagOf(ben, `/posts/${written.id}`);
    await world.state.block(author, ben);
    await expectProblem(await again(ben, `/posts/${written.id}`, tag), 404, "not_found");
  });
});

describe("a page of a list", () => {
  test("has a weak tag, and is told again only when it has changed", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const posts = [await asha.posts.create({ caption: "one" }), await asha.posts.create({ caption: "two" })];
    const likes = `/posts/${posts[0]?.id}/likes?limit=5`;
    const changes: [string, () => Promise<unknown>][] = [
      ["/posts?limit=1", () => asha.posts.create({ caption: "three" })],
      [likes, () => ben.like({ id: posts[0]?.id ?? "" })],
    ];
    for (const [path, change] of changes) {
      const tag = await tagOf(asha, path);
      expect(tag).toMatch(/^W\/"[\w-]{16}"$/);
      const unchanged = await again(asha, path, tag);
      expect([path, unchanged.status, await unchanged.text()]).toEqual([path, 304, ""]);
      expect(unchanged.headers.get("etag")).toBe(tag);
      await change();
      const changed = await again(asha, path, tag);
      expect([path, changed.status]).toEqual([path, 200]);
      expect(changed.headers.get("etag")).not.toBe(tag);
    }
  });

  test("is another one for whoever likes what is in it", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    await ben.like(await asha.posts.create({ caption: "liked" }));
    expect((await again(asha, "/posts?limit=1", await tagOf(ben, "/posts?limit=1"))).status).toBe(200);
  });
});

describe("changing one's profile", () => {
  const change = (actor: Actor, body: unknown, tag?: string) =>
    actor.fetch("PATCH", "/profile", body, tag === undefined ? {} : { "if-match": tag });

  test("changes what is named and leaves the rest", async () => {
    const asha = await world.person("asha");
    const before = await asha.profile();
    const changed = await asha.expect<Me>(200, "PATCH", "/profile", { bio: "Boats.\nAnd bread." });
    expect(changed).toEqual({ ...before, bio: "Boats.\nAnd bread." });
    const renamed = await asha.expect<Me>(200, "PATCH", "/profile", { display_name: "Asha R.", locked: true });
    expect(renamed).toEqual({ ...changed, display_name: "Asha R.", locked: true });
    expect(await asha.profile()).toEqual(renamed);
    expect(await asha.expect<Me>(200, "PATCH", "/profile", { bio: "", locked: null })).toEqual({ ...renamed, bio: "" });
  });

  test("answers the tag that a reader would get", async () => {
    const asha = await world.person("asha");
    const response = await change(asha, { bio: "Boats." });
    expect(response.headers.get("etag")).toBe(await tagOf(asha, "/profile"));
  });

  test("two devices that read the same cannot undo each other's change", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    const tag = await tagOf(asha, "/profile");
    expect((await change(phone, { bio: "From the phone" }, tag)).status).toBe(200);
    const response = await change(asha, { bio: "From the desk" }, tag);
    await expectProblem(response, 412, "precondition_failed");
    expect((await asha.profile()).bio).toBe("From the phone");
    expect((await change(asha, { bio: "From the desk" }, await tagOf(asha, "/profile"))).status).toBe(200);
  });

  test("fifty overlapping changes with one tag: one of them happens", async () => {
    const asha = await world.person("asha");
    const tag = await tagOf(asha, "/profile");
    const changes = Array.from({ length: 50 }, (_, number) => change(asha, { bio: `change ${number}` }, tag));
    const statuses = (await Promise.all(changes)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(49);
  });

  test("a new post, a follower and a like are no conflict", async () => {
    const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
    const tag = await tagOf(asha, "/profile");
    await ben.like(await asha.posts.create({ caption: "Between" }));
    await world.state.follow(ben, asha);
    expect(await tagOf(asha, "/profile")).not.toBe(tag);
    expect((await change(asha, { bio: "Still mine" }, tag)).status).toBe(200);
  });

  test("the star, one tag of several, and no header at all take what is there", async () => {
    const asha = await world.person("asha");
    expect((await change(asha, { bio: "1" }, "*")).status).toBe(200);
    expect((await change(asha, { bio: "2" }, `"0.x", ${await tagOf(asha, "/profile")}`)).status).toBe(200);
    expect((await change(asha, { bio: "3" })).status).toBe(200);
  });

  test("what is no strong tag of Kith's changes nothing", async () => {
    const asha = await world.person("asha");
    const tag = await tagOf(asha, "/profile");
    for (const sent of [`W/${tag}`, tag.replaceAll('"', ""), '"x"', '"1"', '"-1.x"', '"1 or 1=1.x"', '"1e0.x"', '"99999999999.x"', "é"]) {
      await expectProblem(await change(asha, { bio: "Not so" }, sent), 412, "precondition_failed");
    }
    expect((await asha.profile()).bio).toBe("");
  });

  test("what may not be changed here is refused by name", async () => {
    const asha = await world.person("asha");
    for (const field of ["role", "plan", "status", "follower_count", "post_count", "email", "username", "id", "version", "profile_version"]) {
      await expectInvalid(await change(asha, { [field]: 1 }), { [`/${field}`]: "unknown_field" });
    }
    await expectInvalid(await change(asha, { display_name: " ", bio: "b".repeat(501) }), {
      "/display_name": "too_short",
      "/bio": "too_long",
    });
    expect((await asha.profile()).display_name).toBe("asha");
  });

  test("the signed-out and the suspended change nothing", async () => {
    const asha = await world.person("asha");
    await expectProblem(await change(world.anonymous, { bio: "x" }), 401, "authentication_required");
    await world.state.suspend(asha);
    await expectProblem(await change(asha, { bio: "x" }, "*"), 403, "account_suspended");
  });
});
