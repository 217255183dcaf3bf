/** What Kith is built from: each part is known, pinned to its bytes, and from one place. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("every crate is pinned to its bytes, and comes from one place", () => {
  const crates = read("Cargo.lock").split("[[package]]").slice(1);
  const fieldOf = (crate: string, name: string) => new RegExp(`^${name} = "(.*)"$`, "m").exec(crate)?.[1];
  const foreign = crates.filter((crate) => fieldOf(crate, "name") !== "kith");
  expect(foreign.length).toBeGreaterThan(50);
  expect(foreign.filter((crate) => !/^[0-9a-f]{64}$/.test(fieldOf(crate, "checksum") ?? ""))).toEqual([]);
  expect(new Set(foreign.map((crate) => fieldOf(crate, "source"))).size).toBe(1);
});

/** The runtime for systems on which the lock file was not made, of which it therefore has no hash. */
const UNHASHED = ["darwin-64", "darwin-arm64", "windows-64"].map((system) => `node_modules/@cloudflare/workerd-${system}`);

test("every package of the tools is pinned to its bytes, but for the runtime of other systems", () => {
  interface Package {
    version?: string;
    integrity?: string;
    link?: boolean;
  }
  const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, Package> };
  const foreign = Object.entries(packages).filter(([path, { link }]) => path.startsWith("node_modules/") && link !== true);
  expect(foreign.length).toBeGreaterThan(50);
  const unhashed = foreign.filter(([, { integrity }]) => !(integrity ?? "").startsWith("sha512-")).map(([path]) => path);
  expect(unhashed.filter((path) => !UNHASHED.includes(path))).toEqual([]);
  expect(foreign.filter(([, { version }]) => !/^\d+\.\d+\.\d+/.test(version ?? ""))).toEqual([]);
});

test("every package of the fuzzing is pinned to its bytes", () => {
  const lines = read("tests/fuzz/requirements.txt").replaceAll(/\\\n/g, " ").split("\n").filter((line) => /^[a-z]/i.test(line));
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => !/^[\w.[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}/.test(line))).toEqual([]);
});

test("the typed client and the tools that build Kith need no package at run time", () => {
  for (const path of ["package.json", "client/package.json"]) {
    const { dependencies = {} } = JSON.parse(read(path)) as { dependencies?: object };
    expect([path, dependencies]).toEqual([path, {}]);
  }
});
