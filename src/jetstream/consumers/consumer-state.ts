// Where a consumer stands: what it has delivered, what is acknowledged, what is due to be acknowledged. Changes are entries,
// applied by a pure function (rule 10); the same entries make the same state after a restart.
import { PendingAcks } from "./pending-acks.js";

export const Op = {
  /** stream sequence, consumer sequence, deliveries so far, time */
  deliver: 1,
  /** stream sequence */
  ack: 2,
  /** stream sequence, consumer sequence: everything up to there */
  ackAll: 3,
  /** stream sequence that comes next */
  skip: 4,
  /** stream sequence that comes next, with everything else forgotten */
  reset: 5,
  /** stream sequence: it will not be delivered again, and stays unacknowledged */
  giveUp: 6,
  /** stream sequence that comes next: nothing before it matched */
  pass: 7,
  /** stream sequence that comes next: what was before it was purged */
  purge: 8,
  /** stream sequence that comes next, consumer sequence that comes next, floor of both: where a restored consumer stood */
  place: 9,
  /** stream sequence, consumer sequence, how many, time: first deliveries with one sequence after the other */
  deliverRange: 10,
  /** stream sequence, last stream sequence: each of them */
  ackRange: 11,
  /** number of the part, how many there are, values: a part of a state as `encode` gives it, alone in its record */
  part: 12,
} as const;

/** A value is a double, little-endian. */
export const VALUE_BYTES = 8;
/** How many values follow each operation. */
export const VALUES_OF: readonly number[] = [0, 4, 1, 2, 1, 1, 1, 1, 1, 4, 4, 2];

const PART_BYTES = 64 * 1024;

export class ConsumerState {
  /** The stream sequence at which the search for the next message begins. */
  nextStream = 1;
  /** The highest stream sequence that was delivered; before the first, the one before the beginning. */
  deliveredStream = 0;
  /** The consumer sequence of the next delivery. */
  nextConsumer = 1;
  floorStream = 0;
  floorConsumer = 0;
  readonly pending = new PendingAcks();
  /** How often messages were delivered, if more than once. */
  readonly deliveries = new Map<number, number>();
  readonly #tracks: boolean;
  #parts: Buffer[] = [];

  /** @param tracks whether deliveries wait for acknowledgements */
  constructor(tracks: boolean) {
    this.#tracks = tracks;
  }

  /** How often a message was delivered. */
  deliveryCount(sequence: number): number {
    return this.deliveries.get(sequence) ?? (this.pending.has(sequence) ? 1 : 0);
  }

  /** Messages that were delivered more than once and are not acknowledged. */
  get redelivered(): number {
    return this.deliveries.size;
  }

  /** Whether a message is still to be delivered or acknowledged. */
  needs(sequence: number): boolean {
    return sequence >= this.nextStream || this.pending.has(sequence);
  }

  /** Applies an entry: an operation of `Op` and as many values as it has. */
  apply(op: number, sequence: number, consumerSequence = 0, deliveries = 0, atMs = 0): void {
    switch (op) {
      case Op.deliver:
        this.#deliver(sequence, consumerSequence, deliveries, atMs);
        break;
      case Op.ack:
        this.#ack(sequence);
        break;
      case Op.ackAll:
        this.#ackAll(sequence, consumerSequence);
        break;
      case Op.skip:
        this.nextStream = Math.max(this.nextStream, sequence);
        if (this.pending.size === 0) this.#floorAtEnd();
        break;
      case Op.reset:
        this.pending.clear();
        this.deliveries.clear();
        this.nextStream = sequence;
        this.deliveredStream = sequence - 1;
        this.nextConsumer = 1;
        this.#floorAtEnd();
        break;
      case Op.purge:
        this.nextStream = Math.max(this.nextStream, sequence);
        this.deliveredStream = Math.max(this.deliveredStream, sequence - 1);
        if (this.pending.size === 0) this.#floorAtEnd();
        break;
      case Op.place:
        this.nextStream = sequence;
        this.deliveredStream = sequence - 1;
        this.nextConsumer = consumerSequence;
        this.floorStream = deliveries;
        this.floorConsumer = atMs;
        break;
      case Op.pass:
        this.nextStream = Math.max(this.nextStream, sequence);
        break;
      case Op.giveUp:
        this.pending.delete(sequence);
        break;
      case Op.deliverRange:
        for (let at = 0; at < deliveries; at++) this.#deliver(sequence + at, consumerSequence + at, 1, atMs);
        break;
      case Op.ackRange:
        for (let at = sequence; at <= consumerSequence; at++) this.#ack(at);
    }
  }

  #deliver(sequence: number, consumerSequence: number, deliveries: number, atMs: number): void {
    this.nextConsumer = consumerSequence + 1;
    if (sequence >= this.nextStream) this.nextStream = sequence + 1;
    if (sequence > this.deliveredStream) this.deliveredStream = sequence;
    if (deliveries > 1) this.deliveries.set(sequence, deliveries);
    if (!this.#tracks) {
      this.floorConsumer = consumerSequence;
      this.floorStream = sequence;
      return;
    }
    this.pending.delivered(sequence, consumerSequence, atMs);
  }

  #ack(sequence: number): void {
    const { pending } = this;
    const consumerSequence = pending.consumerSequenceOf(sequence);
    pending.delete(sequence);
    if (this.deliveries.size > 0) this.deliveries.delete(sequence);
    if (pending.size === 0) this.#floorAtEnd();
    else if (consumerSequence !== 0 && consumerSequence === this.floorConsumer + 1) {
      this.floorConsumer = consumerSequence;
      this.floorStream = sequence;
      const next = pending.after(sequence);
      if (next === 0) return;
      this.floorConsumer = pending.consumerSequenceOf(next) - 1;
      this.floorStream = next - 1;
    }
  }

  #ackAll(sequence: number, consumerSequence: number): void {
    if (sequence <= this.floorStream || consumerSequence <= this.floorConsumer) return;
    this.floorStream = sequence;
    this.floorConsumer = consumerSequence;
    for (const done of this.pending.upTo(sequence)) {
      this.pending.delete(done);
      this.deliveries.delete(done);
    }
  }

  #floorAtEnd(): void {
    this.floorConsumer = this.nextConsumer - 1;
    this.floorStream = this.nextStream - 1;
  }

  /** Applies entries that stand one after the other; `see` is told of each before, and of a whole state after it was taken. */
  replay(bytes: Buffer, see?: (op: number, sequence: number, second: number) => void): void {
    const values = decodeValues(bytes);
    if (values[0] === Op.part) {
      if (this.#takePart(bytes, values[1], values[2])) see?.(Op.part, 0, 0);
      return;
    }
    for (let at = 0; at < values.length; at += 1 + VALUES_OF[values[at]]) {
      see?.(values[at], values[at + 1], values[at + 2]);
      this.apply(values[at], values[at + 1], values[at + 2], values[at + 3], values[at + 4]);
    }
  }

  /** Everything, for a snapshot of its log. */
  encode(): Uint8Array {
    const { nextStream, deliveredStream, nextConsumer, floorStream, floorConsumer, pending } = this;
    const values = [nextStream, deliveredStream, nextConsumer, floorStream, floorConsumer, pending.size];
    for (const [sequence, { consumerSequence, atMs }] of this.pending) values.push(sequence, consumerSequence, atMs);
    for (const [sequence, times] of this.deliveries) values.push(sequence, times);
    return encodeValues(values);
  }

  /** Records that stand for all before them, when the last of them is there. */
  *parts(): Iterable<Uint8Array> {
    const state = this.encode();
    const count = Math.ceil(state.length / PART_BYTES);
    for (let number = 0; number < count; number++) {
      const head = encodeValues([Op.part, number, count]);
      yield Buffer.concat([head, state.subarray(number * PART_BYTES, (number + 1) * PART_BYTES)]);
    }
  }

  // Whether the state is whole with it.
  #takePart(bytes: Buffer, number: number, count: number): boolean {
    if (number === 0) this.#parts = [];
    if (number !== this.#parts.length) return false;
    this.#parts.push(bytes.subarray(3 * VALUE_BYTES));
    if (this.#parts.length < count) return false;
    this.restore(Buffer.concat(this.#parts));
    this.#parts = [];
    return true;
  }

  restore(snapshot: Buffer): void {
    this.pending.clear();
    this.deliveries.clear();
    const values = decodeValues(snapshot);
    [this.nextStream, this.deliveredStream, this.nextConsumer, this.floorStream, this.floorConsumer] = values;
    let at = 6;
    for (let left = values[5]; left > 0; left--, at += 3) {
      this.pending.delivered(values[at], values[at + 1], values[at + 2]);
    }
    for (; at < values.length; at += 2) this.deliveries.set(values[at], values[at + 1]);
  }
}

function encodeValues(values: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.length * VALUE_BYTES);
  for (let at = 0; at < values.length; at++) bytes.writeDoubleLE(values[at], at * VALUE_BYTES);
  return bytes;
}

function decodeValues(bytes: Buffer): number[] {
  const values: number[] = [];
  for (let at = 0; at + VALUE_BYTES <= bytes.length; at += VALUE_BYTES) values.push(bytes.readDoubleLE(at));
  return values;
}
