// A stream that is obviously right, and random operations that are done to it and to a store alike.
import assert from "node:assert/strict";
import fc from "fast-check";
import { timesOf } from "../../src/jetstream/store/memory-store.js";
import { NEVER_EXPIRES, type NewMessage, type StreamStore } from "../../src/jetstream/store/store.js";
import { subjectMatches } from "../../src/subjects/validity.js";

export interface ModelMessage {
  subject: string;
  header: string;
  payload: string;
  ns: bigint;
  expiresMs: number;
}

export type Operation =
  | { kind: "append"; subject: string; size: number; header: boolean; gap: number; ttl: number }
  | { kind: "remove" | "erase" | "compact" | "truncate"; at: number }
  | { kind: "removeSome"; every: number }
  | { kind: "purge"; pattern: string; keep: number; at: number };

const SUBJECTS = ["a", "a.b", "a.c", "a.b.c", "x.y", "x.z.1", "x.z.2", "x"];
const PATTERNS = [">", "a", "a.*", "a.>", "*.z.*", "x.y", "nothing", "*", "*.*"];

const at = fc.double({ min: 0, max: 1.1, noNaN: true });

/** An operation; `at` is a place between the first and the last sequence (1: the last). */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      subject: fc.constantFrom(...SUBJECTS),
      size: fc.oneof({ weight: 8, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(3000) }),
      header: fc.boolean(),
      gap: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3000) }),
      ttl: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constant(NEVER_EXPIRES) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 1000 }) },
      ),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("remove" as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("erase" as const, "compact", "truncate"), at }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("removeSome" as const), every: fc.integer({ min: 2, max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      pattern: fc.constantFrom(...PATTERNS),
      keep: fc.nat(3),
      at: fc.oneof(fc.constant(0), at),
    }),
  },
);

/** A message as a store takes it. */
export function newMessage(subject: string, header: string, payload: string): NewMessage {
  const body = Buffer.from(header + payload, "latin1");
  const subjectBytes = Buffer.from(subject, "latin1");
  return { subject, subjectBytes, body, start: 0, end: body.length, headerBytes: header.length };
}

export class StreamModel {
  readonly messages = new Map<number, ModelMessage>();
  last = 0;
  lastNs = 0n;
  private clock = 1_700_000_000_000_000_000n;

  private sorted(): number[] {
    return [...this.messages.keys()].sort((a, b) => a - b);
  }

  private place(at: number): number {
    const first = this.sorted()[0] ?? this.last;
    return Math.max(1, Math.floor(first + (this.last - first) * at));
  }

  /** Does the operation to both and compares what is told about it. */
  async run(operation: Operation, store: StreamStore): Promise<void> {
    switch (operation.kind) {
      case "append":
        this.append(operation, store);
        return;
      case "remove": {
        const sequence = this.place(operation.at);
        assert.equal(store.remove(sequence) !== undefined, this.messages.delete(sequence));
        return;
      }
      case "erase": {
        const sequence = this.place(operation.at);
        assert.equal(await store.erase(sequence), this.messages.delete(sequence));
        return;
      }
      case "removeSome": {
        const some = this.sorted().filter((_, i) => i % operation.every === 0);
        assert.equal(store.removeAll([...some, this.last + 10]).removed, some.length);
        for (const sequence of some) this.messages.delete(sequence);
        return;
      }
      case "compact": {
        const below = this.place(operation.at) + (operation.at > 1 ? 1 : 0);
        const gone = this.sorted().filter((sequence) => sequence < below);
        assert.equal(store.compact(below).removed, gone.length);
        for (const sequence of gone) this.messages.delete(sequence);
        this.last = Math.max(this.last, below - 1);
        return;
      }
      case "truncate": {
        const upTo = this.place(operation.at);
        const gone = this.sorted().filter((sequence) => sequence > upTo);
        assert.equal(store.truncate(upTo).removed, gone.length);
        for (const sequence of gone) this.messages.delete(sequence);
        if (upTo < this.last) this.lastNs = store.state.lastTimeNs;
        this.last = Math.min(this.last, upTo);
        return;
      }
      case "purge": {
        const below = operation.at === 0 ? undefined : this.place(operation.at);
        const filter = store.filter([operation.pattern]);
        const matching = this.matching(operation.pattern).filter((s) => below === undefined || s < below);
        const keep = below === undefined ? operation.keep : 0;
        const gone = matching.slice(0, Math.max(0, matching.length - keep));
        assert.equal(store.purge({ filter, below, keep }).removed, gone.length);
        for (const sequence of gone) this.messages.delete(sequence);
        filter.release();
      }
    }
  }

  private append(operation: Operation & { kind: "append" }, store: StreamStore): void {
    const sequence = this.last + 1 + operation.gap;
    const header = operation.header ? "NATS/1.0\r\nA: b\r\n\r\n" : "";
    const payload = String(sequence).padEnd(operation.size, "~");
    this.clock += 1_500_000_000n;
    const times = timesOf(this.clock, operation.ttl);
    store.append(newMessage(operation.subject, header, payload), sequence, times);
    const { subject } = operation;
    this.messages.set(sequence, { subject, header, payload, ns: this.clock, expiresMs: times.expiresMs });
    this.last = sequence;
    this.lastNs = this.clock;
  }

  private matching(pattern: string): number[] {
    return this.sorted().filter((sequence) => subjectMatches(this.messages.get(sequence)!.subject, pattern));
  }

  /** Compares everything that the store tells with the model. */
  async check(store: StreamStore): Promise<void> {
    const sorted = this.sorted();
    const { state } = store;
    assert.equal(state.messages, sorted.length);
    assert.equal(state.lastSequence, this.last);
    // 1 of a stream that was purged before it held anything.
    const isUnused = this.last === 0 && state.firstSequence === 0;
    assert.equal(state.firstSequence, sorted[0] ?? (isUnused ? 0 : this.last + 1));
    assert.equal(state.deleted, sorted.length === 0 ? 0 : this.last - sorted[0] + 1 - sorted.length);
    assert.equal(state.firstTimeNs, sorted.length === 0 ? 0n : this.messages.get(sorted[0])!.ns);
    assert.equal(state.lastTimeNs, this.lastNs);
    let bytes = 0;
    for (const sequence of sorted) {
      const { subject, header, payload, ns, expiresMs } = this.messages.get(sequence)!;
      const size =
        store.storage === "memory"
          ? 16 + subject.length + header.length + payload.length
          : 30 + subject.length + header.length + payload.length + (header === "" ? 0 : 4);
      bytes += size;
      assert.equal(store.sizeAt(sequence), size);
      assert.equal(store.subjectAt(sequence), subject);
      assert.equal(store.timeNsAt(sequence), ns);
      const loaded = await store.load(sequence);
      assert.ok(loaded, `message ${sequence} is there`);
      assert.equal(loaded.sequence, sequence);
      assert.equal(loaded.subject, subject);
      assert.equal(loaded.header.toString("latin1"), header);
      assert.equal(loaded.payload.toString("latin1"), payload);
      assert.equal(loaded.expiresMs, expiresMs);
      assert.equal(loaded.body.toString("latin1", loaded.end, loaded.end + 2), "\r\n");
    }
    assert.equal(state.bytes, bytes);
    const gaps: [number, number][] = [];
    for (let i = 0; i < sorted.length; i++) {
      const next = sorted[i + 1] ?? this.last + 1;
      if (next > sorted[i] + 1) gaps.push([sorted[i] + 1, next - 1]);
    }
    assert.deepEqual([...store.deletedRanges()], gaps);
    this.checkFilters(store, sorted);
    this.checkHeaders(store, sorted);
    this.checkTimes(store, sorted);
  }

  private checkHeaders(store: StreamStore, sorted: number[]): void {
    const found: number[] = [];
    for (let at = store.nextWithHeaders(1); at !== 0; at = store.nextWithHeaders(at + 1)) found.push(at);
    assert.deepEqual(
      found,
      sorted.filter((sequence) => this.messages.get(sequence)!.header !== ""),
    );
  }

  private checkFilters(store: StreamStore, sorted: number[]): void {
    const byName = (a: { subject: string }, b: { subject: string }): number => (a.subject < b.subject ? -1 : 1);
    for (const pattern of [undefined, ...PATTERNS]) {
      const matching = pattern === undefined ? sorted : this.matching(pattern);
      const filter = pattern === undefined ? undefined : store.filter([pattern]);
      const from = [1, this.last, this.place(0.3), this.place(0.6), ...matching.map((s) => s + 1).slice(0, 20)];
      for (const start of from) {
        assert.equal(store.next(start, filter), matching.find((s) => s >= start) ?? 0, `next ${start} ${pattern}`);
        assert.equal(store.previous(start, filter), matching.findLast((s) => s <= start) ?? 0, `previous ${start}`);
        assert.equal(store.pending(start, filter), matching.filter((s) => s >= start).length, `pending ${start}`);
      }
      const totals = new Map<
        string,
        { subject: string; messages: number; firstSequence: number; lastSequence: number }
      >();
      for (const sequence of matching) {
        const { subject } = this.messages.get(sequence)!;
        const known = totals.get(subject) ?? { subject, messages: 0, firstSequence: sequence, lastSequence: 0 };
        totals.set(subject, { ...known, messages: known.messages + 1, lastSequence: sequence });
      }
      assert.deepEqual([...store.totals(filter)].sort(byName), [...totals.values()].sort(byName));
      if (filter === undefined) {
        assert.equal(store.state.subjects, totals.size);
        continue;
      }
      const upTo = this.place(0.7);
      const last = new Map(matching.filter((s) => s <= upTo).map((s) => [this.messages.get(s)!.subject, s]));
      assert.deepEqual(
        store.lastPerSubject(filter, upTo),
        [...last.values()].sort((a, b) => a - b),
      );
      filter.release();
    }
  }

  private checkTimes(store: StreamStore, sorted: number[]): void {
    const middle = this.messages.get(sorted[sorted.length >> 1])?.ns ?? this.clock;
    assert.equal(store.firstSince(middle), sorted.find((s) => this.messages.get(s)!.ns >= middle) ?? 0);
    assert.equal(store.firstSince(this.clock + 1n), 0);
    assert.deepEqual(
      store.storedBefore(middle, 1000),
      sorted.filter((s) => this.messages.get(s)!.ns < middle && this.messages.get(s)!.expiresMs !== NEVER_EXPIRES),
    );
    const ends = sorted.filter((s) => this.messages.get(s)!.expiresMs > 0);
    const soonest = Math.min(...ends.map((s) => this.messages.get(s)!.expiresMs));
    assert.equal(store.nextExpiryMs, ends.length === 0 ? 0 : soonest);
    const expired = store.expired(soonest + 3000, 1000);
    assert.deepEqual(
      expired.toSorted((a, b) => a - b),
      ends.filter((s) => this.messages.get(s)!.expiresMs <= soonest + 3000),
    );
  }
}
