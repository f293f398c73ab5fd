// Every input that once broke the server is sent to it again, each on a connection of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRaw } from "./support/raw-client.js";
import { corpus, FuzzedServer } from "./support/wire-fuzz.js";

test("the server withstands the kept findings", async (t) => {
  const fuzzed = await FuzzedServer.start(t, "natsnode");
  assert.equal(await fuzzed.feed(corpus()), undefined);
});

test("a server that dies under the fuzz is found out", async (t) => {
  const fuzzed = await FuzzedServer.start(t, "natsnode");
  const connection = await connectRaw(t, fuzzed.server.port);
  fuzzed.server.signal("SIGKILL");
  await connection.closed();
  assert.match((await fuzzed.feed([])) ?? "", /the server ended/);
});
