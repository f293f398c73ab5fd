// A real browser for tests, and the scripts that its pages load: CommonJS packages put together into one file.
import { existsSync, readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { type Browser, chromium } from "playwright-core";
import type { Scope } from "./temporary-folder.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of the browser: $CHROMIUM, or where Linux distributions put it; undefined where there is none. */
export function chromiumPath(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const named = env["CHROMIUM"];
  if (named) {
    if (!existsSync(named)) throw new Error(`CHROMIUM=${named}: no such file`);
    return named;
  }
  return PLACES.find((path) => existsSync(path));
}

/** For `test(name, { skip: withoutChromium() }, ...)`: false where the browser is there, else the reason to skip. */
export function withoutChromium(): false | string {
  return chromiumPath() === undefined ? "needs Chromium (apt-get install chromium, or CHROMIUM=/path)" : false;
}

/** Starts the browser; it is closed when `scope` ends. */
export async function startChromium(scope: Scope): Promise<Browser> {
  // The sandbox cannot be set up by root, nor in most containers; pages of tests are the tests' own.
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  scope.after(() => browser.close());
  return browser;
}

/** A script that gives a page what a CommonJS package exports, as the global `name`. Modules of Node are empty in it. */
export function pageScript(packageName: string, name: string): string {
  const modules = new Map<string, string>();
  const add = (path: string): void => {
    if (modules.has(path)) return;
    const text = readFileSync(path, "utf8");
    const { resolve } = createRequire(path);
    const targets: Record<string, string> = {};
    modules.set(path, "");
    for (const [, wanted] of text.matchAll(/\brequire\("([^"]+)"\)|\brequire\('([^']+)'\)/g)) {
      if (wanted === undefined || isBuiltin(wanted)) continue;
      targets[wanted] = resolve(wanted);
      add(targets[wanted]);
    }
    const key = JSON.stringify(path);
    modules.set(path, `modules[${key}] = [${JSON.stringify(targets)}, (require, module, exports) => {${text}\n}];`);
  };
  const entry = createRequire(import.meta.url).resolve(packageName);
  add(entry);
  return `(() => {
const modules = {};
const loaded = {};
const load = (path) => {
  if (path === undefined) return {};
  if (loaded[path] === undefined) {
    const module = (loaded[path] = { exports: {} });
    const [targets, run] = modules[path];
    run((wanted) => load(targets[wanted]), module, module.exports);
  }
  return loaded[path].exports;
};
${[...modules.values()].join("\n")}
globalThis.${name} = load(${JSON.stringify(entry)});
})();`;
}
