/** The package as it is published: packed, installed without a network, run by Node and workerd, read by tsc. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { capture } from "../../scripts/processes.mjs";
import { runNpm } from "../../scripts/setup.mjs";
import { findNode, npmTool, ROOT, toolEnvironment } from "../../scripts/tools.mjs";
import { makeDirectory } from "../api/harness/scratch.ts";

const PATIENCE_MS = 120_000;
const CLIENT = join(ROOT, "client");
const node = findNode() ?? process.execPath;
const directory = await makeDirectory("kith-client-");
const installed = join(directory, "node_modules/@kith/client");

/** As in a shell: the settings of the npm that runs these tests are not passed on. */
const environment = Object.fromEntries(Object.entries(toolEnvironment()).filter(([name]) => !name.toLowerCase().startsWith("npm_config_")));

beforeAll(async () => {
  const packed = await runNpm(["pack", "--pack-destination", directory], CLIENT, environment);
  if (packed.code !== 0) throw new Error(packed.output);
  const archive = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const options = ["--offline", "--no-audit", "--no-fund"];
  const result = await runNpm(["install", ...options, `./${archive}`], directory, environment);
  if (result.code !== 0) throw new Error(result.output);
}, PATIENCE_MS);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("it holds the compiled client, its types, its manual and its licences, and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sources = readdirSync(join(CLIENT, "src")).filter((name) => /^\w+\.ts$/.test(name));
  const compiled = sources.flatMap((name) => [name.replace(/\.ts$/, ".d.ts"), name.replace(/\.ts$/, ".js")]);
  expect(files.map(({ name }) => name).toSorted()).toEqual(["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json", ...compiled].toSorted());
});

test("it needs no other package, and runs nothing where it is installed", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, Record<string, string>>;
  expect(Object.keys(manifest).filter((name) => name.toLowerCase().includes("dependencies"))).toEqual([]);
  expect(Object.keys(manifest["scripts"] ?? {})).toEqual(["prepack"]);
});

describe("it runs in", () => {
  let url = "";
  const kith = createServer((request, response) => {
    const healthy = request.method === "GET" && request.url === "/health";
    response.writeHead(healthy ? 200 : 404, { "content-type": "application/json" }).end('{"status":"pass"}');
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      kith.listen(0, "127.0.0.1", resolve);
    });
    url = `http://127.0.0.1:${(kith.address() as AddressInfo).port}`;
  });
  afterAll(() => kith.close());

  const ask = (address: string) => `
    const kith = createClient({ baseUrl: ${address} });
    const refused = await kith.createPost({ body: { caption: "x" } }).catch((error) => error);
    const said = [(await kith.getHealth()).data.status, refused instanceof UnexpectedAnswer, refused.status].join();`;
  const imports = 'import { createClient, UnexpectedAnswer } from "@kith/client";';

  test("plain Node", async () => {
    writeFileSync(join(directory, "program.mjs"), `${imports}${ask(JSON.stringify(url))}\nconsole.log(said);`);
    const { output } = await capture(node, ["program.mjs"], { cwd: directory });
    expect(output.trim()).toBe("pass,true,404");
  });

  test("a Worker", { timeout: PATIENCE_MS }, async () => {
    const body = `export default { async fetch(request) { ${ask('request.headers.get("kith")')}\nreturn new Response(said); } };`;
    writeFileSync(join(directory, "worker.mjs"), `${imports}\n${body}`);
    const config = { name: "app", main: join(directory, "worker.mjs"), compatibility_date: "2026-11-01" };
    const harness = createTestHarness({ root: directory, workers: [{ config }] });
    try {
      const { url: app } = await harness.listen();
      expect(await (await fetch(app, { headers: { kith: url } })).text()).toBe("pass,true,404");
    } finally {
      await harness.close();
    }
  });
});

describe("tsc takes", () => {
  /** What tsc says of these files, with the strictest settings and the types of one platform. */
  async function check(files: Record<string, string>, platform: object): Promise<string> {
    const project = join(directory, "checked");
    rmSync(project, { recursive: true, force: true });
    mkdirSync(project);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    const strictest = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true };
    const typeRoots = [join(ROOT, "node_modules/@types")];
    const compilerOptions = { target: "es2022", lib: ["es2023"], noEmit: true, typeRoots, types: [], ...strictest, ...platform };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    return (await capture(node, [npmTool("typescript/bin/tsc"), "--project", project], { cwd: project, timeout: PATIENCE_MS })).output;
  }

  const consumer = { "consumer.ts": readFileSync(join(ROOT, "tests/client/consumer.ts"), "utf8") };
  const nodenext = { module: "nodenext", types: ["node"], skipLibCheck: true };
  const bundler = { module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom"] };

  test.for([
    ["in Node", nodenext],
    ["in a page made by a bundler, and its own declarations with it", bundler],
  ] as const)("what is right and refuses what is wrong, %s", { timeout: PATIENCE_MS }, async ([, platform]) => {
    expect(await check(consumer, platform)).toBe("");
    expect(await check({ "wrong.ts": 'import { nothing } from "@kith/client"; export default nothing;' }, platform)).toContain("nothing");
  });

  test("every example of the manual", { timeout: PATIENCE_MS }, async () => {
    const examples = [...readFileSync(join(installed, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? "");
    expect(examples.length).toBeGreaterThan(4);
    // What the first one makes, the others use.
    const [first = ""] = examples;
    const files = Object.fromEntries(examples.map((code, index) => [`example${index}.ts`, index === 0 ? `${first}export { kith };` : `import { kith } from "./example0.js";\n${code}`]));
    expect(await check(files, bundler)).toBe("");
  });
});
