// A frame: what one write of the journal consists of, a header and records of any logs. docs/storage.md has its layout.
import { viewOf } from "../../protocol/words.js";
import { nextBlock } from "../../runtime/disk.js";
import { chained, checksum } from "./checksum.js";
import { claimedBytes, isRecord, RecordView } from "./record.js";
import type { Ticket } from "./store.js";

/** "NNJ1" */
const MAGIC = 0x314a4e4e;
const MAGIC_BYTES = Buffer.from("NNJ1", "latin1");
export const FRAME_HEADER_BYTES = 40;
const WORD = 2 ** 32;

export const FrameFlag = { encrypted: 1, end: 2 } as const;

export interface FrameHeader {
  readonly ticket: Ticket;
  readonly payloadBytes: number;
  /** The checksums of its records, chained. */
  readonly payloadChecksum: number;
  /** Above every id of a log that was given. */
  readonly nextLog: number;
  readonly flags: number;
  /** The next frame begins at a multiple of it in the file; a power of two. */
  readonly blockBytes: number;
  /** Everything up to this ticket has been taken over by the streams' files. */
  readonly released: Ticket;
}

export function writeFrameHeader(into: Uint8Array, at: number, header: FrameHeader): void {
  const view = viewOf(into);
  view.setUint32(at, MAGIC, true);
  view.setUint32(at + 8, header.payloadBytes, true);
  view.setUint32(at + 12, header.payloadChecksum, true);
  view.setUint32(at + 16, header.ticket, true);
  view.setUint32(at + 20, header.ticket / WORD, true);
  view.setUint32(at + 24, header.nextLog, true);
  view.setUint16(at + 28, header.flags, true);
  view.setUint16(at + 30, Math.log2(header.blockBytes), true);
  view.setUint32(at + 32, header.released, true);
  view.setUint32(at + 36, header.released / WORD, true);
  view.setUint32(at + 4, checksum(view, at + 8, at + FRAME_HEADER_BYTES), true);
}

/** Undefined when no undamaged header stands there. */
export function readFrameHeader(buffer: Buffer, at: number): FrameHeader | undefined {
  if (at + FRAME_HEADER_BYTES > buffer.length) return undefined;
  const view = viewOf(buffer);
  if (view.getUint32(at, true) !== MAGIC) return undefined;
  if (view.getUint32(at + 4, true) !== checksum(view, at + 8, at + FRAME_HEADER_BYTES)) return undefined;
  return {
    ticket: view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * WORD,
    payloadBytes: view.getUint32(at + 8, true),
    payloadChecksum: view.getUint32(at + 12, true),
    nextLog: view.getUint32(at + 24, true),
    flags: view.getUint16(at + 28, true),
    blockBytes: 2 ** view.getUint16(at + 30, true),
    released: view.getUint32(at + 32, true) + view.getUint32(at + 36, true) * WORD,
  };
}

/** A frame as it was found. */
export interface FoundFrame {
  readonly ticket: Ticket;
  /** In the file. */
  readonly position: number;
  /** Undefined when it is damaged: then `payload` reaches as far as the frame may. */
  readonly header: FrameHeader | undefined;
  /** As it stands in the file; cut short when the file is. */
  readonly payload: Buffer;
}

/**
 * The frames of a journal file, in order. A file is written over from its beginning when it is used again: what follows the
 * newest frame is older and not given.
 */
export function* framesOf(file: Buffer): Iterable<FoundFrame> {
  let ticket = 0;
  for (let at = 0; at < file.length; ) {
    const header = readFrameHeader(file, at);
    const start = at + FRAME_HEADER_BYTES;
    if (header === undefined) {
      const next = nextFrame(file, at + 1, ticket);
      // Without a frame behind it, it is one only if a record follows: no file has been written so far, otherwise.
      if (next < 0 && !isRecord(viewOf(file), start, file.length)) return;
      at = next < 0 ? file.length : next;
      // Tickets follow each other; of the first frame of a file only the next one tells.
      ticket = next < 0 ? ticket + 1 : (readFrameHeader(file, next) as FrameHeader).ticket - 1;
      yield { ticket, position: start - FRAME_HEADER_BYTES, header, payload: file.subarray(start, at) };
    } else if (header.ticket <= ticket) {
      return;
    } else {
      ticket = header.ticket;
      const end = start + header.payloadBytes;
      yield { ticket, position: at, header, payload: file.subarray(start, end) };
      at = nextBlock(end, header.blockBytes);
    }
  }
}

function nextFrame(file: Buffer, from: number, after: Ticket): number {
  for (let at = file.indexOf(MAGIC_BYTES, from); at >= 0; at = file.indexOf(MAGIC_BYTES, at + 1)) {
    const header = readFrameHeader(file, at);
    if (header !== undefined && header.ticket > after) return at;
  }
  return -1;
}

export interface FrameRecords {
  readonly records: readonly RecordView[];
  /** Whether all of the frame is there, as it was written. */
  readonly whole: boolean;
  /** How many of `records` stand before the first damage. */
  readonly sound: number;
}

/** The records of a payload. When it is damaged: those that are not. */
export function recordsOf(payload: Buffer, header: FrameHeader | undefined): FrameRecords {
  const view = viewOf(payload);
  const records: RecordView[] = [];
  let chain = 0;
  let sound = -1;
  for (let at = 0; at < payload.length; ) {
    if (isRecord(view, at, payload.length)) {
      const record = new RecordView(payload, at);
      records.push(record);
      chain = chained(chain, record.checksum);
      at += record.bytes;
      continue;
    }
    if (sound < 0) sound = records.length;
    // Nobody knows how far a frame without a header reaches.
    if (header === undefined) break;
    at = nextRecord(payload, at);
  }
  const whole = sound < 0 && payload.length === header?.payloadBytes && chain === header.payloadChecksum;
  return { records, whole, sound: sound < 0 ? records.length : sound };
}

/** Where the next undamaged record begins after damage at `at`; the end when there is none. */
export function nextRecord(bytes: Buffer, at: number): number {
  const view = viewOf(bytes);
  const claimed = claimedBytes(view, at, bytes.length);
  if (claimed > 0 && isRecord(view, at + claimed, bytes.length)) return at + claimed;
  for (let next = at + 1; next < bytes.length; next++) if (isRecord(view, next, bytes.length)) return next;
  return bytes.length;
}
