/** `kill -9` of the runtime right after it acknowledged a like: nothing lost, nothing doubled. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./harness/eventually.ts";
import { Keys } from "./harness/keys.ts";
import { Actor, PersonActor } from "./harness/person.ts";
import { SEES_PROCESSES } from "./harness/processes.ts";
import { makeDirectory } from "./harness/scratch.ts";
import type { Registration } from "./harness/shapes.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const keys = new Keys();
const deployment = new LocalDeployment(await makeDirectory("kith-kill-"), keys);
afterAll(() => deployment.remove());
beforeAll(() => (SEES_PROCESSES ? deployment.migrate() : undefined));

const PASSWORD = "the long passphrase of everyone";

async function register(url: URL, username: string): Promise<PersonActor> {
  const email = `${username}@example.com`;
  const body = { username, email, password: PASSWORD };
  const registered = await new Actor(url).expect<Registration>(201, "POST", "/auth/register", body);
  const { user, access_token: accessToken, refresh_token: refreshToken } = registered;
  return new PersonActor(url, { id: user.id, username, email, password: PASSWORD, accessToken, refreshToken });
}

/** The same person at the address where the deployment came back. */
const at = (url: URL, person: PersonActor) => new PersonActor(url, person);

test.skipIf(!SEES_PROCESSES)(
  "a post under a key whose answer was lost to kill -9 is there once, and the key gives the answer",
  { timeout: 150_000 },
  async () => {
    const before = await deployment.start({ consumes: true });
    const asha = await register(before, "asha_keyed");
    const write = (person: PersonActor) => person.fetch("POST", "/posts", { caption: "Once" }, { "idempotency-key": "of the kill" });
    // Nobody reads the answer: the kill comes as soon as the post is on disk.
    const lost = write(asha).catch(() => null);
    await deployment.whenStored("select 1 from idempotency_keys where key = 'of the kill'");
    deployment.killRuntime();
    await lost;
    await deployment.stop();

    const after = at(await deployment.start({ consumes: true }), asha);
    const answers = [await write(after), await write(after)];
    expect(answers.map((answer) => [answer.status, answer.headers.get("idempotent-replayed")])).toEqual([
      [201, "true"],
      [201, "true"],
    ]);
    const [first, second] = (await Promise.all(answers.map((answer) => answer.json()))) as { id: string }[];
    expect(first).toEqual(second);
    expect((await after.profile()).post_count).toBe(1);
    await deployment.stop();
  },
);

test.skipIf(!SEES_PROCESSES).for([
  ["before its message can be delivered", { consumes: false }],
  ["whatever has become of its message", { consumes: true }],
] as const)(
  "a like that was acknowledged right before kill -9, %s, is there after the restart and told once",
  { timeout: 150_000 },
  async ([, { consumes }]) => {
    const suffix = consumes ? "a" : "b";
    const before = await deployment.start({ consumes });
    const [asha, ben] = [await register(before, `asha_${suffix}`), await register(before, `ben_${suffix}`)];
    const post = await ben.posts.create({ caption: "First light" });
    const acknowledged = await asha.fetch("PUT", `/posts/${post.id}/like`);
    deployment.killRuntime();
    expect(acknowledged.status).toBe(200);
    await deployment.stop();

    const after = await deployment.start({ consumes: true });
    expect(await at(after, asha).posts.read(post)).toMatchObject({ liked: true, like_count: 1 });
    const told = await eventually("Ben is told", async () => {
      await deployment.sweep();
      const { data } = await at(after, ben).notifications();
      return data.length > 0 && data;
    });
    expect(told).toMatchObject([{ kind: "like", actor_count: 1, seq: 1, actors: [{ id: asha.id }], post: { id: post.id } }]);
    await deployment.sweep();
    expect(await at(after, ben).notifications()).toMatchObject({ data: told, unread_count: 1 });
    await deployment.stop();
  },
);
