/**
 * What the clients of the kills see and check over HTTP, in a world that somebody tampered with: a
 * check that cannot fail proves nothing.
 */
import { describe, expect, test, vi } from "vitest";
import { Random } from "../../scripts/seed/random.mjs";
import { Client } from "./harness/kill/client.ts";
import { examine } from "./harness/kill/examination.ts";
import { Ledger } from "./harness/kill/ledger.ts";
import { Load } from "./harness/kill/load.ts";
import { Recheck } from "./harness/kill/recheck.ts";
import { Tally } from "./harness/kill/tally.ts";
import { PersonActor } from "./harness/person.ts";
import { freePorts } from "./harness/ports.ts";
import { openWorld } from "./harness/world.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const world = await openWorld();

/** Asha likes Ben's post, and both know it. */
async function ashaLikesBensPost() {
  const ledger = new Ledger();
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  const post = ledger.add(await ben.posts.create({ caption: "First light" }));
  await asha.like(post);
  post.likeOf(asha.id).acknowledged(true);
  await world.jobsDone(post);
  return { ledger, asha, ben, post, recheck: new Recheck([asha, ben], ledger) };
}

describe("the check over HTTP", () => {
  test("finds nothing where nothing was tampered with", async () => {
    const { recheck } = await ashaLikesBensPost();
    expect(await recheck.writes()).toEqual([]);
    expect(await recheck.notifications()).toEqual([]);
  });

  test("finds a like that is gone, and the count that is not", async () => {
    const { recheck, asha, post } = await ashaLikesBensPost();
    await world.state.run("delete from likes where post_id = ?1", post.id);
    expect(await recheck.writes()).toEqual([
      { kind: "lost", what: `the like of ${post.id} by ${asha.id}` },
      { kind: "wrong", what: `a counter: likes of post ${post.id}: 1` },
    ]);
  });

  test("finds a like that nobody made", async () => {
    const { recheck, ben, post } = await ashaLikesBensPost();
    await ben.like(post);
    expect(await recheck.writes()).toEqual([{ kind: "doubled", what: `the like of ${post.id} by ${ben.id}, who never liked it` }]);
  });

  test("finds a post that is gone, and one that is not", async () => {
    const { recheck, ledger, ben, post } = await ashaLikesBensPost();
    const other = ledger.add(await ben.posts.create({ caption: "The fog" }));
    other.live.becomes(() => false);
    await ben.posts.delete(post);
    const found = await recheck.writes();
    expect(found.map(({ what }) => what).toSorted()).toEqual([`the deletion of ${other.id}`, `the post ${post.id}`].toSorted());
  });

  test("finds a post that was created twice by one request", async () => {
    const { recheck, ledger, ben } = await ashaLikesBensPost();
    const caption = world.uniqueName("The boat");
    ledger.unansweredPosts.push({ authorId: ben.id, caption, exists: null });
    await ben.posts.create({ caption });
    await ben.posts.create({ caption });
    expect(await recheck.writes()).toEqual([{ kind: "doubled", what: expect.stringContaining(`"${caption}", which nobody knows`) }]);
  });

  test("finds a like that was told twice, and one that was not told", async () => {
    const { recheck, ben, post } = await ashaLikesBensPost();
    await world.state.run("update notifications set actor_count = 2 where subject_id = ?1", post.id);
    expect(await recheck.notifications()).toMatchObject([{ kind: "doubled", what: expect.stringContaining("told of 2 likes") }]);
    await world.state.run("update notifications set actor_count = 1 where subject_id = ?1", post.id);
    post.likeOf(ben.id).acknowledged(true);
    post.likeOf("another").acknowledged(true);
    expect(await recheck.notifications()).toMatchObject([{ kind: "lost", what: expect.stringContaining("instead of 2") }]);
  });

  test("finds that what was read is unread again", async () => {
    const { recheck, ledger, ben } = await ashaLikesBensPost();
    await ben.markRead(1);
    ledger.watermarkOf(ben.id).becomes(() => 1);
    expect(await recheck.notifications()).toEqual([]);
    await world.state.run("update inboxes set read_seq = 0, unread_count = 1 where user_id = ?1", ben.id);
    expect(await recheck.notifications()).toMatchObject([{ kind: "lost", what: expect.stringContaining("has read") }]);
  });

  test("takes an unanswered write as it finds it, and holds Kith to it from then on", async () => {
    const { recheck, ledger, asha, ben, post } = await ashaLikesBensPost();
    const deletion = ledger.add(await ben.posts.create({ caption: "The fog" }));
    deletion.live.mayBecome(() => false);
    post.likeOf(asha.id).unanswered(false);
    ledger.watermarkOf(ben.id).mayBecome(() => 1);
    expect(await recheck.writes()).toEqual([]);
    expect(await recheck.notifications()).toEqual([]);
    expect([post.likeOf(asha.id).now.values, deletion.live.values, ledger.watermarkOf(ben.id).values]).toEqual([[true], [true], [0]]);
  });
});

describe("what two find", () => {
  test("counts once", async () => {
    const { recheck, ledger, asha, ben, post } = await ashaLikesBensPost();
    const tally = new Tally();
    post.likeOf("another").ever = true;
    ledger.watermarkOf(ben.id).becomes(() => 1);
    await world.state.run("delete from likes where post_id = ?1", post.id);
    tally.found(...(await recheck.writes()), ...(await recheck.notifications()));
    const overHttp = tally.findings;
    // Others of this file have people and posts of their own.
    const inTheRows = (await examine(world.state, ledger)).filter(({ what }) => [post.id, asha.id, ben.id].some((id) => what.includes(id)));
    expect(overHttp).toHaveLength(4);
    expect(inTheRows).toEqual(expect.arrayContaining([...overHttp]));
    tally.found(...inTheRows);
    expect(tally.findings).toEqual(overHttp);
  });
});

describe("a client", () => {
  async function ashaUnderLoad() {
    const story = await ashaLikesBensPost();
    const tally = new Tally();
    return { ...story, tally, client: new Client(story.asha, new Random(1), new Load("a test", story.ledger, tally, story.post)) };
  }

  test("finds that what it was told is no longer so", async () => {
    const { client, tally, asha, post } = await ashaUnderLoad();
    await client.read(post);
    expect(tally.findings).toEqual([]);
    await world.state.run("delete from likes where post_id = ?1", post.id);
    await client.read(post);
    expect(tally.findings).toEqual([{ kind: "lost", what: `the like of ${post.id} by ${asha.id}` }]);
  });

  test("finds that a request is refused which should not be", async () => {
    const { client, tally, post } = await ashaUnderLoad();
    await world.state.removePost(post);
    await client.like(post);
    expect(tally.findings).toEqual([{ kind: "wrong", what: expect.stringContaining("was answered with 404") }]);
  });
});

describe("a load", () => {
  const LATER = { milliseconds: 60_000, withAcknowledgement: false };

  async function aLoad() {
    const story = await ashaLikesBensPost();
    const tally = new Tally();
    return { ...story, tally, load: new Load("a test", story.ledger, tally, story.post) };
  }

  test("ends, and does not kill, when nobody answers any more", async () => {
    const { load, tally, asha } = await aLoad();
    const [port] = await freePorts();
    const clients = [1, 2].map((seed) => new Client(new PersonActor(new URL(`http://127.0.0.1:${port}`), asha), new Random(seed), load));
    const kill = vi.fn<() => void>();
    expect(await load.run(clients, LATER, kill)).toBe(false);
    expect(kill).not.toHaveBeenCalled();
    expect(tally.findings[0]).toEqual({ kind: "wrong", what: expect.stringContaining("was not answered, before any kill") });
  });

  test("finds that nothing is acknowledged any more, and kills", async () => {
    const { load, tally } = await aLoad();
    expect(await load.run([], { milliseconds: 0, withAcknowledgement: true }, () => {}, 10)).toBe(true);
    expect(tally.findings).toEqual([{ kind: "wrong", what: "nothing was acknowledged for 10 ms, before any kill" }]);
  });

  test("finds that there was nothing to kill", async () => {
    const { load, tally } = await aLoad();
    const nothing = new LocalDeployment("", world.keys);
    expect(await load.run([], { milliseconds: 0, withAcknowledgement: false }, () => nothing.killRuntime())).toBe(false);
    expect(tally.findings).toEqual([{ kind: "wrong", what: expect.stringContaining("no workerd") }]);
  });
});
