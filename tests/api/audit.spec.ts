/** The audit log: what is in it, what is not, and who reads it. */
import { describe, expect, test } from "vitest";
import type { PersonActor } from "./harness/person.ts";
import { expectBadToken, expectInvalid, expectProblem } from "./harness/problem.ts";
import type { AuditEvent, Page } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const read = (who: PersonActor, query = "") => who.expect<Page<AuditEvent>>(200, "GET", `/admin/audit${query}`);
const refresh = (token: string) => world.anonymous.fetch("POST", "/auth/refresh", { refresh_token: token });

/** The events about somebody, newest first, by the route; those of this kind. */
async function eventsOf(who: PersonActor, { id }: { id: string }, kind?: string): Promise<AuditEvent[]> {
  const found: AuditEvent[] = [];
  const filter = `account=${id}${kind === undefined ? "" : `&kind=${kind}`}&limit=100`;
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Page<AuditEvent> = await read(who, `?${filter}${cursor === "" ? "" : `&cursor=${cursor}`}`);
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

/** Lets the grace of a session's used token be over. */
const ageTokens = ({ id }: PersonActor) => world.state.run("update sessions set rotated_at = 1 where user_id = ?1", id);

const sessionOf = (person: PersonActor) => person.refreshToken.split(".")[0] ?? "";

describe("an event", () => {
  test("of signing out says who, which session, when and by which request", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const response = await asha.fetch("POST", "/auth/logout");
    const [event, ...others] = await eventsOf(rosa, asha, "signed_out");
    expect(others).toEqual([]);
    expect(event).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      kind: "signed_out",
      actor_id: asha.id,
      account_id: asha.id,
      session_id: sessionOf(asha),
      request_id: response.headers.get("x-request-id"),
      details: {},
    });
    // The id holds the same time.
    expect(Number.parseInt((event?.id ?? "").replaceAll("-", "").slice(0, 12), 16)).toBe(Date.parse(event?.at ?? ""));
  });

  test("is there once, however often one signs out", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const answers = await Promise.all(Array.from({ length: 10 }, () => asha.fetch("POST", "/auth/logout")));
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    await expectBadToken(await asha.fetch("POST", "/auth/logout"), "session_ended");
    expect(await eventsOf(rosa, asha, "signed_out")).toHaveLength(1);
  });

  test("of a refresh token that was used again is there once, for it ends the session", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    expect((await refresh(asha.refreshToken)).status).toBe(200);
    expect((await refresh(asha.refreshToken)).status).toBe(200);
    expect(await eventsOf(rosa, asha, "refresh_reused")).toEqual([]);
    await ageTokens(asha);
    const { told, overlap } = await world.control.watchingOverlap({ containing: sessionOf(asha), count: 20 }, () =>
      Promise.all(Array.from({ length: 20 }, () => refresh(asha.refreshToken))),
    );
    expect(overlap.most).toBeGreaterThan(1);
    const codes = await Promise.all(told.map(async (response) => ((await response.json()) as { code: string }).code));
    expect(codes.filter((code) => code === "refresh_reused")).toHaveLength(1);
    expect(codes.filter((code) => code === "session_ended")).toHaveLength(19);
    const guilty = told[codes.indexOf("refresh_reused")];
    expect(await eventsOf(rosa, asha, "refresh_reused")).toMatchObject([
      { actor_id: null, account_id: asha.id, session_id: sessionOf(asha), request_id: guilty?.headers.get("x-request-id"), details: {} },
    ]);
  });

  test("of a changed standing says what it was and what it is", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const response = await rosa.fetch("PATCH", `/admin/users/${asha.username}`, { role: "moderator", status: "suspended", plan: "pro" });
    const common = { actor_id: rosa.id, account_id: asha.id, session_id: null, request_id: response.headers.get("x-request-id") };
    const found = await eventsOf(rosa, asha);
    const changes = found.filter(({ kind }) => kind.endsWith("_changed")).toSorted((one, other) => one.kind.localeCompare(other.kind));
    expect(changes).toMatchObject([
      { kind: "plan_changed", ...common, details: { from: "free", to: "pro" } },
      { kind: "role_changed", ...common, details: { from: "user", to: "moderator" } },
      { kind: "status_changed", ...common, details: { from: "active", to: "suspended" } },
    ]);
  });

  test("of what changed nothing is not there", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const patch = (standing: object) => rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, standing);
    await patch({ role: "user", status: "active", plan: "free" });
    await patch({ role: "user", plan: "pro" });
    await patch({ plan: "pro" });
    const changes = (await eventsOf(rosa, asha)).filter(({ kind }) => kind.endsWith("_changed"));
    expect(changes).toMatchObject([{ kind: "plan_changed", details: { from: "free", to: "pro" } }]);
  });

  test("stands or falls with what it tells of", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const lost = (when: "before" | "after") =>
      world.control.withFaults([{ on: "d1", when, times: 1, containing: sessionOf(asha) }], () => asha.fetch("POST", "/auth/logout"));
    await expectProblem(await lost("before"), 503, "dependency_unavailable");
    expect(await eventsOf(rosa, asha, "signed_out")).toEqual([]);
    expect((await asha.profile()).id).toBe(asha.id);
    await expectProblem(await lost("after"), 503, "dependency_unavailable");
    expect(await eventsOf(rosa, asha, "signed_out")).toHaveLength(1);
    await expectBadToken(await asha.fetch("GET", "/profile"), "session_ended");
  });

  test("holds no name, no address and no secret", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await refresh(asha.refreshToken);
    await rosa.expect(200, "PATCH", `/admin/users/${asha.username}`, { plan: "pro" });
    await asha.fetch("POST", "/auth/logout");
    await ageTokens(asha);
    await refresh(asha.refreshToken);
    const rows = JSON.stringify(await world.state.rows("select * from audit_events"));
    expect(rows).toContain(asha.id);
    for (const secret of [asha.username, asha.email, asha.password, asha.accessToken, asha.refreshToken, asha.refreshToken.split(".")[2] ?? "-", rosa.username, "@"]) {
      expect(rows).not.toContain(secret);
    }
  });
});

describe("the log", () => {
  test("is read by admins only", async () => {
    const [asha, mo] = [await world.person("asha"), await world.moderator("mo")];
    await expectProblem(await world.anonymous.fetch("GET", "/admin/audit"), 401, "authentication_required");
    for (const who of [asha, mo]) {
      await expectProblem(await who.fetch("GET", `/admin/audit?account=${asha.id}`), 403, "role_required");
    }
  });

  test("goes from the newest to the oldest, each event once, over many pages", async () => {
    const rosa = await world.admin("rosa");
    for (const person of await world.crowd("crowd", 9)) await person.expect<void>(204, "POST", "/auth/logout");
    const known = await world.state.rows<{ id: string }>("select id from audit_events order by id desc");
    for (const limit of [4, 100]) {
      const found: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Page<AuditEvent> = await read(rosa, `?limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`);
        found.push(...page.data.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(found).toEqual(known.map(({ id }) => id));
    }
  });

  test("is picked by account and by kind, on short pages that lead on, at no more cost", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    await asha.expect<void>(204, "POST", "/auth/logout");
    for (const person of await world.crowd("crowd", 25)) await person.expect<void>(204, "POST", "/auth/logout");
    const page = await read(rosa, `?account=${asha.id}&limit=5`);
    expect(page.data).toEqual([]);
    expect(page.next_cursor).not.toBeNull();
    expect((await eventsOf(rosa, asha, "signed_out")).map(({ account_id: id }) => id)).toEqual([asha.id]);
    expect(await eventsOf(rosa, asha, "email_changed")).toEqual([]);
    const kinds = (await read(rosa, "?kind=signed_out&limit=100")).data.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(["signed_out"]));
  });

  test("takes no other parameter, and no other value", async () => {
    const rosa = await world.admin("rosa");
    const refused = (query: Record<string, string>) => rosa.fetch("GET", `/admin/audit?${new URLSearchParams(query).toString()}`);
    for (const kind of ["", "SignedOut", "signed_out ", "' or '1'='1", "unknown"]) {
      await expectInvalid(await refused({ kind }), { "/kind": "invalid_value" });
    }
    for (const account of ["", "asha", rosa.id.toUpperCase(), rosa.id.replaceAll("-", ""), "x'; drop table audit_events; --"]) {
      await expectInvalid(await refused({ account }), { "/account": "invalid_format" });
    }
    for (const name of ["actor", "from", "Kind"]) await expectInvalid(await refused({ [name]: "x" }), { [`/${name}`]: "unknown_field" });
    await expectInvalid(await refused({ kind: "x", account: "y" }), { "/kind": "invalid_value", "/account": "invalid_format" });
  });

  test("goes on by a link that picks the same", async () => {
    const rosa = await world.admin("rosa");
    for (const person of await world.crowd("crowd", 2)) await person.expect<void>(204, "POST", "/auth/logout");
    const response = await rosa.fetch("GET", "/admin/audit?kind=signed_out&limit=1");
    const { next_cursor: cursor } = (await response.json()) as Page<AuditEvent>;
    expect(response.headers.get("link")).toBe(`<?kind=signed_out&limit=1&cursor=${cursor}>; rel="next"`);
  });

  test("has cursors of its own, bound to what is picked", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    for (const person of await world.crowd("crowd", 3)) await person.expect<void>(204, "POST", "/auth/logout");
    const { next_cursor: cursor } = await read(rosa, "?kind=signed_out&limit=1");
    expect((await rosa.fetch("GET", `/admin/audit?kind=signed_out&cursor=${cursor}`)).status).toBe(200);
    for (const query of [`cursor=${cursor}`, `kind=signed_in&cursor=${cursor}`, `kind=signed_out&account=${asha.id}&cursor=${cursor}`]) {
      await expectProblem(await rosa.fetch("GET", `/admin/audit?${query}`), 400, "malformed_cursor");
    }
  });

  test("is told again only when something has happened", async () => {
    const [rosa, asha] = [await world.admin("rosa"), await world.person("asha")];
    const tag = (await rosa.fetch("GET", "/admin/audit?limit=1")).headers.get("etag") ?? "";
    const again = () => rosa.fetch("GET", "/admin/audit?limit=1", undefined, { "if-none-match": tag });
    expect((await again()).status).toBe(304);
    await asha.expect<void>(204, "POST", "/auth/logout");
    expect((await again()).status).toBe(200);
  });
});
