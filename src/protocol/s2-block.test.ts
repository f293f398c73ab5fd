import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBlock, decodedLength } from "./s2-block.js";
import { encodeBlock, LONGEST_BLOCK, type S2Level } from "./s2-encoder.js";
import { S2Error } from "./s2-error.js";

const LEVELS: S2Level[] = ["fast", "better", "best"];

function decoded(...parts: (number[] | string)[]): string {
  const block = bytesOf(parts);
  // Neighbours that must not be read or written.
  const around = Buffer.concat([Buffer.from("<<"), block, Buffer.alloc(9, 0xff)]);
  const end = 2 + block.length;
  const length = decodedLength(around, 2, end);
  const target = Buffer.alloc(length + 5, 0x2e);
  assert.equal(decodeBlock(around, 2, end, target), length);
  assert.equal(target.toString("latin1", length), ".....");
  return target.toString("latin1", 0, length);
}

function bytesOf(parts: (number[] | string)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))),
  );
}

const literal = (text: string): (number[] | string)[] =>
  text.length <= 60 ? [[(text.length - 1) << 2], text] : [[60 << 2, text.length - 1], text];

function refused(...parts: (number[] | string)[]): string {
  const block = bytesOf(parts);
  const target = Buffer.alloc(1000);
  let message = "";
  assert.throws(
    () => decodeBlock(block, 0, block.length, target),
    (error) => {
      assert.ok(error instanceof S2Error);
      assert.equal(error.code, "S2_BLOCK");
      message = error.message;
      return true;
    },
  );
  return message;
}

test("the length in front, in one to five bytes", () => {
  assert.equal(decodedLength(Buffer.from([0]), 0, 1), 0);
  assert.equal(decodedLength(Buffer.from([0xfe, 0xff, 0x7f]), 0, 3), 2_097_150);
  assert.equal(decodedLength(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), 0, 5), 0xffffffff);
  for (const wrong of [[], [0x80], [0xff, 0xff, 0xff, 0xff, 0x1f], [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]]) {
    assert.throws(() => decodedLength(Buffer.from(wrong), 0, wrong.length), { code: "S2_BLOCK" });
  }
});

test("literals of each form", () => {
  assert.equal(decoded([0]), "");
  assert.equal(decoded([3], ...literal("abc")), "abc");
  assert.equal(decoded([60], ...literal("x".repeat(60))), "x".repeat(60));
  const long = "abcdefghij".repeat(20);
  assert.equal(decoded([200, 1], [60 << 2, 199], long), long);
  assert.equal(decoded([200, 1], [61 << 2, 199, 0], long), long);
  assert.equal(decoded([200, 1], [62 << 2, 199, 0, 0], long), long);
  assert.equal(decoded([200, 1], [63 << 2, 199, 0, 0, 0], long), long);
});

test("copies of each form", () => {
  const start = literal("abcdefgh");
  // One offset byte: lengths 4 to 11, offsets to 2047.
  assert.equal(decoded([12], ...start, [0b000_000_01, 8]), "abcdefghabcd");
  assert.equal(decoded([19], ...start, [0b000_111_01, 3]), "abcdefghfghfghfghfg");
  const long = "0123456789".repeat(20);
  assert.equal(decoded([204, 1], ...literal(long), [0b000_000_01, 200]), `${long}0123`);
  const longer = "0123456789".repeat(60);
  assert.equal(decoded([0xdc, 4], [61 << 2, 599 & 255, 599 >> 8], longer, [0b010_000_01, 599 & 255]), `${longer}1234`);
  // Two and four offset bytes: lengths 1 to 64.
  assert.equal(decoded([9], ...start, [0b000000_10, 2, 0]), "abcdefghg");
  assert.equal(decoded([72], ...start, [0b111111_10, 1, 0]), `abcdefgh${"h".repeat(64)}`);
  assert.equal(decoded([11], ...start, [0b000010_11, 8, 0, 0, 0]), "abcdefghabc");
});

test("repeats of each form", () => {
  const start = [...literal("abcdefgh"), [0b000_000_01, 4]];
  const made = "abcdefghefgh";
  const rest = (count: number) => "efgh".repeat(Math.ceil(count / 4)).slice(0, count);
  for (const code of [0, 1, 2, 3, 4]) {
    assert.equal(decoded([16 + code], ...start, [(code << 2) | 1, 0]), made + rest(4 + code), `code ${code}`);
  }
  assert.equal(decoded([20], ...start, [(5 << 2) | 1, 0, 0]), made + rest(8));
  assert.equal(decoded([0x93, 2], ...start, [(5 << 2) | 1, 0, 255]), made + rest(263));
  assert.equal(decoded([0x91, 4], ...start, [(6 << 2) | 1, 0, 1, 1]), made + rest(260 + 257));
  assert.equal(decoded([0x91, 0x80, 4], ...start, [(7 << 2) | 1, 0, 1, 0, 0]), made + rest(65_541));
  // The offset is that of the last copy of any form, and stays over literals.
  assert.equal(decoded([15], ...literal("abcd"), [0b000001_10, 4, 0], ...literal("XYZWV"), [1, 0]), "abcdabXYZWVYZWV");
});

test("what leads out of the block is refused", () => {
  assert.match(refused([4], [1, 0]), /offset/);
  assert.match(refused([8], ...literal("abcd"), [1, 0]), /offset/);
  assert.match(refused([8], ...literal("abcd"), [1, 5]), /offset/);
  assert.match(refused([8], ...literal("abcd"), [0b000011_10, 0, 0]), /offset/);
  assert.match(refused([8], ...literal("abcd"), [0b000011_11, 0, 0, 0, 0x80]), /offset/);
  assert.match(refused([8], ...literal("abcd"), [0b000_001_01, 4]), /copy/);
  assert.match(refused([9], ...literal("abcd"), [1, 4], [7 << 2, 0, 0, 0, 0]), /literal/);
  assert.match(refused([3], ...literal("abcd")), /literal/);
  assert.match(refused([60], [63 << 2, 0xff, 0xff, 0xff, 0xff]), /literal/);
  assert.match(refused([5], ...literal("abcd")), /early/);
  assert.match(refused([0xe9, 7], ...literal("abcd")), /room/);
});

test("what ends within an element is refused", () => {
  const whole = bytesOf([
    [0xb7, 3],
    [60 << 2, 63],
    "0123456789".repeat(7).slice(0, 64),
    [1, 4],
    [(6 << 2) | 1, 0, 100, 0],
    [0b000010_11, 8, 0, 0, 0],
    [0b000100_10, 8, 0],
    ...literal("z"),
  ]);
  whole.writeUInt8(0x80 | ((64 + 4 + 360 + 3 + 5 + 1) & 127), 0);
  const target = Buffer.alloc(500);
  assert.equal(decodeBlock(whole, 0, whole.length, target), 437);
  for (let end = 0; end < whole.length; end++) {
    assert.throws(() => decodeBlock(whole, 0, end, target), { code: "S2_BLOCK" }, `${end} bytes`);
  }
});

function roundTrip(level: S2Level, input: Uint8Array): number {
  const source = Buffer.concat([Buffer.from("abcd"), input, Buffer.from("abcd")]);
  const target = Buffer.alloc(7 + input.length + 1, 0x2e);
  const end = encodeBlock(level, source, 4, 4 + input.length, target, 7);
  assert.equal(target[7 + input.length], 0x2e);
  if (end < 0) return -1;
  const back = Buffer.alloc(input.length);
  assert.equal(decodeBlock(target, 7, end, back), input.length);
  assert.deepEqual(back, Buffer.from(input));
  return end - 7;
}

// Texts with many repetitions, near and far.
const repetitive = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.constantFrom("MSG orders.eu 7 5\r\n", '{"id":17,"name":"', "\0\0\0\0", "ab").map((text) => Buffer.from(text)),
      fc.tuple(fc.nat(255), fc.nat(700)).map(([byte, count]) => Buffer.alloc(count, byte)),
    ),
    { maxLength: 200 },
  )
  .map((parts) => Buffer.concat(parts).subarray(0, LONGEST_BLOCK));

for (const level of LEVELS) {
  test(`${level}: what is encoded is decoded`, () => {
    fc.assert(
      fc.property(repetitive, (input) => {
        roundTrip(level, input);
      }),
      { numRuns: 150 },
    );
  });

  test(`${level}: blocks of the greatest length, one after another`, () => {
    const line = Buffer.from("RMSG $G orders.eu 12\r\nhello world!\r\n");
    const input = Buffer.alloc(LONGEST_BLOCK, line);
    for (let i = 0; i < 3; i++) {
      const length = roundTrip(level, input);
      assert.ok(length > 0 && length < 100, `${length} bytes`);
    }
    const mixed = Buffer.from(input);
    for (let at = 0; at < mixed.length; at += 97) mixed[at] = at * 31;
    assert.ok(roundTrip(level, mixed) > 0);
  });

  test(`${level}: so many blocks that the places seen have to be counted anew`, () => {
    const input = Buffer.from("RMSG $G orders.eu 12\r\nhello world!\r\nRMSG $G orders.eu 11\r\nhello again\r\n");
    const first = roundTrip(level, input);
    const target = Buffer.alloc(input.length);
    for (let block = 0; block < 33_000; block++) {
      const end = encodeBlock(level, input, 0, input.length, target, 0);
      assert.equal(end, first);
    }
    assert.equal(roundTrip(level, input), first);
  });

  test(`${level}: what would not become shorter is left`, () => {
    assert.equal(roundTrip(level, randomBytes(5000)), -1);
    assert.equal(roundTrip(level, Buffer.from("a".repeat(20))), -1);
  });
}

test("a higher level makes shorter blocks", () => {
  const words = "orders payments eu us created changed cancelled customer article price".split(" ");
  const chosen: string[] = [];
  for (let i = 0, state = 1; i < 8000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    chosen.push(words[(state >>> 16) % 10]);
  }
  const input = Buffer.from(chosen.join(" ")).subarray(0, LONGEST_BLOCK);
  const [fast, better, best] = LEVELS.map((level) => roundTrip(level, input));
  assert.ok(fast > better && better >= best && best > 0, `${fast}, ${better}, ${best}`);
});
