// CRC-32C of long inputs: a WebAssembly module, put together here from its instructions (https://webassembly.github.io/spec).
//
// Adding a multiple of the polynomial to a message does not change its checksum. A multiple of the Castagnoli polynomial with
// only six terms is M(x) = x^266 + x^143 + x^121 + x^88 + x^71 + 1, found by search. M(x)^8 = M(x^8) is one too, and its terms
// are whole bytes apart. Adding it to clear a byte changes the bytes 123, 145, 178, 195 and 266 places after it. So every byte
// becomes the sum (XOR) of itself and of those at these distances before it, 16 of them by one vector instruction, and only
// what that leaves in the last 266 bytes is summed by tables, 16 bytes at a time.

const DISTANCES = [123, 145, 178, 195, 266];
const FARTHEST = 266;
/** Bytes folded by one round of the loop; fewer than the least distance. */
const ROUND = 64;
/** Shorter inputs are not worth the handling of their end. */
const LEAST_FOLDED = 512;

// The module's memory: tables, zeros that stand before the input, the input, the end of the input while it is folded.
const TABLE_BYTES = 1024;
const INPUT = 16 * TABLE_BYTES + 512;
const INPUT_BYTES = 65_536;
const LAST = INPUT + INPUT_BYTES + 64;
const MEMORY_PAGES = 2;

/** Takes a checksum's inner state on over `bytes[start..end)`. */
export type Crc32cState = (bytes: Uint8Array, start: number, end: number, state: number) => number;

// What this file uses of WebAssembly, which the types of Node 20 do not have.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
};

/** Undefined where there is no WebAssembly with vectors. `tables`: 16 of 256, table n for a byte followed by n others. */
export function foldingCrc32c(tables: readonly Int32Array[]): Crc32cState | undefined {
  let exports: { memory: { buffer: ArrayBuffer }; sum(state: number, bytes: number): number };
  try {
    exports = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes())).exports as typeof exports;
  } catch {
    return undefined;
  }
  const memory = new Uint8Array(exports.memory.buffer);
  const words = new Int32Array(exports.memory.buffer);
  tables.forEach((table, n) => {
    words.set(table, n * 256);
  });
  return (bytes, start, end, state) => {
    for (let at = start; at < end; at += INPUT_BYTES) {
      const until = Math.min(end, at + INPUT_BYTES);
      memory.set(bytes.subarray(at, until), INPUT);
      state = exports.sum(state, until - at);
    }
    return state;
  };
}

type Code = readonly number[];

// Instructions, named as in the specification.
const localGet = (index: number): Code => [0x20, index];
const localSet = (index: number): Code => [0x21, index];
const localTee = (index: number): Code => [0x22, index];
const i32Const = (value: number): Code => [0x41, ...signed(value)];
const i32Load = (offset: number): Code => [0x28, 2, ...unsigned(offset)];
const i32Load8 = (offset: number): Code => [0x2d, 0, ...unsigned(offset)];
const i32Store: Code = [0x36, 2, 0];
const i32LtU: Code = [0x49];
const i32GeU: Code = [0x4f];
const i32Add: Code = [0x6a];
const i32Sub: Code = [0x6b];
const i32And: Code = [0x71];
const i32Xor: Code = [0x73];
const i32Shl: Code = [0x74];
const i32ShrU: Code = [0x76];
const v128Load = (offset: number): Code => [0xfd, 0x00, 0, ...unsigned(offset)];
const v128Store = (offset: number): Code => [0xfd, 0x0b, 0, ...unsigned(offset)];
const v128Xor: Code = [0xfd, 0x51];
const memoryCopy: Code = [0xfc, 10, 0, 0];
const memoryFill: Code = [0xfc, 11, 0];
const END: Code = [0x0b];
const repeatWhile = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, ...END];
const onlyIf = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, ...END];
const whilst = (condition: Code, body: Code): Code => onlyIf(condition, repeatWhile(body, condition));

// Locals; the first two are the parameters.
const STATE = 0;
const COUNT = 1;
const AT = 2;
const UNTIL = 3;
const CUT = 4;
const WORD = 5;
const REST = 6;

const advance = (local: number, by: number): Code => [
  ...localGet(local),
  ...i32Const(by),
  ...i32Add,
  ...localSet(local),
];

// Adds to the vector on the stack those that fold into it. AT is FARTHEST before its place, as offsets cannot be negative.
const folded = (place: number): Code =>
  DISTANCES.flatMap((distance) => [...localGet(AT), ...v128Load(FARTHEST - distance + place), ...v128Xor]);

// Adds the table values of the four bytes of WORD, `after` bytes before the end of the 16, to the value on the stack.
const lookedUp = (after: number): Code =>
  [0, 1, 2, 3].flatMap((byte) => [
    ...localGet(WORD),
    ...(byte === 0 ? [...i32Const(2), ...i32Shl] : [...i32Const(8 * byte - 2), ...i32ShrU]),
    ...i32Const(255 << 2),
    ...i32And,
    ...i32Load((after - byte) * TABLE_BYTES),
    ...i32Xor,
  ]);

function sumBody(): Code {
  // The state is added to the first bytes; after that the state is 0.
  const takeState = [
    ...[...i32Const(INPUT), ...i32Const(INPUT), ...i32Load(0), ...localGet(STATE), ...i32Xor, ...i32Store],
    ...[...i32Const(0), ...localSet(STATE)],
  ];
  const round = [];
  for (let place = 0; place < ROUND; place += 16) {
    const vector = [...localGet(AT), ...v128Load(FARTHEST + place), ...folded(place)];
    round.push(...localGet(AT), ...vector, ...v128Store(FARTHEST + place));
  }
  const foldRounds = [
    // CUT: where whole rounds end, at least FARTHEST before the end.
    ...[...localGet(COUNT), ...i32Const(FARTHEST), ...i32Sub, ...i32Const(-ROUND), ...i32And],
    ...[...i32Const(INPUT), ...i32Add, ...localSet(CUT)],
    ...[...i32Const(INPUT - FARTHEST), ...localSet(AT)],
    ...repeatWhile(
      [...round, ...advance(AT, ROUND)],
      [...localGet(AT), ...i32Const(FARTHEST), ...i32Add, ...localGet(CUT), ...i32LtU],
    ),
  ];
  const foldLast = [
    // The end is folded elsewhere, over zeros in its place: nothing of it folds any further.
    ...[...localGet(UNTIL), ...localGet(CUT), ...i32Sub, ...localSet(REST)],
    ...[...i32Const(LAST), ...localGet(CUT), ...localGet(REST), ...memoryCopy],
    ...[...localGet(CUT), ...i32Const(0), ...localGet(REST), ...memoryFill],
    ...[...i32Const(LAST), ...localSet(WORD)],
    ...repeatWhile(
      [
        ...[...localGet(WORD), ...localGet(WORD), ...v128Load(0), ...folded(0), ...v128Store(0)],
        ...[...advance(AT, 16), ...advance(WORD, 16)],
      ],
      [...localGet(WORD), ...i32Const(LAST), ...i32Sub, ...localGet(REST), ...i32LtU],
    ),
    ...[...i32Const(LAST), ...localTee(AT), ...localGet(REST), ...i32Add, ...localSet(UNTIL)],
  ];
  const sixteenBytes = [0, 4, 8, 12].flatMap((place) => [
    ...[...localGet(AT), ...i32Load(place), ...(place === 0 ? [...localGet(STATE), ...i32Xor] : []), ...localSet(WORD)],
    ...[...(place === 0 ? i32Const(0) : localGet(STATE)), ...lookedUp(15 - place), ...localSet(STATE)],
  ]);
  const oneByte = [
    ...[...localGet(STATE), ...localGet(AT), ...i32Load8(0), ...i32Xor, ...i32Const(255), ...i32And],
    ...[...i32Const(2), ...i32Shl, ...i32Load(0), ...localGet(STATE), ...i32Const(8), ...i32ShrU, ...i32Xor],
    ...localSet(STATE),
  ];
  const left = [...localGet(UNTIL), ...localGet(AT), ...i32Sub];
  return [
    ...[...i32Const(INPUT), ...localTee(AT), ...localGet(COUNT), ...i32Add, ...localSet(UNTIL)],
    ...onlyIf([...localGet(COUNT), ...i32Const(LEAST_FOLDED), ...i32GeU], [...takeState, ...foldRounds, ...foldLast]),
    ...whilst([...left, ...i32Const(16), ...i32GeU], [...sixteenBytes, ...advance(AT, 16)]),
    ...whilst([...localGet(AT), ...localGet(UNTIL), ...i32LtU], [...oneByte, ...advance(AT, 1)]),
    ...[...localGet(STATE), ...END],
  ];
}

function moduleBytes(): Uint8Array {
  const I32 = 0x7f;
  const code = [1, 5, I32, ...sumBody()];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, MEMORY_PAGES]),
    ...section(7, [2, ...named("memory"), 2, 0, ...named("sum"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const named = (name: string): Code => [name.length, ...Buffer.from(name)];

// Numbers in LEB128.
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
