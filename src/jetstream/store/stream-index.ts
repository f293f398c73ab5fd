// What a stream holds, without its bytes: the slots of its segments, its subjects and its totals. File and memory streams
// answer all questions but `load` from it.
import { StoreError } from "./errors.js";
import { ExpiryQueue } from "./expiry-queue.js";
import { countedBytes, neverExpires } from "./record.js";
import { ALL, type SlotBlock, SlotFlag, type Wanted } from "./slot-block.js";
import type { MessageTimes, Sequence, StreamState, SubjectTotals } from "./store.js";
import { StreamSlots, timeNs } from "./stream-slots.js";
import { type Filter, SubjectIndex } from "./subject-index.js";

/** The engine's maps take 16,777,216 entries, and throw then. */
const MOST_SUBJECTS = 16_000_000;

export class StreamIndex<H> extends StreamSlots<H> implements StreamState {
  readonly subjectIndex = new SubjectIndex();
  messages = 0;
  bytes = 0;
  private lastSeconds = 0;
  private lastNanoseconds = 0;
  private readonly storage: "file" | "memory";
  private readonly mostSubjects: number;
  private readonly expiries = new ExpiryQueue();
  private readonly isAlive = (sequence: Sequence): boolean => this.has(sequence);

  constructor(storage: "file" | "memory", mostSubjects = MOST_SUBJECTS) {
    super();
    this.storage = storage;
    this.mostSubjects = mostSubjects;
  }

  get firstTimeNs(): bigint {
    return this.messages === 0 ? 0n : this.timeNsAt(this.firstSequence);
  }

  get lastTimeNs(): bigint {
    return timeNs(this.lastSeconds, this.lastNanoseconds);
  }

  get lastTime(): { seconds: number; nanoseconds: number } {
    return { seconds: this.lastSeconds, nanoseconds: this.lastNanoseconds };
  }

  get deleted(): number {
    return this.messages === 0 ? 0 : this.lastSequence - this.firstSequence + 1 - this.messages;
  }

  get subjects(): number {
    return this.subjectIndex.size;
  }

  get nextExpiryMs(): number {
    return this.expiries.next(this.isAlive);
  }

  expired(nowMs: number, limit: number): Sequence[] {
    return this.expiries.ended(nowMs, limit, this.isAlive);
  }

  /** Throws when the next message may not have this sequence, or there is no room for another subject. */
  checkNext(sequence: Sequence, subject: string): void {
    if (sequence <= this.lastSequence || !Number.isSafeInteger(sequence))
      throw new StoreError("STORE_SEQUENCE", `sequence ${sequence} cannot follow ${this.lastSequence}`);
    const { subjectIndex, mostSubjects } = this;
    if (subjectIndex.size >= mostSubjects && subjectIndex.idOf(subject) === 0)
      throw new StoreError("STORE_FULL", `a stream has at most ${mostSubjects} subjects`);
  }

  /** Adds a message, whose record has `recordBytes`, to the last block. */
  add(sequence: Sequence, subject: string, times: MessageTimes, hasHeader: boolean, recordBytes: number): void {
    const { subjectIndex } = this;
    const id = subjectIndex.add(subject);
    const { expiresMs } = times;
    const flags = flagsOf(hasHeader, expiresMs);
    const before = subjectIndex.count(id, sequence);
    if (before > 0 && subjectIndex.size > 1) this.linkTo(before, sequence);
    this.blocks[this.blocks.length - 1].add(sequence, times.seconds, times.nanoseconds, id, flags, recordBytes);
    if (this.messages === 0) this.firstSequence = sequence;
    this.messages++;
    this.bytes += countedBytes(this.storage, recordBytes, hasHeader, expiresMs !== 0);
    this.lastSequence = sequence;
    this.lastSeconds = times.seconds;
    this.lastNanoseconds = times.nanoseconds;
    if (expiresMs > 0) this.expiries.add(expiresMs, sequence);
  }

  /** Remembers when a message ends, for one that was recovered; not if there is none, or none that ends. */
  addExpiry(sequence: Sequence, expiresMs: number): void {
    if (!this.find(sequence)) return;
    const flags = this.blocks[this.foundBlock].flagsAt(this.foundSlot);
    if ((flags & SlotFlag.expires) !== 0) this.expiries.add(expiresMs, sequence);
  }

  /** Pairs of sequence and milliseconds, of the messages in a range that end. */
  expiriesIn(first: Sequence, last: Sequence): Float64Array {
    return this.expiries.within(first, last);
  }

  sizeAt(sequence: Sequence): number {
    return this.find(sequence) ? this.countedAt(this.blocks[this.foundBlock], this.foundSlot) : 0;
  }

  subjectAt(sequence: Sequence): string | undefined {
    if (!this.find(sequence)) return undefined;
    return this.subjectIndex.nameOf(this.blocks[this.foundBlock].subjectAt(this.foundSlot));
  }

  /** Removes a message; false when there is none. */
  remove(sequence: Sequence): boolean {
    if (!this.find(sequence)) return false;
    const block = this.blocks[this.foundBlock];
    const slot = this.foundSlot;
    const id = block.subjectAt(slot);
    const linked = block.links?.[slot] ?? 0;
    this.bytes -= this.countedAt(block, slot);
    this.messages--;
    block.remove(slot);
    this.leaveSubject(id, sequence, linked);
    if (sequence === this.firstSequence)
      this.firstSequence = this.scanForward(sequence + 1, ALL) || this.lastSequence + 1;
    return true;
  }

  /** Removes everything, and goes on after `lastSequence`, or after `upTo` when that is beyond. */
  clear(upTo: Sequence): void {
    for (const block of this.blocks) block.removeAll();
    this.subjectIndex.clear();
    this.expiries.clear();
    this.messages = 0;
    this.bytes = 0;
    this.skipTo(upTo);
    this.firstSequence = this.lastSequence + 1;
  }

  /** Sequences up to this one are used. */
  skipTo(sequence: Sequence): void {
    this.lastSequence = Math.max(this.lastSequence, sequence);
    if (this.messages === 0) this.firstSequence = this.lastSequence === 0 ? 0 : this.lastSequence + 1;
  }

  /** The time of `lastSequence`, where its message is gone. */
  setLastTime(seconds: number, nanoseconds: number): void {
    this.lastSeconds = seconds;
    this.lastNanoseconds = nanoseconds;
  }

  next(from: Sequence, filter?: Filter): Sequence {
    const wanted = this.wanted(filter);
    if (wanted === undefined || this.messages === 0) return 0;
    const { id } = wanted;
    if (id !== 0) {
      if (from > this.subjectIndex.lastOf(id)) return 0;
      const first = this.subjectIndex.firstOf(id);
      if (from <= first) return first;
      const linked = this.linkedAfter(from - 1, id);
      if (linked !== 0) return linked;
    } else if (wanted.members === undefined && from <= this.firstSequence) {
      return this.firstSequence;
    }
    return this.scanForward(from, wanted);
  }

  previous(from: Sequence, filter?: Filter): Sequence {
    const wanted = this.wanted(filter);
    if (wanted === undefined || this.messages === 0) return 0;
    const { id } = wanted;
    if (id !== 0) {
      if (from < this.subjectIndex.firstOf(id)) return 0;
      const last = this.subjectIndex.lastOf(id);
      if (from >= last) return last;
    }
    return this.scanBackward(from, wanted);
  }

  pending(from: Sequence, filter?: Filter): number {
    const wanted = this.wanted(filter);
    if (wanted === undefined) return 0;
    const { subjectIndex } = this;
    let total = this.messages;
    if (wanted.id !== 0) {
      total = subjectIndex.countOf(wanted.id);
      if (from <= subjectIndex.firstOf(wanted.id)) return total;
    } else if (wanted.members !== undefined && filter !== undefined) {
      total = 0;
      for (const id of filter.ids()) total += subjectIndex.countOf(id);
    }
    if (total === 0 || from <= this.firstSequence) return total;
    if (from > this.lastSequence) return 0;
    // Counted from the nearer end.
    const split = this.blockAt(from);
    const fromStart = split < this.blocks.length / 2;
    let found = 0;
    for (let at = fromStart ? 0 : split; at < (fromStart ? split + 1 : this.blocks.length); at++) {
      const block = this.blocks[at];
      if (block.live === 0) continue;
      const slot = at === split ? block.lowerBound(from) : fromStart ? block.count : 0;
      found += fromStart ? block.countWanted(0, slot, wanted) : block.countWanted(slot, block.count, wanted);
    }
    return fromStart ? total - found : found;
  }

  totalsOf(subject: string): SubjectTotals | undefined {
    const id = this.subjectIndex.idOf(subject);
    return id === 0 ? undefined : this.totalsAt(id);
  }

  *totals(filter?: Filter): Iterable<SubjectTotals> {
    for (const id of filter === undefined ? this.subjectIndex.all() : filter.ids()) yield this.totalsAt(id);
  }

  lastPerSubject(filter: Filter, upTo = Number.MAX_SAFE_INTEGER): Sequence[] {
    const found: Sequence[] = [];
    const late = new Set<number>();
    for (const id of filter.ids()) {
      const last = this.subjectIndex.lastOf(id);
      if (last <= upTo) found.push(last);
      else if (this.subjectIndex.firstOf(id) <= upTo) late.add(id);
    }
    for (let at = Math.min(this.blockAt(upTo), this.blocks.length - 1); at >= 0 && late.size > 0; at--) {
      const block = this.blocks[at];
      for (let slot = block.lowerBound(upTo + 1) - 1; slot >= 0 && late.size > 0; slot--) {
        if (block.isLive(slot) && late.delete(block.subjectAt(slot))) found.push(block.sequenceAt(slot));
      }
    }
    return found.sort((a, b) => a - b);
  }

  *deletedRanges(): Iterable<readonly [Sequence, Sequence]> {
    if (this.messages === 0) return;
    let expected = this.firstSequence;
    for (const block of this.blocks) {
      for (let slot = 0; slot < block.count; slot++) {
        const sequence = block.sequenceAt(slot);
        if (!block.isLive(slot) || sequence < expected) continue;
        if (sequence > expected) yield [expected, sequence - 1];
        expected = sequence + 1;
      }
    }
    if (expected <= this.lastSequence) yield [expected, this.lastSequence];
  }

  /** Forgets everything above `sequence`, which becomes the last. */
  truncate(sequence: Sequence): number {
    const before = this.messages;
    while (this.blocks.length > 0 && this.blocks[this.blocks.length - 1].first > sequence) this.blocks.pop();
    this.blocks[this.blocks.length - 1]?.cutAfter(sequence);
    this.expiries.keepUpTo(sequence);
    this.lastSequence = sequence;
    this.rebuild();
    const last = this.blocks[this.blocks.length - 1];
    if (last !== undefined && last.count > 0) {
      this.setLastTime(last.secondsAt(last.count - 1), last.nanosecondsAt(last.count - 1));
    }
    return before - this.messages;
  }

  /** Counts everything anew from the slots of the blocks; `lastSequence` only grows. */
  rebuild(): void {
    const { subjectIndex } = this;
    const { limit } = subjectIndex;
    subjectIndex.countNone();
    const lastBlock = new Uint32Array(limit);
    const lastSlot = new Uint32Array(limit);
    this.messages = 0;
    this.bytes = 0;
    this.firstSequence = 0;
    for (const [number, block] of this.blocks.entries()) {
      block.links = undefined;
      block.live = 0;
      block.liveRecordBytes = 0;
      for (let slot = 0; slot < block.count; slot++) {
        if (!block.isLive(slot)) continue;
        const id = block.subjectAt(slot);
        const sequence = block.sequenceAt(slot);
        const before = subjectIndex.count(id, sequence);
        if (before > 0) this.blocks[lastBlock[id]].link(lastSlot[id], sequence - before);
        lastBlock[id] = number;
        lastSlot[id] = slot;
        block.live++;
        block.liveRecordBytes += block.bytesAt(slot);
        this.bytes += this.countedAt(block, slot);
        if (this.messages++ === 0) this.firstSequence = sequence;
      }
      const { count, last } = block;
      if (count === 0 || last < this.lastSequence) continue;
      this.lastSequence = last;
      this.setLastTime(block.secondsAt(count - 1), block.nanosecondsAt(count - 1));
    }
    for (const id of [...subjectIndex.all()]) if (subjectIndex.countOf(id) === 0) subjectIndex.remove(id);
    this.skipTo(this.lastSequence);
  }

  private leaveSubject(id: number, sequence: Sequence, linked: number): void {
    const { subjectIndex } = this;
    if (subjectIndex.discount(id) === 0) {
      subjectIndex.remove(id);
    } else if (subjectIndex.firstOf(id) === sequence) {
      const isNext = linked > 0 && this.has(sequence + linked);
      const wanted = { id, members: undefined };
      subjectIndex.setFirst(id, isNext ? sequence + linked : this.scanForward(sequence + 1, wanted));
    } else if (subjectIndex.lastOf(id) === sequence) {
      subjectIndex.setLast(id, this.scanBackward(sequence - 1, { id, members: undefined }));
    }
  }

  /** What a filter asks of the blocks; undefined when nothing can match. */
  private wanted(filter: Filter | undefined): Wanted | undefined {
    if (filter === undefined || filter.all) return ALL;
    if (filter.literal === undefined) return { id: 0, members: filter.membership };
    const id = this.subjectIndex.idOf(filter.literal);
    return id === 0 ? undefined : { id, members: undefined };
  }

  private totalsAt(id: number): SubjectTotals {
    const { subjectIndex } = this;
    return {
      subject: subjectIndex.nameOf(id),
      messages: subjectIndex.countOf(id),
      firstSequence: subjectIndex.firstOf(id),
      lastSequence: subjectIndex.lastOf(id),
    };
  }

  private countedAt(block: SlotBlock<H>, slot: number): number {
    const flags = block.flagsAt(slot);
    return countedBytes(
      this.storage,
      block.bytesAt(slot),
      (flags & SlotFlag.header) !== 0,
      (flags & (SlotFlag.expires | SlotFlag.never)) !== 0,
    );
  }
}

/** A slot's flags for a message. */
export function flagsOf(hasHeader: boolean, expiresMs: number): number {
  return (
    (hasHeader ? SlotFlag.header : 0) |
    (expiresMs === 0 ? 0 : neverExpires(expiresMs) ? SlotFlag.never : SlotFlag.expires)
  );
}
