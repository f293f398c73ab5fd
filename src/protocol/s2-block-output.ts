// The block that an encoder writes: its length, literals, copies and repeats in their shortest form (s2-block.ts reads them).

/** Shorter matches are not worth a copy. */
export const MIN_MATCH = 4;

const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
/** The longest copy with a two-byte offset. */
const LONGEST_COPY = 64;
/** Offsets below this fit into a copy with a one-byte offset. */
const NEAR = 2048;
const LONGEST_NEAR_COPY = 11;
/** What an element without its literal bytes takes at most; a copy may be followed by its repeat. */
const ELEMENT_BYTES = 8;
/** Longer literals are left to the platform's own copying. */
const LONG_LITERAL = 64;

export class BlockOutput {
  /** The last offset, which a repeat stands for; 0 for none yet. */
  offset = 0;
  /** Where the next byte is written. */
  at = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private limit = 0;

  /** Begins a block of `length` bytes (at most 65,536) at `at` of `bytes`; it is not to grow beyond `limit`. */
  begin(bytes: Uint8Array, at: number, limit: number, length: number): void {
    this.bytes = bytes;
    this.limit = limit;
    this.offset = 0;
    while (length >= 128) {
      bytes[at++] = (length & 127) | 128;
      length >>>= 7;
    }
    bytes[at++] = length;
    this.at = at;
  }

  /** Appends `source[start..end)` as a literal. False: the block would grow too long. */
  literal(source: Uint8Array, start: number, end: number): boolean {
    const count = end - start;
    if (count === 0) return true;
    const { bytes } = this;
    let { at } = this;
    if (at + count + ELEMENT_BYTES > this.limit) return false;
    const less = count - 1;
    if (less < 60) bytes[at++] = (less << 2) | LITERAL;
    else if (less < 256) {
      bytes[at++] = (60 << 2) | LITERAL;
      bytes[at++] = less;
    } else {
      bytes[at++] = (61 << 2) | LITERAL;
      bytes[at++] = less;
      bytes[at++] = less >>> 8;
    }
    if (count > LONG_LITERAL) bytes.set(source.subarray(start, end), at);
    else for (let i = 0; i < count; i++) bytes[at + i] = source[start + i];
    this.at = at + count;
    return true;
  }

  /** Appends a copy of `count` bytes (at least MIN_MATCH) from `offset` (at most 65,535) before. False: the block would grow too long. */
  copy(offset: number, count: number): boolean {
    if (this.at + ELEMENT_BYTES > this.limit) return false;
    if (offset !== this.offset) {
      count -= this.first(offset, count);
      this.offset = offset;
      if (count === 0) return true;
    }
    this.repeat(count);
    return true;
  }

  // Writes a copy of `count` bytes, or of fewer when a repeat is to go on with the rest; returns of how many.
  private first(offset: number, count: number): number {
    const { bytes } = this;
    let { at } = this;
    if (offset < NEAR && (count <= LONGEST_NEAR_COPY || count > LONGEST_COPY)) {
      const taken = Math.min(count, LONGEST_NEAR_COPY);
      bytes[at++] = ((offset >>> 8) << 5) | ((taken - 4) << 2) | COPY_1;
      bytes[at++] = offset;
      this.at = at;
      return taken;
    }
    // A repeat is not shorter than MIN_MATCH.
    const taken = count <= LONGEST_COPY ? count : Math.min(LONGEST_COPY, count - MIN_MATCH);
    bytes[at++] = ((taken - 1) << 2) | COPY_2;
    bytes[at++] = offset;
    bytes[at++] = offset >>> 8;
    this.at = at;
    return taken;
  }

  private repeat(count: number): void {
    const { bytes } = this;
    let { at } = this;
    if (count <= 8) {
      bytes[at++] = ((count - 4) << 2) | COPY_1;
      bytes[at++] = 0;
    } else if (count < 260) {
      bytes[at++] = (5 << 2) | COPY_1;
      bytes[at++] = 0;
      bytes[at++] = count - 8;
    } else {
      bytes[at++] = (6 << 2) | COPY_1;
      bytes[at++] = 0;
      bytes[at++] = count - 260;
      bytes[at++] = (count - 260) >>> 8;
    }
    this.at = at;
  }
}

/** Bytes that a copy of `count` bytes takes, as `BlockOutput.copy` writes it after one from `last`. */
export function copyBytes(offset: number, count: number, last: number): number {
  if (offset === last) return repeatBytes(count);
  if (count <= LONGEST_NEAR_COPY && offset < NEAR) return 2;
  if (count <= LONGEST_COPY) return 3;
  return offset < NEAR ? 2 + repeatBytes(count - LONGEST_NEAR_COPY) : 3 + repeatBytes(count - LONGEST_COPY);
}

function repeatBytes(count: number): number {
  return count <= 8 ? 2 : count < 260 ? 3 : 4;
}

/** How many bytes from `a` on are the same as those from `b` on, which is behind `a` and counts to `end`. */
export function sameBytes(bytes: Uint8Array, view: DataView, a: number, b: number, end: number): number {
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
