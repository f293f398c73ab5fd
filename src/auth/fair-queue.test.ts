import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue, LoginsBusyError, type Place } from "./fair-queue.js";

/** A queue whose tasks end when they are told to, and the order in which they began. */
class Desk {
  readonly began: string[] = [];
  readonly outcomes: string[] = [];
  readonly #queue: FairQueue;
  readonly #ends: (() => void)[] = [];

  constructor(parallel = 1, limits = { perSource: 100, total: 100 }) {
    this.#queue = new FairQueue(parallel, limits);
  }

  ask(source: string, name: string, id: string, more: Partial<Place> = {}): void {
    const task = (): Promise<string> => {
      this.began.push(id);
      return new Promise((resolve) => this.#ends.push(() => resolve(id)));
    };
    this.#queue.run({ source, name, ...more }, task).then(
      (result) => this.outcomes.push(`${id} ${result === undefined ? "gone" : "done"}`),
      (error: unknown) => this.outcomes.push(`${id} ${error instanceof LoginsBusyError ? error.code : String(error)}`),
    );
  }

  async end(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#ends.shift()?.();
      await settled();
    }
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("as many as may run begin at once, the others in their turn", async () => {
  const desk = new Desk(2);
  for (const id of ["1", "2", "3", "4"]) desk.ask("a", "u", id);
  assert.deepEqual(desk.began, ["1", "2"]);
  await desk.end(2);
  assert.deepEqual(desk.began, ["1", "2", "3", "4"]);
  await desk.end(2);
  assert.deepEqual(desk.outcomes, ["1 done", "2 done", "3 done", "4 done"]);
});

test("addresses take turns", async () => {
  const desk = new Desk();
  for (let i = 0; i < 5; i++) desk.ask("flood", "u", `f${i}`);
  desk.ask("b", "u", "b0");
  desk.ask("c", "u", "c0");
  desk.ask("b", "u", "b1");
  await desk.end(8);
  assert.deepEqual(desk.began, ["f0", "f1", "b0", "c0", "f2", "b1", "f3", "f4"]);
});

test("at one address the users that are asked for take turns", async () => {
  const desk = new Desk();
  for (let i = 0; i < 4; i++) desk.ask("proxy", "guessed", `g${i}`);
  desk.ask("proxy", "right", "r");
  desk.ask("other", "u", "o");
  await desk.end(6);
  assert.deepEqual(desk.began, ["g0", "g1", "o", "r", "g2", "g3"]);
});

test("when too many wait at one address, the latest of those that ask most gives up", async () => {
  const desk = new Desk(1, { perSource: 3, total: 100 });
  for (const id of ["0", "1", "2", "3", "4"]) desk.ask("a", "guessed", id);
  await settled();
  assert.deepEqual(desk.outcomes, ["4 LOGINS_BUSY"]);
  desk.ask("a", "right", "r");
  desk.ask("b", "u", "b");
  await settled();
  assert.deepEqual(desk.outcomes, ["4 LOGINS_BUSY", "3 LOGINS_BUSY"]);
  await desk.end(5);
  assert.deepEqual(desk.began, ["0", "1", "b", "r", "2"]);
});

test("when too many wait altogether, one of the address that asks most gives up", async () => {
  const desk = new Desk(1, { perSource: 100, total: 3 });
  for (const id of ["0", "1", "2"]) desk.ask("a", "u", id);
  desk.ask("b", "u", "b");
  desk.ask("c", "u", "c");
  await settled();
  assert.deepEqual(desk.outcomes, ["2 LOGINS_BUSY"]);
});

test("connected clients never give up, and those who have gone take no turn", async () => {
  const desk = new Desk(1, { perSource: 1, total: 1 });
  desk.ask("a", "u", "0");
  for (const id of ["1", "2", "3"]) desk.ask("a", "u", id, { isConnected: true });
  let isGone = false;
  desk.ask("b", "u", "b", { isConnected: true, isGone: () => isGone });
  isGone = true;
  await desk.end(4);
  assert.deepEqual(desk.began, ["0", "1", "2", "3"]);
  assert.deepEqual(desk.outcomes.sort(), ["0 done", "1 done", "2 done", "3 done", "b gone"]);
});

test("a task that fails frees its place", async () => {
  const queue = new FairQueue(1, { perSource: 1, total: 1 });
  const place = { source: "a", name: "u" };
  await assert.rejects(
    queue.run(place, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await queue.run(place, async () => 1), 1);
});
