// While a stream looks for how far its origins were read, others are served.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer } from "../src/index.js";
import { connectClient } from "./support/raw-client.js";
import { infoUntil, request } from "./support/stream-api.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const MESSAGES = 100_000;
const HEADER = "NATS/1.0\r\nNats-Stream-Source: OTHER x > > s abcdefgh\r\n\r\n";

test("a long search for how far an origin was read leaves turns to others", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ host: "127.0.0.1", port: -1, jetstream: { storeDir: temporaryFolder(t) } });
  t.after(() => server.close());
  const client = await server.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  const stream = { name: "S", subjects: ["s"], storage: "memory" };
  await request(client, "STREAM.CREATE.S", stream);
  const raw = await connectClient(t, server.addresses["client"].port);
  raw.send(`HPUB s ${HEADER.length} ${HEADER.length}\r\n${HEADER}\r\n`.repeat(MESSAGES));
  await infoUntil(client, "S", ({ state }) => state.messages === MESSAGES);
  await request(client, "STREAM.UPDATE.S", { ...stream, sources: [{ name: "O" }] });
  let served = 0;
  await infoUntil(client, "S", ({ sources }) => {
    if (sources?.[0].active !== -1) return true;
    served++;
    return false;
  });
  assert.ok(served > 5, `${served} requests were answered meanwhile`);
});
