// Histories of streams, consumers and messages on the simulated disk: a short one is cut at every moment, long ones at random
// moments; with torn writes, full and failing disks, flipped bits. `NATSNODE_RUNS` is how many random runs there are of each.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { History, type Step } from "./simulation/jetstream-history.js";
import { filesBelow, Life } from "./support/jetstream-life.js";

const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 6);
/** How far the moments lie apart at which the short history is cut, and how often it is cut at each. */
const [EVERY_MS, TEARINGS] = process.env["NATSNODE_RUNS"] === undefined ? [1.5, 1] : [0.1, 4];
/** A write and its sync take less. */
const STEP_MS = 2.4;
const DURABLE_MS = 1000;
const RECOVERY_MS = 20_000;

/** Has everything once: what comes after something depends on it. */
const SHORT: readonly Step[] = [
  "createStream",
  "publish",
  "publish",
  "createConsumer",
  "pull",
  "publish",
  "updateStream",
  "ack",
  "pull",
  "updateConsumer",
  "ack",
  "remove",
  "deleteConsumer",
  "createConsumer",
  "publish",
  "pull",
  "ack",
  "deleteStream",
  "createStream",
  "publish",
  "createConsumer",
];

/** `changes`: how often streams and consumers are changed and deleted. */
function life(changes: number): fc.Arbitrary<Step[]> {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Step>("createStream", "createConsumer") },
    {
      weight: changes,
      arbitrary: fc.constantFrom<Step>("updateStream", "deleteStream", "updateConsumer", "deleteConsumer"),
    },
    { weight: 10, arbitrary: fc.constantFrom<Step>("publish", "publish", "pull", "ack", "ack") },
    { weight: 1, arbitrary: fc.constant<Step>("remove") },
  );
  return fc.array(step, { minLength: 5, maxLength: 60, size: "max" });
}

async function begin(seed: number): Promise<{ world: SimulatedRuntime; history: History }> {
  const world = simulatedRuntime({ seed });
  return { world, history: new History(world, await Life.begin(world)) };
}

async function cut(world: SimulatedRuntime, history: History, torn = true): Promise<Life> {
  world.crash({ torn });
  world.restart();
  const next = await Life.begin(world);
  history.use(next);
  return next;
}

async function live(world: SimulatedRuntime, history: History, steps: readonly Step[]): Promise<void> {
  for (const one of steps) {
    history.step(one);
    await history.pass(world.random.float() * 3);
  }
}

test("a short history that is cut at any moment", async () => {
  let cuts = 0;
  for (let tearing = 0; tearing < TEARINGS; tearing++) {
    for (let cutMs = EVERY_MS, isWhole = false; !isWhole; cutMs += EVERY_MS) {
      const world = simulatedRuntime({ seed: 1 });
      const history = new History(world, await Life.begin(world), ["A"]);
      const left = [...SHORT];
      for (let restMs = cutMs; restMs > 0.01; restMs -= STEP_MS) {
        const next = left.shift();
        isWhole = next === undefined;
        if (next === undefined) break;
        history.step(next);
        await history.pass(Math.min(STEP_MS, restMs));
      }
      for (let drawn = 0; drawn < tearing; drawn++) world.random.float();
      await cut(world, history);
      await history.check();
      cuts++;
    }
  }
  assert.ok(cuts >= 30, `${cuts} cuts`);
});

test("long histories that are cut at random moments", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(life(1), { minLength: 1, maxLength: 4 }),
    async (seed, lives) => {
      const { world, history } = await begin(seed);
      for (const steps of lives) {
        await live(world, history, steps);
        await cut(world, history);
        await history.check();
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
  assert.ok(History.compared > RUNS);
});

test("histories on a disk that fails or is full, and then recovers", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.constantFrom("ENOSPC", "EIO"),
    fc.constantFrom("write", "sync", "open", "syncDirectory"),
    fc.array(life(6), { minLength: 1, maxLength: 3 }),
    async (seed, code, operation, lives) => {
      const { world, history } = await begin(seed);
      history.mayBeFull = code === "ENOSPC";
      for (const steps of lives) {
        await live(world, history, steps.slice(0, 20));
        const times = world.random.below(2) === 0 ? Number.POSITIVE_INFINITY : 1 + world.random.below(10);
        world.disk.fail({ operation, code, skip: world.random.below(4), times, torn: true });
        await live(world, history, steps.slice(20));
        if (world.random.below(2) === 0) {
          world.disk.repair();
          await history.pass(RECOVERY_MS);
          // What is there now has to stay.
          await history.check();
          await history.pass(DURABLE_MS);
        }
        world.disk.repair();
        await cut(world, history);
        await history.check();
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
});

test("a flipped bit costs no stream and no consumer, and at most one message", async () => {
  const property = fc.asyncProperty(fc.nat(), life(1), async (seed, steps) => {
    const { world, history } = await begin(seed);
    await live(world, history, [...Array<Step>(4).fill("createStream"), ...steps]);
    await history.settle();
    // Damage of the last frame looks like a torn write: a message is all that it may cost.
    for (let frames = 0; frames < 4; frames++) {
      history.step("publish");
      await history.pass(STEP_MS * 2);
    }
    await history.settle();
    await history.pass(DURABLE_MS);
    world.crash();
    world.restart();
    const files = filesBelow(world, "/data/jetstream").filter(
      (path) => (world.disk.statSync(path)?.sizeBytes ?? 0) > 0,
    );
    world.disk.flipBits(files[world.random.below(files.length)] as string);
    history.use(await Life.begin(world));
    await history.check(true);
  });
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
});
