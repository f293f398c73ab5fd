import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.js";
import { S2_IDENTIFIER, SNAPPY_IDENTIFIER, snappyStream, writeChunkHead } from "./s2-chunks.js";
import type { S2ErrorCode } from "./s2-error.js";
import { S2Reader } from "./s2-reader.js";
import { S2Writer } from "./s2-writer.js";

const MIB = 1024 * 1024;

/** Feeds a stream in slices of `size`, each in a buffer that is overwritten at once. */
function read(stream: Uint8Array, size = stream.length): string {
  let text = "";
  const reader = new S2Reader((buffer, start, end) => {
    text += buffer.toString("latin1", start, end);
    return true;
  });
  for (let at = 0; at < stream.length; at += size) {
    const slice = stream.subarray(at, at + size);
    const chunk = Buffer.alloc(slice.length + 5, 0xee);
    chunk.set(slice, 2);
    assert.equal(reader.feed(chunk, 2, 2 + slice.length), 2 + slice.length);
    chunk.fill(0xee);
  }
  return text;
}

function refused(code: S2ErrorCode, ...parts: Uint8Array[]): void {
  const stream = Buffer.concat(parts);
  for (const size of [stream.length, 7, 1]) assert.throws(() => read(stream, size), { name: "S2Error", code });
}

function chunk(type: number, body: Uint8Array): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUIntLE(body.length, 1, 3);
  return Buffer.concat([head, body]);
}

/** A data chunk with the right checksum of `decoded`. */
function data(type: number, body: Uint8Array, decoded: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  writeChunkHead(head, 0, type, body.length, crc32c(decoded));
  return Buffer.concat([head, body]);
}

const plain = (text: string): Buffer => data(1, Buffer.from(text), Buffer.from(text));
/** "aaaa..." of `count` bytes as one literal and one long repeat. */
function bomb(count: number): Buffer {
  const length: number[] = [];
  for (let left = count; ; left >>>= 7) {
    if (left < 128) {
      length.push(left);
      break;
    }
    length.push((left & 127) | 128);
  }
  const rest = count - 6 - 65_540;
  return Buffer.from([...length, 4, 97, 97, 1, 1, (7 << 2) | 1, 0, rest & 255, (rest >> 8) & 255, rest >> 16]);
}

test("chunks of all kinds, whatever the slices", () => {
  const block = Buffer.from([12, 7 << 2, ...Buffer.from("abcdefgh"), 1, 4]);
  const stream = Buffer.concat([
    S2_IDENTIFIER,
    plain("one "),
    chunk(0xfe, Buffer.alloc(300)),
    S2_IDENTIFIER,
    data(0, block, Buffer.from("abcdefghefgh")),
    chunk(0x80, Buffer.alloc(0)),
    chunk(0x99, Buffer.from("an index")),
    chunk(0xfd, Buffer.alloc(70_000, 1)),
    plain(""),
    data(0, Buffer.from([0]), Buffer.alloc(0)),
    snappyStream(Buffer.from(" two")),
    SNAPPY_IDENTIFIER,
    S2_IDENTIFIER,
    plain(" three"),
  ]);
  for (const size of [stream.length, 1, 2, 3, 5, 17, 1000]) {
    assert.equal(read(stream, size), "one abcdefghefgh two three", `slices of ${size}`);
  }
});

test("a chunk that arrives whole is handed out where it is", () => {
  const stream = Buffer.concat([S2_IDENTIFIER, plain("PING\r\n"), plain("PONG\r\n")]);
  const seen: unknown[] = [];
  const reader = new S2Reader((buffer, start, end) => {
    seen.push(buffer === stream, start, end);
    return true;
  });
  assert.equal(reader.feed(stream, 0, stream.length), stream.length);
  assert.deepEqual(seen, [true, 18, 24, true, 32, 38]);
});

test("it stops where it is told to, and goes on from there", () => {
  const parts = [S2_IDENTIFIER, plain("one"), plain("two"), plain("three")];
  const stream = Buffer.concat(parts);
  let text = "";
  const reader = new S2Reader((buffer, start, end) => {
    text += `${buffer.toString("latin1", start, end)},`;
    return false;
  });
  const stops: number[] = [];
  // The second chunk arrives in two slices.
  for (const end of [parts[0].length + parts[1].length + 9, stream.length]) {
    for (let at = stops.at(-1) ?? 0; at < end; ) {
      at = reader.feed(stream, at, end);
      stops.push(at);
    }
  }
  assert.equal(text, "one,two,three,");
  assert.deepEqual(stops, [21, 30, 32, 45]);
});

test("long chunks of either kind", () => {
  const long = "0123456789abcdef".repeat(MIB / 4);
  const stored = Buffer.concat([S2_IDENTIFIER, plain(long)]);
  assert.equal(read(stored, 100_000), long);
  const repeated = Buffer.alloc(4 * MIB, "a");
  const stream = Buffer.concat([S2_IDENTIFIER, data(0, bomb(4 * MIB), repeated)]);
  assert.equal(read(stream), repeated.toString());
});

test("a stream begins with an identifier that is known", () => {
  refused("S2_CHUNK", plain("x"));
  refused("S2_CHUNK", chunk(0xfe, Buffer.alloc(3)));
  refused("S2_CHUNK", chunk(0xff, Buffer.from("S3sTwO")));
  refused("S2_CHUNK", S2_IDENTIFIER, chunk(0xff, Buffer.from("S2sTw")));
  refused("S2_CHUNK", Buffer.from("PING\r\nPING\r\n"));
});

test("chunks of unknown types that may not be skipped", () => {
  for (const type of [2, 3, 4, 0x50, 0x7f]) refused("S2_CHUNK", S2_IDENTIFIER, chunk(type, Buffer.alloc(20)));
});

test("wrong checksums", () => {
  const stream = Buffer.concat([S2_IDENTIFIER, plain("hello")]);
  for (let at = 14; at < stream.length; at++) {
    const wrong = Buffer.from(stream);
    wrong[at] ^= 0x10;
    refused("S2_CHECKSUM", wrong);
  }
  refused("S2_CHECKSUM", S2_IDENTIFIER, data(0, Buffer.from([1, 0, 97]), Buffer.from("b")));
  refused("S2_CHUNK", S2_IDENTIFIER, chunk(1, Buffer.from([1, 2, 3])));
  refused("S2_CHUNK", S2_IDENTIFIER, chunk(0, Buffer.alloc(0)));
});

test("broken blocks", () => {
  refused("S2_BLOCK", S2_IDENTIFIER, data(0, Buffer.alloc(0), Buffer.alloc(0)));
  refused("S2_BLOCK", S2_IDENTIFIER, data(0, Buffer.from([5, 0, 97]), Buffer.from("a")));
  refused("S2_BLOCK", S2_IDENTIFIER, data(0, Buffer.from([5, 0, 97, 1, 0]), Buffer.from("aaaaa")));
});

test("chunks and blocks that are too long are refused by their head", () => {
  const tooLong = Buffer.from([1, 0x15, 0, 0x40]);
  refused("S2_LIMIT", S2_IDENTIFIER, tooLong);
  refused("S2_LIMIT", S2_IDENTIFIER, Buffer.from([0, 0xff, 0xff, 0xff]));
  const bytes = Buffer.alloc(4 * MIB + 1);
  assert.throws(() => read(Buffer.concat([S2_IDENTIFIER, data(1, bytes, bytes)])), { code: "S2_LIMIT" });
  refused("S2_LIMIT", S2_IDENTIFIER, data(0, bomb(4 * MIB + 1), Buffer.alloc(0)));
  refused("S2_LIMIT", S2_IDENTIFIER, data(0, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), Buffer.alloc(0)));
});

test("an error of the owner leaves the reader's memory in order", () => {
  const stream = Buffer.concat(new S2Writer("s2_fast").frame([Buffer.alloc(1000, "abc")]));
  const failing = new S2Reader(() => {
    throw new Error("owner");
  });
  assert.throws(() => failing.feed(stream, 0, stream.length), /owner/);
  assert.equal(read(stream), "abc".repeat(334).slice(0, 1000));
});

test("one reader may feed another", () => {
  const stream = Buffer.concat(new S2Writer("s2_fast").frame([Buffer.alloc(1000, "abc")]));
  const twice = Buffer.concat(new S2Writer("s2_fast").frame([Buffer.concat([stream, Buffer.alloc(500)])]));
  let text = "";
  const inner = new S2Reader((buffer, start, end) => {
    text += buffer.toString("latin1", start, end);
    return true;
  });
  const outer = new S2Reader((buffer, start) => {
    inner.feed(buffer, start, start + stream.length);
    text += buffer.toString("latin1", start, start + 2) === "\xff\x06" ? " kept" : " lost";
    return true;
  });
  outer.feed(twice, 0, twice.length);
  assert.equal(text, `${"abc".repeat(334).slice(0, 1000)} kept`);
});
