// The post office's server: takes mails from whoever has the key, and shows them to whoever sits at this
// machine. No website can read them: there are no CORS headers, and requests under another name than this
// machine's own are refused, which is how a website that rebinds its name would come.

import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { isTo, readLetter, Unfit } from "./mail.mjs";
import { MAIL_POLICY, PAGE_POLICY, renderFrame, renderPage } from "./page.mjs";
import { MailStore } from "./store.mjs";

/** Bytes of a request's body; more than any mail of Kith's. */
const BODY_LIMIT = 256 * 1024;

/** What the page is made of besides its mails. */
const PAGE_FILES = new Map(
  [
    { path: "/page.js", type: "text/javascript; charset=utf-8" },
    { path: "/page.css", type: "text/css; charset=utf-8" },
  ].map(({ path, type }) => [path, { type, content: readFileSync(new URL(`page${path}`, import.meta.url), "utf8") }]),
);

/**
 * @typedef {{ status: number, type: string, body: string, headers?: Record<string, string> }} Answer
 * @typedef {{ port: number, close: () => Promise<void> }} PostOffice
 */

/** A request that is refused, with the status it is answered with. */
class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {Record<string, string>} [headers]
   */
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * @param {object} options
 * @param {number} options.port 0 for any
 * @param {string} options.key what senders show as their bearer token
 * @param {string} options.directory where the mails are kept
 * @param {(path: string) => void} [options.warn] told of each file there that holds no mail
 * @returns {Promise<PostOffice>}
 */
export async function openPostOffice({ port, key, directory, warn = () => {} }) {
  if (key === "") throw new Error("a post office without a key would take mails from anybody");
  const store = new MailStore(directory, warn);
  /** @type {Set<string>} */
  const names = new Set();
  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async function respond(request, response) {
    const refused = (/** @type {unknown} */ error) => (error instanceof Refused ? refusal(error) : failure(error));
    const { status, type, body, headers } = await answer(store, key, names, request).catch(refused);
    response.writeHead(status, { "Content-Type": type, ...COMMON_HEADERS, ...headers });
    response.end(body);
  }
  const server = createServer((request, response) => void respond(request, response));
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the post office listens at no port");
  for (const name of ["localhost", "127.0.0.1"]) names.add(`${name}:${address.port}`);
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const COMMON_HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/**
 * @param {MailStore} store
 * @param {string} key
 * @param {ReadonlySet<string>} names under which this server may be asked
 * @param {import("node:http").IncomingMessage} request
 * @returns {Promise<Answer>}
 */
async function answer(store, key, names, request) {
  if (!names.has(request.headers.host?.toLowerCase() ?? "")) throw new Refused(421, "This server has another name.");
  const target = request.url ?? "/";
  if (!URL.canParse(target, "http://localhost")) throw new Refused(400, "This is no path.");
  const { pathname, searchParams } = new URL(target, "http://localhost");
  if (pathname === "/emails" && request.method === "POST") return json(200, { id: (await take(store, key, request)).id });
  const reading = request.method === "GET" || request.method === "HEAD";
  if (!reading) throw new Refused(405, "This is only read.", { Allow: pathname === "/emails" ? "GET, HEAD, POST" : "GET, HEAD" });
  if (pathname === "/emails") {
    const to = searchParams.get("to");
    const mails = store.newestFirst();
    return json(200, { data: to === null ? mails : mails.filter((mail) => isTo(mail, to)) });
  }
  if (pathname === "/") return page(store, request);
  const file = PAGE_FILES.get(pathname);
  if (file !== undefined) return { status: 200, type: file.type, body: file.content };
  const html = store.find(/^\/emails\/([0-9a-f-]+)\/html$/.exec(pathname)?.[1] ?? "")?.html;
  if (html === undefined || html === null) throw new Refused(404, "There is no such mail.");
  return htmlPage(renderFrame(html), MAIL_POLICY);
}

/**
 * @param {MailStore} store
 * @param {string} key
 * @param {import("node:http").IncomingMessage} request
 */
async function take(store, key, request) {
  const [scheme = "", token = ""] = request.headers.authorization?.split(" ") ?? [];
  if (scheme.toLowerCase() !== "bearer" || !isSame(token, key)) {
    throw new Refused(401, "The key is not the one of this post office.", { "WWW-Authenticate": "Bearer" });
  }
  const text = await bodyOf(request);
  try {
    const letter = readLetter(JSON.parse(text));
    const { "idempotency-key": idempotencyKey } = request.headers;
    return store.take(letter, typeof idempotencyKey === "string" ? idempotencyKey : null);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refused(422, "The body is no JSON.");
    if (error instanceof Unfit) throw new Refused(422, `This is no mail: ${error.message}.`);
    throw error;
  }
}

/**
 * Compares in a time that does not tell how much is right.
 * @param {string} given
 * @param {string} expected
 */
function isSame(given, expected) {
  const digest = (/** @type {string} */ text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** @param {import("node:http").IncomingMessage} request */
async function bodyOf(request) {
  /** @type {Buffer[]} */
  const pieces = [];
  let length = 0;
  // To its end in any case: the sender reads no answer before.
  for await (const piece of request) {
    const bytes = /** @type {Buffer} */ (piece);
    length += bytes.length;
    if (length <= BODY_LIMIT) pieces.push(bytes);
  }
  if (length > BODY_LIMIT) throw new Refused(413, `A mail has at most ${BODY_LIMIT} bytes here.`);
  return Buffer.concat(pieces).toString("utf8");
}

/**
 * The page, or that nothing has come since it was last read.
 * @param {MailStore} store
 * @param {import("node:http").IncomingMessage} request
 * @returns {Answer}
 */
function page(store, request) {
  const tag = `"${store.revision}"`;
  if (request.headers["if-none-match"] === tag) return { status: 304, type: "text/html; charset=utf-8", body: "", headers: { ETag: tag } };
  const { headers, ...rest } = htmlPage(renderPage(store.newestFirst()), PAGE_POLICY);
  return { ...rest, headers: { ...headers, ETag: tag } };
}

/**
 * @param {string} body
 * @param {string} policy
 * @returns {Answer}
 */
function htmlPage(body, policy) {
  return { status: 200, type: "text/html; charset=utf-8", body, headers: { "Content-Security-Policy": policy } };
}

/**
 * @param {number} status
 * @param {unknown} value
 * @returns {Answer}
 */
function json(status, value) {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

/** @param {Refused} refused */
function refusal({ status, message, headers }) {
  return { ...json(status, { error: message }), headers };
}

/**
 * @param {unknown} error
 * @returns {Answer} for a full disk and the like; whoever sends tries again
 */
function failure(error) {
  return json(500, { error: `The mail could not be kept: ${error instanceof Error ? error.message : String(error)}` });
}
