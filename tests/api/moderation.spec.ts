/** Reports, and what moderators do about them. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { limits } from "./harness/limits.ts";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Account, Me, ModeratedReport, Page, Post, Report, ShortPerson } from "./harness/shapes.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const report = (who: Actor, body: object, headers = {}) => who.fetch("POST", "/reports", body, headers);
const reported = (who: Actor, body: object) => who.expect<Report>(201, "POST", "/reports", { reason: "spam", ...body });
const resolve = (who: Actor, { id }: { id: string }, action: string, note?: string) =>
  who.fetch("POST", `/admin/reports/${id}/resolve`, { action, note });
const resolved = (who: Actor, { id }: { id: string }, action: string, note?: string) =>
  who.expect<ModeratedReport>(200, "POST", `/admin/reports/${id}/resolve`, { action, note });
const list = (who: Actor, query = "") => who.expect<Page<ModeratedReport>>(200, "GET", `/admin/reports${query}`);
const rowsOf = (who: PersonActor) => world.state.number("select count(*) from reports where reporter_id = ?1", who.id);
const kindsOf = async (whom: PersonActor) =>
  // Those of one batch are of one moment, so their order says nothing.
  (await world.state.events(whom)).map(({ kind }) => kind).filter((kind) => ["post_removed", "report_resolved", "status_changed"].includes(kind)).toSorted();
const stateOf = async ({ id }: { id: string }) => (await world.state.rows("select resolved_by, action, note from reports where id = ?1", id))[0];
const statusOf = async ({ id }: PersonActor) => (await world.state.rows<{ status: string }>("select status from users where id = ?1", id))[0]?.status;
const OPEN = { resolved_by: null, action: null, note: "" };

/** Asha, who reports a post of Ben's, and Mo, who moderates. */
async function aReport() {
  const [asha, ben, mo] = [await world.person("asha"), await world.person("ben"), await world.moderator("mo")];
  const post = await ben.posts.create({ caption: "Cheap watches" });
  return { asha, ben, mo, post, made: await reported(asha, { post_id: post.id }) };
}

afterEach(async () => {
  await world.control.settle();
  expect(await world.state.wrongCounters()).toEqual([]);
});

describe("a report", () => {
  test("of a post says what was reported, and nothing of what becomes of it", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const post = await ben.posts.create({ caption: "Cheap watches" });
    const response = await report(asha, { post_id: post.id, reason: "spam", comment: "Under every post.\nAgain." });
    expect(response.status).toBe(201);
    const made = (await response.json()) as Report;
    expect(made).toEqual({
      id: made.id,
      post_id: post.id,
      username: null,
      reason: "spam",
      comment: "Under every post.\nAgain.",
      created_at: made.created_at,
    });
    expect(response.headers.get("location")).toBe(`/api/v1/admin/reports/${made.id}`);
    expect((await world.control.recordOf(response)).trips).toHaveLength(1);
  });

  test("of a person finds them by their username in any case", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const made = await reported(asha, { username: ben.username.toUpperCase(), post_id: null, reason: "abuse", comment: null });
    expect(made).toMatchObject({ post_id: null, username: ben.username, reason: "abuse", comment: "" });
  });

  test("is of one thing: a post or a person", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const post = await ben.posts.create({ caption: "x" });
    for (const nothing of [{}, { post_id: null, username: null }]) {
      await expectInvalid(await report(asha, { reason: "spam", ...nothing }), { "": "required" });
    }
    const both = { post_id: post.id, username: ben.username, reason: "spam" };
    await expectInvalid(await report(asha, both), { "/username": "not_together" });
    for (const id of ["x", "", post.id.toUpperCase(), "'; drop table reports; --"]) {
      await expectInvalid(await report(asha, { post_id: id, reason: "spam" }), { "/post_id": "invalid_format" });
    }
    expect(await rowsOf(asha)).toBe(0);
  });

  test("has one of four reasons, and a comment of at most 1,000 characters", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const body = { username: ben.username };
    await expectInvalid(await report(asha, body), { "/reason": "required" });
    for (const reason of ["", "Spam", "boring"]) await expectInvalid(await report(asha, { ...body, reason }), { "/reason": "invalid_value" });
    const comment = "\u{1f980}".repeat(1_000);
    await expectInvalid(await report(asha, { ...body, reason: "other", comment: `${comment}x` }), { "/comment": "too_long" });
    await expectInvalid(await report(asha, { ...body, reason: "other", comment: "a\u0000b" }), { "/comment": "invalid_characters" });
    expect(await reported(asha, { ...body, reason: "other", comment })).toMatchObject({ comment });
    expect(await rowsOf(asha)).toBe(1);
  });

  test("twice is one while it is open, and another once it was resolved", async () => {
    const { asha, mo, post, made } = await aReport();
    const again = await reported(asha, { post_id: post.id, reason: "abuse", comment: "Now!" });
    expect(again).toEqual(made);
    expect(await rowsOf(asha)).toBe(1);
    await resolved(mo, made, "dismiss");
    const anew = await reported(asha, { post_id: post.id });
    expect(anew.id).not.toBe(made.id);
    expect(await rowsOf(asha)).toBe(2);
  });

  test("of a post, of its author, of another post and by another are different", async () => {
    const { asha, ben, mo, post, made } = await aReport();
    const other = await ben.posts.create({ caption: "More watches" });
    const all = [
      made,
      await reported(asha, { username: ben.username }),
      await reported(asha, { post_id: other.id }),
      await reported(mo, { post_id: post.id }),
    ];
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
  });

  test("sent 30 times at once is one", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const body = { username: ben.username };
    const { told, overlap } = await world.control.watchingOverlap({ containing: ben.username, count: 30 }, () =>
      Promise.all(Array.from({ length: 30 }, () => reported(asha, body))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true, arrived: 30 });
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    expect(await rowsOf(asha)).toBe(1);
  });

  test("is replayed by its idempotency key, and is not another's or another thing's", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const headers = { "idempotency-key": randomUUID() };
    const body = { username: ben.username, reason: "spam" };
    const first = await report(asha, body, headers);
    const left = limits(first, "ratelimit")["report-account"]?.["r"];
    const again = await report(asha, body, headers);
    expect([first.status, again.status, again.headers.get("idempotent-replayed")]).toEqual([201, 201, "true"]);
    expect(await again.text()).toBe(await first.text());
    await expectProblem(await report(asha, { ...body, reason: "abuse" }, headers), 422, "idempotency_key_reused");
    // Neither of the two was counted.
    const next = await report(asha, { ...body, reason: "other" });
    expect(limits(next, "ratelimit")["report-account"]?.["r"]).toBe((left ?? 0) - 1);
    expect(await rowsOf(asha)).toBe(1);
  });

  test("takes nothing that moderators or Kith decide", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const gifts = { id: uuidV7(), reporter_id: ben.id, account_id: ben.id, created_at: "2020-01-01T00:00:00Z", resolved_at: 1, resolved_by: ben.id, action: "suspend", note: "x", status: "resolved" };
    for (const [name, value] of Object.entries(gifts)) {
      await expectInvalid(await report(asha, { username: ben.username, reason: "spam", [name]: value }), { [`/${name}`]: "unknown_field" });
    }
    expect(await rowsOf(asha)).toBe(0);
  });

  test("that cannot be sent now can be sent again", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    for (const when of ["before", "after"] as const) {
      const lost = await world.control.withFaults([{ on: "d1", when, times: 1, containing: ben.username }], () => report(asha, { username: ben.username, reason: "spam" }));
      await expectProblem(lost, 503, "dependency_unavailable");
    }
    await reported(asha, { username: ben.username });
    expect(await rowsOf(asha)).toBe(1);
  });
});

describe("what one can report", () => {
  test("is what one sees: the hidden and the absent are not found, with the same bytes", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const [hidden, deleted, removed] = [
      await ben.posts.create({ caption: "for friends", visibility: "followers" }),
      await ben.posts.create({ caption: "goes" }),
      await ben.posts.create({ caption: "went" }),
    ];
    await ben.posts.delete(deleted);
    const mo = await world.moderator("mo");
    await resolved(mo, await reported(mo, { post_id: removed.id }), "remove_post");
    const [gone, blocker] = [await world.person("gone"), await world.person("blocker")];
    await world.state.suspend(gone);
    await world.state.block(blocker, asha);
    const blockers = await blocker.posts.create({ caption: "not for her" });
    const targets = [
      { post_id: uuidV7() },
      { post_id: hidden.id },
      { post_id: deleted.id },
      { post_id: removed.id },
      { post_id: blockers.id },
      { username: "nobody_at_all" },
      { username: gone.username },
      { username: blocker.username },
      { username: "" },
    ];
    const answers = [];
    for (const target of targets) {
      const response = await report(asha, { ...target, reason: "spam" });
      await expectProblem(response.clone(), 404, "not_found");
      answers.push(await withoutRequestId(response));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await rowsOf(asha)).toBe(0);
    await world.state.follow(asha, ben);
    await reported(asha, { post_id: hidden.id });
  });

  test("includes whom one blocks", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const [post, friends] = [await ben.posts.create({ caption: "Cheap watches" }), await ben.posts.create({ caption: "for friends", visibility: "followers" })];
    const comment = await (await world.person("cleo")).comment(post, "Cheaper ones");
    await asha.block(ben);
    await reported(asha, { username: ben.username });
    await reported(asha, { post_id: post.id });
    await reported(asha, { post_id: comment.id });
    // It opens nothing else, and not to whom they block.
    await expectProblem(await asha.fetch("GET", `/posts/${post.id}`), 404, "not_found");
    await expectProblem(await report(asha, { post_id: friends.id, reason: "spam" }), 404, "not_found");
    await world.state.block(ben, asha);
    for (const id of [post.id, comment.id]) await expectProblem(await report(asha, { post_id: id, reason: "abuse" }), 404, "not_found");
  });

  test("is not oneself, and nothing of one's own", async () => {
    const asha = await world.person("asha");
    const post = await asha.posts.create({ caption: "mine" });
    for (const own of [{ post_id: post.id }, { username: asha.username }]) {
      await expectProblem(await report(asha, { ...own, reason: "spam" }), 403, "own_report");
    }
    expect(await rowsOf(asha)).toBe(0);
  });

  test("is for those with an account that may act", async () => {
    const [asha, ben] = [await world.person("asha"), await world.person("ben")];
    const body = { username: ben.username, reason: "spam" };
    await expectProblem(await report(world.anonymous, body), 401, "authentication_required");
    await world.state.suspend(asha);
    await expectProblem(await report(asha, body), 403, "account_suspended");
    expect(await rowsOf(asha)).toBe(0);
  });
});

describe("the list of reports", () => {
  test("shows who reports whom, what for, and what hides from everyone else", async () => {
    const [asha, ben, mo] = [await world.person("asha"), await world.person("ben"), await world.moderator("mo")];
    await world.state.follow(asha, ben);
    const post = await ben.posts.create({ caption: "for friends", visibility: "followers" });
    const made = await reported(asha, { post_id: post.id, reason: "nudity", comment: "See." });
    const about = await reported(asha, { username: ben.username, reason: "abuse" });
    const short = ({ id, username }: PersonActor, name: string) => ({ id, username, display_name: name, avatar_url: null });
    const common = { reporter: short(asha, "asha"), account: { ...short(ben, "ben"), role: "user", status: "active" }, resolution: null };
    const ofPost = { id: made.id, created_at: made.created_at, reason: "nudity", comment: "See.", ...common };
    const shown = { id: post.id, caption: "for friends", visibility: "followers" };
    const { data } = await list(mo, "?limit=2");
    expect(data).toEqual([
      { id: about.id, created_at: about.created_at, reason: "abuse", comment: "", post: null, ...common },
      { ...ofPost, post: { ...shown, state: "there" } },
    ]);
    await ben.posts.delete(post);
    expect((await list(mo, "?limit=2")).data[1]).toEqual({ ...ofPost, post: { ...shown, caption: "", state: "deleted" } });
    await world.state.suspend(ben);
    await world.state.suspend(asha);
    expect((await list(mo, "?limit=2")).data[0]).toMatchObject({ id: about.id, account: { status: "suspended" } });
  });

  test("goes through what is open and what is resolved, newest first, each once", async () => {
    const [asha, mo] = [await world.person("asha"), await world.moderator("mo")];
    const made: Report[] = [];
    for (const { username } of await world.crowd("reported", 6)) made.push(await reported(asha, { username }));
    const done = made.filter((_, index) => index % 2 === 0);
    for (const one of done) await resolved(mo, one, "dismiss");
    for (const [query, expected] of [["status=open", made.filter((one) => !done.includes(one))], ["status=resolved", done]] as const) {
      const found: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Page<ModeratedReport> = await list(mo, `?limit=2&${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
        found.push(...page.data.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(found).toEqual(found.toSorted().toReversed());
      expect(new Set(found).size).toBe(found.length);
      expect(found.filter((id) => made.some((one) => one.id === id))).toEqual(expected.map(({ id }) => id).toReversed());
    }
  });

  test("is of what is open unless said otherwise, with cursors of its own", async () => {
    await aReport();
    const { mo, made } = await aReport();
    expect((await list(mo, "?limit=1")).data[0]?.id).toBe(made.id);
    const { next_cursor: cursor } = await list(mo, "?limit=1&status=open");
    expect(cursor).not.toBeNull();
    for (const path of [`/admin/reports?status=resolved&cursor=${cursor}`, `/admin/users?cursor=${cursor}`]) {
      await expectProblem(await mo.fetch("GET", path), 400, "malformed_cursor");
    }
    for (const status of ["all", "Open", ""]) await expectInvalid(await mo.fetch("GET", `/admin/reports?status=${status}`), { "/status": "invalid_value" });
    await expectInvalid(await mo.fetch("GET", "/admin/reports?reporter=x"), { "/reporter": "unknown_field" });
  });
});

describe("who may moderate", () => {
  test("moderators and admins, and nobody else", async () => {
    const { asha, mo, made } = await aReport();
    const rosa = await world.admin("rosa");
    await expectProblem(await world.anonymous.fetch("GET", "/admin/reports"), 401, "authentication_required");
    await expectProblem(await resolve(world.anonymous, made, "dismiss"), 401, "authentication_required");
    await expectProblem(await asha.fetch("GET", "/admin/reports"), 403, "role_required");
    // Whether there is such a report is told to no one without the role.
    for (const which of [made, { id: uuidV7() }]) await expectProblem(await resolve(asha, which, "suspend"), 403, "role_required");
    for (const who of [mo, rosa]) await list(who);
    expect(await stateOf(made)).toEqual(OPEN);
  });

  test.for([
    ["suspended", (who: PersonActor) => world.state.suspend(who), 403, "account_suspended"],
    ["demoted", (who: PersonActor) => world.state.setRole(who, "user"), 403, "role_required"],
    ["signed out", (who: PersonActor) => who.expect<void>(204, "POST", "/auth/logout"), 401, "session_ended"],
  ] as const)("nobody who is %s, not even while they resolve", async ([, fate, status, code]) => {
    const { ben, mo, made } = await aReport();
    await expectProblem(await world.control.holding(made.id, () => resolve(mo, made, "suspend"), () => fate(mo)), status, code);
    await expectProblem(await resolve(mo, made, "remove_post"), status, code);
    await expectProblem(await mo.fetch("GET", "/admin/reports"), status, code);
    expect([await stateOf(made), await statusOf(ben), await kindsOf(ben)]).toEqual([OPEN, "active", []]);
  });

  test("moderators suspend plain users only, admins anyone but themselves", async () => {
    const [asha, mo, max, rosa, sol] = [
      await world.person("asha"),
      await world.moderator("mo"),
      await world.moderator("max"),
      await world.admin("rosa"),
      await world.admin("sol"),
    ];
    for (const [who, whom] of [[mo, max], [mo, mo], [mo, rosa], [rosa, rosa]] as const) {
      const made = await reported(asha, { username: whom.username });
      await expectProblem(await resolve(who, made, "suspend"), 403, "role_required");
      expect([await stateOf(made), await statusOf(whom)]).toEqual([OPEN, "active"]);
    }
    for (const whom of [max, sol]) {
      await resolved(rosa, await reported(asha, { username: whom.username }), "suspend");
      await expectProblem(await list(rosa).then(() => whom.fetch("GET", "/admin/users")), 403, "account_suspended");
    }
  });

  test("the last admin cannot suspend themselves", async () => {
    await world.state.dismissAdmins();
    const [asha, rosa] = [await world.person("asha"), await world.admin("rosa")];
    await expectProblem(await resolve(rosa, await reported(asha, { username: rosa.username }), "suspend"), 403, "role_required");
    expect(await statusOf(rosa)).toBe("active");
  });
});

describe("a resolution", () => {
  test("of a report that nobody made is not found", async () => {
    const { mo, post } = await aReport();
    for (const id of [uuidV7(), post.id, mo.id, "x", "%00", "a%2Fb", "' or 1=1 --"]) {
      await expectProblem(await mo.fetch("POST", `/admin/reports/${id}/resolve`, { action: "dismiss" }), 404, "not_found");
    }
  });

  test("is one of four, with a note of at most 1,000 characters", async () => {
    const { mo, made } = await aReport();
    const send = (body: object) => mo.fetch("POST", `/admin/reports/${made.id}/resolve`, body);
    await expectInvalid(await send({}), { "/action": "required" });
    for (const action of ["", "delete", "Dismiss"]) await expectInvalid(await send({ action }), { "/action": "invalid_value" });
    await expectInvalid(await send({ action: "warn", note: "n".repeat(1_001) }), { "/note": "too_long" });
    for (const name of ["resolved_by", "at", "status", "reason", "id"]) await expectInvalid(await send({ action: "warn", [name]: "x" }), { [`/${name}`]: "unknown_field" });
    expect(await stateOf(made)).toEqual(OPEN);
  });

  test("to remove a post is for reports of a post", async () => {
    const [asha, ben, mo] = [await world.person("asha"), await world.person("ben"), await world.moderator("mo")];
    const made = await reported(asha, { username: ben.username });
    await expectInvalid(await resolve(mo, made, "remove_post"), { "/action": "invalid_value" });
    expect(await stateOf(made)).toEqual(OPEN);
  });

  test("to dismiss ends the report and nothing else", async () => {
    const { asha, ben, mo, post, made } = await aReport();
    const response = await resolve(mo, made, "dismiss", "Just a watchmaker.");
    expect(response.status).toBe(200);
    expect((await world.control.recordOf(response)).trips).toHaveLength(1);
    const answer = (await response.json()) as ModeratedReport;
    const by = { id: mo.id, username: mo.username, display_name: "mo", avatar_url: null };
    expect(answer).toMatchObject({ id: made.id, post: { state: "there" }, resolution: { action: "dismiss", note: "Just a watchmaker.", by } });
    expect(Math.abs(Date.parse(answer.resolution?.at ?? "") - Date.now())).toBeLessThan(60_000);
    expect((await list(mo, "?status=resolved&limit=1")).data).toEqual([answer]);
    expect((await list(mo, "?limit=100")).data.map(({ id }) => id)).not.toContain(made.id);
    expect((await asha.posts.read(post)).id).toBe(post.id);
    expect(await world.state.events(ben)).toMatchObject([
      {},
      { kind: "report_resolved", actor_id: mo.id, details: JSON.stringify({ report_id: made.id, action: "dismiss", post_id: post.id }) },
    ]);
    expect(await world.state.jobsOf(post)).toEqual([]);
  });

  test("happens once", async () => {
    const { ben, mo, made } = await aReport();
    await resolved(mo, made, "dismiss");
    for (const action of ["dismiss", "remove_post", "warn", "suspend"]) await expectProblem(await resolve(mo, made, action), 409, "report_resolved");
    expect([await kindsOf(ben), await statusOf(ben)]).toEqual([["report_resolved"], "active"]);
  });

  test("to warn tells the person, of the post it is about, and names nobody", async () => {
    const { ben, mo, post, made } = await aReport();
    await resolved(mo, made, "warn");
    await world.jobsDone(post);
    const told = await world.state.rows("select kind, subject_id from notifications where recipient_id = ?1", ben.id);
    expect(told).toEqual([{ kind: "moderation", subject_id: post.id }]);
    expect(JSON.stringify(await ben.notifications())).not.toContain(mo.id);
    expect([await statusOf(ben), await kindsOf(ben)]).toEqual(["active", ["report_resolved"]]);
  });

  test("to warn a person tells them of no post", async () => {
    const [asha, ben, mo] = [await world.person("asha"), await world.person("ben"), await world.moderator("mo")];
    await resolved(mo, await reported(asha, { username: ben.username }), "warn");
    await world.jobsDone(ben);
    expect(await world.state.rows("select kind, subject_id from notifications where recipient_id = ?1", ben.id)).toEqual([
      { kind: "moderation", subject_id: ben.id },
    ]);
  });

  test("to remove a post takes its counters, words and likes' news away, and tells its author", async () => {
    const { asha, ben, mo, post, made } = await aReport();
    await asha.like(post);
    await world.jobsDone(post);
    const indexed = () => world.state.number("select count(*) from posts_text where rowid = (select number from posts where id = ?1)", post.id);
    expect([await indexed(), (await ben.profile()).post_count]).toEqual([1, 1]);
    const answer = await resolved(mo, made, "remove_post");
    expect(answer.post).toMatchObject({ caption: "Cheap watches", state: "removed" });
    expect([await indexed(), (await ben.profile()).post_count]).toEqual([0, 0]);
    await world.jobsDone(post);
    expect(await world.state.rows("select kind from notifications where recipient_id = ?1", ben.id)).toEqual([{ kind: "moderation" }]);
    expect(await kindsOf(ben)).toEqual(["post_removed", "report_resolved"]);
  });

  test("to remove a post that is gone changes nothing else", async () => {
    const { asha, ben, mo, post, made } = await aReport();
    const [other, later] = [await reported(mo, { post_id: post.id }), await reported(await world.person("cleo"), { post_id: post.id })];
    await resolved(mo, made, "remove_post");
    await world.jobsDone(post);
    expect((await resolved(mo, other, "remove_post")).post?.state).toBe("removed");
    expect([(await ben.profile()).post_count, await kindsOf(ben)]).toEqual([0, ["post_removed", "report_resolved", "report_resolved"]]);
    const mine = await asha.posts.create({ caption: "goes" });
    const ofMine = await reported(ben, { post_id: mine.id });
    await asha.posts.delete(mine);
    expect((await resolved(mo, ofMine, "remove_post")).post?.state).toBe("deleted");
    expect([(await asha.profile()).post_count, await kindsOf(asha)]).toEqual([0, ["report_resolved"]]);
    await world.jobsDone(post);
    expect(await world.state.number("select actor_count from notifications where recipient_id = ?1 and kind = 'moderation'", ben.id)).toBe(1);
    await resolved(mo, later, "dismiss");
  });

  test("to suspend acts on the very next request, on every device", async () => {
    const { ben, mo, made } = await aReport();
    const phone = await ben.onAnotherDevice();
    const seen = await world.state.number("select standing_version from users where id = ?1", ben.id);
    expect((await resolved(mo, made, "suspend")).account.status).toBe("suspended");
    for (const device of [ben, phone]) await expectProblem(await device.fetch("GET", "/profile"), 403, "account_suspended");
    await expectProblem(await world.anonymous.fetch("POST", "/auth/login", { username: ben.username, password: ben.password }), 403, "account_suspended");
    expect(await world.state.number("select standing_version from users where id = ?1", ben.id)).toBe(seen + 1);
    expect(await kindsOf(ben)).toEqual(["report_resolved", "status_changed"]);
    expect((await world.state.events(ben)).find(({ kind }) => kind === "status_changed")).toMatchObject({
      actor_id: mo.id,
      details: JSON.stringify({ from: "active", to: "suspended" }),
    });
  });

  test("to suspend who is suspended already is one more resolution, and no change", async () => {
    const { asha, ben, mo, made } = await aReport();
    const other = await reported(asha, { username: ben.username });
    await resolved(mo, made, "suspend");
    await resolved(mo, other, "suspend");
    expect(await kindsOf(ben)).toEqual(["report_resolved", "report_resolved", "status_changed"]);
  });

  test("whose answer was lost has happened once", async () => {
    const { ben, mo, made } = await aReport();
    const before = await world.control.withFaults([{ on: "d1", when: "before", times: 1, containing: made.id }], () => resolve(mo, made, "suspend"));
    await expectProblem(before, 503, "dependency_unavailable");
    expect([await stateOf(made), await statusOf(ben)]).toEqual([OPEN, "active"]);
    const after = await world.control.withFaults([{ on: "d1", when: "after", times: 1, containing: made.id }], () => resolve(mo, made, "suspend"));
    await expectProblem(after, 503, "dependency_unavailable");
    await expectProblem(await resolve(mo, made, "suspend"), 409, "report_resolved");
    expect([await kindsOf(ben), await statusOf(ben)]).toEqual([["report_resolved", "status_changed"], "suspended"]);
  });

  test("tells the author even though the queue forgets", async () => {
    const { ben, mo, post, made } = await aReport();
    await world.control.withFaults([{ on: "queue", when: "forget", times: 2, containing: post.id }], async () => {
      await resolved(mo, made, "remove_post");
      await world.control.settle();
    });
    expect(await world.state.jobsOf(post)).toHaveLength(2);
    await world.state.makeDue(post);
    await world.control.sweep();
    await world.jobsDone(post);
    expect(await world.state.rows("select kind from notifications where recipient_id = ?1", ben.id)).toEqual([{ kind: "moderation" }]);
  });
});

describe("at the same moment", () => {
  test("two moderators resolve one report, 30 times: one does", async () => {
    const [asha, mo, max] = [await world.person("asha"), await world.moderator("mo"), await world.moderator("max")];
    const crowd = await world.crowd("reported", 30);
    const made: { post: Post; author: PersonActor; report: string }[] = [];
    for (const [index, author] of crowd.entries()) {
      const post = await author.posts.create({ caption: `round ${index}` });
      const who = await reported(index % 2 === 0 ? asha : mo, { post_id: post.id });
      made.push({ post, author, report: who.id });
    }
    let first = 0;
    for (const [index, { author, report: id }] of made.entries()) {
      const actions = [["remove_post", "suspend"], ["suspend", "suspend"], ["remove_post", "remove_post"]][index % 3] as [string, string];
      const { told, overlap } = await world.control.watchingOverlap({ containing: id, count: 2 }, () =>
        Promise.all([resolve(mo, { id }, actions[0]), resolve(max, { id }, actions[1])]),
      );
      // What the round before has left to do may be under way too.
      expect(overlap).toMatchObject({ barrierFilled: true, arrived: 2 });
      expect(overlap.most).toBeGreaterThanOrEqual(2);
      const winner = told.findIndex(({ status }) => status === 200);
      expect(told.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      await expectProblem(told[1 - winner] as Response, 409, "report_resolved");
      first += winner === 0 ? 1 : 0;
      expect(await stateOf({ id })).toMatchObject({ resolved_by: [mo, max][winner]?.id, action: actions[winner] });
      const effect = actions[winner] === "suspend" ? "status_changed" : "post_removed";
      expect(await kindsOf(author)).toEqual(["report_resolved", effect].toSorted());
    }
    console.info(`of 30 reports resolved by two at once, ${first} were the first one's`);
  }, 60_000);

  test("a resolution and the deletion of its post count it away once", async () => {
    const [asha, mo] = [await world.person("asha"), await world.moderator("mo")];
    for (const author of await world.crowd("author", 10)) {
      const post = await author.posts.create({ caption: "goes" });
      const made = await reported(asha, { post_id: post.id });
      // Both leave a job.
      const { told, overlap } = await world.control.watchingOverlap({ containing: "insert into jobs", count: 2 }, () =>
        Promise.all([resolve(mo, made, "remove_post"), author.fetch("DELETE", `/posts/${post.id}`)]),
      );
      expect(overlap).toMatchObject({ barrierFilled: true, arrived: 2 });
      expect(told[0].status).toBe(200);
      expect([204, 404]).toContain(told[1].status);
      expect((await author.profile()).post_count).toBe(0);
    }
  });

  test("a removal on a report and one without tell the author once", async () => {
    const [asha, mo, max] = [await world.person("asha"), await world.moderator("mo"), await world.moderator("max")];
    for (const author of await world.crowd("author", 10)) {
      const post = await author.posts.create({ caption: "goes" });
      const made = await reported(asha, { post_id: post.id });
      const { told, overlap } = await world.control.watchingOverlap({ containing: "insert into jobs", count: 2 }, () =>
        Promise.all([resolve(mo, made, "remove_post"), max.fetch("DELETE", `/posts/${post.id}`)]),
      );
      expect(overlap).toMatchObject({ barrierFilled: true, arrived: 2 });
      expect(told[0].status).toBe(200);
      expect([204, 404]).toContain(told[1].status);
      await world.jobsDone(post);
      expect(await world.state.rows("select kind, actor_count from notifications where recipient_id = ?1", author.id)).toEqual([{ kind: "moderation", actor_count: 1 }]);
      expect((await kindsOf(author)).filter((kind) => kind === "post_removed")).toHaveLength(1);
    }
  });
});

describe("everywhere at once", () => {
  /** Ben's traces: posts, a like, a follow both ways, a notification at Asha's. */
  async function traces() {
    const [asha, ben, mo] = [await world.person("asha"), await world.person("ben"), await world.moderator("mo")];
    const [post, other, ashas] = [
      await ben.posts.create({ caption: "Cheap watches" }),
      await ben.posts.create({ caption: "A boat" }),
      await asha.posts.create({ caption: "First light" }),
    ];
    await world.state.follow(asha, ben);
    await ben.like(ashas);
    await asha.like(post);
    await world.jobsDone(ashas);
    await world.jobsDone(post);
    return { asha, ben, mo, post, other, ashas };
  }
  type Traces = Awaited<ReturnType<typeof traces>>;

  /** What each read route shows of Ben and of his two posts, by this bookmark if there is one. */
  async function seen(who: Actor, { ben, post, other, ashas }: Traces, bookmark?: string): Promise<Record<string, unknown>> {
    const headers: Record<string, string> = bookmark === undefined ? {} : { "d1-bookmark": bookmark };
    const get = (path: string) => who.fetch("GET", path, undefined, headers);
    const status = async (path: string) => (await get(path)).status;
    const listed = async <T extends { id: string }>(path: string) => ((await (await get(path)).json()) as Page<T>).data;
    const posts = await listed<Post>("/posts?limit=100");
    const likers = await listed<ShortPerson>(`/posts/${ashas.id}/likes`);
    const signedIn = who !== world.anonymous;
    return {
      post: await status(`/posts/${post.id}`),
      other: await status(`/posts/${other.id}`),
      likes: await status(`/posts/${post.id}/likes`),
      profile: await status(`/users/${ben.username}`),
      listed: [post, other].map(({ id }) => posts.some((one) => one.id === id)),
      liker: likers.some(({ id }) => id === ben.id),
      told: signedIn && JSON.stringify(await (await get("/notifications")).json()).includes(ben.id),
    };
  }

  const all = (told: boolean) => ({ post: 200, other: 200, likes: 200, profile: 200, listed: [true, true], liker: true, told });

  test("a removed post is there for nobody, its author included, and for moderators to look at", async () => {
    const stage = await traces();
    const { asha, ben, mo, post } = stage;
    const made = await reported(asha, { post_id: post.id });
    for (const who of [asha, ben, world.anonymous]) expect(await seen(who, stage)).toEqual(all(who === asha));
    const response = await resolve(mo, made, "remove_post");
    const bookmark = response.headers.get("d1-bookmark") ?? "";
    expect(response.status).toBe(200);
    expect(bookmark).not.toBe("");
    for (const who of [asha, ben, mo, world.anonymous]) {
      for (const mark of [undefined, bookmark]) {
        expect(await seen(who, stage, mark)).toEqual({ ...all(who === asha), post: 404, likes: 404, listed: [false, true] });
      }
    }
    for (const [method, path] of [["PUT", "/like"], ["DELETE", "/like"], ["DELETE", ""]] as const) {
      await expectProblem(await ben.fetch(method, `/posts/${post.id}${path}`), 404, "not_found");
    }
    const [newest] = (await list(mo, "?status=resolved&limit=1")).data;
    expect(newest).toMatchObject({ id: made.id, post: { id: post.id, caption: "Cheap watches", state: "removed" } });
  });

  test("a suspended person is there for nobody, until an admin lets them back", async () => {
    const stage = await traces();
    const { asha, ben, mo } = stage;
    const rosa = await world.admin("rosa");
    const made = await reported(asha, { username: ben.username });
    const before = await ben.expect<Me>(200, "GET", "/profile");
    const response = await resolve(mo, made, "suspend");
    const bookmark = response.headers.get("d1-bookmark") ?? "";
    expect(response.status).toBe(200);
    expect(bookmark).not.toBe("");
    const nothing = { post: 404, other: 404, likes: 404, profile: 404, listed: [false, false], liker: false, told: false };
    for (const who of [asha, mo, world.anonymous]) {
      for (const mark of [undefined, bookmark]) expect(await seen(who, stage, mark)).toEqual(nothing);
    }
    for (const path of ["/profile", "/posts", "/notifications", `/users/${asha.username}`]) {
      await expectProblem(await ben.fetch("GET", path), 403, "account_suspended");
      await expectProblem(await ben.fetch("GET", path, undefined, { "d1-bookmark": bookmark }), 403, "account_suspended");
    }
    const [newest] = (await list(mo, "?status=resolved&limit=1")).data;
    expect(newest).toMatchObject({ id: made.id, account: { id: ben.id, status: "suspended" } });
    await rosa.expect<Account>(200, "PATCH", `/admin/users/${ben.username}`, { status: "active" });
    for (const who of [asha, ben, world.anonymous]) expect(await seen(who, stage)).toEqual(all(who === asha));
    expect(await ben.expect<Me>(200, "GET", "/profile")).toEqual(before);
  });

  test("a list of notifications that was kept is told anew to the author of a removed post", async () => {
    const { asha, ben, mo, post } = await traces();
    const made = await reported(asha, { post_id: post.id });
    const kept = (await ben.fetch("GET", "/notifications")).headers.get("etag") ?? "";
    const again = () => ben.fetch("GET", "/notifications", undefined, { "if-none-match": kept });
    expect((await again()).status).toBe(304);
    await world.control.withFaults([{ on: "queue", when: "forget", times: 2, containing: post.id }], async () => {
      await resolved(mo, made, "remove_post");
      const response = await again();
      expect(response.status).toBe(200);
      expect(await response.text()).not.toContain("Cheap watches");
      await world.control.settle();
    });
    await world.state.makeDue(post);
    await world.control.sweep();
    await world.jobsDone(post);
  });
});
