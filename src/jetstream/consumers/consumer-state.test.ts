import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsumerState, Op } from "./consumer-state.js";

const floorOf = ({ floorConsumer, floorStream }: ConsumerState): [number, number] => [floorConsumer, floorStream];

function delivered(count: number): ConsumerState {
  const state = new ConsumerState(true);
  for (let at = 1; at <= count; at++) state.apply(Op.deliver, at, at, 1, 1000);
  return state;
}

test("the floor moves when what lies below it is acknowledged", () => {
  const state = delivered(4);
  state.apply(Op.ack, 3);
  assert.deepEqual(floorOf(state), [0, 0]);
  state.apply(Op.ack, 1);
  assert.deepEqual(floorOf(state), [1, 1]);
  state.apply(Op.ack, 2);
  assert.deepEqual(floorOf(state), [3, 3]);
  state.apply(Op.ack, 4);
  assert.deepEqual(floorOf(state), [4, 4]);
  assert.equal(state.pending.size, 0);
});

test("a message that is delivered again keeps its first consumer sequence for the floor", () => {
  const state = delivered(2);
  state.apply(Op.deliver, 1, 3, 2, 2000);
  assert.equal(state.redelivered, 1);
  assert.equal(state.nextConsumer, 4);
  state.apply(Op.ack, 1);
  assert.deepEqual(floorOf(state), [1, 1]);
  assert.equal(state.redelivered, 0);
});

test("one acknowledgement of all stands for those before it", () => {
  const state = delivered(5);
  state.apply(Op.ackAll, 3, 3);
  assert.deepEqual(state.pending.upTo(9), [4, 5]);
  assert.deepEqual(floorOf(state), [3, 3]);
});

test("without acknowledgements the floor is where delivery is", () => {
  const state = new ConsumerState(false);
  state.apply(Op.deliver, 7, 1, 1, 0);
  assert.deepEqual(floorOf(state), [1, 7]);
  assert.equal(state.needs(7), false);
  assert.equal(state.needs(8), true);
});

test("a snapshot and the entries after it make the same state", () => {
  const entries: Parameters<ConsumerState["apply"]>[] = [
    [Op.reset, 3],
    [Op.deliver, 3, 1, 1, 10],
    [Op.deliver, 4, 2, 1, 11],
    [Op.deliver, 3, 3, 2, 12],
    [Op.ack, 4],
    [Op.deliver, 6, 4, 1, 13],
    [Op.giveUp, 3],
  ];
  const whole = new ConsumerState(true);
  for (const entry of entries) whole.apply(...entry);
  for (let cut = 0; cut <= entries.length; cut++) {
    const before = new ConsumerState(true);
    for (const entry of entries.slice(0, cut)) before.apply(...entry);
    const after = new ConsumerState(true);
    after.restore(Buffer.from(before.encode()));
    for (const entry of entries.slice(cut)) after.apply(...entry);
    assert.deepEqual(after.encode(), whole.encode());
  }
});

test("a restored consumer goes on where it stood, with what was due there", () => {
  const state = new ConsumerState(true);
  state.apply(Op.deliver, 4, 2, 3, 1000);
  state.apply(Op.place, 8, 6, 3, 1);
  assert.deepEqual(floorOf(state), [1, 3]);
  assert.deepEqual([state.nextStream, state.deliveredStream, state.nextConsumer], [8, 7, 6]);
  assert.equal(state.deliveryCount(4), 3);
  state.apply(Op.ack, 4);
  assert.deepEqual(floorOf(state), [5, 7]);
});
