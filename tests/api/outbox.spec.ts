/**
 * From the like to Ben's list, whatever the queue does: the job row is the truth, the message only a
 * wake-up call, and inside Kith every effect happens exactly once.
 */
import { afterEach, describe, expect, test } from "vitest";
import { DEAD_LETTER_QUEUE } from "./harness/control.ts";
import { eventually } from "./harness/eventually.ts";
import type { PersonActor } from "./harness/person.ts";
import type { DeliveredMessage } from "./harness/protocol.ts";
import type { Post } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

interface Story {
  asha: PersonActor;
  ben: PersonActor;
  post: Post;
}

async function ashaAndBensPost(): Promise<Story> {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  return { asha, ben, post: await ben.posts.create({ caption: "First light" }) };
}

/** Likes, with the wake-up call lost; answers the message that would have been it. */
async function likeForgotten(person: PersonActor, post: Post): Promise<DeliveredMessage> {
  return world.control.withFaults([{ on: "queue", when: "forget", times: 1, containing: post.id }], async () => {
    const response = await person.fetch("PUT", `/posts/${post.id}/like`);
    expect(response.status).toBe(200);
    await world.control.settle();
    const { queueSends } = await world.control.recordOf(response);
    expect(queueSends).toHaveLength(1);
    const [body] = queueSends;
    return { id: crypto.randomUUID(), body, attempts: 1 };
  });
}

/** Ben has been told of the like exactly once, and nothing is left to do. */
async function expectToldOnce({ ben, post, asha }: Story): Promise<void> {
  expect(await world.state.jobsOf(post)).toEqual([]);
  const { data, unread_count: unread } = await ben.notifications();
  expect(data.map(({ seq, kind, actor_count: count, actors }) => [seq, kind, count, actors.map(({ id }) => id)])).toEqual([
    [1, "like", 1, [asha.id]],
  ]);
  expect(unread).toBe(1);
}

async function expectNotTold({ ben }: Story): Promise<void> {
  expect(await ben.notifications()).toMatchObject({ data: [], unread_count: 0 });
}

describe("the job", () => {
  test("it says what is to be done and which request caused it, in the row and in the message", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    const requestId = world.uniqueName("like");
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const response = await world.control.withFaults(
      [{ on: "queue", when: "forget", times: 1, containing: post.id }],
      async () => {
        const headers = { "x-request-id": requestId, traceparent: `00-${trace}-00f067aa0ba902b7-01` };
        const liked = await asha.fetch("PUT", `/posts/${post.id}/like`, undefined, headers);
        await world.control.settle();
        return liked;
      },
    );
    const [row] = await world.state.jobsOf(post);
    const job = { kind: "like", post_id: post.id, actor_id: asha.id, recipient_id: ben.id };
    expect(row).toMatchObject({ request_id: requestId, trace_id: trace, attempts: 0, dead_at: null });
    expect(row?.due_at).toBe((row?.created_at ?? 0) + 1_000);
    expect(JSON.parse(row?.payload ?? "")).toEqual(job);
    const { queueSends } = await world.control.recordOf(response);
    expect(queueSends).toEqual([{ id: row?.id, request_id: requestId, trace_id: trace, job }]);
  });

  test("a second like of the same post, a like of one's own and an unlike leave none and wake nobody", async () => {
    const { asha, ben, post } = await ashaAndBensPost();
    await likeForgotten(asha, post);
    const jobs = await world.state.jobsOf(post);
    expect(jobs).toHaveLength(1);
    for (const [person, method] of [
      [asha, "PUT"],
      [ben, "PUT"],
      [asha, "DELETE"],
      [asha, "DELETE"],
    ] as const) {
      const response = await person.fetch(method, `/posts/${post.id}/like`);
      expect(response.status).toBe(200);
      await world.control.settle();
      expect((await world.control.recordOf(response)).queueSends).toEqual([]);
    }
    expect(await world.state.jobsOf(post)).toEqual(jobs);
    await world.state.makeDue(post);
    await world.control.sweep();
  });

  test("the line that tells of its delivery bears the ids of its cause", async () => {
    const story = await ashaAndBensPost();
    const requestId = world.uniqueName("like");
    await story.asha.fetch("PUT", `/posts/${story.post.id}/like`, undefined, { "x-request-id": requestId });
    await world.jobsDone(story.post);
    await eventually("a second line bears the request's id", async () => {
      const lines = world.logLines().filter(({ message }) => message.includes(requestId));
      return lines.length >= 2;
    });
  });
});

describe("the queue", () => {
  test("a like whose queue send fails is still delivered by the sweep", async () => {
    const story = await ashaAndBensPost();
    await world.control.withFaults([{ on: "queue", when: "before", times: 1, containing: story.post.id }], async () => {
      expect(await story.asha.like(story.post)).toEqual({ liked: true, like_count: 1 });
      await world.control.settle();
    });
    expect(await world.state.jobsOf(story.post)).toHaveLength(1);
    await expectNotTold(story);
    await world.state.makeDue(story.post);
    await world.control.sweep();
    await world.jobsDone(story.post);
    await expectToldOnce(story);
  });

  test("a like whose queue send succeeds without saying so is delivered once", async () => {
    const story = await ashaAndBensPost();
    await world.control.withFaults([{ on: "queue", when: "after", times: 1, containing: story.post.id }], async () => {
      await story.asha.like(story.post);
      await world.control.settle();
    });
    await world.jobsDone(story.post);
    await world.control.sweep();
    await expectToldOnce(story);
  });

  test("a message that the queue forgets is replaced by the sweep", async () => {
    const story = await ashaAndBensPost();
    await likeForgotten(story.asha, story.post);
    await expectNotTold(story);
    await world.state.makeDue(story.post);
    await world.control.sweep();
    await world.jobsDone(story.post);
    await expectToldOnce(story);
  });

  test("while the queue refuses everything, the sweep delivers by itself", async () => {
    const story = await ashaAndBensPost();
    await world.control.withFaults([{ on: "queue", when: "before", times: 1_000 }], async () => {
      await story.asha.like(story.post);
      await world.state.makeDue(story.post);
      await world.control.sweep();
      await world.jobsDone(story.post);
    });
    await expectToldOnce(story);
  });

  test("the sweep leaves alone what is not due yet", async () => {
    const story = await ashaAndBensPost();
    await likeForgotten(story.asha, story.post);
    await world.state.run("update jobs set due_at = ?2 where instr(payload, ?1) > 0", story.post.id, Date.now() + 3_600_000);
    await world.control.sweep();
    await expectNotTold(story);
    expect(await world.state.jobsOf(story.post)).toMatchObject([{ attempts: 0 }]);
    await world.state.makeDue(story.post);
    await world.control.sweep();
    await world.jobsDone(story.post);
  });

  test("five sweeps at once deliver once, and wake the queue once", async () => {
    const story = await ashaAndBensPost();
    await likeForgotten(story.asha, story.post);
    await world.state.makeDue(story.post);
    const { overlap } = await world.control.watchingOverlap({ containing: "update jobs", count: 5 }, () =>
      Promise.all([1, 2, 3, 4, 5].map(() => world.control.sweep())),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    await world.jobsDone(story.post);
    await expectToldOnce(story);
    const sends = (await world.control.recordsSince(0))
      .filter(({ kind }) => kind === "scheduled")
      .flatMap(({ queueSends }) => queueSends)
      .filter((message) => JSON.stringify(message).includes(story.post.id));
    expect(sends).toHaveLength(1);
  });

  test("one sweep finds what is due behind more than one batch of other jobs", async () => {
    const ben = await world.person("ben");
    const post = await ben.posts.create({ caption: "popular" });
    const crowd = await world.crowd("fan", 150);
    await world.control.withFaults([{ on: "queue", when: "forget", times: 1_000, containing: post.id }], async () => {
      await Promise.all(crowd.map((person) => person.like(post)));
      await world.control.settle();
    });
    expect(await world.state.jobsOf(post)).toHaveLength(150);
    await world.state.makeDue(post);
    await world.control.sweep();
    await world.jobsDone(post);
    expect(await world.notificationOf(ben, post)).toMatchObject({ actor_count: 150 });
  });
});

describe("the consumer", () => {
  test("a message delivered five times has one effect", async () => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    for (let delivery = 1; delivery <= 5; delivery += 1) {
      const { messages, threw } = await world.control.deliver([{ ...message, attempts: delivery }]);
      expect([messages[0]?.verdict, threw]).toEqual(["acked", null]);
    }
    await expectToldOnce(story);
  });

  test("a message delivered five times at once, and five times in one batch, has one effect", async () => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    const copies = [1, 2, 3, 4, 5].map(() => ({ ...message, id: crypto.randomUUID() }));
    const reports = await Promise.all([
      ...copies.map((copy) => world.control.deliver([copy])),
      world.control.deliver(copies),
    ]);
    expect(reports.flatMap(({ messages }) => messages).every(({ verdict }) => verdict === "acked")).toBe(true);
    await expectToldOnce(story);
  });

  test.for(["before", "after"] as const)(
    "a consumer that fails twice, %s taking effect, then succeeds has one effect",
    async (when) => {
      const story = await ashaAndBensPost();
      const message = await likeForgotten(story.asha, story.post);
      const [job] = await world.state.jobsOf(story.post);
      const verdicts: string[] = [];
      await world.control.withFaults([{ on: "d1", when, times: 2, containing: job?.id ?? "", during: "queue" }], async () => {
        for (let attempt = 1; attempt <= 3; attempt += 1) {
          const { messages, threw } = await world.control.deliver([{ ...message, attempts: attempt }]);
          expect(threw).toBeNull();
          const [verdict] = messages;
          verdicts.push(verdict?.verdict ?? "none");
          if (verdict?.verdict === "retried") expect(verdict.delaySeconds).toBeGreaterThan(0);
        }
      });
      expect(verdicts).toEqual(["retried", "retried", "acked"]);
      await expectToldOnce(story);
    },
  );

  test("a failing message waits longer each time", async () => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    const [job] = await world.state.jobsOf(story.post);
    const delays: number[] = [];
    await world.control.withFaults([{ on: "d1", when: "before", times: 100, containing: job?.id ?? "", during: "queue" }], async () => {
      for (const attempts of [1, 3, 5]) {
        const { messages } = await world.control.deliver([{ ...message, attempts }]);
        delays.push(messages[0]?.delaySeconds ?? 0);
      }
    });
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect(delays.at(-1)).toBeGreaterThan(delays[0] ?? Infinity);
    await world.control.deliver([message]);
    await expectToldOnce(story);
  });

  const BAD_BODIES: unknown[] = [
    null,
    "text",
    7,
    [],
    {},
    { id: "x" },
    { id: "x", request_id: "r", trace_id: "t", job: { kind: "unheard-of" } },
    { id: 7, request_id: "r", trace_id: "t", job: { kind: "like", post_id: "p", actor_id: "a" } },
    { id: "x", request_id: "r", trace_id: "t", job: { kind: "like", post_id: null } },
    { id: "x'; drop table jobs; --", request_id: "r", trace_id: "t", job: { kind: "like", post_id: "p", actor_id: "a" } },
    "x".repeat(100_000),
  ];

  test("one bad message does not harm its neighbours", async () => {
    const [first, second] = [await ashaAndBensPost(), await ashaAndBensPost()];
    const good = [await likeForgotten(first.asha, first.post), await likeForgotten(second.asha, second.post)];
    const bad = BAD_BODIES.map((body, index) => ({ id: `bad-${index}`, body, attempts: 1 }));
    const { messages, threw } = await world.control.deliver([...bad.slice(0, 5), ...good.slice(0, 1), ...bad.slice(5), ...good.slice(1)]);
    expect(threw).toBeNull();
    // What cannot be read now never can be: the row, if there is one, is swept up.
    expect(messages.filter(({ verdict }) => verdict !== "acked")).toEqual([]);
    await expectToldOnce(first);
    await expectToldOnce(second);
  });

  test("a bad message is told to the operator, without its content", async () => {
    const secret = world.uniqueName("secret");
    await world.control.deliver([{ id: "bad", body: { [secret]: secret }, attempts: 1 }]);
    const line = await eventually("an error is logged", async () =>
      world.logLines().find(({ message }) => message.includes('"level":"error"')),
    );
    expect(line.message).not.toContain(secret);
  });

  test("one failing message does not harm its neighbours", async () => {
    const [first, second, third] = [await ashaAndBensPost(), await ashaAndBensPost(), await ashaAndBensPost()];
    const messages: DeliveredMessage[] = [];
    for (const { asha, post } of [first, second, third]) messages.push(await likeForgotten(asha, post));
    const [, job] = [null, (await world.state.jobsOf(second.post))[0]];
    await world.control.withFaults([{ on: "d1", when: "before", times: 1, containing: job?.id ?? "", during: "queue" }], async () => {
      const report = await world.control.deliver(messages);
      expect(report.threw).toBeNull();
      expect(report.messages.map(({ verdict }) => verdict)).toEqual(["acked", "retried", "acked"]);
    });
    await expectToldOnce(first);
    await expectToldOnce(third);
    await expectNotTold(second);
    await world.control.deliver(messages.slice(1, 2));
    await expectToldOnce(second);
  });

  test("a message for a job that is not there any more is acknowledged and does nothing", async () => {
    const story = await ashaAndBensPost();
    const { post, asha, ben } = story;
    const job = { kind: "like", post_id: post.id, actor_id: asha.id, recipient_id: ben.id };
    const body = { id: uuidV7(), request_id: "r", trace_id: "t", job };
    const { messages } = await world.control.deliver([{ id: "forged", body, attempts: 1 }]);
    expect(messages[0]?.verdict).toBe("acked");
    await expectNotTold(story);
  });

  test.for(["deleted post", "taken-back like"])("a job about a %s comes to its end", async (fate) => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    if (fate === "deleted post") await story.ben.posts.delete(story.post);
    else await story.asha.unlike(story.post);
    const { messages } = await world.control.deliver([message]);
    expect(messages[0]?.verdict).toBe("acked");
    expect(await world.state.jobsOf(story.post)).toEqual([]);
    if (fate === "deleted post") await expectNotTold(story);
    // What Ben sees does not hang on how fast the queue was.
    else await expectToldOnce(story);
  });
});

describe("the dead-letter consumer", () => {
  test("it marks the job dead, and no sweep wakes it again", async () => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    const { messages, threw } = await world.control.deliver([message], DEAD_LETTER_QUEUE);
    expect([messages[0]?.verdict, threw]).toEqual(["acked", null]);
    const [dead] = await world.state.jobsOf(story.post);
    expect(dead).toMatchObject({ due_at: null });
    expect(dead?.dead_at).toBeGreaterThan(Date.now() - 60_000);
    await world.control.sweep();
    expect(await world.state.jobsOf(story.post)).toEqual([dead]);
    await expectNotTold(story);
  });

  test("what it cannot read or find it lets go", async () => {
    const job = { kind: "like", post_id: uuidV7(), actor_id: uuidV7(), recipient_id: uuidV7() };
    const bodies = [null, {}, { id: uuidV7(), request_id: "r", trace_id: "t", job }];
    const { messages, threw } = await world.control.deliver(
      bodies.map((body, index) => ({ id: `lost-${index}`, body, attempts: 1 })),
      DEAD_LETTER_QUEUE,
    );
    expect(threw).toBeNull();
    expect(messages.map(({ verdict }) => verdict)).toEqual(["acked", "acked", "acked"]);
  });

  test("when it fails it tries again, so that no job is lost between the two", async () => {
    const story = await ashaAndBensPost();
    const message = await likeForgotten(story.asha, story.post);
    const [job] = await world.state.jobsOf(story.post);
    await world.control.withFaults([{ on: "d1", when: "before", times: 1, containing: job?.id ?? "", during: "queue" }], async () => {
      const { messages } = await world.control.deliver([message], DEAD_LETTER_QUEUE);
      expect(messages[0]?.verdict).toBe("retried");
    });
    expect(await world.state.jobsOf(story.post)).toMatchObject([{ dead_at: null }]);
    await world.control.deliver([message], DEAD_LETTER_QUEUE);
    expect((await world.state.jobsOf(story.post))[0]?.dead_at).not.toBeNull();
  });
});
