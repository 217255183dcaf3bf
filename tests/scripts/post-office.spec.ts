/** The local post office: what it takes as a provider does, and what it shows to a developer and to nobody else. */
import { readdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPostOffice } from "../../scripts/post-office/server.mjs";
import { MOST_MAILS } from "../../scripts/post-office/store.mjs";
import { makeDirectory } from "../api/harness/scratch.ts";

const KEY = "the-key-of-this-test";

const LETTER = {
  from: "Kith <no-reply@localhost.example>",
  to: ["asha@example.com"],
  subject: "Confirm your e-mail address",
  text: "Hello Asha,\nopen http://localhost:8787/verify-email#token=abc.def. It is good for a day.",
  html: '<p>Hello Asha, <a href="http://localhost:8787/verify-email#token=abc.def">confirm</a>.</p>',
  headers: { "Message-ID": "<job-1@localhost.example>" },
};

type Letter = Partial<Record<keyof typeof LETTER, unknown>>;
type Kept = typeof LETTER & { id: string; received_at: string };

/** A post office that a test may close and open again. */
class Office {
  url = new URL("http://localhost");
  readonly warned: string[] = [];
  readonly #directory: string;
  #close: () => Promise<void> = async () => {};

  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(): Promise<void> {
    const { port, close } = await openPostOffice({ port: 0, key: KEY, directory: this.#directory, warn: (path) => this.warned.push(path) });
    this.url = new URL(`http://127.0.0.1:${port}`);
    this.#close = close;
  }

  close(): Promise<void> {
    return this.#close();
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  post(letter: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const body = typeof letter === "string" ? letter : JSON.stringify(letter);
    const own = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    return fetch(new URL("/emails", this.url), { method: "POST", headers: { ...own, ...headers }, body });
  }

  async send(changes: Letter = {}, headers: Record<string, string> = {}): Promise<string> {
    const response = await this.post({ ...LETTER, ...changes }, headers);
    expect(response.status).toBe(200);
    const { id } = (await response.json()) as { id: string };
    return id;
  }

  async mails(query = ""): Promise<Kept[]> {
    const response = await fetch(new URL(`/emails${query}`, this.url));
    const { data } = (await response.json()) as { data: Kept[] };
    return data;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.url), { headers });
  }
}

/** An empty directory, for as long as the test takes. */
async function emptyDirectory(): Promise<string> {
  const directory = await makeDirectory("kith-mail-");
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function openOffice(directory?: string): Promise<Office> {
  const office = new Office(directory ?? (await emptyDirectory()));
  await office.open();
  onTestFinished(() => office.close());
  return office;
}

describe("taking a mail", () => {
  test("it is kept as it was sent", async () => {
    const office = await openOffice();
    const id = await office.send();
    const [mail] = await office.mails();
    expect(mail).toEqual({ ...LETTER, id, received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) });
  });

  test.for([
    ["another key", "Bearer another"],
    ["the key in another scheme", `Basic ${KEY}`],
    ["a part of the key", `Bearer ${KEY.slice(0, -1)}`],
    ["no key", ""],
  ])("%s is refused", async ([, authorization = ""]) => {
    const office = await openOffice();
    const response = await office.post(LETTER, { authorization });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await office.mails()).toEqual([]);
  });

  test("the same idempotency key again is the same mail, however often and at once", async () => {
    const office = await openOffice();
    const key = { "idempotency-key": "job-7" };
    const ids = await Promise.all(Array.from({ length: 20 }, () => office.send({}, key)));
    expect(new Set(ids).size).toBe(1);
    expect(await office.mails()).toHaveLength(1);
    await office.send({}, { "idempotency-key": "job-8" });
    await office.send();
    await office.send();
    expect(await office.mails()).toHaveLength(4);
  });

  test.for<[string, unknown]>([
    ["no JSON", "{"],
    ["no object", []],
    ["null", "null"],
    ["no sender", { ...LETTER, from: undefined }],
    ["a sender who is no address", { ...LETTER, from: "Kith" }],
    ["a recipient beside the list", { ...LETTER, to: "asha@example.com" }],
    ["nobody to send to", { ...LETTER, to: [] }],
    ["more recipients than one mail may have", { ...LETTER, to: Array.from({ length: 51 }, (_, index) => `a${index}@example.com`) }],
    ["a recipient who is no address", { ...LETTER, to: ["asha@example.com", "ben"] }],
    ["a header smuggled into the subject", { ...LETTER, subject: "Hello\r\nBcc: eve@example.com" }],
    ["a header smuggled into a recipient", { ...LETTER, to: ["Asha\n <asha@example.com>"] }],
    ["a subject that is a number", { ...LETTER, subject: 7 }],
    ["no text", { ...LETTER, text: undefined }],
    ["a text that is no string", { ...LETTER, text: ["Hello"] }],
    ["an HTML version that is no string", { ...LETTER, html: {} }],
    ["headers that are a list", { ...LETTER, headers: ["Message-ID"] }],
    ["a header that is no string", { ...LETTER, headers: { "Message-ID": 1 } }],
    ["a header's name with a break", { ...LETTER, headers: { "X: y\nBcc": "eve@example.com" } }],
  ])("%s is refused", async ([, letter]) => {
    const office = await openOffice();
    const response = await office.post(letter);
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(await office.mails()).toEqual([]);
  });

  test("a mail without an HTML version is a mail", async () => {
    const office = await openOffice();
    await office.send({ html: undefined, headers: undefined });
    expect(await office.mails()).toMatchObject([{ html: null, headers: {} }]);
    expect(await (await office.get("/")).text()).not.toContain("<iframe");
  });

  test("a mail that is too big is refused, and the next one is not", async () => {
    const office = await openOffice();
    expect((await office.post({ ...LETTER, text: "x".repeat(300 * 1024) })).status).toBe(413);
    await office.send();
    expect(await office.mails()).toHaveLength(1);
  });
});

describe("what is kept", () => {
  test("the newest come first, and can be asked for by their recipient, in whatever case", async () => {
    const office = await openOffice();
    await office.send({ subject: "first" });
    await office.send({ subject: "second", to: ["Ben <Ben@example.com>", "asha@example.com"] });
    await office.send({ subject: "third", to: ["carol@example.com"] });
    const subjects = async (query: string) => (await office.mails(query)).map(({ subject }) => subject);
    expect(await subjects("")).toEqual(["third", "second", "first"]);
    expect(await subjects("?to=ASHA@example.com")).toEqual(["second", "first"]);
    expect(await subjects("?to=ben%40example.com")).toEqual(["second"]);
    expect(await subjects("?to=example.com")).toEqual([]);
  });

  test("it survives a restart, and so do the idempotency keys and the order", async () => {
    const office = await openOffice();
    const first = await office.send({ subject: "first" }, { "idempotency-key": "job-1" });
    await office.send({ subject: "second" });
    const before = await office.mails();
    await office.reopen();
    expect(await office.mails()).toEqual(before);
    expect(await office.send({}, { "idempotency-key": "job-1" })).toBe(first);
    await office.send({ subject: "third" });
    await office.reopen();
    expect((await office.mails()).map(({ subject }) => subject)).toEqual(["third", "second", "first"]);
    expect(office.warned).toEqual([]);
  });

  test("of many mails the newest stay, on disk too", async () => {
    const directory = await emptyDirectory();
    const office = await openOffice(directory);
    for (let number = 1; number <= MOST_MAILS + 3; number += 1) await office.send({ subject: `mail ${number}` });
    const subjects = (await office.mails()).map(({ subject }) => subject);
    expect(subjects).toHaveLength(MOST_MAILS);
    expect([subjects[0], subjects.at(-1)]).toEqual([`mail ${MOST_MAILS + 3}`, "mail 4"]);
    expect(await readdir(directory)).toHaveLength(MOST_MAILS);
    await office.reopen();
    expect((await office.mails()).map(({ subject }) => subject)).toEqual(subjects);
  });

  test("a file that holds no mail is told and passed over", async () => {
    const directory = await emptyDirectory();
    const broken = join(directory, `000000000007-${"0".repeat(36)}.json`);
    await writeFile(broken, '{"id":');
    await writeFile(join(directory, "000000000008-half.json.partial"), "{");
    const office = await openOffice(directory);
    expect(office.warned).toEqual([broken]);
    expect(await office.mails()).toEqual([]);
    await office.send();
    expect(await office.mails()).toHaveLength(1);
  });
});

describe("the page", () => {
  const SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";

  test("nothing that a mail holds becomes markup", async () => {
    const office = await openOffice();
    await office.send({
      from: `${SCRIPT} <no-reply@localhost.example>`,
      to: [`${SCRIPT} <asha@example.com>`],
      subject: SCRIPT,
      text: `${SCRIPT} javascript:alert(1) http://x.example/"onmouseover=alert(1) ${SCRIPT}`,
      html: SCRIPT,
      headers: { "X-Odd": SCRIPT },
    });
    const page = await (await office.get("/")).text();
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain('<script type="module" src="/page.js"></script>');
    expect(page).not.toMatch(/<img|<[^>]*\son\w+=|href="javascript/i);
    // Sender, recipient twice, subject, text before and after a link, header.
    expect(page.split("&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;")).toHaveLength(8);
  });

  test("links of the text can be followed, without what stands around them", async () => {
    const office = await openOffice();
    await office.send({ text: "See http://localhost:8787/setup#token=a.b-c_d?x=1&y=2. (https://kith.example/)" });
    const page = await (await office.get("/")).text();
    const link = (href: string) => `<a href="${href}" target="_blank" rel="noopener noreferrer">${href}</a>`;
    expect(page).toContain(`See ${link("http://localhost:8787/setup#token=a.b-c_d?x=1&amp;y=2")}. (${link("https://kith.example/")})`);
  });

  test("the HTML version has a frame without rights, whose links open elsewhere", async () => {
    const office = await openOffice();
    const id = await office.send({ html: `<p>${SCRIPT}</p>` });
    const page = await (await office.get("/")).text();
    const frame = /<iframe[^>]*>/.exec(page)?.[0];
    expect(frame).toContain(`src="/emails/${id}/html"`);
    expect(frame).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
    const html = await office.get(`/emails/${id}/html`);
    expect(await html.text()).toBe(`<!doctype html><meta charset="utf-8"><base target="_blank"><p>${SCRIPT}</p>`);
    const policy = html.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';/);
    expect(policy).not.toMatch(/script-src|allow-scripts|allow-same-origin|https?:/);
  });

  test("it loads nothing but its own, and nobody frames it, caches it or shares it", async () => {
    const office = await openOffice();
    await office.send();
    for (const path of ["/", "/page.js", "/page.css", "/emails"]) {
      const { status, headers } = await office.get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    const policy = (await office.get("/")).headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      expect(policy.split("; ")).toContain(part);
    }
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  test("who has the newest page is told so, until another mail comes or the post office opens anew", async () => {
    const office = await openOffice();
    const tagOf = async () => (await office.get("/")).headers.get("etag") ?? "";
    const again = async (tag: string) => (await office.get("/", { "if-none-match": tag })).status;
    const first = await tagOf();
    expect(await again(first)).toBe(304);
    await office.send();
    expect(await again(first)).toBe(200);
    const second = await tagOf();
    await office.reopen();
    expect(await again(second)).toBe(200);
  });
});

describe("who may ask", () => {
  /** `fetch` does not let one choose the header. */
  function askUnder(host: string, url: URL, method = "GET"): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${KEY}` };
      const asked = request(new URL("/emails", url), { method, headers, setHost: false }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
      });
      asked.once("error", reject);
      asked.end(method === "POST" ? JSON.stringify(LETTER) : undefined);
    });
  }

  test("this machine, by its own names", async () => {
    const office = await openOffice();
    const { port } = office.url;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `LOCALHOST:${port}`]) expect(await askUnder(host, office.url)).toBe(200);
  });

  test("no website that has its name lead here", async () => {
    const office = await openOffice();
    const { port } = office.url;
    const others = [`evil.example:${port}`, "evil.example", "localhost", `localhost.evil.example:${port}`, `localhost:${Number(port) + 1}`, ""];
    for (const host of others) {
      expect([host, await askUnder(host, office.url)]).toEqual([host, 421]);
      expect([host, await askUnder(host, office.url, "POST")]).toEqual([host, 421]);
    }
    expect(await office.mails()).toEqual([]);
  });

  test("nobody by another method, and for nothing that is not there", async () => {
    const office = await openOffice();
    await office.send();
    const asked = await fetch(new URL("/emails", office.url), { method: "DELETE" });
    expect([asked.status, asked.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
    expect((await fetch(office.url, { method: "POST" })).status).toBe(405);
    for (const path of ["/nothing", "/page.mjs", "/emails/1/html", "/emails/", "/../server.mjs"]) expect((await office.get(path)).status).toBe(404);
    expect((await fetch(new URL("/emails", office.url), { method: "OPTIONS" })).status).toBe(405);
    expect(await office.mails()).toHaveLength(1);
  });

  test("there is none without a key", async () => {
    const directory = await emptyDirectory();
    await expect(openPostOffice({ port: 0, key: "", directory })).rejects.toThrow("key");
  });
});
