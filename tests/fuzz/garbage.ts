/**
 * Requests that no schema thinks of: paths, queries, headers and bodies that are broken, huge, doubled, in
 * another encoding, or right but for one byte. Everything that chance decides hangs on the seed.
 */
import type { Random } from "../../scripts/seed/random.mjs";
import type { Document } from "../api/harness/openapi.ts";
import type { Sent } from "./wire.ts";

/** What exists and may be asked for. */
export interface Known {
  tokens: readonly string[];
  posts: readonly string[];
  usernames: readonly string[];
  cursors: readonly string[];
}

/** Those that the platform's server lets through to Kith. */
export const KNOWN_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY", "PATCH", "PROPFIND"];
const ODD_METHODS = ["HEAD", "OPTIONS", "TRACE", "QUERY", "PATCH", "PROPFIND", "M-SEARCH", "get", "Post", "X".repeat(40)];
const ODD_SEGMENTS = [
  "", ".", "..", "%2e%2e", "%00", "%ff", "%c0%af", "%ed%a0%80", "%E0%A4%A", "%", "%2", "%zz", "%2F", "%5C", "%0d%0a", "%25", "+", "*", ";a=b",
  "null", "undefined", "0", "-1", "a b", "%F0%9F%A6%80", "\u00e9", "'--", "{id}", "x".repeat(4_000), "%61".repeat(1_000), "~", "@", "%EF%BC%91",
];
const ODD_VALUES = [
  "", " ", "0", "1", "-1", "+5", "007", "5.0", "1e1", "100", "101", "9007199254740993", "99999999999999999999", "%EF%BC%95", "%D9%A5", "NaN", "true", "null",
  "%00", "%FF", "%ED%A0%80", "[]", "{}", "a%26b", "%22", "'", "%0A", "x".repeat(5_000), "%F0%9F%A6%80", "5%20", "%205", "0x5",
];
const ODD_HEADERS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["authorization", ["", "Bearer", "Bearer ", "bearer x", "Basic YTpi", "Bearer a.b.c", "Bearer \xe9\xff", `Bearer ${"a".repeat(9_000)}`, "Bearer x y", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30."]],
  ["if-none-match", ["*", "", "W/", "\"", "\"\"", "W/\"x", "\"a\",\"b\"", ",,,", "\xff", "*, \"a\"", "\"x\",".repeat(2_000), "W/\"0123456789ab.7.5.3\""]],
  ["idempotency-key", ["", "\"", "\"\"", "a", "\"a\"", "\"a", "a\"", "\"\\\"", "\"\\x\"", "k".repeat(255), "k".repeat(256), `"${"k".repeat(255)}"`, `"${"k".repeat(256)}"`, "\xe9", "a b", "\"a\";p=1", "'; drop table users; --", "\t"]],
  ["x-request-id", ["", "a", "a".repeat(64), "a".repeat(65), "{\"a\":1}", "\xff", "a b", "..", "%00", "a,b", "'\"\\"]],
  ["traceparent", ["", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-".repeat(3_000), "\xff", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"]],
  ["content-type", ["", "text/plain", "application/json", "APPLICATION/JSON; Charset=\"UTF-8\"", "application/json; charset=utf-16", "application/json;;;", "application/problem+json", "application/x-www-form-urlencoded", "multipart/form-data", "\xff", "application/", "/", "application/json, text/plain", "application/json; charset"]],
  ["content-encoding", ["gzip", "br", "identity", "\xff"]],
  ["user-agent", ["", "\xe9\xff", "x".repeat(3_000), "'; drop table sessions; --", "\t"]],
  ["accept", ["", "text/html", "*/*", "application/json;q=0", "\xff", "application/problem+json", ",,,"]],
  ["range", ["bytes=0-0", "bytes=-1", "lines=1-2"]],
  ["if-match", ["*", "\"0\"", "\xff"]],
  ["origin", ["null", "http://localhost", "https://elsewhere.example", "\xff"]],
  ["cookie", ["a=b", "\xff=;;;"]],
  ["x-forwarded-for", ["127.0.0.1", "unknown, \xff"]],
  ["cf-connecting-ip", ["127.0.0.1", "::1", "nobody"]],
  ["d1-bookmark", ["", "0", "\xff", "x".repeat(3_000)]],
  ["x-http-method-override", ["DELETE", "\xff"]],
  ["x-\xe9", ["a"]],
  ["x-long", ["x".repeat(30_000)]],
];
/** JSON texts and what looks like them; bytes as characters. */
const ODD_JSON = [
  "", " ", "{", "}", "{}", "[]", "null", "true", "0", "\"\"", "{}{}", "{\"a\":1,}", "{'a':1}", "{a:1}", "// {}", "\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", "\x00", "{\"\x00\":1}",
  "\xff", "{\"caption\":\"\xff\"}", "{\"caption\":\"\xed\xa0\x80\"}", "[".repeat(200), "[".repeat(90_000), "{\"a\":".repeat(200), "{\"__proto__\":{}}", "NaN", "Infinity", "1e999", "-", "{\"up_to\":1e999}",
];
/** JSON values in their own spelling, for any field. */
const ODD_FIELDS = [
  "null", "true", "0", "-0", "-0.0", "1.0", "1e2", "1E400", "-1", "9007199254740993", "18446744073709551616", "123456789012345678901234567890", "0.1", "[]", "{}", "[null]", "\"\"", "\" \"",
  "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83e\\udd80\"", "\"\\u202e\"", "\"\\u200b\"", "\"a\\nb\"", "\"\\/\"", "\"\xc3\xa9\"", "\"\xe9\"", "\"\xf0\x9f\xa6\x80\"", "\"'; drop table posts; --\"",
  `"${"x".repeat(2_201)}"`, `"${"\\u00e9".repeat(2_200)}"`, "\"x@y.zz\"", "\"admin\"", "\"ASHA\"", "\"\\uff41\\uff42\\uff43\\uff44\"", "\"\\u212a\\u212a\\u212a\"", "\"\\u0130\\u0130\\u0130\"", "\"public\"", "\"\\\"",
];
const MOST_HEADERS = 4;

interface Operation {
  method: string;
  template: string;
  query: readonly string[];
  fields: readonly string[];
}

export class Garbage {
  readonly #random: Random;
  readonly #known: Known;
  readonly #operations: readonly Operation[];
  readonly #host: string;

  constructor(random: Random, document: Document, known: Known, host: string) {
    this.#random = random;
    this.#known = known;
    this.#operations = operationsOf(document);
    this.#host = host;
  }

  next(): Sent {
    const operation = this.#random.choose(this.#operations);
    const method = this.#oneIn(8) ? this.#random.choose(ODD_METHODS) : operation.method.toUpperCase();
    const body = operation.fields.length > 0 || this.#oneIn(10) ? this.#body(operation) : Buffer.alloc(0);
    return { method, target: this.#path(operation) + this.#query(operation), headers: this.#headers(body), body };
  }

  #oneIn(chances: number): boolean {
    return this.#random.below(chances) === 0;
  }

  #path({ template }: Operation): string {
    const names = { "{username}": this.#known.usernames, "{id}": this.#known.posts };
    const path = template.replaceAll(/\{\w+\}/g, (name) => {
      const existing = names[name as keyof typeof names] ?? [];
      return existing.length === 0 || this.#oneIn(4) ? this.#random.choose(ODD_SEGMENTS) : this.#random.choose(existing);
    });
    if (!this.#oneIn(12)) return path;
    const odd = this.#random.choose(ODD_SEGMENTS);
    // No `*`: what stands before Kith on a developer's machine answers that with a 500 of its own.
    return this.#random.choose([`${path}/`, `/${path}`, `${path}/${odd}`, path.toUpperCase(), `/${odd}${path}`, `${path}#${odd}`, `http://${this.#host}${path}`]);
  }

  #query({ query }: Operation): string {
    if (query.length === 0 && !this.#oneIn(10)) return "";
    if (this.#oneIn(20)) return this.#random.choose(["?", "??", "?&&&", "?=", "?=&=", "?%", "?a", "?limit", "?limit=5;cursor=", `?${"a=b&".repeat(500)}`]);
    const parts = Array.from({ length: this.#random.below(4) }, () => {
      const name = this.#oneIn(6) ? this.#random.choose(["Limit", "limit[]", "%6cimit", "", "typo", "cursor%00"]) : this.#random.choose([...query, "limit"]);
      if (name === "cursor" && !this.#oneIn(3)) return `${name}=${this.#cursor()}`;
      return `${name}=${this.#random.choose(ODD_VALUES)}`;
    });
    return parts.length === 0 ? "" : `?${parts.join("&")}`;
  }

  /** One that was issued, perhaps for another list, perhaps for another account, perhaps with one byte changed. */
  #cursor(): string {
    const cursor = this.#random.choose(this.#known.cursors);
    const at = this.#random.below(cursor.length);
    return this.#random.choose([cursor, cursor, cursor.slice(0, at), `${cursor}A`, `${cursor}=`, `${cursor.slice(0, at)}A${cursor.slice(at + 1)}`]);
  }

  #headers(body: Buffer): [string, string][] {
    const chosen: [string, string][] = [["host", this.#host], ["connection", "close"]];
    if (!this.#oneIn(4)) chosen.push(["authorization", `Bearer ${this.#random.choose(this.#known.tokens)}`]);
    if (body.length > 0) {
      if (!this.#oneIn(6)) chosen.push(["content-type", "application/json"]);
      chosen.push(["content-length", String(body.length)]);
    }
    for (let count = this.#random.below(MOST_HEADERS); count > 0; count -= 1) {
      const [name, values] = this.#random.choose(ODD_HEADERS);
      const entry: [string, string] = [name, this.#random.choose(values)];
      const before = chosen.findIndex(([other]) => other === name);
      // Most replace what is there, some stand beside it.
      if (before !== -1 && !this.#oneIn(4)) chosen[before] = entry;
      else chosen.push(entry);
    }
    return chosen;
  }

  #body({ fields }: Operation): Buffer {
    if (this.#oneIn(4)) return Buffer.from(this.#random.choose(ODD_JSON), "latin1");
    const members = fields.filter(() => !this.#oneIn(5)).map((field) => `"${field}":${this.#field(field)}`);
    if (this.#oneIn(12)) members.push(...members.slice(0, 1));
    if (this.#oneIn(12)) members.push(`"${this.#random.choose(["typo", "\\u0000", "", "id"])}":1`);
    if (this.#oneIn(60)) members.push(`"caption":"${"x".repeat(1_100_000)}"`);
    return Buffer.from(`{${members.join(",")}}`, "latin1");
  }

  #field(field: string): string {
    const right: Record<string, () => string> = {
      username: () => `"u${this.#random.uint32()}"`,
      email: () => `"u${this.#random.uint32()}@example.com"`,
      password: () => '"a horse of my own"',
      caption: () => `"number ${this.#random.uint32()}"`,
      up_to: () => String(this.#random.below(9)),
    };
    const one = right[field];
    return one === undefined || this.#oneIn(3) ? this.#random.choose(ODD_FIELDS) : one();
  }
}

function operationsOf({ paths, components }: Document): Operation[] {
  const found: Operation[] = [];
  for (const [template, methods] of Object.entries(paths)) {
    for (const [method, { parameters, requestBody }] of Object.entries(methods)) {
      const query = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
      const reference = requestBody?.content["application/json"]?.schema.$ref?.split("/").at(-1) ?? "";
      const fields = Object.keys((components.schemas[reference]?.["properties"] as object | undefined) ?? {});
      found.push({ method, template, query, fields });
    }
  }
  return found;
}
