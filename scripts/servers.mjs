// Knows which development servers of this clone are running: each leaves a note named by its
// process, because nothing else tells who is using the local data.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./tools.mjs";

/** Holds one file for each `npm start`, named by its process id and containing its port. */
export const RUNNING_SERVERS = join(ROOT, ".kith", "servers");

/**
 * @returns {{ pid: number, port: string }[]} those still alive; notes of dead ones are removed
 */
export function runningServers() {
  if (!existsSync(RUNNING_SERVERS)) return [];
  return readdirSync(RUNNING_SERVERS).flatMap((name) => {
    const note = join(RUNNING_SERVERS, name);
    const pid = Number(name);
    try {
      process.kill(pid, 0);
      return [{ pid, port: readFileSync(note, "utf8") }];
    } catch {
      rmSync(note, { force: true });
      return [];
    }
  });
}
