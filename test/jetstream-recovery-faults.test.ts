// A server whose disk fails while it starts: it starts all the same, what cannot be read is told and kept as it is, and all is
// back at the first start with a disk that is well.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthz } from "../src/monitoring/healthz.js";
import { platformError } from "../src/runtime/errors.js";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { Life } from "./support/jetstream-life.js";

const MESSAGES = 20;
const ACKED = 7;
/** Of the calls one in so many, others after each kind of end; all of them where a number of runs is given. */
const STEP = process.env["NATSNODE_RUNS"] === undefined ? 6 : 1;

/** A stream with a consumer, and another stream; some messages are acknowledged. */
async function begin(isCleanStop: boolean): Promise<SimulatedRuntime> {
  const world = simulatedRuntime({ seed: 11 });
  const life = await Life.begin(world);
  for (const name of ["S", "T"]) {
    const config = { name, subjects: [name], storage: "file", duplicate_window: 100e6 };
    await life.ask(`$JS.API.STREAM.CREATE.${name}`, config);
    for (let count = 0; count < MESSAGES; count++) await life.ask(name, `${name} ${count + 1}`);
  }
  const config = { durable_name: "C", ack_policy: "explicit", ack_wait: 1e9 };
  await life.ask("$JS.API.CONSUMER.CREATE.S.C", { stream_name: "S", config });
  for (const [subject] of (await pull(life, ACKED)).values()) assert.deepEqual(await answerOf(life, subject), "");
  if (isCleanStop) await world.clock.settle(life.server.server.close());
  else await life.server.advance(100);
  world.crash();
  world.restart();
  return world;
}

/** What comes, by stream sequence: the subject to acknowledge by, and the payload. */
async function pull(life: Life, batch: number): Promise<Map<number, [string, string]>> {
  life.client.take();
  life.send("$JS.API.CONSUMER.MSG.NEXT.S.C", JSON.stringify({ batch, no_wait: true }));
  await life.server.advance(100);
  const came = new Map<number, [string, string]>();
  const found = life.client.take().matchAll(/(\$JS\.ACK\.S\.C\.\d+\.(\d+)\.\S+) \d+\r\n(.*)\r\n/g);
  for (const [, subject = "", sequence, payload = ""] of found) came.set(Number(sequence), [subject, payload]);
  return came;
}

/** The answer to an acknowledgement; undefined when there is none. */
async function answerOf(life: Life, subject: string): Promise<string | undefined> {
  const name = life.send(subject, "+ACK");
  await life.server.advance(100);
  return life.isAnswered(name) ? "" : undefined;
}

async function assertWhole(life: Life, name: string): Promise<void> {
  for (const stream of ["S", "T"]) {
    const { state } = await life.ask(`$JS.API.STREAM.INFO.${stream}`);
    assert.deepEqual([state?.messages, state?.last_seq], [MESSAGES, MESSAGES], name);
  }
  await life.server.advance(2000);
  const came = await pull(life, MESSAGES);
  const expected = Array.from({ length: MESSAGES - ACKED }, (_, at) => [ACKED + at + 1, `S ${ACKED + at + 1}`]);
  assert.deepEqual(
    Array.from(came, ([sequence, [, payload]]) => [sequence, payload]),
    expected,
    name,
  );
}

for (const isCleanStop of [true, false]) {
  const kind = isCleanStop ? "clean stop" : "power cut";
  test(`whichever call of the disk fails, a server starts and loses nothing, after a ${kind}`, async () => {
    const dry = await begin(isCleanStop);
    const calls = new Set<string>();
    watch(dry, (call) => void calls.add(call));
    await Life.begin(dry);
    assert.ok(calls.size > 10);
    for (const [at, call] of [...calls].entries()) {
      if (at % STEP !== Number(isCleanStop) % STEP) continue;
      if (/ (\.|\/|\/data|\/data\/jetstream|.*natsnode\.json)$/.test(call)) continue;
      for (const isForGood of [false, true]) {
        const world = await begin(isCleanStop);
        let isFailing = true;
        watch(world, (one) => {
          if (!isFailing || one !== call) return;
          isFailing = isForGood;
          const [operation = "", path] = one.split(" ");
          throw platformError("EIO", operation, path);
        });
        const life = await Life.begin(world);
        isFailing = false;
        const name = `${call}, ${isForGood ? "for good" : "once"}`;
        const problems = (healthz(life.server.server, {}) as { problems?: object[] }).problems ?? [];
        if (problems.length === 0) await assertWhole(life, name);
        else {
          // A sync that failed is not tried again: it may have dropped what was to be durable.
          assert.ok(isForGood || call.startsWith("sync"), name);
          assert.match(life.server.log.lines.join("\n"), /cannot be read/, name);
          // Nobody is told that something is stored, or gets what is done again.
          for (const sequence of (await pull(life, MESSAGES)).keys()) assert.ok(sequence > ACKED, name);
        }
        if (problems.length === 0) continue;
        world.crash();
        world.restart();
        await assertWhole(await Life.begin(world), `${name}, at the next start`);
      }
    }
  });
}

/** Calls back before each call of the disk that it could fail. */
function watch({ disk }: SimulatedRuntime, before: (call: string) => void): void {
  const { failWhenTold, store } = Object.getPrototypeOf(disk) as typeof disk;
  disk.failWhenTold = (operation, path) => {
    before(`${operation} ${path}`);
    failWhenTold.call(disk, operation, path);
  };
  disk.store = (file, path, data, position) => {
    before(`write ${path}`);
    store.call(disk, file, path, data, position);
  };
}
