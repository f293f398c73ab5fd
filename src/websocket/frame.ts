// WebSocket frames as bytes: opcodes, headers, masks (RFC 6455, section 5).

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export const FIN = 0x80;
/** In the first frame of a message: the message is compressed (RFC 7692, section 6). */
export const COMPRESSED = 0x40;
/** In the second byte. */
export const MASKED = 0x80;

/** The largest body of a control frame. */
export const MAX_CONTROL_BYTES = 125;
/** The largest header: two bytes, a length of eight and a mask of four. */
export const MAX_HEADER_BYTES = 14;

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** Below this, finding the words costs more than they save. */
const WORDS_FROM_BYTES = 24;

/** Bytes that the header of a frame with so many bytes takes. */
export function headerBytes(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0);
}

/** Bytes of a header by its second byte, which holds the mask bit and the short length. */
export function headerBytesOf(second: number): number {
  const short = second & 0x7f;
  return (short < 126 ? 2 : short === 126 ? 4 : 10) + ((second & MASKED) === 0 ? 0 : 4);
}

/**
 * Writes a header at the start of `target`.
 * @param first FIN, COMPRESSED and the opcode
 * @param mask bytes to mask the payload with, the first in the lowest eight bits; undefined: it is not masked
 */
export function writeHeader(target: Buffer, first: number, length: number, mask: number | undefined): void {
  const bit = mask === undefined ? 0 : MASKED;
  target[0] = first;
  let at = 2;
  if (length < 126) target[1] = bit | length;
  else if (length < 65536) {
    target[1] = bit | 126;
    at = target.writeUInt16BE(length, 2);
  } else {
    target[1] = bit | 127;
    target.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    at = target.writeUInt32BE(length % 2 ** 32, 6);
  }
  if (mask !== undefined) target.writeInt32LE(mask, at);
}

/** A whole control frame. */
export function controlFrame(opcode: number, body: Uint8Array, mask: number | undefined): Buffer {
  const head = headerBytes(body.length, mask !== undefined);
  const frame = Buffer.allocUnsafe(head + body.length);
  writeHeader(frame, FIN | opcode, body.length, mask);
  frame.set(body, head);
  if (mask !== undefined) applyMask(frame, head, frame.length, mask, 0);
  return frame;
}

/**
 * Masks or unmasks `bytes[start..end)` where it stands.
 * @param mask four bytes, the first in the lowest eight bits
 * @param phase how many bytes of the payload came before `start` (modulo 4 counts)
 */
export function applyMask(bytes: Buffer, start: number, end: number, mask: number, phase: number): void {
  let at = start;
  if (end - start >= WORDS_FROM_BYTES && LITTLE_ENDIAN) {
    while (((bytes.byteOffset + at) & 3) !== 0) bytes[at++] ^= mask >>> ((phase++ & 3) << 3);
    const turned = (phase & 3) << 3;
    const word = turned === 0 ? mask : (mask >>> turned) | (mask << (32 - turned));
    const words = wordsOf(bytes.buffer);
    const from = (bytes.byteOffset + at) >>> 2;
    const to = from + ((end - at) >>> 2);
    let i = from;
    // Eight at a time: the loop around them costs as much as they do.
    for (const last = to - 7; i < last; i += 8) {
      words[i] ^= word;
      words[i + 1] ^= word;
      words[i + 2] ^= word;
      words[i + 3] ^= word;
      words[i + 4] ^= word;
      words[i + 5] ^= word;
      words[i + 6] ^= word;
      words[i + 7] ^= word;
    }
    for (; i < to; i++) words[i] ^= word;
    at += (to - from) << 2;
  }
  while (at < end) bytes[at++] ^= mask >>> ((phase++ & 3) << 3);
}

let lastMemory: ArrayBufferLike | undefined;
let lastWords: Int32Array = new Int32Array(0);

// Nearly every frame is in the same memory as the one before: the buffer that all connections read into.
function wordsOf(memory: ArrayBufferLike): Int32Array {
  if (memory !== lastMemory) {
    lastWords = new Int32Array(memory, 0, memory.byteLength >>> 2);
    lastMemory = memory;
  }
  return lastWords;
}
