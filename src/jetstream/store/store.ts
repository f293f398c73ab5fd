// What JetStream keeps: messages of streams, logs of entries (meta, consumers), and when it is durable. Streams, consumers
// and the API know only these interfaces; docs/storage.md describes the files behind them.
import type { StoreError } from "./errors.js";

/** A sequence, from 1 to 2^53-1; 0 stands for none. */
export type Sequence = number;

/**
 * Stands for a write that is on its way to the disk. Tickets grow: what is durable for one is durable for all below it.
 * `ALREADY_DURABLE` (0) is the ticket of a write that needs no disk, as in memory.
 */
export type Ticket = number;
export const ALREADY_DURABLE: Ticket = 0;

/** Is told about a ticket. */
export interface CommitWaiter {
  /**
   * Everything up to `ticket` is durable; or, with `error`, the disk did not take it. Then it is kept in memory and
   * written again until the disk does, so that it may still be found after a restart: who gets the error must not take it
   * for a promise that the write has not happened. Meanwhile new writes are refused.
   */
  committed(ticket: Ticket, error: StoreError | undefined): void;
}

/** The group commit of the server: one sync for all writes, of all streams, since the last one. */
export interface Commits {
  /** The highest ticket that is durable. */
  readonly durable: Ticket;
  /**
   * Calls the waiter once, after this call has returned, when the ticket is durable or has failed; in the order of the
   * calls. Several writes of a turn have the same ticket: a waiter that is called for the last one needs to ask once.
   */
  whenDurable(ticket: Ticket, waiter: CommitWaiter): void;
}

/** `whenDurable` as a promise. Resolves at once for a durable ticket; rejects with the StoreError. */
export function durable(commits: Commits, ticket: Ticket): Promise<void> {
  if (ticket <= commits.durable) return Promise.resolve();
  return new Promise((resolve, reject) => {
    commits.whenDurable(ticket, {
      committed: (_, error) => (error === undefined ? resolve() : reject(error)),
    });
  });
}

/** What is appended; a `Message` of the message path is one. Everything is copied before `append` returns. */
export interface NewMessage {
  /** Latin1, and the same as bytes. */
  readonly subject: string;
  readonly subjectBytes: Uint8Array;
  /** Header block and payload stand one after the other in `body`, from `start` to `end`. */
  readonly body: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** 0 for a message without headers. */
  readonly headerBytes: number;
}

/** `expiresMs` of a message that no age limit removes (`Nats-TTL: never`). */
export const NEVER_EXPIRES = -1;

/** When a message was stored. */
export interface StoredTime {
  /** Seconds since 1970, up to 2^32-1, and the nanoseconds beyond them. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** When a message was stored and when it ends. */
export interface MessageTimes extends StoredTime {
  /** Milliseconds since 1970 when its own TTL ends; 0 for none, or NEVER_EXPIRES. */
  readonly expiresMs: number;
}

/** A message as it was stored. A view: it stays valid as long as it is referenced, and nobody may write into it. */
export interface StoredMessage extends NewMessage, MessageTimes {
  readonly sequence: Sequence;
  /** CR LF stands at `end`, so that it can be sent as it is. */
  readonly body: Buffer;
  /** The subject stands in `body`, too, from here to `start`. */
  readonly subjectStart: number;
  /** Copies nothing; empty without headers. */
  readonly header: Buffer;
  readonly payload: Buffer;
}

/** A value that is at hand, or will be when the disk was read. */
export type Eventually<T> = T | Promise<T>;

export interface StreamState {
  readonly messages: number;
  /** As nats-server counts them (FACTS, Sizes); compression changes nothing. */
  readonly bytes: number;
  /** The first message; when there is none, one more than `lastSequence`. 0 for a stream that was never used. */
  readonly firstSequence: Sequence;
  /** The last message that was ever stored; 0 for a stream that was never used. */
  readonly lastSequence: Sequence;
  /** Nanoseconds since 1970; 0n without messages. */
  readonly firstTimeNs: bigint;
  /** Of `lastSequence`, also when that was removed; 0n for a stream that was never used. */
  readonly lastTimeNs: bigint;
  /** How many sequences between first and last are missing. */
  readonly deleted: number;
  /** Distinct subjects. */
  readonly subjects: number;
}

export interface SubjectTotals {
  /** Latin1. */
  readonly subject: string;
  readonly messages: number;
  readonly firstSequence: Sequence;
  readonly lastSequence: Sequence;
}

/**
 * A set of subjects, which may have wildcards, prepared for one store: it remembers which of the store's subjects match.
 * Release it when it is no longer used.
 */
export interface SubjectFilter {
  readonly patterns: readonly string[];
  matches(subject: string): boolean;
  release(): void;
}

export interface PurgeRequest {
  /** Only subjects that match; default all. */
  readonly filter?: SubjectFilter;
  /** Only messages below this sequence; of all subjects, sequences below it are used even where no message had them. */
  readonly below?: Sequence;
  /** Leaves the last so many (of those that match). */
  readonly keep?: number;
}

export interface Removal {
  readonly removed: number;
  readonly ticket: Ticket;
}

/**
 * The messages of a stream. Calls are synchronous, but for `load` when the message has to be read from the disk; limits and
 * rules are the stream's business. What was appended is visible at once and durable when its ticket is.
 */
export interface StreamStore {
  readonly storage: "file" | "memory";
  readonly key: string;
  /** Live: its fields change with every call. */
  readonly state: StreamState;
  /**
   * Why not all of it can be read, or its files cannot be changed, before the next start: what was found is served, nothing is
   * appended or removed.
   */
  readonly unread: StoreError | undefined;

  /**
   * Stores a message. `sequence` is above `lastSequence`; sequences that are left out count as deleted. `more` is true when
   * the next append to this store belongs to the same atomic batch: after a crash all of a batch is there, or nothing.
   * `follows`: it is there only with all that was appended, to whatever store, before it.
   * Throws StoreError: STORE_FULL and STORE_IO while the disk takes nothing, STORE_SEQUENCE, STORE_TOO_LARGE, STORE_CLOSED.
   */
  append(message: NewMessage, sequence: Sequence, times: MessageTimes, more?: boolean, follows?: boolean): Ticket;
  /** What a message counts in `state.bytes`. */
  sizeOf(message: NewMessage): number;

  /** Undefined when there is none, or when it is damaged (which is reported). Rejects with STORE_IO when the disk cannot read. */
  load(sequence: Sequence): Eventually<StoredMessage | undefined>;
  has(sequence: Sequence): boolean;
  /** The message's size in `state.bytes`; 0 when there is none. */
  sizeAt(sequence: Sequence): number;
  /** Latin1; undefined when there is no such message. */
  subjectAt(sequence: Sequence): string | undefined;
  /** Nanoseconds since 1970; 0n when there is no such message. */
  timeNsAt(sequence: Sequence): bigint;

  /** Prepares a filter; no patterns stand for all subjects. */
  filter(patterns: readonly string[]): SubjectFilter;
  /** The first message at or after `from` that matches; 0 for none. Without a filter: the first at all. */
  next(from: Sequence, filter?: SubjectFilter): Sequence;
  /** The first message at or after `from` that has headers; 0 for none. */
  nextWithHeaders(from: Sequence): Sequence;
  /** The last message at or before `from` that matches; 0 for none. */
  previous(from: Sequence, filter?: SubjectFilter): Sequence;
  /** How many messages at or after `from` match. */
  pending(from: Sequence, filter?: SubjectFilter): number;
  /** The first message stored at or after that time; 0 for none. */
  firstSince(timeNs: bigint): Sequence;
  /** Of one literal subject; undefined when it has no messages. */
  totalsOf(subject: string): SubjectTotals | undefined;
  /** Of all subjects that match, in no order. */
  totals(filter?: SubjectFilter): Iterable<SubjectTotals>;
  /** The last message of every subject that matches, not above `upTo`, ascending. */
  lastPerSubject(filter: SubjectFilter, upTo?: Sequence): Sequence[];
  /** Missing sequences between first and last, ascending, as [first, last] of each gap. */
  deletedRanges(): Iterable<readonly [Sequence, Sequence]>;

  /** Removes a message; undefined when there is none. */
  remove(sequence: Sequence): Ticket | undefined;
  /** Removes several; those that are not there are passed over. */
  removeAll(sequences: readonly Sequence[]): Removal;
  /** What was removed stands before what is written from now on, should a power cut tear the write; else it stands at its end. */
  writeRemovals(): void;
  purge(request?: PurgeRequest): Removal;
  /** Removes all below `sequence`, which may lie beyond the end: then `lastSequence` becomes `sequence - 1`. */
  compact(sequence: Sequence): Removal;
  /** Removes all above `sequence`, which becomes `lastSequence`: sequences are given again. */
  truncate(sequence: Sequence): Removal;
  /**
   * Removes a message so that its bytes are on no disk and in no memory of the store; resolves when that is durable, with
   * false when there is none.
   */
  erase(sequence: Sequence): Promise<boolean>;

  /** Messages without an own end that were stored before that time, oldest first, at most `limit`; never NEVER_EXPIRES. */
  storedBefore(timeNs: bigint, limit: number): Sequence[];
  /** When the next message's own TTL ends, in milliseconds since 1970; 0 for none. */
  readonly nextExpiryMs: number;
  /** Messages whose own TTL has ended by then, at most `limit`, soonest first. They stay until they are removed. */
  expired(nowMs: number, limit: number): Sequence[];

  /** Takes effect for what is written from now on. */
  configure(options: StreamStoreOptions): void;
  /** Forgets everything and its files, and closes. */
  delete(): Ticket;
}

export interface StreamStoreOptions {
  /** Default "none". */
  readonly compression?: "none" | "s2";
  /** The stream's limit, if it has one: a small stream gets small files. */
  readonly maxBytes?: number;
}

/** What was found of a log of entries: the last snapshot, if any, and the entries after it. */
export interface RecoveredLog {
  readonly snapshot: Buffer | undefined;
  readonly entries: readonly Buffer[];
  /** Before these of the entries (from 0 on) others are missing, which could not be read. */
  readonly gaps: readonly number[];
}

/** A log of entries (rule 10): what was proposed to the meta group, or to a consumer, in order. */
export interface EntryLog {
  readonly key: string;
  /** Why it cannot be read now, though it is there: nothing of it is recovered, and nothing is taken, before the next start. */
  readonly unread: StoreError | undefined;
  /** What was there when the storage was opened; hands it over once, then forgets it. */
  recover(): RecoveredLog;
  /** Copies the entry. Throws StoreError as `StreamStore.append`; what is urgent is also taken while the disk takes nothing. */
  append(entry: Uint8Array, urgent?: boolean): Ticket;
  /**
   * Calls back, unless the log is deleted, before what is written in this turn ends: what gathers until then can be one
   * entry. Gives the ticket of that entry. Throws StoreError as `append`.
   */
  beforeEnd(flush: () => void): Ticket;
  /**
   * A state that stands for all entries so far. The log asks for it (between turns) when its entries have become much
   * larger than that; without it the log only grows.
   */
  snapshotter: (() => Uint8Array) | undefined;
  /** Forgets everything and its file, and closes. */
  delete(): Ticket;
}

/** A part of the storage that cannot be read. It was set aside, the rest is served. */
export interface StoreProblem {
  /** The stream's or log's key; "" for the journal. */
  readonly key: string;
  /** What was lost, for people. */
  readonly message: string;
  /** Where the bytes were set aside; undefined when they could not be. */
  readonly path: string | undefined;
}

/** All that a server keeps. */
export interface Storage {
  readonly commits: Commits;
  /** File streams and logs that exist, by key; those found at the start, too. */
  readonly streams: ReadonlyMap<string, StreamStore>;
  readonly logs: ReadonlyMap<string, EntryLog>;
  /** What was set aside since the start, and who is told about more. */
  readonly problems: readonly StoreProblem[];
  onProblem: ((problem: StoreProblem) => void) | undefined;
  /** Why writes are refused at the moment, if they are; and who is told when that changes. */
  readonly failure: StoreError | undefined;
  onFailure: ((failure: StoreError | undefined) => void) | undefined;

  /** The file stream of that key (such as account and stream name), made when there is none. */
  stream(key: string, options?: StreamStoreOptions): StreamStore;
  /** A stream in memory; the storage does not know it. */
  memoryStream(key: string): StreamStore;
  /** The log of that key, made when there is none. */
  log(key: string): EntryLog;
  /** A log in memory, for consumers that do not outlive the server. */
  memoryLog(key: string): EntryLog;
  /** Makes everything durable, writes the indexes that make the next start fast, and closes. */
  close(): Promise<void>;
}
