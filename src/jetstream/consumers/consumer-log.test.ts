// The log of a consumer on a simulated disk: what a turn changes is one record, and what was durable is there again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newMessage } from "../../../test/support/stream-model.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { type FileStorage, openStorage } from "../store/file-storage.js";
import { timesOf } from "../store/memory-store.js";
import type { StorageOptions } from "../store/storage-options.js";
import { durable, type Ticket } from "../store/store.js";
import { ConsumerLog } from "./consumer-log.js";
import { ConsumerState, Op } from "./consumer-state.js";
import { WholeStates } from "./whole-states.js";

/** An entry that somebody waits for; gives the ticket of its record. */
function add(log: ConsumerLog, ...entry: Entry): Ticket {
  log.gather(...entry);
  return log.commit();
}

type Entry = [op: number, sequence: number, consumerSequence: number, deliveries: number, atMs: number];

const KEY = "A/S/C";

function open(world: SimulatedRuntime, options: StorageOptions = {}): Promise<FileStorage> {
  return world.clock.settle(openStorage(world, "/store", options));
}

async function reopen(world: SimulatedRuntime, options?: StorageOptions, torn = false): Promise<FileStorage> {
  world.crash({ torn });
  world.restart();
  return open(world, options);
}

function stateOf(entries: readonly Entry[]): string {
  const state = new ConsumerState(true);
  for (const entry of entries) state.apply(...entry);
  return Buffer.from(state.encode()).toString("hex");
}

/** As a consumer that delivers on and on, with an acknowledgement for two of three messages. */
function entryAt(number: number): Entry {
  const sequence = Math.floor(number / 2) + 1;
  if (number % 2 === 0) return [Op.deliver, sequence, sequence, 1, 1000 + number];
  return sequence % 3 === 0 ? [Op.giveUp, sequence, 0, 0, 0] : [Op.ack, sequence, 0, 0, 0];
}

test("what changes in a turn is one record, durable as a whole", async () => {
  const world = simulatedRuntime({ seed: 1 });
  let storage = await open(world);
  const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
  const entries = Array.from({ length: 200 }, (_, number) => entryAt(number));
  const tickets = new Set(entries.map((entry) => add(log, ...entry)));
  assert.equal(tickets.size, 1);
  const [ticket] = tickets;
  assert.equal(storage.commits.durable < ticket, true);
  await world.clock.settle(durable(storage.commits, ticket));
  storage = await reopen(world);
  const { snapshot, entries: records } = storage.log(KEY).recover();
  assert.equal(snapshot, undefined);
  assert.equal(records.length, 1);
  const state = new ConsumerState(true);
  state.replay(records[0]);
  assert.equal(Buffer.from(state.encode()).toString("hex"), stateOf(entries));
});

test("a turn with very many changes is several records", async () => {
  const world = simulatedRuntime({ seed: 2 });
  let storage = await open(world);
  const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
  const entries = Array.from({ length: 5000 }, (_, number) => entryAt(number));
  let ticket = 0;
  for (const entry of entries) ticket = add(log, ...entry);
  await world.clock.settle(durable(storage.commits, ticket));
  storage = await reopen(world);
  const records = storage.log(KEY).recover().entries;
  assert.equal(records.length > 1 && records.every(({ length }) => length <= 64 * 1024), true);
  const state = new ConsumerState(true);
  for (const record of records) state.replay(record);
  assert.equal(Buffer.from(state.encode()).toString("hex"), stateOf(entries));
});

test("after a power cut it stands behind all that was durable, also with snapshots", async () => {
  let snapshots = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const world = simulatedRuntime({ seed });
    const { random } = world;
    const options: StorageOptions = { limits: { logBytes: 500, journalBytes: 4000, journalFiles: 4 } };
    let storage = await open(world, options);
    const entries: Entry[] = [];
    let state = new ConsumerState(true);
    let log = new ConsumerLog(storage.log(KEY), world.clock, state);
    log.recover();
    const countSnapshots = (): void => {
      const entryLog = storage.log(KEY);
      const { snapshotter } = entryLog;
      assert.ok(snapshotter);
      entryLog.snapshotter = () => {
        snapshots++;
        return snapshotter();
      };
    };
    countSnapshots();
    for (let life = 0; life < 4; life++) {
      const tickets: Ticket[] = [];
      const before = entries.length;
      for (let turn = 0; turn < 12; turn++) {
        for (let count = Math.floor(random.float() * 40); count > 0; count--) {
          const entry = entryAt(entries.length);
          entries.push(entry);
          state.apply(...entry);
          tickets.push(add(log, ...entry));
        }
        const last = tickets[tickets.length - 1];
        if (last !== undefined && random.float() < 0.8) await world.clock.settle(durable(storage.commits, last));
      }
      const { durable: upTo } = storage.commits;
      const confirmed = before + tickets.filter((ticket) => ticket <= upTo).length;
      storage = await reopen(world, options);
      state = new ConsumerState(true);
      log = new ConsumerLog(storage.log(KEY), world.clock, state);
      log.recover();
      countSnapshots();
      const found = Buffer.from(state.encode()).toString("hex");
      let length = confirmed;
      while (length < entries.length && stateOf(entries.slice(0, length)) !== found) length++;
      assert.equal(stateOf(entries.slice(0, length)), found, `seed ${seed}, life ${life}`);
      entries.length = length;
    }
  }
  assert.equal(snapshots > 60, true);
});

test("what is gathered ends with the log", async () => {
  const world = simulatedRuntime({ seed: 3 });
  const storage = await open(world);
  const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
  add(log, ...entryAt(0));
  const ticket = log.delete();
  await world.clock.settle(durable(storage.commits, ticket));
  const again = await reopen(world);
  assert.equal(again.logs.has(KEY), false);
  assert.deepEqual(again.problems, []);
});

test("what nobody waits for gathers for some milliseconds, and is durable with what somebody waits for", async () => {
  const world = simulatedRuntime({ seed: 4 });
  const storage = await open(world);
  const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
  const { commits } = storage;
  const before = add(log, ...entryAt(0));
  await world.clock.settle(durable(commits, before));
  for (let number = 1; number < 10; number++) log.gather(...entryAt(number));
  await world.clock.advance(10);
  assert.equal(commits.durable, before);
  await world.clock.advance(30);
  assert.equal(commits.durable > before, true);
  log.gather(...entryAt(10));
  const ticket = add(log, ...entryAt(11));
  assert.equal(log.commit(), ticket);
  await world.clock.settle(durable(commits, ticket));
  log.gather(...entryAt(12));
  log.close();
  await world.clock.settle(storage.close());
  const { entries } = (await reopen(world)).log(KEY).recover();
  assert.equal(entries.length, 4);
  const state = new ConsumerState(true);
  for (const entry of entries) state.replay(entry);
  assert.equal(
    Buffer.from(state.encode()).toString("hex"),
    stateOf(Array.from({ length: 13 }, (_, number) => entryAt(number))),
  );
});

test("messages that follow each other are one entry, whatever their number", async () => {
  const world = simulatedRuntime({ seed: 5 });
  const storage = await open(world);
  const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
  const entries: Entry[] = [];
  for (let sequence = 1; sequence <= 1000; sequence++) entries.push([Op.deliver, sequence, sequence, 1, 1000]);
  for (let sequence = 1; sequence <= 900; sequence++) entries.push([Op.ack, sequence, 0, 0, 0]);
  // Another time, another consumer sequence, another order: each begins anew.
  entries.push([Op.deliver, 1001, 1001, 1, 2000], [Op.deliver, 1002, 1003, 1, 2000], [Op.ack, 950, 0, 0, 0]);
  entries.push([Op.ack, 949, 0, 0, 0], [Op.deliver, 901, 1004, 2, 2000]);
  let ticket = 0;
  for (const entry of entries) ticket = add(log, ...entry);
  await world.clock.settle(durable(storage.commits, ticket));
  const [record] = (await reopen(world)).log(KEY).recover().entries;
  assert.equal(record.length < 300, true);
  const state = new ConsumerState(true);
  state.replay(record);
  assert.equal(Buffer.from(state.encode()).toString("hex"), stateOf(entries));
});

test("of a torn write a removal is never there without the acknowledgement that it follows from", async () => {
  const found = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const world = simulatedRuntime({ seed });
    let storage = await open(world);
    const store = storage.stream("A/S");
    const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
    let ticket = 0;
    for (let sequence = 1; sequence <= 200; sequence++) {
      store.append(newMessage("a", "", "x"), sequence, timesOf(1n));
      ticket = add(log, Op.deliver, sequence, sequence, 1, 0);
    }
    await world.clock.settle(durable(storage.commits, ticket));
    // With gaps, so that each needs room of its own.
    for (let sequence = 2; sequence <= 60 + 2 * seed; sequence += 3) {
      store.remove(sequence);
      add(log, Op.ack, sequence, 0, 0, 0);
    }
    await world.clock.advance(1);
    storage = await reopen(world, {}, true);
    const state = new ConsumerState(true);
    new ConsumerLog(storage.log(KEY), world.clock, state).recover();
    const isRemoved = storage.streams.get("A/S")?.has(2) === false;
    const isAcknowledged = !state.pending.has(2);
    assert.equal(isRemoved && !isAcknowledged, false, `seed ${seed}`);
    found.add(`${isRemoved} ${isAcknowledged}`);
  }
  assert.deepEqual([...found].sort(), ["false false", "false true", "true true"]);
});

test("on a full disk any number of entries may wait, and all are durable when there is room", async () => {
  const world = simulatedRuntime({ seed: 6 });
  let storage = await open(world);
  const state = new ConsumerState(true);
  const log = new ConsumerLog(storage.log(KEY), world.clock, state);
  const change = (...entry: Entry): void => {
    state.apply(...entry);
    log.gather(...entry);
  };
  // So many that the state is more than one record.
  for (let sequence = 1; sequence <= 5000; sequence++) change(Op.deliver, sequence, sequence, 1, 1000 + sequence);
  await world.clock.settle(durable(storage.commits, log.commit()));
  world.disk.fail({ operation: "write", code: "ENOSPC", times: Number.POSITIVE_INFINITY });
  change(Op.ack, 1, 0, 0, 0);
  await assert.rejects(world.clock.settle(durable(storage.commits, log.commit())), { code: "STORE_FULL" });
  const before = process.memoryUsage().arrayBuffers;
  for (let number = 0; number < 500_000; number++) {
    const sequence = 2 + (number % 4999);
    change(Op.deliver, sequence, 5001 + number, 2 + Math.floor(number / 4999), 10_000 + number);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  assert.throws(() => log.commit(), { code: "STORE_FULL" });
  world.disk.repair();
  await world.clock.runUntil(() => storage.failure === undefined);
  change(Op.ack, 2, 0, 0, 0);
  await world.clock.settle(durable(storage.commits, log.commit()));
  change(Op.ack, 4, 0, 0, 0);
  await world.clock.settle(durable(storage.commits, log.commit()));
  storage = await reopen(world);
  const after = new ConsumerState(true);
  new ConsumerLog(storage.log(KEY), world.clock, after).recover();
  assert.equal(Buffer.from(after.encode()).equals(state.encode()), true);
});

test("after its end it takes nothing, and asks the disk no more", async () => {
  for (const end of ["close", "delete"] as const) {
    const world = simulatedRuntime({ seed: 7 });
    const storage = await open(world);
    const log = new ConsumerLog(storage.log(KEY), world.clock, new ConsumerState(true));
    await world.clock.settle(durable(storage.commits, add(log, ...entryAt(0))));
    log[end]();
    await world.clock.settle(storage.close());
    const { pendingTimers } = world.clock;
    log.gather(...entryAt(1));
    log.commitWhenPossible();
    assert.throws(() => log.commit(), { code: "STORE_CLOSED" });
    assert.equal(world.clock.pendingTimers, pendingTimers, end);
  }
});

test("a flipped bit anywhere in its file costs no message that is not done", async () => {
  let repeated = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const world = simulatedRuntime({ seed });
    const { random } = world;
    const options: StorageOptions = {
      limits: { logBytes: 300 + random.below(5000), journalBytes: 2000, journalFiles: 2 },
    };
    let storage = await open(world, options);
    const store = storage.memoryStream("S");
    for (let sequence = 1; sequence <= 100; sequence++) store.append(newMessage("a", "", "x"), sequence, timesOf(1n));
    const state = new ConsumerState(true);
    const log = new ConsumerLog(storage.log(KEY), world.clock, state);
    log.recover();
    const change = async (...entry: Entry): Promise<void> => {
      state.apply(...entry);
      await world.clock.settle(durable(storage.commits, add(log, ...entry)));
    };
    await change(Op.reset, 1, 0, 0, 0);
    const waiting: number[] = [];
    for (let turn = 0, delivered = 0; turn < 100; turn++) {
      if (random.below(2) === 0) {
        waiting.push(++delivered);
        await change(Op.deliver, delivered, state.nextConsumer, 1, 1000 + turn);
      } else if (waiting.length > 0) {
        const [sequence = 0] = waiting.splice(random.below(waiting.length), 1);
        await change(Op.ack, sequence, 0, 0, 0);
      }
    }
    await world.clock.settle(storage.close());
    const [path = ""] = world.disk.listSync("/store/logs");
    world.disk.flipBits(`/store/logs/${path}`);
    storage = await reopen(world, options);
    const after = new ConsumerState(true);
    new ConsumerLog(storage.log(KEY), world.clock, after).recover()?.restore(store, undefined);
    for (let sequence = 1; sequence <= 100; sequence++) {
      if (state.needs(sequence)) assert.ok(after.needs(sequence), `seed ${seed}: ${sequence} never comes`);
      else if (after.needs(sequence)) repeated++;
    }
  }
  assert.ok(repeated > 0 && repeated < 150 * 4, `${repeated} come again`);
});

test("consumers that have waited for the disk write their states a few in a turn, and what is answered is in them", async () => {
  const world = simulatedRuntime({ seed: 9 });
  const storage = await open(world, { limits: { journalBytes: 64 * 1024 * 1024 } });
  const states = new WholeStates(world.clock);
  const logs = Array.from({ length: 100 }, (_, number) => {
    const state = new ConsumerState(true);
    const written = storage.log(`${KEY}${number}`);
    return { number, state, written, log: new ConsumerLog(written, world.clock, state, states) };
  });
  await world.clock.advance(10);
  world.disk.fail({ operation: "write", code: "ENOSPC", times: Number.POSITIVE_INFINITY });
  storage.log("other").append(Buffer.from("x"));
  await world.clock.advance(10);
  assert.equal(storage.failure?.code, "STORE_FULL");
  const put = ({ state, log }: (typeof logs)[number], ...entry: Entry): void => {
    state.apply(...entry);
    log.gather(...entry);
  };
  // Each has a state of 24 KB.
  for (const one of logs) for (let at = 1; at <= 1000; at++) put(one, Op.deliver, at * 2, at, 1, at);
  await world.clock.advance(300);
  const answered = new Set<number>();
  let turn = 0;
  const bytes = new Map<number, number>();
  for (const { written } of logs) {
    const { append } = written;
    written.append = (entry, urgent) => {
      const ticket = append.call(written, entry, urgent);
      bytes.set(turn, (bytes.get(turn) ?? 0) + entry.length);
      world.clock.endOfTurn(() => turn++);
      return ticket;
    };
  }
  world.disk.repair();
  storage.onFailure = (failure) => {
    if (failure !== undefined) return;
    for (const one of logs) {
      put(one, Op.ack, 2, 0, 0, 0);
      one.log.committed((ticket) => void durable(storage.commits, ticket).then(() => answered.add(one.number)));
    }
  };
  await world.clock.advance(6000);
  assert.equal(answered.size, logs.length);
  assert.ok(Math.max(...bytes.values()) < 300_000, `${Math.max(...bytes.values())} bytes in a turn`);
  assert.ok(bytes.size >= 9);
  const again = await reopen(world);
  for (const { number, state } of logs) {
    const found = new ConsumerState(true);
    new ConsumerLog(again.log(`${KEY}${number}`), world.clock, found).recover();
    assert.deepEqual(Buffer.from(found.encode()), Buffer.from(state.encode()));
  }
});
