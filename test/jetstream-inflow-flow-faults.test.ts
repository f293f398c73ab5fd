// An origin that asks how far a stream has come while the disk takes nothing gets no answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../src/accounts/message.js";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const INFO = '{"created":"2026-01-01T00:00:00Z","state":{"last_seq":5}}';
const FLOW = "NATS/1.0 100 FlowControl Request\r\n\r\n";

for (const fails of [false, true]) {
  test(`flow control of an origin is ${fails ? "not " : ""}answered where the write ${fails ? "fails" : "is done"}`, async () => {
    const world = simulatedRuntime({ seed: 1 });
    const life = await Life.begin(world);
    const { client, server } = life;
    client.send("SUB there.> 2\r\nSUB $JS.FC.> 3\r\n");
    const mirror = { name: "O", external: { api: "there" } };
    await life.ask("$JS.API.STREAM.CREATE.M", { name: "M", mirror, storage: "file" });
    let deliver: string | undefined;
    for (let tries = 0; deliver === undefined && tries < 100; tries++) {
      await server.advance(50);
      const received = client.take();
      for (const [, subject = "", reply = ""] of received.matchAll(/MSG there\.(\S+) 2 (\S+) \d+\r\n/g)) {
        const answer = subject.includes("INFO") ? INFO : '{"num_pending":5}';
        client.send(`PUB ${reply} ${answer.length}\r\n${answer}\r\n`);
      }
      deliver = received.match(/"deliver_subject":"([^"]+)"/)?.[1];
    }
    assert.ok(deliver !== undefined);
    await server.advance(100);
    for (const operation of fails ? (["write", "sync", "open"] as const) : []) {
      world.disk.fail({ operation, code: "EIO", path: ".log", times: Number.POSITIVE_INFINITY });
    }
    client.take();
    // No client may send one with this reply subject.
    const message = Message.of(deliver, "$JS.ACK.O.C.1.1.1.1700000000000000000.4", Buffer.alloc(0), Buffer.from("x"));
    server.server.router.publish(server.server.accounts.global, message, undefined);
    client.send(`HPUB ${deliver} $JS.FC.O.C.one ${FLOW.length} ${FLOW.length}\r\n${FLOW}\r\n`);
    await server.advance(3000);
    assert.equal(client.take().includes("MSG $JS.FC.O.C.one 3 "), !fails);
  });
}
