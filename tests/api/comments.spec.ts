/** Comments: written, listed, counted, told, and what is left of those that are gone. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { readAllPages } from "./harness/paging.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Post, Stub } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const MANY = 200;

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

async function ashaBenAndHisPost(visibility = "public") {
  const [asha, ben] = await Promise.all([world.person("asha"), world.person("ben")]);
  return { asha, ben, post: await ben.posts.create({ caption: "First light", visibility }) };
}

const ids = (listed: { id: string }[]) => listed.map(({ id }) => id);

/** Who is to be told what about this post, by the jobs that were written and not done. */
async function jobsAbout(post: { id: string }): Promise<unknown[]> {
  const rows = await world.state.rows<{ payload: string }>("select payload from jobs where instr(payload, ?1) > 0 order by payload", post.id);
  return rows.map(({ payload }) => JSON.parse(payload) as unknown);
}

/** Runs `work` with a queue that forgets, and answers with the jobs that are left about the post that it made. */
async function leaving(work: () => Promise<Post>): Promise<unknown[]> {
  return world.control.withFaults([{ on: "queue", when: "forget", times: 50 }], async () => {
    const post = await work();
    await world.control.settle();
    return jobsAbout(post);
  });
}

describe("writing", () => {
  test("Asha comments on Ben's post; the answer is a post that says what it answers", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const response = await asha.fetch("POST", `/posts/${post.id}/comments`, { caption: "Lovely #light, @nobody_knows" });
    expect(response.status).toBe(201);
    const comment = (await response.json()) as Post;
    expect(response.headers.get("location")).toBe(`/api/v1/posts/${comment.id}`);
    expect(comment).toMatchObject({ reply_to: post.id, visibility: "public", tags: ["light"], comment_count: 0 });
    expect(await world.anonymous.posts.read(comment)).toEqual(comment);
    expect((await ben.posts.read(post)).comment_count).toBe(1);
    expect((await world.anonymous.comments(post)).data).toEqual([comment]);
    // No list of posts shows it.
    expect(ids((await world.anonymous.posts.list("?limit=100")).data)).not.toContain(comment.id);
    expect((await asha.posts.of(asha)).data).toEqual([]);
    expect((await asha.profile()).post_count).toBe(0);
    expect(ids((await asha.posts.ofTag("light", "?limit=100")).data)).not.toContain(comment.id);
  });

  test("a comment by `reply_to` is the same, and the visibility is not hers to choose", async () => {
    const { asha, post } = await ashaBenAndHisPost();
    const comment = await asha.expect<Post>(201, "POST", "/posts", { caption: "Lovely", reply_to: post.id });
    expect(ids((await asha.comments(post)).data)).toEqual([comment.id]);
    for (const visibility of ["public", "followers"]) {
      await expectInvalid(await asha.fetch("POST", "/posts", { caption: "x", reply_to: post.id, visibility }), { "/visibility": "invalid_value" });
    }
  });

  test("a comment is for whom its thread is for", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost("followers");
    await world.state.follow(asha, ben);
    const comment = await asha.comment(post, "Lovely");
    const reply = await ben.comment(comment, "Thank you");
    expect([comment.visibility, reply.visibility]).toEqual(["followers", "followers"]);
    const eve = await world.person("eve");
    for (const [stranger, one] of [[eve, comment], [eve, reply], [world.anonymous, reply]] as const) {
      await expectProblem(await stranger.fetch("GET", `/posts/${one.id}`), 404, "not_found");
      await expectProblem(await stranger.fetch("GET", `/posts/${one.id}/comments`), 404, "not_found");
    }
    expect(ids((await ben.comments(comment)).data)).toEqual([reply.id]);
  });

  test("what one may not see, or what is gone, cannot be commented on", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost("followers");
    const deleted = await ben.posts.create({ caption: "goes" });
    await ben.posts.delete(deleted);
    for (const id of [post.id, deleted.id, "01900000-0000-7000-8000-000000000000", "what"]) {
      await expectProblem(await asha.fetch("POST", `/posts/${id}/comments`, { caption: "x" }), 404, "not_found");
      await expectInvalid(await asha.fetch("POST", "/posts", { caption: "x", reply_to: id }), { "/reply_to": "invalid_value" });
    }
    await expectProblem(await world.anonymous.fetch("POST", `/posts/${post.id}/comments`, { caption: "x" }), 401, "authentication_required");
    await expectInvalid(await ben.fetch("POST", `/posts/${post.id}/comments`, {}), { "/caption": "required" });
  });

  const ENDS = {
    "is taken from Ben's followers": async ({ asha, ben }: Awaited<ReturnType<typeof ashaBenAndHisPost>>) => ben.removeFollower(asha),
    "is blocked by Ben": async ({ asha, ben }: Awaited<ReturnType<typeof ashaBenAndHisPost>>) => ben.block(asha),
    "blocks Ben": async ({ asha, ben }: Awaited<ReturnType<typeof ashaBenAndHisPost>>) => asha.block(ben),
  };

  test.for(Object.keys(ENDS) as (keyof typeof ENDS)[])("Asha %s: she writes no more in his thread, not even below her own comment, which she reads and deletes", async (end) => {
    const story = await ashaBenAndHisPost("followers");
    const { asha, ben, post } = story;
    const dana = await world.person("dana");
    for (const person of [asha, dana]) await world.state.follow(person, ben);
    const [comment, other] = [await asha.comment(post, "Lovely"), await asha.comment(post, "left as a stub")];
    for (const one of [comment, other]) {
      await dana.comment(one, "between us");
      await dana.like(one);
    }
    await asha.posts.delete(other);
    await ENDS[end](story);
    const before = await asha.posts.read(comment);
    expect(before).toMatchObject({ caption: "Lovely", comment_count: 1, like_count: 1 });
    const { id } = comment;
    for (const [method, path, body] of [
      ["POST", `/posts/${id}/comments`, { caption: "still here" }],
      ["PUT", `/posts/${id}`, { caption: "and says something else" }],
      ["PUT", `/posts/${id}/like`],
      ["DELETE", `/posts/${id}/like`],
      ["GET", `/posts/${id}/likes`],
      ["GET", `/posts/${id}/comments`],
      ["GET", `/posts/${other.id}/comments`],
    ] as const) {
      await expectProblem(await asha.fetch(method, path, body), 404, "not_found");
    }
    await expectInvalid(await asha.fetch("POST", "/posts", { caption: "still here", reply_to: id }), { "/reply_to": "invalid_value" });
    expect(await asha.posts.read(comment)).toEqual(before);
    expect(await world.state.number("select count(*) from posts where author_id = ?1 and reply_to = ?2", asha.id, id)).toBe(0);
    await asha.posts.delete(comment);
    expect(await dana.posts.read(comment)).toEqual({ id, deleted: true });
  });

  test("comments are liked like posts", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const comment = await asha.comment(post, "Lovely");
    expect(await ben.like(comment)).toEqual({ liked: true, like_count: 1 });
    expect((await ben.comments(post)).data).toMatchObject([{ id: comment.id, liked: true, like_count: 1 }]);
  });
});

describe("once per key", () => {
  test("Asha's comment sent twice with one key is one comment, counted and told once", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const key = randomUUID();
    const write = () => asha.fetch("POST", `/posts/${post.id}/comments`, { caption: `Lovely @${ben.username}` }, { "idempotency-key": key });
    const first = await write();
    const comment = (await first.clone().json()) as Post;
    // Even when what it answers is gone.
    await ben.posts.delete(post);
    const again = await write();
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await again.text()).toBe(await first.text());
    expect(comment.mentions).toEqual([{ username: ben.username, start: 7, end: 8 + ben.username.length }]);
    expect(await world.state.number("select count(*) from posts where author_id = ?1", asha.id)).toBe(1);
  });

  test("what was missing when it was first asked for may be there later", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost("followers");
    const write = () => asha.fetch("POST", "/posts", { caption: "x", reply_to: post.id }, { "idempotency-key": "one" });
    await expectInvalid(await write(), { "/reply_to": "invalid_value" });
    await world.state.follow(asha, ben);
    expect((await write()).status).toBe(201);
  });
});

describe("telling", () => {
  test("a comment tells the post's author, a reply the comment's, and nobody of their own", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    let comment = post;
    expect(await leaving(async () => (comment = await asha.comment(post, "Lovely")))).toEqual([
      { kind: "comment", post_id: comment.id, actor_id: asha.id, recipient_id: ben.id },
    ]);
    let reply = post;
    expect(await leaving(async () => (reply = await ben.comment(comment, "Thank you")))).toEqual([
      { kind: "reply", post_id: reply.id, actor_id: ben.id, recipient_id: asha.id },
    ]);
    const own = await ben.comment(post, "My own");
    await world.jobsDone(own);
    expect(await world.state.number("select count(*) from told where subject_id = ?1", own.id)).toBe(0);
  });

  test("whoever is told of a comment is not told that it names them; the others named are, once each", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const [carl, dana] = await Promise.all([world.person("carl"), world.person("dana")]);
    await world.state.suspend(dana);
    const said = `@${ben.username} @${carl.username} @${carl.username} @${asha.username} @${dana.username} @nobody_at_all`;
    let comment = post;
    expect(await leaving(async () => (comment = await asha.comment(post, said)))).toEqual([
      { kind: "comment", post_id: comment.id, actor_id: asha.id, recipient_id: ben.id },
      { kind: "mention", post_id: comment.id, actor_id: asha.id, recipient_id: carl.id },
    ]);
    expect(comment.mentions.map(({ username }) => username)).toEqual([ben, carl, carl, asha, dana].map(({ username }) => username).concat("nobody_at_all"));
  });

  test("an edit tells only whom it newly names", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const [carl, dana] = await Promise.all([world.person("carl"), world.person("dana")]);
    const comment = await asha.comment(post, `Lovely, @${carl.username}`);
    await world.jobsDone(comment);
    expect(await leaving(() => asha.posts.edit(comment, `Lovely, @${carl.username} @${dana.username} @${ben.username}`))).toEqual([
      { kind: "mention", post_id: comment.id, actor_id: asha.id, recipient_id: dana.id },
    ]);
  });
});

describe("listing", () => {
  test("the direct replies come oldest first, page by page", async () => {
    const { asha, post } = await ashaBenAndHisPost();
    const written: Post[] = [];
    for (let number = 0; number < 7; number += 1) written.push(await asha.comment(post, `number ${number}`));
    await asha.comment(written[0] as Post, "below");
    const listed = await readAllPages<Post>(world.anonymous, `/posts/${post.id}/comments`, 3);
    expect(ids(listed)).toEqual(ids(written));
    expect(listed[0]?.comment_count).toBe(1);
  });

  test("whom one blocks and whom one mutes are left out", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const [carl, dana] = await Promise.all([world.person("carl"), world.person("dana")]);
    const [by, muted, blocked] = [await asha.comment(post, "a"), await carl.comment(post, "b"), await dana.comment(post, "c")];
    await world.state.mute(ben, carl);
    await world.state.block(dana, ben);
    expect(ids((await ben.comments(post)).data)).toEqual([by.id]);
    // The muted does not learn of it, and a single comment stays.
    expect(ids((await carl.comments(post)).data)).toEqual([by.id, muted.id, blocked.id]);
    expect(await ben.posts.read(muted)).toMatchObject({ id: muted.id });
  });
});

describe("stubs", () => {
  test("a deleted comment with replies stays as a stub; without any it is gone", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost();
    const [thread, lone] = [await asha.comment(post, "a secret"), await asha.comment(post, "alone")];
    const reply = await ben.comment(thread, "stays");
    const tag = (await ben.fetch("GET", `/posts/${thread.id}`)).headers.get("etag") ?? "";
    await asha.posts.delete(thread);
    await asha.posts.delete(lone);
    const stub: Stub = { id: thread.id, deleted: true };
    expect((await world.anonymous.comments(post)).data).toEqual([stub]);
    const shown = await ben.fetch("GET", `/posts/${thread.id}`, undefined, { "if-none-match": tag });
    expect([shown.status, await shown.json()]).toEqual([200, stub]);
    const known = await ben.fetch("GET", `/posts/${thread.id}`, undefined, { "if-none-match": shown.headers.get("etag") ?? "" });
    expect(known.status).toBe(304);
    expect(ids((await ben.comments(thread)).data)).toEqual([reply.id]);
    expect((await ben.posts.read(post)).comment_count).toBe(0);
    await expectProblem(await ben.fetch("GET", `/posts/${lone.id}`), 404, "not_found");
    for (const [method, path, body] of [["PUT", "/like"], ["GET", "/likes"], ["POST", "/comments", { caption: "x" }], ["PUT", "", { caption: "x" }], ["DELETE", ""]] as const) {
      await expectProblem(await asha.fetch(method, `/posts/${thread.id}${path}`, body), 404, "not_found");
    }
    // With its last reply, the stub goes too.
    await ben.posts.delete(reply);
    await expectProblem(await ben.fetch("GET", `/posts/${thread.id}`), 404, "not_found");
    expect((await ben.comments(post)).data).toEqual([]);
  });

  test("a stub is for whom the post was for", async () => {
    const { asha, ben, post } = await ashaBenAndHisPost("followers");
    await world.state.follow(asha, ben);
    await asha.comment(post, "Lovely");
    await ben.posts.delete(post);
    expect(await asha.posts.read(post)).toEqual({ id: post.id, deleted: true });
    await expectProblem(await world.anonymous.fetch("GET", `/posts/${post.id}`), 404, "not_found");
    await world.state.suspend(ben);
    await expectProblem(await asha.fetch("GET", `/posts/${post.id}`), 404, "not_found");
  });

  test("a removed post leaves a stub that says as little", async () => {
    const { asha, post } = await ashaBenAndHisPost();
    const mo = await world.moderator("mo");
    await asha.comment(post, "Lovely");
    await mo.posts.delete(post);
    expect(await asha.posts.read(post)).toEqual({ id: post.id, deleted: true });
    expect((await asha.comments(post)).data).toHaveLength(1);
  });
});

describe("many at once", () => {
  test("200 comments on one post are counted 200 times", async () => {
    const { ben, post } = await ashaBenAndHisPost();
    const crowd = await world.crowd("guest", MANY);
    const { told, overlap } = await world.control.watchingOverlap({ containing: post.id, count: MANY }, () =>
      Promise.all(crowd.map((person) => person.comment(post, "Lovely"))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true, arrived: MANY });
    expect(new Set(ids(told)).size).toBe(MANY);
    expect((await ben.posts.read(post)).comment_count).toBe(MANY);
    expect(ids(await readAllPages<Post>(ben, `/posts/${post.id}/comments`, 100))).toEqual(ids(told).toSorted());
  });

  test("comments beside the deletion of their post are there under its stub, or were refused", async () => {
    const { ben, post } = await ashaBenAndHisPost();
    const crowd = await world.crowd("guest", 40);
    const { told, overlap } = await world.control.watchingOverlap({ containing: post.id, count: 41 }, () =>
      Promise.all([
        ...crowd.map((person) => person.fetch("POST", `/posts/${post.id}/comments`, { caption: "Lovely" })),
        ben.fetch("DELETE", `/posts/${post.id}`),
      ]),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(told.at(-1)?.status).toBe(204);
    const written = told.filter(({ status }) => status === 201).length;
    expect(told.filter(({ status }) => status === 404)).toHaveLength(40 - written);
    expect(await world.state.number("select comment_count from posts where id = ?1", post.id)).toBe(written);
  });
});
