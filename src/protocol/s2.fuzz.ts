// Random bytes for the S2 codec: what is written is read again however it is cut, and what was damaged is refused by name.
import assert from "node:assert/strict";
import { decodeBlock } from "./s2-block.js";
import { S2Error } from "./s2-error.js";
import { S2Reader } from "./s2-reader.js";
import { type S2Mode, S2Writer } from "./s2-writer.js";

/** Random flushes in random modes, read in random slices: the same bytes; with a byte changed, the same or an S2Error. Throws AssertionError. */
export function fuzzS2Streams(runs: number, seed = 1): void {
  const below = generator(seed);
  const writer = new S2Writer("s2_fast");
  for (let run = 0; run < runs; run++) {
    const flushes = Array.from({ length: 1 + below(3) }, () => randomChunks(below));
    const streams = flushes.map((chunks) => {
      writer.mode = MODES[below(MODES.length)];
      const stream = Buffer.concat(writer.frame(chunks));
      writer.reuse();
      return stream;
    });
    const sent = Buffer.concat(flushes.flat());
    const stream = Buffer.concat(streams);
    assert.ok(readInSlices(stream, below).equals(sent), `run ${run}`);
    if (stream.length === 0) continue;
    const damaged = Buffer.from(stream);
    damaged[below(damaged.length)] ^= 1 << below(8);
    const received = orError(() => readInSlices(damaged, below));
    if (received !== undefined) assert.ok(lacksAtMostARun(received, sent), `run ${run}: damage was not seen`);
  }
}

/** Random elements as a block: decoded within its room, or an S2Error. Throws AssertionError. */
export function fuzzS2Blocks(runs: number, seed = 1): void {
  const below = generator(seed);
  for (let run = 0; run < runs; run++) {
    const block = randomBlock(below);
    const target = Buffer.alloc(320, 0x2e);
    const length = orError(() => decodeBlock(block, 0, block.length, target.subarray(0, 300)));
    assert.equal(target.toString("latin1", 300), ".".repeat(20), block.toString("hex"));
    if (length !== undefined) assert.ok(length <= 300, block.toString("hex"));
  }
}

// A chunk whose type became a skippable one is not read, and one that became longer waits for more.
function lacksAtMostARun(received: Buffer, sent: Buffer): boolean {
  if (received.length > sent.length) return false;
  let same = 0;
  while (same < received.length && received[same] === sent[same]) same++;
  return received.subarray(same).equals(sent.subarray(sent.length - received.length + same));
}

type Below = (limit: number) => number;

const MODES: readonly S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];

function orError<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof S2Error) return undefined;
    throw error;
  }
}

function readInSlices(stream: Buffer, below: Below): Buffer {
  const parts: Buffer[] = [];
  const reader = new S2Reader((buffer, start, end) => {
    parts.push(Buffer.from(buffer.subarray(start, end)));
    return below(2) === 0;
  });
  const longest = below(2) === 0 ? 7 : stream.length;
  for (let at = 0; at < stream.length; ) {
    const next = Math.min(stream.length, at + 1 + below(longest));
    // The slice stands somewhere in a buffer that is used again at once.
    const chunk = Buffer.alloc(next - at + 6, 0xee);
    stream.copy(chunk, 3, at, next);
    for (let from = 3; from < 3 + next - at; ) from = reader.feed(chunk, from, 3 + next - at);
    chunk.fill(0xee);
    at = next;
  }
  return Buffer.concat(parts);
}

function randomChunks(below: Below): Buffer[] {
  return Array.from({ length: below(4) }, () => {
    const parts: Buffer[] = [];
    for (let count = below(30); count > 0; count--) {
      const kind = below(4);
      if (kind === 0) parts.push(Buffer.alloc(below(300), below(256)));
      else if (kind === 1) parts.push(Buffer.from(Array.from({ length: below(20) }, () => below(256))));
      else parts.push(Buffer.from(`RMSG $G orders.${below(9)} ${below(99)}\r\n`));
    }
    if (below(50) === 0) parts.push(Buffer.alloc(below(150_000), `${below(1000)} `));
    return Buffer.concat(parts);
  });
}

function randomBlock(below: Below): Buffer {
  const length = below(300);
  const bytes = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  for (let count = below(12); count > 0; count--) {
    const kind = below(5);
    const extra = below(3);
    if (kind === 0) bytes.push(below(256));
    else if (kind === 1) bytes.push(below(12) << 2, ...Array.from({ length: 12 }, () => below(256)));
    else if (kind === 2) bytes.push((below(8) << 2) | 1, below(20), ...Array(extra).fill(0));
    else if (kind === 3) bytes.push((below(64) << 2) | 2, below(20), below(20) === 0 ? 1 : 0);
    else bytes.push((below(64) << 2) | 3, below(20), 0, 0, below(40) === 0 ? 255 : 0);
  }
  return Buffer.from(bytes);
}

// The mulberry32 generator: small, and the same for a seed everywhere.
function generator(seed: number): Below {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * limit);
  };
}
