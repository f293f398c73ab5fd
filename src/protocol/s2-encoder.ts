// Encodes S2 blocks at three levels: the first match that comes (fast), the best of a few (better), of many (best).
import { BlockOutput, copyBytes, MIN_MATCH } from "./s2-block-output.js";

/** The longest block that is encoded, so that places in it fit into 16 bits; longer input makes several. */
export const LONGEST_BLOCK = 65_536;

export type S2Level = "fast" | "better" | "best";

/** Shorter input is not worth trying. */
const SHORTEST_BLOCK = 48;
/** Matches are not looked for in the last bytes, so that words can be read everywhere. */
const TAIL = 8;

const output = new BlockOutput();

/**
 * Encodes `source[start..end)`, at most LONGEST_BLOCK bytes, to `target` from `at` on, where there is room for as many bytes.
 * Returns where the block ends, or -1 when it would not be clearly shorter than its input.
 */
export function encodeBlock(
  level: S2Level,
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const length = end - start;
  if (length < SHORTEST_BLOCK) return -1;
  const limit = at + length - (length >>> 5) - 4;
  output.begin(target, at, limit, length);
  const done =
    level === "fast"
      ? encodeFast(source, start, end)
      : encodeWell(source, start, end, level === "better" ? BETTER : BEST);
  return done ? output.at : -1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** How many bytes from `a` on are the same as those from `b` on, which is behind `a` and counts to `end`. */
function sameBytes(bytes: Uint8Array, view: DataView, a: number, b: number, end: number): number {
  const from = b;
  const last = end - 4;
  while (b <= last) {
    if (view.getInt32(a) !== view.getInt32(b)) break;
    a += 4;
    b += 4;
  }
  while (b < end && bytes[a] === bytes[b]) {
    a++;
    b++;
  }
  return b - from;
}

// Tables of places are used for block after block without being cleared: what is below `epoch` is of an earlier one.
const LAST_EPOCH = 0x7fff0000 - LONGEST_BLOCK;

const FAST_BITS = 14;
const fastPlaces = new Int32Array(1 << FAST_BITS);
let fastEpoch = 0;

function encodeFast(source: Uint8Array, start: number, end: number): boolean {
  fastEpoch += LONGEST_BLOCK;
  if (fastEpoch > LAST_EPOCH) {
    fastPlaces.fill(0);
    fastEpoch = LONGEST_BLOCK;
  }
  const view = viewOf(source);
  const shift = 32 - FAST_BITS;
  // What turns a place of the table into one of the source.
  const shiftPlace = start - fastEpoch;
  const last = end - TAIL;
  let literal = start;
  let at = start;
  let offset = 0;
  while (at <= last) {
    const word = view.getInt32(at);
    const slot = Math.imul(word, 0x9e3779b1) >>> shift;
    let match = fastPlaces[slot] + shiftPlace;
    fastPlaces[slot] = at - shiftPlace;
    if (offset !== 0 && view.getInt32(at - offset) === word) match = at - offset;
    else if (match < start || view.getInt32(match) !== word) {
      // The longer nothing matches, the less is tried.
      at += 1 + ((at - literal) >>> 5);
      continue;
    }
    while (at > literal && match > start && source[at - 1] === source[match - 1]) {
      at--;
      match--;
    }
    offset = at - match;
    const count = 4 + sameBytes(source, view, match + 4, at + 4, end);
    if (!output.literal(source, literal, at) || !output.copy(offset, count)) return false;
    at += count;
    literal = at;
    if (at > last) break;
    const before = view.getInt32(at - 2);
    fastPlaces[Math.imul(before, 0x9e3779b1) >>> shift] = at - 2 - shiftPlace;
  }
  return output.literal(source, literal, end);
}

interface Effort {
  /** Earlier places that are looked at for each. */
  readonly depth: number;
  /** Places behind a match at which a better one is looked for. */
  readonly lookAhead: number;
  /** A match of this length is taken without looking any further. */
  readonly enough: number;
  /** Where nothing has matched for 2^skip bytes, each further place is left out, and so on. */
  readonly skip: number;
}

const BETTER: Effort = { depth: 6, lookAhead: 1, enough: 48, skip: 6 };
const BEST: Effort = { depth: 48, lookAhead: 2, enough: 256, skip: 8 };

/** The earlier places of each place, latest first, and the best match among them. */
class Chains {
  offset = 0;
  count = 0;
  /** Bytes that the match saves. */
  saved = 0;
  private static readonly BITS = 15;
  private readonly newest = new Int32Array(1 << Chains.BITS);
  // How far before each place the one before it in its chain is; 0 ends a chain.
  private readonly older = new Uint16Array(LONGEST_BLOCK);
  private epoch = 0;
  private source: Uint8Array = new Uint8Array(0);
  private view: DataView = viewOf(this.source);
  private start = 0;
  private end = 0;

  begin(source: Uint8Array, start: number, end: number): void {
    this.epoch += LONGEST_BLOCK;
    if (this.epoch > LAST_EPOCH) {
      this.newest.fill(0);
      this.epoch = LONGEST_BLOCK;
    }
    this.source = source;
    this.view = viewOf(source);
    this.start = start;
    this.end = end;
  }

  add(at: number): void {
    const slot = Math.imul(this.view.getInt32(at), 0x9e3779b1) >>> (32 - Chains.BITS);
    const place = at - this.start + this.epoch;
    const newest = this.newest[slot];
    this.older[at - this.start] = newest >= this.epoch ? place - newest : 0;
    this.newest[slot] = place;
  }

  /** Looks for the match at `at`, which was added, that saves most; `last` is the offset that a repeat would have. */
  find(at: number, last: number, depth: number): void {
    const { source, view, start, end, older } = this;
    this.count = 0;
    this.saved = 0;
    const word = view.getInt32(at);
    if (last !== 0 && at - last >= start && view.getInt32(at - last) === word) this.weigh(at, last, last);
    let match = at;
    for (let tries = depth; tries > 0; tries--) {
      const back = older[match - start];
      if (back === 0) return;
      match -= back;
      // Only what is longer than the best so far can be better.
      const { count } = this;
      if (view.getInt32(match) === word && at + count < end && source[match + count] === source[at + count])
        this.weigh(at, at - match, last);
    }
  }

  private weigh(at: number, offset: number, last: number): void {
    const count = 4 + sameBytes(this.source, this.view, at - offset + 4, at + 4, this.end);
    const saved = count - copyBytes(offset, count, last);
    if (saved <= this.saved) return;
    this.offset = offset;
    this.count = count;
    this.saved = saved;
  }
}

let chains: Chains | undefined;

function encodeWell(source: Uint8Array, start: number, end: number, effort: Effort): boolean {
  chains ??= new Chains();
  const { depth, lookAhead, enough, skip } = effort;
  chains.begin(source, start, end);
  const last = end - TAIL;
  let literal = start;
  let added = start;
  const find = (at: number): void => {
    while (added <= at) chains!.add(added++);
    chains!.find(at, output.offset, depth);
  };
  for (let at = start; at <= last; ) {
    find(at);
    if (chains.count < MIN_MATCH) {
      at += 1 + ((at - literal) >>> skip);
      added = Math.max(added, at);
      continue;
    }
    let { offset, count, saved } = chains;
    for (let next = at + 1; next <= at + lookAhead && next <= last && count < enough; next++) {
      find(next);
      if (chains.saved <= saved + (next - at)) continue;
      ({ offset, count, saved } = chains);
      at = next;
    }
    while (at > literal && at - offset > start && source[at - 1] === source[at - offset - 1]) {
      at--;
      count++;
    }
    if (!output.literal(source, literal, at) || !output.copy(offset, count)) return false;
    at += count;
    literal = at;
    while (added < at && added <= last) chains.add(added++);
  }
  return output.literal(source, literal, end);
}
