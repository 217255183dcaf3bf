/**
 * What people are told besides likes: comments, replies, mentions, followers, those who ask to follow, and what
 * the moderators did. Who is told, who is not, what is shown of it later, and that each is told once.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Account, PersonActor } from "./harness/person.ts";
import type { DeliveredMessage } from "./harness/protocol.ts";
import type { Post } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

afterEach(async () => {
  await world.control.settle();
  const wrong = await world.state.wrongCounters();
  // What is written and taken away by hand is in no count of posts and comments.
  expect(wrong.filter((what) => /^(unread|numbers|told) of/u.test(what))).toEqual([]);
});

/** Something that somebody is to be told. */
interface News {
  kind: string;
  post?: { id: string };
  by?: Account;
  to: Account;
}

const leave = ({ kind, ...news }: News) => world.state.leaveNews(kind, news);

async function deliver(...given: DeliveredMessage[]): Promise<void> {
  const { messages, threw } = await world.control.deliver(given);
  expect([messages.map(({ verdict }) => verdict), threw]).toEqual([given.map(() => "acked"), null]);
}

async function tell(...all: News[]): Promise<void> {
  for (const news of all) await deliver(await leave(news));
}

/** As its author deletes it, or a moderator removes it. */
async function takeAway(post: { id: string }, author: Account, how: "deleted" | "removed"): Promise<DeliveredMessage> {
  const erase = how === "deleted" ? ", caption = ''" : "";
  await world.state.run(`update posts set ${how}_at = 1${erase} where id = ?1`, post.id);
  return world.state.leaveJob({ kind: "post_deleted", post_id: post.id, author_id: author.id });
}

interface Story {
  asha: PersonActor;
  ben: PersonActor;
  /** Ben's. */
  post: Post;
  /** Asha's, on Ben's post. */
  comment: { id: string };
}

async function ashaCommentsOnBens(visibility = "public"): Promise<Story> {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  const post = await ben.posts.create({ caption: "First light", visibility });
  if (visibility === "followers") await world.state.follow(asha, ben);
  return { asha, ben, post, comment: await world.state.comment(asha, post) };
}

/** A story of each kind that somebody does to Ben. */
const KINDS: Record<string, (story: Story) => News> = {
  like: ({ asha, ben, post }) => ({ kind: "like", post, by: asha, to: ben }),
  comment: ({ asha, ben, comment }) => ({ kind: "comment", post: comment, by: asha, to: ben }),
  reply: ({ asha, ben, comment }) => ({ kind: "reply", post: comment, by: asha, to: ben }),
  follow: ({ asha, ben }) => ({ kind: "follow", by: asha, to: ben }),
  follow_request: ({ asha, ben }) => ({ kind: "follow_request", by: asha, to: ben }),
};

const kinds = Object.keys(KINDS);

/** What Ben is to be told in a new story, and who is in it. */
async function newsOf(kind: string): Promise<Story & { news: News }> {
  const story = await ashaCommentsOnBens();
  const news = KINDS[kind]?.(story);
  if (news === undefined) throw new Error(`there is no kind ${kind}`);
  return { ...story, news };
}

async function shown(person: PersonActor): Promise<[string, string | null][]> {
  const { data } = await person.notifications();
  return data.map(({ kind, post }) => [kind, post?.id ?? null]);
}

const expectNothing = async (person: PersonActor) =>
  expect(await person.notifications()).toEqual({ data: [], next_cursor: null, unread_count: 0 });

const shortForm = ({ id, username }: PersonActor, name: string) => ({ id, username, display_name: name, avatar_url: null });

describe("what is told", () => {
  test("Asha comments on Ben's post and Ben is shown her comment", async () => {
    const { asha, ben, comment } = await ashaCommentsOnBens();
    await tell({ kind: "comment", post: comment, by: asha, to: ben });
    expect(await ben.notifications()).toEqual({
      data: [
        {
          seq: 1,
          kind: "comment",
          actors: [shortForm(asha, "asha")],
          actor_count: 1,
          post: { id: comment.id, caption: "a comment", thumb_url: null },
          order_id: null,
          created_at: expect.stringMatching(/Z$/),
          updated_at: expect.stringMatching(/Z$/),
          read: false,
        },
      ],
      next_cursor: null,
      unread_count: 1,
    });
    await expectNothing(asha);
  });

  test("two comments on one post are two things to read", async () => {
    const { asha, ben, post, comment } = await ashaCommentsOnBens();
    const another = await world.state.comment(asha, post);
    for (const each of [comment, another]) await tell({ kind: "comment", post: each, by: asha, to: ben });
    expect(await shown(ben)).toEqual([["comment", another.id], ["comment", comment.id]]);
    expect((await ben.notifications()).unread_count).toBe(2);
  });

  test("Ben replies to Asha's comment on his post and she is told so", async () => {
    const { asha, ben, post, comment } = await ashaCommentsOnBens();
    const reply = await world.state.comment(ben, { ...post, id: comment.id });
    await tell({ kind: "reply", post: reply, by: ben, to: asha });
    expect(await asha.notifications()).toMatchObject({ data: [{ kind: "reply", post: { id: reply.id } }], unread_count: 1 });
  });

  test("Ben names Cleo and Dana in a post for his followers, and only his follower is told", async () => {
    const [ben, cleo, dana] = [await world.person("ben"), await world.person("cleo"), await world.person("dana")];
    await world.state.follow(cleo, ben);
    await world.state.follow(dana, ben, "pending");
    const post = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    for (const to of [cleo, dana]) await tell({ kind: "mention", post, by: ben, to });
    expect(await cleo.notifications()).toMatchObject({ data: [{ kind: "mention", post: { id: post.id } }], unread_count: 1 });
    await expectNothing(dana);
  });

  test("followers make one item, and those who ask to follow another", async () => {
    const ben = await world.person("ben");
    const fans = await world.crowd("fan", 5);
    for (const by of fans) await tell({ kind: "follow", by, to: ben });
    for (const by of fans.slice(0, 2)) await tell({ kind: "follow_request", by, to: ben });
    const { data, unread_count: unread } = await ben.notifications();
    expect(data.map(({ kind, seq, actor_count: count, post, actors }) => [kind, seq, count, post, actors.map(({ id }) => id)])).toEqual([
      ["follow_request", 7, 2, null, [fans[1]?.id, fans[0]?.id]],
      ["follow", 5, 5, null, [fans[4]?.id, fans[3]?.id, fans[2]?.id]],
    ]);
    expect(unread).toBe(2);
  });

  test("what the moderators did names nobody, and stays when they have removed the post", async () => {
    const { ben, post } = await ashaCommentsOnBens();
    await deliver(await takeAway(post, ben, "removed"));
    await tell({ kind: "moderation", post, to: ben }, { kind: "moderation", to: ben });
    const nobody = { kind: "moderation", actors: [], actor_count: 0 };
    expect(await ben.notifications()).toMatchObject({
      data: [
        { ...nobody, post: null },
        { ...nobody, post: { id: post.id, caption: "", thumb_url: null } },
      ],
      unread_count: 2,
    });
  });

  test("what the moderators do to one person a second time is told a second time", async () => {
    const ben = await world.person("ben");
    await tell({ kind: "moderation", to: ben });
    await ben.markRead(1);
    await tell({ kind: "moderation", to: ben });
    expect(await ben.notifications()).toMatchObject({ data: [{ seq: 2, read: false, actor_count: 0 }], unread_count: 1 });
  });

  test("Asha's comment that names Ben, on whose post it is, is told him as a comment alone", async () => {
    const { asha, ben, comment } = await ashaCommentsOnBens();
    await tell({ kind: "mention", post: comment, by: asha, to: ben }, { kind: "comment", post: comment, by: asha, to: ben });
    expect(await shown(ben)).toEqual([["comment", comment.id]]);
  });

  test("what has no like in it is unread, read and polled like what has", async () => {
    const { asha, ben, post, comment } = await ashaCommentsOnBens();
    const poll = (tag: string) => ben.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
    const { headers } = await poll("");
    await tell({ kind: "comment", post: comment, by: asha, to: ben }, { kind: "follow", by: asha, to: ben });
    const news = await poll(headers.get("etag") ?? "");
    expect(news.status).toBe(200);
    expect((await poll(news.headers.get("etag") ?? "")).status).toBe(304);
    await ben.markRead(1);
    expect(await ben.notifications()).toMatchObject({ unread_count: 1, data: [{ kind: "follow", read: false }, { kind: "comment", read: true }] });
    // Of one kind about one thing, not of another kind about the same.
    await tell({ kind: "like", post, by: asha, to: ben }, { kind: "follow", by: await world.person("cleo"), to: ben });
    expect((await ben.notifications()).unread_count).toBe(2);
  });
});

describe("once", () => {
  const everyKind = [...kinds, "moderation"];
  const anyNews = async (kind: string) => {
    if (kind !== "moderation") return newsOf(kind);
    const story = await ashaCommentsOnBens();
    return { ...story, news: { kind, post: story.post, to: story.ben } };
  };
  const expectOnce = async ({ ben, news }: { ben: PersonActor; news: News }) => {
    expect(await ben.notifications()).toMatchObject({ unread_count: 1, data: [{ kind: news.kind, seq: 1 }] });
    expect(await shown(ben)).toHaveLength(1);
  };

  test.for(everyKind)("a message about a %s that comes five times, and five times at once, tells once", async (kind) => {
    const story = await anyNews(kind);
    const message = await leave(story.news);
    await Promise.all([1, 2, 3, 4, 5].map(() => world.control.deliver([{ ...message, id: crypto.randomUUID() }])));
    await deliver(...[1, 2, 3, 4, 5].map(() => ({ ...message, id: crypto.randomUUID() })));
    await expectOnce(story);
  });

  test.for(everyKind.flatMap((kind) => (["before", "after"] as const).map((when) => [kind, when] as const)))(
    "a consumer that dies twice with a %s, %s taking effect, tells once",
    async ([kind, when]) => {
      const story = await anyNews(kind);
      const message = await leave(story.news);
      const { id } = message.body as { id: string };
      const verdicts: (string | undefined)[] = [];
      await world.control.withFaults([{ on: "d1", when, times: 2, containing: id, during: "queue" }], async () => {
        for (const attempts of [1, 2, 3]) {
          const { messages } = await world.control.deliver([{ ...message, attempts }]);
          verdicts.push(messages[0]?.verdict);
        }
      });
      expect(verdicts).toEqual(["retried", "retried", "acked"]);
      await expectOnce(story);
    },
  );

  test.for(kinds)("the same %s left twice, as after it was taken back, tells once", async (kind) => {
    const story = await newsOf(kind);
    await tell(story.news, story.news);
    await expectOnce(story);
  });

  test("a sweep tells what the queue has lost", async () => {
    const story = await newsOf("comment");
    await leave(story.news);
    await world.state.makeDue(story.comment);
    await world.control.sweep();
    await world.jobsDone(story.comment);
    await expectOnce(story);
  });

  test("a comment that is gone before its message comes is never told", async () => {
    const { asha, ben, comment } = await ashaCommentsOnBens();
    const told = await leave({ kind: "comment", post: comment, by: asha, to: ben });
    await deliver(await takeAway(comment, asha, "deleted"));
    await deliver(told);
    await expectNothing(ben);
  });
});

describe("who is not told", () => {
  const REASONS: Record<string, (story: Story) => Promise<void>> = {
    "Ben blocks Asha": ({ asha, ben }) => world.state.block(ben, asha),
    "Asha blocks Ben": ({ asha, ben }) => world.state.block(asha, ben),
    "Ben mutes Asha": ({ asha, ben }) => world.state.mute(ben, asha),
    "Asha is suspended": ({ asha }) => world.state.suspend(asha),
  };

  test.for(Object.keys(REASONS).flatMap((reason) => kinds.map((kind) => [reason, kind] as const)))(
    "%s before a %s is delivered, and Ben is not told",
    async ([reason, kind]) => {
      const story = await newsOf(kind);
      const message = await leave(story.news);
      await REASONS[reason]?.(story);
      await deliver(message);
      await expectNothing(story.ben);
    },
  );

  test.for(Object.keys(REASONS).flatMap((reason) => kinds.map((kind) => [reason, kind] as const)))(
    "%s after a %s was delivered, and Ben is shown nothing of it",
    async ([reason, kind]) => {
      const story = await newsOf(kind);
      await tell(story.news);
      expect(await shown(story.ben)).toHaveLength(1);
      await REASONS[reason]?.(story);
      const text = await (await story.ben.fetch("GET", "/notifications")).text();
      for (const secret of [story.asha.id, story.asha.username, story.comment.id]) expect(text).not.toContain(secret);
    },
  );

  test.for(["deleted", "removed"] as const)("a %s post names nobody any more", async (how) => {
    const [ben, cleo] = [await world.person("ben"), await world.person("cleo")];
    const post = await ben.posts.create({ caption: "a secret later" });
    const message = await leave({ kind: "mention", post, by: ben, to: cleo });
    await takeAway(post, ben, how);
    await deliver(message);
    await expectNothing(cleo);
  });

  test("Asha mutes Ben, who is told of her all the same", async () => {
    const story = await newsOf("comment");
    await world.state.mute(story.asha, story.ben);
    await tell(story.news);
    expect(await shown(story.ben)).toEqual([["comment", story.comment.id]]);
  });

  test("who follows no more is shown no mention in a post for followers", async () => {
    const [ben, cleo] = [await world.person("ben"), await world.person("cleo")];
    await world.state.follow(cleo, ben);
    const post = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    await tell({ kind: "mention", post, by: ben, to: cleo });
    expect(await shown(cleo)).toEqual([["mention", post.id]]);
    await world.state.run("delete from follows where follower_id = ?1", cleo.id);
    expect((await cleo.notifications()).data).toEqual([]);
  });

  test("whoever began the thread and blocks Dana keeps a comment that names her from her", async () => {
    const { asha, ben, comment } = await ashaCommentsOnBens();
    const dana = await world.person("dana");
    await world.state.block(ben, dana);
    await tell({ kind: "mention", post: comment, by: asha, to: dana });
    await expectNothing(dana);
  });

  test("Ben mutes Asha, and a list that he kept is no longer his", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const post = await ben.posts.create({ caption: "to be told" });
    await asha.like(post);
    await world.jobsDone(post);
    const poll = async (tag = "") => ben.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
    const tagOf = (response: Response) => response.headers.get("etag") ?? "";
    const kept = await poll();
    expect((await poll(tagOf(kept))).status).toBe(304);
    await ben.expect(200, "PUT", `/users/${asha.username}/mute`);
    const muted = await poll(tagOf(kept));
    expect([muted.status, ((await muted.json()) as { data: unknown[] }).data]).toEqual([200, []]);
    await ben.expect(200, "PUT", `/users/${asha.username}/mute`);
    expect((await poll(tagOf(muted))).status).toBe(304);
    await ben.expect(200, "DELETE", `/users/${asha.username}/mute`);
    expect((await poll(tagOf(muted))).status).toBe(200);
  });

  test("a post that has ceased to name Ben says something else, and the list that he kept is not up to date any more", async () => {
    const [ben, cleo] = [await world.person("ben"), await world.person("cleo")];
    const post = await cleo.posts.create({ caption: `with @${ben.username}` });
    await world.jobsDone(post);
    const poll = async (tag = "") => ben.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
    const tagOf = (response: Response) => response.headers.get("etag") ?? "";
    const captionOf = async (response: Response) => ((await response.json()) as { data: { post: { caption: string } }[] }).data[0]?.post.caption;
    let kept = tagOf(await poll());
    for (const caption of ["without", "and without once more"]) {
      await cleo.posts.edit(post, caption);
      const changed = await poll(kept);
      kept = tagOf(changed);
      expect([changed.status, await captionOf(changed)]).toEqual([200, caption]);
      expect((await poll(kept)).status).toBe(304);
    }
    await cleo.posts.delete(post);
    expect((await poll(kept)).status).toBe(200);
  });

  test("a muted liker is not named among the others", async () => {
    const { asha, ben, post } = await ashaCommentsOnBens();
    const cleo = await world.person("cleo");
    for (const by of [asha, cleo]) await tell({ kind: "like", post, by, to: ben });
    await world.state.mute(ben, asha);
    const { data } = await ben.notifications();
    expect(data.map(({ actors, actor_count: count }) => [actors.map(({ id }) => id), count])).toEqual([[[cleo.id], 2]]);
  });
});

describe("what is gone", () => {
  test.for(["deleted", "removed"] as const)("a %s comment leaves the list and the counter of whom it answers", async (how) => {
    const { asha, ben, post, comment } = await ashaCommentsOnBens();
    const another = await world.state.comment(asha, post);
    for (const each of [comment, another]) await tell({ kind: "comment", post: each, by: asha, to: ben });
    await tell({ kind: "like", post: comment, by: ben, to: asha });
    const tag = (await ben.fetch("GET", "/notifications")).headers.get("etag") ?? "";
    const forget = await takeAway(comment, asha, how);
    // Even before the job is done.
    expect(await shown(ben)).toEqual([["comment", another.id]]);
    await deliver(forget, { ...forget, id: crypto.randomUUID() });
    const fresh = await ben.fetch("GET", "/notifications", undefined, { "if-none-match": tag });
    expect(await fresh.json()).toMatchObject({ data: [{ post: { id: another.id } }], unread_count: 1 });
    await expectNothing(asha);
  });

  test("a post that names people and is gone leaves the lists of all of them, read or not", async () => {
    const [ben, ...named] = await world.crowd("named", 4);
    if (ben === undefined) throw new Error("four were made");
    const [gone, stays] = [await ben.posts.create({ caption: "gone" }), await ben.posts.create({ caption: "stays" })];
    for (const to of named) for (const post of [gone, stays]) await tell({ kind: "mention", post, by: ben, to });
    await named[0]?.markRead(2);
    await ben.posts.delete(gone);
    await world.jobsDone(gone);
    expect(await Promise.all(named.map(shown))).toEqual(named.map(() => [["mention", stays.id]]));
    expect(await Promise.all(named.map(async (person) => (await person.notifications()).unread_count))).toEqual([0, 1, 1]);
  });

  test("what hangs on other posts, on people and on the moderators stays", async () => {
    const { asha, ben, post, comment } = await ashaCommentsOnBens();
    await tell(
      { kind: "like", post, by: asha, to: ben },
      { kind: "comment", post: comment, by: asha, to: ben },
      { kind: "follow", by: asha, to: ben },
      { kind: "moderation", post, to: ben },
    );
    await ben.posts.delete(post);
    await world.jobsDone(post);
    expect(await shown(ben)).toEqual([["moderation", post.id], ["follow", null], ["comment", comment.id]]);
    expect((await ben.notifications()).unread_count).toBe(3);
  });

  test("a job whose consumer dies half-way forgets once", async () => {
    const { asha, ben, comment } = await ashaCommentsOnBens();
    await tell({ kind: "comment", post: comment, by: asha, to: ben }, { kind: "follow", by: asha, to: ben });
    const forget = await takeAway(comment, asha, "deleted");
    const { id } = forget.body as { id: string };
    await world.control.withFaults([{ on: "d1", when: "after", times: 1, containing: id, during: "queue" }], async () => {
      expect((await world.control.deliver([forget])).messages[0]?.verdict).toBe("retried");
      await deliver(forget);
    });
    expect(await ben.notifications()).toMatchObject({ data: [{ kind: "follow", seq: 2 }], unread_count: 1 });
    await tell({ kind: "follow", by: await world.person("cleo"), to: ben });
    expect(await ben.notifications()).toMatchObject({ data: [{ kind: "follow", seq: 4 }], unread_count: 1 });
  });
});
