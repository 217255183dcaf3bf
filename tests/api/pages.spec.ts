/** The account pages, as they are served: without the Worker, under the strictest policy, fit for their calls. */
import { describe, expect, test } from "vitest";
import { expectProblem } from "./harness/problem.ts";
import { INVOCATION_HEADER } from "./harness/protocol.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

const FILES = [
  ["/account/page.js", "text/javascript; charset=utf-8"],
  ["/account/call.js", "text/javascript; charset=utf-8"],
  ["/account/words.js", "text/javascript; charset=utf-8"],
  ["/account/page.css", "text/css; charset=utf-8"],
] as const;

/** Each page with the call that it makes, and its fields as `name type autocomplete`. */
const PAGES = [
  { path: "/verify-email", call: "/api/v1/auth/email/verify", fields: [] },
  { path: "/reset-password", call: "/api/v1/auth/password/reset", fields: ["new_password password new-password"] },
  { path: "/setup", call: "/api/v1/setup", fields: ["username text username", "email email email", "password password new-password"] },
] as const;

/** The attributes of each element of this name; one without a value is `true`. */
function elements(html: string, name: string): Map<string, string | true>[] {
  return [...html.matchAll(new RegExp(`<${name}((?:\\s[^>]*)?)>`, "g"))].map(
    ([, attributes = ""]) => new Map([...attributes.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, key = "", value]) => [key, value ?? true])),
  );
}

async function htmlOf(path: string): Promise<string> {
  return (await (await world.fetch("GET", path)).text()).replaceAll(/<!--.*?-->/gs, "");
}

describe.for(PAGES)("$path", ({ path, call, fields }) => {
  test("costs no invocation of the Worker", async () => {
    const response = await world.fetch("GET", path);
    expect([response.status, response.headers.get(INVOCATION_HEADER)]).toEqual([200, null]);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  test("protects itself", async () => {
    const { headers } = await world.fetch("GET", path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{7,}/);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  });

  test("runs and loads nothing but files of its own", async () => {
    const html = await htmlOf(path);
    expect(elements(html, "script").map((script) => Object.fromEntries(script))).toEqual([{ type: "module", src: "/account/page.js" }]);
    expect(elements(html, "link").map((link) => Object.fromEntries(link))).toEqual([{ rel: "stylesheet", href: "/account/page.css" }]);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|https?:|<img|<iframe|<a\s/);
  });

  test("makes its call, on a press only, and without its script none that would bear a password in the address", async () => {
    const [form = new Map()] = elements(await htmlOf(path), "form");
    expect(Object.fromEntries(form)).toEqual({ method: "post", "data-call": call, novalidate: true });
  });

  test("asks for what the call wants, and tells password managers what it is", async () => {
    const inputs = elements(await htmlOf(path), "input");
    expect(inputs.map((input) => [input.get("name"), input.get("type") ?? "text", input.get("autocomplete")].join(" "))).toEqual(fields);
    for (const input of inputs) {
      expect(input.get("required")).toBe(true);
      // Too long a passphrase must be told, not cut off while it is pasted.
      expect(input.has("maxlength")).toBe(false);
      if (String(input.get("name")).endsWith("password")) expect(input.get("minlength")).toBe("8");
    }
  });

  test("can be read aloud: each field has its label, its hint and the place of its faults", async () => {
    const html = await htmlOf(path);
    expect(elements(html, "html")[0]?.get("lang")).toBe("en");
    expect(html).toMatch(/<title>[^<]+<\/title>/);
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const labels = elements(html, "label").map((label) => label.get("for"));
    for (const input of elements(html, "input")) {
      expect(labels).toContain(input.get("id"));
      const described = String(input.get("aria-describedby")).split(" ");
      expect(described).toContain(`${String(input.get("id"))}-fault`);
      for (const id of described) expect(ids).toContain(id);
    }
    expect(html).toContain('<p id="message" role="alert"></p>');
  });

  test("has words for every state, and shows none before its script chooses", async () => {
    const sections = elements(await htmlOf(path), "section");
    expect(sections.map((section) => section.get("data-state"))).toEqual(["ask", "done", "dead", "none", "garbled"]);
    expect(sections.filter((section) => section.get("hidden") !== true)).toEqual([]);
  });

  test.for(["/", ".html"])("is where %s after it leads", async (suffix) => {
    const response = await world.fetch("GET", path + suffix);
    expect([response.status, response.headers.get("location")]).toEqual([307, path]);
  });
});

describe.for(FILES)("%s", ([path, type]) => {
  test("is a file with its type, and never taken for another", async () => {
    const response = await world.fetch("GET", path);
    expect([response.status, response.headers.get(INVOCATION_HEADER)]).toEqual([200, null]);
    expect(response.headers.get("content-type")).toBe(type);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("cache-control")).toBe("public, max-age=0, must-revalidate");
  });

  test("keeps nothing, logs nothing, and makes no markup of what it is told", async () => {
    const source = await (await world.fetch("GET", path)).text();
    expect(source).not.toMatch(/localStorage|sessionStorage|indexedDB|cookie|console\.|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|sendBeacon/);
    expect(source).not.toMatch(/https?:\/\/|location\.(?:href|assign|replace)/);
  });
});

test.for(["/account", "/account/", "/account/nothing.js", "/verify-email/nothing", "/reset-password.js"])("%s is not found, as Kith says it", async (path) => {
  await expectProblem(await world.fetch("GET", path), 404, "not_found");
});
