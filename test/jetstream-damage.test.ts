// A message whose bytes have changed on the disk: who listens is told, health checks say it, and the rest is served.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthz } from "../src/monitoring/healthz.js";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { filesBelow, Life } from "./support/jetstream-life.js";

const STREAMS = ["S", "OTHER"];
/** Short: messages in the window are read at the start. */
const WINDOW_NS = 100e6;

test("a message that cannot be read any more is told by an advisory and by /healthz", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const before = await Life.begin(world);
  for (const name of STREAMS) {
    await before.ask(`$JS.API.STREAM.CREATE.${name}`, {
      name,
      subjects: [name],
      storage: "file",
      duplicate_window: WINDOW_NS,
    });
    await before.ask(name, "x".repeat(4000));
  }
  await before.server.advance(1000);
  await world.clock.settle(before.server.server.close());
  world.crash();
  world.restart();
  const life = await Life.begin(world);
  const { server } = life.server;
  assert.deepEqual(healthz(server, {}), { status: "ok", statusCode: 200 });
  life.client.send("SUB $JS.EVENT.ADVISORY.STREAM.DAMAGED.> 2\r\n");
  await life.server.settle();
  const sizeOf = (path: string): number => world.disk.statSync(path)?.sizeBytes ?? 0;
  const [segment = ""] = filesBelow(world, "/data/jetstream").filter((path) => sizeOf(path) > 4000);
  world.disk.flipBits(segment, 200);
  const damaged: string[] = [];
  for (const name of STREAMS) {
    const { error } = await life.ask(`$JS.API.STREAM.MSG.GET.${name}`, { seq: 1 });
    if (error !== undefined) damaged.push(name);
  }
  assert.equal(damaged.length, 1, segment);
  await life.server.advance(1000);

  const [stream = ""] = damaged;
  const [, text = "{}"] = life.client.received.match(/DAMAGED\.\w+ 2 \d+\r\n(.*)\r\n/) ?? [];
  const advisory = JSON.parse(text) as { type: string; stream: string; error: string; quarantine: string };
  assert.equal(advisory.type, "io.nats.jetstream.advisory.v1.stream_damaged");
  assert.equal(advisory.stream, stream);
  assert.ok(sizeOf(advisory.quarantine) > 0, `${advisory.quarantine} has what was set aside`);
  const { error, quarantine } = advisory;
  const whole = healthz(server, {});
  assert.deepEqual([whole.status, whole.problems], ["ok", [{ account: "$G", stream, error, quarantine }]]);
  const ofStream = healthz(server, { account: "$G", stream });
  assert.deepEqual(ofStream, { status: "unavailable", statusCode: 503, error });
  for (const other of STREAMS.filter((name) => name !== stream)) {
    assert.equal(healthz(server, { account: "$G", stream: other }).status, "ok");
  }
  const { state } = await life.ask(`$JS.API.STREAM.INFO.${stream}`);
  assert.deepEqual([state?.messages, state?.last_seq], [0, 1]);
});

const MESSAGES = 60;
const IDLE_MS = 1000;

/** A clean stop, a flipped bit in a file of a consumer, and the next life. */
async function withFlippedBit(world: SimulatedRuntime, before: Life): Promise<Life> {
  await world.clock.settle(before.server.server.close());
  world.crash();
  world.restart();
  const logs = filesBelow(world, "/data/jetstream/logs").filter((path) => path.includes("%2fC%2f"));
  assert.equal(logs.length, 1);
  world.disk.flipBits(logs[0] as string);
  return Life.begin(world);
}

test("a flipped bit in the log of a consumer repeats messages, but costs none", async () => {
  let repeated = 0;
  for (let seed = 0; seed < 60; seed++) {
    const world = simulatedRuntime({ seed });
    const { random } = world;
    let life = await Life.begin(world);
    await life.ask("$JS.API.STREAM.CREATE.S", {
      name: "S",
      subjects: ["s"],
      storage: "file",
      duplicate_window: 100e6,
    });
    const config = { durable_name: "C", ack_policy: "explicit", ack_wait: 1e9 };
    await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
    const acked = new Set<number>();
    const acks = new Map<number, string>();
    const take = (): number[] => {
      const came: number[] = [];
      for (const [subject, sequence] of life.client.take().matchAll(/\$JS\.ACK\.S\.C\.\d+\.(\d+)\.\S+/g)) {
        acks.set(Number(sequence), subject);
        came.push(Number(sequence));
      }
      return came;
    };
    const pull = async (batch: number): Promise<number[]> => {
      life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ batch, no_wait: true }));
      await life.server.advance(100);
      return take();
    };
    for (let count = 0; count < MESSAGES; count++) await life.ask("s", "payload");
    for (let step = 0; step < 20; step++) {
      await pull(random.below(5));
      const [sequence, subject] = [...acks][random.below(acks.size)] ?? [];
      if (sequence === undefined || subject === undefined) continue;
      acks.delete(sequence);
      acked.add(sequence);
      life.send(subject, "+ACK");
      await life.server.advance(100);
    }
    life = await withFlippedBit(world, life);
    await life.server.advance(IDLE_MS);
    const came = new Set<number>();
    for (let tries = 0; tries < 40 && came.size < MESSAGES; tries++) {
      for (const sequence of await pull(MESSAGES)) came.add(sequence);
    }
    for (let sequence = 1; sequence <= MESSAGES; sequence++) {
      if (!acked.has(sequence)) assert.ok(came.has(sequence), `seed ${seed}: ${sequence} never comes`);
      else if (came.has(sequence)) repeated++;
    }
    const { num_ack_pending: pending, num_pending: left } = await life.ask("$JS.API.CONSUMER.INFO.S.C");
    assert.deepEqual([pending, left], [came.size, 0], `seed ${seed}`);
  }
  assert.ok(repeated > 0, "what was acknowledged in the lost record comes again");
});

for (const [what, text, found] of [
  ["change", '"description":"after"', { S: "after" }],
  ["deletion", '"op":"stream-gone"', { S: "after" }],
  ["stream", '"op":"stream","account":"$G","stream":"U"', { S: "after", U: "" }],
] as const) {
  test(`a bad byte in the journal costs no ${what}, in whichever of its copies it is`, async () => {
    for (const copy of [0, 1]) {
      const world = simulatedRuntime({ seed: 5 });
      const before = await Life.begin(world);
      const configOf = (name: string): object => ({ name, subjects: [name], storage: "file", duplicate_window: 100e6 });
      await before.ask("$JS.API.STREAM.CREATE.S", { ...configOf("S"), description: "before" });
      await before.ask("$JS.API.STREAM.UPDATE.S", { ...configOf("S"), description: "after" });
      await before.ask("$JS.API.STREAM.CREATE.T", configOf("T"));
      await before.ask("$JS.API.STREAM.DELETE.T");
      if ("U" in found) await before.ask("$JS.API.STREAM.CREATE.U", configOf("U"));
      // Damage of the last frame would look like a torn write.
      await before.ask("S", "payload");
      world.crash();
      world.restart();
      const path = "/data/jetstream/journal/1.log";
      const content = await world.clock.settle(world.disk.read(path));
      let at = content.indexOf(text);
      if (copy > 0) at = content.indexOf(text, at + 1);
      assert.ok(at > 0);
      const file = await world.clock.settle(world.disk.open(path, "update"));
      await world.clock.settle(file.write([Buffer.from("~")], at));
      await world.clock.settle(file.sync());
      const life = await Life.begin(world);
      const list = await life.ask("$JS.API.STREAM.LIST");
      const streams = (list as { streams?: { config: { name: string; description?: string } }[] }).streams ?? [];
      const names = Object.fromEntries(streams.map(({ config }) => [config.name, config.description ?? ""]));
      assert.deepEqual(names, found, `copy ${copy}`);
    }
  });
}

test("a bad byte in the log of streams does not bring the last one back that was deleted", async () => {
  const world = simulatedRuntime({ seed: 7 });
  const before = await Life.begin(world);
  await before.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file" });
  await before.ask("$JS.API.STREAM.DELETE.S");
  await world.clock.settle(before.server.server.close());
  const [path = ""] = filesBelow(world, "/data/jetstream/logs").filter((one) => /\/meta~/.test(one));
  const content = world.disk.readSync(path);
  content.write("~", content.indexOf('"op":"stream-gone"'));
  world.disk.writeSync(path, content);
  const life = await Life.begin(world);
  const { error } = await life.ask("$JS.API.STREAM.INFO.S");
  assert.equal(error?.err_code, 10059);
});
