/** HTTP/1.1 as bytes: what no client would send can be sent, and what comes back is read as it is. */
import { connect } from "node:net";

export interface Sent {
  method: string;
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
}

const ANSWER_MS = 20_000;
const LINE_END = "\r\n";

/** The request as it travels. Its texts are bytes already: one character each. */
function written({ method, target, headers, body }: Sent): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join(LINE_END)}${LINE_END}${LINE_END}`, "latin1"), body]);
}

/** Sends it on a connection of its own; `null` where the connection ends without an answer. */
export async function send(url: URL, sent: Sent): Promise<Response | null> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect({ host: url.hostname, port: Number(url.port) }, () => socket.write(written(sent)));
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    socket.on("data", (piece) => pieces.push(piece));
    socket.once("close", () => resolve(Buffer.concat(pieces)));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // A server may close while a request that it refused is still being sent.
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(Buffer.concat(pieces));
      else reject(error);
    });
  });
  return bytes.length === 0 ? null : read(bytes, sent.method);
}

function read(bytes: Buffer, method: string): Response {
  const end = bytes.indexOf(LINE_END + LINE_END);
  const [statusLine = "", ...lines] = bytes.subarray(0, end === -1 ? bytes.length : end).toString("latin1").split(LINE_END);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  if (!(status >= 200 && status < 600)) throw new Error(`not an answer: ${statusLine.slice(0, 200)}`);
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const rest = end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  const body = headers.get("transfer-encoding") === "chunked" ? unchunked(rest) : rest;
  const empty = method === "HEAD" || status === 204 || status === 304;
  return new Response(empty ? null : new Uint8Array(body), { status, headers });
}

function unchunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_END, at);
    const length = end === -1 ? 0 : Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
