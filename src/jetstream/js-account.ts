// JetStream of one account: its streams, what it uses, and what it may use.
import type { Account } from "../accounts/account.js";
import { subjectsOverlap } from "../subjects/validity.js";
import { type AccountJetStreamLimits, type LimitTiers, NO_TIERS, NOTHING_ALLOWED, tierFor } from "./account-limits.js";
import type { Consumer } from "./consumers/consumer.js";
import type { ConsumerConfig } from "./consumers/consumer-config.js";
import { ApiError } from "./errors.js";
import type { RemoteInflow } from "./inflows/remote-inflow.js";
import type { JetStream, Usage } from "./jetstream.js";
import type { MetaStream, OriginPosition } from "./meta.js";
import { wireSubject } from "./names.js";
import type { StreamStore, Ticket } from "./store/store.js";
import { Stream } from "./streams/stream.js";
import type { Neighbours } from "./streams/stream-checks.js";
import type { StreamConfig } from "./streams/stream-config.js";
import { NS_PER_MS } from "./time.js";

export class JetStreamAccount implements Neighbours {
  readonly js: JetStream;
  readonly account: Account;
  readonly streams = new Map<string, Stream>();
  /** Names of streams that are being restored. */
  readonly restoring = new Set<string>();
  /** Those that others flow into. */
  readonly fed = new Set<Stream>();
  /** What flows in from behind other APIs and waits to try again. */
  readonly stalled = new Set<RemoteInflow>();
  readonly usage: Usage = { memory: 0, file: 0 };
  readonly reserved: Usage = { memory: 0, file: 0 };
  /** API requests that were answered, and those among them that were refused. */
  apiTotal = 0;
  apiErrors = 0;
  #lastCreatedNs = 0n;
  #tiers = NO_TIERS;
  #limits = tierFor(NO_TIERS, 1) ?? NOTHING_ALLOWED;

  constructor(js: JetStream, account: Account) {
    this.js = js;
    this.account = account;
  }

  get tiers(): LimitTiers {
    return this.#tiers;
  }

  set tiers(tiers: LimitTiers) {
    this.#tiers = tiers;
    this.#limits = tierFor(tiers, 1) ?? NOTHING_ALLOWED;
  }

  /** Of streams with one replica, as all are so far. */
  get limits(): AccountJetStreamLimits {
    return this.#limits;
  }

  get windowLimitNs(): bigint {
    return BigInt(this.js.options.limits.duplicateWindowMs) * NS_PER_MS;
  }

  config(name: string): StreamConfig | undefined {
    const account = this.account.name;
    const holder = this.js.cluster?.peers.holder(account, name);
    return this.streams.get(name)?.config ?? holder?.stream(account, name)?.config;
  }

  *all(): Iterable<StreamConfig> {
    for (const { config } of this.streams.values()) yield config;
    yield* this.#elsewhere();
  }

  // Configurations of the account's streams on other servers.
  *#elsewhere(): Iterable<StreamConfig> {
    const { cluster } = this.js;
    if (cluster === undefined) return;
    for (const config of cluster.peers.configs(this.account.name)) if (!this.streams.has(config.name)) yield config;
  }

  get consumerCount(): number {
    let count = 0;
    for (const { consumers } of this.streams.values()) count += consumers.size;
    return count;
  }

  /** Throws ApiError 10059. */
  stream(name: string): Stream {
    const stream = this.streams.get(name);
    if (stream === undefined) throw new ApiError("streamNotFound");
    return stream;
  }

  /** Makes the streams and consumers that were there before. */
  recover(known: ReadonlyMap<string, MetaStream>): void {
    for (const meta of known.values()) {
      const stream = new Stream(this, meta.config, meta.createdNs, meta.key);
      this.streams.set(meta.config.name, stream);
      this.#reserve(meta.config, 1);
      stream.recover(meta.consumers);
    }
    for (const stream of this.streams.values()) stream.open();
  }

  /** Writes down how far a stream on file has read an origin. Throws StoreError. */
  writeOrigin(stream: Stream, origin: string, position: OriginPosition): void {
    this.js.propose({ op: "origin", account: this.account.name, stream: stream.name, origin, ...position });
  }

  /** A stream begins to be restored: its name is taken on all servers. */
  holdName(name: string): void {
    this.restoring.add(name);
    this.js.cluster?.peers.restoring(this.account.name, name, true);
  }

  /** Whether a name is taken by a stream that is being restored. On a server that is alone it is not, as with nats-server. */
  isHeld(name: string): boolean {
    return this.js.cluster !== undefined && this.restoring.has(name);
  }

  /** A stream is no longer being restored. */
  releaseName(name: string): void {
    if (this.restoring.delete(name) && !this.streams.has(name)) {
      this.js.cluster?.peers.restoring(this.account.name, name, false);
    }
  }

  /** Of a stream that is not there yet. */
  newKey(name: string): string {
    return `${this.account.name}/${name}/${this.js.nuid()}`;
  }

  /**
   * Makes a stream of a configuration that was checked. Throws ApiError when a limit is in the way.
   * @param filled a store that holds messages of it
   */
  create(config: StreamConfig, filled?: { key: string; store: StreamStore }): { stream: Stream; ticket: Ticket } {
    this.checkReservation(config, undefined);
    const { js } = this;
    const createdNs = this.#newTime();
    const key = filled?.key ?? this.newKey(config.name);
    const { name } = config;
    const ticket =
      config.storage === "memory"
        ? 0
        : js.propose({ op: "stream", account: this.account.name, stream: name, config, createdNs, key });
    const stream = new Stream(this, config, createdNs, key, filled?.store);
    this.streams.set(name, stream);
    this.#reserve(config, 1);
    const begun = filled === undefined ? stream.begin() : 0;
    stream.open();
    js.cluster?.peers.changed(this.account.name, name, stream);
    return { stream, ticket: Math.max(ticket, begun) };
  }

  // No other stream was made then: the time tells whoever reads from it that it is another one.
  #newTime(): bigint {
    const { nowNs } = this.js;
    this.#lastCreatedNs = nowNs > this.#lastCreatedNs ? nowNs : this.#lastCreatedNs + 1n;
    return this.#lastCreatedNs;
  }

  /** Takes a configuration that was checked; nothing changes where it cannot be written down. */
  update(stream: Stream, config: StreamConfig): Ticket {
    this.checkReservation(config, stream.config);
    const { createdNs, key } = stream;
    const { name } = config;
    const ticket =
      config.storage === "memory"
        ? 0
        : this.js.propose({ op: "stream", account: this.account.name, stream: name, config, createdNs, key });
    this.#reserve(stream.config, -1);
    this.#reserve(config, 1);
    stream.reconfigure(config);
    this.js.cluster?.peers.changed(this.account.name, name, stream, true);
    return ticket;
  }

  /** Ends a stream and everything in it. */
  delete(stream: Stream): Ticket {
    const { name, storage } = stream.config;
    this.streams.delete(name);
    this.#reserve(stream.config, -1);
    // First: of a write that is torn there must be no stream without its messages.
    const gone =
      storage === "memory" ? 0 : this.js.propose({ op: "stream-gone", account: this.account.name, stream: name });
    const ticket = stream.delete();
    this.js.cluster?.peers.changed(this.account.name, name);
    return Math.max(ticket, gone);
  }

  /** Whether there may be one stream more, whose configuration may be without defaults. Throws ApiError 10027. */
  checkCount({ name, num_replicas: replicas }: StreamConfig): void {
    const maxStreams = tierFor(this.#tiers, replicas || 1)?.maxStreams ?? 0;
    if (maxStreams <= 0 || this.streams.has(name)) return;
    if ([...this.all()].length >= maxStreams) throw new ApiError("maxStreams");
  }

  /** Whether the account may have a new stream like this one, and one more if there is none of its name. Throws ApiError. */
  checkAllowed(config: StreamConfig): void {
    if (tierFor(this.#tiers, config.num_replicas) === undefined) throw new ApiError("noTier");
    this.checkCount(config);
    this.checkMaxConsumers(config);
    this.checkMaxBytes(config);
  }

  /** Whether a stream may allow so many consumers; the configuration may be without defaults. Throws ApiError 10026. */
  checkMaxConsumers({ max_consumers: wanted, num_replicas: replicas }: StreamConfig): void {
    const most = tierFor(this.#tiers, replicas || 1)?.maxConsumers ?? 0;
    if (most > 0 && wanted > most) throw new ApiError("maxConsumers");
  }

  /** Whether a stream may have so many bytes. Throws ApiError 10113 and 10122. */
  checkMaxBytes(config: StreamConfig): void {
    const limits = tierFor(this.#tiers, config.num_replicas);
    if (limits === undefined) return;
    const maxStreamBytes = config.storage === "memory" ? limits.memoryMaxStreamBytes : limits.storeMaxStreamBytes;
    if (limits.maxBytesRequired && config.max_bytes <= 0) throw new ApiError("maxBytesRequired");
    if (maxStreamBytes > 0 && config.max_bytes > maxStreamBytes) throw new ApiError("maxStreamBytes");
  }

  /** Whether there is room for what a configuration reserves; a new stream needs some in any case. Throws ApiError. */
  checkReservation(config: StreamConfig, old: StreamConfig | undefined): void {
    const { limits, js } = this;
    const isMemory = config.storage === "memory";
    const kind = isMemory ? "memory" : "file";
    if (config.max_bytes <= 0 && old !== undefined) return;
    const more = (config.max_bytes > 0 ? config.max_bytes : 1) - Math.max(0, old?.max_bytes ?? 0);
    const ofAccount = isMemory ? limits.maxMemoryBytes : limits.maxStoreBytes;
    let reserved = this.reserved[kind];
    for (const { storage, max_bytes: bytes } of this.#elsewhere()) {
      if (storage === config.storage) reserved += Math.max(0, bytes);
    }
    const isTooMuch = (ofAccount >= 0 && reserved + more > ofAccount) || js.reserved[kind] + more > js.limits[kind];
    if (isTooMuch) throw new ApiError(isMemory ? "insufficientMemory" : "insufficientStorage");
  }

  /** Makes a consumer of a configuration that was checked. */
  createConsumer(stream: Stream, config: ConsumerConfig): { consumer: Consumer; ticket: Ticket } {
    const { js } = this;
    const createdNs = js.nowNs;
    const key = `${stream.key}/${config.name}/${js.nuid()}`;
    const consumer = stream.addConsumer(config, createdNs, key);
    const ticket = this.#writeConsumer(consumer, config);
    consumer.open();
    return { consumer, ticket };
  }

  /** Gives a consumer other settings, that were checked; nothing changes where they cannot be written down. */
  updateConsumer(consumer: Consumer, config: ConsumerConfig): Ticket {
    const ticket = this.#writeConsumer(consumer, config);
    consumer.update(config);
    return ticket;
  }

  #writeConsumer(consumer: Consumer, config: ConsumerConfig): Ticket {
    if (!consumer.isDurable) return 0;
    const { createdNs, key, stream } = consumer;
    const names = { account: this.account.name, stream: stream.name, consumer: consumer.name };
    return this.js.propose({ op: "consumer", ...names, config, createdNs, key });
  }

  /** Ends a consumer, and tells who listens. */
  deleteConsumer(consumer: Consumer): Ticket {
    const { stream, name } = consumer;
    const names = { account: this.account.name, stream: stream.name, consumer: name };
    // First: of a write that is torn there must be no consumer that begins again.
    const gone = consumer.isDurable ? this.js.propose({ op: "consumer-gone", ...names }) : 0;
    const ticket = consumer.delete();
    consumer.adviseGone();
    stream.interest.consumerGone(consumer.config);
    return Math.max(ticket, gone);
  }

  #reserve({ storage, max_bytes: bytes }: StreamConfig, times: 1 | -1): void {
    if (bytes <= 0) return;
    this.reserved[storage] += times * bytes;
    this.js.reserved[storage] += times * bytes;
  }

  /** A stream has grown or shrunk. */
  used(kind: keyof Usage, bytes: number): void {
    this.usage[kind] += bytes;
    this.js.usage[kind] += bytes;
  }

  /** Whether so many bytes more can be stored. Throws ApiError. */
  checkRoom(kind: keyof Usage, bytes: number): void {
    const { js, limits } = this;
    js.memoryBudget.check(bytes);
    if (js.usage[kind] > js.limits[kind]) throw new ApiError("insufficientResources");
    const limit = kind === "memory" ? limits.maxMemoryBytes : limits.maxStoreBytes;
    if (limit < 0) return;
    const elsewhere = js.cluster?.usage.of(this.account.name)[kind] ?? 0;
    if (this.usage[kind] + elsewhere + bytes > limit) throw new ApiError("accountResources");
  }

  /** Somebody listens to a subject now: push consumers that deliver there may go on, and who waits for an API asks it. */
  interestChanged(subject: string): void {
    for (const inflow of this.stalled) inflow.interestChanged(subject);
    for (const { consumers } of this.streams.values()) {
      for (const consumer of consumers.values()) {
        if (consumer.isPush && subjectsOverlap(subject, wireSubject(consumer.config.deliver_subject))) consumer.wake();
      }
    }
  }

  close(): void {
    for (const stream of this.streams.values()) stream.close();
  }
}
