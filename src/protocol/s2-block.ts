// Decodes S2 blocks: Snappy's (https://github.com/google/snappy/blob/main/format_description.txt) and S2's repeated offsets
// (https://github.com/klauspost/compress/tree/master/s2, Format Extensions).
import { S2Error } from "./s2-error.js";

const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
// Lengths of a repeat that begin where those with one length byte less end.
const REPEAT_BASE = [4, 8, 260, 65_540];
/** Longer runs are left to the platform's own copying. */
const LONG_RUN = 128;

/**
 * The length that the block `bytes[start..end)` says it decodes to.
 * @throws {S2Error} S2_BLOCK
 */
export function decodedLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start, factor = 1; at < end && at < start + 5; at++, factor *= 128) {
    length += (bytes[at] & 127) * factor;
    if (bytes[at] < 128) {
      if (length > 0xffffffff) break;
      return length;
    }
  }
  throw broken("no length");
}

/**
 * Decodes the block `bytes[start..end)` to the beginning of `target`, which has room for its `decodedLength`, and returns that
 * length. What stands behind it in `target` stays.
 * @throws {S2Error} S2_BLOCK
 */
export function decodeBlock(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const length = decodedLength(bytes, start, end);
  if (length > target.length) throw broken("longer than the room for it");
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const out = new DataView(target.buffer, target.byteOffset, length);
  let at = start;
  while (bytes[at++] >= 128);
  let filled = 0;
  // Repeats need one that was set in this block.
  let offset = 0;
  while (at < end) {
    const tag = bytes[at++];
    const kind = tag & 3;
    let count = tag >>> 2;
    if (kind === LITERAL) {
      if (count >= 60) {
        const extra = count - 59;
        count = smallEndian(bytes, at, end, extra);
        at += extra;
      }
      count++;
      if (count > end - at || count > length - filled) throw broken("a literal is too long");
      copyLiteral(bytes, view, at, target, out, filled, count);
      at += count;
      filled += count;
      continue;
    }
    if (kind === COPY_1) {
      const near = ((tag & 0xe0) << 3) | smallEndian(bytes, at++, end, 1);
      count &= 7;
      if (near !== 0) {
        offset = near;
        count += 4;
      } else if (count <= 4) {
        count += 4;
      } else {
        const extra = count - 4;
        count = REPEAT_BASE[extra] + smallEndian(bytes, at, end, extra);
        at += extra;
      }
    } else {
      const extra = kind === COPY_2 ? 2 : 4;
      offset = smallEndian(bytes, at, end, extra);
      at += extra;
      count++;
    }
    if (offset === 0 || offset > filled) throw broken("an offset leads out of it");
    if (count > length - filled) throw broken("a copy is too long");
    repeatEarlier(target, out, filled, offset, count);
    filled += count;
  }
  if (filled !== length) throw broken("it ends too early");
  return length;
}

function broken(what: string): S2Error {
  return new S2Error("S2_BLOCK", `s2: broken block: ${what}`);
}

function smallEndian(bytes: Uint8Array, at: number, end: number, count: number): number {
  if (at + count > end) throw broken("it ends within an element");
  if (count === 1) return bytes[at];
  if (count === 2) return bytes[at] | (bytes[at + 1] << 8);
  const three = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  return count === 3 ? three : three + bytes[at + 3] * 0x1000000;
}

// Short runs by words, the last of which may overlap the one before it.
function copyLiteral(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  target: Uint8Array,
  out: DataView,
  to: number,
  count: number,
): void {
  if (count > LONG_RUN) target.set(bytes.subarray(at, at + count), to);
  else if (count < 4) for (let i = 0; i < count; i++) target[to + i] = bytes[at + i];
  else {
    const last = count - 4;
    for (let i = 0; i < last; i += 4) out.setInt32(to + i, view.getInt32(at + i));
    out.setInt32(to + last, view.getInt32(at + last));
  }
}

// What is copied may reach into what it makes: a run of less than its length repeats.
function repeatEarlier(target: Uint8Array, out: DataView, to: number, offset: number, count: number): void {
  const from = to - offset;
  if (count > LONG_RUN) {
    let done = Math.min(offset, count);
    target.copyWithin(to, from, from + done);
    // Each time twice as much is there to be copied.
    for (; done < count; ) {
      const next = Math.min(done, count - done);
      target.copyWithin(to + done, to, to + next);
      done += next;
    }
  } else if (offset < 4 || count < 4) for (let i = 0; i < count; i++) target[to + i] = target[from + i];
  else {
    const last = count - 4;
    for (let i = 0; i < last; i += 4) out.setInt32(to + i, out.getInt32(from + i));
    out.setInt32(to + last, out.getInt32(from + last));
  }
}
