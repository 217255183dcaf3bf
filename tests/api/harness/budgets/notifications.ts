/** Notifications, and what the consumer does for them. */
import { expect } from "vitest";
import { recordedRows } from "../cost.ts";
import type { Rows } from "../cost.ts";
import type { PersonActor } from "../person.ts";
import type { DeliveredMessage } from "../protocol.ts";
import { uuidV7 } from "../state.ts";
import { costOf, newPerson, pages } from "./measure.ts";
import type { Budget, Place } from "./measure.ts";

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

export const OF_NOTIFICATIONS: Budget[] = [
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
];
