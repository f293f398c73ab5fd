// Random operations on a stream and its consumers, with restarts and power cuts in between, against a model that is obviously
// right. `NATSNODE_RUNS` is how many runs there are; a run that fails prints its seed, and what is left of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import type { Operation } from "./simulation/jetstream-operations.js";
import { JetStreamRun } from "./simulation/jetstream-run.js";

const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 30);
const OPERATIONS = 60;
const SUBJECTS = ["s.1", "s.2", "s.3"] as const;
const PATTERNS = [...SUBJECTS, "s.*", "s.>"] as const;
const NAMES = ["A", "B"] as const;

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>): { weight: number; arbitrary: fc.Arbitrary<T> } => ({
  weight,
  arbitrary,
});
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof(often(12, fc.constant(undefined)), often(1, arbitrary));
const place = fc.double({ min: 0, max: 1.2, noNaN: true });

const settings = fc.record({
  storage: fc.constantFrom("file" as const, "file", "file", "memory"),
  retention: fc.constantFrom("limits" as const, "limits", "interest", "workqueue"),
  discard: fc.constantFrom("old" as const, "old", "new"),
  maxMessages: fc.constantFrom(-1, -1, 3, 6),
  maxBytes: fc.constantFrom(-1, -1, 400),
  maxPerSubject: fc.constantFrom(-1, -1, 1, 3),
  lifetime: fc.constantFrom("none" as const, "age", "ttl"),
  rollup: fc.boolean(),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  often(
    30,
    fc.record({
      kind: fc.constant("publish" as const),
      subject: fc.constantFrom(...SUBJECTS),
      bytes: fc.nat(60),
      id: maybe(fc.constantFrom("x", "y")),
      // How far from what is right.
      last: maybe(fc.constantFrom(0, 0, 1)),
      lastOfSubject: maybe(fc.constantFrom(0, 0, 1)),
      rollup: maybe(fc.constantFrom("sub" as const, "all")),
      ttlS: maybe(fc.constantFrom(1000, 2050)),
    }),
  ),
  often(4, fc.record({ kind: fc.constant("delete" as const), place, erase: fc.boolean() })),
  often(
    1,
    fc.record({
      kind: fc.constant("purge" as const),
      filter: maybe(fc.constantFrom(...PATTERNS)),
      place: maybe(place),
      keep: fc.constantFrom(0, 0, 1, 2),
    }),
  ),
  often(2, fc.record({ kind: fc.constant("get" as const), subject: fc.constantFrom(...PATTERNS), place })),
  often(1, fc.record({ kind: fc.constant("update" as const), settings })),
  often(
    8,
    fc.record({
      kind: fc.constant("addConsumer" as const),
      name: fc.constantFrom(...NAMES),
      filter: fc.constantFrom("", "", ...SUBJECTS, "s.*"),
      ackPolicy: fc.constantFrom("explicit" as const, "explicit", "all", "none"),
      maxDeliver: fc.constantFrom(-1, -1, 2),
      ackWaitsS: fc.constantFrom([1000], [2050], [1000, 2050]),
      isPush: fc.constant(false),
    }),
  ),
  often(
    2,
    fc.record({
      kind: fc.constant("addConsumer" as const),
      name: fc.constantFrom(...NAMES),
      filter: fc.constantFrom("", ...SUBJECTS),
      ackPolicy: fc.constantFrom("explicit" as const, "all"),
      maxDeliver: fc.constant(1),
      ackWaitsS: fc.constantFrom([1000], [2050]),
      isPush: fc.constant(false),
    }),
  ),
  often(
    3,
    fc.record({
      kind: fc.constant("addConsumer" as const),
      name: fc.constantFrom(...NAMES),
      filter: fc.constantFrom("", ...SUBJECTS),
      ackPolicy: fc.constantFrom("explicit" as const, "all", "none"),
      maxDeliver: fc.constantFrom(1, 2, 3),
      // Such that what it delivers again by itself comes at no time of something else.
      ackWaitsS: fc.constantFrom([1040], [1040], [10_000_000]),
      isPush: fc.constant(true),
    }),
  ),
  often(1, fc.record({ kind: fc.constant("deleteConsumer" as const), name: fc.constantFrom(...NAMES) })),
  often(
    24,
    fc.record({
      kind: fc.constant("pull" as const),
      name: fc.constantFrom(...NAMES),
      batch: fc.integer({ min: 1, max: 4 }),
    }),
  ),
  often(
    24,
    fc.record({
      kind: fc.constant("answer" as const),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      payload: fc.constantFrom("+ACK" as const, "+ACK", "-NAK", "+TERM"),
      delayS: fc.constantFrom(0, 0, 750),
    }),
  ),
  often(3, fc.record({ kind: fc.constant("pass" as const), seconds: fc.constantFrom(600, 1300) })),
  often(3, fc.record({ kind: fc.constant("restart" as const), orderly: fc.boolean() })),
  often(1, fc.record({ kind: fc.constant("recreate" as const), settings })),
);

test("a stream and its consumers do what a simple model does", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    settings,
    fc.noBias(fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS })),
    async (seed, first, operations) => {
      const run = await JetStreamRun.begin(simulatedRuntime({ seed }), first);
      for (const one of operations) await run.step(one);
      await run.compareContents();
    },
  );
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
  assert.ok(JetStreamRun.delivered > RUNS, `only ${JetStreamRun.delivered} messages were delivered`);
});
