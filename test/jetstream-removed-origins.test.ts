// Power cuts around removals from a stream that others flow into: how far an origin was read is known as long as what told
// it is gone, so that nothing is taken twice. `NATSNODE_RUNS` is how many cuts there are of each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const MESSAGES = 5;
const SEEDS = Number(process.env["NATSNODE_RUNS"] ?? 24);
/** A write and its sync take less. */
const WRITE_MS = 2.4;

interface Case {
  readonly name: string;
  readonly config: object;
  /** What is sent before it begins. */
  readonly prepare?: (life: Life) => Promise<void>;
  /** Removes all messages that were sourced. */
  readonly remove: (life: Life) => void;
}

/** A stream S that has taken all messages of O, without anything but them that tells so. */
async function begin(world: SimulatedRuntime, config: object): Promise<Life> {
  const life = await Life.begin(world);
  await life.ask("$JS.API.STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  await life.ask("$JS.API.STREAM.CREATE.S", { name: "S", sources: [{ name: "O" }], ...config });
  for (let at = 1; at <= MESSAGES; at++) await life.ask("o", `${at}`);
  await life.server.advance(100);
  return life;
}

function removeOne(life: Life, seq: number): void {
  life.send("$JS.API.STREAM.MSG.DELETE.S", JSON.stringify({ seq, no_erase: true }));
}

async function removeOthers(life: Life): Promise<void> {
  for (let seq = 1; seq < MESSAGES; seq++) removeOne(life, seq);
  await life.server.advance(100);
}

function acknowledge(life: Life, sequences: readonly number[]): void {
  const subjects = [...life.client.received.matchAll(/\$JS\.ACK\.S\.C\.\S+/g)].map(([subject]) => subject);
  for (const sequence of sequences) life.send(subjects[sequence - 1], "+ACK");
}

async function acknowledgeOthers(life: Life): Promise<void> {
  const config = { durable_name: "C", ack_policy: "explicit", ack_wait: 60e9 };
  await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ batch: MESSAGES, no_wait: true }));
  await life.server.advance(100);
  acknowledge(life, [1, 2, 3, 4]);
  await life.server.advance(100);
}

const CASES: readonly Case[] = [
  { name: "a purge", config: {}, remove: (life) => void life.send("$JS.API.STREAM.PURGE.S", "") },
  {
    name: "a purge of a subject",
    config: {},
    remove: (life) => void life.send("$JS.API.STREAM.PURGE.S", JSON.stringify({ filter: "o" })),
  },
  { name: "a removal", config: {}, prepare: removeOthers, remove: (life) => removeOne(life, MESSAGES) },
  {
    name: "an acknowledgement",
    config: { retention: "workqueue" },
    prepare: acknowledgeOthers,
    remove: (life) => acknowledge(life, [MESSAGES]),
  },
  {
    name: "a limit",
    config: { subjects: ["s"], max_bytes: 1000 },
    remove: (life) => void life.send("s", "new".padEnd(900)),
  },
  {
    name: "a rollup",
    config: { subjects: ["s"], allow_rollup_hdrs: true },
    remove: (life) => void life.send("s", "new", "Nats-Rollup: all"),
  },
];

for (const { name, config, prepare, remove } of CASES) {
  test(`${name} and a power cut: nothing of an origin is taken again`, async () => {
    const found = new Set<boolean>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = simulatedRuntime({ seed });
      const life = await begin(world, config);
      await prepare?.(life);
      remove(life);
      await life.server.advance(world.random.float() * 2 * WRITE_MS);
      world.crash({ torn: true });
      world.restart();
      const after = await Life.begin(world);
      await after.server.advance(1000);
      const { state } = await after.ask("$JS.API.STREAM.INFO.S");
      const own = (await after.ask("$JS.API.STREAM.MSG.GET.S", { last_by_subj: "s" })).message;
      assert.equal(state?.last_seq, own?.seq ?? MESSAGES, `seed ${seed}: ${JSON.stringify(state)}`);
      const left = await after.ask("$JS.API.STREAM.MSG.GET.S", { seq: MESSAGES });
      found.add(left.message !== undefined);
    }
    assert.equal(found.size, 2, "some are cut before, some after");
  });
}
