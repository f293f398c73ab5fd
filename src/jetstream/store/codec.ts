// How the records of a file are encoded: as they are, or in blocks that are compressed, encrypted, or both.
import { viewOf } from "../../protocol/words.js";
import type { Cipher, Keys } from "./cipher.js";
import { StoreError } from "./errors.js";
import {
  claimedBytes,
  isRecord,
  RecordFlag,
  RecordKind,
  type RecordPlace,
  type RecordView,
  recordOf,
} from "./record.js";

/** Records together are encoded up to this size; a larger record is a block of its own. */
const BLOCK_BYTES = 64 * 1024;

/** What a file's header says about the rest. */
export interface CodecNames {
  readonly compression?: "s2";
  readonly keyId?: string;
}

export interface Compression {
  compress(plain: Uint8Array): Uint8Array;
  /** Throws when it was not compressed by this. */
  uncompress(compressed: Uint8Array): Uint8Array;
}

export class Codec {
  readonly names: CodecNames;
  private readonly compression: Compression | undefined;
  private readonly cipher: Cipher | undefined;

  constructor(compression: Compression | undefined, cipher: Cipher | undefined) {
    this.compression = compression;
    this.cipher = cipher;
    this.names = {
      ...(compression === undefined ? {} : { compression: "s2" }),
      ...(cipher === undefined ? {} : { keyId: cipher.keyId }),
    };
  }

  /** The codec that a header names. Throws StoreError STORE_KEY, and STORE_VERSION for an unknown compression. */
  static of(names: CodecNames, keys: Keys, compression: Compression | undefined, path: string): Codec {
    if (names.compression !== undefined && (names.compression !== "s2" || compression === undefined)) {
      throw new StoreError("STORE_VERSION", `${path} has an unknown compression, ${names.compression}`);
    }
    return new Codec(names.compression === undefined ? undefined : compression, keys.find(names.keyId, path));
  }

  /** Whether records stand in the file as they are. */
  get isPlain(): boolean {
    return this.compression === undefined && this.cipher === undefined;
  }

  /** A block of the records in `plain`, which begin at `position` of the file that is not encoded. */
  encode(plain: Uint8Array, place: RecordPlace, position: number): Buffer {
    let body = plain;
    let flags = 0;
    if (this.compression !== undefined) {
      const smaller = this.compression.compress(plain);
      if (smaller.length < plain.length) {
        body = smaller;
        flags |= RecordFlag.compressed;
      }
    }
    if (this.cipher !== undefined) {
      body = this.cipher.seal(body);
      flags |= RecordFlag.encrypted;
    }
    return recordOf(RecordKind.block, flags, place, body, position, plain.length);
  }

  /** The records of a block. Throws StoreError STORE_DAMAGED. */
  decode(block: RecordView): Buffer {
    let body: Uint8Array = block.body;
    if ((block.flags & RecordFlag.encrypted) !== 0) {
      if (this.cipher === undefined) throw new StoreError("STORE_DAMAGED", "an encrypted block in a plain file");
      body = this.cipher.open(body);
    }
    if ((block.flags & RecordFlag.compressed) !== 0) {
      if (this.compression === undefined) throw new StoreError("STORE_DAMAGED", "a compressed block in a plain file");
      try {
        body = this.compression.uncompress(body);
      } catch (cause) {
        throw new StoreError("STORE_DAMAGED", "a block cannot be decompressed", cause);
      }
    }
    return Buffer.from(body.buffer, body.byteOffset, body.length);
  }

  /** Cuts records into blocks; each with how many bytes it holds. */
  *blocks(plain: Buffer, place: RecordPlace, position: number): Iterable<{ block: Buffer; bytes: number }> {
    const view = viewOf(plain);
    let start = 0;
    for (let at = 0; at < plain.length; ) {
      const next = at + claimedBytes(view, at, plain.length);
      if (next - start > BLOCK_BYTES && at > start) {
        yield { block: this.encode(plain.subarray(start, at), place, position + start), bytes: at - start };
        start = at;
      }
      at = next;
    }
    if (start < plain.length) {
      yield { block: this.encode(plain.subarray(start), place, position + start), bytes: plain.length - start };
    }
  }
}

/** Whether an undamaged record, and nothing else, is in `bytes`. */
export function isOneRecord(bytes: Buffer): boolean {
  const view = viewOf(bytes);
  return claimedBytes(view, 0, bytes.length) === bytes.length && isRecord(view, 0, bytes.length);
}
