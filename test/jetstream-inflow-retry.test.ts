// A mirror or source whose origin does not answer asks less and less often, and at once when somebody listens to the origin's API.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const LONG_MS = 60_000;
const SOON_MS = 300;

test("what waits for an origin asks when the origin's API is there", async () => {
  const life = await Life.begin(simulatedRuntime({ seed: 1 }));
  const source = { name: "S", external: { api: "$JS.leaf.API" } };
  await life.ask("$JS.API.STREAM.CREATE.ALL", { name: "ALL", storage: "file", sources: [source] });
  // At different places between two attempts.
  for (const [at, waitMs] of [LONG_MS, LONG_MS + 1500, LONG_MS + 3700].entries()) {
    await life.server.advance(waitMs);
    life.client.take();
    life.client.send("SUB other 2\r\n");
    await life.server.advance(SOON_MS);
    assert.doesNotMatch(life.client.take(), /MSG/, `round ${at}`);
    life.client.send("SUB $JS.leaf.API.> 3\r\n");
    await life.server.advance(SOON_MS);
    assert.match(life.client.take(), /MSG \$JS\.leaf\.API\.STREAM\.INFO\.S 3 /, `round ${at}`);
    life.client.send("UNSUB 2\r\nUNSUB 3\r\n");
  }
});
