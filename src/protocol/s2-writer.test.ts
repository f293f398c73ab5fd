import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, maskedCrc } from "./crc32c.js";
import { S2Reader } from "./s2-reader.js";
import { type S2Mode, S2Writer } from "./s2-writer.js";

const MODES: S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];

interface Chunk {
  type: number;
  body: Buffer;
}

function chunksOf(stream: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = stream.readUIntLE(at + 1, 3);
    chunks.push({ type: stream[at], body: stream.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
    assert.ok(at <= stream.length);
  }
  return chunks;
}

function read(stream: Uint8Array): string {
  let text = "";
  const reader = new S2Reader((buffer, start, end) => {
    text += buffer.toString("latin1", start, end);
    return true;
  });
  const bytes = Buffer.from(stream);
  assert.equal(reader.feed(bytes, 0, bytes.length), bytes.length);
  return text;
}

const framed = (writer: S2Writer, ...texts: string[]): Buffer =>
  Buffer.concat(writer.frame(texts.map((text) => Buffer.from(text, "latin1"))));

test("a flush is a stream: identifier, then chunks with their checksums", () => {
  const writer = new S2Writer("s2_uncompressed");
  for (const parts of [["PING\r\n"], ["PI", "", "NG\r\n"]]) {
    const stream = framed(writer, ...parts);
    assert.equal(stream.toString("latin1", 0, 14), "\xff\x06\0\0S2sTwO\x01\x0a\0\0");
    assert.equal(stream.readUInt32LE(14), maskedCrc(crc32c(Buffer.from("PING\r\n"))));
    assert.equal(stream.toString("latin1", 18), "PING\r\n");
  }
  assert.deepEqual(writer.frame([]), []);
  assert.deepEqual(writer.frame([Buffer.alloc(0)]), []);
});

test("much is referenced, not copied, in chunks of 64 KB", () => {
  const parts = [Buffer.alloc(100, "a"), Buffer.alloc(200_000, "b"), Buffer.alloc(10, "c")];
  const pieces = new S2Writer("s2_uncompressed").frame(parts);
  const stream = Buffer.concat(pieces);
  const chunks = chunksOf(stream);
  assert.deepEqual(
    chunks.map(({ type, body }) => [type, body.length]),
    [[255, 6], ...[65_540, 65_540, 65_540].map((length) => [1, length]), [1, 200_110 - 3 * 65_536 + 4]],
  );
  assert.equal(read(stream), Buffer.concat(parts).toString("latin1"));
  const copied = pieces.filter((piece) => !parts.some((part) => part.buffer === piece.buffer));
  assert.ok(copied.reduce((sum, piece) => sum + piece.length, 0) < 100);
});

test("what compresses is compressed, what does not is not", () => {
  const line = "RMSG $G orders.eu 12\r\nhello world!\r\n".repeat(5000);
  const noise = randomBytes(3000).toString("latin1");
  for (const mode of MODES.slice(1)) {
    const writer = new S2Writer(mode);
    const long = framed(writer, line.slice(0, 10), line.slice(10));
    assert.deepEqual(
      chunksOf(long).map(({ type }) => type),
      [255, 0, 0, 0],
    );
    assert.ok(long.length < line.length / 100, mode);
    assert.equal(read(long), line);
    for (const text of ["PING\r\n", noise]) {
      const stream = framed(writer, text);
      assert.deepEqual(
        chunksOf(stream).map(({ type }) => type),
        [255, 1],
      );
      assert.equal(read(stream), text);
    }
  }
});

test("the mode can change between flushes", () => {
  const writer = new S2Writer("s2_best");
  const streams = MODES.map((mode) => {
    writer.mode = mode;
    return framed(writer, "x".repeat(1000));
  });
  assert.deepEqual(
    streams.map((stream) => stream[10]),
    [1, 0, 0, 0],
  );
  assert.equal(read(Buffer.concat(streams)), "x".repeat(4000));
});

test("what was framed stays until its memory may be used again", () => {
  const writer = new S2Writer("s2_uncompressed");
  const other = new S2Writer("s2_fast");
  const first = writer.frame([Buffer.from("first")]);
  const second = other.frame([Buffer.from("second")]);
  // Something came after it: its memory is not the last.
  writer.reuse();
  const third = writer.frame([Buffer.from("third")]);
  assert.deepEqual(
    [first, second, third].map((pieces) => read(Buffer.concat(pieces))),
    ["first", "second", "third"],
  );
  writer.reuse();
  const fourth = other.frame([Buffer.from("fourth")]);
  assert.equal(fourth[0].byteOffset, third[0].byteOffset);
  assert.equal(read(Buffer.concat(second)), "second");
});

test("many flushes, some of whose memory stays in use", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          mode: fc.constantFrom(...MODES),
          sizes: fc.array(fc.oneof(fc.nat(100), fc.nat(100_000)), { maxLength: 4 }),
          written: fc.boolean(),
        }),
        { maxLength: 20 },
      ),
      (flushes) => {
        const writers = [new S2Writer("s2_fast"), new S2Writer("s2_fast")];
        const held: { pieces: Uint8Array[]; text: string }[] = [];
        flushes.forEach(({ mode, sizes, written }, i) => {
          const writer = writers[i % 2];
          writer.mode = mode;
          const chunks = sizes.map((size, n) => Buffer.alloc(size, `${i}.${n} `));
          const text = Buffer.concat(chunks).toString("latin1");
          const pieces = writer.frame(chunks);
          assert.equal(read(Buffer.concat(pieces)), text);
          if (written) writer.reuse();
          else held.push({ pieces, text });
        });
        for (const { pieces, text } of held) assert.equal(read(Buffer.concat(pieces)), text);
      },
    ),
    { numRuns: 40 },
  );
});
