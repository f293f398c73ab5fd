// Memory for what stays: it does not count when the engine decides whether to collect garbage, which it otherwise does whenever a
// few dozen megabytes were taken, though nothing can be collected of a stream that grows. What is let go counts instead.

/** The most that is told of at once. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** Memory of `bytes` bytes, all zero. */
export function takeQuietly(bytes: number): Buffer {
  // Shared memory is nobody's garbage in particular, so that no thread's collector counts it.
  return Buffer.from(new SharedArrayBuffer(bytes));
}

/** So much of it is not needed any more: it goes with the next collection of garbage, which comes as soon as for any other memory. */
export function letGo(bytes: number): void {
  if (bytes <= 0) return;
  try {
    // Memory that nobody touches takes no room.
    Buffer.allocUnsafeSlow(Math.min(bytes, LARGEST_BYTES));
  } catch {
    // Where there is none left, garbage is collected anyway.
  }
}
