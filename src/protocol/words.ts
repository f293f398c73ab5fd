// Bytes compared and copied four at a time, which is faster than one at a time for what is too short for a call.

const NONE = Buffer.alloc(0);
// Chunks come from few buffers: the last one is nearly always asked for again.
let lastBuffer: Uint8Array = NONE;
let lastView: DataView = new DataView(NONE.buffer, NONE.byteOffset, 0);

/** The bytes of `buffer` as words. */
export function viewOf(buffer: Uint8Array): DataView {
  if (buffer === lastBuffer) return lastView;
  lastBuffer = buffer;
  lastView = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  return lastView;
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
