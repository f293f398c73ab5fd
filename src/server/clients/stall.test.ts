import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../runtime/clock.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { LONGEST_STALL_MS, SHORTEST_STALL_MS, STALL_PENDING_BYTES } from "../limits.js";
import { Stalls } from "./stall.js";

const MAX_PENDING = 8 * STALL_PENDING_BYTES;

interface FakeConnection {
  held: number;
  closed: boolean;
  pendingBytes: number;
  pauseReading(): void;
  resumeReading(): void;
}

/** Connections are stood in for by what stalls need of them. */
function stallsOf(clock: Clock) {
  return new Stalls(clock) as unknown as {
    consider(publisher: FakeConnection, subscriber: FakeConnection, pendingBytes: number, maxBytes: number): boolean;
    progressed(subscriber: FakeConnection, maxBytes: number): void;
  };
}

function connection(): FakeConnection {
  const self: FakeConnection = {
    held: 0,
    closed: false,
    pendingBytes: 0,
    pauseReading: () => void self.held++,
    resumeReading: () => void self.held--,
  };
  return self;
}

test("a publisher waits longer the fuller its subscriber is, and never for long", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const stalls = stallsOf(clock);
  const waits = async (pendingBytes: number): Promise<number> => {
    const [publisher, subscriber] = [connection(), connection()];
    const begun = clock.monotonicMs();
    if (!stalls.consider(publisher, subscriber, pendingBytes, MAX_PENDING)) return 0;
    assert.equal(publisher.held, 1);
    await clock.runUntil(() => publisher.held === 0, 1000);
    return clock.monotonicMs() - begun;
  };
  assert.equal(await waits(STALL_PENDING_BYTES), 0);
  const short = await waits(STALL_PENDING_BYTES + 1);
  const longer = await waits(MAX_PENDING / 2);
  const longest = await waits(MAX_PENDING);
  assert.ok(short >= SHORTEST_STALL_MS && short < longer && longer < longest, `${short} ${longer} ${longest}`);
  assert.ok(longest <= LONGEST_STALL_MS + 1);
});

test("asked again while it waits, a publisher is paused once; for two subscribers until both let it go", async () => {
  const { clock } = simulatedRuntime({ seed: 1 });
  const stalls = stallsOf(clock);
  const [publisher, one, two] = [connection(), connection(), connection()];
  assert.equal(stalls.consider(publisher, one, MAX_PENDING, MAX_PENDING), true);
  assert.equal(stalls.consider(publisher, one, MAX_PENDING, MAX_PENDING), false);
  stalls.consider(publisher, two, MAX_PENDING, MAX_PENDING);
  assert.equal(publisher.held, 2);
  one.pendingBytes = STALL_PENDING_BYTES;
  stalls.progressed(one, MAX_PENDING);
  assert.equal(publisher.held, 2, "it is still far behind");
  one.pendingBytes = 0;
  stalls.progressed(one, MAX_PENDING);
  assert.equal(publisher.held, 1);
  two.closed = true;
  two.pendingBytes = MAX_PENDING;
  stalls.progressed(two, MAX_PENDING);
  assert.equal(publisher.held, 0);
  await clock.advance(1000);
  assert.equal(publisher.held, 0, "no timer is left over");
});
