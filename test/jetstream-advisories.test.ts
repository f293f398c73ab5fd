// Which advisories the end of a stream and of a batch bring, from natsnode and from nats-server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { startServerProcess } from "./support/server-process.js";
import { hpub, pub } from "./support/tenants.js";

for (const program of ["natsnode", "neighbour"] as const) {
  const skip = program === "neighbour" && withoutNeighbour();
  test(`a deleted stream tells of its consumers first, a wrong commit of nothing: ${program}`, { skip }, async (t) => {
    const { port } = await startServerProcess(t, { program, config: 'jetstream { store_dir: "{{DIR}}" }' });
    const client = await connectClient(t, port);
    const ask = async (subject: string, body: object | ""): Promise<void> => {
      client.send(pub(`$JS.API.${subject}`, body === "" ? "" : JSON.stringify(body), "answers"));
      assert.doesNotMatch((await client.expect(/^MSG answers /)).payload, /"error"/);
    };
    client.send("SUB answers 1\r\n");
    await ask("STREAM.CREATE.S", { name: "S", subjects: ["s"], allow_atomic: true });
    await ask("CONSUMER.CREATE.S.C", { stream_name: "S", config: { durable_name: "C", ack_policy: "explicit" } });
    client.send("SUB $JS.EVENT.ADVISORY.STREAM.> 2\r\nSUB $JS.EVENT.ADVISORY.CONSUMER.> 3\r\n");
    const batch = ["Nats-Batch-Id: b"];
    client.send(hpub("s", [...batch, "Nats-Batch-Sequence: 1"], "x"));
    client.send(hpub("s", [...batch, "Nats-Batch-Sequence: 2", "Nats-Batch-Commit: x"], "x", "answers"));
    assert.match((await client.expect(/^MSG answers /)).payload, /"err_code":10200/);
    client.send(pub("$JS.API.STREAM.DELETE.S", "", "deleted"));
    for (const told of ["CONSUMER.DELETED.S.C", "STREAM.DELETED.S"]) {
      assert.equal((await client.expect(/^MSG /)).line.split(" ")[1], `$JS.EVENT.ADVISORY.${told}`);
    }
  });
}
