// Compression of single messages (permessage-deflate without context takeover, RFC 7692): no message knows of the one
// before, so one deflater and one inflater serve all connections of the process.
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { CloseCode, FrameError } from "./errors.js";

const OUTPUT_BYTES = 64 * 1024;
const SPARE_OUTPUTS = 16;
/** A window of 8 KB stays in the processor's nearest caches: a tenth to a fifth faster than 32 KB, and no larger output. */
const DEFLATE_OPTIONS = { level: constants.Z_BEST_SPEED, windowBits: 13 };
/** Ends what a flush writes; left out on the wire. */
const TAIL_BYTES = 4;

/** What a zlib stream hides: the engine, which works at once and can begin anew without new memory. */
interface Engine {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputBytes: number,
  ): void;
  reset(): void;
  onerror: (message: string) => void;
}

interface EngineHolder {
  _handle?: Partial<Engine> | null;
  /** Bytes of room and of input that the last call has left. */
  _writeState?: Uint32Array;
}

/** An engine, and what it tells of its last call. */
class Codec {
  /** Room that was left in the output, and bytes that were left of the input. */
  room = 0;
  rest = 0;
  readonly #engine: Engine;
  readonly #left: Uint32Array;
  #fault: string | undefined;

  private constructor(engine: Engine, left: Uint32Array) {
    this.#engine = engine;
    this.#left = left;
    engine.onerror = (message) => {
      this.#fault = message;
    };
  }

  /** Undefined on a platform that keeps its engine to itself. */
  static of(stream: EngineHolder): Codec | undefined {
    const { _handle: engine, _writeState: left } = stream;
    if (typeof engine?.writeSync !== "function" || typeof engine.reset !== "function" || left === undefined) {
      return undefined;
    }
    return new Codec(engine as Engine, left);
  }

  /** Works on `input` from `offset` on, until it is used up or `output` is full. Returns what is wrong with the input. */
  run(flush: number, input: Uint8Array, offset: number, output: Buffer, filled: number): string | undefined {
    this.#engine.writeSync(flush, input, offset, input.length - offset, output, filled, output.length - filled);
    this.room = this.#left[0];
    this.rest = this.#left[1];
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  reset(): void {
    this.#engine.reset();
  }
}

const deflater = Codec.of(createDeflateRaw(DEFLATE_OPTIONS) as EngineHolder);
const inflater = Codec.of(createInflateRaw() as EngineHolder);
const inflated = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
const spareOutputs: Buffer[] = [];

/**
 * Compresses a message that is in pieces, and has it written: `write` gets it in pieces again, with their sum, and says
 * whether the memory of these is free as soon as it returns.
 */
export function deflateMessage(
  pieces: readonly Uint8Array[],
  write: (output: readonly Uint8Array[], bytes: number) => boolean,
): void {
  if (deflater === undefined) {
    const options = { ...DEFLATE_OPTIONS, finishFlush: constants.Z_SYNC_FLUSH };
    const whole = deflateRawSync(Buffer.concat(pieces), options).subarray(0, -TAIL_BYTES);
    write([whole], whole.length);
    return;
  }
  const outputs = [spareOutputs.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES)];
  let filled = 0;
  for (let i = 0; i < pieces.length; i++) {
    const flush = i === pieces.length - 1 ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
    for (let offset = 0; ; offset = pieces[i].length - deflater.rest) {
      deflater.run(flush, pieces[i], offset, outputs[outputs.length - 1], filled);
      filled = OUTPUT_BYTES - deflater.room;
      if (deflater.room > 0) break;
      outputs.push(spareOutputs.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES));
      filled = 0;
    }
  }
  deflater.reset();
  const bytes = (outputs.length - 1) * OUTPUT_BYTES + filled - TAIL_BYTES;
  const shown = outputs.map((output, i) => output.subarray(0, Math.max(0, bytes - i * OUTPUT_BYTES)));
  if (write(shown, bytes))
    for (const output of outputs) if (spareOutputs.length < SPARE_OUTPUTS) spareOutputs.push(output);
}

/**
 * Inflates a message and calls `take` with it piece by piece; a piece is only valid during the call, which must not
 * inflate anything itself. False: it has heard enough.
 * @throws {FrameError} WEBSOCKET_TOO_BIG when there are more than `maxBytes`, after the pieces before; WEBSOCKET_CORRUPT
 */
export function inflateMessage(message: Uint8Array, maxBytes: number, take: (piece: Buffer) => boolean): void {
  let total = 0;
  const takeSome = (piece: Buffer): boolean => {
    total += piece.length;
    return total <= maxBytes && take(piece);
  };
  const fault = inflater === undefined ? inflateWhole(message, maxBytes, takeSome) : runInflater(message, takeSome);
  if (total > maxBytes) throw new FrameError("WEBSOCKET_TOO_BIG", "maximum payload exceeded", CloseCode.tooBig);
  if (fault !== undefined) throw new FrameError("WEBSOCKET_CORRUPT", `flate: ${fault}`, CloseCode.invalidText);
}

function runInflater(message: Uint8Array, take: (piece: Buffer) => boolean): string | undefined {
  const codec = inflater as Codec;
  try {
    for (let offset = 0; ; offset = message.length - codec.rest) {
      const fault = codec.run(constants.Z_SYNC_FLUSH, message, offset, inflated, 0);
      if (fault !== undefined) return fault;
      const { room } = codec;
      if (room < OUTPUT_BYTES && !take(inflated.subarray(0, OUTPUT_BYTES - room))) return undefined;
      if (room > 0) return undefined;
    }
  } finally {
    codec.reset();
  }
}

function inflateWhole(message: Uint8Array, maxBytes: number, take: (piece: Buffer) => boolean): string | undefined {
  try {
    take(inflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes + 1 }));
    return undefined;
  } catch (error) {
    const { code, message: text } = error as NodeJS.ErrnoException;
    if (code !== "ERR_BUFFER_TOO_LARGE") return text;
    throw new FrameError("WEBSOCKET_TOO_BIG", "maximum payload exceeded", CloseCode.tooBig);
  }
}
