/** Ports for servers that are started by others, who want to be told one. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import type { Server } from "node:net";

/** Below those that systems give away by chance, which begin at 32768 or above. */
const PORTS = { first: 20_000, end: 32_768 };
const MOST_TRIES = 100;

/** Holds the port, or answers `null` where somebody else does. */
function hold(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** Two ports that are free, and that nobody will be given who asks for any port or only connects. */
export async function freePorts(): Promise<[port: number, inspector: number]> {
  const held: { port: number; server: Server }[] = [];
  for (let tries = 0; held.length < 2 && tries < MOST_TRIES; tries += 1) {
    const port = randomInt(PORTS.first, PORTS.end);
    const server = await hold(port);
    if (server !== null) held.push({ port, server });
  }
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  const [first, second] = held;
  if (first === undefined || second === undefined) throw new Error(`none of ${MOST_TRIES} ports is free`);
  return [first.port, second.port];
}
