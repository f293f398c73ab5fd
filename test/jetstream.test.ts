// JetStream in a server of the library: what was acknowledged is there after a restart, and a server without it has none.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";

/** The message comes under its own subject, so the request needs a subscription of its own. */
const ALONE = { noMux: true, timeout: 5000 };

interface Answer {
  readonly error?: { readonly err_code: number };
  readonly seq?: number;
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly num_ack_pending?: number;
}

async function ask(client: NatsConnection, subject: string, body: object | string = ""): Promise<Answer> {
  const answer = await client.request(subject, typeof body === "string" ? body : JSON.stringify(body));
  return answer.json<Answer>();
}

test("what was acknowledged is there after a restart", async () => {
  const storeDir = mkdtempSync(join(tmpdir(), "jetstream-"));
  const start = () => startServer({ port: -1, host: "127.0.0.1", jetstream: { storeDir } });
  try {
    {
      await using server = await start();
      const client = await connect({ servers: server.clientUrl });
      assert.equal((await ask(client, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s.>"] })).error, undefined);
      for (let at = 1; at <= 5; at++) assert.equal((await ask(client, "s.a", `m${at}`)).seq, at);
      const config = { name: "C", durable_name: "C", ack_policy: "explicit" };
      await ask(client, "$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
      const first = await client.request("$JS.API.CONSUMER.MSG.NEXT.S.C", '{"batch":1}', ALONE);
      assert.equal(first.string(), "m1");
      await client.request(first.reply as string, "+ACK");
      await client.close();
    }
    await using server = await start();
    const client = await connect({ servers: server.clientUrl });
    const { state } = await ask(client, "$JS.API.STREAM.INFO.S");
    assert.deepEqual([state?.messages, state?.last_seq], [5, 5]);
    assert.equal((await ask(client, "$JS.API.CONSUMER.INFO.S.C")).num_ack_pending, 0);
    const next = await client.request("$JS.API.CONSUMER.MSG.NEXT.S.C", '{"batch":1}', ALONE);
    assert.equal(next.string(), "m2");
    await client.close();
  } finally {
    rmSync(storeDir, { recursive: true, force: true });
  }
});

test("without JetStream nobody answers its API", async () => {
  await using server = await startServer({ port: -1, host: "127.0.0.1" });
  const client = await connect({ servers: server.clientUrl });
  await assert.rejects(client.request("$JS.API.INFO"), /no responders/i);
  await client.close();
});
