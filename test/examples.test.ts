// Every program of examples/ runs to its end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "./support/project.js";

for (const name of readdirSync(join(projectRoot, "examples")).filter((file) => file.endsWith(".mjs"))) {
  test(`examples/${name}`, async () => {
    const child = spawn(process.execPath, [join("examples", name)], {
      cwd: projectRoot,
      // A test runner's child would report to the runner instead of ending with an exit code.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const [code] = await once(child, "close");
    assert.equal(code, 0, output);
    assert.notEqual(output, "", "an example shows something");
  });
}
