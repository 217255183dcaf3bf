/** One run of Schemathesis: started, waited for, and told of in figures. */
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UNSAYABLE } from "../api/harness/openapi.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** The interpreter of the virtual environment that set-up has made; empty where it could not. */
export const PYTHON = process.env["KITH_FUZZ_PYTHON"] ?? "";

/** Somebody who logs in whenever their session is over. */
export interface Peer {
  username: string;
  password: string;
}

export interface Options {
  /** Where the Worker is. */
  url: URL;
  /** The address or the path of the document. */
  document: string;
  /** Those who sign in, if anybody does. What is one's own, the others must not see. */
  peers: readonly Peer[];
  /** One that Kith could have sent by mail: it proves the address of somebody there. */
  mailToken: string;
  /** What the links of mails carry to somebody else, each good once, after the one before it. */
  mailTokens: readonly string[];
  /** Reports that are open, by their ids. */
  reports: readonly string[];
  seed: number;
  /** The most cases of each operation in a phase that makes them up. */
  examples: number;
  /** For what Schemathesis reads and writes. */
  directory: string;
  timeoutMs: number;
  more?: readonly string[];
}

type Counts = Record<string, number>;

/** What hooks.py has counted. */
export interface Tally {
  cases: number;
  operations: Counts;
  phases: Counts;
  modes: Counts;
  exceptions: Counts;
}

export interface Report {
  /** 0 where nothing was found, 1 where something was; anything else did not run as it should. */
  code: number;
  /** What it said. */
  output: string;
  tally: Tally;
}

/** The file that tells how to sign in, in the format of Web Fuzzing Commons. */
function credentials(peers: readonly Peer[]): string {
  const token = {
    extractFrom: "body",
    extractSelector: "/access_token",
    sendIn: "header",
    sendName: "Authorization",
    sendTemplate: "Bearer {token}",
  };
  const auth = peers.map(({ username, password }) => ({
    name: username,
    loginEndpointAuth: {
      verb: "POST",
      endpoint: "/api/v1/auth/login",
      contentType: "application/json",
      payloadRaw: JSON.stringify({ username, password }),
      token,
    },
  }));
  return JSON.stringify({ auth });
}

async function configure({ directory, peers }: Options): Promise<string> {
  const common = await readFile(join(HERE, "schemathesis.toml"), "utf8");
  const path = join(directory, "schemathesis.toml");
  const names = peers.map(({ username }) => username);
  const signIn = `\n[auth.wfc]\npath = "credentials.json"\npeers = ${JSON.stringify(names)}\n`;
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "credentials.json"), credentials(peers));
  // Schemathesis would find out by itself how to register and sign in.
  const nobody = "\n[auth]\nauto-signup = false\n";
  await writeFile(path, common + (peers.length === 0 ? nobody : signIn));
  return path;
}

/** The environment without what would send requests elsewhere. */
function environment(own: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name) && !/^(PYTHON|SCHEMATHESIS)/.test(name));
  return { ...Object.fromEntries(inherited), NO_PROXY: "*", ...own };
}

/** Runs it to its end. */
export async function runSchemathesis(options: Options): Promise<Report> {
  const config = await configure(options);
  const tally = join(options.directory, "tally.json");
  const args = ["-m", "schemathesis.cli", "--config-file", config, "run", options.document, "--url", options.url.origin];
  args.push("--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful", "--no-color");
  // What is found is to be reproduced, with tokens that are good for minutes and for this server only.
  args.push("--output-sanitize", "false");
  args.push("--seed", String(options.seed), "--max-examples", String(options.examples), ...(options.more ?? []));
  const child = spawn(PYTHON, args, {
    cwd: options.directory,
    env: environment({
      SCHEMATHESIS_HOOKS: "hooks",
      PYTHONPATH: HERE,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUTF8: "1",
      // The same seed makes the same sets, so the same order of everything.
      PYTHONHASHSEED: "0",
      KITH_FUZZ_TALLY: tally,
      KITH_FUZZ_MAIL_TOKEN: options.mailToken,
      KITH_FUZZ_UNSAYABLE: JSON.stringify(UNSAYABLE),
      KITH_FUZZ_PEERS: JSON.stringify(options.peers.map(({ username }) => username)),
      KITH_FUZZ_MAIL_TOKENS: JSON.stringify(options.mailTokens),
      KITH_FUZZ_REPORTS: JSON.stringify(options.reports),
    }),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (ended) => resolve(ended ?? -1));
  });
  const counted = await readFile(tally, "utf8").catch(() => null);
  if (counted === null) throw new Error(`Schemathesis ended with ${code} and no tally:\n${output}`);
  return { code, output, tally: JSON.parse(counted) as Tally };
}
