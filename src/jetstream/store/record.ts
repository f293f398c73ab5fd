// A record: what the journal and the files of the stores consist of. docs/storage.md has its layout.
import { copyBytes, viewOf } from "../../protocol/words.js";
import { checksum } from "./checksum.js";
import { StoreError } from "./errors.js";
import { type MessageTimes, NEVER_EXPIRES, type NewMessage, type StoredMessage } from "./store.js";

/** What a record says. Numbers stand in files and never change. */
export const RecordKind = {
  message: 1,
  /** An entry of a log, and a state that stands for all entries before it. */
  entry: 2,
  snapshot: 3,
  /** The first record of a file: JSON. */
  header: 4,
  /** Records of a segment, encoded (compressed, encrypted) together. `sequence` is where they begin, decoded. */
  block: 5,
  /** In the journal: a stream or a log of this id begins (JSON) or ends. */
  create: 6,
  delete: 7,
  /** Stands where an erased record was. */
  erased: 8,
} as const;

export const RecordFlag = {
  /** Milliseconds of the end of life stand between header and subject. */
  expires: 1,
  /** The next record of this stream belongs to the same atomic batch. */
  more: 2,
  compressed: 4,
  encrypted: 8,
  /** The record before, of this stream, belongs to the same atomic batch; or it tells nothing without those before it. */
  continued: 16,
} as const;

export const RECORD_BYTES = 44;
const EXPIRES_BYTES = 8;
const END_BYTES = 2;
/** The largest record; anything longer in a file is damage. */
export const MAX_RECORD_BYTES = 128 * 1024 * 1024;
const MAX_SUBJECT_BYTES = 0xffff;
const WORD = 2 ** 32;

/** Bytes of the record of a message. Throws StoreError STORE_TOO_LARGE. */
export function messageRecordBytes(message: NewMessage, expiresMs: number): number {
  const subjectBytes = message.subjectBytes.length;
  const bytes = recordBytes(subjectBytes + message.end - message.start) + (expiresMs === 0 ? 0 : EXPIRES_BYTES);
  if (bytes > MAX_RECORD_BYTES || subjectBytes > MAX_SUBJECT_BYTES) {
    throw new StoreError("STORE_TOO_LARGE", `a message of ${bytes} bytes is larger than a store takes`);
  }
  return bytes;
}

/** Bytes of a record with a body of that size. */
export function recordBytes(bodyBytes: number): number {
  return RECORD_BYTES + bodyBytes + END_BYTES;
}

/** What is the same for all records: whose it is, and the how manieth of its log. */
export interface RecordPlace {
  readonly log: number;
  readonly index: number;
}

/** Writes a message's record of `bytes` bytes at `at`; gives its checksum. `batch`: its flags `more` and `continued`. */
export function writeMessageRecord(
  into: Uint8Array,
  view: DataView,
  at: number,
  bytes: number,
  message: NewMessage,
  sequence: number,
  times: MessageTimes,
  batch: number,
  log: number,
  index: number,
): number {
  fillMessageRecord(into, view, at, bytes, message, sequence, times, batch, log, index);
  return seal(view, at, bytes);
}

/** As `writeMessageRecord`, without the checksum: for what stays in memory. */
export function fillMessageRecord(
  into: Uint8Array,
  view: DataView,
  at: number,
  bytes: number,
  message: NewMessage,
  sequence: number,
  times: MessageTimes,
  batch: number,
  log: number,
  index: number,
): void {
  const { subjectBytes, body, start, end } = message;
  const expires = times.expiresMs !== 0;
  view.setUint32(at + 4, bytes, true);
  view.setUint8(at + 8, RecordKind.message);
  view.setUint8(at + 9, (expires ? RecordFlag.expires : 0) | batch);
  view.setUint16(at + 10, subjectBytes.length, true);
  view.setUint32(at + 12, log, true);
  writeNumber(view, at + 16, index);
  writeNumber(view, at + 24, sequence);
  view.setUint32(at + 32, times.seconds, true);
  view.setUint32(at + 36, times.nanoseconds, true);
  view.setUint32(at + 40, message.headerBytes, true);
  let position = at + RECORD_BYTES;
  if (expires) {
    view.setFloat64(position, times.expiresMs, true);
    position += EXPIRES_BYTES;
  }
  copyBytes(subjectBytes, 0, subjectBytes.length, into, view, position);
  position += subjectBytes.length;
  copyBytes(body, start, end, into, view, position);
  position += end - start;
  view.setUint8(position, 13);
  view.setUint8(position + 1, 10);
}

/** Writes a record that is no message, of `recordBytes(body.length)`; gives its checksum. `sequence` and `extra` are free to use. */
export function writeRecord(
  into: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  place: RecordPlace,
  body: Uint8Array,
  sequence = 0,
  extra = 0,
): number {
  const view = viewOf(into);
  const bytes = recordBytes(body.length);
  view.setUint32(at + 4, bytes, true);
  view.setUint8(at + 8, kind);
  view.setUint8(at + 9, flags);
  view.setUint16(at + 10, 0, true);
  view.setUint32(at + 12, place.log, true);
  writeNumber(view, at + 16, place.index);
  writeNumber(view, at + 24, sequence);
  view.setUint32(at + 32, extra, true);
  view.setUint32(at + 36, 0, true);
  view.setUint32(at + 40, 0, true);
  into.set(body, at + RECORD_BYTES);
  view.setUint8(at + bytes - 2, 13);
  view.setUint8(at + bytes - 1, 10);
  return seal(view, at, bytes);
}

/** `writeRecord` into a buffer of its own. */
export function recordOf(
  kind: number,
  flags: number,
  place: RecordPlace,
  body: Uint8Array,
  sequence = 0,
  extra = 0,
): Buffer {
  const bytes = recordBytes(body.length);
  if (bytes > MAX_RECORD_BYTES) throw new StoreError("STORE_TOO_LARGE", `a record of ${bytes} bytes is too large`);
  const record = Buffer.allocUnsafeSlow(bytes);
  writeRecord(record, 0, kind, flags, place, body, sequence, extra);
  return record;
}

/** Leaves of a record only whose it was, its sequence and its times. */
export function eraseRecord(record: Buffer): void {
  const view = viewOf(record);
  view.setUint8(8, RecordKind.erased);
  view.setUint8(9, 0);
  view.setUint16(10, 0, true);
  view.setUint32(40, 0, true);
  record.fill(0, RECORD_BYTES);
  seal(view, 0, record.length);
}

function seal(view: DataView, at: number, bytes: number): number {
  const sum = checksum(view, at + 4, at + bytes);
  view.setUint32(at, sum, true);
  return sum;
}

function writeNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value / WORD, true);
}

function readNumber(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * WORD;
}

/** The length that the record at `at` claims; 0 when it cannot be a record or does not end before `end`. */
export function claimedBytes(view: DataView, at: number, end: number): number {
  if (at + recordBytes(0) > end) return 0;
  const bytes = view.getUint32(at + 4, true);
  return bytes < recordBytes(0) || bytes > end - at ? 0 : bytes;
}

/** Whether a whole and undamaged record stands at `at`. */
export function isRecord(view: DataView, at: number, end: number): boolean {
  const bytes = claimedBytes(view, at, end);
  return bytes > 0 && checksum(view, at + 4, at + bytes) === view.getUint32(at, true);
}

/** A record as it stands in `buffer` from `at` on; a view. Only for what `isRecord` has found to be one. */
export class RecordView {
  readonly buffer: Buffer;
  readonly at: number;
  private readonly view: DataView;

  constructor(buffer: Buffer, at: number) {
    this.buffer = buffer;
    this.at = at;
    this.view = viewOf(buffer);
  }

  get checksum(): number {
    return this.view.getUint32(this.at, true);
  }

  get bytes(): number {
    return this.view.getUint32(this.at + 4, true);
  }

  get kind(): number {
    return this.view.getUint8(this.at + 8);
  }

  get flags(): number {
    return this.view.getUint8(this.at + 9);
  }

  get log(): number {
    return this.view.getUint32(this.at + 12, true);
  }

  get index(): number {
    return readNumber(this.view, this.at + 16);
  }

  get sequence(): number {
    return readNumber(this.view, this.at + 24);
  }

  get seconds(): number {
    return this.view.getUint32(this.at + 32, true);
  }

  get nanoseconds(): number {
    return this.view.getUint32(this.at + 36, true);
  }

  get headerBytes(): number {
    return this.view.getUint32(this.at + 40, true);
  }

  get expiresMs(): number {
    return (this.flags & RecordFlag.expires) === 0 ? 0 : this.view.getFloat64(this.at + RECORD_BYTES, true);
  }

  get subjectStart(): number {
    return this.at + RECORD_BYTES + ((this.flags & RecordFlag.expires) === 0 ? 0 : EXPIRES_BYTES);
  }

  get subjectEnd(): number {
    return this.subjectStart + this.view.getUint16(this.at + 10, true);
  }

  /** Latin1. */
  get subject(): string {
    return this.buffer.toString("latin1", this.subjectStart, this.subjectEnd);
  }

  /** Of a record that is no message. */
  get body(): Buffer {
    return this.buffer.subarray(this.at + RECORD_BYTES, this.at + this.bytes - END_BYTES);
  }

  get whole(): Buffer {
    return this.buffer.subarray(this.at, this.at + this.bytes);
  }
}

/** A message as a view of its record. */
export class RecordMessage implements StoredMessage {
  readonly sequence: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly expiresMs: number;
  readonly body: Buffer;
  readonly subjectStart: number;
  readonly start: number;
  readonly end: number;
  readonly headerBytes: number;
  // Not everybody wants it as text.
  private text: string | undefined;

  constructor(record: RecordView) {
    this.sequence = record.sequence;
    this.seconds = record.seconds;
    this.nanoseconds = record.nanoseconds;
    this.expiresMs = record.expiresMs;
    this.body = record.buffer;
    this.subjectStart = record.subjectStart;
    this.start = record.subjectEnd;
    this.end = record.at + record.bytes - END_BYTES;
    this.headerBytes = record.headerBytes;
  }

  get subject(): string {
    this.text ??= this.body.toString("latin1", this.subjectStart, this.start);
    return this.text;
  }

  get subjectBytes(): Buffer {
    return this.body.subarray(this.subjectStart, this.start);
  }

  get header(): Buffer {
    return this.body.subarray(this.start, this.start + this.headerBytes);
  }

  get payload(): Buffer {
    return this.body.subarray(this.start + this.headerBytes, this.end);
  }
}

/** How a slot's flags are told from the record's size: what a message counts in `state.bytes`. */
export function countedBytes(storage: "file" | "memory", bytes: number, hasHeader: boolean, expires: boolean): number {
  const content = bytes - RECORD_BYTES - END_BYTES - (expires ? EXPIRES_BYTES : 0);
  return storage === "memory" ? 16 + content : 30 + content + (hasHeader ? 4 : 0);
}

/** Whether that end of life is none at all, not even by age. */
export function neverExpires(expiresMs: number): boolean {
  return expiresMs === NEVER_EXPIRES;
}
