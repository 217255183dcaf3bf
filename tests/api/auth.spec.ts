/** Becoming somebody, coming back, and leaving: registration, login, logout, and the published keys. */
import { createPublicKey, verify } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ACCESS_TOKEN_SECONDS, AUDIENCE, decodeToken, ISSUER } from "./harness/keys.ts";
import { expectBadToken, expectInvalid, expectProblem, withoutRequestId } from "./harness/problem.ts";
import type { Registration, Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();
const PASSWORD = "a passphrase of some length";

function newcomer(name = "asha") {
  const username = world.uniqueName(name);
  return { username, email: `${username}@example.com`, password: PASSWORD };
}

const register = (body: unknown) => world.anonymous.fetch("POST", "/auth/register", body);
const login = (body: unknown, headers?: Record<string, string>) =>
  world.anonymous.fetch("POST", "/auth/login", body, headers);

async function expectTokens(response: Response): Promise<Tokens> {
  expect(response.status).toBe(200);
  const tokens = (await response.json()) as Tokens;
  expect(tokens).toEqual({
    access_token: expect.any(String),
    token_type: "Bearer",
    expires_in: ACCESS_TOKEN_SECONDS,
    refresh_token: expect.any(String),
  });
  return tokens;
}

describe("registering", () => {
  test("Asha registers and gets herself, her tokens and where to find her", async () => {
    const asha = newcomer();
    const response = await register({ ...asha, display_name: "Asha" });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/api/v1/users/${asha.username}`);
    const { user, ...tokens } = (await response.json()) as Registration;
    expect(tokens).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: ACCESS_TOKEN_SECONDS,
      refresh_token: expect.any(String),
    });
    expect(user).toMatchObject({
      username: asha.username,
      email: asha.email,
      email_verified: false,
      display_name: "Asha",
      bio: "",
      avatar_url: null,
      locked: false,
      role: "user",
      plan: "free",
      post_count: 0,
      follower_count: 0,
      following_count: 0,
    });
    expect(user.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await world.bearing(tokens.access_token).expect(200, "GET", "/profile")).toEqual(user);
  });

  test("who gives no display name is shown by the username", async () => {
    const asha = newcomer();
    const response = await register(asha);
    expect(((await response.json()) as Registration).user.display_name).toBe(asha.username);
  });

  test("the username and the e-mail are folded to lower case", async () => {
    const asha = newcomer();
    const response = await register({ ...asha, username: asha.username.toUpperCase(), email: asha.email.toUpperCase() });
    expect(response.status).toBe(201);
    const { user } = (await response.json()) as Registration;
    expect([user.username, user.email]).toEqual([asha.username, asha.email]);
  });

  test.for(["as written", "in capitals"])("a username is given once, %s", async (style) => {
    const asha = newcomer();
    expect((await register(asha)).status).toBe(201);
    const username = style === "in capitals" ? asha.username.toUpperCase() : asha.username;
    await expectProblem(await register({ ...newcomer(), username }), 409, "username_taken");
  });

  test.for(["as written", "in capitals"])("a mailbox owns one account, %s", async (style) => {
    const asha = newcomer();
    expect((await register(asha)).status).toBe(201);
    const email = style === "in capitals" ? asha.email.toUpperCase() : asha.email;
    await expectProblem(await register({ ...newcomer(), email }), 409, "email_taken");
  });

  test("of two who register the same username at once, one gets it", async () => {
    const asha = newcomer();
    const responses = await Promise.all([
      register(asha),
      register({ ...asha, email: `other-${asha.email}` }),
      register({ ...asha, email: `third-${asha.email}` }),
    ]);
    expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    expect(await world.state.number("select count(*) from users where username = ?1", asha.username)).toBe(1);
  });

  test("nobody can register with a role, a plan, a status or counters of their own choice", async () => {
    const asha = newcomer();
    const wishes = { role: "admin", plan: "pro", status: "active", post_count: 7, id: "mine", email_verified: true };
    for (const [name, value] of Object.entries(wishes)) {
      await expectInvalid(await register({ ...asha, [name]: value }), { [`/${name}`]: "unknown_field" });
    }
    expect(await world.state.number("select count(*) from users where username = ?1", asha.username)).toBe(0);
  });

  test("every wrong member is named at once", async () => {
    const response = await register({ username: "a", email: "nowhere", password: "short", display_name: "x".repeat(51) });
    await expectInvalid(response, {
      "/username": "too_short",
      "/email": "invalid_format",
      "/password": "too_short",
      "/display_name": "too_long",
    });
  });

  test.for([
    ["ab", "too_short"],
    ["thirty.one_characters_are_a_few", "too_long"],
    ["as ha", "invalid_format"],
    ["as-ha", "invalid_format"],
    ["äsha", "invalid_format"],
    ["asha\u0000", "invalid_characters"],
    [".asha", "invalid_format"],
    ["asha.", "invalid_format"],
    ["as..ha", "invalid_format"],
    ["admin", "reserved"],
    ["ADMIN", "reserved"],
  ] as const)("the username %j is refused as %s", async ([username, code]) => {
    await expectInvalid(await register({ ...newcomer(), username }), { "/username": code });
  });

  test.for(["a_b.c", "___", "a1.b2_c3", "x".repeat(19)])("a username like %j is fine", async (form) => {
    const username = `${form}${world.uniqueName("").slice(1)}`;
    expect((await register({ ...newcomer(), username })).status).toBe(201);
  });

  test.for([
    ["without an @", "asha"],
    ["without a name", "@example.com"],
    ["without a domain", "asha@"],
    ["with two @", "asha@@example.com"],
    ["with a space", "asha example@example.com"],
    ["with a header after it", "asha@example.com\r\nBcc: ben@example.com"],
    ["with a display name", "Asha <asha@example.com>"],
    ["with too long a name", `${"a".repeat(65)}@example.com`],
    ["with too long a domain", `asha@${"a".repeat(250)}.com`],
  ] as const)("an e-mail %s is refused", async ([, email]) => {
    const problem = await expectProblem(await register({ ...newcomer(), email }), 422, "invalid");
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(["/email"]);
  });

  test.for([
    ["of 7 characters", "too_short", "1234567"],
    ["of 257 characters", "too_long", "x".repeat(257)],
  ] as const)("a password %s is refused as %s", async ([, code, password]) => {
    await expectInvalid(await register({ ...newcomer(), password }), { "/password": code });
  });

  test("a password may not be the username or the e-mail, in whatever case, but may contain them", async () => {
    const asha = newcomer();
    for (const password of [asha.username, asha.username.toUpperCase(), asha.email, asha.email.toUpperCase()]) {
      await expectInvalid(await register({ ...asha, password }), { "/password": "too_weak" });
    }
    expect((await register({ ...asha, password: `${asha.username} and more` })).status).toBe(201);
  });

  test("a password is counted in characters and may hold any of them", async () => {
    const asha = newcomer();
    const password = "🦀".repeat(256);
    expect((await register({ ...asha, password })).status).toBe(201);
    await expectTokens(await login({ username: asha.username, password }));
  });
});

describe("logging in", () => {
  test("Asha comes back by username or by e-mail, in any case", async () => {
    const asha = await world.person("asha");
    for (const who of [
      { username: asha.username },
      { username: asha.username.toUpperCase() },
      { email: asha.email },
      { email: asha.email.toUpperCase() },
    ]) {
      const { access_token: token } = await expectTokens(await login({ ...who, password: asha.password }));
      expect(await world.bearing(token).expect(200, "GET", "/profile")).toMatchObject({ id: asha.id });
    }
  });

  test("a password is taken as it is: neither trimmed nor folded", async () => {
    const asha = await world.person("asha");
    for (const password of [` ${asha.password}`, `${asha.password} `, asha.password.toUpperCase()]) {
      await expectProblem(await login({ username: asha.username, password }), 401, "invalid_credentials");
    }
  });

  test.for(["username", "email"] as const)("whether the %s is anybody's, and whose, does not show: same bytes, trips and hashes", async (by) => {
    const [asha, ben, caro] = [await world.person("asha"), await world.person("ben"), await world.person("caro")];
    await world.state.suspend(ben);
    await world.state.run("update users set status = 'deleted' where id = ?1", caro.id);
    const nobody = world.uniqueName("nobody");
    const wrong = "not the right one";
    const attempts: Record<string, [who: { username: string; email: string }, password: string]> = {
      "an unknown name": [{ username: nobody, email: `${nobody}@example.com` }, wrong],
      "a name that breaks the rules": [{ username: ".", email: "nowhere" }, wrong],
      "a wrong password": [asha, wrong],
      "a wrong password of one suspended": [ben, wrong],
      "a wrong password of one deleted": [caro, wrong],
      "the right password of one deleted": [caro, caro.password],
    };
    const seen: Record<string, object> = {};
    for (const [what, [who, password]] of Object.entries(attempts)) {
      const response = await login({ [by]: who[by], password });
      await expectProblem(response.clone(), 401, "invalid_credentials");
      const { trips } = await world.control.recordOf(response);
      const statements = trips.map((trip) => trip.statements.length);
      const written = trips.map((trip) => trip.statements.map(({ rowsWritten }) => rowsWritten));
      seen[what] = { answer: await withoutRequestId(response.clone()), statements, written, hashes: await world.hashesOf(response) };
    }
    const expected = seen["a wrong password"];
    expect(expected).toMatchObject({ hashes: 1 });
    for (const [what, one] of Object.entries(seen)) expect({ what, ...one }).toEqual({ what, ...expected });
  });

  test("a right password is hashed once, and one that is not looked at never", async () => {
    const { username, password } = await world.person("asha");
    expect(await world.hashesOf(await login({ username, password }))).toBe(1);
    expect(await world.hashesOf(await login({ username, password: "x".repeat(257) }))).toBe(0);
    expect(await world.hashesOf(await register({ ...newcomer(), password: "short" }))).toBe(0);
    expect(await world.hashesOf(await register(newcomer()))).toBe(1);
  });

  test("exactly one of username and e-mail says who it is", async () => {
    const { username, email, password } = await world.person("asha");
    for (const body of [{ password }, { username, email, password }]) {
      await expectProblem(await login(body), 422, "invalid");
    }
  });

  test("a suspended account is told so, but only with the right password", async () => {
    const asha = await world.person("asha");
    await world.state.suspend(asha);
    const { username, password } = asha;
    await expectProblem(await login({ username, password }), 403, "account_suspended");
    await expectProblem(await login({ username, password: "not the right one" }), 401, "invalid_credentials");
  });

  test("a password of a megabyte is refused without being hashed", async () => {
    const response = await login({ username: "asha", password: "x".repeat(1_000_000) });
    await expectProblem(response, 413, "payload_too_large");
  });
});

describe("logging out", () => {
  test("the session ends at once, on that device only", async () => {
    const asha = await world.person("asha");
    const phone = await asha.onAnotherDevice();
    await asha.expect(204, "POST", "/auth/logout");
    await expectBadToken(await asha.fetch("GET", "/profile"), "session_ended");
    await expectBadToken(await asha.fetch("POST", "/auth/logout"), "session_ended");
    expect(await phone.profile()).toMatchObject({ id: asha.id });
  });

  test("even a page that anyone may read refuses the ended session", async () => {
    const asha = await world.person("asha");
    const post = await asha.posts.create({ caption: "still public" });
    await asha.expect(204, "POST", "/auth/logout");
    for (const path of [`/posts/${post.id}`, "/posts", `/posts/${post.id}/likes`, `/users/${asha.username}`]) {
      await expectBadToken(await asha.fetch("GET", path), "session_ended");
      expect((await world.anonymous.fetch("GET", path)).status).toBe(200);
    }
  });

  test("it takes a session to end one", async () => {
    const response = await world.anonymous.fetch("POST", "/auth/logout");
    await expectProblem(response, 401, "authentication_required");
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });
});

describe("the published keys", () => {
  test("anyone can verify a token with the key it names", async () => {
    const asha = await world.person("asha");
    const { header, claims, signingInput, signature } = decodeToken(asha.accessToken);
    const response = await world.fetch("GET", "/.well-known/jwks.json");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toMatch(/max-age=\d+/);
    const { keys } = (await response.json()) as { keys: (JsonWebKey & { kid: string })[] };
    const key = keys.find(({ kid }) => kid === header["kid"]);
    expect(key).toBeDefined();
    const publicKey = createPublicKey({ key: key ?? {}, format: "jwk" });
    expect(verify(null, Buffer.from(signingInput), publicKey, signature)).toBe(true);
    expect(header).toEqual({ alg: "EdDSA", typ: "at+jwt", kid: world.keys.current.kid });
    expect(claims).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: asha.id,
      sid: expect.any(String),
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: Number(claims["iat"]) + ACCESS_TOKEN_SECONDS,
    });
  });

  test("every key is published, the former one too, and only its public half", async () => {
    const { keys } = (await (await world.fetch("GET", "/.well-known/jwks.json")).json()) as { keys: JsonWebKey[] };
    expect(keys).toEqual(
      [world.keys.current, world.keys.former].map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: "jwk" }),
        kid,
        use: "sig",
        alg: "EdDSA",
      })),
    );
  });

  test("no two tokens are the same, even in the same second", async () => {
    const asha = await world.person("asha");
    const devices = await Promise.all([asha.onAnotherDevice(), asha.onAnotherDevice()]);
    const claims = devices.map(({ accessToken }) => decodeToken(accessToken).claims);
    expect(claims[0]?.["jti"]).not.toBe(claims[1]?.["jti"]);
    expect(claims[0]?.["sid"]).not.toBe(claims[1]?.["sid"]);
  });
});
