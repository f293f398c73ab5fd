import assert from "node:assert/strict";
import { test } from "node:test";
import { nextBlock } from "../../runtime/disk.js";
import { FRAME_HEADER_BYTES, framesOf, writeFrameHeader } from "./frame.js";

/** A frame of a payload of so many bytes, as long as it has to be to stand before the next one. */
function frame(ticket: number, payloadBytes: number, blockBytes: number): Buffer {
  const bytes = FRAME_HEADER_BYTES + payloadBytes;
  const frame = Buffer.alloc(nextBlock(bytes, blockBytes));
  frame.fill(ticket, FRAME_HEADER_BYTES, bytes);
  const rest = { payloadChecksum: 0, nextLog: 1, flags: 0, blockBytes, released: 0 };
  writeFrameHeader(frame, 0, { ticket, payloadBytes, ...rest });
  return frame;
}

function found(file: Buffer): [ticket: number, position: number, payloadBytes: number][] {
  return [...framesOf(file)].map(({ ticket, position, payload }) => [ticket, position, payload.length]);
}

test("frames are found behind each other, and where they begin with blocks", () => {
  const exact = 4096 - FRAME_HEADER_BYTES;
  const file = Buffer.concat([frame(1, 10, 1), frame(2, 100, 1)]);
  assert.deepEqual(found(file), [
    [1, 0, 10],
    [2, 50, 100],
  ]);
  const blocks = Buffer.concat([frame(3, 10, 4096), frame(4, exact, 4096), frame(5, exact + 1, 4096)]);
  const positions: [number, number, number][] = [
    [3, 0, 10],
    [4, 4096, exact],
    [5, 8192, exact + 1],
  ];
  assert.deepEqual(found(blocks), positions);
  // What the file held before ends them.
  assert.deepEqual(found(Buffer.concat([blocks, frame(1, 10, 4096)])), positions);
});

test("a damaged header costs one frame", () => {
  const file = Buffer.concat([frame(3, 10, 4096), frame(4, 20, 4096), frame(5, 30, 4096)]);
  file[4096 + 9] ^= 1;
  assert.deepEqual(
    [...framesOf(file)].map(({ ticket, position, header }) => [ticket, position, header !== undefined]),
    [
      [3, 0, true],
      [4, 4096, false],
      [5, 8192, true],
    ],
  );
});
