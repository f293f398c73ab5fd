import assert from "node:assert/strict";
import { test } from "node:test";
import { HostClock, VirtualTime } from "./clock.js";

test("timers fire in the order of their time, then of their creation, at their time", async () => {
  const clock = new HostClock(new VirtualTime());
  const start = clock.monotonicMs();
  const fired: string[] = [];
  const at = (name: string) => () => fired.push(`${name} ${clock.monotonicMs() - start}`);
  clock.after(20, at("b"));
  clock.after(10, at("a"));
  clock.after(20, at("c"));
  clock.after(15, at("cancelled")).cancel();
  clock.after(-5, at("now"));
  clock.after(2 ** 33, at("far"));
  assert.deepEqual(fired, []);
  await clock.advance(19);
  assert.deepEqual(fired, ["now 0", "a 10"]);
  assert.equal(clock.monotonicMs() - start, 19);
  await clock.advance(1);
  assert.deepEqual(fired.slice(2), ["b 20", "c 20"]);
  await clock.advance(2 ** 33);
  assert.equal(fired.length, 5);
});

test("many timers, some cancelled, come out sorted", async () => {
  const clock = new HostClock(new VirtualTime());
  const fired: number[] = [];
  const timers = Array.from({ length: 1000 }, (_, i) => {
    const at = (i * 7919) % 1009;
    return { at, timer: clock.after(at, () => fired.push(at)) };
  });
  const kept = timers.filter(({ timer }, i) => {
    if (i % 5 === 0) return true;
    timer.cancel();
    timer.cancel();
    return false;
  });
  await clock.runUntilIdle();
  assert.deepEqual(
    fired,
    kept.map(({ at }) => at).sort((a, b) => a - b),
  );
});

test("promises and ends of turns go before the next timer", async () => {
  const clock = new HostClock(new VirtualTime());
  const order: string[] = [];
  clock.after(1, () => {
    order.push("first");
    clock.endOfTurn(() => order.push("end of turn"));
    void (async () => {
      for (let i = 0; i < 50; i++) await null;
      order.push("promises");
      process.nextTick(() => order.push("tick"));
    })();
  });
  clock.after(1, () => order.push("second"));
  await clock.advance(1);
  assert.deepEqual(order, ["first", "promises", "tick", "end of turn", "second"]);
});

test("a periodic timer fires every period until cancelled, also from inside itself", async () => {
  const clock = new HostClock(new VirtualTime());
  let count = 0;
  const timer = clock.every(10, () => {
    if (++count === 4) timer.cancel();
  });
  await clock.advance(35);
  assert.equal(count, 3);
  await clock.advance(100);
  assert.equal(count, 4);
});

test("runUntil stops as soon as its condition holds and rejects past its limit", async () => {
  const clock = new HostClock(new VirtualTime());
  let count = 0;
  clock.every(10, () => count++);
  await clock.runUntil(() => count === 3, 1000);
  assert.equal(clock.monotonicMs(), 30);
  await assert.rejects(
    clock.runUntil(() => count < 0, 100),
    { code: "SIM_LIMIT" },
  );
});

test("runUntilIdle disregards periodic timers, and settle gives a promise's outcome", async () => {
  const clock = new HostClock(new VirtualTime());
  clock.every(10, () => {});
  const sleep = (ms: number) => new Promise<void>((done) => clock.after(ms, done));
  let finished = false;
  void (async () => {
    await sleep(100);
    await sleep(200);
    finished = true;
  })();
  await clock.runUntilIdle();
  assert.equal(finished, true);
  assert.equal(clock.monotonicMs(), 300);
  assert.equal(await clock.settle(sleep(5).then(() => "value")), "value");
  await assert.rejects(clock.settle(sleep(5).then(() => Promise.reject(new Error("no")))), /no/);
  await assert.rejects(clock.settle(new Promise(() => {}), 50), { code: "SIM_LIMIT" });
});

test("an exception of a timer rejects the call that moved time; two calls at once are refused", async () => {
  const clock = new HostClock(new VirtualTime());
  clock.after(1, () => {
    throw new Error("timer");
  });
  await assert.rejects(clock.advance(5), /timer/);
  const first = clock.advance(5);
  await assert.rejects(clock.advance(5), { code: "SIM_BUSY" });
  await first;
});

test("wall-clock time is the virtual one, in exact nanoseconds, with the host's own error", async () => {
  const time = new VirtualTime();
  const clock = new HostClock(time);
  const other = new HostClock(time);
  other.skewMs = -60_000;
  await clock.advance(1.5);
  assert.equal(new Date(clock.nowMs()).toISOString(), "2025-01-01T00:00:00.001Z");
  assert.equal(clock.nowNs(), 1_735_689_600_001_500_000n);
  assert.equal(clock.nowNs() - other.nowNs(), 60_000_000_000n);
  assert.equal(other.monotonicMs(), clock.monotonicMs());
  assert.equal(clock.utcOffsetMinutes(), 0);
});

test("a crashed host's timers never fire; those it sets later do", async () => {
  const time = new VirtualTime();
  const clock = new HostClock(time);
  const fired: string[] = [];
  clock.after(10, () => fired.push("old"));
  clock.every(10, () => fired.push("old period"));
  clock.endOfTurn(() => fired.push("old turn"));
  clock.crash();
  clock.after(10, () => fired.push("new"));
  await clock.advance(100);
  assert.deepEqual(fired, ["new"]);
});

test("a frozen host's timers wait for the thaw, but those that are cancelled meanwhile", async () => {
  const clock = new HostClock(new VirtualTime());
  const fired: string[] = [];
  clock.after(10, () => {
    fired.push("first");
    late.cancel();
  });
  const late = clock.after(20, () => fired.push("cancelled by the first"));
  clock.every(15, () => fired.push("period"));
  clock.freeze();
  clock.endOfTurn(() => fired.push("turn"));
  clock.whenAwake(() => fired.push("woken"));
  await clock.advance(100);
  assert.equal(fired.join(), "");
  clock.thaw();
  clock.whenAwake(() => fired.push("awake"));
  await clock.advance(1);
  assert.deepEqual(fired, ["awake", "woken", "turn", "first", "period"]);
  await clock.advance(15);
  assert.equal(fired.pop(), "period");
});

test("timers are counted until they fire, are cancelled or end with their host", async () => {
  const clock = new HostClock(new VirtualTime());
  const timer = clock.after(10, () => {});
  const period = clock.every(10, () => {});
  clock.after(50, () => {});
  assert.equal(clock.pendingTimers, 3);
  await clock.advance(25);
  assert.equal(clock.pendingTimers, 2);
  timer.cancel();
  period.cancel();
  period.cancel();
  assert.equal(clock.pendingTimers, 1);
  clock.crash();
  assert.equal(clock.pendingTimers, 0);
});
