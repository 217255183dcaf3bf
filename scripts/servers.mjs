// Knows which development servers of this clone are running: each leaves a note named by its
// process, because nothing else tells who is using the local data.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "./processes.mjs";
import { ROOT } from "./tools.mjs";

/**
 * Holds one file for each `npm start`, named by its process id. It contains the port and the process
 * id of the server itself, which may outlive an `npm start` that was killed.
 */
export const RUNNING_SERVERS = join(ROOT, ".kith", "servers");

/**
 * @returns {{ pid: number, port: string }[]} those still alive; notes of dead ones are removed
 */
export function runningServers() {
  if (!existsSync(RUNNING_SERVERS)) return [];
  return readdirSync(RUNNING_SERVERS).flatMap((name) => {
    const note = join(RUNNING_SERVERS, name);
    const [port = "", server = ""] = readFileSync(note, "utf8").split(" ");
    const pid = [Number(name), Number(server)].find(isAlive);
    if (pid !== undefined) return [{ pid, port }];
    rmSync(note, { force: true });
    return [];
  });
}
