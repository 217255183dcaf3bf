/**
 * `npm run keys:rotate`: what it makes of the file that holds the keys, and that nobody is signed out by it,
 * on a real deployment that is restarted in between.
 */
import { spawn } from "node:child_process";
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { take } from "../../scripts/keys.mjs";
import { firstFile, KEPT_MS } from "../../scripts/keys/rotation.mjs";
import { capture } from "../../scripts/processes.mjs";
import { decodeToken, Keys } from "./harness/keys.ts";
import { Actor, PersonActor } from "./harness/person.ts";
import { SEES_PROCESSES } from "./harness/processes.ts";
import { expectProblem } from "./harness/problem.ts";
import { makeDirectory } from "./harness/scratch.ts";
import { ROOT } from "./harness/server.ts";
import type { Page, Post, Registration, Tokens } from "./harness/shapes.ts";
import { LocalDeployment } from "./harness/wrangler-dev.ts";

const SCRIPT = join(ROOT, "scripts/keys.mjs");
const directory = await makeDirectory("kith-keys-");
const NAMES = ["SIGNING_KEYS", "SECRET_KEYS"] as const;
const NOW = Date.parse("2026-11-20T08:07:00.000Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let files = 0;

/** A file of this text. */
async function aFile(text: string, name = "deployment"): Promise<string> {
  files += 1;
  const path = join(directory, `${name}-${files}.vars`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** The value of a setting in the text of a file. */
const valueOf = (text: string, name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
const keysOf = (text: string, name: string) => valueOf(text, name).split(",");
const idsOf = (text: string, name: string) => keysOf(text, name).map((key) => key.split(":")[0]);

/** Runs the command; what it prints holds no key of the file, before or after. */
async function rotate(path: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const before = await readFile(path, "utf8").catch(() => "");
  const ending = await capture(process.execPath, [SCRIPT, "--file", path, ...args], { cwd: directory });
  const after = await readFile(path, "utf8").catch(() => "");
  for (const text of [before, after]) {
    for (const [, bytes = ""] of text.matchAll(/:([\w-]{43})\b/g)) expect(ending.output).not.toContain(bytes);
  }
  return { code: ending.code ?? -1, output: ending.output };
}

describe("what becomes of the keys", () => {
  const step = (name: Parameters<typeof take>[0], text: string, at: number, minutes = 60) => take(name, text, at, minutes).text;
  const begun = firstFile(NOW);

  test("a new key is published behind the one that signs, and comes first an hour later", () => {
    const published = step("publish", begun, NOW + DAY);
    const signing = step("sign", published, NOW + DAY + HOUR);
    for (const name of NAMES) {
      const [first = ""] = keysOf(begun, name);
      const [one = "", added = "", ...more] = keysOf(published, name);
      expect([one, more]).toEqual([first, []]);
      expect(idsOf(published, name)).toEqual(["k20261120", "k20261121"]);
      expect(keysOf(signing, name)).toEqual([added, first]);
    }
  });

  test("without a word the next safe step is taken, and never the second one too early", () => {
    const published = step("next", begun, NOW);
    expect(idsOf(published, "SIGNING_KEYS")).toEqual(["k20261120", "k20261120.2"]);
    expect(() => step("next", published, NOW + HOUR - 1)).toThrow(/may not know it before 2026-11-20T09:07:00.000Z/);
    expect(idsOf(step("next", published, NOW + HOUR), "SIGNING_KEYS")).toEqual(["k20261120.2", "k20261120"]);
  });

  test("where nobody has to learn of it first, one step does both", () => {
    for (const name of NAMES) expect(idsOf(step("next", begun, NOW, 0), name)).toEqual(["k20261120.2", "k20261120"]);
  });

  test("ids are never used twice, however often in a day", () => {
    let text = begun;
    for (let times = 0; times < 12; times += 1) text = step("next", text, NOW, 0);
    for (const name of NAMES) {
      expect(new Set(idsOf(text, name)).size).toBe(13);
      expect(new Set(keysOf(text, name).map((key) => key.split(":")[1])).size).toBe(13);
    }
  });

  test("no key is used for two things", () => {
    const text = step("next", begun, NOW, 0);
    expect(new Set(NAMES.flatMap((name) => keysOf(text, name).map((key) => key.split(":")[1]))).size).toBe(4);
  });

  test("an old key is dropped when nothing is left that it made, and not a moment before", () => {
    const rotated = step("next", begun, NOW, 0);
    const ids = (at: number) => NAMES.map((name) => idsOf(step("drop-old", rotated, at), name).length);
    expect([KEPT_MS["SIGNING_KEYS"], KEPT_MS["SECRET_KEYS"]]).toEqual([HOUR, 61 * DAY]);
    expect(ids(NOW + HOUR - 1)).toEqual([2, 2]);
    expect(ids(NOW + HOUR)).toEqual([1, 2]);
    expect(ids(NOW + 61 * DAY - 1)).toEqual([1, 2]);
    expect(ids(NOW + 61 * DAY)).toEqual([1, 1]);
    expect(idsOf(step("drop-old", rotated, NOW + 61 * DAY), "SECRET_KEYS")).toEqual(["k20261120.2"]);
  });

  test("nothing but --drop-old drops a key, and it drops neither the one that signs nor one that waits", () => {
    const late = NOW + 999 * DAY;
    const waiting = step("publish", step("next", begun, NOW, 0), late);
    expect(idsOf(waiting, "SECRET_KEYS")).toHaveLength(3);
    const left = step("drop-old", waiting, late + 999 * DAY);
    for (const name of NAMES) expect(idsOf(left, name)).toEqual(["k20261120.2", idsOf(waiting, name)[2]]);
    expect(step("drop-old", begun, late)).toBe(begun);
  });

  test("of an old key of which nobody wrote down when it was replaced, the time is counted from now", () => {
    const keys = (name: string) => `${name}=new:${"A_-0".repeat(10)}abc,old:${"B_-1".repeat(10)}abc\n`;
    const noted = step("drop-old", NAMES.map(keys).join(""), NOW);
    for (const name of NAMES) expect(idsOf(noted, name)).toEqual(["new", "old"]);
    expect(idsOf(step("drop-old", noted, NOW + HOUR), "SIGNING_KEYS")).toEqual(["new"]);
    expect(idsOf(step("drop-old", noted, NOW + 60 * DAY), "SECRET_KEYS")).toEqual(["new", "old"]);
  });

  test("a second key is not published before the first one signs, and none signs that was not published", () => {
    const published = step("publish", begun, NOW);
    expect(() => step("publish", published, NOW + DAY)).toThrow(/--sign/);
    expect(() => step("sign", begun, NOW)).toThrow(/--publish/);
  });

  test("all else in the file stays as it is, to the byte", () => {
    const surroundings = ["# mine", "ISSUER=https://kith.example", "", "export AUDIENCE='kith'", "# SIGNING_KEYS are above"];
    for (const end of ["\n", "\r\n"]) {
      const lines = [...surroundings.slice(4), surroundings[0], `  export SIGNING_KEYS="${valueOf(begun, "SIGNING_KEYS")}"`, ...surroundings.slice(1, 4), `SECRET_KEYS = ${valueOf(begun, "SECRET_KEYS")}`, "LAST=1"];
      const changed = step("next", lines.join(end), NOW, 0).split(end);
      const others = (line = "") => !/KEYS *=|KEYS k/.test(line);
      expect(changed.filter(others)).toEqual(lines.filter(others));
      expect(changed.filter((line) => line.startsWith("  export SIGNING_KEYS=k"))).toHaveLength(1);
    }
  });

  test.for([
    ["is missing", ""],
    ["is empty", "SECRET_KEYS=\n"],
    ["is no list of keys", "SECRET_KEYS=letmein\n"],
    ["has a short key", `SECRET_KEYS=k1:${"A_-0".repeat(10)}\n`],
    ["has two keys with one id", `SECRET_KEYS=k1:${"A_-0".repeat(10)}abc,k1:${"B_-1".repeat(10)}abc\n`],
    ["has one key under two ids", `SECRET_KEYS=k1:${"A_-0".repeat(10)}abc,k2:${"A_-0".repeat(10)}abc\n`],
    ["is there twice", `SECRET_KEYS=k1:${"A_-0".repeat(10)}abc\n`.repeat(2)],
  ])("a file whose SECRET_KEYS %s is refused by that name, without its value, and left as it is", async ([, line]) => {
    const text = `SIGNING_KEYS=${valueOf(begun, "SIGNING_KEYS")}\n${line}`;
    const path = await aFile(text);
    const { code, output } = await rotate(path);
    expect([code, output]).toEqual([1, expect.stringContaining("SECRET_KEYS")]);
    expect(output).not.toMatch(/letmein|A_-0/);
    expect(await readFile(path, "utf8")).toBe(text);
  });
});

describe("the command", () => {
  test("makes a file once, which only its owner can read, and never over another", async () => {
    const path = join(directory, "new.vars");
    expect(await rotate(path, "--new")).toMatchObject({ code: 0, output: expect.stringContaining("wrangler secret bulk") });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await readFile(path, "utf8");
    expect(await rotate(path, "--new")).toMatchObject({ code: 1, output: expect.stringContaining("there already") });
    expect(await readFile(path, "utf8")).toBe(text);
  });

  test("keeps the file's permissions, and the link where the file is one", async () => {
    const path = await aFile(firstFile(Date.now()));
    const link = join(directory, "link.vars");
    await symlink(path, link);
    expect((await rotate(link, "--wait", "0")).code).toBe(0);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(link, "utf8")).toBe(await readFile(path, "utf8"));
    expect(idsOf(await readFile(path, "utf8"), "SIGNING_KEYS")).toHaveLength(2);
  });

  test("takes one step at a time", async () => {
    const path = await aFile(firstFile(Date.now()));
    expect(await rotate(path, "--publish", "--sign")).toMatchObject({ code: 1, output: expect.stringContaining("One step at a time") });
    expect(await rotate(join(directory, "nowhere.vars"))).toMatchObject({ code: 1, output: expect.stringContaining("--new") });
  });

  test("that cannot write leaves the old file whole, and nothing beside it", async () => {
    // There is room for the name of the lock beside it, and not for that of another file.
    const path = await aFile(firstFile(Date.now()), "x".repeat(241));
    const before = await readFile(path, "utf8");
    expect((await rotate(path)).code).toBe(1);
    expect(await readFile(path, "utf8")).toBe(before);
    const beside = await readdir(dirname(path));
    expect(beside.filter((name) => name.startsWith("xxx") && name !== basename(path))).toEqual([]);
  });

  test("that is killed at any moment leaves a whole file, with every key that there was", async () => {
    const path = await aFile(firstFile(Date.now()));
    let known = NAMES.map((name) => keysOf(firstFile(0), name).length);
    for (let delay = 20; delay < 140; delay += 10) {
      const before = await readFile(path, "utf8");
      const child = spawn(process.execPath, [SCRIPT, "--file", path, "--wait", "0"], { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      setTimeout(() => child.kill("SIGKILL"), delay);
      await ended;
      const after = await readFile(path, "utf8");
      for (const name of NAMES) expect(keysOf(after, name)).toEqual(expect.arrayContaining(keysOf(before, name)));
      const counts = NAMES.map((name) => keysOf(after, name).length);
      // Both or neither.
      expect([known, known.map((count) => count + 1)]).toContainEqual(counts);
      known = counts;
    }
    expect((await rotate(path, "--wait", "0")).code).toBe(0);
    const beside = (await readdir(directory)).filter((name) => name.startsWith(basename(path)));
    expect(beside).toEqual([basename(path)]);
  }, 60_000);
});

/** The keys that a file holds when they are asked for. */
class KeysOfFile extends Keys {
  text = "";

  override secrets(): { SIGNING_KEYS: string; SECRET_KEYS: string } {
    return { SIGNING_KEYS: valueOf(this.text, "SIGNING_KEYS"), SECRET_KEYS: valueOf(this.text, "SECRET_KEYS") };
  }
}

describe("rotating the keys of a deployment", () => {
  const keys = new KeysOfFile();
  const deployment = new LocalDeployment(join(directory, "deployment"), keys);
  afterAll(() => deployment.remove());

  test.skipIf(!SEES_PROCESSES)(
    "signs nobody out, twice over: access tokens, refresh tokens, cursors and bookmarks of before go on",
    { timeout: 240_000 },
    async () => {
      const path = await aFile(firstFile(Date.now()));
      const restart = async (): Promise<URL> => {
        await deployment.stop();
        keys.text = await readFile(path, "utf8");
        return deployment.start({ consumes: true });
      };
      keys.text = await readFile(path, "utf8");
      await deployment.migrate();

      let url = await restart();
      const body = { username: "asha", email: "asha@example.com", password: "the long passphrase of asha" };
      const registered = await new Actor(url).expect<Registration>(201, "POST", "/auth/register", body);
      const asha = { ...body, id: registered.user.id, accessToken: registered.access_token, refreshToken: "" };
      const begun = new PersonActor(url, asha);
      for (const caption of ["one", "two", "three"]) await begun.posts.create({ caption });
      const { next_cursor: cursor } = await begun.posts.list("?limit=1");
      const bookmark = (await begun.fetch("POST", "/posts", { caption: "four" })).headers.get("d1-bookmark") ?? "";
      const signIns = new Map([["the first key", registered.refresh_token]]);
      const accessTokens = [registered.access_token];
      const redeemed: string[] = [];

      /** What was made at any time before goes on, and what is made now is made with the key that is first. */
      const goesOn = async (when: string) => {
        for (const token of accessTokens) {
          const then = new PersonActor(url, { ...asha, accessToken: token });
          expect({ when, ...(await then.profile()) }).toMatchObject({ when, id: asha.id });
          const page = await then.expect<Page<Post>>(200, "GET", `/posts?limit=1&cursor=${cursor}`);
          expect([when, page.data[0]?.caption]).toEqual([when, "two"]);
          expect([when, (await then.fetch("GET", "/profile", undefined, { "d1-bookmark": bookmark })).status]).toEqual([when, 200]);
        }
        for (const [made, token] of signIns) {
          const tokens = await new Actor(url).expect<Tokens>(200, "POST", "/auth/refresh", { refresh_token: token });
          redeemed.push(made);
          signIns.set(made, tokens.refresh_token);
          accessTokens.push(tokens.access_token);
          expect(decodeToken(tokens.access_token).header["kid"]).toBe(idsOf(keys.text, "SIGNING_KEYS")[0]);
        }
        const login = await new Actor(url).expect<Tokens>(200, "POST", "/auth/login", { username: asha.username, password: asha.password });
        signIns.set(`a key of when it was ${when}`, login.refresh_token);
      };

      await goesOn("not rotated");
      for (const time of ["first", "second"]) {
        expect((await rotate(path, "--publish")).code).toBe(0);
        url = await restart();
        await goesOn(`published the ${time} time`);
        expect((await rotate(path, "--sign")).code).toBe(1);
        expect((await rotate(path, "--sign", "--wait", "0")).code).toBe(0);
        url = await restart();
        await goesOn(`first for the ${time} time`);
        expect((await rotate(path, "--drop-old")).code).toBe(0);
      }
      expect(idsOf(keys.text, "SIGNING_KEYS")).toHaveLength(3);
      expect(redeemed.filter((made) => made === "the first key")).toHaveLength(5);

      // Without the key that made it, a token is not Kith's any more: so it was the keys that kept it.
      keys.text = keys.text.replaceAll(/^(\w+_KEYS=[^,\n]*).*$/gm, "$1");
      await deployment.stop();
      url = await deployment.start({ consumes: true });
      const first = new PersonActor(url, asha);
      await expectProblem(await first.fetch("GET", "/profile"), 401, "invalid_token");
    },
  );
});
