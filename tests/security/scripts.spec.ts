/** Scripts that run in browsers and in other people's programs: none makes code or markup of a text. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Kith's own: what is served, and what is shipped. The reference of /docs is another's, under the same policy. */
const SOURCES = ["assets", "client/src"]
  .filter((folder) => existsSync(ROOT + folder))
  .flatMap((folder) => readdirSync(ROOT + folder, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`))
  .filter((path) => /\.(js|mjs|ts|html)$/.test(path));

const DANGERS = [/\beval\s*\(/, /\bnew Function\b/, /\bsetTimeout\s*\(\s*["'`]/, /\b(inner|outer)HTML\b/, /insertAdjacentHTML/, /document\.write/, /\.srcdoc\b/, /javascript:/i, /\bpostMessage\b/, /addEventListener\(\s*["']message["']/];

const found = (text: string) => DANGERS.filter((danger) => danger.test(text)).map(String);

test("no script that is served or shipped makes code or markup of a text, or listens to other windows", () => {
  expect(SOURCES.length).toBeGreaterThan(5);
  expect(SOURCES.map((path) => [path, found(readFileSync(ROOT + path, "utf8"))]).filter(([, dangers]) => dangers?.length !== 0)).toEqual([]);
});

test("no page that is served has a script or a handler in it, or asks a browser to keep something", () => {
  for (const path of SOURCES.filter((one) => one.endsWith(".html"))) {
    const text = readFileSync(ROOT + path, "utf8");
    expect([path, /<script(?![^>]*\bsrc=)|\son\w+\s*=|<(object|embed|applet|iframe)\b/i.test(text)]).toEqual([path, false]);
  }
  for (const path of SOURCES) expect([path, /document\.cookie|indexedDB|localStorage|sessionStorage/.test(readFileSync(ROOT + path, "utf8"))]).toEqual([path, false]);
});

test("what would do so is found", () => {
  for (const text of ['eval("1")', "new Function('x')", "setTimeout('x', 1)", "node.innerHTML = name", "node.insertAdjacentHTML('a', b)", "document.write(name)", "frame.srcdoc = x", "a.href = 'javascript:x'", "window.addEventListener('message', f)"]) {
    expect([text, found(text).length > 0]).toEqual([text, true]);
  }
  expect(found("node.textContent = name; evaluate(1); retrieval(2)")).toEqual([]);
});
