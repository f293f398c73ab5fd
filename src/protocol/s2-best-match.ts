// For the best level of S2: the earlier places of each word of a block in chains, and the match among them that saves most.
import { copyBytes, MIN_MATCH, sameBytes } from "./s2-block-output.js";
import { viewOf } from "./words.js";

/** Earlier places that are looked at. */
const DEPTH = 16;
/** A match of this length is taken without looking any further. */
const ENOUGH = 64;
const BITS = 15;

export class BestMatch {
  /** What `find` has found; `count` 0: nothing. */
  offset = 0;
  count = 0;
  /** Bytes that it saves. */
  saved = 0;
  private readonly blockBytes: number;
  // The latest place of each hash from `epoch` on; what is below is of an earlier block, so that nothing has to be cleared.
  private readonly newest = new Int32Array(1 << BITS);
  private epoch = 0;
  // How far before each place the one before it in its chain is; 0 ends a chain.
  private readonly older: Uint16Array;
  private added = 0;
  private source: Uint8Array = new Uint8Array(0);
  private view: DataView = viewOf(this.source);
  private start = 0;
  private end = 0;

  /** `blockBytes`: the length of the longest block, at most 65,536. */
  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
    this.older = new Uint16Array(blockBytes);
  }

  begin(source: Uint8Array, start: number, end: number): void {
    this.epoch += this.blockBytes;
    if (this.epoch >= 0x7fff0000) {
      this.newest.fill(0);
      this.epoch = this.blockBytes;
    }
    this.source = source;
    this.view = viewOf(source);
    this.start = start;
    this.added = start;
    this.end = end;
  }

  /** Looks for a match at `at`, at least MIN_MATCH bytes before the end; a repeat would have the offset `last` (0: none). */
  find(at: number, last: number): void {
    const { source, view, start, end, older } = this;
    while (this.added <= at) this.add(this.added++);
    this.count = 0;
    this.saved = 0;
    const word = view.getInt32(at);
    if (last !== 0 && view.getInt32(at - last) === word) this.weigh(at, last, last);
    let match = at;
    for (let tries = DEPTH; tries > 0 && this.count < ENOUGH; tries--) {
      const back = older[match - start];
      if (back === 0) return;
      match -= back;
      // Only what is longer than the best so far can be better.
      const { count } = this;
      if (view.getInt32(match) !== word || at + count >= end || source[match + count] !== source[at + count]) continue;
      this.weigh(at, at - match, last);
    }
  }

  private add(at: number): void {
    const slot = Math.imul(this.view.getInt32(at), 0x9e3779b1) >>> (32 - BITS);
    const place = at - this.start + this.epoch;
    const newest = this.newest[slot];
    this.older[at - this.start] = newest >= this.epoch ? place - newest : 0;
    this.newest[slot] = place;
  }

  private weigh(at: number, offset: number, last: number): void {
    const same = sameBytes(this.source, this.view, at - offset + MIN_MATCH, at + MIN_MATCH, this.end);
    const count = MIN_MATCH + same;
    const saved = count - copyBytes(offset, count, last);
    if (saved <= this.saved) return;
    this.offset = offset;
    this.count = count;
    this.saved = saved;
  }
}
