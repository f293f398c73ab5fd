// Acknowledgements go straight from a client's lines to their consumer, but where somebody else has a say in them: other
// subscribers, permissions, mappings, a payload that comes later.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { requestRaw } from "./support/stream-api.js";

interface Life {
  readonly port: number;
  readonly client: RawClient;
  /** The subjects that acknowledge the messages 1 to 4. */
  readonly acks: readonly string[];
  /** What the consumer says of itself after all that was sent. */
  waiting(): Promise<number>;
}

/** A memory stream S with four messages that its consumer C has delivered to the client. */
async function begin(t: TestContext, options: ServerOptions = {}, login: object = {}): Promise<Life> {
  const { port } = await startLocalServer(t, { jetstream: {}, ...options });
  const client = await connectClient(t, port, login);
  await requestRaw(client, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "memory" });
  const config = { durable_name: "C", ack_policy: "explicit" };
  await requestRaw(client, "$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
  for (let sequence = 1; sequence <= 4; sequence++) await requestRaw(client, "s", {});
  client.send("SUB inbox 1\r\nPUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 1\r\n4\r\n");
  const acks: string[] = [];
  while (acks.length < 4) {
    const { line } = await client.expect(/^MSG s 1 \$JS\.ACK\.S\.C\.1\./);
    acks.push(line.split(" ")[3] ?? "");
  }
  const waiting = async (): Promise<number> => {
    const info = await requestRaw(client, "$JS.API.CONSUMER.INFO.S.C", {});
    return info["num_ack_pending"] as number;
  };
  return { port, client, acks, waiting };
}

const ack = (subject = "", reply = ""): string => `PUB ${subject} ${reply}${reply === "" ? "" : " "}4\r\n+ACK\r\n`;

test("who subscribes to acknowledgements gets them, beside the consumer", async (t) => {
  const { port, client, acks, waiting } = await begin(t);
  client.send(ack(acks[0]));
  assert.equal(await waiting(), 3);
  const other = await connectClient(t, port);
  for (const subject of ["$JS.ACK.>", `$JS.ACK.S.C.1.*.*.*.*`, acks[1]]) {
    other.send(`SUB ${subject} 7\r\n`);
    await other.sync();
    client.send(ack(acks[1]));
    await client.sync();
    const { payload } = await other.expect(`MSG ${acks[1]} 7 4`);
    assert.equal(payload, "+ACK");
    other.send("UNSUB 7\r\n");
    await other.sync();
  }
  assert.equal(await waiting(), 2);
  client.send(ack(acks[2]));
  assert.equal(await waiting(), 1);
  assert.deepEqual(await other.sync(), []);
});

test("acknowledgements are answered, refused ones come again, and a subject that says nothing is no acknowledgement", async (t) => {
  const { client, acks, waiting } = await begin(t);
  client.send(`SUB done 2\r\n${ack(acks[0], "done")}`);
  await client.expect("MSG done 2 0");
  client.send(`PUB ${acks[1]} done 4\r\n-NAK\r\n`);
  await client.expect("MSG done 2 0");
  client.send("PUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 0\r\n\r\n");
  const { line } = await client.expect(/^MSG s 1 \$JS\.ACK\.S\.C\.2\.2\.5\./);
  client.send(ack(line.split(" ")[3]));
  assert.equal(await waiting(), 2);
  for (const numbers of ["1.0.1.5.0", "1.x.3.5.0", "1.3.3.5", "1.3.3.5.", "1.3.3.5.0.0", "1..3.5.0"]) {
    client.send(ack(`$JS.ACK.S.C.${numbers}`));
  }
  assert.equal(await waiting(), 2);
  client.send(ack(`$JS.ACK.S.OTHER.1.3.3.5.0`, "done"));
  assert.match((await client.expect(/^HMSG done 2 /)).headers, /^NATS\/1\.0 503/);
});

test("permissions hold for acknowledgements, also where the numbers decide", async (t) => {
  const permissions = { publish: { allow: [">"], deny: ["$JS.ACK.S.C.1.2.>", "$JS.ACK.S.C.1.3.3.*.*"] } };
  const users = [{ user: "u", password: "p", permissions }];
  const { client, acks, waiting } = await begin(t, { authorization: { users } }, { user: "u", pass: "p" });
  for (const subject of acks) client.send(ack(subject));
  await client.expect(`-ERR 'Permissions Violation for Publish to "${acks[1]}"'`);
  await client.expect(`-ERR 'Permissions Violation for Publish to "${acks[2]}"'`);
  assert.equal(await waiting(), 2);
});

test("a mapping takes acknowledgements elsewhere, also where the numbers decide", async (t) => {
  const mappings = { "$JS.ACK.S.C.1.2.*.*.*": [{ destination: "elsewhere", weight: 100 }] };
  const accounts = { A: { jetstream: { enabled: true }, users: [{ user: "u", password: "p" }], mappings } };
  const { client, acks, waiting } = await begin(t, { accounts }, { user: "u", pass: "p" });
  client.send(`SUB elsewhere 5\r\n${acks.map((subject) => ack(subject)).join("")}`);
  await client.expect("MSG elsewhere 5 4");
  assert.equal(await waiting(), 1);
});

test("who subscribes between the line of an acknowledgement and its payload gets it", async (t) => {
  const { port, client, acks, waiting } = await begin(t);
  const other = await connectClient(t, port);
  client.send(`PING\r\nPUB ${acks[0]} 4\r\n+A`);
  await client.pong();
  other.send("SUB $JS.ACK.S.C.> 7\r\n");
  await other.sync();
  client.send("CK\r\n");
  assert.equal((await other.expect(`MSG ${acks[0]} 7 4`)).payload, "+ACK");
  assert.equal(await waiting(), 3);
});

test("an acknowledgement of a consumer that is gone is nobody's, and one that is made anew gets its own", async (t) => {
  const { client, acks, waiting } = await begin(t);
  client.send(ack(acks[0]));
  await requestRaw(client, "$JS.API.CONSUMER.DELETE.S.C", {});
  client.send(`SUB done 2\r\n${ack(acks[1], "done")}`);
  assert.match((await client.expect(/^HMSG done 2 /)).headers, /^NATS\/1\.0 503/);
  await requestRaw(client, "$JS.API.CONSUMER.CREATE.S.C", {
    stream_name: "S",
    config: { durable_name: "C", ack_policy: "explicit" },
  });
  client.send("PUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 1\r\n2\r\n");
  for (let count = 0; count < 2; count++) await client.expect(/^MSG s 1 /);
  client.send(ack(acks[1]));
  assert.equal(await waiting(), 1);
});
