/** Input that no client of good will sends: a documented 4xx each time, and nothing stored. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Actor } from "./harness/person.ts";
import { expectInvalid, expectProblem } from "./harness/problem.ts";
import type { Report } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const [asha, ben] = [await world.person("asha"), await world.person("ben")];
await world.state.setRole(ben, "admin");
for (const person of await world.crowd("leaver", 3)) await person.expect<void>(204, "POST", "/auth/logout");
const device = await asha.onAnotherDevice();
const post = await ben.posts.create({ caption: "First #light" });
const others = [await ben.posts.create({ caption: "Second #light" }), await ben.posts.create({ caption: "Third" })];
for (const caption of ["One", "Two"]) await ben.comment(post, caption);
for (const liked of [post, ...others]) await asha.like(liked);
await ben.like(post);
for (const liked of [post, ...others]) await world.jobsDone(liked);
const reported = await ben.expect<Report>(201, "POST", "/reports", { username: asha.username, reason: "spam" });

/** The routes to which somebody shows who they are: what they show is right or wrong, and has no rules. */
const SHOWN = ["/auth/login", "/auth/refresh", "/auth/email/verify", "/auth/password", "/auth/password/reset"];
/** What is answered to those who show the wrong thing, or what cannot be one. */
const NOT_THEIRS = [401, 403, 422];

/** Whether a field is such a thing, there or elsewhere. */
const isShown = (path: string, field: Field) => SHOWN.includes(path) || field.name === "token";

interface Field {
  name: string;
  type: "text" | "number" | "flag";
  required: boolean;
}

interface BodyRoute {
  method: string;
  path: string;
  actor: Actor;
  /** A body that would be accepted; where that would change who anybody is, one that shows the wrong thing. */
  good: () => Record<string, unknown>;
  fields: Field[];
}

const text = (name: string, required = true): Field => ({ name, type: "text", required });

const BODY_ROUTES: BodyRoute[] = [
  {
    method: "PATCH",
    path: "/profile",
    actor: asha,
    good: () => ({ display_name: "asha", bio: "", locked: false }),
    fields: [text("display_name", false), text("bio", false), { name: "locked", type: "flag", required: false }],
  },
  {
    method: "POST",
    path: "/auth/register",
    actor: world.anonymous,
    good: () => {
      const username = world.uniqueName("new");
      return { username, email: `${username}@example.com`, password: "a good long passphrase", display_name: "New" };
    },
    fields: [text("username"), text("email"), text("password"), text("display_name", false)],
  },
  {
    method: "POST",
    path: "/auth/login",
    actor: world.anonymous,
    good: () => ({ username: asha.username, password: asha.password }),
    fields: [text("username", false), text("password")],
  },
  {
    method: "POST",
    path: "/auth/refresh",
    actor: world.anonymous,
    good: () => ({ refresh_token: device.refreshToken }),
    fields: [text("refresh_token")],
  },
  {
    method: "POST",
    path: "/setup",
    actor: world.anonymous,
    good: () => {
      const username = world.uniqueName("new");
      return { token: "not the operator's", username, email: `${username}@example.com`, password: "a good long passphrase", display_name: "New" };
    },
    fields: [text("token"), text("username"), text("email"), text("password"), text("display_name", false)],
  },
  {
    method: "PATCH",
    path: `/admin/users/${asha.username}`,
    actor: ben,
    good: () => ({ role: "user", status: "active", plan: "free" }),
    fields: [text("role", false), text("status", false), text("plan", false)],
  },
  {
    method: "POST",
    path: "/reports",
    actor: asha,
    good: () => ({ post_id: post.id, reason: "spam", comment: "" }),
    fields: [text("post_id", false), text("reason"), text("comment", false)],
  },
  {
    method: "POST",
    path: `/admin/reports/${reported.id}/resolve`,
    actor: ben,
    good: () => ({ action: "dismiss", note: "" }),
    fields: [text("action"), text("note", false)],
  },
  {
    method: "POST",
    path: "/auth/email",
    actor: asha,
    good: () => ({ password: asha.password, new_email: "asha.rao@example.com" }),
    fields: [text("password"), text("new_email")],
  },
  {
    method: "POST",
    path: "/auth/email/verify",
    actor: world.anonymous,
    good: () => ({ token: world.keys.mailToken({ may: "verify_email", user_id: ben.id, email: "another@example.com" }) }),
    fields: [text("token")],
  },
  {
    method: "POST",
    path: "/auth/password",
    actor: asha,
    good: () => ({ current_password: "not hers", new_password: "two horses of my own" }),
    fields: [text("current_password"), text("new_password")],
  },
  {
    method: "POST",
    path: "/auth/password/forgot",
    actor: world.anonymous,
    good: () => ({ email: `${world.uniqueName("nobody")}@example.com` }),
    fields: [text("email")],
  },
  {
    method: "POST",
    path: "/auth/password/reset",
    actor: world.anonymous,
    good: () => ({ token: "nobody's", new_password: "two horses of my own" }),
    fields: [text("token"), text("new_password")],
  },
  {
    method: "POST",
    path: "/posts",
    actor: asha,
    good: () => ({ caption: "fine", visibility: "public" }),
    fields: [text("caption"), text("visibility", false)],
  },
  {
    method: "POST",
    path: "/posts",
    actor: asha,
    good: () => ({ caption: "fine", reply_to: post.id }),
    fields: [text("reply_to", false)],
  },
  {
    method: "POST",
    path: `/posts/${post.id}/comments`,
    actor: asha,
    good: () => ({ caption: "fine" }),
    fields: [text("caption")],
  },
  {
    method: "PUT",
    path: `/posts/${post.id}`,
    actor: ben,
    good: () => ({ caption: "fine" }),
    fields: [text("caption")],
  },
  {
    method: "POST",
    path: "/notifications/read",
    actor: ben,
    good: () => ({ up_to: 1 }),
    fields: [{ name: "up_to", type: "number", required: true }],
  },
];

const FIELDS = BODY_ROUTES.flatMap((route) => route.fields.map((field) => ({ ...route, field })));
const TEXT_FIELDS = FIELDS.filter(({ field }) => field.type === "text");

// Warm what the isolate does by itself, then count: whatever a test sends, nothing may be stored.
let before: Record<string, number>;
beforeEach(async () => {
  await world.control.settle();
  before = await stored();
});
afterEach(async () => {
  await world.control.settle();
  expect(await stored()).toEqual(before);
});

/** Rows of every table. That somebody tried is counted and noted, whatever comes of it. */
async function stored(): Promise<Record<string, number>> {
  const { rate_limits: _, audit_events: __, ...counts } = await world.state.rowCounts();
  return counts;
}

describe("bodies", () => {
  test.for(FIELDS)("$method $path: $field.name of another type is refused by name", async ({ method, path, actor, good, field }) => {
    const wrong: unknown[] = [true, [], {}, [["x"]], { $ne: null }, ...(field.type === "text" ? [1, 1.5] : ["1", 0.5])].filter(
      (value) => field.type !== "flag" || typeof value !== "boolean",
    );
    for (const value of wrong) {
      await expectInvalid(await actor.fetch(method, path, { ...good(), [field.name]: value }), {
        [`/${field.name}`]: "invalid_type",
      });
    }
  });

  test.for(FIELDS.filter(({ field }) => field.required))(
    "$method $path: without $field.name, or with null, it is required",
    async ({ method, path, actor, good, field }) => {
      const { [field.name]: _, ...without } = good();
      for (const body of [without, { ...without, [field.name]: null }]) {
        await expectInvalid(await actor.fetch(method, path, body), { [`/${field.name}`]: "required" });
      }
    },
  );

  test.for(BODY_ROUTES)("$method $path: an unknown member is refused by name", async ({ method, path, actor, good }) => {
    for (const name of ["usrname", "__proto__", "constructor", "id", "Caption", "a/b~c"]) {
      const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const body = JSON.stringify({ ...good() }).replace(/\}$/, `,${JSON.stringify(name)}:1}`);
      await expectInvalid(await actor.fetch(method, path, body), { [pointer]: "unknown_field" });
    }
  });

  test.for(TEXT_FIELDS)("$method $path: $field.name of a megabyte is not read", async ({ method, path, actor, good, field }) => {
    const body = { ...good(), [field.name]: "x".repeat(1_000_000) };
    await expectProblem(await actor.fetch(method, path, body), 413, "payload_too_large");
  });

  test.for(TEXT_FIELDS)("$method $path: $field.name of 10 KB is too long", async ({ method, path, actor, good, field }) => {
    const response = await actor.fetch(method, path, { ...good(), [field.name]: "x".repeat(10_000) });
    // What cannot be a name, a password or a token is only a wrong one.
    if (isShown(path, field)) expect(NOT_THEIRS).toContain(response.status);
    else await expectProblem(response, 422, "invalid");
  });

  test.for(TEXT_FIELDS)("$method $path: control characters in $field.name are refused", async ({ method, path, actor, good, field }) => {
    // A password is typed, not shown, so it may hold anything but NUL, at which SQLite's texts end.
    const controls = field.name === "password" ? ["\u0000"] : ["\u0000", "\u0001", "\u001b", "\u007f"];
    for (const control of controls) {
      const response = await actor.fetch(method, path, { ...good(), [field.name]: `ab${control}cdefgh` });
      if (isShown(path, field)) {
        expect(NOT_THEIRS).toContain(response.status);
        continue;
      }
      const problem = await expectProblem(response, 422, "invalid");
      expect(problem.errors?.map(({ pointer }) => pointer)).toEqual([`/${field.name}`]);
    }
  });

  test.for(FIELDS)("$method $path: a lone surrogate in $field.name is malformed", async ({ method, path, actor, good, field }) => {
    for (const surrogate of [String.raw`"\ud800"`, String.raw`"x\udfff"`, String.raw`"\ud83d\ud83d"`]) {
      const body = JSON.stringify({ ...good(), [field.name]: "@here@" }).replace('"@here@"', surrogate);
      await expectProblem(await actor.fetch(method, path, body), 400, "malformed_json");
    }
  });

  test.for(FIELDS)("$method $path: JSON 300 deep in $field.name is malformed", async ({ method, path, actor, good, field }) => {
    for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
      const deep = `${open.repeat(300)}1${close.repeat(300)}`;
      const body = JSON.stringify({ ...good(), [field.name]: "@here@" }).replace('"@here@"', deep);
      await expectProblem(await actor.fetch(method, path, body), 400, "malformed_json");
    }
  });

  test.for(BODY_ROUTES)("$method $path: JSON 300 deep in an unknown member is a 4xx", async ({ method, path, actor, good }) => {
    const body = JSON.stringify({ ...good(), extra: "@here@" }).replace('"@here@"', `${"[".repeat(300)}${"]".repeat(300)}`);
    const response = await actor.fetch(method, path, body);
    expect([400, 422]).toContain(response.status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });

  test.for(BODY_ROUTES)("$method $path: what is no object is refused", async ({ method, path, actor, good }) => {
    for (const body of [[], [good()], Object.values(good()), "text", 1, null, true]) {
      await expectProblem(await actor.fetch(method, path, JSON.stringify(body)), 422, "invalid");
    }
  });

  test.for(BODY_ROUTES)("$method $path: a query on it is refused or ignored, never obeyed", async ({ method, path, actor, good }) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(good())) query.set(name, String(value));
    const response = await actor.fetch(method, `${path}?${query.toString()}`, {});
    if (method === "PATCH") expect(((await response.json()) as { version?: number }).version).toBeUndefined();
    else await expectProblem(response, 422, "invalid");
  });

  test.for([
    ["0", 204],
    // Whole numbers, as JSON Schema has them.
    ["-0.0", 204],
    ["0e7", 204],
    ["1e400", 400],
    ["-1", 422],
    ["9007199254740993", 422],
    ["1e18", 422],
    ["0.1", 422],
  ] as const)("up_to %s is answered with %i and marks nothing as read", async ([number, status]) => {
    const read = () => world.state.number("select read_seq from inboxes where user_id = ?1", ben.id);
    const watermark = await read();
    const response = await ben.fetch("POST", "/notifications/read", `{"up_to":${number}}`);
    expect(response.status).toBe(status);
    expect(await read()).toBe(watermark);
  });

  test.for(["application/json; charset=utf-16", "application/json;charset=latin1"])("JSON that says it is %j is not read", async (type) => {
    const response = await ben.fetch("POST", "/posts", '{"caption":"words"}', { "content-type": type });
    await expectProblem(response, 415, "unsupported_media_type");
  });

  test.for(["\u200b", "\ufeff \u2060", "\u202e"])("a caption of nothing that shows, %j, is blank", async (caption) => {
    await expectInvalid(await ben.fetch("POST", "/posts", { caption }), { "/caption": "too_short" });
  });
});

describe("SQL in every field", () => {
  const INJECTIONS = ["x'; drop table users; --", "' or '1'='1", 'x" union select password_hash from users --', "%'; --", "?1"];
  // A caption, a profile, a report's comment and a resolution's note may be any words, and keep them as they are.
  const forms = TEXT_FIELDS.filter(({ path, field }) => path !== "/profile" && !["caption", "comment", "note"].includes(field.name));

  test.for(forms)("$method $path: $field.name", async ({ method, path, actor, good, field }) => {
    for (const sql of INJECTIONS) {
      // A display name and a password may be any words; kept words of a new account would be stored.
      const broken = ["/auth/register", "/setup"].includes(path) ? { username: "-" } : {};
      const response = await actor.fetch(method, path, { ...good(), ...broken, [field.name]: sql });
      expect(NOT_THEIRS).toContain(response.status);
      const answer = await response.text();
      expect(answer).not.toMatch(/sqlite|d1_error|syntax|argon2/i);
      expect(answer).not.toContain(sql);
    }
  });

  test("in paths and queries", async () => {
    for (const sql of INJECTIONS) {
      const encoded = encodeURIComponent(sql);
      await expectProblem(await asha.fetch("GET", `/posts/${encoded}`), 404, "not_found");
      await expectProblem(await asha.fetch("GET", `/users/${encoded}`), 404, "not_found");
      await expectProblem(await ben.fetch("PATCH", `/admin/users/${encoded}`, { plan: "pro" }), 404, "not_found");
      await expectProblem(await asha.fetch("PUT", `/posts/${encoded}/like`), 404, "not_found");
      await expectProblem(await asha.fetch("GET", `/posts?cursor=${encoded}`), 400, "malformed_cursor");
      await expectProblem(await asha.fetch("GET", `/posts?limit=${encoded}`), 422, "invalid");
    }
  });
});

describe("ids", () => {
  const IDS = [
    ["of a person", asha.id],
    ["of nothing", "01900000-0000-7000-8000-000000000000"],
    ["of another kind", "6f1a4c1e-9d0e-4a58-9c35-0d8f0c0a8f11"],
    ["too short", post.id.slice(1)],
    ["too long", `${post.id}0`],
    ["with a space", `%20${post.id}`],
    ["with NUL", `${post.id}%00`],
    ["without dashes", post.id.replaceAll("-", "")],
    ["in braces", `%7B${post.id}%7D`],
    ["a URN", `urn:uuid:${post.id}`],
    ["not UTF-8", "%ff"],
    ["a wildcard", "%25"],
    ["a number", "1"],
    ["a word", "null"],
    ["huge", "x".repeat(4_000)],
  ] as const;

  test.for(IDS)("one %s names no post", async ([, id]) => {
    for (const [method, suffix] of [
      ["GET", ""],
      ["DELETE", ""],
      ["PUT", "/like"],
      ["DELETE", "/like"],
      ["GET", "/likes"],
    ] as const) {
      await expectProblem(await asha.fetch(method, `/posts/${id}${suffix}`), 404, "not_found");
    }
  });
});

describe("lists", () => {
  const LISTS = ["/posts", "/users", "/feed", "/tags/light/posts", `/users/${ben.username}/posts`, `/posts/${post.id}/comments`, `/posts/${post.id}/likes`, "/notifications", "/admin/users", "/admin/audit"];

  async function cursorOf(path: string): Promise<string> {
    const { next_cursor: cursor } = await ben.expect<{ next_cursor: string | null }>(200, "GET", `${path}?limit=1`);
    if (cursor === null) throw new Error(`${path} has more than one entry`);
    return cursor;
  }

  test.for(LISTS)("%s: a forged cursor is malformed", async (path) => {
    const good = await cursorOf(path);
    const bytes = Buffer.from(good, "base64url");
    const flipped = [0, bytes.length >> 1, bytes.length - 1].map((index) => {
      const copy = Buffer.from(bytes);
      copy[index] = (copy[index] ?? 0) ^ 1;
      return copy.toString("base64url");
    });
    const forged = [
      ...flipped,
      "",
      "null",
      post.id,
      Buffer.from(post.id).toString("base64url"),
      Buffer.from(JSON.stringify({ after: post.id })).toString("base64url"),
      `${good}A`,
      `${good}AAAA`,
      `${good}=`,
      `${good}%00`,
      good.slice(0, -1),
      good.slice(1),
      good.toUpperCase(),
      "%ff",
      "A".repeat(8_000),
    ];
    for (const cursor of forged) {
      await expectProblem(await ben.fetch("GET", `${path}?cursor=${cursor}`), 400, "malformed_cursor");
    }
    expect((await ben.fetch("GET", `${path}?cursor=${good}`)).status).toBe(200);
  });

  test("a cursor of one list is malformed to every other", async () => {
    for (const from of LISTS) {
      const cursor = await cursorOf(from);
      for (const to of LISTS.filter((path) => path !== from)) {
        await expectProblem(await ben.fetch("GET", `${to}?cursor=${cursor}`), 400, "malformed_cursor");
      }
    }
  });

  test.for(LISTS)("%s: a limit is a number from 1 to 100", async (path) => {
    for (const limit of ["0", "101", "-1", "9999999999999999999999"]) {
      const problem = await expectProblem(await ben.fetch("GET", `${path}?limit=${limit}`), 422, "invalid");
      expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(["/limit"]);
    }
    for (const limit of ["ten", "1.5", "", "%20 5", "0x10", "1e1", "1,2"]) {
      await expectInvalid(await ben.fetch("GET", `${path}?limit=${limit}`), { "/limit": "invalid_type" });
    }
    for (const limit of [1, 100]) {
      expect((await ben.fetch("GET", `${path}?limit=${limit}`)).status).toBe(200);
    }
  });

  test.for(LISTS)("%s: an unknown or a repeated parameter is refused", async (path) => {
    for (const name of ["offset", "Limit", "page", "limit[]"]) {
      await expectInvalid(await ben.fetch("GET", `${path}?${encodeURIComponent(name)}=1`), {
        [`/${name}`]: "unknown_field",
      });
    }
    await expectProblem(await ben.fetch("GET", `${path}?limit=1&limit=2`), 422, "invalid");
  });
});
