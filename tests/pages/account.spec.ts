/** What the account pages make of a link, of an input and of an answer, without a browser. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { call, takeToken } from "../../assets/account/call.js";
import { faultOf, meaningOf, tokenIn } from "../../assets/account/words.js";

const TOKEN = "eyJraW5kIjoicmVzZXQifQ.c2lnbmF0dXJl-_";
const FIELDS = ["username", "email", "password"];

describe("the link", () => {
  test.for([`#token=${TOKEN}`, `#x=1&token=${TOKEN}`, `#token=${encodeURIComponent(TOKEN)}`])("%s bears a token", (fragment) => {
    expect(tokenIn(fragment)).toEqual({ state: "ask", token: TOKEN });
  });

  test.for(["", "#"])("none is none: '%s'", (fragment) => {
    expect(tokenIn(fragment)).toEqual({ state: "none" });
  });

  test.for(["#token=", "#token=short", "#token", `#${TOKEN}`, `#tok=${TOKEN}`, `#token=${TOKEN}>`, `#token=${TOKEN} ${TOKEN}`, "#token=%E0%A4%A", `#token=${"a".repeat(5000)}`])(
    "%s is garbled",
    (fragment) => {
      expect(tokenIn(fragment)).toEqual({ state: "garbled" });
    },
  );

  test.for([`#token=${TOKEN}`, "#token=short", "#anything"])("%s does not stay in the address or the history", (hash) => {
    const replaced: unknown[][] = [];
    takeToken({ hash, pathname: "/reset-password" }, { replaceState: (...args: unknown[]) => void replaced.push(args) });
    expect(replaced).toEqual([[null, "", "/reset-password"]]);
  });

  test("an address without a fragment is left alone", () => {
    const found = takeToken({ hash: "", pathname: "/setup" }, { replaceState: () => expect.fail("the history was touched") });
    expect(found).toEqual({ state: "none" });
  });
});

describe("before anything is sent", () => {
  test("a password has 8 to 256 characters, and each counts once", () => {
    for (const name of ["password", "new_password"]) {
      expect(faultOf(name, "")).toBe("Please fill this in.");
      expect(faultOf(name, "1234567")).toBe("At least 8 characters are needed.");
      expect(faultOf(name, "12345678")).toBeNull();
      expect(faultOf(name, "😀".repeat(7))).not.toBeNull();
      expect(faultOf(name, "😀".repeat(256))).toBeNull();
      expect(faultOf(name, "x".repeat(257))).toBe("At most 256 characters are allowed.");
    }
  });

  test("of other fields the server judges all but emptiness", () => {
    expect(faultOf("username", "")).toBe("Please fill this in.");
    expect(faultOf("username", "A!")).toBeNull();
    expect(faultOf("email", "nowhere")).toBeNull();
  });
});

describe("an answer in words", () => {
  const invalid = (errors: unknown) => ({ code: "invalid", detail: "Some of what was sent breaks a rule.", errors });

  test.for([200, 201, 204])("%i is done", (status) => {
    expect(meaningOf(status, null, { fields: FIELDS })).toEqual({ state: "done" });
  });

  test("each broken rule is told at the field that its pointer names", () => {
    const errors = [
      { pointer: "/username", code: "invalid_format", detail: "This does not have the form asked for." },
      { pointer: "/email", code: "invalid_format", detail: "This does not have the form asked for." },
      { pointer: "/password", code: "too_weak", detail: "This password is too easy to guess." },
    ];
    const meaning = meaningOf(422, invalid(errors), { fields: FIELDS });
    expect(meaning).toEqual({
      state: "refused",
      message: "Please look at what is marked below.",
      fields: new Map([
        ["username", expect.stringContaining("dots")],
        ["email", "This is no e-mail address that can be used here."],
        ["password", "This password is too easy to guess. Please take another."],
      ]),
    });
  });

  test("of several broken rules of one field the first is told", () => {
    const errors = [
      { pointer: "/password", code: "too_short", detail: "At least 8 characters are needed." },
      { pointer: "/password", code: "too_weak", detail: "This password is too easy to guess." },
    ];
    const meaning = meaningOf(422, invalid(errors), { fields: FIELDS });
    expect(meaning).toMatchObject({ fields: new Map([["password", "At least 8 characters are needed."]]) });
  });

  test("a rule without words of its own is told as the server tells it", () => {
    const errors = [{ pointer: "/password", code: "a_later_rule", detail: "This was in a leak." }];
    expect(meaningOf(422, invalid(errors), { fields: FIELDS })).toMatchObject({ fields: new Map([["password", "This was in a leak."]]) });
  });

  test("a rule about something that the page does not have is told of the whole", () => {
    const errors = [{ pointer: "/display_name", code: "too_long", detail: "At most 50 characters are allowed." }];
    const meaning = meaningOf(422, invalid(errors), { fields: FIELDS });
    expect(meaning).toEqual({ state: "refused", message: "At most 50 characters are allowed.", fields: new Map() });
  });

  test("a name that is taken is told at the name", () => {
    const taken = meaningOf(409, { code: "username_taken", detail: "…" }, { fields: FIELDS });
    expect(taken).toMatchObject({ state: "refused", fields: new Map([["username", expect.stringContaining("somebody else")]]) });
  });

  test.for(["username_taken", "email_taken"])("%s is told of the whole where there is no such field", (code) => {
    const taken = meaningOf(409, { code, detail: "As the service says it." }, { fields: [] });
    expect(taken).toEqual({ state: "refused", message: expect.stringContaining("in your app"), fields: new Map() });
  });

  test.for<[string, number, unknown]>([
    ["a token that breaks a rule", 422, invalid([{ pointer: "/token", code: "invalid_format", detail: "…" }])],
    ["a token that is not taken", 401, { code: "invalid_token", detail: "…" }],
    ["a mail's token that is no longer good", 422, { code: "invalid_mail_token", detail: "…" }],
    ["a token of the set-up that is no longer good", 401, { code: "invalid_setup_token", detail: "…" }],
    ["a route that is closed since", 404, { code: "not_found", detail: "…" }],
  ])("%s makes the link one that is no longer good", ([, status, body]) => {
    expect(meaningOf(status, body, { fields: FIELDS })).toEqual({ state: "dead" });
  });

  test.for<[number, string | null, string]>([
    [429, "30", "in a minute"],
    [429, "900", "in 15 minutes"],
    [429, null, "later"],
    [429, "soon", "later"],
  ])("%i with Retry-After %s says when: %s", ([status, retryAfter, when]) => {
    const meaning = meaningOf(status, { code: "too_many_requests", detail: "…" }, { fields: FIELDS, retryAfter });
    expect(meaning).toEqual({ state: "refused", message: `That was too often. Please try again ${when}.`, fields: new Map() });
  });

  test("a defect is told with the number by which it can be found", () => {
    const meaning = meaningOf(500, { code: "internal", detail: "…", request_id: "abc123" }, { fields: FIELDS });
    expect(meaning).toMatchObject({ state: "refused", message: expect.stringMatching(/went wrong.*abc123$/) });
  });

  test("no link is called dead because the service is", () => {
    for (const body of [null, "nonsense", { code: "dependency_unavailable" }, { code: "token_store_down" }]) {
      expect(meaningOf(503, body, { fields: FIELDS }).state).toBe("refused");
    }
  });

  test.for<[number, unknown]>([
    [400, null],
    [422, { code: 7, errors: "none", detail: null }],
    [422, invalid([null, 7, { pointer: 1 }])],
    [418, { code: "teapot" }],
    [502, "<html>"],
  ])("whatever comes with %i has words", ([status, body]) => {
    const meaning = meaningOf(status, body, { fields: FIELDS });
    expect(meaning).toMatchObject({ state: "refused", message: expect.stringMatching(/^[A-Z].*[.)]$/) });
  });

  test("every code that the service has is told without its name", () => {
    const guide = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const codes = [...guide.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|/gm)];
    expect(codes.length).toBeGreaterThan(20);
    for (const [, status, code = ""] of codes) {
      const meaning = meaningOf(Number(status), { code, detail: "As the service says it.", request_id: "abc" }, { fields: FIELDS });
      expect(meaning.state).not.toBe("done");
      if (meaning.state === "refused") expect(meaning.message).not.toContain(code);
    }
  });
});

describe("the call", () => {
  type Asked = { path: unknown; init: RequestInit };

  function answering(response: () => Response): { asked: Asked[]; ask: typeof fetch } {
    const asked: Asked[] = [];
    const ask = ((path: unknown, init: RequestInit = {}) => {
      asked.push({ path, init });
      return Promise.resolve(response());
    }) as typeof fetch;
    return { asked, ask };
  }

  test("token and password go in the body, and nowhere else", async () => {
    const { asked, ask } = answering(() => new Response(null, { status: 204 }));
    const values = { new_password: "a boat of my own" };
    expect(await call("/api/v1/auth/password/reset", TOKEN, values, ask)).toEqual({ state: "done" });
    expect(asked).toHaveLength(1);
    const [{ path, init } = expect.fail()] = asked;
    expect(path).toBe("/api/v1/auth/password/reset");
    const { body, ...rest } = init;
    expect(JSON.parse(body as string)).toEqual({ token: TOKEN, new_password: "a boat of my own" });
    expect(rest).toMatchObject({ method: "POST", credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" });
    expect(JSON.stringify(rest)).not.toMatch(/boat|eyJ/);
  });

  test("a refusal is understood with its Retry-After", async () => {
    const problem = JSON.stringify({ code: "too_many_requests", detail: "…" });
    const { ask } = answering(() => new Response(problem, { status: 429, headers: { "retry-after": "120" } }));
    expect(await call("/x", TOKEN, {}, ask)).toMatchObject({ message: expect.stringContaining("in 2 minutes") });
  });

  test("an answer that is no JSON is understood by its status", async () => {
    const { ask } = answering(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
    expect(await call("/x", TOKEN, {}, ask)).toMatchObject({ state: "refused", message: expect.stringContaining("went wrong") });
  });

  test("no answer is said to be none", async () => {
    const ask = (() => Promise.reject(new TypeError("Failed to fetch"))) as typeof fetch;
    expect(await call("/x", TOKEN, {}, ask)).toMatchObject({ state: "refused", message: expect.stringContaining("no answer") });
  });
});
