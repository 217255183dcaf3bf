/** What set-up writes into `.dev.vars`, and what it leaves alone. */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createMissingSecrets, localSetting } from "../../scripts/secrets.mjs";
import { makeDirectory } from "../api/harness/scratch.ts";

/** Where a `.dev.vars` may come to stand, for as long as the test takes. */
async function place(): Promise<string> {
  const directory = await makeDirectory("kith-vars-");
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, ".dev.vars");
}

async function without(path: string, name: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n");
  await writeFile(path, lines.filter((line) => !line.startsWith(`${name}=`)).join("\n"));
}

test("a new clone gets every secret, drawn for it alone, and a way for its mails", async () => {
  const [path, other] = [await place(), await place()];
  expect(await createMissingSecrets(path)).toEqual(["created .dev.vars with new local secrets"]);
  await createMissingSecrets(other);
  for (const name of ["SIGNING_KEYS", "SECRET_KEYS"]) {
    expect(localSetting(name, path)).toMatch(/^k\d{8}:[\w-]{43}$/);
    expect(localSetting(name, path)).not.toBe(localSetting(name, other));
  }
  expect(localSetting("MAIL_API_KEY", path)).toMatch(/^[\w-]{43}$/);
  expect(localSetting("MAIL_API_KEY", path)).not.toBe(localSetting("MAIL_API_KEY", other));
  expect(localSetting("MAIL_TRANSPORT", path)).toBe("http");
  expect(localSetting("MAIL_FROM", path)).toBe("Kith <no-reply@localhost.example>");
  expect(localSetting("MAIL_API_URL", path)).toBe("http://127.0.0.1:8025/emails");
  expect((await stat(path)).mode & 0o077).toBe(0);
});

test("what is there stays, to the letter", async () => {
  const path = await place();
  await createMissingSecrets(path);
  const before = await readFile(path, "utf8");
  expect(await createMissingSecrets(path)).toEqual([]);
  expect(await readFile(path, "utf8")).toBe(before);
});

test("a setting that an older clone does not have is added", async () => {
  const path = await place();
  await createMissingSecrets(path);
  const keys = localSetting("SECRET_KEYS", path);
  await without(path, "MAIL_API_KEY");
  expect(await createMissingSecrets(path)).toEqual(["added MAIL_API_KEY to .dev.vars"]);
  expect(localSetting("MAIL_API_KEY", path)).toMatch(/^[\w-]{43}$/);
  expect(localSetting("SECRET_KEYS", path)).toBe(keys);
});

test.for(["SIGNING_KEYS", "SECRET_KEYS"])("a lost %s is not made anew behind one's back", async (name) => {
  const path = await place();
  await createMissingSecrets(path);
  await without(path, name);
  expect(await createMissingSecrets(path)).toEqual([]);
  expect(localSetting(name, path)).toBeNull();
});

test("a file that was begun by hand is completed", async () => {
  const path = await place();
  await writeFile(path, "REVEAL_EMAIL=0 # as in production");
  await createMissingSecrets(path);
  expect(localSetting("REVEAL_EMAIL", path)).toBe("0");
  expect(localSetting("SIGNING_KEYS", path)).toMatch(/^k\d{8}:/);
  expect(localSetting("SECRET_KEYS", path)).toMatch(/^k\d{8}:/);
});

test("a setting is read as wrangler reads it", async () => {
  const path = await place();
  await writeFile(path, 'A=plain # comment\n  export B = "with # and spaces "\nC=\'single\'\n# D=none\nE=\nF=k:x,l:y=\n');
  const values = ["A", "B", "C", "D", "E", "F"].map((name) => localSetting(name, path));
  expect(values).toEqual(["plain", "with # and spaces ", "single", null, "", "k:x,l:y="]);
});
