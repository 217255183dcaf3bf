/** Directories of tests, where the command that runs them removes what an interrupted test leaves. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVIDENCE, SCRATCH_VARIABLE } from "../../../scripts/scratch.mjs";

export function makeDirectory(prefix: string): Promise<string> {
  return mkdtemp(join(process.env[SCRATCH_VARIABLE] ?? tmpdir(), prefix));
}

/** Has the directory outlive the command, and says in it why. */
export function keepEvidence(directory: string, text: string): Promise<void> {
  return writeFile(join(directory, EVIDENCE), text);
}
