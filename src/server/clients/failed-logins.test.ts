import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { FAILED_LOGINS } from "../limits.js";
import { FailedLogins } from "./failed-logins.js";

const { free, delaysMs, forgetMs, addresses, waiting } = FAILED_LOGINS;
const longestMs = Math.max(...delaysMs);

function world() {
  const { clock } = simulatedRuntime({ seed: 1 });
  const logins = new FailedLogins(clock);
  /** How long a refusal waits. */
  const delayOf = async (address: string): Promise<number> => {
    const startedAt = clock.monotonicMs();
    let endedAt = Number.NaN;
    logins.refuse(address, () => {
      endedAt = clock.monotonicMs();
    });
    await clock.advance(longestMs);
    return Math.round(endedAt - startedAt);
  };
  return { clock, logins, delayOf, refuseAtOnce: (address: string) => logins.refuse(address, () => {}) };
}

test("the first failures of an address are refused at once, the next ones later and later", async () => {
  const { refuseAtOnce, delayOf } = world();
  for (let i = 0; i < free; i++) assert.equal(refuseAtOnce("10.0.0.1"), undefined);
  assert.equal(await delayOf("10.0.0.2"), 0);
  const all: number[] = [];
  for (let i = 0; i < 8; i++) all.push(await delayOf("10.0.0.1"));
  assert.equal(all[0], delaysMs[0]);
  assert.deepEqual(
    all,
    all.toSorted((a, b) => a - b),
  );
  assert.equal(all.at(-1), longestMs);
});

test("failures are forgotten with time", async () => {
  const { clock, refuseAtOnce, delayOf } = world();
  for (let i = 0; i < free; i++) refuseAtOnce("10.0.0.1");
  await clock.advance(2 * forgetMs);
  assert.equal(await delayOf("10.0.0.1"), 0);
  for (let i = 0; i < 1000; i++) refuseAtOnce("10.0.0.1")?.cancel();
  await clock.advance((free + delaysMs.length) * forgetMs);
  for (let i = 0; i < free; i++) assert.equal(refuseAtOnce("10.0.0.1"), undefined);
});

test("addresses of one IPv6 network are one", async () => {
  const { refuseAtOnce, delayOf } = world();
  for (let i = 0; i < free; i++) refuseAtOnce(`2001:db8:0:7::${i.toString(16)}`);
  assert.equal(await delayOf("2001:db8:0:7:ffff::1"), delaysMs[0]);
  assert.equal(await delayOf("2001:db8:0:8::1"), 0);
});

test("what waits can be called off, once", async () => {
  const { clock, logins, refuseAtOnce } = world();
  for (let i = 0; i < free; i++) refuseAtOnce("a");
  let refused = 0;
  const pending = Array.from({ length: waiting }, () => logins.refuse("a", () => refused++));
  for (const one of [0, 0, 1, 1]) pending[one]?.cancel();
  assert.equal(refused, 0);
  // Two more may wait, a third is refused at once.
  for (let i = 0; i < 3; i++) logins.refuse("a", () => refused++);
  assert.equal(refused, 1);
  await clock.advance(longestMs);
  assert.equal(refused, 1 + waiting);
});

test("only the latest addresses are remembered", async () => {
  const { refuseAtOnce, delayOf } = world();
  for (let i = 0; i < free; i++) refuseAtOnce("first");
  for (let i = 0; i < free; i++) refuseAtOnce("second");
  for (let i = 0; i < addresses - 1; i++) refuseAtOnce(`address ${i}`);
  assert.equal(await delayOf("first"), 0);
  for (let i = 0; i < free; i++) refuseAtOnce("third");
  assert.equal(await delayOf("third"), delaysMs[0]);
});
