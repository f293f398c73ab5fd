// Compression of single messages (permessage-deflate without context takeover, RFC 7692): no message knows of the one
// before, so one deflater and one inflater serve all connections of the process.
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { CloseCode, FrameError } from "./errors.js";

const OUTPUT_BYTES = 64 * 1024;
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

class Codec {
  readonly #engine: Engine;
  readonly #left: Uint32Array;
  readonly #output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
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

  /** Calls `take` with the output, piece by piece; false: it has heard enough. Returns what is wrong with the input. */
  run(flush: number, input: Uint8Array, take: (piece: Buffer) => boolean): string | undefined {
    const output = this.#output;
    let { length } = input;
    let offset = 0;
    for (;;) {
      this.#engine.writeSync(flush, input, offset, length, output, 0, OUTPUT_BYTES);
      const [room, rest] = this.#left;
      if (this.#fault !== undefined) {
        const fault = this.#fault;
        this.#fault = undefined;
        return fault;
      }
      if (room < OUTPUT_BYTES && !take(output.subarray(0, OUTPUT_BYTES - room))) return undefined;
      if (room > 0) return undefined;
      offset += length - rest;
      length = rest;
    }
  }

  reset(): void {
    this.#engine.reset();
  }
}

const deflater = Codec.of(createDeflateRaw({ level: constants.Z_BEST_SPEED }) as EngineHolder);
const inflater = Codec.of(createInflateRaw() as EngineHolder);

/** Compresses a message that is in pieces. */
export function deflateMessage(pieces: readonly Uint8Array[]): Buffer {
  if (deflater === undefined) {
    const options = { level: constants.Z_BEST_SPEED, finishFlush: constants.Z_SYNC_FLUSH };
    return deflateRawSync(Buffer.concat(pieces), options).subarray(0, -TAIL_BYTES);
  }
  const parts: Buffer[] = [];
  const keep = (piece: Buffer): boolean => {
    parts.push(Buffer.from(piece));
    return true;
  };
  const last = pieces.length - 1;
  for (let i = 0; i <= last; i++) {
    deflater.run(i === last ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH, pieces[i], keep);
  }
  deflater.reset();
  const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  return whole.subarray(0, -TAIL_BYTES);
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
  try {
    return inflater?.run(constants.Z_SYNC_FLUSH, message, take);
  } finally {
    inflater?.reset();
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
