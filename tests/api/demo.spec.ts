/** The demo that `npm run seed` makes is a world that Kith itself could have come to. */
import { beforeAll, describe, expect, test } from "vitest";
import { DEMO_PASSWORD, DEMO_USERNAMES, seedDemo } from "../../scripts/seed/demo.mjs";
import { LOCKED } from "../../scripts/seed/demo/people.mjs";
import { readAllPages } from "./harness/paging.ts";
import type { PersonActor } from "./harness/person.ts";
import type { Notification, Post, Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

interface Written {
  id: string;
  author_id: string;
  caption: string;
  tags: string;
  mentions: string;
  visibility: string;
  reply_to: string | null;
  created_at: number;
}

/** Everybody of the demo, signed in with the password that is printed. */
const people = new Map<string, PersonActor>();
let posts: Written[];
let made: Awaited<ReturnType<typeof seedDemo>>;

beforeAll(async () => {
  made = await seedDemo(world.database, Date.now());
  posts = await world.state.rows<Written>("select * from posts order by id");
  for (const username of DEMO_USERNAMES) {
    const { access_token: token } = await world.anonymous.expect<Tokens>(200, "POST", "/auth/login", { username, password: DEMO_PASSWORD });
    const actor = world.bearing(token) as PersonActor;
    const { id } = await actor.expect<{ id: string }>(200, "GET", "/profile");
    people.set(id, actor);
  }
});

/** Everybody who did something to a post, and which. */
async function deeds(): Promise<{ person: string; post: string }[]> {
  return world.state.rows(
    `select user_id as person, post_id as post from likes
     union all select author_id, reply_to from posts where reply_to is not null`,
  );
}

describe("the demo", () => {
  test("is small and lively", async () => {
    expect(people.size).toBe(20);
    expect(made).toMatchObject({ people: 20 });
    const roots = posts.filter(({ reply_to: parent }) => parent === null);
    const answers = new Set(posts.map(({ reply_to: parent }) => parent));
    expect(roots.length).toBeGreaterThanOrEqual(50);
    expect(posts.length).toBeGreaterThanOrEqual(120);
    // Somebody answers an answer to an answer.
    const byId = new Map(posts.map((post) => [post.id, post]));
    const depth = ({ reply_to: parent }: Written): number => (parent === null ? 0 : 1 + depth(byId.get(parent) as Written));
    expect(Math.max(...posts.map(depth))).toBeGreaterThanOrEqual(3);
    expect(roots.filter(({ id }) => answers.has(id)).length).toBeGreaterThanOrEqual(30);
    const now = Date.now();
    expect(posts.filter(({ created_at: at }) => at > now)).toEqual([]);
  });

  test("has counters that equal what they count", async () => {
    expect(await world.state.wrongCounters()).toEqual([]);
  });

  test("has hashtags and names where the server finds them, and words where they are searched", { timeout: 60_000 }, async () => {
    const [author] = (await world.crowd("copyist", 1)) as [PersonActor];
    for (const { caption, tags, mentions, visibility } of posts) {
      const copied = await author.posts.create({ caption, visibility });
      expect([caption, copied.tags, copied.mentions]).toEqual([caption, JSON.parse(tags), JSON.parse(mentions)]);
    }
    const unfound = await world.state.rows(
      `select id from posts p
       where not exists (select 1 from posts_text where posts_text match '"' || replace(p.caption, '"', '""') || '"' and rowid = p.number)`,
    );
    expect(unfound).toEqual([]);
    const tagged = (which: string) => world.state.rows<{ tag: string }>(`select distinct tag from post_tags where post_id in (${which}) order by tag`);
    const seeded = "select id from posts where author_id in (select id from users where email_verified_at is not null)";
    const copied = "select id from posts where author_id in (select id from users where email_verified_at is null)";
    expect(await tagged(seeded)).toEqual(await tagged(copied));
  });

  test("lets everybody see what they have answered and liked", { timeout: 60_000 }, async () => {
    const seen = await Promise.all(
      (await deeds()).map(async ({ person, post }) => [person, post, (await people.get(person)?.fetch("GET", `/posts/${post}`))?.status]),
    );
    expect(seen.filter(([, , status]) => status !== 200)).toEqual([]);
  });

  test("has a feed for everybody, and somebody who is waited for", async () => {
    for (const person of people.values()) {
      const { data } = await person.expect<{ data: Post[] }>(200, "GET", "/feed");
      expect(data.length).toBeGreaterThanOrEqual(5);
    }
    const asked = await world.state.rows<{ username: string }>(
      "select u.username from follows f join users u on u.id = f.followee_id where f.state = 'pending'",
    );
    expect(asked).toEqual([{ username: LOCKED }]);
  });

  test("has told everybody what there was to tell, and each can see all of it", async () => {
    const kinds = new Set<string>();
    for (const [id, person] of people) {
      const told = await world.state.number("select count(*) from notifications where recipient_id = ?1", id);
      const shown = await readAllPages<Notification>(person, "/notifications", 50);
      expect([id, shown.length]).toEqual([id, told]);
      for (const { kind, actors } of shown) {
        kinds.add(kind);
        expect(actors.length).toBeGreaterThanOrEqual(1);
      }
    }
    expect([...kinds].toSorted()).toEqual(["comment", "follow", "follow_request", "like", "mention", "reply"]);
  });
});
