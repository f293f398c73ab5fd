// Dead letters of a server that is killed, or whose power is cut, at every moment between the refusal of a message and its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { startSimulatedServer } from "./support/simulated-server.js";

const STEP_MS = 0.5;
const LAST_MS = 15;
const SECOND_NS = 1_000_000_000;

type Ask = (subject: string, body?: object | string) => Promise<string>;

async function begin(world: SimulatedRuntime): Promise<{ ask: Ask; send: (subject: string, body: string) => void }> {
  const server = await startSimulatedServer({ jetstream: { storeDir: "/data" } }, world);
  const client = await server.login();
  client.answersPings = true;
  client.send("SUB r 1\r\n");
  const send = (subject: string, body: string): void => client.send(`PUB ${subject} r ${body.length}\r\n${body}\r\n`);
  const ask: Ask = async (subject, body = "") => {
    await server.settle();
    client.take();
    send(subject, typeof body === "string" ? body : JSON.stringify(body));
    await server.advance(50);
    return client.take();
  };
  return { ask, send };
}

async function place(ask: Ask): Promise<{ letters: number; pending: number }> {
  const [, letters] = /"messages":(\d+)/.exec(await ask("$JS.API.STREAM.INFO.DEAD")) ?? [];
  const [, pending] = /"num_ack_pending":(\d+)/.exec(await ask("$JS.API.CONSUMER.INFO.ORDERS.work")) ?? [];
  return { letters: Number(letters), pending: Number(pending) };
}

/** Gives where things stood after the restart. */
async function run(
  seed: number,
  answer: string,
  afterMs: number,
  end: "kill" | "crash",
): Promise<{ between: boolean }> {
  const world = simulatedRuntime({ seed });
  const { ask, send } = await begin(world);
  await ask("$JS.API.STREAM.CREATE.ORDERS", { name: "ORDERS", subjects: ["orders"], retention: "workqueue" });
  await ask("$JS.API.STREAM.CREATE.DEAD", { name: "DEAD", subjects: ["dead"] });
  const config = {
    ...{ durable_name: "work", ack_policy: "explicit", max_deliver: 1, ack_wait: SECOND_NS },
    metadata: { "natsnode.dead_letter": "dead" },
  };
  await ask("$JS.API.CONSUMER.CREATE.ORDERS.work", { stream_name: "ORDERS", config });
  await ask("orders", "pizza");
  const [, ack] = /^MSG orders 1 (\S+) 5/.exec(await ask("$JS.API.CONSUMER.MSG.NEXT.ORDERS.work")) ?? [];
  assert.ok(ack !== undefined);
  send(ack, answer);
  await world.clock.advance(afterMs);
  if (end === "kill") world.kill();
  else {
    world.crash({ torn: true });
    world.restart();
  }
  const again = await begin(world);
  const at = await place(again.ask);
  assert.ok(at.letters + at.pending >= 1, `${end} after ${afterMs} ms: the message is lost`);
  await world.clock.advance(5000);
  assert.deepEqual(await place(again.ask), { letters: 1, pending: 0 }, `${end} after ${afterMs} ms`);
  assert.match(await again.ask("$JS.API.STREAM.INFO.ORDERS"), /"messages":0/);
  return { between: at.letters === 1 && at.pending === 1 };
}

for (const [how, answer] of [
  ["refused", "-NAK"],
  ["terminated", "+TERM burnt"],
]) {
  test(`a message that was ${how} becomes one dead letter, whenever the server ends`, async () => {
    let between = 0;
    for (let afterMs = 0; afterMs <= LAST_MS; afterMs += STEP_MS) {
      for (const end of ["kill", "crash"] as const) {
        if ((await run(1 + afterMs / STEP_MS, answer, afterMs, end)).between) between++;
      }
    }
    assert.ok(between > 0, "no end came between the dead letter and the end of its message");
  });
}
