/**
 * What each operation may cost, in trips to D1 and in rows as D1 bills them, read from `Kith-Cost`
 * and from the recording alike: in a small and in a large deployment, before and after `analyze`, and
 * under 3,000 newer rows that the viewer may not see.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newToken, sqlOfLink } from "../../scripts/first-admin.mjs";
import { recordedRows, statedCost } from "./harness/cost.ts";
import type { Rows } from "./harness/cost.ts";
import { DEAD_LETTER_QUEUE, MAILS_QUEUE } from "./harness/control.ts";
import { eventually } from "./harness/eventually.ts";
import type { MailPermission } from "./harness/keys.ts";
import type { Actor, PersonActor } from "./harness/person.ts";
import { faultyPlans } from "./harness/plans.ts";
import { coverWithInvisible, FATES, FOLLOWERS, leadsOn, liveIn } from "./harness/scale.ts";
import type { Fate, LivedIn, Size } from "./harness/scale.ts";
import type { DeliveredMessage } from "./harness/protocol.ts";
import type { Page, Report, Session } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const SIZES: Size[] = [
  { posts: 1_000, people: 100 },
  { posts: 100_000, people: 10_000 },
];
/** "the long passphrase of asha", hashed with 4 MiB and one pass. */
const OLDER_HASH = "$argon2id$v=19$m=4096,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$zU5GlsyAxxMcS0/aS4wtxdCTUUZ1Q3AEG22W5qKgELw";
const worlds = await Promise.all(SIZES.map(async (size) => ({ size, world: await openWorld() })));

interface Place extends LivedIn {
  world: World;
  /** An admin, in whose deployment much has happened. */
  rosa: PersonActor;
  /** A moderator. */
  mo: PersonActor;
}

interface Budget {
  operation: string;
  most: Rows;
  /** Does the operation once, with all that must be there before, and answers what it cost. */
  measure: (place: Place) => Promise<Rows>;
}

/** Asks for what must succeed; its cost by the header must be what was recorded. */
async function costOf(world: World, asked: Promise<Response>): Promise<Rows> {
  const response = await asked;
  expect([response.url, response.ok || response.status === 304]).toEqual([response.url, true]);
  const rows = recordedRows(await world.control.recordOf(response));
  const { d1_trips: trips, rows_read: read, rows_written: written } = statedCost(response);
  expect({ trips, read, written }).toEqual(rows);
  return rows;
}

const newPerson = async ({ world }: Place, name: string) => (await world.crowd(name, 1))[0] as PersonActor;

const refresh = (world: World, token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

const answer = (world: World, permission: MailPermission) =>
  world.anonymous.fetch("POST", "/auth/email/verify", { token: world.keys.mailToken(permission) });

/** Asks for what must be refused so, by a batch that committed. */
async function refusedCost(world: World, status: number, asked: Promise<Response>): Promise<Rows> {
  const response = await asked;
  expect(response.status).toBe(status);
  return recordedRows(await world.control.recordOf(response));
}

/** Asks for a new password by the first link that this person was sent. */
function resetPassword(world: World, { id, username, email }: PersonActor): Promise<Response> {
  const token = world.keys.mailToken({ may: "reset_password", user_id: id, username, email, credential_version: 1 });
  return world.anonymous.fetch("POST", "/auth/password/reset", { token, new_password: "another good long passphrase" });
}

/** The first and the second page of a list. */
function pages(operation: string, path: (place: Place) => string, who: (place: Place) => Actor): Budget[] {
  const most = { trips: 1, read: 240, written: 0 };
  return [
    { operation, most, measure: (place) => costOf(place.world, who(place).fetch("GET", path(place))) },
    {
      operation: `${operation}, second page`,
      most,
      measure: async (place) => {
        const first = await who(place).expect<Page<unknown>>(200, "GET", path(place));
        expect(first.next_cursor).not.toBeNull();
        return costOf(place.world, who(place).fetch("GET", `${path(place)}${path(place).includes("?") ? "&" : "?"}cursor=${first.next_cursor}`));
      },
    },
  ];
}

/** More entries than fifty pages have. */
const FIFTY_PAGES = 50 * 20;

/** The first page of a feed, and the one behind fifty: what it costs depends on how many its reader follows. */
function feeds({ name, follows }: (typeof FOLLOWERS)[number], index: number): Budget[] {
  const operation = `feed of one who follows ${name}`;
  const most = { trips: 1, read: 3 * follows + 140, written: 0 };
  const readerOf = ({ followers }: Place) => {
    const follower = followers[index];
    if (follower === undefined) throw new Error(`nobody follows ${name}`);
    return follower.reader;
  };
  return [
    { operation, most, measure: (place) => costOf(place.world, readerOf(place).fetch("GET", "/feed")) },
    {
      operation: `${operation}, page 51`,
      most,
      measure: async (place) => {
        const reader = readerOf(place);
        let cursor = "";
        for (let passed = 0; passed < FIFTY_PAGES; passed += 100) {
          const { next_cursor: next } = await reader.expect<Page<unknown>>(200, "GET", `/feed?limit=100${cursor}`);
          expect(next).not.toBeNull();
          cursor = `&cursor=${next}`;
        }
        return costOf(place.world, reader.fetch("GET", `/feed?limit=20${cursor}`));
      },
    },
  ];
}

/** The consumer's delivery of one message, about somebody who is new. */
function delivery(what: string, most: Omit<Rows, "trips">, leave: (place: Place, fan: PersonActor) => Promise<DeliveredMessage>): Budget {
  return {
    operation: `delivery of ${what}`,
    most: { trips: 1, ...most },
    measure: async (place) => {
      const { control, state } = place.world;
      const message = await leave(place, await newPerson(place, "fan"));
      const { invocation, messages } = await control.deliver([message]);
      expect(messages[0]?.verdict).toBe("acked");
      const { id } = message.body as { id: string };
      expect(await state.number("select count(*) from jobs where id = ?1", id)).toBe(0);
      return recordedRows(await control.record(invocation), true);
    },
  };
}

/** As if much had happened: likes by three muted people each, mentions in threads for followers, and the moderators. */
async function tellOfEverything({ world, author }: Place, reader: PersonActor): Promise<void> {
  const [root, mine] = [await author.posts.create({ caption: "a thread", visibility: "followers" }), await reader.posts.create({ caption: "mine" })];
  const fans = await world.crowd("fan", 3);
  await world.state.follow(reader, author);
  for (const fan of fans) await world.state.mute(reader, fan);
  const rows = Array.from({ length: 60 }, (_, index) => [uuidV7(), index + 1, ["like", "like", "mention", "moderation"][index % 4]]);
  await world.state.run(
    `insert into posts (id, author_id, caption, visibility, reply_to, audience_id, created_at)
     select value ->> 0, iif(value ->> 2 = 'mention', ?3, ?2), 'told of', 'followers', iif(value ->> 2 = 'mention', ?4, null),
       iif(value ->> 2 = 'mention', ?3, ?2), 1 from json_each(?1)`,
    JSON.stringify(rows),
    mine.author.id,
    author.id,
    root.id,
  );
  await world.state.run(
    `insert into notifications
       (recipient_id, kind, subject_id, seq, actor_1, actor_2, actor_3, actor_count, created_at, updated_at)
     select ?2, value ->> 2, value ->> 0, value ->> 1,
       case value ->> 2 when 'like' then ?3 ->> 0 when 'mention' then ?4 else '' end,
       iif(value ->> 2 = 'like', ?3 ->> 1, null), iif(value ->> 2 = 'like', ?3 ->> 2, null),
       iif(value ->> 2 = 'like', 4, 1), 1, 1 from json_each(?1)`,
    JSON.stringify(rows),
    reader.id,
    JSON.stringify(fans.map(({ id }) => id)),
    author.id,
  );
  await world.state.run("insert into inboxes (user_id, last_seq, unread_count) values (?1, 60, 60)", reader.id);
}

const BUDGETS: Budget[] = [
  {
    operation: "like a post of another",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      return costOf(place.world, fan.fetch("PUT", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "like a followers-only post of another",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const post = await place.author.posts.create({ caption: "for friends", visibility: "followers" });
      await place.world.state.follow(fan, place.author);
      return costOf(place.world, fan.fetch("PUT", `/posts/${post.id}/like`));
    },
  },
  {
    operation: "like again",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.like(place.popular);
      return costOf(place.world, fan.fetch("PUT", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "unlike",
    most: { trips: 1, read: 12, written: 5 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.like(place.popular);
      return costOf(place.world, fan.fetch("DELETE", `/posts/${place.popular.id}/like`));
    },
  },
  {
    operation: "unlike nothing",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      return costOf(place.world, fan.fetch("DELETE", `/posts/${place.popular.id}/like`));
    },
  },
  ...(["the first of a post", "one more of a post"] as const).map((which): Budget => ({
    operation: `delivery of a like, ${which}`,
    most: { trips: 1, read: 8, written: 6 },
    measure: async ({ world, author, ...place }) => {
      const fan = await newPerson({ world, author, ...place }, "fan");
      const post = await author.posts.create({ caption: "to be told" });
      if (which === "one more of a post") {
        for (const earlier of await world.crowd("earlier", 4)) await earlier.like(post);
        await world.jobsDone(post);
      }
      const message = await world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: post.id }], async () => {
        const response = await fan.fetch("PUT", `/posts/${post.id}/like`);
        await world.control.settle();
        return { id: "budget", body: (await world.control.recordOf(response)).queueSends[0], attempts: 1 };
      });
      const { invocation, messages } = await world.control.deliver([message]);
      expect(messages[0]?.verdict).toBe("acked");
      expect(await world.state.jobsOf(post)).toEqual([]);
      return recordedRows(await world.control.record(invocation), true);
    },
  })),
  delivery("a comment", { read: 8, written: 6 }, async ({ world, author }, fan) => {
    const comment = await world.state.comment(fan, await author.posts.create({ caption: "to be told" }));
    return world.state.leaveNews("comment", { post: comment, by: fan, to: author });
  }),
  // One row more: the index by which those whom a post names are found when it is gone.
  delivery("a mention, for followers", { read: 8, written: 6 }, async ({ world, author }, fan) => {
    const post = await author.posts.create({ caption: "to be told", visibility: "followers" });
    await world.state.follow(fan, author);
    return world.state.leaveNews("mention", { post, by: author, to: fan });
  }),
  delivery("a mention in a comment, for followers", { read: 8, written: 6 }, async ({ world, author }, fan) => {
    const post = await author.posts.create({ caption: "to be told", visibility: "followers" });
    await world.state.follow(fan, author);
    const comment = await world.state.comment(author, post);
    return world.state.leaveNews("mention", { post: comment, by: author, to: fan });
  }),
  delivery("a follow", { read: 8, written: 6 }, ({ world, author }, fan) => world.state.leaveNews("follow", { by: fan, to: author })),
  delivery("a request to follow", { read: 8, written: 6 }, ({ world, author }, fan) => world.state.leaveNews("follow_request", { by: fan, to: author })),
  delivery("what the moderators did", { read: 8, written: 6 }, ({ world }, fan) => world.state.leaveNews("moderation", { to: fan })),
  delivery("that a comment is gone", { read: 30, written: 5 }, async ({ world, author }, fan) => {
    const comment = await world.state.comment(fan, await author.posts.create({ caption: "was told" }));
    await world.control.deliver([await world.state.leaveNews("comment", { post: comment, by: fan, to: author })]);
    return world.state.leaveJob({ kind: "post_deleted", post_id: comment.id, author_id: fan.id });
  }),
  delivery("that a post which names ten is gone", { read: 30 + 10 * 20, written: 2 + 10 * 4 }, async ({ world, author }) => {
    const post = await author.posts.create({ caption: "names ten" });
    const named = await world.crowd("named", 10);
    await world.control.deliver(await Promise.all(named.map((to) => world.state.leaveNews("mention", { post, by: author, to }))));
    return world.state.leaveJob({ kind: "post_deleted", post_id: post.id, author_id: author.id });
  }),
  {
    operation: "create a post",
    most: { trips: 1, read: 8, written: 7 },
    measure: ({ world, author }) => costOf(world, author.fetch("POST", "/posts", { caption: "new" })),
  },
  {
    operation: "create a post, with an Idempotency-Key",
    most: { trips: 1, read: 10, written: 9 },
    measure: ({ world, author }) => costOf(world, author.fetch("POST", "/posts", { caption: "new" }, { "idempotency-key": randomUUID() })),
  },
  {
    operation: "create a post again, with the same Idempotency-Key",
    // Asked by what it read: the batch that found the key aborted itself, and tells no rows.
    most: { trips: 2, read: 10, written: 0 },
    measure: async ({ world, author }) => {
      const write = () => author.fetch("POST", "/posts", { caption: "new" }, { "idempotency-key": key });
      const key = randomUUID();
      await write();
      return recordedRows(await world.control.recordOf(await write()));
    },
  },
  {
    operation: "create a post with a hashtag and a mention",
    // Each hashtag: its posts, itself and its place in the index; each mention: a job and its place in the queue.
    most: { trips: 1, read: 20, written: 12 },
    measure: ({ world, author, viewer }) => costOf(world, author.fetch("POST", "/posts", { caption: `new #${world.uniqueName("tag")} @${viewer.username}` })),
  },
  {
    operation: "comment",
    most: { trips: 1, read: 16, written: 8 },
    measure: ({ world, viewer, popular }) => costOf(world, viewer.fetch("POST", `/posts/${popular.id}/comments`, { caption: "Lovely" })),
  },
  {
    operation: "reply, with an Idempotency-Key",
    most: { trips: 1, read: 18, written: 12 },
    measure: async ({ world, author, viewer, popular }) => {
      const comment = await viewer.comment(popular, "Lovely");
      return costOf(world, author.fetch("POST", "/posts", { caption: "Thank you", reply_to: comment.id }, { "idempotency-key": randomUUID() }));
    },
  },
  {
    operation: "edit a post",
    most: { trips: 1, read: 18, written: 4 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "changes" });
      return costOf(world, author.fetch("PUT", `/posts/${post.id}`, { caption: "changed" }));
    },
  },
  {
    operation: "edit nothing of a post",
    most: { trips: 1, read: 17, written: 0 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "stays" });
      return costOf(world, author.fetch("PUT", `/posts/${post.id}`, { caption: "stays" }));
    },
  },
  {
    operation: "remove a post",
    most: { trips: 1, read: 23, written: 7 },
    measure: async ({ world, author, mo }) => {
      const post = await author.posts.create({ caption: "goes" });
      return costOf(world, mo.fetch("DELETE", `/posts/${post.id}`));
    },
  },
  {
    operation: "delete a post",
    most: { trips: 1, read: 23, written: 7 },
    measure: async ({ world, author }) => {
      const post = await author.posts.create({ caption: "goes" });
      return costOf(world, author.fetch("DELETE", `/posts/${post.id}`));
    },
  },
  {
    operation: "read a post",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, viewer, popular }) => costOf(world, viewer.fetch("GET", `/posts/${popular.id}`)),
  },
  {
    operation: "read a post, anonymous",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, popular }) => costOf(world, world.anonymous.fetch("GET", `/posts/${popular.id}`)),
  },
  ...pages("public posts", () => "/posts", ({ viewer }) => viewer),
  ...pages("public posts, anonymous", () => "/posts", ({ world }) => world.anonymous),
  ...pages("posts of a hashtag", () => "/tags/popular/posts", ({ viewer }) => viewer),
  ...pages("posts of a hashtag, anonymous", () => "/tags/popular/posts", ({ world }) => world.anonymous),
  ...pages("a person's posts", ({ author }) => `/users/${author.username}/posts`, ({ viewer }) => viewer),
  ...pages("a person's posts, anonymous", ({ author }) => `/users/${author.username}/posts`, ({ world }) => world.anonymous),
  ...pages("comments", ({ popular }) => `/posts/${popular.id}/comments`, ({ viewer }) => viewer),
  ...pages("comments, anonymous", ({ popular }) => `/posts/${popular.id}/comments`, ({ world }) => world.anonymous),
  ...pages("who liked", ({ popular }) => `/posts/${popular.id}/likes`, ({ viewer }) => viewer),
  ...FOLLOWERS.flatMap(feeds),
  ...pages("search of posts", () => "/search?type=posts&q=seeded", ({ viewer }) => viewer),
  ...pages("search of posts, anonymous", () => "/search?type=posts&q=seed", ({ world }) => world.anonymous),
  ...pages("search of people", () => "/search?type=users&q=crowd", ({ viewer }) => viewer),
  ...pages("search of people, anonymous", () => "/search?type=users&q=crow", ({ world }) => world.anonymous),
  {
    operation: "search of people, by a username",
    most: { trips: 1, read: 240, written: 0 },
    measure: ({ world, viewer, author }) => costOf(world, viewer.fetch("GET", `/search?type=users&q=${author.username}`)),
  },
  ...pages("search of hashtags", () => "/search?type=tags&q=seeded", ({ viewer }) => viewer),
  ...pages("search of hashtags, anonymous", () => "/search?type=tags&q=seed", ({ world }) => world.anonymous),
  ...pages("notifications", () => "/notifications", ({ viewer }) => viewer),
  {
    operation: "notifications of every kind, by people of whom most are muted",
    most: { trips: 1, read: 240, written: 0 },
    measure: async (place) => {
      const reader = await newPerson(place, "reader");
      await tellOfEverything(place, reader);
      return costOf(place.world, reader.fetch("GET", "/notifications"));
    },
  },
  {
    operation: "notifications, nothing new (304)",
    most: { trips: 1, read: 6, written: 0 },
    measure: async ({ world, viewer }) => {
      const tag = (await viewer.fetch("GET", "/notifications")).headers.get("etag") ?? "";
      const response = await viewer.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
      expect(response.status).toBe(304);
      return costOf(world, Promise.resolve(response));
    },
  },
  ...(["follow", "ask to follow", "follow back, told before"] as const).map((how): Budget => ({
    operation: how,
    most: { trips: 1, read: 12, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      if (how === "ask to follow") await star.lock();
      if (how === "follow back, told before") {
        await star.follow(fan);
        await fan.follow(star);
        await place.world.control.settle();
        await fan.unfollow(star);
      }
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/follow`));
    },
  })),
  {
    operation: "follow by asking again",
    most: { trips: 1, read: 14, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await star.lock();
      await fan.follow(star);
      await place.world.state.run("update users set locked = 0 where id = ?1", star.id);
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/follow`));
    },
  },
  {
    operation: "follow again",
    most: { trips: 1, read: 12, written: 0 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.follow(place.author);
      return costOf(place.world, fan.fetch("PUT", `/users/${place.author.username}/follow`));
    },
  },
  {
    operation: "unfollow",
    most: { trips: 1, read: 20, written: 4 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      await fan.follow(place.author);
      return costOf(place.world, fan.fetch("DELETE", `/users/${place.author.username}/follow`));
    },
  },
  {
    operation: "block, who follow each other",
    most: { trips: 1, read: 40, written: 12 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await fan.follow(star);
      await star.follow(fan);
      return costOf(place.world, fan.fetch("PUT", `/users/${star.username}/block`));
    },
  },
  ...(["block", "unblock", "mute", "unmute"] as const).map((verb): Budget => ({
    operation: `${verb} a stranger`,
    // A block looks for follows both ways, of both accounts.
    most: { trips: 1, read: verb === "block" ? 26 : 14, written: 4 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      const [method, path] = verb.startsWith("un") ? ["DELETE", verb.slice(2)] : ["PUT", verb];
      if (method === "DELETE") await fan.expect(200, "PUT", `/users/${star.username}/${path}`);
      return costOf(place.world, fan.fetch(method, `/users/${star.username}/${path}`));
    },
  })),
  ...(["accept", "refuse"] as const).map((verb): Budget => ({
    operation: `${verb} a request`,
    most: { trips: 1, read: 20, written: 6 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await star.lock();
      await fan.follow(star);
      const method = verb === "accept" ? "PUT" : "DELETE";
      return costOf(place.world, star.fetch(method, `/follow-requests/${fan.username}`));
    },
  })),
  {
    operation: "take a follower away",
    most: { trips: 1, read: 20, written: 4 },
    measure: async (place) => {
      const [fan, star] = [await newPerson(place, "fan"), await newPerson(place, "star")];
      await fan.follow(star);
      return costOf(place.world, star.fetch("DELETE", `/followers/${fan.username}`));
    },
  },
  ...pages("people", () => "/users", ({ viewer }) => viewer),
  ...pages("people, anonymous", () => "/users", ({ world }) => world.anonymous),
  ...pages("followers", ({ author }) => `/users/${author.username}/followers`, ({ viewer }) => viewer),
  ...pages("my followers", ({ viewer }) => `/users/${viewer.username}/followers`, ({ viewer }) => viewer),
  ...pages("whom I follow", ({ viewer }) => `/users/${viewer.username}/following`, ({ viewer }) => viewer),
  ...pages("who asks to follow me", () => "/follow-requests", ({ viewer }) => viewer),
  ...pages("whom I block", () => "/blocks", ({ viewer }) => viewer),
  ...pages("whom I mute", () => "/mutes", ({ viewer }) => viewer),
  {
    operation: "register",
    most: { trips: 1, read: 14, written: 12 },
    measure: ({ world }) => {
      const username = world.uniqueName("new");
      const body = { username, email: `${username}@example.com`, password: "a good long passphrase" };
      return costOf(world, world.anonymous.fetch("POST", "/auth/register", body));
    },
  },
  {
    operation: "the mail of a registration",
    most: { trips: 2, read: 4, written: 4 },
    measure: async ({ world }) => {
      const asha = await world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: '"mail"' }], async () => {
        const registered = await world.person("asha");
        await world.control.settle();
        return registered;
      });
      const message = world.state.messageOf((await world.state.letters(asha))[0]);
      const { invocation, messages } = await world.control.deliver([message], MAILS_QUEUE);
      expect(messages[0]?.verdict).toBe("acked");
      expect(world.mails.all(asha.email)).toHaveLength(1);
      return recordedRows(await world.control.record(invocation), true);
    },
  },
  {
    operation: "sign in",
    most: { trips: 2, read: 10, written: 6 },
    measure: async ({ world }) => {
      const { username, password } = await world.person("dana");
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username, password }));
    },
  },
  {
    operation: "sign in, with a hash of other parameters",
    // Once in the life of a hash: the new one.
    most: { trips: 2, read: 10, written: 7 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await world.state.run("update users set password_hash = ?2 where id = ?1", dana.id, OLDER_HASH);
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username: dana.username, password: "the long passphrase of asha" }));
    },
  },
  {
    operation: "sign in, from a new device",
    // The device, the letter and its place in the queue.
    most: { trips: 2, read: 10, written: 9 },
    measure: async ({ world }) => {
      const { username, password } = await world.person("dana");
      return costOf(world, world.anonymous.fetch("POST", "/auth/login", { username, password }, { "user-agent": "another" }));
    },
  },
  ...(["a wrong password", "an unknown name"] as const).map((which): Budget => ({
    operation: `sign in, with ${which}`,
    most: { trips: 2, read: 6, written: 3 },
    measure: async ({ world }) => {
      const username = which === "an unknown name" ? world.uniqueName("nobody") : (await world.person("dana")).username;
      return refusedCost(world, 401, world.anonymous.fetch("POST", "/auth/login", { username, password: "a guess" }));
    },
  })),
  {
    operation: "change the password, signed in on one device",
    most: { trips: 2, read: 12, written: 6 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, dana.fetch("POST", "/auth/password", { current_password: dana.password, new_password: "another good long passphrase" }));
    },
  },
  {
    operation: "change the password, signed in on four devices",
    // Two rows read and one written more for each.
    most: { trips: 2, read: 18, written: 9 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await Promise.all(Array.from({ length: 3 }, () => dana.onAnotherDevice()));
      return costOf(world, dana.fetch("POST", "/auth/password", { current_password: dana.password, new_password: "another good long passphrase" }));
    },
  },
  {
    operation: "change the password, with a wrong one",
    most: { trips: 1, read: 6, written: 1 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      const body = { current_password: "a guess", new_password: "another good long passphrase" };
      return refusedCost(world, 403, dana.fetch("POST", "/auth/password", body));
    },
  },
  ...(["an account's", "nobody's"] as const).map((whose): Budget => ({
    operation: `forgot the password, of ${whose} address`,
    most: { trips: 1, read: 4, written: 5 },
    measure: async ({ world }) => {
      const email = whose === "nobody's" ? `${world.uniqueName("nobody")}@example.com` : (await world.person("dana")).email;
      return costOf(world, world.anonymous.fetch("POST", "/auth/password/forgot", { email }));
    },
  })),
  {
    operation: "reset the password, signed in on one device",
    most: { trips: 1, read: 10, written: 6 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, resetPassword(world, dana));
    },
  },
  {
    operation: "reset the password again, by the same link",
    most: { trips: 1, read: 8, written: 1 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await resetPassword(world, dana);
      return refusedCost(world, 422, resetPassword(world, dana));
    },
  },
  {
    operation: "refresh",
    most: { trips: 1, read: 6, written: 2 },
    measure: async ({ world }) => costOf(world, refresh(world, (await world.person("dana")).refreshToken)),
  },
  {
    operation: "refresh again, by the same token",
    most: { trips: 1, read: 6, written: 0 },
    measure: async ({ world }) => {
      const { refreshToken } = await world.person("dana");
      await refresh(world, refreshToken);
      return costOf(world, refresh(world, refreshToken));
    },
  },
  {
    operation: "refresh by a token that was used up",
    most: { trips: 1, read: 6, written: 2 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      await refresh(world, dana.refreshToken);
      await world.state.run("update sessions set rotated_at = 1 where user_id = ?1", dana.id);
      const response = await refresh(world, dana.refreshToken);
      expect(response.status).toBe(401);
      return recordedRows(await world.control.recordOf(response));
    },
  },
  {
    operation: "ask for another address",
    most: { trips: 2, read: 16, written: 11 },
    measure: async ({ world }) => {
      const dana = await world.person("dana");
      return costOf(world, dana.fetch("POST", "/auth/email", { password: dana.password, new_email: `new.${dana.email}` }));
    },
  },
  {
    operation: "answer the mail to another address",
    most: { trips: 1, read: 8, written: 5 },
    measure: async (place) => {
      const { id, email } = await newPerson(place, "dana");
      return costOf(place.world, answer(place.world, { may: "change_email", user_id: id, new_email: `new.${email}`, credential_version: 1 }));
    },
  },
  {
    operation: "answer the mail that proves an address",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => {
      const { id, email } = await newPerson(place, "dana");
      return costOf(place.world, answer(place.world, { may: "verify_email", user_id: id, email }));
    },
  },
  {
    operation: "ask for that mail again",
    most: { trips: 1, read: 6, written: 4 },
    measure: async (place) => costOf(place.world, (await newPerson(place, "dana")).fetch("POST", "/auth/email/resend")),
  },
  {
    operation: "sign out",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => costOf(place.world, (await newPerson(place, "leaver")).fetch("POST", "/auth/logout")),
  },
  ...pages("accounts, for a moderator", () => "/admin/users", ({ mo }) => mo),
  ...pages("the suspended, for a moderator", () => "/admin/users?status=suspended", ({ mo }) => mo),
  {
    operation: "an account by its name, for a moderator",
    most: { trips: 1, read: 6, written: 0 },
    measure: ({ world, mo, author }) => costOf(world, mo.fetch("GET", `/admin/users?username=${author.username}`)),
  },
  ...pages("the audit log, for an admin", () => "/admin/audit", ({ rosa }) => rosa),
  ...pages("the audit log about somebody", ({ viewer }) => `/admin/audit?account=${viewer.id}`, ({ rosa }) => rosa),
  {
    operation: "change somebody's role, status and plan",
    most: { trips: 1, read: 20, written: 6 },
    measure: async (place) => {
      const asha = await newPerson(place, "asha");
      const standing = { role: "admin", status: "suspended", plan: "pro" };
      return costOf(place.world, place.rosa.fetch("PATCH", `/admin/users/${asha.username}`, standing));
    },
  },
  {
    operation: "change nothing of somebody's role, status and plan",
    most: { trips: 1, read: 20, written: 1 },
    measure: async (place) => {
      const asha = await newPerson(place, "asha");
      const standing = { role: "user", status: "active", plan: "free" };
      return costOf(place.world, place.rosa.fetch("PATCH", `/admin/users/${asha.username}`, standing));
    },
  },
  ...(["a post", "a person"] as const).map((what): Budget => ({
    operation: `report ${what}`,
    most: { trips: 1, read: 16, written: 4 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const target = what === "a post" ? { post_id: place.popular.id } : { username: place.author.username };
      return costOf(place.world, fan.fetch("POST", "/reports", { ...target, reason: "spam" }));
    },
  })),
  {
    operation: "report a post, with an Idempotency-Key",
    most: { trips: 1, read: 18, written: 6 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const headers = { "idempotency-key": randomUUID() };
      return costOf(place.world, fan.fetch("POST", "/reports", { post_id: place.popular.id, reason: "spam" }, headers));
    },
  },
  {
    operation: "report the same again",
    most: { trips: 1, read: 16, written: 1 },
    measure: async (place) => {
      const fan = await newPerson(place, "fan");
      const ask = () => fan.fetch("POST", "/reports", { post_id: place.popular.id, reason: "spam" });
      await ask();
      return costOf(place.world, ask());
    },
  },
  ...pages("open reports, for a moderator", () => "/admin/reports", ({ mo }) => mo),
  ...pages("resolved reports, for a moderator", () => "/admin/reports?status=resolved", ({ mo }) => mo),
  ...([["dismiss", 24, 6], ["warn", 26, 8], ["suspend", 34, 9], ["remove_post", 60, 18]] as const).map(([action, read, written]): Budget => ({
    operation: `resolve a report: ${action}`,
    most: { trips: 1, read, written },
    measure: async (place) => {
      const [fan, author] = [await newPerson(place, "fan"), await newPerson(place, "author")];
      const post = await author.posts.create({ caption: "to be looked at" });
      const { id } = await fan.expect<Report>(201, "POST", "/reports", { post_id: post.id, reason: "spam" });
      return costOf(place.world, place.mo.fetch("POST", `/admin/reports/${id}/resolve`, { action }));
    },
  })),
  {
    operation: "become the first admin",
    most: { trips: 1, read: 22, written: 14 },
    measure: async ({ world, rosa }) => {
      await world.state.setRole(rosa, "user");
      const { token, hash } = newToken();
      for (const sql of sqlOfLink(hash, Date.now())) await world.state.run(sql);
      const username = world.uniqueName("sol");
      const body = { token, username, email: `${username}@example.com`, password: "a good long passphrase" };
      const rows = await costOf(world, world.anonymous.fetch("POST", "/setup", body));
      await world.state.dismissAdmins();
      await world.state.setRole(rosa, "admin");
      return rows;
    },
  },
  ...pages("my sessions", () => "/auth/sessions", ({ viewer }) => viewer),
  {
    operation: "end a session",
    most: { trips: 1, read: 6, written: 2 },
    measure: async (place) => {
      const leaver = await newPerson(place, "leaver");
      const { data } = await leaver.expect<Page<Session>>(200, "GET", "/auth/sessions");
      return costOf(place.world, leaver.fetch("DELETE", `/auth/sessions/${data[0]?.id}`));
    },
  },
  {
    operation: "my profile",
    most: { trips: 1, read: 6, written: 0 },
    measure: ({ world, viewer }) => costOf(world, viewer.fetch("GET", "/profile")),
  },
  {
    operation: "a person",
    most: { trips: 1, read: 10, written: 0 },
    measure: ({ world, viewer, author }) => costOf(world, viewer.fetch("GET", `/users/${author.username}`)),
  },
];

/** Those who run it, and a log as long as there are posts. */
async function runBy(world: World, { posts }: Size): Promise<{ rosa: PersonActor; mo: PersonActor }> {
  const now = Date.now() - 60_000;
  for (let start = 0; start < posts; start += 1_000) {
    const ids = JSON.stringify(Array.from({ length: 1_000 }, () => uuidV7(now)));
    const sql = "insert into audit_events (id, at, kind, account_id, request_id) select value, ?2, 'signed_in', value, 'seeded' from json_each(?1)";
    await world.state.run(sql, ids, now);
  }
  const reports = `insert into reports (id, reporter_id, account_id, reason, created_at, resolved_at, resolved_by, action)
    select value, (select id from users order by id limit 1), reported.id, 'spam', ?2,
      iif(key % 2 = 0, null, ?2), iif(key % 2 = 0, null, (select id from users order by id limit 1)), iif(key % 2 = 0, null, 'dismiss')
    from json_each(?1)
    join (select id, row_number() over (order by id) as place from users) reported on place = key + 2`;
  await world.state.run(reports, JSON.stringify(Array.from({ length: 90 }, () => uuidV7(now))), now);
  return { rosa: await world.admin("rosa"), mo: await world.moderator("mo") };
}

/** What was measured, trips/rows read/rows written, by operation, with where it was measured. */
const figures = new Map<string, Map<string, string[]>>();

function note(operation: string, { trips, read, written }: Rows, where: string): void {
  const measured = figures.get(operation) ?? new Map<string, string[]>();
  figures.set(operation, measured);
  const figure = `${trips}/${read}/${written}`;
  measured.set(figure, [...(measured.get(figure) ?? []), where]);
}

afterAll(() => {
  const lines = BUDGETS.map(({ operation, most }) => {
    const measured = [...(figures.get(operation) ?? [])].map(([figure, where]) =>
      where.length > SIZES.length ? `${figure} (${where.length} times)` : `${figure} (${where.join("; ")})`,
    );
    return `${operation}, at most ${most.trips}/${most.read}/${most.written}: ${measured.join(", ")}`;
  });
  console.info(`Trips to D1, rows read, rows written:\n${lines.join("\n")}`);
});

/** Sends every mail there is, one that does not get through and one that never will. */
async function writeEveryLetter(world: World, { id, email }: PersonActor): Promise<void> {
  const account = { user_id: id };
  const write = async (letter: { letter: string } & Record<string, unknown>) => {
    await world.state.write(letter);
    await world.control.sweep();
  };
  await world.mails.failing(email, 500, 1, () => write({ letter: "verify_email", ...account }));
  await world.mails.failing(email, 422, 1, () => write({ letter: "password_changed", ...account, email }));
  await write({ letter: "registration", registration_id: uuidV7() });
  await write({ letter: "reset_password", email });
  await write({ letter: "new_device", ...account, email, session_id: uuidV7() });
  await write({ letter: "confirm_email", ...account, new_email: "new@example.com", credential_version: 1 });
  await eventually("every mail was looked at", async () =>
    (await world.state.letters()).every(({ dead_at: dead, failures }) => dead !== null || failures > 0),
  );
}

// The order of what follows is part of what is measured, so it is not shuffled.
function keepBudgets({ size, world }: (typeof worlds)[number]): void {
  let place: Place;
  beforeAll(async () => {
    place = { world, ...(await liveIn(world, size)), ...(await runBy(world, size)) };
  }, 120_000);

  const keepToBudgets = (circumstance: string) =>
    test.for(BUDGETS)(`${circumstance}: $operation`, async ({ operation, most, measure }) => {
      const rows = await measure(place);
      note(operation, rows, `${size.posts} posts ${circumstance}`);
      expect(rows.trips).toBeLessThanOrEqual(most.trips);
      expect(rows.read).toBeLessThanOrEqual(most.read);
      expect(rows.written).toBeLessThanOrEqual(most.written);
    });

  const keepToPlans = (circumstance: string) =>
    test(`${circumstance}: no statement walks a table that grows`, async () => {
      // What the budgets do not reach: marking read, the sweep, and the end of a job that failed.
      const { viewer, author } = place;
      await viewer.markRead(1);
      await world.fetch("GET", "/health/ready");
      const post = await author.posts.create({ caption: "in trouble" });
      await world.control.withFaults([{ on: "queue", when: "before", times: 2, containing: post.id }], async () => {
        await viewer.like(post);
        await world.control.settle();
        await world.state.makeDue(post);
        await world.control.sweep();
      });
      const job = { kind: "like", post_id: post.id, actor_id: viewer.id, recipient_id: author.id };
      const lost = { id: uuidV7(), request_id: "r", trace_id: "t", job };
      await world.control.deliver([{ id: "lost", body: lost, attempts: 6 }], DEAD_LETTER_QUEUE);
      await writeEveryLetter(world, viewer);
      const searches = ["posts&q=seeded", "users&q=crowd", "tags&q=seeded"].map((search) => `/search?type=${search}`);
      const cursors = ["/posts", "/notifications", "/auth/sessions", `/posts/${place.popular.id}/likes`, ...searches];
      for (const path of cursors) {
        const and = path.includes("?") ? "&" : "?";
        const { next_cursor: cursor } = await viewer.expect<Page<unknown>>(200, "GET", `${path}${and}limit=1`);
        await viewer.expect(200, "GET", `${path}${and}limit=20&cursor=${cursor}`);
        if (/^\/(posts|search)/.test(path)) await world.anonymous.expect(200, "GET", `${path}${and}limit=20&cursor=${cursor}`);
      }
      const [locked, asker] = [await newPerson(place, "locked"), await newPerson(place, "asker")];
      await locked.lock();
      await asker.follow(locked);
      await locked.lock(false);
      await world.control.settle();
      const statements = await world.control.statements();
      expect(statements.length).toBeGreaterThan(15);
      expect(await faultyPlans(world.state, statements)).toEqual([]);
    });

  describe("before analyze", { shuffle: false }, () => {
    keepToBudgets("before analyze");
    keepToPlans("before analyze");
  });

  describe("after analyze", { shuffle: false }, () => {
    beforeAll(() => world.state.run("analyze"));
    keepToBudgets("after analyze");
    keepToPlans("after analyze");
  });

  const keepUnder = (fate: Fate) => {
    beforeAll(async () => {
      await coverWithInvisible(world, place, fate);
      await world.state.run("analyze");
    }, 60_000);
    keepToBudgets(`under rows ${fate}`);
    keepToPlans(`under rows ${fate}`);

    test("every list leads on to what lies below", async () => {
      const { viewer, popular } = place;
      const mine = ["followers", "following"].map((list) => `/users/${viewer.username}/${list}`);
      const people = ["/users", "/blocks", "/mutes", "/follow-requests", ...mine];
      const searches = ["posts&q=seeded", "users&q=crowd", "tags&q=seeded"].map((search) => `/search?type=${search}`);
      for (const path of ["/posts", `/posts/${popular.id}/likes`, "/notifications", "/auth/sessions", ...people, ...searches]) {
        expect(leadsOn(await viewer.expect<Page<unknown>>(200, "GET", path))).toBe(true);
      }
      for (const { reader } of place.followers) expect(leadsOn(await reader.expect<Page<unknown>>(200, "GET", "/feed"))).toBe(true);
    });
  };
  for (const fate of FATES) {
    describe(`under 3,000 newer rows that are ${fate}`, { shuffle: false }, () => {
      keepUnder(fate);
    });
  }
}

for (const scale of worlds) {
  const { posts, people } = scale.size;
  describe(`with ${posts} posts of ${people} people`, { shuffle: false }, () => {
    keepBudgets(scale);
  });
}
