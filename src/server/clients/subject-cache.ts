// What a publisher's subjects led to the last time, found by the subject's bytes: no string is made and nothing is looked up
// for a subject that comes again while nobody's interest has changed.

import type { Subscription } from "../../accounts/subscription.js";
import { FIRST_CACHED_SUBJECTS, LONGEST_CACHED_SUBJECT_BYTES, MAX_CACHED_SUBJECTS } from "../limits.js";
import type { Interest } from "../router.js";

export class CachedSubject {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly subject: string;
  /** After mapping; the same as `subject` where nothing is mapped. */
  target: string;
  targetBytes: Uint8Array;
  interest: Interest | undefined = undefined;
  /** The only one who is interested, if there is one. */
  only: Subscription | undefined = undefined;
  /** What the rest was found under; -1: has to be found anew each time (random mappings, allowed responses). */
  interestGeneration = -1;
  mappingGeneration = -1;
  allowed = true;

  constructor(bytes: Uint8Array, hash: number) {
    this.bytes = bytes;
    this.hash = hash;
    this.subject = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    this.target = this.subject;
    this.targetBytes = bytes;
  }
}

/** What a cache holds: something known by its bytes. */
export interface KnownByBytes {
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/** Each key has two slots that it may be in; where there is no room the newer wins, and while that happens often it grows. */
export class BytesCache<E extends KnownByBytes> {
  private readonly make: (bytes: Uint8Array, hash: number) => E;
  private slots: (E | undefined)[] = [];
  private collisions = 0;

  /** @param make an entry for bytes that are not there; they are a copy */
  constructor(make: (bytes: Uint8Array, hash: number) => E) {
    this.make = make;
  }

  /** The entry for `buffer[start..end)`, made when it is not there. */
  find(buffer: Uint8Array, start: number, end: number): E {
    let hash = 0x811c9dc5 | 0;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i], 0x01000193);
    hash ^= hash >>> 15;
    const slots = this.slots;
    const mask = slots.length - 1;
    const entry = slots[hash & mask];
    if (entry !== undefined && entry.hash === hash && same(entry.bytes, buffer, start, end)) return entry;
    const other = slots[second(hash) & mask];
    if (other !== undefined && other.hash === hash && same(other.bytes, buffer, start, end)) return other;
    return this.add(buffer, start, end, hash);
  }

  clear(): void {
    this.slots = [];
    this.collisions = 0;
  }

  private add(buffer: Uint8Array, start: number, end: number, hash: number): E {
    const bytes = Uint8Array.prototype.slice.call(buffer, start, end);
    const entry = this.make(bytes, hash);
    // Long keys are not worth the memory.
    if (bytes.length > LONGEST_CACHED_SUBJECT_BYTES) return entry;
    if (this.slots.length === 0) this.slots = new Array(FIRST_CACHED_SUBJECTS).fill(undefined);
    if (this.place(entry)) return entry;
    if (++this.collisions > this.slots.length && this.slots.length < MAX_CACHED_SUBJECTS) this.grow();
    if (!this.place(entry)) this.slots[hash & (this.slots.length - 1)] = entry;
    return entry;
  }

  /** Puts an entry where there is room for it, or where another one can make room; false where there is none. */
  private place(entry: E): boolean {
    const { slots } = this;
    const mask = slots.length - 1;
    const places = [entry.hash & mask, second(entry.hash) & mask];
    for (const slot of places) {
      if (slots[slot] !== undefined) continue;
      slots[slot] = entry;
      return true;
    }
    for (const slot of places) {
      const { hash } = slots[slot] as E;
      const elsewhere = slot === (hash & mask) ? second(hash) & mask : hash & mask;
      if (slots[elsewhere] !== undefined) continue;
      slots[elsewhere] = slots[slot];
      slots[slot] = entry;
      return true;
    }
    return false;
  }

  private grow(): void {
    const entries = this.slots;
    this.slots = new Array(4 * entries.length).fill(undefined);
    this.collisions = 0;
    for (const entry of entries) if (entry !== undefined) this.place(entry);
  }
}

/** The subjects of a publisher. */
export class SubjectCache extends BytesCache<CachedSubject> {
  constructor() {
    super((bytes, hash) => new CachedSubject(bytes, hash));
  }
}

/** Where else a key may be: other bits of its hash. */
function second(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 16;
}

function same(bytes: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buffer[start + i]) return false;
  return true;
}
