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
  for (let i = 0; i < last; i += 4) to.setInt32(toAt + i, from.getInt32(at + i));
  to.setInt32(toAt + last, from.getInt32(at + last));
}
