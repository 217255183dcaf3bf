/** Follows, requests to follow, blocks and mutes: what each does, to whom, and what the counters say. */
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { readAllPages } from "./harness/paging.ts";
import type { PersonActor } from "./harness/person.ts";
import { expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Page, Person, RelatedPerson, Relation, ShortPerson } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const STRANGERS: Relation = { following: false, followed_by: false, requested: false, blocking: false, muting: false };
const MOST_FOLLOWS = 2_000;

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

/** People who did not register: who they are does not matter. */
async function people<Names extends string[]>(...names: Names): Promise<{ [Place in keyof Names]: PersonActor }> {
  return (await Promise.all(names.map(async (name) => (await world.crowd(name, 1))[0]))) as { [Place in keyof Names]: PersonActor };
}

const seen = (viewer: PersonActor, { username }: PersonActor) => viewer.expect<RelatedPerson>(200, "GET", `/users/${username}`);

const names = (list: { data: ShortPerson[] }) => list.data.map(({ username }) => username);

/** What was left to tell somebody, and was told: the kinds. */
async function told({ id }: PersonActor): Promise<string[]> {
  await world.control.settle();
  await eventually("nothing is left to tell", async () => (await world.state.jobsOf({ id })).length === 0);
  const rows = await world.state.rows<{ kind: string }>("select kind from told where recipient_id = ?1 order by kind", id);
  return rows.map(({ kind }) => kind);
}

describe("following", () => {
  test("Asha follows Ben: both are counted, and Ben is told once, whatever she does again", async () => {
    const [asha, ben] = await people("asha", "ben");
    expect(await asha.follow(ben)).toEqual({ ...STRANGERS, following: true });
    expect(await asha.follow(ben)).toEqual({ ...STRANGERS, following: true });
    expect((await seen(ben, asha)).relation).toEqual({ ...STRANGERS, followed_by: true });
    expect(await asha.profile()).toMatchObject({ following_count: 1, follower_count: 0 });
    expect(await ben.profile()).toMatchObject({ following_count: 0, follower_count: 1 });
    expect(await told(ben)).toEqual(["follow"]);
    expect(await asha.unfollow(ben)).toEqual(STRANGERS);
    expect(await asha.unfollow(ben)).toEqual(STRANGERS);
    const again = await asha.fetch("PUT", `/users/${ben.username}/follow`);
    await world.control.settle();
    expect((await world.control.recordOf(again)).queueSends).toEqual([]);
  });

  test("a locked account is asked, and its followers' posts stay its followers'", async () => {
    const [asha, ben] = await people("asha", "ben");
    await ben.lock();
    const post = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    expect(await asha.follow(ben)).toEqual({ ...STRANGERS, requested: true });
    expect(await told(ben)).toEqual(["follow_request"]);
    await expectProblem(await asha.fetch("GET", `/posts/${post.id}`), 404, "not_found");
    expect(names(await ben.people("/follow-requests"))).toEqual([asha.username]);
    expect((await ben.people(`/users/${ben.username}/followers`)).data).toEqual([]);
    expect((await asha.people(`/users/${asha.username}/following`)).data).toEqual([]);
    expect(await ben.accept(asha)).toEqual({ ...STRANGERS, followed_by: true });
    expect(await ben.accept(asha)).toEqual({ ...STRANGERS, followed_by: true });
    expect((await asha.posts.read(post)).id).toBe(post.id);
    expect(names(await asha.people(`/users/${ben.username}/followers`))).toEqual([asha.username]);
    expect(names(await ben.people(`/users/${asha.username}/following`))).toEqual([ben.username]);
    await ben.removeFollower(asha);
    await ben.removeFollower(asha);
    expect((await seen(asha, ben)).relation).toEqual(STRANGERS);
    await expectProblem(await asha.fetch("GET", `/posts/${post.id}`), 404, "not_found");
  });

  test("a request can be refused, taken back, and made again", async () => {
    const [asha, ben] = await people("asha", "ben");
    await ben.lock();
    await asha.follow(ben);
    await ben.removeFollower(asha);
    expect((await seen(asha, ben)).relation).toEqual({ ...STRANGERS, requested: true });
    await ben.refuse(asha);
    await ben.refuse(asha);
    await expectProblem(await ben.fetch("PUT", `/follow-requests/${asha.username}`), 404, "not_found");
    expect((await seen(asha, ben)).relation).toEqual(STRANGERS);
    await asha.follow(ben);
    expect(await asha.unfollow(ben)).toEqual(STRANGERS);
    expect((await ben.people("/follow-requests")).data).toEqual([]);
  });

  test("whom Asha has only asked to follow nobody learns from the list of whom she follows", async () => {
    const [asha, ben] = await people("asha", "ben");
    const [first, ...others] = await world.crowd("star", 4);
    const asked = await world.crowd("asked", 12);
    // Newest account first: the asked ones come before those whom she follows.
    await world.state.follow(asha, first as PersonActor);
    for (const person of others) await world.state.follow(asha, person);
    for (const person of asked) await world.state.follow(asha, person, "pending");
    const hers = `/users/${asha.username}/following`;
    for (const reader of [ben, asha, world.anonymous]) {
      const page = await reader.expect<Page<ShortPerson>>(200, "GET", `${hers}?limit=2`);
      expect(names(page)).toEqual(others.toReversed().slice(0, 2).map(({ username }) => username));
      expect(await readAllPages<ShortPerson>(reader, hers, 1)).toHaveLength(4);
      const cursors: string[] = [];
      let next: string | null = "";
      while (next !== null) {
        const read: Page<ShortPerson> = await reader.expect(200, "GET", `${hers}?limit=1${next === "" ? "" : `&cursor=${next}`}`);
        expect(read.data.length).toBe(1);
        next = read.next_cursor;
        if (next !== null) cursors.push(Buffer.from(next, "base64url").toString("latin1"));
      }
      for (const { id } of asked) for (const cursor of cursors) expect(cursor).not.toContain(id);
    }
  });

  test("asking again once the account is unlocked is following", async () => {
    const [asha, ben] = await people("asha", "ben");
    await ben.lock();
    await asha.follow(ben);
    await world.state.run("update users set locked = 0 where id = ?1", ben.id);
    expect(await asha.follow(ben)).toEqual({ ...STRANGERS, following: true });
    expect(await told(ben)).toEqual(["follow", "follow_request"]);
  });

  test("unlocking accepts everybody who asked, however many, and the job is gone", async () => {
    const [ben] = await people("ben");
    await ben.lock();
    // More than one message does.
    const crowd = await world.state.people("fan", 1_230);
    const ids = JSON.stringify(crowd.map(({ id }) => id));
    await world.state.run("insert into follows select value, ?2, 'pending', key from json_each(?1)", ids, ben.id);
    await world.state.run("update users set requested_count = 1 where id in (select value from json_each(?1))", ids);
    await ben.lock(false);
    await world.control.settle();
    await eventually("nothing is left to do", async () => (await world.state.jobsOf(ben)).length === 0);
    expect((await ben.profile()).follower_count).toBe(crowd.length);
    expect((await ben.people("/follow-requests")).data).toEqual([]);
    expect(await world.state.number("select count(*) from users where id in (select value from json_each(?1)) and following_count = 1 and requested_count = 0", ids)).toBe(crowd.length);
  });

  test("an account that is locked again before the job comes keeps what is asked of it", async () => {
    const [asha, ben] = await people("asha", "ben");
    await ben.lock();
    await asha.follow(ben);
    const jobs = await world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: "unlocked" }], async () => {
      await ben.lock(false);
      await world.control.settle();
      return world.state.jobsOf(ben);
    });
    await ben.lock();
    const job = jobs.find(({ payload }) => payload.includes("unlocked"));
    await world.control.deliver([world.state.messageOf(job)]);
    expect((await seen(asha, ben)).relation).toEqual({ ...STRANGERS, requested: true });
    expect((await world.state.jobsOf(ben)).filter(({ payload }) => payload.includes("unlocked"))).toEqual([]);
  });

  test("nobody follows more than 2,000, those counted whom they only asked", async () => {
    const [asha, ben, chen] = await people("asha", "ben", "chen");
    const crowd = await world.state.people("many", MOST_FOLLOWS - 1);
    for (const state of ["accepted", "pending"]) {
      const half = JSON.stringify(crowd.filter((_, index) => (index % 2 === 0) === (state === "accepted")).map(({ id }) => id));
      await world.state.run("insert into follows select ?1, value, ?3, 1 from json_each(?2)", asha.id, half, state);
      await world.state.run("update users set follower_count = 1 where ?2 = 'accepted' and id in (select value from json_each(?1))", half, state);
    }
    await world.state.run("update users set following_count = 1000, requested_count = 999 where id = ?1", asha.id);
    await asha.follow(ben);
    await expectProblem(await asha.fetch("PUT", `/users/${chen.username}/follow`), 409, "follow_limit_reached");
    expect(await asha.follow(ben)).toMatchObject({ following: true });
    await asha.unfollow(ben);
    expect(await asha.follow(chen)).toMatchObject({ following: true });
  });

  test("nobody does any of it to themselves", async () => {
    const [asha] = await people("asha");
    for (const [method, path] of [
      ...["follow", "block", "mute"].flatMap((verb) => [["PUT", `/users/${asha.username}/${verb}`], ["DELETE", `/users/${asha.username}/${verb}`]]),
      ["DELETE", `/followers/${asha.username}`],
      ["PUT", `/follow-requests/${asha.username}`],
      ["DELETE", `/follow-requests/${asha.username}`],
    ] as [string, string][]) {
      await expectProblem(await asha.fetch(method, path), 403, "own_account");
    }
    expect((await seen(asha, asha)).relation).toBeUndefined();
  });
});

describe("a block", () => {
  test("ends follows and requests both ways, with all their counts, and hides each from the other", async () => {
    const [asha, ben] = await people("asha", "ben");
    await ben.follow(asha);
    await ben.lock();
    await asha.follow(ben);
    expect(await ben.block(asha)).toEqual({ ...STRANGERS, blocking: true });
    expect(await ben.block(asha)).toEqual({ ...STRANGERS, blocking: true });
    for (const person of [asha, ben]) {
      expect(await person.profile()).toMatchObject({ following_count: 0, follower_count: 0 });
    }
    await expectProblem(await ben.fetch("PUT", `/users/${asha.username}/follow`), 409, "person_blocked");
    expect(names(await ben.people("/blocks"))).toEqual([asha.username]);
    expect(await ben.unblock(asha)).toEqual(STRANGERS);
    expect(await ben.unblock(asha)).toEqual(STRANGERS);
    expect((await ben.people("/blocks")).data).toEqual([]);
  });

  test("the blocker sees a stub, the blocked nothing", async () => {
    const [asha, ben] = await people("asha", "ben");
    await asha.block(ben);
    const stub = await asha.expect<RelatedPerson>(200, "GET", `/users/${ben.username}`);
    expect(stub).toEqual({
      id: ben.id,
      username: ben.username,
      display_name: expect.any(String),
      avatar_url: null,
      relation: { ...STRANGERS, blocking: true },
    });
    await expectProblem(await ben.fetch("GET", `/users/${asha.username}`), 404, "not_found");
    for (const list of ["posts", "followers", "following"]) {
      await expectProblem(await asha.fetch("GET", `/users/${ben.username}/${list}`), 404, "not_found");
      await expectProblem(await ben.fetch("GET", `/users/${asha.username}/${list}`), 404, "not_found");
    }
  });

  test("to the blocked, whoever blocks them, whoever is suspended and nobody are the same in everything", async () => {
    const [asha, ben, chen] = await people("asha", "ben", "chen");
    await ben.block(asha);
    await world.state.suspend(chen);
    const headers = { "x-request-id": "the-same-for-all" };
    const targets = [ben.username, chen.username, world.uniqueName("nobody")];
    const verbs = ["follow", "block", "mute"].flatMap((verb) => [`PUT /users/_/${verb}`, `DELETE /users/_/${verb}`]);
    const others = ["DELETE /followers/_", "PUT /follow-requests/_", "DELETE /follow-requests/_", "GET /users/_/followers", "GET /users/_/following"];
    for (const route of [...verbs, ...others]) {
      const [method = "", path = ""] = route.split(" ");
      const answers = await Promise.all(
        targets.map(async (name) => withoutRequestId(await asha.fetch(method, path.replace("_", name), undefined, headers))),
      );
      expect(answers.map((answer) => [route, answer])).toEqual(answers.map(() => [route, answers[0]]));
    }
  });
});

describe("a mute", () => {
  test("is a secret of the muter's, and outlives an unfollow", async () => {
    const [asha, ben] = await people("asha", "ben");
    await asha.follow(ben);
    expect(await asha.mute(ben)).toEqual({ ...STRANGERS, following: true, muting: true });
    expect(await asha.mute(ben)).toEqual({ ...STRANGERS, following: true, muting: true });
    expect((await seen(ben, asha)).relation).toEqual({ ...STRANGERS, followed_by: true });
    expect(await asha.unfollow(ben)).toEqual({ ...STRANGERS, muting: true });
    expect(names(await asha.people("/mutes"))).toEqual([ben.username]);
    expect((await ben.people("/mutes")).data).toEqual([]);
    expect(await asha.unmute(ben)).toEqual(STRANGERS);
    expect(await asha.unmute(ben)).toEqual(STRANGERS);
  });
});

describe("the lists of people", () => {
  test("leave out whoever is suspended and whom a block hides", async () => {
    const [asha, ben, chen, dara, emil] = await people("asha", "ben", "chen", "dara", "emil");
    for (const person of [ben, chen, dara, emil]) {
      await person.follow(asha);
      await asha.follow(person);
    }
    await world.state.suspend(chen);
    await ben.block(dara);
    const listed = async (viewer: PersonActor, list: string) => names(await viewer.people(`/users/${asha.username}/${list}`));
    expect(await listed(ben, "followers")).toEqual([emil.username, ben.username]);
    expect(await listed(dara, "followers")).toEqual([emil.username, dara.username]);
    expect(await listed(ben, "following")).toEqual([emil.username, ben.username]);
    expect(names(await asha.people(`/users/${asha.username}/followers`))).toEqual([emil, dara, ben].map(({ username }) => username));
  });

  test("the directory shows people with their relation, newest first, without oneself", async () => {
    const [asha, ben, chen, dara] = await people("asha", "ben", "chen", "dara");
    await asha.follow(ben);
    await chen.block(asha);
    const page = await asha.expect<{ data: RelatedPerson[] }>(200, "GET", "/users?limit=100");
    const found = page.data.filter(({ id }) => [asha, ben, chen, dara].some((person) => person.id === id));
    expect(found.map(({ username, relation }) => [username, relation.following])).toEqual([
      [dara.username, false],
      [ben.username, true],
    ]);
    const { data } = await world.anonymous.expect<{ data: Person[] }>(200, "GET", "/users?limit=1");
    expect(data[0]).not.toHaveProperty("relation");
  });

  test("page without a gap or a double while rows come and go", { timeout: 60_000 }, async () => {
    const [asha] = await people("asha");
    const crowd = await world.crowd("fan", 40);
    for (const fan of crowd) {
      await fan.follow(asha);
      await asha.follow(fan);
    }
    const steady = crowd.filter((_, index) => index % 4 !== 0).map(({ id }) => id);
    for (const list of ["followers", "following"]) {
      let place = 0;
      const entries = await readAllPages<ShortPerson>(asha, `/users/${asha.username}/${list}`, 7, async () => {
        const fan = crowd[4 * place] as PersonActor;
        const [late] = await people("late");
        place += 1;
        if (list === "followers") {
          await asha.removeFollower(fan);
          await late.follow(asha);
        } else {
          await asha.unfollow(fan);
          await asha.follow(late);
        }
      });
      const ids = entries.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.filter((id) => steady.includes(id))).toEqual(steady.toReversed());
    }
  });
});
