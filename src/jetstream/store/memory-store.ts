// A stream in memory: the same records and the same index as on disk, in buffers instead of segments.

import { letGo, takeQuietly } from "./quiet-memory.js";
import { fillMessageRecord, messageRecordBytes, RecordMessage, RecordView } from "./record.js";
import { ALL, MAX_OFFSET, SlotBlock } from "./slot-block.js";
import {
  ALREADY_DURABLE,
  type EntryLog,
  type MessageTimes,
  NEVER_EXPIRES,
  type NewMessage,
  type RecoveredLog,
  type Sequence,
  type StoredMessage,
  type StoredTime,
  type Ticket,
} from "./store.js";
import { type RemovalStep, StreamBase } from "./stream-base.js";

const FIRST_BYTES = 4 * 1024;
const BLOCK_BYTES = 1024 * 1024;
const BLOCK_MESSAGES = 16 * 1024;

/** The bytes of a block; replaced by a larger one while it grows, by a smaller one when much of it was removed. */
class Home {
  bytes: Buffer;
  view: DataView;

  constructor(size: number) {
    this.bytes = takeQuietly(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes it larger, with the first `used` bytes as they were. */
  grow(size: number, used: number): void {
    const { bytes } = this;
    this.bytes = takeQuietly(size);
    this.bytes.set(bytes.subarray(0, used));
    letGo(bytes.length);
    this.view = new DataView(this.bytes.buffer);
  }
}

export class MemoryStore extends StreamBase<Home> {
  private readonly blockBytes: number;
  private readonly blockMessages: number;

  /** Limits of a block, for tests; default 1 MB and 16,384 messages. */
  constructor(key: string, limits: { blockBytes?: number; blockMessages?: number } = {}) {
    super("memory", key);
    this.blockBytes = limits.blockBytes ?? BLOCK_BYTES;
    this.blockMessages = limits.blockMessages ?? BLOCK_MESSAGES;
  }

  /** Memory that holds messages, without the index. */
  get usedBytes(): number {
    return this.index.blocks.reduce((sum, block) => sum + block.home.bytes.length, 0);
  }

  append(message: NewMessage, sequence: Sequence, times: MessageTimes): Ticket {
    this.checkOpen();
    const { index } = this;
    index.checkNext(sequence, message.subject);
    const bytes = messageRecordBytes(message, times.expiresMs);
    const { home, end } = this.blockFor(sequence, bytes);
    fillMessageRecord(home.bytes, home.view, end, bytes, message, sequence, times, 0, 0, 0);
    index.add(sequence, message.subject, times, message.headerBytes > 0, bytes);
    return ALREADY_DURABLE;
  }

  load(sequence: Sequence): StoredMessage | undefined {
    const place = this.index.placeOf(sequence);
    if (place === undefined) return undefined;
    return new RecordMessage(new RecordView(place.block.home.bytes, place.block.offsetAt(place.slot)));
  }

  erase(sequence: Sequence): Promise<boolean> {
    const place = this.index.placeOf(sequence);
    if (place === undefined) return Promise.resolve(false);
    const { block, slot } = place;
    const offset = block.offsetAt(slot);
    block.home.bytes.fill(0, offset, offset + block.bytesAt(slot));
    this.remove(sequence);
    return Promise.resolve(true);
  }

  configure(): void {
    // Nothing of it concerns memory.
  }

  delete(): Ticket {
    this.closed = true;
    letGo(this.usedBytes);
    this.index.clear(0);
    this.index.blocks.length = 0;
    return ALREADY_DURABLE;
  }

  protected checkWritable(): void {
    // Memory always is.
  }

  protected removed(step: RemovalStep): Ticket {
    const { blocks } = this.index;
    if (step.kind === "sequences") for (const sequence of step.sequences) this.shrink(sequence);
    while (blocks.length > 1 && blocks[0].live === 0) letGo(blocks.shift()!.home.bytes.length);
    return ALREADY_DURABLE;
  }

  private blockFor(sequence: Sequence, bytes: number): SlotBlock<Home> {
    const { blocks } = this.index;
    const last = blocks[blocks.length - 1];
    if (last !== undefined && last.count < this.blockMessages && !this.index.needsBlock(sequence)) {
      if (last.end + bytes <= last.home.bytes.length) return last;
      if (last.end + bytes <= this.blockBytes && !last.isSparse) {
        last.home.grow(Math.min(this.blockBytes, Math.max(last.end + bytes, 2 * last.end)), last.end);
        return last;
      }
    }
    last?.trim();
    const size = blocks.length === 0 ? Math.max(FIRST_BYTES, bytes) : Math.max(this.blockBytes, bytes);
    const block = new SlotBlock<Home>(new Home(Math.min(size, MAX_OFFSET)), sequence, 0);
    blocks.push(block);
    return block;
  }

  /** Moves what is left of a block into smaller buffers when half of it was removed. */
  private shrink(removed: Sequence): void {
    const { blocks } = this.index;
    const at = this.index.blockAt(removed);
    const block = blocks[at];
    if (block === undefined || at === blocks.length - 1) return;
    if (block.live === 0) {
      letGo(block.home.bytes.length);
      blocks.splice(at, 1);
      return;
    }
    const begin = at === 0 ? block.offsetAt(block.lowerBound(this.index.firstSequence)) : 0;
    if (block.liveRecordBytes * 2 > block.end - begin) return;
    // With a neighbour that has become small, too, so that many small blocks do not stay.
    const from = at > 0 && blocks[at - 1].liveRecordBytes + block.liveRecordBytes < this.blockBytes / 2 ? at - 1 : at;
    const merged = blocks.slice(from, at + 1);
    const home = new Home(merged.reduce((sum, one) => sum + one.liveRecordBytes, 0));
    let end = 0;
    for (const one of merged) {
      for (let slot = one.forward(0, ALL); slot >= 0; slot = one.forward(slot + 1, ALL)) {
        const offset = one.offsetAt(slot);
        end += one.home.bytes.copy(home.bytes, end, offset, offset + one.bytesAt(slot));
      }
    }
    letGo(merged.reduce((sum, one) => sum + one.home.bytes.length, 0));
    const smaller = this.index.merged(merged, home, 0);
    this.index.replace(merged, smaller);
  }
}

/** A log that ends with the server. */
export class MemoryLog implements EntryLog {
  readonly key: string;
  readonly unread = undefined;
  snapshotter: (() => Uint8Array) | undefined;

  constructor(key: string) {
    this.key = key;
  }

  recover(): RecoveredLog {
    return { snapshot: undefined, entries: [], gaps: [] };
  }

  append(): Ticket {
    return ALREADY_DURABLE;
  }

  beforeEnd(): Ticket {
    return ALREADY_DURABLE;
  }

  delete(): Ticket {
    return ALREADY_DURABLE;
  }
}

/** The times of a message: nanoseconds since 1970 and milliseconds until its own end (0: none, NEVER_EXPIRES). */
export function timesOf(ns: bigint, ttlMs = 0): MessageTimes {
  return timesSince({ seconds: Number(ns / 1_000_000_000n), nanoseconds: Number(ns % 1_000_000_000n) }, ttlMs);
}

/** The same of a time that was stored. */
export function timesSince({ seconds, nanoseconds }: StoredTime, ttlMs = 0): MessageTimes {
  const expiresMs =
    ttlMs === 0 || ttlMs === NEVER_EXPIRES ? ttlMs : seconds * 1000 + Math.floor(nanoseconds / 1e6) + ttlMs;
  return { seconds, nanoseconds, expiresMs };
}

/** The times of a message that is stored now, as `timesOf`; a wall clock's milliseconds have a fraction. */
export function timesAt(nowMs: number, ttlMs = 0): MessageTimes {
  const seconds = Math.floor(nowMs / 1000);
  const nanoseconds = Math.floor((nowMs - seconds * 1000) * 1e6);
  const expiresMs = ttlMs === 0 || ttlMs === NEVER_EXPIRES ? ttlMs : Math.floor(nowMs) + ttlMs;
  return { seconds, nanoseconds, expiresMs };
}
