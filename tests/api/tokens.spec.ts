/** Access tokens that are not what they claim to be, among them correctly signed ones. */
import { createHmac, randomUUID, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { base64url, composeToken, decodeToken, generateSigningKey, nowSeconds } from "./harness/keys.ts";
import type { Json, JsonObject } from "./harness/keys.ts";
import { expectBadToken, expectProblem } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const { keys } = world;
const asha = await world.person("asha");
const mallory = generateSigningKey(keys.current.kid);

const { sub: ashaId, sid: ashaSession } = decodeToken(asha.accessToken).claims as { sub: string; sid: string };

/** A fresh, right set of claims of Asha's session, with some changed; `undefined` leaves one out. */
function claims(changes: Record<string, Json | undefined> = {}): JsonObject {
  const all = { ...keys.claims(ashaId, ashaSession), ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

const sessionOf = ({ refreshToken }: { refreshToken: string }) => refreshToken.split(".")[0] ?? "";

/** The token is refused where one is needed and where none is. */
async function expectRefused(token: string, code = "invalid_token"): Promise<void> {
  const bearer = world.bearing(token);
  for (const path of ["/profile", "/posts", `/users/${asha.username}`]) {
    await expectBadToken(await bearer.fetch("GET", path), code);
  }
}

const GOOD_HEADER = { alg: "EdDSA", typ: "at+jwt", kid: keys.current.kid };
const signedByMallory = (input: Buffer) => sign(null, input, mallory.privateKey);
const signedRightly = (input: Buffer) => sign(null, input, keys.current.privateKey);

describe("right tokens", () => {
  test("one put together by hand is accepted, so that the others are refused for their one fault", async () => {
    expect(await world.bearing(keys.sign(claims())).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
  });

  test("one signed with the former key is accepted: rotating keys signs nobody out", async () => {
    const token = keys.sign(claims(), keys.former);
    expect(await world.bearing(token).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
  });

  test("the name of the scheme is read in any case", async () => {
    for (const scheme of ["bearer", "BEARER"]) {
      const headers = { authorization: `${scheme} ${asha.accessToken}` };
      expect((await world.anonymous.fetch("GET", "/profile", undefined, headers)).status).toBe(200);
    }
  });
});

test("a token of letters beyond ASCII is a wrong one, not a missing one", async () => {
  const response = await world.anonymous.fetch("GET", "/posts", undefined, { authorization: "Bearer \u00e9" });
  await expectProblem(response, 401, "invalid_token");
});

describe("wrong algorithms", () => {
  test.for(["none", "None", "NONE", "nOnE", ""])("alg %j with no signature is refused", async (alg) => {
    const token = composeToken({ ...GOOD_HEADER, alg }, claims(), () => Buffer.alloc(0));
    await expectRefused(token);
  });

  test("alg none with a right signature is refused", async () => {
    await expectRefused(composeToken({ ...GOOD_HEADER, alg: "none" }, claims(), signedRightly));
  });

  test("HS256 with the public key as its secret is refused, in each form of that key", async () => {
    const { publicKey } = keys.current;
    const jwk = publicKey.export({ format: "jwk" });
    const secrets = [
      Buffer.from(jwk.x ?? "", "base64url"),
      Buffer.from(jwk.x ?? ""),
      publicKey.export({ format: "der", type: "spki" }),
      Buffer.from(publicKey.export({ format: "pem", type: "spki" })),
      Buffer.from(JSON.stringify(jwk)),
    ];
    for (const secret of secrets) {
      const hmac = (input: Buffer) => createHmac("sha256", secret).update(input).digest();
      await expectRefused(composeToken({ ...GOOD_HEADER, alg: "HS256" }, claims(), hmac));
    }
  });

  test.for(["ES256", "RS256", "EdDSA ", "eddsa", "Ed25519ph"])("alg %j with a right EdDSA signature is refused", async (alg) => {
    await expectRefused(composeToken({ ...GOOD_HEADER, alg }, claims(), signedRightly));
  });
});

describe("wrong keys", () => {
  test("somebody else's key under our kid is refused", async () => {
    await expectRefused(composeToken(GOOD_HEADER, claims(), signedByMallory));
  });

  test.for([
    ["unknown", "somebody-else"],
    ["empty", ""],
    ["a path", "../../../../dev/null"],
    ["SQL", "x' or '1'='1"],
    ["a number", 0],
    ["null", null],
    ["an array", ["test-current"]],
  ] as const)("a kid that is %s is refused", async ([, kid]) => {
    await expectRefused(composeToken({ ...GOOD_HEADER, kid: kid as Json }, claims(), signedByMallory));
  });

  test("a key that comes with the token is not believed", async () => {
    const jwk = mallory.publicKey.export({ format: "jwk" }) as JsonObject;
    const injections: JsonObject[] = [
      { jwk },
      { jwk, kid: "mallory" },
      { jku: "http://127.0.0.1:9/jwks.json" },
      { jku: "http://127.0.0.1:9/jwks.json", kid: "mallory" },
      { x5u: "http://127.0.0.1:9/x5u.pem" },
      { x5c: [base64url(mallory.seed)] },
    ];
    for (const injected of injections) {
      await expectRefused(composeToken({ ...GOOD_HEADER, ...injected }, claims(), signedByMallory));
    }
  });

  test("the same signature written differently is refused", async () => {
    // S + L verifies in a careless implementation; RFC 8032, section 5.1.7 requires S < L.
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const token = keys.sign(claims());
    const { signingInput, signature } = decodeToken(token);
    const scalar = BigInt(`0x${Buffer.from(signature.subarray(32).toReversed()).toString("hex")}`) + order;
    const shifted = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").toReversed();
    await expectRefused(`${signingInput}.${base64url(Buffer.concat([signature.subarray(0, 32), shifted]))}`);
  });

  test("a header that must be understood and is not is refused", async () => {
    await expectRefused(composeToken({ ...GOOD_HEADER, crit: ["b64"], b64: true }, claims(), signedRightly));
  });
});

describe("correctly signed, wrong claims", () => {
  test.for([
    ["iss", "http://somewhere.else"],
    ["iss", "http://localhost:8787/"],
    ["aud", "another-app"],
    ["aud", ["another-app"]],
    ["iss", 7],
    ["aud", null],
  ] as [string, Json][])("%s %j is refused", async ([name, value]) => {
    await expectRefused(keys.sign(claims({ [name]: value })));
  });

  test.for(["iss", "aud", "sub", "sid", "iat", "exp", "jti"])("a token without %s is refused", async (name) => {
    await expectRefused(keys.sign(claims({ [name]: undefined })));
  });

  test.for(["JWT", "AT+JWT", "at+jwt2", "", "refresh+jwt", 1, null] as Json[])("typ %j is refused", async (typ) => {
    await expectRefused(keys.sign(claims(), keys.current, { typ }));
  });

  test("an expired token says that it is expired, so that a client knows to refresh", async () => {
    const now = nowSeconds();
    for (const age of [3_600, 700]) {
      await expectRefused(keys.sign(claims({ iat: now - age, exp: now - age + 600 })), "token_expired");
    }
  });

  test("an expired token with a wrong signature only says that it is wrong", async () => {
    const old = claims({ iat: nowSeconds() - 7_200, exp: nowSeconds() - 3_600 });
    await expectRefused(composeToken(GOOD_HEADER, old, signedByMallory));
  });

  test.for([
    "soon",
    String(nowSeconds() + 600),
    null,
    true,
    [nowSeconds() + 600],
    {},
    -1,
    0,
    1e300,
    2 ** 53,
    nowSeconds() + 10 * 365 * 86_400,
  ] as Json[])("exp %j is refused", async (exp) => {
    const response = await world.bearing(keys.sign(claims({ exp }))).fetch("GET", "/profile");
    const code = ((await response.clone().json()) as { code: string }).code;
    await expectBadToken(response, exp === 0 || exp === -1 ? code : "invalid_token");
  });

  test.for([
    ["longer than ten minutes", 0, 601],
    ["of a day", 0, 86_400],
    ["of ten years", 0, 10 * 365 * 86_400],
    ["that ends when it begins", 30, 30],
    ["that ends before it begins", 50, 20],
    ["that begins in two minutes", 120, 300],
    ["that begins tomorrow", 86_400, 87_000],
  ] as const)("a life %s is refused", async ([, begins, ends]) => {
    const now = nowSeconds();
    await expectRefused(keys.sign(claims({ iat: now + begins, exp: now + ends })));
  });

  test.for([
    ["of ten minutes", 0, 600],
    ["of a moment more", -590, 10],
    ["of half seconds, which the standard knows", -0.5, 599.5],
    ["that begins in half a minute, by a clock that is ahead", 30, 600],
  ] as const)("a life %s is accepted", async ([, begins, ends]) => {
    const now = nowSeconds();
    await world.bearing(keys.sign(claims({ iat: now + begins, exp: now + ends }))).expect(200, "GET", "/profile");
  });

  const RIGHT = claims();
  const wrongTypes = Object.entries(RIGHT).flatMap(([name, right]) =>
    [null, true, [], [right], {}, { [name]: right }, typeof right === "number" ? String(right) : nowSeconds(), typeof right === "number" ? "" : 1.5].map(
      (value): [string, Json] => [name, value],
    ),
  );
  test.for(wrongTypes)("%s of a wrong type, %j, is refused", async ([name, value]) => {
    await expectBadToken(await world.bearing(keys.sign(claims({ [name]: value }))).fetch("GET", "/profile"));
  });

  test.for([["kith"], ["kith", "another-app"], [], [["kith"]]] as Json[])("the audience as a list, %j, is refused", async (aud) => {
    await expectRefused(keys.sign(claims({ aud })));
  });

  test.for(["role", "roles", "scope", "scopes", "permissions", "groups", "admin", "is_admin", "plan", "status", "email_verified", "amr", "act", "may_act"])(
    "%s in a token gives nothing",
    async (name) => {
      const before = await asha.profile();
      for (const value of ["admin", ["admin", "moderator"], true] as Json[]) {
        const bearer = world.bearing(keys.sign(claims({ [name]: value })));
        expect(await bearer.expect(200, "GET", "/profile")).toEqual(before);
      }
    },
  );

  test("a session of another account is refused, and does nothing to it", async () => {
    const ben = await world.person("ben");
    const sid = sessionOf(ben);
    const token = keys.sign(claims({ sid }));
    await expectRefused(token, "session_ended");
    for (const [method, path] of [["POST", "/auth/logout"], ["DELETE", `/auth/sessions/${sid}`], ["GET", "/auth/sessions"]] as const) {
      await expectBadToken(await world.bearing(token).fetch(method, path), "session_ended");
    }
    expect(await ben.profile()).toMatchObject({ id: ben.id });
  });

  test("a session that has ended, or whose time is over, is refused, whenever the token was made", async () => {
    for (const end of ["revoked_at = 1", "expires_at = 1"]) {
      const ben = await world.person("ben");
      await world.state.run(`update sessions set ${end} where user_id = ?1`, ben.id);
      await expectRefused(keys.sign(keys.claims(ben.id, sessionOf(ben))), "session_ended");
    }
  });

  test("a deleted account is refused as if the session had ended, and a suspended one is told", async () => {
    const [ben, caro] = [await world.person("ben"), await world.person("caro")];
    await world.state.run("update users set status = 'deleted' where id = ?1", ben.id);
    await expectRefused(keys.sign(keys.claims(ben.id, sessionOf(ben))), "session_ended");
    await world.state.suspend(caro);
    const token = keys.sign(keys.claims(caro.id, sessionOf(caro)));
    await expectProblem(await world.bearing(token).fetch("GET", "/posts"), 403, "account_suspended");
  });

  test("an account that there never was is refused", async () => {
    await expectRefused(keys.sign(claims({ sub: "01900000-0000-7000-8000-000000000000" })), "session_ended");
  });

  test("somebody else's account with my session is refused", async () => {
    const ben = await world.person("ben");
    const token = keys.sign(claims({ sub: ben.id }));
    await expectRefused(token, "session_ended");
    await expectBadToken(await world.bearing(token).fetch("POST", "/posts", { caption: "not me" }), "session_ended");
  });

  test("the session of nobody is refused", async () => {
    for (const sid of [randomUUID(), world.uniqueName("sid")]) {
      const response = await world.bearing(keys.sign(claims({ sid }))).fetch("GET", "/profile");
      expect(response.status).toBe(401);
    }
    await expectRefused(keys.sign(claims({ sid: "01900000-0000-7000-8000-000000000000" })), "session_ended");
  });

  test.for([
    ["sub", 7],
    ["sub", null],
    ["sub", ["asha"]],
    ["sid", {}],
    ["sid", ""],
    ["jti", 1],
    ["iat", "now"],
    ["sub", "x' or '1'='1"],
    ["sub", "a\u0000b"],
  ] as [string, Json][])("%s %j is refused", async ([name, value]) => {
    const response = await world.bearing(keys.sign(claims({ [name]: value }))).fetch("GET", "/profile");
    expect(response.status).toBe(401);
  });
});

describe("not tokens at all", () => {
  const [header = "", payload = "", signature = ""] = asha.accessToken.split(".");

  test.for([
    ["the signature cut off", `${header}.${payload}.`],
    ["the signature missing", `${header}.${payload}`],
    ["half a signature", `${header}.${payload}.${signature.slice(0, 43)}`],
    ["a longer signature", `${header}.${payload}.${signature}AAAA`],
    ["the claims cut off", `${header}..${signature}`],
    ["the header cut off", `.${payload}.${signature}`],
    ["only the header", header],
    ["an extra part", `${asha.accessToken}.${signature}`],
    ["an extra dot", `${asha.accessToken}.`],
    ["nothing but dots", ".."],
    ["one letter changed in the claims", `${header}.${payload.slice(0, -2)}AA.${signature}`],
    ["padding", `${header}.${payload}.${signature}==`],
    ["the wrong alphabet", `${header}.${payload}.${"+/".repeat(43)}`],
    ["a header that is no JSON", `${base64url("{")}.${payload}.${signature}`],
    ["a header that is an array", `${base64url("[]")}.${payload}.${signature}`],
    ["claims nested deep", `${header}.${base64url("[".repeat(4_000))}.${signature}`],
    ["a word", "letmein"],
  ] as const)("%s is refused", async ([, token]) => {
    await expectRefused(token);
  });

  test("a token of 100 KB is refused without harm", async () => {
    const long = `${header}.${base64url("a".repeat(75_000))}.${signature}`;
    const response = await world.bearing(long).fetch("GET", "/profile");
    // Whatever stands before the worker may refuse a header of this size first.
    if (response.status !== 431) await expectBadToken(response);
    expect(await asha.profile()).toMatchObject({ id: asha.id });
  });

  test.for(["", "Bearer", "Bearer ", "Basic YXNoYTpwYXNz", "Token abc", "Bearerabc"])(
    "the header %j is no attempt to show a token",
    async (authorization) => {
      const response = await world.anonymous.fetch("GET", "/profile", undefined, { authorization });
      await expectProblem(response, 401, "authentication_required");
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    },
  );

  test("a token in the address or in a cookie is none", async () => {
    const { accessToken } = asha;
    const inQuery = await world.anonymous.fetch("GET", `/notifications?access_token=${accessToken}`);
    expect(inQuery.status).toBe(401);
    const inCookie = await world.anonymous.fetch("GET", "/profile", undefined, { cookie: `access_token=${accessToken}` });
    await expectProblem(inCookie, 401, "authentication_required");
  });
});
