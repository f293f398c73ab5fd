// Frames of one connection as they arrive, cut anywhere: payloads of messages are unmasked where they stand and handed on
// piece by piece (RFC 6455, section 5; errors as in conformance/wire, FACTS "WebSocket").
import { inflateMessage } from "./deflate.js";
import { CloseCode, FrameError } from "./errors.js";
import {
  applyMask,
  COMPRESSED,
  FIN,
  headerBytesOf,
  MASKED,
  MAX_CONTROL_BYTES,
  MAX_HEADER_BYTES,
  Opcode,
} from "./frame.js";

export interface FrameReaderOptions {
  /** Whether every frame has to be masked. */
  readonly mustMask: boolean;
  /** Whether permessage-deflate was agreed on. */
  readonly compression: boolean;
  /** Most bytes of a compressed message, inflated; asked for each of them. */
  readonly maxInflatedBytes: () => number;
}

export interface FrameHandler {
  /** Bytes of messages, valid during the call. */
  data(chunk: Buffer, start: number, end: number): void;
  /** The body is valid during the call. */
  ping(body: Buffer): void;
  /** The other side ends the connection, with a valid body or none, which is valid during the call. Nothing is read after it. */
  ended(body: Buffer): void;
}

/** What deflating can add to bytes that do not compress: a share of them, and this much. */
const DEFLATE_GROWTH = 1 / 1024;
const DEFLATE_EXTRA_BYTES = 64;

const RESERVED_BITS = 0x30;
const OPCODE_BITS = 0x0f;
const FIRST_CONTROL_OPCODE = 8;
/** First bytes of a message in one frame that is not compressed. */
const WHOLE_BINARY = FIN | Opcode.binary;
const WHOLE_TEXT = FIN | Opcode.text;
/** Header of a small frame that is masked, and its largest payload. */
const SMALL_HEADER_BYTES = 6;
const MAX_SMALL_BYTES = 125;
const NOTHING = Buffer.alloc(0);
const utf8 = new TextDecoder("utf-8", { fatal: true });

export class FrameReader {
  private readonly handler: FrameHandler;
  private readonly options: FrameReaderOptions;
  private stopped = false;
  // A header that has not arrived whole.
  private header: Buffer | undefined;
  private headerBytes = 0;
  // The frame whose payload is being read, and how much of that is to come.
  private inFrame = false;
  private first = 0;
  private left = 0;
  private masked = false;
  private mask = 0;
  private phase = 0;
  // The message that further frames continue.
  private inMessage = false;
  private compressed = false;
  // A compressed message and the body of a control frame, which may come in its midst, as far as they have arrived.
  private collected = NOTHING;
  private collectedBytes = 0;
  private body = NOTHING;

  constructor(handler: FrameHandler, options: FrameReaderOptions) {
    this.handler = handler;
    this.options = options;
  }

  /** Reads nothing more, not even the rest of the present chunk. */
  stop(): void {
    this.stopped = true;
    this.collected = NOTHING;
  }

  /**
   * Takes what has arrived, and changes it where it stands.
   * @throws {FrameError} the connection has to end
   */
  feed(chunk: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.stopped) {
      if (!this.inFrame) {
        if (this.header === undefined && !this.inMessage) {
          at = this.takeSmall(chunk, at, end);
          if (at === end || this.stopped) return;
        }
        at = this.readHeader(chunk, at, end);
        if (!this.inFrame) return;
      }
      const from = at;
      at = Math.min(end, from + this.left);
      if (this.masked) {
        applyMask(chunk, from, at, this.mask, this.phase);
        this.phase = (this.phase + at - from) & 3;
      }
      this.left -= at - from;
      this.inFrame = this.left > 0;
      this.take(chunk, from, at);
    }
  }

  // Small whole messages, as clients send that write each line by itself: their payloads are moved together and handed on as
  // one piece. Returns where something else begins.
  private takeSmall(chunk: Buffer, start: number, end: number): number {
    let from = start;
    let to = start;
    while (end - from >= SMALL_HEADER_BYTES) {
      const length = chunk[from + 1] ^ MASKED;
      if ((chunk[from] !== WHOLE_BINARY && chunk[from] !== WHOLE_TEXT) || length > MAX_SMALL_BYTES) break;
      const next = from + SMALL_HEADER_BYTES + length;
      if (next > end) break;
      const a = chunk[from + 2];
      const b = chunk[from + 3];
      const c = chunk[from + 4];
      const d = chunk[from + 5];
      from += SMALL_HEADER_BYTES;
      for (const last = next - 3; from < last; from += 4, to += 4) {
        chunk[to] = chunk[from] ^ a;
        chunk[to + 1] = chunk[from + 1] ^ b;
        chunk[to + 2] = chunk[from + 2] ^ c;
        chunk[to + 3] = chunk[from + 3] ^ d;
      }
      if (from < next) chunk[to++] = chunk[from++] ^ a;
      if (from < next) chunk[to++] = chunk[from++] ^ b;
      if (from < next) chunk[to++] = chunk[from++] ^ c;
    }
    if (to > start) this.handler.data(chunk, start, to);
    return from;
  }

  // Returns where the payload begins, once the header is complete.
  private readHeader(chunk: Buffer, start: number, end: number): number {
    if (this.header === undefined && end - start >= 2) {
      const payload = start + headerBytesOf(chunk[start + 1]);
      if (payload <= end) {
        this.begin(chunk, start);
        return payload;
      }
    }
    this.header ??= Buffer.allocUnsafe(MAX_HEADER_BYTES);
    for (let at = start; at < end; ) {
      this.header[this.headerBytes++] = chunk[at++];
      if (this.headerBytes < 2 || this.headerBytes < headerBytesOf(this.header[1])) continue;
      this.begin(this.header, 0);
      this.header = undefined;
      this.headerBytes = 0;
      return at;
    }
    return end;
  }

  private begin(bytes: Buffer, start: number): void {
    const first = bytes[start];
    const second = bytes[start + 1];
    this.masked = (second & MASKED) !== 0;
    if (!this.masked && this.options.mustMask) throw violation("mask bit missing");
    let at = start + 2;
    let length = second & 0x7f;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
      if (length > Number.MAX_SAFE_INTEGER) throw violation("invalid 64-bit payload length");
      at += 8;
    }
    this.checkOrder(first, length);
    this.inFrame = true;
    this.first = first;
    this.left = length;
    this.mask = this.masked ? bytes.readInt32LE(at) : 0;
    this.phase = 0;
  }

  private checkOrder(first: number, length: number): void {
    const opcode = first & OPCODE_BITS;
    const isFinal = (first & FIN) !== 0;
    const isCompressed = (first & COMPRESSED) !== 0;
    if ((first & RESERVED_BITS) !== 0) throw violation("RSV2 and RSV3 must be clear");
    if (opcode >= FIRST_CONTROL_OPCODE) {
      if (opcode > Opcode.pong) throw violation(`unknown opcode ${opcode}`);
      if (length > MAX_CONTROL_BYTES) {
        throw violation("control frame length bigger than maximum allowed of 125 bytes");
      }
      if (!isFinal) throw violation("control frame does not have final bit set");
      if (isCompressed) throw violation("control frame must not be compressed");
      return;
    }
    if (opcode > Opcode.binary) throw violation(`unknown opcode ${opcode}`);
    if (opcode === Opcode.continuation) {
      if (!this.inMessage || isCompressed) throw violation("invalid continuation frame");
      return;
    }
    if (this.inMessage) throw violation("new message started before final frame for previous message was received");
    if (isCompressed && !this.options.compression) {
      throw violation("compressed frame received without negotiated permessage-deflate");
    }
    this.compressed = isCompressed;
  }

  // Part of the payload of the present frame, unmasked; the last part when the frame is over.
  private take(chunk: Buffer, start: number, end: number): void {
    const opcode = this.first & OPCODE_BITS;
    if (opcode >= FIRST_CONTROL_OPCODE) {
      this.takeControl(opcode, chunk.subarray(start, end));
      return;
    }
    const isOver = !this.inFrame && (this.first & FIN) !== 0;
    if (!this.inFrame) this.inMessage = !isOver;
    if (this.compressed) this.takeCompressed(chunk.subarray(start, end), isOver);
    else if (end > start) this.handler.data(chunk, start, end);
  }

  private takeControl(opcode: number, part: Buffer): void {
    if (this.inFrame) {
      this.body = Buffer.concat([this.body, part]);
      return;
    }
    const body = this.body.length === 0 ? part : Buffer.concat([this.body, part]);
    this.body = NOTHING;
    if (opcode === Opcode.ping) this.handler.ping(body);
    else if (opcode === Opcode.close) {
      checkClose(body);
      this.stop();
      this.handler.ended(body);
    }
  }

  private takeCompressed(part: Buffer, isOver: boolean): void {
    const limit = this.options.maxInflatedBytes();
    if (this.collectedBytes + part.length > limit * (1 + DEFLATE_GROWTH) + DEFLATE_EXTRA_BYTES) {
      throw new FrameError("WEBSOCKET_TOO_BIG", "maximum payload exceeded", CloseCode.tooBig);
    }
    if (!isOver || this.collectedBytes > 0) this.collect(part);
    if (!isOver) return;
    const whole = this.collectedBytes > 0 ? this.collected.subarray(0, this.collectedBytes) : part;
    this.collected = NOTHING;
    this.collectedBytes = 0;
    inflateMessage(whole, limit, (piece) => {
      this.handler.data(piece, 0, piece.length);
      return !this.stopped;
    });
  }

  private collect(part: Buffer): void {
    const needed = this.collectedBytes + part.length;
    if (needed > this.collected.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.collected.length));
      this.collected.copy(larger, 0, 0, this.collectedBytes);
      this.collected = larger;
    }
    part.copy(this.collected, this.collectedBytes);
    this.collectedBytes = needed;
  }
}

function checkClose(body: Buffer): void {
  if (body.length === 0) return;
  if (body.length === 1) throw violation("close frame payload cannot be 1 byte");
  const code = body.readUInt16BE(0);
  if (!isCloseCode(code)) throw violation(`invalid close status code ${code}`);
  try {
    utf8.decode(body.subarray(2));
  } catch {
    throw new FrameError("WEBSOCKET_PROTOCOL", "invalid utf8 body in close frame", CloseCode.invalidText);
  }
}

// Those that may stand in a frame (RFC 6455, section 7.4).
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

function violation(message: string): FrameError {
  return new FrameError("WEBSOCKET_PROTOCOL", message);
}
