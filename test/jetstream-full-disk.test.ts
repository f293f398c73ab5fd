// Consumers on a full disk: what cannot be written down is not confirmed, reading goes on, and with room again everything works.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const MESSAGES = 10;
const CONSUMER = { durable_name: "C", ack_policy: "explicit", ack_wait: 600e9 };
/** Longer than the storage waits before it asks the disk again. */
const RECOVERY_MS = 6000;

interface Consumed {
  readonly world: SimulatedRuntime;
  readonly life: Life;
  /** Where messages are acknowledged, by sequence. */
  readonly acks: readonly string[];
}

const next = (life: Life, batch = MESSAGES): string =>
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ batch, no_wait: true }));

function ackSubjects(life: Life): string[] {
  return [...life.client.received.matchAll(/\$JS\.ACK\.S\.C\.\S+/g)].map(([subject]) => subject);
}

/** A stream with messages that a consumer has delivered, before the disk is full. */
async function consumed(seed: number, stream: object = {}): Promise<Consumed> {
  const world = simulatedRuntime({ seed });
  const life = await Life.begin(world);
  await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s"], storage: "file", ...stream });
  await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config: CONSUMER });
  for (let count = 0; count < MESSAGES; count++) await life.ask("s", "payload");
  next(life);
  await life.server.advance(1000);
  return { world, life, acks: ["", ...ackSubjects(life)] };
}

function fill({ world }: Consumed, code = "ENOSPC"): void {
  world.disk.fail({ operation: "write", code, times: Number.POSITIVE_INFINITY });
}

async function repair({ world, life }: Consumed): Promise<void> {
  world.disk.repair();
  await life.server.advance(RECOVERY_MS);
}

async function afterPowerCut({ world }: Consumed): Promise<Life> {
  world.crash({ torn: true });
  world.restart();
  return Life.begin(world);
}

for (const code of ["ENOSPC", "EIO"]) {
  test(`an acknowledgement that was not stored is not answered, however often it comes (${code})`, async () => {
    for (let seed = 0; seed < 5; seed++) {
      const run = await consumed(seed);
      const { life, acks } = run;
      const thrown: unknown[] = [];
      life.server.server.events.on("error", (error) => thrown.push(error));
      fill(run, code);
      for (const payload of ["+ACK", "+TERM", "+NXT", "+ACK", "+TERM", "+NXT"]) {
        const name = life.send(acks[1] as string, payload);
        await life.server.advance(1000);
        assert.equal(life.isAnswered(name), false, payload);
      }
      const errors = life.server.log.lines.filter((line) => line.startsWith("error"));
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.deepEqual(thrown, []);
      await repair(run);
      await life.untilAnswered(life.send(acks[1] as string, "+ACK"));
      await life.untilAnswered(life.send(acks[2] as string, "+ACK"));
      const after = await afterPowerCut(run);
      const { num_ack_pending: pending, ack_floor: floor } = await after.ask("$JS.API.CONSUMER.INFO.S.C");
      assert.deepEqual([pending, floor?.stream_seq], [MESSAGES - 2, 2], `seed ${seed}`);
    }
  });
}

test("a consumer delivers and redelivers on a full disk for long", async () => {
  const run = await consumed(1);
  const { life, acks } = run;
  fill(run);
  let subjects = acks.slice(1);
  for (let round = 0; round < 200; round++) {
    for (const subject of subjects) life.send(subject, "-NAK");
    life.client.take();
    next(life);
    await life.server.advance(10);
    subjects = ackSubjects(life);
    assert.equal(subjects.length, MESSAGES, `round ${round}`);
  }
  await repair(run);
  for (const subject of subjects.slice(0, 5)) await life.untilAnswered(life.send(subject, "+ACK"));
  const after = await afterPowerCut(run);
  const { num_ack_pending: pending, delivered } = await after.ask("$JS.API.CONSUMER.INFO.S.C");
  assert.deepEqual([pending, delivered?.consumer_seq], [5, 201 * MESSAGES]);
});

test("a reset that cannot be written down is refused and changes nothing", async () => {
  const run = await consumed(2);
  const { life, acks } = run;
  fill(run);
  life.send(acks[1] as string, "+ACK");
  await life.server.advance(1000);
  const { error } = await life.ask("$JS.API.CONSUMER.RESET.S.C", { seq: 1 });
  assert.equal(error?.err_code, 10023);
  const { delivered } = await life.ask("$JS.API.CONSUMER.INFO.S.C");
  assert.equal(delivered?.stream_seq, MESSAGES);
  await repair(run);
  const again = await life.ask("$JS.API.CONSUMER.RESET.S.C", { seq: 1 });
  assert.equal(again.error, undefined);
  assert.equal((await life.ask("$JS.API.CONSUMER.INFO.S.C")).delivered?.stream_seq, 0);
});
