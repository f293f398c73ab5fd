// Where in the journal's memory the records stand that a stream's segments do not have yet. Kept in words: with many streams
// there are as many runs as messages, and objects for them would keep the garbage collector busy.
import { copyBytes, viewOf } from "../../protocol/words.js";
import type { Chunk } from "./chunk-pool.js";
import type { Segment } from "./segment.js";
import type { Ticket } from "./store.js";

/** Numbers of a run: position in its segment, place in its chunk, bytes, ticket of its last record (from `firstOfAll` on). */
const FIELDS = 4;
const AT = 1;
const BYTES = 2;
const TICKET = 3;
const LEAST_RUNS = 16;
/** Runs on average below this size are put together. */
const SMALL_PART_BYTES = 4096;
const NO_WORDS = new Uint32Array(0);

/** What consecutive runs have in common, and which is the first of them. */
class Shared<T> {
  private readonly values: T[] = [];
  private readonly firsts: number[] = [];

  /** The value from a run on, which is behind all others. */
  add(value: T, run: number): void {
    this.values.push(value);
    this.firsts.push(run);
  }

  at(run: number): T {
    let low = 0;
    let high = this.firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.firsts[middle] <= run) low = middle;
      else high = middle - 1;
    }
    return this.values[low];
  }

  /** The run from which on another value holds; infinity for the last. */
  changeAfter(run: number): number {
    return this.firsts.find((first) => first > run) ?? Number.POSITIVE_INFINITY;
  }

  /** The runs before `count` are gone, and counted no more. */
  shift(count: number): void {
    let gone = 0;
    while (gone + 1 < this.firsts.length && this.firsts[gone + 1] <= count) gone++;
    this.values.splice(0, gone);
    this.firsts.splice(0, gone);
    for (let at = 0; at < this.firsts.length; at++) this.firsts[at] = Math.max(0, this.firsts[at] - count);
  }

  clear(): void {
    this.values.length = 0;
    this.firsts.length = 0;
  }
}

export class RunList {
  pendingBytes = 0;
  length = 0;
  private readonly segments = new Shared<Segment>();
  private readonly chunks = new Shared<Chunk>();
  private words = NO_WORDS;
  private firstOfAll: Ticket = 0;
  // Of the last run, if there is one.
  private lastSegment: Segment | undefined;
  private lastChunk: Chunk | undefined;

  /** Of the first run; there is one. */
  get firstTicket(): Ticket {
    return this.firstOfAll + this.words[TICKET];
  }

  /** Adds a record behind all others; one that follows the last in memory, too, makes that longer. */
  add(segment: Segment, position: number, chunk: Chunk, at: number, bytes: number, ticket: Ticket): void {
    this.pendingBytes += bytes;
    const { length } = this;
    if (length === 0) this.firstOfAll = ticket;
    const isSameSegment = this.lastSegment === segment;
    const isSameChunk = this.lastChunk === chunk;
    let { words } = this;
    let word = length * FIELDS;
    if (isSameSegment && isSameChunk && words[word - FIELDS + AT] + words[word - FIELDS + BYTES] === at) {
      words[word - FIELDS + BYTES] += bytes;
      words[word - FIELDS + TICKET] = ticket - this.firstOfAll;
      return;
    }
    if (!isSameSegment) {
      this.segments.add(segment, length);
      this.lastSegment = segment;
    }
    if (!isSameChunk) {
      this.chunks.add(chunk, length);
      this.lastChunk = chunk;
    }
    if (word === words.length) {
      words = new Uint32Array(Math.max(LEAST_RUNS * FIELDS, 2 * words.length));
      words.set(this.words);
      this.words = words;
    }
    words[word++] = position;
    words[word++] = at;
    words[word++] = bytes;
    words[word] = ticket - this.firstOfAll;
    this.length++;
  }

  /** The chunk that holds a position of a segment, and where in it. */
  find(segment: Segment, position: number): { chunk: Chunk; at: number } {
    const { words, segments } = this;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const one = segments.at(middle);
      const isBefore = one === segment ? words[middle * FIELDS] <= position : one.number < segment.number;
      if (isBefore) low = middle;
      else high = middle - 1;
    }
    return { chunk: this.chunks.at(low), at: words[low * FIELDS + AT] + position - words[low * FIELDS] };
  }

  /** The runs up to a ticket, by their segments, in order; those of a segment that are small are put together. */
  upTo(ticket: Ticket): Map<Segment, Buffer[]> {
    const groups = new Map<Segment, Buffer[]>();
    let end = 0;
    while (end < this.length && this.ticketOf(end) <= ticket) end++;
    for (let run = 0; run < end; ) {
      const next = Math.min(end, this.segments.changeAfter(run));
      groups.set(this.segments.at(run), this.partsOf(run, next));
      run = next;
    }
    return groups;
  }

  private partsOf(from: number, to: number): Buffer[] {
    const { words, chunks } = this;
    let bytes = 0;
    for (let run = from; run < to; run++) bytes += words[run * FIELDS + BYTES];
    const isSmall = to - from > 1 && bytes < (to - from) * SMALL_PART_BYTES;
    const together = Buffer.allocUnsafeSlow(isSmall ? bytes : 0);
    const view = viewOf(together);
    const parts: Buffer[] = isSmall ? [together] : [];
    let filled = 0;
    for (let run = from; run < to; ) {
      const { buffer } = chunks.at(run);
      for (const next = Math.min(to, chunks.changeAfter(run)); run < next; run++) {
        const at = words[run * FIELDS + AT];
        const end = at + words[run * FIELDS + BYTES];
        if (isSmall) copyBytes(buffer, at, end, together, view, filled);
        else parts.push(buffer.subarray(at, end));
        filled += end - at;
      }
    }
    return parts;
  }

  /** Forgets the first runs, as long as they are of this segment and either in its file or not above a ticket. */
  drop(segment: Segment, upTo: Ticket): void {
    const { words } = this;
    let count = 0;
    while (count < this.length && this.segments.at(count) === segment) {
      const word = count * FIELDS;
      if (words[word] >= segment.flushedEnd && this.ticketOf(count) > upTo) break;
      this.pendingBytes -= words[word + BYTES];
      count++;
    }
    this.keep(this.length - count, count);
  }

  /** Forgets what lies behind `endOf` its segment; undefined: nothing of that is needed. */
  cut(endOf: (segment: Segment) => number | undefined): void {
    const { length } = this;
    const runs = Array.from({ length }, (_, run) => ({
      segment: this.segments.at(run),
      chunk: this.chunks.at(run),
      numbers: this.words.slice(run * FIELDS, (run + 1) * FIELDS),
      ticket: this.ticketOf(run),
    }));
    this.pendingBytes = 0;
    this.keep(0, length);
    for (const { segment, chunk, numbers, ticket } of runs) {
      const [position, at, bytes] = numbers;
      const left = Math.min(bytes, (endOf(segment) ?? position) - position);
      if (left > 0) this.add(segment, position, chunk, at, left, ticket);
    }
  }

  private ticketOf(run: number): Ticket {
    return this.firstOfAll + this.words[run * FIELDS + TICKET];
  }

  // Only the runs behind the first `gone` are left.
  private keep(left: number, gone: number): void {
    this.length = left;
    if (left === 0) {
      this.segments.clear();
      this.chunks.clear();
      this.lastSegment = undefined;
      this.lastChunk = undefined;
      this.words = NO_WORDS;
      return;
    }
    if (gone === 0) return;
    this.words.copyWithin(0, gone * FIELDS, (gone + left) * FIELDS);
    this.segments.shift(gone);
    this.chunks.shift(gone);
  }
}
