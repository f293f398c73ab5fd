// Bytes compared and copied four at a time, which is faster than one at a time for what is too short for a call.

const NONE = Buffer.alloc(0);
// Chunks come from few buffers: the last two (one that is read, one that is written) are nearly always asked for again.
let lastBuffer: Uint8Array = NONE;
let lastView: DataView = new DataView(NONE.buffer, NONE.byteOffset, 0);
let otherBuffer = lastBuffer;
let otherView = lastView;

/** The bytes of `buffer` as words. */
export function viewOf(buffer: Uint8Array): DataView {
  if (buffer === lastBuffer) return lastView;
  const view = buffer === otherBuffer ? otherView : new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  otherBuffer = lastBuffer;
  otherView = lastView;
  lastBuffer = buffer;
  lastView = view;
  return view;
}

/** Whether `count` bytes of `a` from `atA` on are those of `b` from `atB` on; at least four. */
export function sameWords(a: DataView, atA: number, b: DataView, atB: number, count: number): boolean {
  const last = count - 4;
  for (let i = 0; i < last; i += 4) {
    if (a.getInt32(atA + i) !== b.getInt32(atB + i)) return false;
  }
  return a.getInt32(atA + last) === b.getInt32(atB + last);
}

/** Copies `count` bytes, at least four. */
export function copyWords(from: DataView, at: number, to: DataView, toAt: number, count: number): void {
  const last = count - 4;
  let i = 0;
  // Four at a time: what a loop costs is more than what a word does.
  for (; i <= count - 16; i += 16) {
    to.setInt32(toAt + i, from.getInt32(at + i));
    to.setInt32(toAt + i + 4, from.getInt32(at + i + 4));
    to.setInt32(toAt + i + 8, from.getInt32(at + i + 8));
    to.setInt32(toAt + i + 12, from.getInt32(at + i + 12));
  }
  for (; i < last; i += 4) to.setInt32(toAt + i, from.getInt32(at + i));
  to.setInt32(toAt + last, from.getInt32(at + last));
}

/** Whether `bytes[start..end)` begins with these. */
export function startsWith(bytes: Uint8Array, start: number, end: number, beginning: Uint8Array): boolean {
  if (end - start < beginning.length) return false;
  for (let i = 0; i < beginning.length; i++) if (bytes[start + i] !== beginning[i]) return false;
  return true;
}

/** Up to this size copying in words is faster than a call. */
const SHORT_BYTES = 256;
/** Up to this size a view of the source costs more than it saves. */
const TINY_BYTES = 32;

/** Copies the bytes from `start` to `end` to `at` of `into`, by whatever is fastest for so many; `view` is that of `into`. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  view: DataView,
  at: number,
): void {
  const count = end - start;
  if (count > SHORT_BYTES) into.set(from.subarray(start, end), at);
  else if (count > TINY_BYTES) copyWords(viewOf(from), start, view, at, count);
  else for (let i = 0; i < count; i++) into[at + i] = from[start + i];
}
