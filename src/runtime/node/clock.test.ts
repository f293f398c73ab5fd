import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NodeClock, WallClock } from "./clock.js";

test("wall-clock time has a fraction, agrees with Date and never goes back", () => {
  const clock = new NodeClock();
  let last = 0n;
  let fractions = 0;
  for (let i = 0; i < 20_000; i++) {
    const before = Date.now();
    const ns = clock.nowNs();
    const after = Date.now();
    assert.ok(ns / 1_000_000n >= BigInt(before) && ns / 1_000_000n <= BigInt(after), `${before} ${ns} ${after}`);
    assert.ok(ns >= last);
    last = ns;
    if (ns % 1_000_000n !== 0n) fractions++;
  }
  assert.ok(fractions > 10_000);
  const ms = clock.nowMs();
  assert.ok(Math.abs(ms - Date.now()) < 50);
});

test("wall-clock time follows a Date that steps, forwards and back", () => {
  let date = 1_000_000;
  let steady = 0;
  const clock = new WallClock(
    () => date,
    () => steady,
    1_000_000.25,
  );
  assert.equal(clock.nowNs(), 1_000_000_250_000n);
  date += 5;
  steady += 5.25;
  assert.equal(clock.nowNs(), 1_000_005_500_000n);
  date += 3_600_000;
  assert.equal(clock.nowNs(), 4_600_005_000_000n);
  date += 1;
  steady += 1.25;
  assert.equal(clock.nowNs(), 4_600_006_250_000n);
  date -= 4_000_000;
  assert.equal(clock.nowNs(), 600_006_999_999n);
  date += 1;
  steady += 0.5;
  assert.equal(clock.nowMs().toFixed(6), "600007.499999");
});

test("timers fire once, not early, in order, and not when cancelled", async () => {
  const clock = new NodeClock();
  const fired: string[] = [];
  const start = clock.monotonicMs();
  clock.after(5, () => fired.push("cancelled")).cancel();
  clock.after(5, () => fired.push("first"));
  // Unreferenced timers alone would not keep this test waiting.
  const alive = setInterval(() => {}, 1000);
  await new Promise<void>((done) => clock.after(20, done));
  clearInterval(alive);
  assert.deepEqual(fired, ["first"]);
  assert.ok(clock.monotonicMs() - start >= 19);
});

test("a delay beyond 2^31 ms does not fire at once", async () => {
  const clock = new NodeClock();
  let fired = false;
  const timers = [clock.after(2 ** 31 + 5, () => (fired = true)), clock.every(2 ** 33, () => (fired = true))];
  const alive = setInterval(() => {}, 1000);
  await new Promise<void>((done) => clock.after(20, done));
  clearInterval(alive);
  for (const timer of timers) timer.cancel();
  assert.equal(fired, false);
});

test("a delay beyond 2^31 ms fires when all of it has passed", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = new NodeClock();
  let fired = 0;
  clock.after(2 ** 31 + 1000, () => fired++);
  t.mock.timers.tick(2 ** 31 - 1);
  assert.equal(fired, 0);
  t.mock.timers.tick(1000);
  assert.equal(fired, 0);
  t.mock.timers.tick(1);
  assert.equal(fired, 1);
});

test("a periodic timer goes on until cancelled, also from inside itself", async () => {
  const clock = new NodeClock();
  const alive = setInterval(() => {}, 1000);
  let count = 0;
  await new Promise<void>((done) => {
    const timer = clock.every(3, () => {
      if (++count === 3) {
        timer.cancel();
        clock.after(15, done);
      }
    });
  });
  clearInterval(alive);
  assert.equal(count, 3);
});

test("the end of a turn comes after promises, and timers do not keep the process alive", async () => {
  const clock = new NodeClock();
  const order: string[] = [];
  await new Promise<void>((done) => {
    clock.endOfTurn(() => {
      order.push("end of turn");
      done();
    });
    void Promise.resolve().then(() => order.push("promise"));
  });
  assert.deepEqual(order, ["promise", "end of turn"]);

  const module = fileURLToPath(new URL("./clock.js", import.meta.url));
  const script = `import { NodeClock } from ${JSON.stringify(module)}; const c = new NodeClock(); c.after(60000, () => {}); c.every(60000, () => {});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});

test("the offset from UTC is Date's", () => {
  const clock = new NodeClock();
  assert.equal(clock.utcOffsetMinutes(0) + new Date(0).getTimezoneOffset(), 0);
});
