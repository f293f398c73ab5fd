// Another natsnode server with JetStream: what it has told of itself and of its streams.
import { readFields, writeFields } from "../fields.js";
import type { JetStream } from "../jetstream.js";
import { STREAM_FIELDS, type StreamConfig } from "../streams/stream-config.js";

/** A stream of another server. */
export interface PeerStream {
  readonly config: StreamConfig;
  readonly createdNs: bigint;
}

/** A stream as servers tell each other; without `config` it is gone, or its name is `held`. */
export interface ToldStream {
  readonly account: string;
  readonly name: string;
  /** It is being restored: it is not there yet, and its name is taken. */
  readonly held?: boolean | undefined;
  readonly config?: object;
  readonly created?: string;
}

/** Some of all streams of a server, as it tells them to one that does not know them. */
export interface ToldPart {
  /** From 0. */
  readonly part: number;
  readonly last: boolean;
  /** The change that all parts are of. */
  readonly revision: number;
  readonly streams: readonly ToldStream[];
}

/** What a server says of itself every second. */
export interface Introduction {
  /** Whether it knows the streams of the others. */
  readonly ready: boolean;
  /** The id of the server that decides, as far as it knows. */
  readonly decides?: string | undefined;
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
  /** Monotonic time since which it is online, or was asked anew. */
  metMs = 0;
  /** The revision that `streams` is of; undefined until all its streams were told. */
  revision: number | undefined;
  /** Monotonic time since which it is silent about streams that it was asked for. */
  askedMs = 0;
  /** The last change of this server's streams that it has confirmed. */
  seen = 0;
  #streams: PeerStreams = new Map();
  #held = new Set<string>();
  // What has come of a telling that is not whole yet: until it is, what was known before counts.
  #parts: ToldPart[] = [];

  constructor(name: string, id: string, cluster: string) {
    this.name = name;
    this.id = id;
    this.cluster = cluster;
  }

  /** By account and name. */
  get streams(): PeerStreams {
    return this.#streams;
  }

  stream(account: string, name: string): PeerStream | undefined {
    return this.#streams.get(account)?.get(name);
  }

  /** Whether it restores a stream of this name. */
  holds(account: string, name: string): boolean {
    return this.#held.has(heldKey(account, name));
  }

  /** Whether it can be the coordinator. */
  get isReady(): boolean {
    return this.isOnline && this.introduction?.ready === true;
  }

  /** Whether it was asked for its streams and has not told all. */
  get isUnknown(): boolean {
    return this.isOnline && this.revision === undefined;
  }

  /** Begins anew: it is another process, or its links were lost, and with them what it has told. */
  begin(): void {
    this.isOnline = true;
    this.introduction = undefined;
    this.seen = 0;
    this.doubt();
  }

  /** What is known of its streams may be old. */
  doubt(): void {
    this.revision = undefined;
    this.#parts = [];
  }

  /** Its links are lost. */
  end(): void {
    this.isOnline = false;
    this.#parts = [];
  }

  /** Takes a part of all its streams, which count when all are there. Returns false where one before it did not arrive. */
  takePart(told: ToldPart): boolean {
    if (told.part === 0) this.#parts = [];
    const isNext = told.part === this.#parts.length && (this.#parts[0] ?? told).revision === told.revision;
    if (!isNext) {
      this.#parts = [];
      return false;
    }
    this.#parts.push(told);
    if (!told.last) return true;
    this.#streams = new Map();
    this.#held = new Set();
    for (const part of this.#parts) for (const stream of part.streams) this.take(stream);
    this.#parts = [];
    this.revision = told.revision;
    return true;
  }

  /** Takes a change of one stream. */
  take({ account, name, config, created, held }: ToldStream): void {
    if (held === true) this.#held.add(heldKey(account, name));
    else this.#held.delete(heldKey(account, name));
    const streams = this.#streams.get(account) ?? new Map<string, PeerStream>();
    this.#streams.set(account, streams);
    if (config === undefined) streams.delete(name);
    else {
      const read = readFields(config, STREAM_FIELDS, false) as unknown as StreamConfig;
      streams.set(name, { config: read, createdNs: BigInt(created ?? 0) });
    }
    if (streams.size === 0) this.#streams.delete(account);
  }
}

type PeerStreams = Map<string, Map<string, PeerStream>>;

const heldKey = (account: string, name: string): string => `${account} ${name}`;

/** A stream of this server as others are told of it. */
export function toldStream(account: string, { config, createdNs }: PeerStream): ToldStream {
  return { account, name: config.name, config: writeFields(config, STREAM_FIELDS), created: String(createdNs) };
}

/** All streams of this server, and those that it restores, for a server that knows none of them yet. */
export function* toldStreams(js: JetStream): IterableIterator<ToldStream> {
  const { accounts, server } = js;
  // Accounts of JWTs that are still to be loaded have their streams all the same.
  if (server.operatorMode !== undefined) {
    for (const [account, streams] of js.unopened()) {
      for (const stream of streams.values()) yield toldStream(account, stream);
    }
  }
  for (const { account, streams, restoring } of accounts.values()) {
    for (const stream of streams.values()) yield toldStream(account.name, stream);
    for (const name of restoring) yield { account: account.name, name, held: true };
  }
}

/** Whether the first of two streams of one name, by the names of their servers, is the older one, which counts. */
export function isBefore(a: { name: string; createdNs: bigint }, b: { name: string; createdNs: bigint }): boolean {
  return a.createdNs !== b.createdNs ? a.createdNs < b.createdNs : a.name < b.name;
}
