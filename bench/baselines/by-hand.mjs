// Two routes of Kith as someone would write them by hand in JavaScript, without a framework: the
// same statement in one trip, the same bytes, headers and log line. `../measure.mjs` refuses to
// compare anything before both answer alike.
//
// It leaves out what the two routes never do when nobody is signed in: tokens, other methods, pages of
// other origins, the operator's flags and the outbox. Bookmarks it reads, though the measured requests
// bring none. The platform's limiter is asked about every request, as Kith does.

/** As much of D1's binding as is used here. */
/** @typedef {{ bind: (...values: unknown[]) => Statement }} Statement */
/** @typedef {{ results: PostRow[], meta: { rows_read: number, rows_written: number } }} Result */
/** @typedef {{ prepare: (sql: string) => Statement, batch: (statements: Statement[]) => Promise<Result[]> }} Session */
/** @typedef {Session & { withSession: (begins: string) => Session }} Database */
/** As much of the platform's rate limiter as is used here. */
/** @typedef {{ limit: (options: { key: string }) => Promise<{ success: boolean }> }} Limiter */
/** @typedef {{ DB: Database, ADDRESS_LIMITER: Limiter, EXPOSE_COST: string, SECRET_KEYS: string }} Env */

/** @typedef {{ gone: number, id: string, author: string, caption: string, tags: string, mentions: string, visibility: string, reply_to: string | null, like_count: number, comment_count: number, liked: number, created_at: number, edited_at: number | null, version: number }} PostRow */

/** What the meters of one request have counted; null where the platform did not tell. */
/** @typedef {{ d1_trips: number, d1_ms: number, rows_read: number | null, rows_written: number | null }} Cost */
/** @typedef {{ status: number, type: string, cache: string, tag?: string, body: string | null, route: string | null, cause: string | null }} Answer */

/** `posts::store::read` of Kith, for the post ?1 and the viewer ?2, which is null for nobody. */
const READ_POST = `select not (p.deleted_at is null and p.removed_at is null) as gone, p.id, iif(a.id is null, null, json_object('id', a.id, 'username', a.username, 'display_name', a.display_name, 'avatar_url', a.avatar_url)) as author, p.caption, p.tags, p.mentions, p.visibility, p.reply_to, p.like_count, p.comment_count, exists (select 1 from likes where post_id = p.id and user_id = ?2) as liked, p.created_at, p.edited_at, p.version
from posts p
join users a on a.id = p.author_id
where p.id = ?1 and (((p.deleted_at is null and p.removed_at is null) or p.comment_count > 0) and (a.status = 'active' and (p.author_id = ?2 or ((p.visibility = 'public' or p.audience_id = ?2 or exists (select 1 from follows where follower_id = ?2 and followee_id = p.audience_id and state = 'accepted')) and not (exists (select 1 from blocks where blocker_id = p.author_id and blocked_id = ?2) or exists (select 1 from blocks where blocker_id = ?2 and blocked_id = p.author_id)) and (p.audience_id = p.author_id or not (exists (select 1 from blocks where blocker_id = p.audience_id and blocked_id = ?2) or exists (select 1 from blocks where blocker_id = ?2 and blocked_id = p.audience_id)))))))`;

const POSTS = "/api/v1/posts/";
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:$|-)/;
const BOOKMARK = /^[A-Za-z0-9_-]{22,512}$/;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    const started = Date.now();
    const ids = identify(request.headers);
    /** @type {Cost} */
    const cost = { d1_trips: 0, d1_ms: 0, rows_read: 0, rows_written: 0 };
    const { success } = await env.ADDRESS_LIMITER.limit({ key: limiterKey(request.headers) });
    const answer = success ? await admitted(request, env, cost, ids.request) : tooMany(ids.request);
    const ms = Date.now() - started;
    log(request.method, answer, ms, cost, ids);
    return respond(answer, ms, cost, ids, env.EXPOSE_COST === "1");
  },
};

/**
 * Under what the platform's limiter counts a client: its IPv4 address, or the /64 of its IPv6 one.
 * @param {Headers} headers
 */
function limiterKey(headers) {
  const sent = headers.get("cf-connecting-ip") ?? "unknown";
  return sent.includes(":") ? network(sent) : sent;
}

/** @param {string} address */
function network(address) {
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  const all = [...groups, ...Array.from({ length: missing }, () => "0"), ...(tail ?? "").split(":")];
  return `${all.slice(0, 4).map((group) => Number.parseInt(group || "0", 16).toString(16)).join(":")}::/64`;
}

/**
 * @param {string} requestId
 * @returns {Answer}
 */
function tooMany(requestId) {
  const body = JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail: "Too many requests; wait for as long as `Retry-After` says.",
    code: "too_many_requests",
    request_id: requestId,
    "violated-policies": ["address"],
  });
  return { status: 429, type: "application/problem+json", cache: "no-store", body, route: null, cause: null };
}

/**
 * @param {Request} request
 * @param {Env} env
 * @param {Cost} cost
 * @param {string} requestId
 */
function admitted(request, env, cost, requestId) {
  if (takesJson(request.headers.get("accept"))) return route(request, env, cost, requestId);
  return problem(406, "Not Acceptable", "not_acceptable", "The answer is `application/json`.", requestId, null);
}

/**
 * @param {Headers} headers
 */
function identify(headers) {
  const random = crypto.getRandomValues(new Uint8Array(40));
  const given = headers.get("x-request-id");
  const trace = TRACEPARENT.exec(headers.get("traceparent") ?? "");
  return {
    request: given !== null && REQUEST_ID.test(given) ? given : hexadecimal(random, 0, 16),
    trace: trace?.[1] ?? hexadecimal(random, 16, 32),
    span: hexadecimal(random, 32, 40),
    flags: trace?.[2] ?? "00",
  };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} begin
 * @param {number} end
 */
function hexadecimal(bytes, begin, end) {
  let text = "";
  for (let index = begin; index < end; index += 1) text += HEX[bytes[index] ?? 0];
  return text;
}

/**
 * @param {Request} request
 * @param {Env} env
 * @param {Cost} cost
 * @param {string} requestId
 * @returns {Promise<Answer>}
 */
async function route(request, env, cost, requestId) {
  const { pathname } = new URL(request.url);
  if (request.method === "GET" && pathname === "/health") {
    return { status: 200, type: "application/health+json", cache: "no-store", body: '{"status":"pass"}', route: "/health", cause: null };
  }
  if (request.method === "GET" && pathname.startsWith(POSTS) && pathname.indexOf("/", POSTS.length) < 0) {
    const sent = request.headers.get("d1-bookmark");
    const state = sent === null ? "first-unconstrained" : await openBookmark(sent, env.SECRET_KEYS);
    if (state === null) {
      return problem(400, "Bad Request", "malformed_bookmark", "`D1-Bookmark` must be one that this server has answered with.", requestId, `${POSTS}{id}`);
    }
    const known = request.headers.get("if-none-match");
    return getPost(pathname.slice(POSTS.length), state, known, env, cost, requestId);
  }
  return problem(404, "Not Found", "not_found", "There is no such thing, or not for you.", requestId, null);
}

/** @type {{ text: string, keys: import("node:crypto").webcrypto.CryptoKey[] }} */
let imported = { text: "", keys: [] };

/**
 * The keys of bookmarks, made ready once.
 * @param {string} text
 */
async function secretKeys(text) {
  if (imported.text !== text) {
    const entries = text.split(",").map((entry) => fromBase64(entry.slice(entry.indexOf(":") + 1)));
    const ready = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    imported = { text, keys: await Promise.all(entries.map(ready)) };
  }
  return imported.keys;
}

/** @param {string} text */
function fromBase64(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

/**
 * The state that a bookmark names, if it is one that was given away: a code, and after it the state.
 * @param {string} sent
 * @param {string} keys
 */
async function openBookmark(sent, keys) {
  if (!BOOKMARK.test(sent) || sent.length % 4 === 1) return null;
  const bytes = fromBase64(sent);
  const [code, state] = [bytes.subarray(0, 16), bytes.subarray(16)];
  const purpose = new TextEncoder().encode("bookmark");
  const signed = new Uint8Array(16 + purpose.length + state.length);
  new DataView(signed.buffer).setUint32(4, purpose.length);
  signed.set(purpose, 8);
  new DataView(signed.buffer).setUint32(12 + purpose.length, state.length);
  signed.set(state, 16 + purpose.length);
  for (const key of await secretKeys(keys)) {
    const right = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed));
    if (code.reduce((difference, byte, index) => difference | (byte ^ (right[index] ?? 0)), 0) === 0) return new TextDecoder().decode(state);
  }
  return null;
}

/**
 * @param {string} id
 * @param {string} state what is to be seen, in D1's words
 * @param {string | null} known
 * @param {Env} env
 * @param {Cost} cost
 * @param {string} requestId
 * @returns {Promise<Answer>}
 */
async function getPost(id, state, known, env, cost, requestId) {
  const pattern = `${POSTS}{id}`;
  if (!UUID_V7.test(id)) return problem(404, "Not Found", "not_found", "There is no such thing, or not for you.", requestId, pattern);
  const started = Date.now();
  let result;
  try {
    const session = env.DB.withSession(state);
    [result] = await session.batch([session.prepare(READ_POST).bind(id, null)]);
  } catch (error) {
    cost.rows_read = null;
    cost.rows_written = null;
    const failed = problem(503, "Service Unavailable", "dependency_unavailable", "A service Kith depends on does not answer; try again.", requestId, pattern);
    return { ...failed, cause: error instanceof Error ? error.message : String(error) };
  } finally {
    cost.d1_trips = 1;
    cost.d1_ms = Date.now() - started;
  }
  cost.rows_read = result?.meta.rows_read ?? null;
  cost.rows_written = result?.meta.rows_written ?? null;
  const row = result?.results[0];
  if (row === undefined) return problem(404, "Not Found", "not_found", "There is no such thing, or not for you.", requestId, pattern);
  const body = JSON.stringify(row.gone === 0 ? shown(row) : { id: row.id, deleted: true });
  const tag = `${row.version}.${await hash(body)}`;
  const same = isKnown(known, tag);
  return {
    status: same ? 304 : 200,
    type: "application/json",
    cache: "private, no-cache",
    tag: `"${tag}"`,
    body: same ? null : body,
    route: pattern,
    cause: null,
  };
}

/** @param {PostRow} row */
function shown(row) {
  return {
    id: row.id,
    author: JSON.parse(row.author),
    caption: row.caption,
    media: [],
    visibility: row.visibility,
    reply_to: row.reply_to,
    tags: JSON.parse(row.tags),
    mentions: JSON.parse(row.mentions),
    like_count: row.like_count,
    comment_count: row.comment_count,
    liked: row.liked !== 0,
    created_at: new Date(row.created_at).toISOString(),
    edited_at: row.edited_at === null ? null : new Date(row.edited_at).toISOString(),
    version: row.version,
  };
}

/**
 * The beginning of a text's SHA-256, as base64url.
 * @param {string} text
 */
async function hash(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const bytes = String.fromCharCode(...new Uint8Array(digest, 0, 12));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_");
}

/**
 * Whether `If-None-Match` names a tag.
 * @param {string | null} known
 * @param {string} tag
 */
function isKnown(known, tag) {
  if (known === null) return false;
  return known.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === `"${tag}"`);
}

/**
 * Whether `Accept` takes JSON, by its most specific range.
 * @param {string | null} accept
 */
function takesJson(accept) {
  let [best, weight] = [-1, 1];
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (!type.includes("/")) continue;
    const specificity = /^application\/(json|.+\+json)$/.test(type) ? 3 : type === "application/*" ? 2 : type === "*/*" ? 1 : 0;
    const q = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    if (specificity > best || (specificity === best && q > weight)) [best, weight] = [specificity, specificity === 0 ? 0 : q];
  }
  return weight > 0;
}

/**
 * @param {number} status
 * @param {string} title
 * @param {string} code
 * @param {string} detail
 * @param {string} requestId
 * @param {string | null} pattern
 * @returns {Answer}
 */
function problem(status, title, code, detail, requestId, pattern) {
  const body = JSON.stringify({ type: "about:blank", title, status, detail, code, request_id: requestId });
  return { status, type: "application/problem+json", cache: "no-store", body, route: pattern, cause: null };
}

/**
 * @param {Answer} answer
 * @param {number} ms
 * @param {Cost} cost
 * @param {ReturnType<typeof identify>} ids
 * @param {boolean} exposeCost
 */
function respond(answer, ms, cost, ids, exposeCost) {
  /** @type {Record<string, string>} */
  const headers = {
    "cache-control": answer.cache,
    vary: "Origin",
    "x-request-id": ids.request,
    traceparent: `00-${ids.trace}-${ids.span}-${ids.flags}`,
    "server-timing": `total;dur=${ms}, d1;dur=${cost.d1_ms}`,
    "ratelimit-policy": '"address";q=1200;w=60',
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
  };
  if (exposeCost) {
    const [read, written] = [cost.rows_read ?? "unknown", cost.rows_written ?? "unknown"];
    headers["kith-cost"] = `d1_trips=${cost.d1_trips}, rows_read=${read}, rows_written=${written}, kv_reads=0, kv_writes=0, queue_sends=0, r2_ops=0`;
  }
  if (answer.body !== null) headers["content-type"] = answer.type;
  if (answer.tag !== undefined) headers["etag"] = answer.tag;
  if (answer.status === 503) headers["retry-after"] = "1";
  if (answer.status === 429) headers["retry-after"] = "60";
  return new Response(answer.body, { status: answer.status, headers });
}

/**
 * @param {string} method
 * @param {Answer} answer
 * @param {number} ms
 * @param {Cost} cost
 * @param {ReturnType<typeof identify>} ids
 */
function log(method, answer, ms, cost, ids) {
  const level = answer.status === 503 ? "warn" : "info";
  const line = JSON.stringify({
    level,
    event: "request",
    method,
    route: answer.route,
    status: answer.status,
    ms,
    cost: {
      d1_trips: cost.d1_trips,
      rows_read: cost.rows_read,
      rows_written: cost.rows_written,
      kv_reads: 0,
      kv_writes: 0,
      queue_sends: 0,
      r2_ops: 0,
      password_hashes: 0,
    },
    request_id: ids.request,
    trace_id: ids.trace,
    span_id: ids.span,
    user_id: null,
    cause: answer.cause,
  });
  if (level === "warn") console.warn(line);
  else console.log(line);
}
