// Random bytes for the pure half of the protocol: CONNECT's JSON, and the cutting of a stream into lines and payloads.
import assert from "node:assert/strict";
import { defaultConnectOptions, mergeConnect } from "./connect.js";
import { type FrameHandler, Framer, NO_PAYLOAD, STOP } from "./framer.js";

/** Any text as CONNECT's argument: it is refused, or the options keep their types; nothing else changes. Throws AssertionError. */
export function fuzzConnect(runs: number, seed = 1): void {
  const below = generator(seed);
  for (let run = 0; run < runs; run++) {
    const text = below(4) === 0 ? scrambled(randomObject(below), below) : randomObject(below);
    const options = defaultConnectOptions();
    const taken = mergeConnect(text, options);
    const types = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, typeof value]));
    assert.deepEqual(types, TYPES, text);
    assert.ok(Number.isInteger(options.protocol), text);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      assert.equal(taken, false, text);
      continue;
    }
    if (parsed === null) assert.equal(taken, true);
    else if (typeof parsed !== "object" || Array.isArray(parsed)) assert.equal(taken, false, text);
  }
  assert.equal(Object.keys(Object.prototype).length, 0, "a key of CONNECT got into every object");
}

/** Random streams in random chunks: the same lines and payloads as in one chunk. Throws AssertionError. */
export function fuzzFramer(runs: number, seed = 1): void {
  const below = generator(seed);
  for (let run = 0; run < runs; run++) {
    const stream = randomStream(below);
    const whole = new Listener();
    whole.feed(stream);
    const pieces = new Listener();
    for (let at = 0; at < stream.length; ) {
      const next = at + 1 + below(below(3) === 0 ? 3 : stream.length);
      pieces.feed(stream.subarray(at, next));
      at = next;
    }
    whole.releaseAll();
    pieces.releaseAll();
    assert.deepEqual(pieces.seen, whole.seen, JSON.stringify(stream.toString("latin1")));
  }
}

const TYPES = Object.fromEntries(Object.entries(defaultConnectOptions()).map(([name, value]) => [name, typeof value]));

type Below = (limit: number) => number;

const WORDS =
  "verbose pedantic echo headers no_responders protocol user pass NAME Lang jwt __proto__ constructor x".split(" ");
const VALUES = [
  "true",
  "false",
  "null",
  "1",
  "-1",
  "1.5",
  "1e400",
  '"a"',
  '"\\u0000"',
  "{}",
  "[]",
  '{"a":[1]}',
  "tru",
  "",
];

function randomObject(below: Below): string {
  const parts: string[] = [];
  for (let count = below(5); count > 0; count--) {
    parts.push(`"${WORDS[below(WORDS.length)]}":${VALUES[below(VALUES.length)]}`);
  }
  return below(10) === 0 ? VALUES[below(VALUES.length)] : `{${parts.join(",")}}`;
}

function scrambled(text: string, below: Below): string {
  const at = below(text.length + 1);
  return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + below(3));
}

// "P n" carries a payload, "R" one of two bytes and is remembered, "F" forgets, "H" holds, "X" stops; "#" matters no further.
function randomStream(below: Below): Buffer {
  let text = "";
  for (let count = 1 + below(12); count > 0; count--) {
    const size = below(20);
    const end = below(15) === 0 ? "\n" : "\r\n";
    const payload = "\r\nxyz\0".repeat(4).slice(0, size);
    const closed = below(40) === 0 ? "zz" : "\r\n";
    const kind = below(12);
    if (kind < 4) text += `P ${size}${end}${payload}${closed}`;
    else if (kind < 8) text += `R${end}ab${closed}`;
    else text += `${["F", `# ${"c".repeat(size)}`, "A\r", below(5) === 0 ? "X" : "H"][kind - 8]}${end}`;
  }
  return Buffer.from(text.slice(0, below(4) === 0 ? below(text.length) : text.length), "latin1");
}

class Listener implements FrameHandler {
  readonly seen: string[] = [];
  readonly framer = new Framer(this);

  feed(bytes: Uint8Array): void {
    // The chunk stands somewhere in a buffer that is used again at once.
    const chunk = Buffer.alloc(bytes.length + 6, 0x0a);
    chunk.set(bytes, 3);
    this.framer.feed(chunk, 3, 3 + bytes.length);
    chunk.fill(0x2a);
    if (this.framer.isHolding && this.framer.heldBytes > 10) this.framer.release();
  }
  releaseAll(): void {
    while (this.framer.isHolding) this.framer.release();
  }
  line(buffer: Buffer, start: number, end: number): number {
    const text = buffer.toString("latin1", start, end);
    this.seen.push(text.startsWith("#") ? "#" : text);
    if (text === "X") return STOP;
    if (text === "H") this.framer.hold();
    if (text === "F") this.framer.forget();
    if (text === "R") {
      this.framer.remember(buffer, start, end);
      return 2;
    }
    return text.startsWith("P ") ? Number(text.slice(2)) : NO_PAYLOAD;
  }
  repeatedLine(): number {
    this.seen.push("R");
    return 2;
  }
  beginning(buffer: Buffer, start: number, end: number): number {
    return buffer[start] === 35 ? 1 : end - start;
  }
  keepLine(): void {}
  payload(buffer: Buffer, start: number, end: number): void {
    this.seen.push(`payload ${buffer.toString("latin1", start, end)}`);
  }
  unterminated(): void {
    this.seen.push("unterminated");
  }
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
