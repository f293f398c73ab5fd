// Subjects, streams and consumers with an @ in their names, between natsnode and the real nats-server: a consumer's message
// crosses as `reply@subject`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { freePort } from "./support/free-port.js";
import { connectionTo } from "./support/leaf-link.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { request } from "./support/stream-api.js";

const LINKS: readonly [ServerProgram, string, (port: number) => string, (port: number) => string][] = [
  [
    "natsnode",
    "a route",
    (port) => `cluster { name: C, listen: "127.0.0.1:${port}" }`,
    (port) => `cluster { name: C, listen: "127.0.0.1:-1", routes: ["nats-route://127.0.0.1:${port}"] }`,
  ],
  [
    "natsnode",
    "a gateway",
    (port) => `gateway { name: A, listen: "127.0.0.1:${port}" }`,
    (port) => `gateway { name: B, listen: "127.0.0.1:-1", gateways: [{ name: A, url: "nats://127.0.0.1:${port}" }] }`,
  ],
  [
    "natsnode",
    "a leaf link",
    (port) => `leafnodes { listen: "127.0.0.1:${port}" }`,
    (port) => `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`,
  ],
  [
    "neighbour",
    "a leaf link",
    (port) => `leafnodes { listen: "127.0.0.1:${port}" }`,
    (port) => `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`,
  ],
];

for (const [program, link, listens, connects] of LINKS) {
  test(`a message that ${program} has stored crosses ${link}`, {
    timeout: 40_000,
    skip: withoutNeighbour(),
  }, async (t) => {
    const port = await freePort();
    const home = await startServerProcess(t, {
      program,
      config: `server_name: HOME\njetstream { store_dir: "{{DIR}}" }\n${listens(port)}`,
    });
    const away = await startServerProcess(t, {
      program: program === "natsnode" ? "neighbour" : "natsnode",
      config: `server_name: AWAY\n${connects(port)}`,
    });
    const [owner, reader] = await Promise.all(
      [home, away].map((server) => connect({ servers: `127.0.0.1:${server.port}` })),
    );
    t.after(() => Promise.all([owner.close(), reader.close()]));
    await connectionTo(owner, reader);
    await request(owner, "STREAM.CREATE.S@1", { name: "S@1", subjects: ["s.>"] });
    const inbox = reader.subscribe("to.here", { max: 2 });
    await reader.flush();
    await request(owner, "CONSUMER.CREATE.S@1.C@2", {
      stream_name: "S@1",
      config: { durable_name: "C@2", ack_policy: "explicit", deliver_subject: "to.here" },
    });
    const subjects = ["s.a@b.c@d", "s.plain"];
    for (const subject of subjects) await owner.request(subject, subject);
    let read = 0;
    for await (const message of inbox) {
      const subject = subjects[read++];
      assert.deepEqual([message.subject, message.string()], [subject, subject]);
      assert.match(message.reply ?? "", /^\$JS\.ACK\.S@1\.C@2(\.\d+){5}$/);
      assert.equal((await reader.request(message.reply ?? "", "+ACK", { timeout: 5000 })).string(), "");
    }
    assert.equal(read, 2);
    const info = await request<{ num_ack_pending: number }>(owner, "CONSUMER.INFO.S@1.C@2");
    assert.equal(info.num_ack_pending, 0);
  });
}
