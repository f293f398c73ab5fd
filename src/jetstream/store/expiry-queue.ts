// Messages with an own end of life, soonest first: a binary heap in two arrays of numbers.
import { grown } from "./grown.js";

const FIRST_CAPACITY = 16;

export class ExpiryQueue {
  private times: Float64Array = new Float64Array(FIRST_CAPACITY);
  private sequences: Float64Array = new Float64Array(FIRST_CAPACITY);
  private size = 0;

  add(expiresMs: number, sequence: number): void {
    this.times = grown(this.times, this.size + 1);
    this.sequences = grown(this.sequences, this.size + 1);
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.times[parent] <= expiresMs) break;
      this.move(parent, at);
      at = parent;
    }
    this.times[at] = expiresMs;
    this.sequences[at] = sequence;
  }

  clear(): void {
    this.size = 0;
  }

  /** Forgets the messages above a sequence. */
  keepUpTo(sequence: number): void {
    const times = this.times.slice(0, this.size);
    const sequences = this.sequences.slice(0, this.size);
    this.size = 0;
    for (let at = 0; at < times.length; at++) if (sequences[at] <= sequence) this.add(times[at], sequences[at]);
  }

  /** Pairs of sequence and time, of the messages in a range. */
  within(first: number, last: number): Float64Array {
    const found: number[] = [];
    for (let at = 0; at < this.size; at++) {
      const sequence = this.sequences[at];
      if (sequence >= first && sequence <= last) found.push(sequence, this.times[at]);
    }
    return Float64Array.from(found);
  }

  /** When the first message that `isAlive` ends; 0 for none. Those that are not alive are forgotten. */
  next(isAlive: (sequence: number) => boolean): number {
    while (this.size > 0 && !isAlive(this.sequences[0])) this.pop();
    return this.size > 0 ? this.times[0] : 0;
  }

  /** The messages that `isAlive` and have ended by then, at most `limit`. They stay. */
  ended(nowMs: number, limit: number, isAlive: (sequence: number) => boolean): number[] {
    const found: number[] = [];
    const times: number[] = [];
    while (found.length < limit) {
      const first = this.next(isAlive);
      if (first === 0 || first > nowMs) break;
      const sequence = this.sequences[0];
      this.pop();
      found.push(sequence);
      times.push(first);
    }
    for (let i = 0; i < found.length; i++) this.add(times[i], found[i]);
    return found;
  }

  private pop(): void {
    const last = --this.size;
    const time = this.times[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.times[child + 1] < this.times[child]) child++;
      if (this.times[child] >= time) break;
      this.move(child, at);
      at = child;
    }
    this.move(last, at);
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from];
    this.sequences[to] = this.sequences[from];
  }
}
