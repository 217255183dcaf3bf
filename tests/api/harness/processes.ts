/** The processes of this machine, as Linux tells of them, and their end. */
import { readdir, readFile } from "node:fs/promises";

/** The processes below `ancestor`, by the parent that each names in /proc. */
export async function descendants(ancestor: number): Promise<{ pid: number; name: string }[]> {
  const children = new Map<number, { pid: number; name: string }[]>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(stat) ?? [];
    if (name === undefined || parent === undefined) continue;
    const siblings = children.get(Number(parent)) ?? [];
    siblings.push({ pid: Number(entry), name });
    children.set(Number(parent), siblings);
  }
  const found: { pid: number; name: string }[] = [];
  const visit = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      visit(child.pid);
    }
  };
  visit(ancestor);
  return found;
}

/** Whether the process may still do something; one that has ended and only waits to be collected may not. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = /^\d+ \(.*\) (\S)/.exec(stat)?.[1];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Whether this system tells of its processes as the others here need it. */
export const SEES_PROCESSES = process.platform === "linux";

/** Answers how many there were still to kill. */
export function killAll(pids: readonly number[]): number {
  let killed = 0;
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
      killed += 1;
    } catch {
      // It has ended by itself.
    }
  }
  return killed;
}
