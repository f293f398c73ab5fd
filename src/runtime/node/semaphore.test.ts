import assert from "node:assert/strict";
import { test } from "node:test";
import { Semaphore } from "./semaphore.js";

test("no more than the slots run at once, in order, and a failure frees its slot", async () => {
  const semaphore = new Semaphore(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const task = (index: number) => async () => {
    order.push(index);
    most = Math.max(most, ++running);
    await new Promise((done) => setImmediate(done));
    running--;
    if (index % 3 === 0) throw new Error(`task ${index}`);
    return index;
  };
  const results = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => semaphore.run(task(i))));
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(
    results.map((result) => (result.status === "fulfilled" ? result.value : String(result.reason.message))),
    ["task 0", 1, 2, "task 3", 4, 5, "task 6", 7, 8],
  );
  assert.equal(await semaphore.run(task(1)), 1);
});
