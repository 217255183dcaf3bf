/**
 * Who asks too often: the exact quotas of sign-in and registration, how nobody gets around them or uses
 * them against others, and the platform's limiter in front of everything.
 */
import { unstable_readConfig } from "wrangler";
import { describe, expect, test } from "vitest";
import { statedCost } from "./harness/cost.ts";
import { eventually } from "./harness/eventually.ts";
import { anAddress, expectLimited, from, limits } from "./harness/limits.ts";
import type { Actor, PersonActor } from "./harness/person.ts";
import { expectProblem } from "./harness/problem.ts";
import { ROOT } from "./harness/server.ts";
import type { Tokens } from "./harness/shapes.ts";
import { openWorld } from "./harness/world.ts";
import type { World } from "./harness/world.ts";

const QUOTA = { name: 4, address: 60, registration: 5 };
const SHIELD = 6;
/** Windows of a day, so that none ends in the middle of a story. */
const RATE_LIMITS = `sign-in-name=${QUOTA.name}/86400,sign-in-address=${QUOTA.address}/86400,registration-address=${QUOTA.registration}/86400`;

const [exact, brief, shielded, spread, bare] = await Promise.all([
  openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS }),
  openWorld({ RATE_LIMIT_FACTOR: "1", RATE_LIMITS: "registration-address=1/3,sign-in-name=1/3" }),
  openWorld({ RATE_LIMIT_FACTOR: "1" }, { shield: { limit: SHIELD } }),
  openWorld({ RATE_LIMIT_FACTOR: "3" }, { shield: { limit: SHIELD } }),
  openWorld({ RATE_LIMIT_FACTOR: "1" }, { shield: { limit: null } }),
]);

const MANY = 50;
const many = <T>(one: (index: number) => Promise<T>) => Promise.all(Array.from({ length: MANY }, (_, index) => one(index)));

/** Somebody who registered from an address of their own. */
const someone = (world: World, name: string): Promise<PersonActor> => world.person(name, from(anAddress()));

function aNewcomer(world: World, name: string) {
  const username = world.uniqueName(name);
  return { username, email: `${username}@example.com`, password: `the long passphrase of ${name}` };
}

const signIn = (body: object, headers: Record<string, string>, world = exact) => world.anonymous.fetch("POST", "/auth/login", body, headers);
const register = (body: object, headers: Record<string, string>, world = exact) => world.anonymous.fetch("POST", "/auth/register", body, headers);

/** Wrong guesses, each from another address; as many as the quota of a name allows unless said otherwise. */
async function guess(who: { username: string } | { email: string }, times = QUOTA.name): Promise<void> {
  for (let guesses = 0; guesses < times; guesses += 1) {
    await expectProblem(await signIn({ ...who, password: "a guess" }, from(anAddress())), 401, "invalid_credentials");
  }
}

/** A limiter as `wrangler.toml` declares it. */
interface Limiter {
  name: string;
  namespace_id: string;
  simple: { limit: number; period: number };
}

/** How often each status was answered. */
function statuses(responses: Response[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe("guesses at a password", () => {
  test("of however many at once, exactly the quota is looked at", async () => {
    const asha = await someone(exact, "asha");
    const { told, overlap } = await exact.control.watchingOverlap({ containing: "rate_limits", count: MANY }, () =>
      many(() => signIn({ username: asha.username, password: "a guess" }, from(anAddress()))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(statuses(told)).toEqual({ 401: QUOTA.name, 429: MANY - QUOTA.name });
  });

  test("of however many at once from one address, exactly its quota is looked at, whatever the names", async () => {
    const address = anAddress();
    const [first, second] = await Promise.all([1, 2].map(() => many(() => signIn({ username: exact.uniqueName("nobody"), password: "a guess" }, from(address)))));
    expect(statuses([...(first ?? []), ...(second ?? [])])).toEqual({ 401: QUOTA.address, 429: 2 * MANY - QUOTA.address });
  });

  test("of one name leave the other names and addresses alone", async () => {
    const [asha, ben] = [await someone(exact, "asha"), await someone(exact, "ben")];
    const address = anAddress();
    await guess({ username: asha.username });
    await expectLimited(await signIn({ username: asha.username, password: asha.password }, from(address)), "sign-in-name");
    expect((await signIn({ username: ben.username, password: ben.password }, from(address))).status).toBe(200);
  });

  test("are counted whatever the letter case, and whatever headers say who asks", async () => {
    const { username } = await someone(exact, "asha");
    const attempts: [username: string, headers: Record<string, string>][] = [
      [username, { ...from(anAddress()), "x-forwarded-for": anAddress() }],
      [username.toUpperCase(), { ...from(anAddress()), "x-real-ip": anAddress() }],
      [`A${username.slice(1)}`, { ...from(anAddress()), forwarded: `for=${anAddress()}` }],
      [username, { ...from(anAddress()), "true-client-ip": anAddress() }],
    ];
    for (const [name, headers] of attempts) {
      await expectProblem(await signIn({ username: name, password: "a guess" }, headers), 401, "invalid_credentials");
    }
    await expectLimited(await signIn({ username: username.toUpperCase(), password: "a guess" }, from(anAddress())), "sign-in-name");
  });

  test("by both names of an account are bounded too, and tell nobody which two belong together", async () => {
    const [asha, ben] = [await someone(exact, "asha"), await someone(exact, "ben")];
    await guess({ username: asha.username });
    const other = { email: `${exact.uniqueName("nobody")}@example.com` };
    for (let guesses = 0; guesses <= QUOTA.name; guesses += 1) {
      const seen = [];
      for (const who of [{ email: asha.email }, { email: ben.email }, other]) {
        const response = await signIn({ ...who, password: "a guess" }, from(anAddress()));
        const left = limits(response, "ratelimit")["sign-in-name"]?.["r"];
        seen.push({ status: response.status, left });
      }
      expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
      expect(seen[0]).toEqual(guesses < QUOTA.name ? { status: 401, left: QUOTA.name - guesses - 1 } : { status: 429, left: 0 });
    }
    for (const who of [{ username: asha.username }, { email: asha.email }]) {
      await expectLimited(await signIn({ ...who, password: asha.password }, from(anAddress())), "sign-in-name");
    }
  });

  test("at a name that nobody has are answered like those at one that somebody has, to the last", async () => {
    const asha = await someone(exact, "asha");
    const followed = async (username: string) => {
      const seen = [];
      const address = anAddress();
      for (let guesses = 0; guesses < QUOTA.name + 2; guesses += 1) {
        const response = await signIn({ username, password: "a guess" }, from(address));
        const { trips } = await exact.control.recordOf(response);
        const written = trips.flatMap(({ statements }) => statements.map(({ rowsWritten }) => rowsWritten));
        const counters = Object.entries(limits(response, "ratelimit")).map(([name, counter]) => `${name} ${counter["r"]}`);
        seen.push({ status: response.status, counters, trips: trips.length, written });
      }
      return seen;
    };
    expect(await followed(asha.username)).toEqual(await followed(exact.uniqueName("nobody")));
  });

  test("that are right are given back, so who signs in again and again is not stopped", async () => {
    const asha = await someone(exact, "asha");
    for (let times = 0; times < 2 * QUOTA.name; times += 1) {
      const response = await signIn({ username: asha.username, password: asha.password }, from(anAddress()));
      expect(response.status).toBe(200);
      expect(limits(response, "ratelimit")["sign-in-name"]).toMatchObject({ r: QUOTA.name });
    }
  });

  test("that are right once the account is suspended are not given back", async () => {
    const asha = await someone(exact, "asha");
    await exact.state.suspend(asha);
    const { username, password } = asha;
    const response = await signIn({ username, password }, from(anAddress()));
    await expectProblem(response.clone(), 403, "account_suspended");
    expect(limits(response, "ratelimit")["sign-in-name"]).toMatchObject({ r: QUOTA.name - 1 });
  });

  test("do not give back to the address, right or wrong", async () => {
    const [asha, address] = [await someone(exact, "asha"), anAddress()];
    const left = [];
    for (const password of [asha.password, "a guess", asha.password]) {
      const response = await signIn({ username: asha.username, password }, from(address));
      left.push(limits(response, "ratelimit")["sign-in-address"]?.["r"]);
    }
    expect(left).toEqual([1, 2, 3].map((used) => QUOTA.address - used));
  });

  test("over the quota cost one trip that writes nothing, and no hash", async () => {
    const asha = await someone(exact, "asha");
    const within = await signIn({ username: asha.username, password: "a guess" }, from(anAddress()));
    expect(await exact.hashesOf(within)).toBe(1);
    await guess({ username: asha.username }, QUOTA.name - 1);
    const before = await exact.state.rows("select * from rate_limits order by resets_at, key");
    const over = await signIn({ username: asha.username, password: asha.password }, from(anAddress()));
    await expectLimited(over.clone(), "sign-in-name");
    expect(statedCost(over)).toMatchObject({ d1_trips: 1, rows_written: Number.NaN });
    expect(await exact.state.rows("select * from rate_limits order by resets_at, key")).toEqual(before);
    expect(await exact.hashesOf(over)).toBe(0);
  });

  test("neither end nor hinder what the owner has, and leave a name that strangers do not know", async () => {
    const asha: PersonActor = await someone(exact, "asha");
    await guess({ username: asha.username });
    await expectLimited(await signIn({ username: asha.username, password: asha.password }, from(anAddress())), "sign-in-name");
    expect((await asha.profile()).username).toBe(asha.username);
    await asha.posts.create({ caption: "Still here" });
    expect((await signIn({ email: asha.email, password: asha.password }, from(anAddress()))).status).toBe(200);
    expect((await asha.profile()).username).toBe(asha.username);
  });
});

describe("registrations", () => {
  test("of however many at once from one address, exactly the quota makes an account", async () => {
    const address = anAddress();
    const people = Array.from({ length: MANY }, () => aNewcomer(exact, "asha"));
    // Each batch comes after a hash, so it takes seconds until all are there.
    const { told, overlap } = await exact.control.watchingOverlap({ containing: "rate_limits", count: 3 * QUOTA.registration }, () =>
      many((index) => register(people[index] ?? {}, from(address))),
    );
    expect(overlap).toMatchObject({ barrierFilled: true });
    expect(statuses(told)).toEqual({ 201: QUOTA.registration, 429: MANY - QUOTA.registration });
    const names = JSON.stringify(people.map(({ username }) => username));
    const stored = await exact.state.number("select count(*) from users where username in (select value from json_each(?1))", names);
    expect(stored).toBe(QUOTA.registration);
  });

  test("that fail for a taken name count too, so that nobody can ask for names without end", async () => {
    const [asha, address] = [await someone(exact, "asha"), anAddress()];
    const { username, email } = asha;
    for (let tries = 0; tries < QUOTA.registration; tries += 1) {
      const taken = tries % 2 === 0 ? { username } : { email };
      const response = await register({ ...aNewcomer(exact, "asha"), ...taken }, from(address));
      expect(limits(response, "ratelimit")["registration-address"]).toMatchObject({ r: QUOTA.registration - tries - 1 });
      await expectProblem(response, 409, tries % 2 === 0 ? "username_taken" : "email_taken");
    }
    await expectLimited(await register(aNewcomer(exact, "asha"), from(address)), "registration-address");
    expect((await register(aNewcomer(exact, "asha"), from(anAddress()))).status).toBe(201);
  });

  test("that break a rule are refused before they count", async () => {
    const address = anAddress();
    const response = await register({ ...aNewcomer(exact, "asha"), password: "short" }, from(address));
    await expectProblem(response.clone(), 422, "invalid");
    expect(limits(response, "ratelimit")).toEqual({});
    const next = await register(aNewcomer(exact, "asha"), from(address));
    expect(limits(next, "ratelimit")["registration-address"]).toMatchObject({ r: QUOTA.registration - 1 });
  });

  test("over the quota cost neither a trip nor a hash, once an isolate knows", async () => {
    const address = anAddress();
    for (let tries = 0; tries <= QUOTA.registration; tries += 1) {
      expect(await exact.hashesOf(await register(aNewcomer(exact, "asha"), from(address)))).toBe(1);
    }
    const over = await register(aNewcomer(exact, "asha"), from(address));
    await expectLimited(over.clone(), "registration-address");
    expect(statedCost(over)).toMatchObject({ d1_trips: 0 });
    expect(await exact.hashesOf(over)).toBe(0);
  });

  test("of one network of IPv6 are one client's, of the next another's", async () => {
    const [one, other] = ["2001:db8:0:1", "2001:db8:0:2"];
    for (let host = 1; host <= QUOTA.registration; host += 1) {
      expect((await register(aNewcomer(exact, "asha"), from(`${one}::${host}`))).status).toBe(201);
    }
    await expectLimited(await register(aNewcomer(exact, "asha"), from("2001:0DB8:0000:0001:9:8:7:6")), "registration-address");
    expect((await register(aNewcomer(exact, "asha"), from(`${other}::1`))).status).toBe(201);
  });

  test("through an IPv4 address are one client's, however it is written", async () => {
    const address = anAddress();
    for (let tries = 0; tries < QUOTA.registration; tries += 1) {
      const written = tries % 2 === 0 ? address : `::ffff:${address}`;
      expect((await register(aNewcomer(exact, "asha"), from(written))).status).toBe(201);
    }
    await expectLimited(await register(aNewcomer(exact, "asha"), from(`::FFFF:${address}`)), "registration-address");
  });

  test("over the quota may go on when `Retry-After` has passed, and not long before", async () => {
    const address = anAddress();
    const limited = await eventually("two fall into one window", async () => {
      await register(aNewcomer(brief, "asha"), from(address), brief);
      const again = await register(aNewcomer(brief, "asha"), from(address), brief);
      return again.status === 429 ? again : undefined;
    });
    const told = Date.now();
    const seconds = await expectLimited(limited, "registration-address");
    expect(seconds).toBeLessThanOrEqual(3);
    expect(limits(limited, "ratelimit")["registration-address"]).toEqual({ r: 0, t: seconds });
    await eventually("there is a new quota", async () => (await register(aNewcomer(brief, "asha"), from(address), brief)).status === 201);
    const waited = Date.now() - told;
    expect(waited).toBeGreaterThan((seconds - 1) * 1_000 - 100);
    expect(waited).toBeLessThan(seconds * 1_000 + 1_000);
  });
});

describe("what is kept", () => {
  test("is no address and no name", async () => {
    const { username } = await someone(exact, "asha");
    await signIn({ username, password: "a guess" }, from(anAddress()));
    const rows = await exact.state.rows<{ key: string }>("select key from rate_limits");
    expect(rows.length).toBeGreaterThan(2);
    for (const { key } of rows) expect(key).toMatch(/^(sign-in-name|sign-in-address|registration-address):[\w-]{22}$/);
  });

  test("is forgotten when its window is over, and not before", async () => {
    const count = (where: string) => exact.state.number(`select count(*) from rate_limits where ${where}`);
    await signIn({ username: "nobody", password: "a guess" }, from(anAddress()));
    const now = Date.now();
    await exact.state.run(
      `insert into rate_limits with recursive n (i) as (select 1 union all select i + 1 from n where i < 2500)
       select ?1 - i, 'sign-in-name:' || i, 1 from n`,
      now - 120_000,
    );
    await exact.state.run("insert into rate_limits values (?1, 'sign-in-name:just over', 1)", now - 60_000);
    const alive = await count(`resets_at > ${now}`);
    await exact.control.sweep();
    expect(await count(`resets_at <= ${now - 120_000}`)).toBe(0);
    // A machine whose clock is behind still counts in it.
    expect(await count("key = 'sign-in-name:just over'")).toBe(1);
    expect(await count(`resets_at > ${now}`)).toBe(alive);
    await exact.state.run("delete from rate_limits where key = 'sign-in-name:just over'");
  });
});

describe("the shield", () => {
  /** Asks until something is refused; at most as often as two windows can take. */
  async function untilLimited(ask: () => Promise<Response>, quota: number): Promise<{ served: number; limited: Response }> {
    for (let served = 0; served <= 2 * quota; served += 1) {
      const response = await ask();
      if (response.status === 429) return { served, limited: response };
    }
    throw new Error(`${2 * quota + 1} requests in a row were served`);
  }

  /** As `untilLimited`, all within one window of the simulator, which are those of the clock. */
  async function withinAMinute(story: () => Promise<{ served: number; limited: Response }>) {
    for (;;) {
      const minute = Math.floor(Date.now() / 60_000);
      const told = await story();
      if (Math.floor(Date.now() / 60_000) === minute) return told;
    }
  }

  test("says the same of its quotas as what the platform reads", async () => {
    const { ratelimits }: { ratelimits: Limiter[] } = unstable_readConfig({ config: `${ROOT}wrangler.toml` }, { hideWarnings: true });
    const declared = Object.fromEntries(ratelimits.map(({ name, simple }) => [name, { q: simple.limit, w: simple.period }]));
    const asha = await someone(exact, "asha");
    const told = limits(await asha.fetch("GET", "/profile"), "ratelimit-policy");
    expect(told).toEqual({ address: declared["ADDRESS_LIMITER"], account: declared["ACCOUNT_LIMITER"] });
    expect(Object.keys(declared)).toHaveLength(2);
    expect(new Set(ratelimits.map(({ namespace_id: id }) => id)).size).toBe(2);
  });

  test("tells its policy on every answer, and nothing of a counter it does not know", async () => {
    const asha = await someone(exact, "asha");
    for (const [actor, path, policies] of [
      [exact.anonymous, "/posts", ["address"]],
      [exact.anonymous, "/nothing", ["address"]],
      [exact.anonymous, "/profile", ["address"]],
      [asha, "/profile", ["address", "account"]],
      [asha, "/posts/none", ["address", "account"]],
      [exact.bearing("forged"), "/profile", ["address"]],
    ] as const) {
      const response = await actor.fetch("GET", path);
      expect({ path, policies: Object.keys(limits(response, "ratelimit-policy")) }).toEqual({ path, policies });
      expect(response.headers.get("ratelimit")).toBeNull();
    }
  });

  test("refuses too many requests of one address before anything else, and only its own", async () => {
    const address = anAddress();
    const ask = (to = address) => shielded.fetch("GET", "/api/v1/posts", from(to));
    const { served, limited } = await withinAMinute(() => untilLimited(ask, SHIELD));
    expect(served).toBe(SHIELD);
    expect(statedCost(limited)).toMatchObject({ d1_trips: 0, kv_reads: 0 });
    expect(await expectLimited(limited.clone(), "address")).toBe(60);
    expect(limits(limited, "ratelimit-policy")).toEqual({ address: { q: 1200, w: 60 } });
    expect((await ask(anAddress())).status).toBe(200);
  });

  test("does not count a browser's preflight, so that a page can read that it asks too often", async () => {
    const address = from(anAddress());
    const preflight = { ...address, origin: "https://app.example", "access-control-request-method": "GET" };
    for (let asked = 0; asked < 3 * SHIELD; asked += 1) {
      expect((await shielded.fetch("OPTIONS", "/api/v1/posts", preflight)).status).toBe(204);
    }
    expect((await shielded.fetch("GET", "/api/v1/posts", address)).status).toBe(200);
  });

  test("counts whoever has no address as one", async () => {
    const ask = (address: string) => shielded.fetch("GET", "/health", from(address));
    const nonsense = ["unknown", "203.0.113.7, 203.0.113.8", "203.0.113.999"];
    let asked = 0;
    const { limited } = await untilLimited(() => ask(nonsense[(asked += 1) % nonsense.length] ?? ""), SHIELD);
    await expectLimited(limited, "address");
  });

  test("refuses too many requests of one account, from whatever addresses, before the database is asked", async () => {
    const [asha, ben] = await shielded.crowd("asha", 2);
    const ask = (who: PersonActor | undefined) => () => who?.fetch("GET", "/profile", undefined, from(anAddress())) ?? Promise.reject(new Error("nobody"));
    const { served, limited } = await withinAMinute(async () => {
      const [chen] = await shielded.crowd("chen", 1);
      return untilLimited(ask(chen), SHIELD);
    });
    expect(served).toBe(SHIELD);
    expect(statedCost(limited)).toMatchObject({ d1_trips: 0 });
    await expectLimited(limited, "account");
    await untilLimited(ask(asha), SHIELD);
    expect((await ask(ben)()).status).toBe(200);
  });

  test("counts an account as one, whichever of its sessions asks", async () => {
    const { served, limited } = await withinAMinute(async () => {
      const asha = await someone(shielded, "asha");
      const again = await signIn({ username: asha.username, password: asha.password }, from(anAddress()), shielded);
      const { access_token: token } = (await again.json()) as Tokens;
      const devices: Actor[] = [asha, shielded.bearing(token)];
      let asked = 0;
      const device = () => devices[(asked += 1) % devices.length] ?? shielded.anonymous;
      return untilLimited(() => device().fetch("GET", "/profile", undefined, from(anAddress())), SHIELD);
    });
    expect(served).toBe(SHIELD);
    await expectLimited(limited, "account");
  });

  test("takes several of the platform's counters in turn where quotas are multiplied", async () => {
    const { served, limited } = await withinAMinute(() => {
      const address = anAddress();
      return untilLimited(() => spread.fetch("GET", "/health", from(address)), 3 * SHIELD);
    });
    expect(served).toBe(3 * SHIELD);
    expect(limits(limited, "ratelimit-policy")).toEqual({ address: { q: 3600, w: 60 } });
  });

  test.for([
    ["fails", "address", "ADDRESS_LIMITER"],
    ["fails", "account", "ACCOUNT_LIMITER"],
  ] as const)("that %s stops nobody, and the log says so: %s", async ([, policy, binding]) => {
    const asha = await someone(exact, "asha");
    await exact.control.withFaults([{ on: "limiter", when: "before", times: 1, containing: binding }], async () => {
      const response = await asha.fetch("GET", "/profile", undefined, { "x-request-id": `without-${policy}` });
      expect(response.status).toBe(200);
      expect(Object.keys(limits(response, "ratelimit-policy"))).toEqual(["address", "account"]);
    });
    const line = await eventually("the log says so", async () =>
      exact.logLines().find(({ message }) => message.includes("shield_down") && message.includes(`without-${policy}`)),
    );
    expect(JSON.parse(line.message)).toMatchObject({ level: "warn", event: "shield_down", policy, cause: expect.stringContaining("internal error") });
  });

  test("that is not there stops nobody, and the log says so", async () => {
    expect((await someone(bare, "asha")).username).toContain("asha");
    const line = await eventually("the log says so", async () => bare.logLines().find(({ message }) => message.includes("shield_down")));
    expect(JSON.parse(line.message)).toMatchObject({ cause: expect.stringContaining("ADDRESS_LIMITER") });
  });
});
