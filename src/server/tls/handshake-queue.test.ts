import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDSHAKES_PER_TURN } from "../limits.js";
import { HandshakeQueue } from "./handshake-queue.js";

/** Ends turns when it is told to. */
class Turns {
  #runs: (() => void)[] = [];
  endOfTurn(run: () => void): void {
    this.#runs.push(run);
  }
  async end(): Promise<void> {
    for (const run of this.#runs.splice(0)) run();
    await new Promise((resolve) => setImmediate(resolve));
  }
  get idle(): boolean {
    return this.#runs.length === 0;
  }
}

test("a few begin in each turn, in order", async () => {
  const turns = new Turns();
  const queue = new HandshakeQueue(turns);
  const begun: number[] = [];
  const count = 3 * HANDSHAKES_PER_TURN + 1;
  for (let i = 0; i < count; i++) void queue.turn().then(() => begun.push(i));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(begun.length, HANDSHAKES_PER_TURN);
  assert.equal(queue.length, 2 * HANDSHAKES_PER_TURN + 1);
  await turns.end();
  assert.equal(begun.length, 2 * HANDSHAKES_PER_TURN);
  void queue.turn().then(() => begun.push(count));
  await turns.end();
  await turns.end();
  assert.deepEqual(
    begun,
    Array.from({ length: count + 1 }, (_, i) => i),
  );
  await turns.end();
  assert.equal(turns.idle, true);
});

test("a new turn begins anew", async () => {
  const turns = new Turns();
  const queue = new HandshakeQueue(turns);
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < HANDSHAKES_PER_TURN; i++) void queue.turn();
    assert.equal(queue.length, 0);
    await turns.end();
  }
});
