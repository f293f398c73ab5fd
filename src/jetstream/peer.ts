// Another natsnode server with JetStream: what it has told of itself and of its streams.
import { readFields, writeFields } from "./fields.js";
import type { JetStream } from "./jetstream.js";
import { STREAM_FIELDS, type StreamConfig } from "./stream-config.js";

/** A stream of another server. */
export interface PeerStream {
  readonly config: StreamConfig;
  readonly createdNs: bigint;
}

/** A stream as servers tell each other; without `config` it is gone. */
export interface ToldStream {
  readonly account: string;
  readonly name: string;
  readonly config?: object;
  readonly created?: string;
}

/** What a server says of itself every second. */
export interface Introduction {
  /** Whether it knows the streams of the others. */
  readonly ready: boolean;
  /** How many changes of its streams it has told. */
  readonly revision: number;
  /** Names of the servers that it knows to be online. */
  readonly others: readonly string[];
  readonly tags: readonly string[];
  /** What decides where new streams go. */
  readonly streams: number;
  /** Bytes that streams can still reserve. */
  readonly memory: number;
  readonly file: number;
}

export class Peer {
  readonly name: string;
  id: string;
  cluster: string;
  introduction: Introduction | undefined;
  isOnline = true;
  /** Monotonic time of its last word. */
  heardMs = 0;
  /** The revision that `streams` is of; undefined until all its streams were told. */
  revision: number | undefined;
  /** The last change of this server's streams that it has confirmed. */
  seen = 0;
  /** By account and name. */
  readonly streams = new Map<string, Map<string, PeerStream>>();

  constructor(name: string, id: string, cluster: string) {
    this.name = name;
    this.id = id;
    this.cluster = cluster;
  }

  stream(account: string, name: string): PeerStream | undefined {
    return this.streams.get(account)?.get(name);
  }

  /** Whether it can be the coordinator. */
  get isReady(): boolean {
    return this.isOnline && this.introduction?.ready === true;
  }

  /** Whether it was asked for its streams and has not told all. */
  get isUnknown(): boolean {
    return this.isOnline && this.revision === undefined;
  }

  take({ account, name, config, created }: ToldStream): void {
    const streams = this.streams.get(account) ?? new Map<string, PeerStream>();
    this.streams.set(account, streams);
    if (config === undefined) streams.delete(name);
    else {
      const read = readFields(config, STREAM_FIELDS, false) as unknown as StreamConfig;
      streams.set(name, { config: read, createdNs: BigInt(created ?? 0) });
    }
    if (streams.size === 0) this.streams.delete(account);
  }
}

/** A stream of this server as others are told of it. */
export function toldStream(account: string, { config, createdNs }: PeerStream): ToldStream {
  return { account, name: config.name, config: writeFields(config, STREAM_FIELDS), created: String(createdNs) };
}

/** All streams of this server, for one that knows none of them yet. */
export function* toldStreams({ accounts }: JetStream): IterableIterator<ToldStream> {
  for (const { account, streams } of accounts.values()) {
    for (const stream of streams.values()) yield toldStream(account.name, stream);
  }
}

/** Whether the first of two streams of one name, by the names of their servers, is the older one, which counts. */
export function isBefore(a: { name: string; createdNs: bigint }, b: { name: string; createdNs: bigint }): boolean {
  return a.createdNs !== b.createdNs ? a.createdNs < b.createdNs : a.name < b.name;
}
