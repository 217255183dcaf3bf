// A directory for what one command makes while it runs. It goes when the command ends, by a signal
// too, unless a test left evidence in it.

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a test that did not pass leaves in its directory within the scratch directory. */
export const EVIDENCE = "evidence.txt";

/** Tells tests where to make their directories. */
export const SCRATCH_VARIABLE = "KITH_SCRATCH";

/** @param {string} prefix of the directory's name */
export function makeScratch(prefix) {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const holdsEvidence = () => readdirSync(path).some((entry) => existsSync(join(path, entry, EVIDENCE)));
  return {
    path,
    /** At once, because a signal does not wait. */
    remove() {
      if (!existsSync(path) || holdsEvidence()) return;
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
