// Where in the journal's memory the records stand that a stream's segments do not have yet. Kept in plain arrays: with many
// streams there are as many runs as messages, and objects for them would keep the garbage collector busy.
import type { Chunk } from "./chunk-pool.js";
import type { Segment } from "./segment.js";
import type { Ticket } from "./store.js";

/** Numbers of a run: position in its segment, place in its chunk, bytes, ticket of its last record. */
const FIELDS = 4;

export class RunList {
  pendingBytes = 0;
  private readonly segments: Segment[] = [];
  private readonly chunks: Chunk[] = [];
  private readonly numbers: number[] = [];

  get length(): number {
    return this.segments.length;
  }

  /** Of the first run; there is one. */
  get firstTicket(): Ticket {
    return this.numbers[3];
  }

  /** Adds a record behind all others; one that follows the last in memory, too, makes that longer. */
  add(segment: Segment, position: number, chunk: Chunk, at: number, bytes: number, ticket: Ticket): void {
    const { numbers, chunks, segments } = this;
    this.pendingBytes += bytes;
    const last = chunks.length - 1;
    const end = numbers.length;
    if (
      last >= 0 &&
      chunks[last] === chunk &&
      numbers[end - 3] + numbers[end - 2] === at &&
      segments[last] === segment
    ) {
      numbers[end - 2] += bytes;
      numbers[end - 1] = ticket;
      return;
    }
    segments.push(segment);
    chunks.push(chunk);
    numbers.push(position, at, bytes, ticket);
  }

  /** The chunk that holds a position of a segment, and where in it. */
  find(segment: Segment, position: number): { chunk: Chunk; at: number } {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const one = this.segments[middle];
      const isBefore = one === segment ? this.numbers[middle * FIELDS] <= position : one.number < segment.number;
      if (isBefore) low = middle;
      else high = middle - 1;
    }
    return { chunk: this.chunks[low], at: this.numbers[low * FIELDS + 1] + position - this.numbers[low * FIELDS] };
  }

  /** The runs up to a ticket, by their segments, in order. */
  upTo(ticket: Ticket): Map<Segment, Buffer[]> {
    const groups = new Map<Segment, Buffer[]>();
    for (let i = 0; i < this.segments.length && this.numbers[i * FIELDS + 3] <= ticket; i++) {
      const at = this.numbers[i * FIELDS + 1];
      const part = this.chunks[i].buffer.subarray(at, at + this.numbers[i * FIELDS + 2]);
      const group = groups.get(this.segments[i]);
      if (group === undefined) groups.set(this.segments[i], [part]);
      else group.push(part);
    }
    return groups;
  }

  /** Forgets the first runs, as long as they are of this segment and either in its file or not above a ticket. */
  drop(segment: Segment, upTo: Ticket): void {
    let count = 0;
    while (count < this.segments.length && this.segments[count] === segment) {
      const at = count * FIELDS;
      if (this.numbers[at] >= segment.flushedEnd && this.numbers[at + 3] > upTo) break;
      this.pendingBytes -= this.numbers[at + 2];
      count++;
    }
    this.segments.splice(0, count);
    this.chunks.splice(0, count);
    this.numbers.splice(0, count * FIELDS);
  }

  /** Forgets what lies behind `endOf` its segment; undefined: nothing of that is needed. */
  cut(endOf: (segment: Segment) => number | undefined): void {
    let kept = 0;
    this.pendingBytes = 0;
    for (let i = 0; i < this.segments.length; i++) {
      const [position, at, bytes, ticket] = this.numbers.slice(i * FIELDS, (i + 1) * FIELDS);
      const left = Math.min(bytes, (endOf(this.segments[i]) ?? position) - position);
      if (left <= 0) continue;
      this.segments[kept] = this.segments[i];
      this.chunks[kept] = this.chunks[i];
      for (const [field, value] of [position, at, left, ticket].entries()) this.numbers[kept * FIELDS + field] = value;
      this.pendingBytes += left;
      kept++;
    }
    this.segments.length = kept;
    this.chunks.length = kept;
    this.numbers.length = kept * FIELDS;
  }
}
