// Encodes S2 blocks at three levels: with the first match that comes (fast), with the better of two (better), and with the best
// of many (best, s2-best-match.ts).
import { BestMatch } from "./s2-best-match.js";
import { BlockOutput, MIN_MATCH, sameBytes } from "./s2-block-output.js";
import { viewOf } from "./words.js";

/** The longest block that is encoded, so that places in it fit into 16 bits; longer input makes several. */
export const LONGEST_BLOCK = 65_536;

export type S2Level = "fast" | "better" | "best";

/** Shorter input is not worth trying. */
const SHORTEST_BLOCK = 48;
/** Matches are not looked for in the last bytes, so that words can be read everywhere. */
const TAIL = 12;

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
  output.begin(target, at, at + length - (length >>> 5) - 4, length);
  const encode = level === "fast" ? encodeFast : level === "better" ? encodeBetter : encodeBest;
  return encode(source, start, end) ? output.at : -1;
}

/** Where each word was seen last. */
class Places {
  /** By hash, from `epoch` on; what is below is of an earlier block, so that nothing has to be cleared. */
  readonly newest: Int32Array;
  epoch = 0;

  constructor(bits: number) {
    this.newest = new Int32Array(1 << bits);
  }

  /** Begins a block. Returns what makes a place in it of one in `newest`; less than `start` is none. */
  begin(start: number): number {
    this.epoch += LONGEST_BLOCK;
    if (this.epoch >= 0x7fff0000) {
      this.newest.fill(0);
      this.epoch = LONGEST_BLOCK;
    }
    return start - this.epoch;
  }
}

const FAST_BITS = 14;
const fastPlaces = new Places(FAST_BITS);

const hashOf = (word: number, bits: number): number => Math.imul(word, 0x9e3779b1) >>> (32 - bits);
const longHashOf = (word: number, next: number, bits: number): number =>
  Math.imul(Math.imul(word, 0x9e3779b1) ^ next, 0x85ebca6b) >>> (32 - bits);

function encodeFast(source: Uint8Array, start: number, end: number): boolean {
  const { newest } = fastPlaces;
  const shift = fastPlaces.begin(start);
  const view = viewOf(source);
  const last = end - TAIL;
  let literal = start;
  let at = start;
  let offset = 0;
  while (at <= last) {
    const word = view.getInt32(at);
    const slot = hashOf(word, FAST_BITS);
    let match = newest[slot] + shift;
    newest[slot] = at - shift;
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
    const count = MIN_MATCH + sameBytes(source, view, match + MIN_MATCH, at + MIN_MATCH, end);
    if (!output.literal(source, literal, at) || !output.copy(offset, count)) return false;
    at += count;
    literal = at;
    if (at <= last) newest[hashOf(view.getInt32(at - 2), FAST_BITS)] = at - 2 - shift;
  }
  return output.literal(source, literal, end);
}

const BETTER_BITS = 14;
const LONG_BITS = 15;
let betterPlaces: Places | undefined;
let longPlaces: Places | undefined;

/** A match of eight bytes is taken first, else one of four, unless one of eight begins a byte later. */
function encodeBetter(source: Uint8Array, start: number, end: number): boolean {
  betterPlaces ??= new Places(BETTER_BITS);
  longPlaces ??= new Places(LONG_BITS);
  const { newest } = betterPlaces;
  const newestLong = longPlaces.newest;
  // Both begin as many blocks.
  const shift = betterPlaces.begin(start);
  longPlaces.begin(start);
  const view = viewOf(source);
  const last = end - TAIL;
  let literal = start;
  let at = start;
  let offset = 0;
  while (at <= last) {
    const word = view.getInt32(at);
    const next = view.getInt32(at + 4);
    const slot = hashOf(word, BETTER_BITS);
    const longSlot = longHashOf(word, next, LONG_BITS);
    let match = newest[slot] + shift;
    const long = newestLong[longSlot] + shift;
    newest[slot] = at - shift;
    newestLong[longSlot] = at - shift;
    if (offset !== 0 && view.getInt32(at - offset) === word) match = at - offset;
    else if (long >= start && view.getInt32(long) === word && view.getInt32(long + 4) === next) match = long;
    else if (match >= start && view.getInt32(match) === word) {
      const laterWord = view.getInt32(at + 1);
      const laterNext = view.getInt32(at + 5);
      const later = newestLong[longHashOf(laterWord, laterNext, LONG_BITS)] + shift;
      if (later >= start && view.getInt32(later) === laterWord && view.getInt32(later + 4) === laterNext) {
        at++;
        match = later;
      }
    } else {
      at += 1 + ((at - literal) >>> 6);
      continue;
    }
    while (at > literal && match > start && source[at - 1] === source[match - 1]) {
      at--;
      match--;
    }
    offset = at - match;
    const count = MIN_MATCH + sameBytes(source, view, match + MIN_MATCH, at + MIN_MATCH, end);
    if (!output.literal(source, literal, at) || !output.copy(offset, count)) return false;
    const until = Math.min(at + count, last + 1);
    for (let place = at + 1; place < until; place += 3) {
      const placed = view.getInt32(place);
      newest[hashOf(placed, BETTER_BITS)] = place - shift;
      newestLong[longHashOf(placed, view.getInt32(place + 4), LONG_BITS)] = place - shift;
    }
    at += count;
    literal = at;
  }
  return output.literal(source, literal, end);
}

/** Places behind a match at which a better one is looked for. */
const LOOK_AHEAD = 2;
/** A match of this length is taken without looking any further. */
const ENOUGH = 64;
let best: BestMatch | undefined;

function encodeBest(source: Uint8Array, start: number, end: number): boolean {
  best ??= new BestMatch(LONGEST_BLOCK);
  best.begin(source, start, end);
  const last = end - TAIL;
  let literal = start;
  for (let at = start; at <= last; ) {
    best.find(at, output.offset);
    if (best.count === 0) {
      at += 1 + ((at - literal) >>> 7);
      continue;
    }
    let { offset, count, saved } = best;
    for (let next = at + 1; next <= at + LOOK_AHEAD && next <= last && count < ENOUGH; next++) {
      best.find(next, output.offset);
      if (best.saved <= saved + (next - at)) continue;
      ({ offset, count, saved } = best);
      at = next;
    }
    while (at > literal && at - offset > start && source[at - 1] === source[at - offset - 1]) {
      at--;
      count++;
    }
    if (!output.literal(source, literal, at) || !output.copy(offset, count)) return false;
    at += count;
    literal = at;
  }
  return output.literal(source, literal, end);
}
