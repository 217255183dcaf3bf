// Tells whether somebody listens at a port of this machine.

import { connect } from "node:net";

/**
 * Whether anything accepts connections, under either of the addresses that localhost can mean.
 * @param {number} port
 */
export async function isTaken(port) {
  const attempts = ["127.0.0.1", "::1"].map(
    (host) =>
      new Promise((resolve) => {
        const socket = connect({ host, port, timeout: 1_000 });
        const settle = (/** @type {boolean} */ taken) => {
          socket.destroy();
          resolve(taken);
        };
        socket.once("connect", () => settle(true));
        socket.once("error", () => settle(false));
        socket.once("timeout", () => settle(true));
      }),
  );
  return (await Promise.all(attempts)).includes(true);
}

/**
 * @param {string} text
 * @returns {number | null} null for what is no port
 */
export function parsePort(text) {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : null;
}
