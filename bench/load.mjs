// The load: so many requests over so many kept-alive connections of this machine, and no more.

import { Agent, request } from "node:http";
import { Failure } from "../scripts/progress.mjs";

const CONNECTIONS = 8;
const ANSWER_MS = 10_000;

/** @typedef {{ status: number, headers: Map<string, string>, body: Buffer }} Answer */

/** A client whose connections stay open until it is closed. */
export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  #origin;

  /** @param {URL} origin */
  constructor(origin) {
    this.#origin = origin;
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} [headers]
   * @returns {Promise<Answer>}
   */
  get(path, headers = {}) {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#origin;
      const sent = request({ hostname, port, path, headers, agent: this.#agent, timeout: ANSWER_MS }, (response) => {
        /** @type {Buffer[]} */
        const pieces = [];
        response.on("data", (/** @type {Buffer} */ piece) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () => {
          const names = new Map();
          for (let index = 0; index < response.rawHeaders.length; index += 2) {
            names.set(response.rawHeaders[index]?.toLowerCase(), response.rawHeaders[index + 1]);
          }
          resolve({ status: response.statusCode ?? 0, headers: names, body: Buffer.concat(pieces) });
        });
      });
      sent.on("timeout", () => sent.destroy(new Failure(`GET ${path} was not answered within ${ANSWER_MS / 1000} s.`)));
      sent.on("error", reject);
      sent.end();
    });
  }

  /**
   * Sends `total` requests, going round the paths; every answer must be a 200.
   * @param {readonly string[]} paths
   * @param {number} total
   */
  async send(paths, total) {
    let next = 0;
    const connection = async () => {
      while (next < total) {
        const path = paths[next % paths.length] ?? "/";
        next += 1;
        const { status } = await this.get(path);
        if (status !== 200) throw new Failure(`GET ${path} was answered with ${status} under load.`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  }

  close() {
    this.#agent.destroy();
  }
}
