// An origin that, for a while, does not know of the last messages that were taken of it, as a server that takes over may, and a
// source that was started anew before: nothing is taken twice.
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startServer } from "../src/index.js";
import { ackOf, ScriptedOrigin } from "./support/scripted-origin.js";
import { infoUntil, request } from "./support/stream-api.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const CREATED = "2026-01-01T00:00:00Z";

// Gone after the servers that write into it.
const folders = temporaryFolder({ after });

interface Hub {
  readonly server: NatsServer;
  readonly client: NatsConnection;
  readonly origin: ScriptedOrigin;
}

async function start(t: Scope, storeDir: string): Promise<Hub> {
  const server = await startServer({ ...here, jetstream: { storeDir, domain: "hub" }, leafnodes: here });
  t.after(() => server.close());
  const origin = await ScriptedOrigin.connect(t, server.addresses["leafnode"].port);
  return { server, client: await server.connect(), origin };
}

/** An origin of which each message is its sequence; it says that it ends where `endOf` tells. */
async function play(origin: ScriptedOrigin, last: number, endOf: () => number): Promise<void> {
  await origin.answer(({ kind, deliver = "", startSequence = 1, reply }) => {
    if (kind === "info") {
      origin.send(reply, `{"created":"${CREATED}","state":{"last_seq":${endOf()}}}`);
      return;
    }
    origin.send(reply, "{}");
    for (let sequence = startSequence, sent = 1; sequence <= last; sequence++, sent++)
      origin.send(deliver, `${sequence}`, { reply: `${ackOf("O", sequence, sent, last - sequence)}@o` });
  });
}

for (const end of ["closed", "killed"]) {
  test(`a source that was ${end} takes nothing twice of an origin that ends too early for a while`, async (t) => {
    const folder = join(folders, end);
    const before = await start(t, folder);
    await play(before.origin, 5, () => 5);
    const sources = [{ name: "O", external: { api: "$JS.there.API" } }];
    await request(before.client, "STREAM.CREATE.S", { name: "S", sources });
    await infoUntil(before.client, "S", ({ state }) => state.messages === 5);
    // As a kill leaves it.
    if (end === "killed") await cp(folder, join(folders, "copy"), { recursive: true });
    await before.server.close();

    const { client, origin } = await start(t, end === "killed" ? join(folders, "copy") : folder);
    const ends = [3, 3];
    await play(origin, 6, () => ends.shift() ?? 6);
    const { state, sources: [source] = [] } = await infoUntil(client, "S", (info) => info.sources?.[0].seq === 6);
    assert.deepEqual([state.messages, ends.length, source.error], [6, 0, undefined]);
  });
}
