// What a stream holds, without its bytes: the slots of its segments, its subjects and its totals. File and memory streams
// answer all questions but `load` from it.
import { StoreError } from "./errors.js";
import { ExpiryQueue } from "./expiry-queue.js";
import { countedBytes, neverExpires } from "./record.js";
import { ALL, MAX_OFFSET, SlotBlock, SlotFlag, type Wanted } from "./slot-block.js";
import type { MessageTimes, Sequence, StreamState, SubjectTotals } from "./store.js";
import { type Filter, SubjectIndex } from "./subject-index.js";

/** Beyond a gap of this many sequences a new block begins, rather than a slot for each. */
const MAX_GAP = 1024;
const NS_PER_SECOND = 1_000_000_000n;

/** A message's place. */
export interface Place<H> {
  readonly block: SlotBlock<H>;
  readonly slot: number;
}

export class StreamIndex<H> implements StreamState {
  readonly subjectIndex = new SubjectIndex();
  /** In the order of their sequences; the last one grows. */
  readonly blocks: SlotBlock<H>[] = [];
  messages = 0;
  bytes = 0;
  firstSequence = 0;
  lastSequence = 0;
  private lastSeconds = 0;
  private lastNanoseconds = 0;
  private readonly storage: "file" | "memory";
  private readonly expiries = new ExpiryQueue();
  private readonly isAlive = (sequence: Sequence): boolean => this.has(sequence);
  // The block and the slot that `find` has found.
  private foundBlock = 0;
  private foundSlot = 0;

  constructor(storage: "file" | "memory") {
    this.storage = storage;
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

  /** The block that grows takes no more messages near this sequence. */
  needsBlock(sequence: Sequence): boolean {
    const block = this.blocks[this.blocks.length - 1];
    return block === undefined || !block.reaches(sequence, MAX_GAP);
  }

  /** Throws when the next message may not have this sequence. */
  checkNext(sequence: Sequence): void {
    if (sequence > this.lastSequence && Number.isSafeInteger(sequence)) return;
    throw new StoreError("STORE_SEQUENCE", `sequence ${sequence} cannot follow ${this.lastSequence}`);
  }

  /** Adds a message, whose record has `recordBytes`, to the last block. */
  add(sequence: Sequence, subject: string, times: MessageTimes, hasHeader: boolean, recordBytes: number): void {
    const { subjectIndex } = this;
    const id = subjectIndex.add(subject);
    const { expiresMs } = times;
    const flags = flagsOf(hasHeader, expiresMs);
    const { counts, firsts, lasts } = subjectIndex;
    if (counts.values[id] === 0) firsts.values[id] = sequence;
    else if (subjectIndex.size > 1) this.linkTo(lasts.values[id], sequence);
    counts.values[id]++;
    lasts.values[id] = sequence;
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
    const flags = this.blocks[this.foundBlock].offsets[this.foundSlot];
    if ((flags & SlotFlag.expires) !== 0) this.expiries.add(expiresMs, sequence);
  }

  /** Pairs of sequence and milliseconds, of the messages in a range that end. */
  expiriesIn(first: Sequence, last: Sequence): Float64Array {
    return this.expiries.within(first, last);
  }

  has(sequence: Sequence): boolean {
    return this.find(sequence);
  }

  /** Undefined when there is no such message. */
  placeOf(sequence: Sequence): Place<H> | undefined {
    if (!this.find(sequence)) return undefined;
    return { block: this.blocks[this.foundBlock], slot: this.foundSlot };
  }

  sizeAt(sequence: Sequence): number {
    return this.find(sequence) ? this.countedAt(this.blocks[this.foundBlock], this.foundSlot) : 0;
  }

  subjectAt(sequence: Sequence): string | undefined {
    if (!this.find(sequence)) return undefined;
    return this.subjectIndex.nameOf(this.blocks[this.foundBlock].subjectAt(this.foundSlot));
  }

  timeNsAt(sequence: Sequence): bigint {
    if (!this.find(sequence)) return 0n;
    const block = this.blocks[this.foundBlock];
    return timeNs(block.seconds[this.foundSlot], block.nanoseconds[this.foundSlot]);
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
    for (const block of this.blocks)
      for (let slot = 0; slot < block.count; slot++) block.offsets[slot] |= SlotFlag.removed;
    for (const block of this.blocks) [block.live, block.liveRecordBytes] = [0, 0];
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
      if (from > this.subjectIndex.lasts.values[id]) return 0;
      const first = this.subjectIndex.firsts.values[id];
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
      if (from < this.subjectIndex.firsts.values[id]) return 0;
      const last = this.subjectIndex.lasts.values[id];
      if (from >= last) return last;
    }
    return this.scanBackward(from, wanted);
  }

  pending(from: Sequence, filter?: Filter): number {
    const wanted = this.wanted(filter);
    if (wanted === undefined) return 0;
    const { counts, firsts } = this.subjectIndex;
    let total = this.messages;
    if (wanted.id !== 0) {
      total = counts.values[wanted.id];
      if (from <= firsts.values[wanted.id]) return total;
    } else if (wanted.members !== undefined && filter !== undefined) {
      total = 0;
      for (const id of filter.ids()) total += counts.values[id];
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

  /** The first message stored at or after that time; 0 for none. */
  firstSince(time: bigint): Sequence {
    const seconds = Number(time / NS_PER_SECOND);
    const nanoseconds = Number(time % NS_PER_SECOND);
    for (const block of this.blocks) {
      if (block.live === 0 || block.latestSeconds < seconds) continue;
      for (let slot = 0; slot < block.count; slot++) {
        const at = block.seconds[slot];
        if (at < seconds || (at === seconds && block.nanoseconds[slot] < nanoseconds)) continue;
        if (block.isLive(slot)) return block.sequenceAt(slot);
      }
    }
    return 0;
  }

  storedBefore(time: bigint, limit: number): Sequence[] {
    const seconds = Number(time / NS_PER_SECOND);
    const nanoseconds = Number(time % NS_PER_SECOND);
    const found: Sequence[] = [];
    for (const block of this.blocks) {
      if (block.live === 0) continue;
      for (let slot = block.lowerBound(this.firstSequence); slot < block.count && found.length < limit; slot++) {
        if (!block.isLive(slot)) continue;
        const at = block.seconds[slot];
        if (at > seconds || (at === seconds && block.nanoseconds[slot] >= nanoseconds)) return found;
        if ((block.offsets[slot] & SlotFlag.never) === 0) found.push(block.sequenceAt(slot));
      }
    }
    return found;
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
      const last = this.subjectIndex.lasts.values[id];
      if (last <= upTo) found.push(last);
      else if (this.subjectIndex.firsts.values[id] <= upTo) late.add(id);
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
      this.setLastTime(last.seconds[last.count - 1], last.nanoseconds[last.count - 1]);
    }
    return before - this.messages;
  }

  /** Counts everything anew from the slots of the blocks; `lastSequence` only grows. */
  rebuild(): void {
    const { subjectIndex } = this;
    const { counts, firsts, lasts } = subjectIndex;
    const limit = subjectIndex.limit;
    counts.values.fill(0, 0, limit);
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
        if (counts.values[id]++ === 0) firsts.values[id] = sequence;
        else this.blocks[lastBlock[id]].link(lastSlot[id], sequence - lasts.values[id]);
        lasts.values[id] = sequence;
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
      this.lastSeconds = block.seconds[count - 1];
      this.lastNanoseconds = block.nanoseconds[count - 1];
    }
    for (const id of [...subjectIndex.all()]) if (counts.values[id] === 0) subjectIndex.remove(id);
    this.skipTo(this.lastSequence);
  }

  /** A block with the live slots of `blocks`, which follow each other; records are to be moved in this order, from `begin` on. */
  merged(blocks: readonly SlotBlock<H>[], home: H, begin: number): SlotBlock<H> {
    const total = blocks.reduce((sum, block) => sum + block.live, 0);
    const result = new SlotBlock(home, blocks[0].first, begin, Math.max(total, 1));
    result.makeSparse();
    for (const block of blocks) {
      for (let slot = 0; slot < block.count; slot++) {
        if (!block.isLive(slot)) continue;
        const flags = block.offsets[slot] & ~MAX_OFFSET;
        const { seconds, nanoseconds } = block;
        result.add(
          block.sequenceAt(slot),
          seconds[slot],
          nanoseconds[slot],
          block.subjectAt(slot),
          flags,
          block.bytesAt(slot),
        );
        const linked = block.links?.[slot] ?? 0;
        if (linked > 0) result.link(result.count - 1, linked);
      }
    }
    return result;
  }

  /** Puts a block from `merged` into the place of those it was made from. */
  replace(blocks: readonly SlotBlock<H>[], by: SlotBlock<H>): void {
    this.blocks.splice(this.blocks.indexOf(blocks[0]), blocks.length, by);
  }

  private find(sequence: Sequence): boolean {
    if (sequence < this.firstSequence || sequence > this.lastSequence) return false;
    const at = this.blockAt(sequence);
    if (at === this.blocks.length) return false;
    const block = this.blocks[at];
    const slot = block.slotOf(sequence);
    if (slot < 0 || !block.isLive(slot)) return false;
    this.foundBlock = at;
    this.foundSlot = slot;
    return true;
  }

  /** The first block that ends at or after a sequence. */
  blockAt(sequence: Sequence): number {
    const { blocks } = this;
    const lastAt = blocks.length - 1;
    if (lastAt >= 0 && blocks[lastAt].first <= sequence) return blocks[lastAt].last >= sequence ? lastAt : lastAt + 1;
    let low = 0;
    let high = lastAt;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (blocks[middle].last < sequence) low = middle + 1;
      else high = middle;
    }
    return Math.max(low, 0);
  }

  private linkTo(last: Sequence, next: Sequence): void {
    if (!this.find(last)) return;
    this.blocks[this.foundBlock].link(this.foundSlot, next - last);
  }

  /** The message after `sequence` of the same subject, if `sequence` is of that subject and knows it; else 0. */
  private linkedAfter(sequence: Sequence, id: number): Sequence {
    if (!this.find(sequence)) return 0;
    const block = this.blocks[this.foundBlock];
    if (block.subjectAt(this.foundSlot) !== id) return 0;
    const next = sequence + (block.links?.[this.foundSlot] ?? 0);
    return next > sequence && this.has(next) ? next : 0;
  }

  private leaveSubject(id: number, sequence: Sequence, linked: number): void {
    const { counts, firsts, lasts } = this.subjectIndex;
    if (--counts.values[id] === 0) {
      this.subjectIndex.remove(id);
    } else if (firsts.values[id] === sequence) {
      const isNext = linked > 0 && this.has(sequence + linked);
      firsts.values[id] = isNext ? sequence + linked : this.scanForward(sequence + 1, { id, members: undefined });
    } else if (lasts.values[id] === sequence) {
      lasts.values[id] = this.scanBackward(sequence - 1, { id, members: undefined });
    }
  }

  /** What a filter asks of the blocks; undefined when nothing can match. */
  private wanted(filter: Filter | undefined): Wanted | undefined {
    if (filter === undefined || filter.all) return ALL;
    if (filter.literal === undefined) return { id: 0, members: filter.membership };
    const id = this.subjectIndex.idOf(filter.literal);
    return id === 0 ? undefined : { id, members: undefined };
  }

  private scanForward(from: Sequence, wanted: Wanted): Sequence {
    for (let at = this.blockAt(from); at < this.blocks.length; at++) {
      const block = this.blocks[at];
      if (block.live === 0) continue;
      const slot = block.forward(block.lowerBound(from), wanted);
      if (slot >= 0) return block.sequenceAt(slot);
    }
    return 0;
  }

  private scanBackward(from: Sequence, wanted: Wanted): Sequence {
    for (let at = Math.min(this.blockAt(from), this.blocks.length - 1); at >= 0; at--) {
      const block = this.blocks[at];
      if (block.live === 0 || block.first > from) continue;
      const slot = block.backward(block.lowerBound(from + 1) - 1, wanted);
      if (slot >= 0) return block.sequenceAt(slot);
    }
    return 0;
  }

  private totalsAt(id: number): SubjectTotals {
    const { counts, firsts, lasts } = this.subjectIndex;
    return {
      subject: this.subjectIndex.nameOf(id),
      messages: counts.values[id],
      firstSequence: firsts.values[id],
      lastSequence: lasts.values[id],
    };
  }

  private countedAt(block: SlotBlock<H>, slot: number): number {
    const flags = block.offsets[slot];
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

function timeNs(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanoseconds);
}
