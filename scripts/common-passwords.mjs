// Makes src/auth/rules/common_passwords.bin, the passwords that are refused because too many people have
// them: the 10,000 most common ones that are long enough to be taken at all. The file is committed; this
// makes it anew when the list it comes from has changed: `node scripts/common-passwords.mjs`.
//
// The list is that of @zxcvbn-ts/language-common (MIT), most common first: passwords that became known
// through leaks, in lower case.
//
// The file holds them sorted, each as one byte, how many letters it has in common with the one before,
// and the letters that follow. No letter is below U+0020, and no number is above 31, which is how a reader
// tells them apart.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Failure, main, say } from "./progress.mjs";
import { ROOT } from "./tools.mjs";

export const COMMON_PASSWORDS = join(ROOT, "src", "auth", "rules", "common_passwords.bin");

/** How many are refused. */
export const COUNT = 10_000;

/** As `MIN_PASSWORD` of src/auth/rules.rs: what is shorter is refused for that. */
const SHORTEST = 8;

const SOURCE = "@zxcvbn-ts/language-common/src/passwords.json";

/** The passwords, most common first. */
export function commonPasswords() {
  /** @type {unknown} */
  const known = JSON.parse(readFileSync(createRequire(import.meta.url).resolve(SOURCE), "utf8"));
  if (!Array.isArray(known)) throw new Failure(`${SOURCE} is no list.`);
  const folded = known.map((password) => String(password).toLowerCase());
  const long = [...new Set(folded.filter((password) => password.length >= SHORTEST))];
  if (long.length < COUNT) throw new Failure(`${SOURCE} has only ${long.length} passwords of ${SHORTEST} letters or more.`);
  return long.slice(0, COUNT);
}

/**
 * The bytes of the file.
 * @param {readonly string[]} passwords
 */
export function encode(passwords) {
  const sorted = passwords.toSorted((one, other) => (one < other ? -1 : 1));
  const parts = sorted.map((password, index) => {
    if (!/^[\x20-\x7e]{1,32}$/.test(password)) throw new Failure(`The form has no place for the password ${JSON.stringify(password)}.`);
    const kept = shared(sorted[index - 1] ?? "", password);
    return String.fromCharCode(kept) + password.slice(kept);
  });
  return Buffer.from(parts.join(""), "latin1");
}

/**
 * How many letters two texts begin with in common.
 * @param {string} one
 * @param {string} other
 */
function shared(one, other) {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

async function run() {
  const bytes = encode(commonPasswords());
  const unfinished = `${COMMON_PASSWORDS}.new`;
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, COMMON_PASSWORDS);
  say(`✓ ${COUNT} passwords in ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} compressed`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(run);
