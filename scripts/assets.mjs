// Makes build/assets/, the files that the platform serves beside the Worker and without it: the OpenAPI
// document, the page that shows it, and the account pages.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { reference, ROOT } from "./tools.mjs";

export const ASSETS = join(ROOT, "build", "assets");

/** What stands in build/assets/, by its path there: where it comes from. */
function sources() {
  /** @type {Map<string, string>} */
  const files = new Map([
    ["openapi.json", join(ROOT, "openapi.json")],
    ["docs/reference.js", reference().bundle],
  ]);
  for (const path of filesUnder(join(ROOT, "assets"))) files.set(path, join(ROOT, "assets", path));
  return files;
}

/**
 * @param {string} directory
 * @returns {string[]} relative paths with slashes, of files only
 */
function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1).replaceAll("\\", "/"));
}

/**
 * Makes build/assets/ match its sources. A file that is right already is left alone, because wrangler
 * watches them.
 */
export async function buildAssets() {
  const wanted = sources();
  for (const [path, source] of wanted) {
    const target = join(ASSETS, path);
    const content = readFileSync(source);
    if (existsSync(target) && readFileSync(target).equals(content)) continue;
    await mkdir(dirname(target), { recursive: true });
    // Moved when complete, from where nothing is served: a build of the other profile may do the same at
    // this moment, and one that is killed must leave nothing behind here.
    const partial = join(dirname(ASSETS), `.asset.${process.pid}`);
    await writeFile(partial, content);
    await rename(partial, target);
  }
  for (const path of filesUnder(ASSETS)) {
    if (!wanted.has(path)) await rm(join(ASSETS, path), { force: true });
  }
}
