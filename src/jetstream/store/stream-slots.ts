// Where the messages of a stream stand: the slots of its segments, in the order of their sequences.
import { SlotBlock, SlotFlag, type Wanted } from "./slot-block.js";
import type { Sequence } from "./store.js";

/** Beyond a gap of this many sequences a new block begins, rather than a slot for each. */
const MAX_GAP = 1024;
const NS_PER_SECOND = 1_000_000_000n;

/** A message's place. */
export interface Place<H> {
  readonly block: SlotBlock<H>;
  readonly slot: number;
}

export class StreamSlots<H> {
  /** In the order of their sequences; the last one grows. */
  readonly blocks: SlotBlock<H>[] = [];
  firstSequence = 0;
  lastSequence = 0;
  // The block and the slot that `find` has found.
  protected foundBlock = 0;
  protected foundSlot = 0;

  /** The block that grows takes no more messages near this sequence. */
  needsBlock(sequence: Sequence): boolean {
    const block = this.blocks[this.blocks.length - 1];
    return block === undefined || !block.reaches(sequence, MAX_GAP);
  }

  has(sequence: Sequence): boolean {
    return this.find(sequence);
  }

  /** Undefined when there is no such message. */
  placeOf(sequence: Sequence): Place<H> | undefined {
    if (!this.find(sequence)) return undefined;
    return { block: this.blocks[this.foundBlock], slot: this.foundSlot };
  }

  timeNsAt(sequence: Sequence): bigint {
    if (!this.find(sequence)) return 0n;
    const block = this.blocks[this.foundBlock];
    return timeNs(block.secondsAt(this.foundSlot), block.nanosecondsAt(this.foundSlot));
  }

  /** The first message stored at or after that time; 0 for none. */
  firstSince(time: bigint): Sequence {
    const seconds = Number(time / NS_PER_SECOND);
    const nanoseconds = Number(time % NS_PER_SECOND);
    for (const block of this.blocks) {
      if (block.live === 0 || block.latestSeconds < seconds) continue;
      for (let slot = 0; slot < block.count; slot++) {
        const at = block.secondsAt(slot);
        if (at < seconds || (at === seconds && block.nanosecondsAt(slot) < nanoseconds)) continue;
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
        const at = block.secondsAt(slot);
        if (at > seconds || (at === seconds && block.nanosecondsAt(slot) >= nanoseconds)) return found;
        if ((block.flagsAt(slot) & SlotFlag.never) === 0) found.push(block.sequenceAt(slot));
      }
    }
    return found;
  }

  /** A block with the live slots of `blocks`, which follow each other; records are to be moved in this order, from `begin` on. */
  merged(blocks: readonly SlotBlock<H>[], home: H, begin: number): SlotBlock<H> {
    const total = blocks.reduce((sum, block) => sum + block.live, 0);
    const result = new SlotBlock(home, blocks[0].first, begin, Math.max(total, 1));
    result.makeSparse();
    for (const block of blocks) {
      for (let slot = 0; slot < block.count; slot++) {
        if (!block.isLive(slot)) continue;
        result.add(
          block.sequenceAt(slot),
          block.secondsAt(slot),
          block.nanosecondsAt(slot),
          block.subjectAt(slot),
          block.flagsAt(slot),
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

  protected find(sequence: Sequence): boolean {
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

  /** The first message at or after `from` that has headers; 0 for none. */
  nextWithHeaders(from: Sequence): Sequence {
    for (let at = this.blockAt(from); at < this.blocks.length; at++) {
      const block = this.blocks[at];
      const slot = block.live === 0 ? -1 : block.withHeaders(block.lowerBound(from));
      if (slot >= 0) return block.sequenceAt(slot);
    }
    return 0;
  }

  protected linkTo(last: Sequence, next: Sequence): void {
    if (!this.find(last)) return;
    this.blocks[this.foundBlock].link(this.foundSlot, next - last);
  }

  /** The message after `sequence` of the same subject, if `sequence` is of that subject and knows it; else 0. */
  protected linkedAfter(sequence: Sequence, id: number): Sequence {
    if (!this.find(sequence)) return 0;
    const block = this.blocks[this.foundBlock];
    if (block.subjectAt(this.foundSlot) !== id) return 0;
    const next = sequence + (block.links?.[this.foundSlot] ?? 0);
    return next > sequence && this.has(next) ? next : 0;
  }

  protected scanForward(from: Sequence, wanted: Wanted): Sequence {
    for (let at = this.blockAt(from); at < this.blocks.length; at++) {
      const block = this.blocks[at];
      if (block.live === 0) continue;
      const slot = block.forward(block.lowerBound(from), wanted);
      if (slot >= 0) return block.sequenceAt(slot);
    }
    return 0;
  }

  protected scanBackward(from: Sequence, wanted: Wanted): Sequence {
    for (let at = Math.min(this.blockAt(from), this.blocks.length - 1); at >= 0; at--) {
      const block = this.blocks[at];
      if (block.live === 0 || block.first > from) continue;
      const slot = block.backward(block.lowerBound(from + 1) - 1, wanted);
      if (slot >= 0) return block.sequenceAt(slot);
    }
    return 0;
  }
}

/** Nanoseconds of a time. */
export function timeNs(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanoseconds);
}
