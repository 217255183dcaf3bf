/** The passwords that too many people have: which they are, and that nobody gets to choose one. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMON_PASSWORDS, commonPasswords, COUNT, encode } from "../../scripts/common-passwords.mjs";
import { expectInvalid } from "./harness/problem.ts";
import { openWorld } from "./harness/world.ts";

const world = await openWorld();

/** The passwords of the file, read by its form alone. */
function decode(bytes: Buffer): string[] {
  const passwords: string[] = [];
  for (const [, kept = "", rest = ""] of bytes.toString("latin1").matchAll(/([^ -~])([ -~]*)/g)) {
    passwords.push((passwords.at(-1) ?? "").slice(0, kept.charCodeAt(0)) + rest);
  }
  return passwords;
}

describe("the file", () => {
  const passwords = decode(readFileSync(COMMON_PASSWORDS));

  test("holds exactly the most common ones of the list it is made from", () => {
    expect(passwords).toHaveLength(COUNT);
    expect(passwords).toEqual(commonPasswords().toSorted());
    expect(encode(commonPasswords()).equals(readFileSync(COMMON_PASSWORDS))).toBe(true);
  });

  test("holds none that would be refused for its length, and each one once", () => {
    expect(passwords.filter((password) => password.length < 8)).toEqual([]);
    expect(new Set(passwords).size).toBe(COUNT);
  });
});

describe("registering with a password", () => {
  const register = (password: string) => {
    const username = world.uniqueName("asha");
    return world.anonymous.fetch("POST", "/auth/register", { username, email: `${username}@example.com`, password });
  };
  const rare = commonPasswords().at(-1) ?? "";

  test.for(["password", "PASSWORD", "Password", "1234567890", rare, rare.toUpperCase()])("%s is refused as too weak, before anything is hashed", async (password) => {
    const response = await register(password);
    expect(await world.hashesOf(response)).toBe(0);
    await expectInvalid(response, { "/password": "too_weak" });
  });

  test.for(["password of mine", "a password", `${rare}${rare}`])("%s, which only contains one, is taken", async (password) => {
    expect((await register(password)).status).toBe(201);
  });
});

test("signing in with one is just wrong, so that an account of older rules is not locked out", async () => {
  const asha = await world.person("asha");
  const response = await world.anonymous.fetch("POST", "/auth/login", { username: asha.username, password: "password" });
  expect(response.status).toBe(401);
});
