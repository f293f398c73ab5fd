import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FrameHandler, Framer, LEAVE, NO_PAYLOAD, STOP } from "./framer.js";

/** Lines "P n" carry n bytes, "RR" is remembered and carries 2, "X" stops, "H" holds; everything is noted. */
class Recorder implements FrameHandler {
  readonly seen: string[] = [];
  readonly framer = new Framer(this);
  refuseBeginnings = false;
  kept = 0;
  owned: boolean[] = [];

  line(buffer: Buffer, start: number, end: number): number {
    const text = buffer.toString("latin1", start, end);
    this.seen.push(`line ${text}`);
    if (text === "X") return STOP;
    if (text === "H") this.framer.hold();
    if (text === "RR") {
      this.framer.remember(buffer, start, end);
      return 2;
    }
    return text.startsWith("P ") ? Number(text.slice(2)) : NO_PAYLOAD;
  }
  repeatedLine(): number {
    this.seen.push("line RR");
    return 2;
  }
  beginning(buffer: Buffer, start: number, end: number): number {
    if (this.refuseBeginnings && end - start >= 4) return STOP;
    return buffer[start] === 35 ? 1 : end - start;
  }
  keepLine(): void {
    this.kept++;
  }
  payload(buffer: Buffer, start: number, end: number, owned: boolean): void {
    this.owned.push(owned);
    this.seen.push(`payload ${buffer.toString("latin1", start, end)}`);
  }
  unterminated(): void {
    this.seen.push("unterminated");
  }
  feed(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.framer.feed(bytes, 0, bytes.length);
    // The transport reuses its chunk: nobody may still look at it.
    bytes.fill(0x2a);
  }
}

const STREAM = "A\r\nP 5\r\nhe\r\no\r\nB b\nRR\r\nxy\r\nRR\r\nzz\r\nP 0\r\n\r\nC\r\r\n";
const SEEN = [
  "line A",
  "line P 5",
  "payload he\r\no",
  "line B b",
  "line RR",
  "payload xy",
  "line RR",
  "payload zz",
  "line P 0",
  "payload ",
  "line C\r",
];

test("a whole stream in one chunk", () => {
  const recorder = new Recorder();
  recorder.feed(STREAM);
  assert.deepEqual(recorder.seen, SEEN);
  assert.ok(recorder.owned.every((owned) => !owned));
});

test("the same items whatever the cuts", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
      const recorder = new Recorder();
      const edges = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      for (let i = 1; i < edges.length; i++) recorder.feed(STREAM.slice(edges[i - 1], edges[i]));
      assert.deepEqual(recorder.seen, SEEN);
    }),
    { numRuns: 300 },
  );
});

test("byte by byte", () => {
  const recorder = new Recorder();
  for (const byte of STREAM) recorder.feed(byte);
  assert.deepEqual(recorder.seen, SEEN);
});

test("a payload that arrives in pieces is owned, and its line is kept first", () => {
  const recorder = new Recorder();
  recorder.feed("P 4\r\nab");
  assert.equal(recorder.kept, 1);
  recorder.feed("cd\r\n");
  assert.deepEqual(recorder.owned, [true]);
});

test("a payload without CR LF is told as soon as it is seen, and nothing after it", () => {
  for (const chunks of [["P 1\r\nhi\r\nA\r\n"], ["P 1\r\nh", "i"], ["P 1\r\nh\r", "x"], ["P 1\r\nh\n"]]) {
    const recorder = new Recorder();
    for (const chunk of chunks) recorder.feed(chunk);
    recorder.feed("A\r\n");
    assert.deepEqual(recorder.seen, ["line P 1", "unterminated"]);
  }
});

test("STOP ends the input, in one chunk or over several", () => {
  for (const chunks of [["X\r\nA\r\n"], ["X", "\r\nA\r\n", "B\r\n"]]) {
    const recorder = new Recorder();
    for (const chunk of chunks) recorder.feed(chunk);
    assert.deepEqual(recorder.seen, ["line X"]);
  }
});

test("a beginning that cannot become a line ends the input without its end", () => {
  const recorder = new Recorder();
  recorder.refuseBeginnings = true;
  recorder.feed("ab");
  recorder.feed("cdef");
  recorder.feed("\r\nA\r\n");
  assert.deepEqual(recorder.seen, []);
});

test("what does not matter of a beginning is forgotten", () => {
  const recorder = new Recorder();
  for (const chunk of ["#a", "bc", "d", "ef\r\nA\r\n"]) recorder.feed(chunk);
  assert.deepEqual(recorder.seen, ["line #ef", "line A"]);
});

test("held input is looked at after release, in order", () => {
  const recorder = new Recorder();
  recorder.feed("H\r\nA\r\nP 3\r\nab");
  recorder.feed("c\r\nB\r\n");
  assert.deepEqual(recorder.seen, ["line H"]);
  assert.equal(recorder.framer.heldBytes, 16);
  recorder.framer.release();
  assert.deepEqual(recorder.seen, ["line H", "line A", "line P 3", "payload abc", "line B"]);
});

test("a hold inside held input holds the rest again", () => {
  const recorder = new Recorder();
  recorder.feed("H\r\nH\r\nA\r\n");
  recorder.feed("B\r\n");
  recorder.framer.release();
  assert.deepEqual(recorder.seen, ["line H", "line H"]);
  recorder.framer.release();
  assert.deepEqual(recorder.seen, ["line H", "line H", "line A", "line B"]);
});

test("a forgotten line is parsed again", () => {
  const recorder = new Recorder();
  recorder.feed("RR\r\nab\r\n");
  recorder.framer.forget();
  let parsed = 0;
  const { line } = recorder;
  recorder.line = (buffer, start, end) => {
    parsed++;
    return line.call(recorder, buffer, start, end);
  };
  recorder.feed("RR\r\ncd\r\n");
  assert.equal(parsed, 1);
});

test("a long line in small pieces takes time in proportion to its length", () => {
  const time = (bytes: number): number => {
    const recorder = new Recorder();
    const piece = Buffer.alloc(16, 0x61);
    const begun = process.hrtime.bigint();
    for (let i = 0; i < bytes; i += 16) recorder.framer.feed(piece, 0, 16);
    return Number(process.hrtime.bigint() - begun);
  };
  time(1 << 16);
  const small = Math.min(time(1 << 17), time(1 << 17), time(1 << 17));
  const large = Math.min(time(1 << 20), time(1 << 20), time(1 << 20));
  assert.ok(large < 40 * small, `8 times the bytes took ${(large / small).toFixed(1)} times as long`);
});

test("what follows a line is known as far as it has arrived", () => {
  const following = (...chunks: string[]): string[] => {
    const seen: string[] = [];
    const recorder = new Recorder();
    recorder.line = (buffer, _start, end) => {
      seen.push(recorder.framer.following(buffer, end).toString("latin1"));
      return STOP;
    };
    for (const chunk of chunks) recorder.feed(chunk);
    return seen;
  };
  assert.deepEqual(following("P 9\r\nabc"), ["abc"]);
  assert.deepEqual(following("P 9\nabc"), ["abc"]);
  assert.deepEqual(following("P 9\r\n"), [""]);
  assert.deepEqual(following("P ", "9\r\nabc"), ["abc"]);
  assert.deepEqual(following("P 9\r", "\nabc"), ["abc"]);
});

test("nothing beyond the end of the chunk belongs to what follows", () => {
  const framer = new Framer(
    Object.assign(new Recorder(), {
      line: (buffer: Buffer, _start: number, end: number) => {
        assert.equal(framer.following(buffer, end).toString("latin1"), "ab");
        return STOP;
      },
    }),
  );
  const chunk = Buffer.from("..P 9\r\nabSECRET");
  framer.feed(chunk, 2, chunk.length - 6);
  assert.equal(framer.following(chunk, 5).length, 2);
});

test("what follows a line can be left to somebody else, also of input that was held", () => {
  const left: string[] = [];
  const recorder = new Recorder();
  const { framer } = recorder;
  recorder.line = (buffer, start, end) => {
    const text = buffer.toString("latin1", start, end);
    recorder.seen.push(text);
    if (text === "HOLD") framer.hold();
    if (text !== "LEAVE") return NO_PAYLOAD;
    left.push(framer.following(buffer, end).toString("latin1"));
    return LEAVE;
  };
  for (const chunk of [
    "A\r\nLEAVE\r\nP 3\r\n",
    "B\r\nLEA",
    "VE\r\nxyz",
    "LEAVE\n",
    "HOLD\r\nC\r\nLEAVE\r\nab",
    "cd\r\n",
    "ef",
  ]) {
    recorder.feed(chunk);
  }
  framer.release();
  recorder.feed("D\r\n");
  assert.deepEqual(recorder.seen, ["A", "LEAVE", "B", "LEAVE", "LEAVE", "HOLD", "C", "LEAVE", "D"]);
  assert.deepEqual(left, ["P 3\r\n", "xyz", "", "abcd\r\nef"]);
});
