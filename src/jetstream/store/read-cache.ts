// What was read of segments lately. Who reads somewhere gets just that; who reads there again, or on where the last read ended,
// gets more, with each read, and the next part before it is asked for.
import type { Eventually } from "./store.js";

const FIRST_READ_BYTES = 16 * 1024;
const LARGEST_READ_BYTES = 256 * 1024;
const WINDOWS_PER_FILE = 32;
/** Places that are remembered, in a table without lists: a place is forgotten when another one comes to the same row. */
const PLACES = 4096;
/** Positions are below it. */
const POSITIONS = 2 ** 32;

/** A file that is read in parts. Its content never changes, as far as it reaches. */
export interface Readable {
  /** Up to where it can be read. */
  readonly readableEnd: number;
  /** Whether only large parts can be read, whatever is asked for. */
  readonly inBlocks: boolean;
  /** A part that covers `from` to `to`, or more. */
  readPart(from: number, to: number): Promise<Part>;
}

export interface Part {
  readonly start: number;
  readonly bytes: Buffer;
}

interface Window extends Part {
  readonly of: Readable;
  readonly end: number;
  /** How large the read was that is to follow. */
  readonly nextBytes: number;
  ahead: Promise<Window> | undefined;
}

/** A read that is under way. */
interface Reading {
  readonly from: number;
  readonly to: number;
  readonly window: Promise<Window>;
}

/** Where somebody has read alone: the places where those reads began and ended, exactly. */
class Places {
  private readonly rows = new Float64Array(PLACES);

  add(place: number): void {
    this.rows[rowOf(place)] = place;
  }

  has(place: number): boolean {
    return this.rows[rowOf(place)] === place;
  }
}

function rowOf(place: number): number {
  const low = place % POSITIONS;
  return (Math.imul(low ^ Math.floor(place / POSITIONS), 0x9e3779b1) >>> 0) % PLACES;
}

export class ReadCache {
  private readonly limitBytes: number;
  private readonly places = new Places();
  // Each file has a number, so that a place is one number, too.
  private readonly numbers = new WeakMap<Readable, number>();
  private lastNumber = 0;
  private usedBytes = 0;
  /** Least recently used first. */
  private readonly windows = new Set<Window>();
  private lastUsed: Window | undefined;
  private readonly byFile = new Map<Readable, Window[]>();
  private readonly readings = new Map<Readable, Reading[]>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** A part that holds the bytes from `from` to `to`. */
  read(of: Readable, from: number, to: number): Eventually<Part> {
    const known = this.byFile.get(of);
    let before: Window | undefined;
    if (known !== undefined) {
      // Most go on where the newest one is.
      for (let at = known.length - 1; at >= 0; at--) {
        const window = known[at];
        if (from >= window.start && to <= window.end) {
          this.use(window);
          if (from - window.start > window.bytes.length / 2) this.readAhead(window, to - from);
          return window;
        }
        if (from >= window.start && from <= window.end) before = window;
      }
    }
    if (before?.ahead !== undefined) {
      return before.ahead.then(
        (ahead) => (from >= ahead.start && to <= ahead.end ? ahead : this.fill(of, from, to, 0)),
        () => this.fill(of, from, to, 0),
      );
    }
    if (before === undefined && !of.inBlocks && this.isAlone(of, from, to)) return of.readPart(from, to);
    return this.fill(of, from, to, before?.nextBytes ?? 0);
  }

  private use(window: Window): void {
    if (this.lastUsed === window) return;
    this.lastUsed = window;
    this.windows.delete(window);
    this.windows.add(window);
  }

  // Whether nobody has read, or reads, there or just before.
  private isAlone(of: Readable, from: number, to: number): boolean {
    let number = this.numbers.get(of);
    if (number === undefined) {
      number = ++this.lastNumber;
      this.numbers.set(of, number);
    }
    const start = number * POSITIONS + from;
    if (this.places.has(start)) return false;
    for (const reading of this.readings.get(of) ?? []) if (from >= reading.from && to <= reading.to) return false;
    this.places.add(start);
    this.places.add(number * POSITIONS + to);
    return true;
  }

  /** Forgets what was read of a file. */
  forget(of: Readable): void {
    for (const window of this.byFile.get(of) ?? []) this.remove(window);
    this.readings.delete(of);
  }

  // With more than is asked for, of which a damaged part is not to cost what is asked for.
  private async fill(of: Readable, from: number, to: number, atLeast: number): Promise<Window> {
    try {
      const window = await this.shared(of, from, to, atLeast);
      if (from >= window.start && to <= window.end) return window;
    } catch {
      // It is told by the read of just that.
    }
    return this.readWindow(of, from, to, 0);
  }

  // Those who ask for what is being read already wait for that.
  private shared(of: Readable, from: number, to: number, atLeast: number): Promise<Window> {
    const readings = this.readings.get(of) ?? [];
    for (const reading of readings) if (from >= reading.from && to <= reading.to) return reading.window;
    const end = Math.max(to, Math.min(of.readableEnd, from + Math.max(atLeast, FIRST_READ_BYTES)));
    const reading = { from, to: end, window: this.readWindow(of, from, end, atLeast) };
    this.readings.set(of, [...readings, reading]);
    const done = (): void => {
      const left = (this.readings.get(of) ?? []).filter((one) => one !== reading);
      if (left.length > 0) this.readings.set(of, left);
      else this.readings.delete(of);
    };
    reading.window.then(done, done);
    return reading.window;
  }

  private async readWindow(of: Readable, from: number, to: number, atLeast: number): Promise<Window> {
    const part = await of.readPart(from, to);
    const nextBytes = Math.min(LARGEST_READ_BYTES, Math.max(FIRST_READ_BYTES, atLeast * 2));
    const window = {
      of,
      start: part.start,
      bytes: part.bytes,
      end: part.start + part.bytes.length,
      nextBytes,
      ahead: undefined,
    };
    this.add(window);
    return window;
  }

  private readAhead(window: Window, recordBytes: number): void {
    const { of, end, start, nextBytes } = window;
    if (window.ahead !== undefined || nextBytes <= FIRST_READ_BYTES || end >= of.readableEnd) return;
    // From a little before the end, where a record stands that is cut there.
    const from = Math.max(start, end - 2 * recordBytes);
    window.ahead = this.fill(of, from, end, nextBytes);
    window.ahead.catch(() => {
      window.ahead = undefined;
    });
  }

  private add(window: Window): void {
    this.use(window);
    const known = this.byFile.get(window.of);
    if (known === undefined) this.byFile.set(window.of, [window]);
    else known.push(window);
    if (known !== undefined && known.length > WINDOWS_PER_FILE) this.remove(known[0]);
    this.usedBytes += window.bytes.length;
    for (const oldest of this.windows) {
      if (this.usedBytes <= this.limitBytes || oldest === window) break;
      this.remove(oldest);
    }
  }

  private remove(window: Window): void {
    if (!this.windows.delete(window)) return;
    if (this.lastUsed === window) this.lastUsed = undefined;
    this.usedBytes -= window.bytes.length;
    const rest = (this.byFile.get(window.of) ?? []).filter((one) => one !== window);
    if (rest.length > 0) this.byFile.set(window.of, rest);
    else this.byFile.delete(window.of);
  }
}
