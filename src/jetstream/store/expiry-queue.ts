// Messages with an own end of life, soonest first: a binary heap in two arrays of numbers.
import { Growing } from "./subject-index.js";

export class ExpiryQueue {
  private readonly times = new Growing(Float64Array);
  private readonly sequences = new Growing(Float64Array);
  private size = 0;

  add(expiresMs: number, sequence: number): void {
    this.times.reserve(this.size);
    this.sequences.reserve(this.size);
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.times.values[parent] <= expiresMs) break;
      this.move(parent, at);
      at = parent;
    }
    this.times.values[at] = expiresMs;
    this.sequences.values[at] = sequence;
  }

  clear(): void {
    this.size = 0;
  }

  /** Forgets the messages above a sequence. */
  keepUpTo(sequence: number): void {
    const times = this.times.values.slice(0, this.size);
    const sequences = this.sequences.values.slice(0, this.size);
    this.size = 0;
    for (let at = 0; at < times.length; at++) if (sequences[at] <= sequence) this.add(times[at], sequences[at]);
  }

  /** Pairs of sequence and time, of the messages in a range. */
  within(first: number, last: number): Float64Array {
    const found: number[] = [];
    for (let at = 0; at < this.size; at++) {
      const sequence = this.sequences.values[at];
      if (sequence >= first && sequence <= last) found.push(sequence, this.times.values[at]);
    }
    return Float64Array.from(found);
  }

  /** When the first message that `isAlive` ends; 0 for none. Those that are not alive are forgotten. */
  next(isAlive: (sequence: number) => boolean): number {
    while (this.size > 0 && !isAlive(this.sequences.values[0])) this.pop();
    return this.size > 0 ? this.times.values[0] : 0;
  }

  /** The messages that `isAlive` and have ended by then, at most `limit`. They stay. */
  ended(nowMs: number, limit: number, isAlive: (sequence: number) => boolean): number[] {
    const found: number[] = [];
    const times: number[] = [];
    while (found.length < limit) {
      const first = this.next(isAlive);
      if (first === 0 || first > nowMs) break;
      const sequence = this.sequences.values[0];
      this.pop();
      found.push(sequence);
      times.push(first);
    }
    for (let i = 0; i < found.length; i++) this.add(times[i], found[i]);
    return found;
  }

  private pop(): void {
    const last = --this.size;
    const time = this.times.values[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.times.values[child + 1] < this.times.values[child]) child++;
      if (this.times.values[child] >= time) break;
      this.move(child, at);
      at = child;
    }
    this.move(last, at);
  }

  private move(from: number, to: number): void {
    this.times.values[to] = this.times.values[from];
    this.sequences.values[to] = this.sequences.values[from];
  }
}
