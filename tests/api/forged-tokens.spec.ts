/**
 * Hundreds of access tokens that Kith did not issue, each wrong in its own way: all are refused, and all alike,
 * byte for byte, so that nobody learns how far a forgery got.
 */
import { createHash, createHmac, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { base64url, composeToken, decodeToken, generateSigningKey, nowSeconds } from "./harness/keys.ts";
import type { Json, JsonObject, SigningKey } from "./harness/keys.ts";
import { expectBadToken, withoutRequestId } from "./harness/problem.ts";
import { uuidV7 } from "./harness/state.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const { keys } = world;
const [asha, ben] = [await world.person("asha"), await world.person("ben")];
const mallory = generateSigningKey("mallory");
const { claims: issued, header: issuedHeader } = decodeToken(asha.accessToken);
const session = asha.refreshToken.split(".")[0] ?? "";
const [head = "", body = "", signature = ""] = asha.accessToken.split(".");

type Sign = (input: Buffer) => Buffer;
const by = (key: SigningKey): Sign => (input) => sign(null, input, key.privateKey);
const rightly = by(keys.current);
const nobody: Sign = () => Buffer.alloc(0);

const fresh = (changes: JsonObject = {}): JsonObject => ({ ...keys.claims(asha.id, session), ...changes });
const RIGHT: JsonObject = { alg: "EdDSA", typ: "at+jwt", kid: keys.current.kid };
const without = (object: JsonObject, name: string) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

/** A token of this header and these claims. */
const forge = (header: JsonObject, claims: JsonObject, signWith: Sign) => composeToken({ ...RIGHT, ...header }, claims, signWith);
/** A token of parts that are texts already. */
const forgeText = (header: string, claims: string, signWith: Sign) => {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${base64url(signWith(Buffer.from(input)))}`;
};

/** What is refused, by what it is. */
const FORGERIES: Record<string, Record<string, string>> = {};

function family(name: string, entries: Record<string, string>): void {
  FORGERIES[name] = entries;
}

const named = <T>(values: readonly T[], token: (value: T) => string): Record<string, string> =>
  Object.fromEntries(values.map((value) => [JSON.stringify(value) ?? "nothing", token(value)]));

// Algorithms.
const ALGORITHMS: Json[] = [
  "none", "None", "NONE", "nOnE", "", " ", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
  "ES256", "ES384", "ES512", "ES256K", "Ed25519", "Ed448", "Ed25519ph", "eddsa", "EDDSA", "EdDSA ", "EdDSA\u0000", "dir", "A128KW",
  null, 0, true, ["EdDSA"], { name: "EdDSA" },
];
family("the algorithm %s, with no signature", named(ALGORITHMS, (alg) => forge({ alg }, fresh(), nobody)));
family("the algorithm %s, with a right signature", named(ALGORITHMS, (alg) => forge({ alg }, fresh(), rightly)));
family("the algorithm %s, signed by somebody else", named(ALGORITHMS, (alg) => forge({ alg }, fresh(), by(mallory))));
family("no algorithm, %s", {
  "with a right signature": composeToken(without(RIGHT, "alg"), fresh(), rightly),
  "with none": composeToken(without(RIGHT, "alg"), fresh(), nobody),
});

// The public key as a secret, and keys of other kinds.
const jwk = keys.current.publicKey.export({ format: "jwk" });
const PUBLIC_FORMS: Record<string, Buffer> = {
  bytes: Buffer.from(jwk.x ?? "", "base64url"),
  base64url: Buffer.from(jwk.x ?? ""),
  DER: keys.current.publicKey.export({ format: "der", type: "spki" }),
  PEM: Buffer.from(keys.current.publicKey.export({ format: "pem", type: "spki" })),
  "PEM without its last line break": Buffer.from(String(keys.current.publicKey.export({ format: "pem", type: "spki" })).trim()),
  JWK: Buffer.from(JSON.stringify(jwk)),
  nothing: Buffer.alloc(0),
};
for (const [alg, hash] of [["HS256", "sha256"], ["HS384", "sha384"], ["HS512", "sha512"]] as const) {
  const hmac = (secret: Buffer): Sign => (input) => createHmac(hash, secret).update(input).digest();
  family(`${alg} with the public key as %s`, Object.fromEntries(Object.entries(PUBLIC_FORMS).map(([form, secret]) => [form, forge({ alg }, fresh(), hmac(secret))])));
}
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const ed448 = generateKeyPairSync("ed448").privateKey;
const printed = createPrivateKey({
  key: { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
  format: "jwk",
});
family("a key of another kind: %s", {
  RSA: forge({ alg: "RS256" }, fresh(), (input) => sign("sha256", input, rsa)),
  "RSA, called EdDSA": forge({}, fresh(), (input) => sign("sha256", input, rsa)),
  "P-256": forge({ alg: "ES256" }, fresh(), (input) => sign("sha256", input, { key: ec, dsaEncoding: "ieee-p1363" })),
  "P-256, called EdDSA": forge({}, fresh(), (input) => sign("sha256", input, { key: ec, dsaEncoding: "ieee-p1363" })),
  "P-256 in DER, called EdDSA": forge({}, fresh(), (input) => sign("sha256", input, ec)),
  "Ed448, called EdDSA": forge({}, fresh(), (input) => sign(null, input, ed448)),
  "the one printed in the standard": forge({}, fresh(), (input) => sign(null, input, printed)),
});

// Names of keys.
const KIDS: Json[] = [
  "", " ", "mallory", keys.current.kid.toUpperCase(), `${keys.current.kid} `, `${keys.current.kid}\u0000`, `${keys.current.kid},${keys.former.kid}`,
  "../../../../dev/null", "/proc/self/environ", "http://127.0.0.1:9/key", "x' or '1'='1", "$(id)", "test\u2010current", "k".repeat(600),
  null, 0, -1, true, [keys.current.kid], { kid: keys.current.kid },
];
family("the kid %s, signed by somebody else", named(KIDS, (kid) => forge({ kid }, fresh(), by(mallory))));
family("the kid %s, signed rightly", named(KIDS, (kid) => forge({ kid }, fresh(), rightly)));
family("a kid %s", {
  "of ours over somebody else's signature": forge({}, fresh(), by(mallory)),
  "of the former key over the current one's": forge({ kid: keys.former.kid }, fresh(), rightly),
  "of the current key over the former one's": forge({}, fresh(), by(keys.former)),
  "that is missing": composeToken(without(RIGHT, "kid"), fresh(), rightly),
  "of a secret key": forge({ kid: "test-sealing" }, fresh(), by(mallory)),
});

// Keys that come with the token.
const own = mallory.publicKey.export({ format: "jwk" }) as JsonObject;
const WHERE = ["http://127.0.0.1:9/keys", "https://mallory.example/keys", "file:///etc/passwd", `data:application/json,${JSON.stringify({ keys: [own] })}`, "http://localhost:8787/.well-known/jwks.json@mallory.example"];
const BROUGHT: JsonObject[] = [
  { jwk: own },
  { jwk: { ...own, kid: keys.current.kid, use: "sig", alg: "EdDSA" } },
  { jwk: { kty: "oct", k: base64url("secret") } },
  { jwk: "mallory" },
  { jwks: { keys: [own] } },
  { x5c: [base64url(mallory.seed)] },
  { x5t: createHash("sha1").update("mallory").digest("base64url") },
  { "x5t#S256": createHash("sha256").update("mallory").digest("base64url") },
  ...WHERE.flatMap((url): JsonObject[] => [{ jku: url }, { x5u: url }]),
];
family("brings its own key: %s", named(BROUGHT, (brought) => forge(brought, fresh(), by(mallory))));
family("brings its own key under its own name: %s", named(BROUGHT, (brought) => forge({ ...brought, kid: "mallory" }, fresh(), by(mallory))));

// Headers and types.
const TYPES: Json[] = ["JWT", "jwt", "AT+JWT", "application/at+jwt", "at+jwt ", "at+jwt2", "at", "refresh+jwt", "", null, 0, ["at+jwt"]];
family("the type %s", named(TYPES, (typ) => forge({ typ }, fresh(), rightly)));
const CRITICAL: Json[] = [["b64"], ["exp"], ["http://mallory.example"], [], "b64", null, 0, {}];
family("the critical extension %s", named(CRITICAL, (crit) => forge({ crit, b64: false }, fresh(), rightly)));
family("a header %s", {
  "without a type": composeToken(without(RIGHT, "typ"), fresh(), rightly),
  "that is empty": composeToken({}, fresh(), rightly),
  "that is a list": forgeText("[]", JSON.stringify(fresh()), rightly),
  "that is a text": forgeText('"EdDSA"', JSON.stringify(fresh()), rightly),
  "that is null": forgeText("null", JSON.stringify(fresh()), rightly),
  "that is cut off": forgeText(JSON.stringify(RIGHT).slice(0, -1), JSON.stringify(fresh()), rightly),
  "with something behind it": forgeText(`${JSON.stringify(RIGHT)}{}`, JSON.stringify(fresh()), rightly),
  "after a byte order mark": forgeText(`\ufeff${JSON.stringify(RIGHT)}`, JSON.stringify(fresh()), rightly),
  "nested deep": forgeText(`{"a":${"[".repeat(500)}${"]".repeat(500)}}`, JSON.stringify(fresh()), rightly),
});

// Claims.
const now = nowSeconds();
const OTHERS: [string, Json][] = [
  ...["http://somewhere.else", "http://localhost:8787/", "http://LOCALHOST:8787", "", "http://localhost:8787\u0000", null, 7, ["http://localhost:8787"]].map((value): [string, Json] => ["iss", value]),
  ...["another-app", "", "KITH", "kith ", "kith,another-app", null, 0, ["kith"], ["another-app", "kith"], {}].map((value): [string, Json] => ["aud", value]),
  ...["", "asha", asha.id.toUpperCase(), `${asha.id} `, `{${asha.id}}`, asha.id.replaceAll("-", ""), "00000000-0000-0000-0000-000000000000", "x' or '1'='1", "*", null, 0, [asha.id], {}].map((value): [string, Json] => ["sub", value]),
  ...["", "sid", session.toUpperCase(), `${session}\u0000`, "x' or '1'='1", null, 0, [session], {}].map((value): [string, Json] => ["sid", value]),
  ...[null, 1, [], {}].map((value): [string, Json] => ["jti", value]),
  ...[null, "soon", String(now), true, [now], {}, -1e300, 1e300, now + 3_600, now + 120].map((value): [string, Json] => ["iat", value]),
  ...[null, "never", String(now + 600), true, [now + 600], {}, 1e300, 2 ** 53, 2 ** 63, now + 86_400, now + 10 * 365 * 86_400].map((value): [string, Json] => ["exp", value]),
  ...[now - 60, now, now + 60, 0].map((value): [string, Json] => ["nbf", value]),
];
family("the claim %s, signed rightly", named(OTHERS, ([name, value]) => forge({}, fresh({ [name]: value }), rightly)));
family("no claim %s, signed rightly", named(["iss", "aud", "sub", "sid", "jti", "iat", "exp"], (name) => composeToken(RIGHT, without(fresh(), name), rightly)));
family("claims that are %s, signed rightly", {
  "no JSON": forgeText(JSON.stringify(RIGHT), "claims", rightly),
  "nothing": forgeText(JSON.stringify(RIGHT), "", rightly),
  "a list": forgeText(JSON.stringify(RIGHT), JSON.stringify([fresh()]), rightly),
  "a text": forgeText(JSON.stringify(RIGHT), JSON.stringify(JSON.stringify(fresh())), rightly),
  "cut off": forgeText(JSON.stringify(RIGHT), JSON.stringify(fresh()).slice(0, -1), rightly),
  "there twice": forgeText(JSON.stringify(RIGHT), JSON.stringify(fresh()).repeat(2), rightly),
  "nested deep": forgeText(JSON.stringify(RIGHT), `{"a":${"[".repeat(500)}${"]".repeat(500)}}`, rightly),
  "in UTF-16": `${base64url(JSON.stringify(RIGHT))}.${base64url(Buffer.from(JSON.stringify(fresh()), "utf16le"))}.${base64url("x".repeat(64))}`,
});
const TAMPERED: JsonObject[] = [{ sub: ben.id }, { sid: uuidV7() }, { exp: now + 500 }, { iat: Number(issued["iat"]) - 100 }, { role: "admin" }, { jti: "another" }, { aud: "another-app" }];
family("its claims changed to %s afterwards", named(TAMPERED, (changes) => `${head}.${base64url(JSON.stringify({ ...issued, ...changes }))}.${signature}`));

// Signatures.
const bytes = Buffer.from(signature, "base64url");
const [half, scalar] = [bytes.subarray(0, 32), bytes.subarray(32)];
const signed = (value: Buffer) => `${head}.${body}.${base64url(value)}`;
const [identity, order8] = [Buffer.from(`01${"00".repeat(31)}`, "hex"), Buffer.from("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "hex")];
const another = (await asha.onAnotherDevice()).accessToken.split(".");
family("a signature %s", {
  "of another token": `${head}.${body}.${another[2]}`,
  "under another token's claims": `${head}.${another[1]}.${signature}`,
  "of Ben's token": `${head}.${body}.${ben.accessToken.split(".")[2]}`,
  "of zeros": signed(Buffer.alloc(64)),
  "of ones": signed(Buffer.alloc(64, 0xff)),
  "of the neutral point": signed(Buffer.concat([identity, Buffer.alloc(32)])),
  "of a point of small order": signed(Buffer.concat([order8, Buffer.alloc(32)])),
  "with its halves exchanged": signed(Buffer.concat([scalar, half])),
  "backwards": signed(Buffer.from(bytes.toReversed())),
  "without its first byte": signed(bytes.subarray(1)),
  "without its last byte": signed(bytes.subarray(0, 63)),
  "with a byte more": signed(Buffer.concat([bytes, Buffer.alloc(1)])),
  "twice": signed(Buffer.concat([bytes, bytes])),
  "in hexadecimal": `${head}.${body}.${bytes.toString("hex")}`,
  "in base64 with its padding": `${head}.${body}.${bytes.toString("base64")}`,
  "of the claims alone": signed(rightly(Buffer.from(body))),
  "of what is encoded": signed(rightly(Buffer.from(`${JSON.stringify(issuedHeader)}.${JSON.stringify(issued)}`))),
  "of a hash": signed(rightly(createHash("sha512").update(`${head}.${body}`).digest())),
});
family("a signature with the bit %s turned", named([0, 1, 7, 100, 200, 255, 256, 300, 400, 500, 508, 511], (bit) => {
  const turned = Buffer.from(bytes);
  turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return signed(turned);
}));
/** The last letter of a signature says four bits, and the other two are to be zero. */
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
family("a signature whose last letter has %s in its unused bits", named([1, 2, 3], (bits) => {
  const last = LETTERS.indexOf(signature.slice(-1));
  return `${head}.${body}.${signature.slice(0, -1)}${LETTERS[last + bits] ?? ""}`;
}));

// Forms.
const flattened = JSON.stringify({ protected: head, payload: body, signature });
family("a token %s", {
  "that is a word": "letmein",
  "that is a password": asha.password,
  "that is a refresh token": asha.refreshToken,
  "of dots": "..",
  "without a signature": `${head}.${body}`,
  "with an empty signature": `${head}.${body}.`,
  "without claims": `${head}..${signature}`,
  "without a header": `.${body}.${signature}`,
  "with only a header": head,
  "with a part more": `${asha.accessToken}.${signature}`,
  "of five parts": `${head}.${body}.${signature}.${body}.${signature}`,
  "with a dot more": `${asha.accessToken}.`,
  "with a dot before": `.${asha.accessToken}`,
  "with its parts exchanged": `${body}.${head}.${signature}`,
  "with commas": asha.accessToken.replaceAll(".", ","),
  "twice": `${asha.accessToken}${asha.accessToken}`,
  "and another": `${asha.accessToken} ${ben.accessToken}`,
  "and another, behind a comma": `${asha.accessToken},${ben.accessToken}`,
  "in quotes": `"${asha.accessToken}"`,
  "in capitals": asha.accessToken.toUpperCase(),
  "in small letters": asha.accessToken.toLowerCase(),
  "backwards": asha.accessToken.split("").toReversed().join(""),
  "encoded once more": base64url(asha.accessToken),
  "in hexadecimal": Buffer.from(asha.accessToken).toString("hex"),
  "with its dots escaped": asha.accessToken.replaceAll(".", "%2E"),
  "that is compressed": base64url(gzipSync(asha.accessToken)),
  "in another serialization": flattened,
  "in another serialization, encoded": base64url(flattened),
  "with a tab inside": `${head}.${body}\t.${signature}`,
  "with padded parts": `${head}==.${body}==.${signature}==`,
  "of letters beyond ASCII": `${head}.${body}.${"\u00e9".repeat(86)}`,
  "with a letter beyond ASCII before": `\u00e9${asha.accessToken}`,
  "in the other alphabet": `${Buffer.from(head, "base64url").toString("base64")}.${Buffer.from(body, "base64url").toString("base64")}+/.${signature}`,
  "of 2 KB of claims": forge({}, fresh({ more: "x".repeat(2_000) }), rightly),
  "of 6 KB of signature": `${head}.${body}.${"A".repeat(6_000)}`,
  "of 6 KB of dots": ".".repeat(6_000),
});
const places = [0, 5, 12, head.length - 1, head.length + 2, head.length + 40, head.length + body.length - 1, asha.accessToken.length - 40, asha.accessToken.length - 2];
family("a token with the letter at %s changed", named(places, (place) => {
  const letter = asha.accessToken[place] === "A" ? "B" : "A";
  return asha.accessToken.slice(0, place) + letter + asha.accessToken.slice(place + 1);
}));
family("a token cut off after %s letters", named([1, 10, 36, head.length - 4, head.length + 1, 100, 200, 300, asha.accessToken.length - 1], (length) => asha.accessToken.slice(0, length)));

const show = (token: string) => world.bearing(token).fetch("GET", "/profile");
const all = Object.values(FORGERIES).flatMap((entries) => Object.values(entries));

/** What the first forgery was answered. */
const expected = await withoutRequestId(await show("letmein"));

test("the right token is taken, so that the others are refused for what is wrong with them", async () => {
  expect((await show(asha.accessToken)).status).toBe(200);
  expect((await show(forge({}, fresh(), rightly))).status).toBe(200);
  expect((await show(forge({ kid: keys.former.kid }, fresh(), by(keys.former)))).status).toBe(200);
});

test("there are at least 300, no two of them the same", () => {
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(300);
  expect(all).not.toContain(asha.accessToken);
  console.info(`${all.length} forged tokens`);
});

for (const [name, entries] of Object.entries(FORGERIES)) {
  const [before = "", after = ""] = name.split("%s");
  describe(`${before}…`, () => {
    test.for(Object.entries(entries))(`%s${after}`, async ([, token]) => {
      const response = await show(token);
      await expectBadToken(response.clone());
      expect((await world.control.recordOf(response)).trips).toEqual([]);
      expect(await withoutRequestId(response)).toEqual(expected);
    });
  });
}

test("none of them is refused on routes that need no token otherwise than on those that do", async () => {
  for (const token of all) {
    const response = await world.bearing(token).fetch("GET", "/posts?limit=1");
    expect({ token, ...(await withoutRequestId(response)) }).toEqual({ token, ...expected });
  }
}, 60_000);
