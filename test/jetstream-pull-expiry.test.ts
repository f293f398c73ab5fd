// A pull request whose time is over gets no message, also in the moments before its timer fires.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const EXPIRES_MS = 100;

/** What somebody gets who asks for a message, published so many milliseconds after the request has come. */
async function receivedWhenPublishedAfter(ms: number): Promise<string> {
  const life = await Life.begin(simulatedRuntime({ seed: 1 }));
  await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "memory" });
  await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config: { durable_name: "C" } });
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ expires: EXPIRES_MS * 1e6 }));
  await life.server.advance(ms);
  life.send("s", "payload");
  await life.server.advance(100);
  return life.client.received;
}

test("a message that comes just after the end of a request is not delivered to it", async () => {
  // The network's latency differs by less than this.
  const jitterMs = 0.2;
  for (let ms = EXPIRES_MS + jitterMs; ms < EXPIRES_MS + 3; ms += 0.25) {
    const received = await receivedWhenPublishedAfter(ms);
    assert.match(received, /408 Request Timeout/, `${ms} ms`);
    assert.doesNotMatch(received, /^MSG s /m, `${ms} ms`);
  }
  assert.match(await receivedWhenPublishedAfter(EXPIRES_MS - jitterMs), /^MSG s /m);
});
