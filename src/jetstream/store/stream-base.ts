// What file and memory streams have in common: everything that the index answers, and how removals are put together.
import { StoreError } from "./errors.js";
import { countedBytes, messageRecordBytes } from "./record.js";
import {
  ALREADY_DURABLE,
  type Eventually,
  type MessageTimes,
  type NewMessage,
  type PurgeRequest,
  type Removal,
  type Sequence,
  type StoredMessage,
  type StreamState,
  type StreamStore,
  type StreamStoreOptions,
  type SubjectFilter,
  type SubjectTotals,
  type Ticket,
} from "./store.js";
import { StreamIndex } from "./stream-index.js";
import type { Filter } from "./subject-index.js";

/** A removal of single messages, of all below or of all above a sequence. */
export type RemovalStep =
  | { readonly kind: "sequences"; readonly sequences: readonly Sequence[] }
  | { readonly kind: "below"; readonly sequence: Sequence }
  | { readonly kind: "above"; readonly sequence: Sequence };

export abstract class StreamBase<H> implements StreamStore {
  protected readonly index: StreamIndex<H>;
  protected closed = false;
  unread: StoreError | undefined;
  readonly storage: "file" | "memory";
  readonly key: string;

  constructor(storage: "file" | "memory", key: string) {
    this.storage = storage;
    this.key = key;
    this.index = new StreamIndex(storage);
  }

  get state(): StreamState {
    return this.index;
  }

  get nextExpiryMs(): number {
    return this.index.nextExpiryMs;
  }

  abstract append(message: NewMessage, sequence: Sequence, times: MessageTimes, more?: boolean): Ticket;
  abstract load(sequence: Sequence): Eventually<StoredMessage | undefined>;
  abstract erase(sequence: Sequence): Promise<boolean>;
  abstract configure(options: StreamStoreOptions): void;
  abstract delete(): Ticket;
  /** Whether a removal can be made now; throws StoreError when not. */
  protected abstract checkWritable(): void;
  /** Writes down what the index has done. */
  protected abstract removed(step: RemovalStep): Ticket;

  /** The ticket of the last removal. */
  protected get lastRemoval(): Ticket {
    return ALREADY_DURABLE;
  }

  // That something is gone already is only durable with its removal.
  private get nothingRemoved(): Removal {
    return { removed: 0, ticket: this.lastRemoval };
  }

  sizeOf(message: NewMessage): number {
    return countedBytes(this.storage, messageRecordBytes(message, 0), message.headerBytes > 0, false);
  }

  has(sequence: Sequence): boolean {
    return this.index.has(sequence);
  }

  sizeAt(sequence: Sequence): number {
    return this.index.sizeAt(sequence);
  }

  subjectAt(sequence: Sequence): string | undefined {
    return this.index.subjectAt(sequence);
  }

  timeNsAt(sequence: Sequence): bigint {
    return this.index.timeNsAt(sequence);
  }

  filter(patterns: readonly string[]): SubjectFilter {
    return this.index.subjectIndex.filter(patterns);
  }

  next(from: Sequence, filter?: SubjectFilter): Sequence {
    return this.index.next(from, filter as Filter | undefined);
  }

  nextWithHeaders(from: Sequence): Sequence {
    return this.index.nextWithHeaders(from);
  }

  previous(from: Sequence, filter?: SubjectFilter): Sequence {
    return this.index.previous(from, filter as Filter | undefined);
  }

  pending(from: Sequence, filter?: SubjectFilter): number {
    return this.index.pending(from, filter as Filter | undefined);
  }

  firstSince(timeNs: bigint): Sequence {
    return this.index.firstSince(timeNs);
  }

  totalsOf(subject: string): SubjectTotals | undefined {
    return this.index.totalsOf(subject);
  }

  totals(filter?: SubjectFilter): Iterable<SubjectTotals> {
    return this.index.totals(filter as Filter | undefined);
  }

  lastPerSubject(filter: SubjectFilter, upTo?: Sequence): Sequence[] {
    return this.index.lastPerSubject(filter as Filter, upTo);
  }

  deletedRanges(): Iterable<readonly [Sequence, Sequence]> {
    return this.index.deletedRanges();
  }

  storedBefore(timeNs: bigint, limit: number): Sequence[] {
    return this.index.storedBefore(timeNs, limit);
  }

  expired(nowMs: number, limit: number): Sequence[] {
    return this.index.expired(nowMs, limit);
  }

  remove(sequence: Sequence): Ticket | undefined {
    this.checkOpen();
    this.checkWritable();
    if (!this.index.remove(sequence)) return undefined;
    return this.removed({ kind: "sequences", sequences: [sequence] });
  }

  removeAll(sequences: readonly Sequence[]): Removal {
    this.checkOpen();
    this.checkWritable();
    const gone = sequences.filter((sequence) => this.index.remove(sequence));
    const ticket = gone.length === 0 ? this.lastRemoval : this.removed({ kind: "sequences", sequences: gone });
    return { removed: gone.length, ticket };
  }

  writeRemovals(): void {}

  purge(request: PurgeRequest = {}): Removal {
    const { lastSequence } = this.index;
    const { below = lastSequence + 1, keep = 0 } = request;
    const filter = request.filter as Filter | undefined;
    if (request.below !== undefined && below <= 1) return this.nothingRemoved;
    if (filter === undefined || filter.all) {
      return this.compact(keep > 0 ? Math.min(below, this.firstKept(keep)) : below);
    }
    const matching: Sequence[] = [];
    for (let at = this.next(1, filter); at !== 0 && at < below; at = this.next(at + 1, filter)) matching.push(at);
    return this.removeAll(matching.slice(0, Math.max(0, matching.length - keep)));
  }

  compact(sequence: Sequence): Removal {
    this.checkOpen();
    this.checkWritable();
    const { index } = this;
    const before = index.messages;
    if (sequence > index.lastSequence) {
      if (before === 0 && sequence === index.firstSequence) return this.nothingRemoved;
      index.clear(sequence - 1);
    } else {
      for (let at = index.next(1); at !== 0 && at < sequence; at = index.next(at + 1)) index.remove(at);
      if (index.messages === before) return this.nothingRemoved;
    }
    return { removed: before - index.messages, ticket: this.removed({ kind: "below", sequence }) };
  }

  truncate(sequence: Sequence): Removal {
    this.checkOpen();
    this.checkWritable();
    if (sequence >= this.index.lastSequence) return this.nothingRemoved;
    const removed = this.index.truncate(sequence);
    return { removed, ticket: this.removed({ kind: "above", sequence }) };
  }

  protected checkOpen(): void {
    if (this.closed) throw new StoreError("STORE_CLOSED", `the store of ${this.key} is closed`);
  }

  /** The message that `keep` - 1 others follow. */
  private firstKept(keep: number): Sequence {
    if (keep >= this.index.messages) return 0;
    let at = this.index.previous(this.index.lastSequence);
    for (let left = keep - 1; left > 0; left--) at = this.index.previous(at - 1);
    return at;
  }
}
