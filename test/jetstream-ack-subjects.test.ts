// Odd subjects of acknowledgements: natsnode takes those that nats-server takes, by whichever of its ways they come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashName } from "../src/server/server-hash.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { startServerProcess } from "./support/server-process.js";
import { requestRaw } from "./support/stream-api.js";
import type { Scope } from "./support/temporary-folder.js";

type Numbers = readonly [deliveries: string, stream: string, consumer: string, time: string, pending: string];

const OWN = hashName("$G");

/** What is said instead of the subject that a message was delivered with. */
const ODD: Readonly<Record<string, (numbers: Numbers) => string>> = {
  plain: ([d, s, c, t, p]) => `S.C.${d}.${s}.${c}.${t}.${p}`,
  "zeros in front": ([d, s, c, t, p]) => `S.C.0${d}.00${s}.0${c}.0${t}.0${p}`,
  "no delivery": ([, s, c, t, p]) => `S.C.0.${s}.${c}.${t}.${p}`,
  "no sequence": ([d, , c, t, p]) => `S.C.${d}.0.${c}.${t}.${p}`,
  "no consumer sequence": ([d, s, , t, p]) => `S.C.${d}.${s}.0.${t}.${p}`,
  "other deliveries": ([, s, c, t, p]) => `S.C.7.${s}.${c}.${t}.${p}`,
  "other consumer sequence": ([d, s, , t, p]) => `S.C.${d}.${s}.99.${t}.${p}`,
  "a word for deliveries": ([, s, c, t, p]) => `S.C.x.${s}.${c}.${t}.${p}`,
  "a word for the sequence": ([d, , c, t, p]) => `S.C.${d}.x.${c}.${t}.${p}`,
  "a digit and a letter": ([d, s, c, t, p]) => `S.C.${d}.${s}x.${c}.${t}.${p}`,
  "a word for the consumer sequence": ([d, s, , t, p]) => `S.C.${d}.${s}.x.${t}.${p}`,
  "a word for the time": ([d, s, c, , p]) => `S.C.${d}.${s}.${c}.x.${p}`,
  "a word for what is pending": ([d, s, c, t]) => `S.C.${d}.${s}.${c}.${t}.x`,
  "a sign": ([d, s, c, t, p]) => `S.C.${d}.+${s}.${c}.${t}.${p}`,
  "twenty digits of deliveries": ([, s, c, t, p]) => `S.C.${"9".repeat(20)}.${s}.${c}.${t}.${p}`,
  "sixteen digits of deliveries": ([, s, c, t, p]) => `S.C.${"1".repeat(16)}.${s}.${c}.${t}.${p}`,
  "eighteen digits of zeros": ([d, s, c, t, p]) => `S.C.${d}.${s.padStart(18, "0")}.${c}.${t}.${p}`,
  "thirty digits of zeros": ([d, s, c, t, p]) => `S.C.${d}.${s.padStart(30, "0")}.${c}.${t}.${p}`,
  "a long time": ([d, s, c, , p]) => `S.C.${d}.${s}.${c}.${"1".repeat(30)}.${p}`,
  "an empty time": ([d, s, c, , p]) => `S.C.${d}.${s}.${c}..${p}`,
  "an empty number": ([d, s, , t, p]) => `S.C.${d}.${s}..${t}.${p}`,
  "one token less": ([d, s, c, t]) => `S.C.${d}.${s}.${c}.${t}`,
  "one token more": ([d, s, c, t, p]) => `S.C.${d}.${s}.${c}.${t}.${p}.1`,
  "a dot at the end": ([d, s, c, t, p]) => `S.C.${d}.${s}.${c}.${t}.${p}.`,
  "the long form": ([d, s, c, t, p]) => `_.${OWN}.S.C.${d}.${s}.${c}.${t}.${p}`,
  "the long form with a token": ([d, s, c, t, p]) => `_.${OWN}.S.C.${d}.${s}.${c}.${t}.${p}.random`,
  "the long form with two tokens": ([d, s, c, t, p]) => `_.${OWN}.S.C.${d}.${s}.${c}.${t}.${p}.random.more`,
  "the long form of another domain": ([d, s, c, t, p]) => `hub.${OWN}.S.C.${d}.${s}.${c}.${t}.${p}`,
  "the long form with words": ([d, s, c]) => `_.${OWN}.S.C.${d}.${s}.${c}.x.y`,
  "the long form of sequences that are none": ([d, , c, t, p]) => `_.${OWN}.S.C.${d}.0.${c}.${t}.${p}`,
  "the long form of a stranger": ([d, s, c, t, p]) => `_.${OWN}.T.C.${d}.${s}.${c}.${t}.${p}`,
  "the long form of another account": ([d, s, c, t, p]) => `_.${hashName("OTHER")}.S.C.${d}.${s}.${c}.${t}.${p}`,
  "an @ behind it": ([d, s, c, t, p]) => `S.C.${d}.${s}.${c}.${t}.${p}@s`,
};

/** Which of the subjects acknowledge something, and which of those in a message with headers. */
async function taken(t: Scope, program: "natsnode" | "neighbour", long: boolean): Promise<Record<string, string>> {
  const config = `jetstream { store_dir: "{{DIR}}/js" }\nfeature_flags { js_ack_fc_v2: ${long} }`;
  const server = await startServerProcess(t, { program, config });
  const client = await connectClient(t, server.port);
  await requestRaw(client, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "memory" });
  await requestRaw(client, "$JS.API.CONSUMER.CREATE.S.C", {
    stream_name: "S",
    config: { durable_name: "C", ack_policy: "explicit" },
  });
  client.send("SUB inbox 1\r\n");
  const waiting = async (): Promise<number> =>
    Number((await requestRaw(client, "$JS.API.CONSUMER.INFO.S.C", {}))["num_ack_pending"]);
  const results: Record<string, string> = {};
  for (const [name, odd] of Object.entries(ODD)) {
    const ways: string[] = [];
    for (const headers of ["", "NATS/1.0\r\n\r\n"]) {
      for (let count = 0; count < 2; count++) await requestRaw(client, "s", {});
      client.send("PUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 1\r\n2\r\n");
      const first = await client.expect(/^MSG s 1 \$JS\.ACK\./);
      const second = await client.expect(/^MSG s 1 \$JS\.ACK\./);
      const before = await waiting();
      const tokens = (first.line.split(" ")[3] ?? "").split(".");
      const subject = `$JS.ACK.${odd(tokens.slice(long ? 6 : 4) as unknown as Numbers)}`;
      client.send(headers === "" ? `PUB ${subject} 4\r\n+ACK\r\n` : `HPUB ${subject} 12 16\r\n${headers}+ACK\r\n`);
      // Acknowledgements are taken one after the other: when this one is answered, that is done.
      client.send(`SUB done 2\r\nUNSUB 2 1\r\nPUB ${second.line.split(" ")[3]} done 4\r\n+ACK\r\n`);
      await client.expect(/^MSG done 2 /);
      ways.push(before - (await waiting()) === 2 ? "taken" : "passed over");
    }
    results[name] = ways.join(", ");
  }
  return results;
}

for (const form of ["short", "long"]) {
  test(`odd subjects of acknowledgements do what they do at nats-server; its own form is the ${form} one`, {
    timeout: 60_000,
    skip: withoutNeighbour(),
  }, async (t) => {
    assert.deepEqual(await taken(t, "natsnode", form === "long"), await taken(t, "neighbour", form === "long"));
  });
}

const ACCOUNTS = `
  jetstream { store_dir: "{{DIR}}/js" }
  accounts {
    A {
      jetstream: enabled
      users: [{ user: a, password: p }]
      exports: [{ service: "$JS.ACK.S.C.>" }, { service: "$JS.API.CONSUMER.MSG.NEXT.S.C" }, { stream: "to.b" }]
    }
    B {
      users: [{ user: b, password: p }]
      imports: [
        { service: { account: A, subject: "$JS.ACK.S.C.>" } }
        { service: { account: A, subject: "$JS.API.CONSUMER.MSG.NEXT.S.C" } }
        { stream: { account: A, subject: "to.b" } }
      ]
    }
  }`;

for (const program of ["natsnode", "neighbour"] as const) {
  test(`${program}: acknowledgements of another account, through imports`, {
    timeout: 30_000,
    skip: program === "neighbour" && withoutNeighbour(),
  }, async (t) => {
    const server = await startServerProcess(t, { program, config: ACCOUNTS });
    const owner = await connectClient(t, server.port, { user: "a", pass: "p" });
    const reader = await connectClient(t, server.port, { user: "b", pass: "p" });
    await requestRaw(owner, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"] });
    await requestRaw(owner, "$JS.API.CONSUMER.CREATE.S.C", {
      stream_name: "S",
      config: { durable_name: "C", ack_policy: "explicit", max_ack_pending: 2 },
    });
    for (let count = 0; count < 4; count++) await requestRaw(owner, "s", {});
    reader.send("SUB inbox 1\r\nSUB done 2\r\n");
    const acks: string[] = [];
    const next = async (): Promise<void> => {
      reader.send("PUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 0\r\n\r\n");
      acks.push((await reader.expect(/^MSG \S+ 1 \$JS\.ACK\./)).line.split(" ")[3] ?? "");
    };
    await next();
    await next();
    // With an answer, in a message with headers, in two parts, and without an answer: each lets another message come.
    reader.send(`PUB ${acks[0]} done 4\r\n+ACK\r\n`);
    await reader.expect(/^MSG done 2 0/);
    await next();
    reader.send(`HPUB ${acks[1]} done 12 16\r\nNATS/1.0\r\n\r\n+ACK\r\n`);
    await reader.expect(/^MSG done 2 0/);
    await next();
    reader.send(`PING\r\nPUB ${acks[2]} done 4\r\n+A`);
    await reader.pong();
    reader.send("CK\r\n");
    await reader.expect(/^MSG done 2 0/);
    reader.send(`PUB ${acks[3]} 4\r\n+ACK\r\nPUB ${acks[3]} done 4\r\n+ACK\r\n`);
    await reader.expect(/^MSG done 2 0/);
    const info = await requestRaw(owner, "$JS.API.CONSUMER.INFO.S.C", {});
    const { stream_seq: floor } = info["ack_floor"] as { stream_seq: number };
    assert.deepEqual([info["num_ack_pending"], floor], [0, 4]);
    // In an account without the import nobody takes it.
    const stranger = await connectClient(t, server.port, { user: "b", pass: "p" });
    stranger.send(`SUB done 2\r\nPUB $JS.ACK.S.D.1.1.1.1.1 done 4\r\n+ACK\r\n`);
    assert.match((await stranger.expect(/^HMSG done 2 /)).headers, /^NATS\/1\.0 503/);
  });

  test(`${program}: acknowledgements that are traced`, {
    timeout: 30_000,
    skip: program === "neighbour" && withoutNeighbour(),
  }, async (t) => {
    const server = await startServerProcess(t, { program, config: `jetstream { store_dir: "{{DIR}}/js" }` });
    const client = await connectClient(t, server.port);
    await requestRaw(client, "$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"] });
    await requestRaw(client, "$JS.API.CONSUMER.CREATE.S.C", {
      stream_name: "S",
      config: { durable_name: "C", ack_policy: "explicit" },
    });
    for (let count = 0; count < 3; count++) await requestRaw(client, "s", {});
    client.send("SUB inbox 1\r\nSUB done 2\r\nSUB trace 3\r\nPUB $JS.API.CONSUMER.MSG.NEXT.S.C inbox 1\r\n3\r\n");
    const acks: string[] = [];
    for (let count = 0; count < 3; count++) acks.push((await client.expect(/^MSG s 1 /)).line.split(" ")[3] ?? "");
    const traced = async (ack: string | undefined, more: string): Promise<void> => {
      const headers = `NATS/1.0\r\nNats-Trace-Dest: trace\r\n${more}\r\n`;
      client.send(`HPUB ${ack} done ${headers.length} ${headers.length + 4}\r\n${headers}+ACK\r\n`);
      const items = [await client.next()];
      // natsnode does nothing with what is only traced, nats-server takes it.
      if (program === "neighbour" || more === "") items.push(await client.next());
      const { payload } = items.find(({ line }) => line.includes(" trace ")) ?? { payload: "{}" };
      const { events } = JSON.parse(payload) as { events?: { type: string; subj?: string }[] };
      assert.deepEqual([events?.[0]?.type, events?.[0]?.subj], ["in", ack]);
      if (program === "neighbour" || more === "") assert.ok(items.some(({ line }) => line === "MSG done 2 0"));
    };
    await traced(acks[0], "");
    await traced(acks[1], "Nats-Trace-Only: true\r\n");
    client.send(`PUB ${acks[2]} done 4\r\n+ACK\r\n`);
    await client.expect(/^MSG done 2 0/);
    assert.equal(
      (await requestRaw(client, "$JS.API.CONSUMER.INFO.S.C", {}))["num_ack_pending"],
      program === "neighbour" ? 0 : 1,
    );
  });
}
