// Makes a stream of the archive that a client sends back, chunk by chunk
// (conformance/jetstream, FACTS "Snapshot and restore").
import { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { parseExact } from "../../protocol/json.js";
import { S2Error } from "../../protocol/s2-error.js";
import { S2Reader } from "../../protocol/s2-reader.js";
import type { Timer } from "../../runtime/clock.js";
import type { Place } from "../consumers/consumer.js";
import { CONSUMER_FIELDS, type ConsumerConfig } from "../consumers/consumer-config.js";
import { ApiError, asApiError } from "../errors.js";
import { readFields } from "../fields.js";
import type { JetStreamAccount } from "../js-account.js";
import { isValidName, wireSubject } from "../names.js";
import { timesOf } from "../store/memory-store.js";
import { NEVER_EXPIRES, type StreamStore, type Ticket } from "../store/store.js";
import { ttlOf } from "../streams/publish-checks.js";
import { Header, MessageHeaders } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { checkTaken } from "../streams/stream-checks.js";
import type { StreamConfig } from "../streams/stream-config.js";
import { ceilMs, NS_PER_MS, parseTime } from "../time.js";
import { ArchiveReader, type ArchiveRecord } from "./archive.js";

const NO_BYTES = Buffer.alloc(0);
const STATE = "state.json";
const CONSUMERS = "consumers/";
/** A client that is silent for so long has gone. */
const PATIENCE_MS = 30_000;

// What an archive says may be anything.
interface ArchivedState {
  readonly last_seq?: unknown;
  readonly last_ts?: unknown;
}

interface ArchivedPlace {
  readonly consumer_seq?: unknown;
  readonly stream_seq?: unknown;
}

interface ArchivedConsumer {
  readonly config?: object;
  readonly state?: {
    readonly delivered?: ArchivedPlace | null;
    readonly ack_floor?: ArchivedPlace | null;
    readonly pending?: Readonly<
      Record<string, { readonly Sequence?: unknown; readonly Timestamp?: number | bigint } | null>
    >;
    readonly redelivered?: Readonly<Record<string, unknown>>;
  } | null;
}

interface ReadConsumer {
  readonly config: ConsumerConfig;
  readonly deliveries: readonly {
    readonly sequence: number;
    readonly consumerSequence: number;
    readonly times: number;
    readonly atMs: number;
  }[];
  readonly delivered: Place;
  readonly floor: Place;
}

/** What became of it. */
export interface Restored {
  readonly stream: Stream;
  readonly ticket: Ticket;
}

export class Restore implements DeliveryTarget {
  readonly echo = true;
  readonly subject: string;
  /** Bytes that came. */
  bytes = 0;
  readonly #account: JetStreamAccount;
  readonly #config: StreamConfig;
  readonly #key: string;
  readonly #store: StreamStore;
  readonly #subscription: Subscription;
  readonly #ended: (restored: Restored | ApiError, reply: string) => void;
  readonly #archive = new ArchiveReader((record) => this.#take(record));
  readonly #reader = new S2Reader((buffer, start, end) => {
    this.#archive.feed(buffer.subarray(start, end));
    return true;
  });
  readonly #consumers: (ArchivedConsumer | null)[] = [];
  #state: ArchivedState | null = {};
  #made: Stream | undefined;
  #ticket: Ticket = 0;
  #error: string | undefined;
  #patience: Timer | undefined;

  /** @param ended is told what became of it, and where that is to be answered */
  constructor(
    account: JetStreamAccount,
    config: StreamConfig,
    ended: (restored: Restored | ApiError, reply: string) => void,
  ) {
    const { js } = account;
    this.#account = account;
    this.#config = config;
    this.#ended = ended;
    this.#key = account.newKey(config.name);
    this.#store = js.storeFor(config.storage, this.#key, {});
    this.subject = `$JS.SNAPSHOT.RESTORE.${wireSubject(config.name)}.${js.nuid()}`;
    this.#subscription = new Subscription(this.subject, undefined, "", this);
    account.account.subscribe(this.#subscription);
    account.holdName(config.name);
    this.#wait();
  }

  #wait(): void {
    this.#patience?.cancel();
    this.#patience = this.#account.js.after(PATIENCE_MS, () => {
      this.#stop();
      this.#store.delete();
      this.#account.releaseName(this.#config.name);
    });
  }

  #stop(): void {
    this.#patience?.cancel();
    this.#account.account.unsubscribe(this.#subscription);
  }

  /** A chunk, or with nothing in it the end. */
  deliver(_: Subscription, message: Message): boolean {
    const { body, start, headerBytes, end } = message;
    const from = start + headerBytes;
    const reply = message.hasReply ? message.reply : "";
    if (from === end) {
      this.#stop();
      try {
        this.#finish(reply);
      } finally {
        this.#account.releaseName(this.#config.name);
      }
      return true;
    }
    this.#wait();
    this.bytes += end - from;
    if (this.#error === undefined) {
      try {
        this.#reader.feed(body, from, end);
      } catch (error) {
        this.#error = error instanceof S2Error ? "s2: corrupt input" : (error as Error).message;
      }
    }
    const { js, account } = this.#account;
    if (reply !== "") js.send(account, reply, NO_BYTES);
    return true;
  }

  #take({ name, timeNs, sequence, header, content }: ArchiveRecord): void {
    if (sequence === 0) {
      if (name === STATE) this.#state = parseExact(content.toString("utf8")) as ArchivedState | null;
      else if (name.startsWith(CONSUMERS)) {
        this.#consumers.push(parseExact(content.toString("utf8")) as ArchivedConsumer | null);
      }
      return;
    }
    const store = this.#store;
    if (store.state.lastSequence === 0 && sequence > 1) store.compact(sequence);
    this.#ticket = store.append(
      Message.of(name, "", header, content),
      sequence,
      timesOf(timeNs, header.length === 0 ? 0 : this.#ttlMs(header)),
    );
  }

  #ttlMs(header: Buffer): number {
    const text = MessageHeaders.in(header.toString("latin1")).get(Header.ttl);
    const ns = text === undefined || !this.#config.allow_msg_ttl ? undefined : ttlOf(text);
    if (ns === undefined) return 0;
    return ns < 0n ? NEVER_EXPIRES : ceilMs(ns);
  }

  #finish(reply: string): void {
    const refuse = (error: ApiError): void => {
      this.#undo();
      this.#ended(error, reply);
    };
    const fail = (text: string): void => refuse(new ApiError("restoreFailed", { text }));
    if (this.#account.config(this.#config.name) !== undefined) {
      // Made meanwhile, by this server or on the other side of a split network.
      refuse(new ApiError("restoreNameInUse"));
      return;
    }
    if (this.#error !== undefined || !this.#archive.ended) {
      fail(this.#error ?? "s2: corrupt input");
      return;
    }
    let restored: Restored;
    try {
      checkTaken(this.#config, this.#account);
      // Before the stream is made: of an archive that makes no sense there must be none.
      const consumers = this.#consumers.map(readConsumer);
      this.#keepEnd();
      const { stream, ticket } = this.#account.create(this.#config, { key: this.#key, store: this.#store });
      this.#made = stream;
      const tickets = consumers.map((one) => this.#restoreConsumer(stream, one));
      restored = { stream, ticket: Math.max(ticket, this.#ticket, ...tickets) };
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal === undefined) fail((error as Error).message);
      else fail(`error adding stream: ${refusal.message} (${refusal.errCode})`);
      return;
    }
    this.#ended(restored, reply);
  }

  // Whatever is in the way of that, the client is answered.
  #undo(): void {
    try {
      if (this.#made === undefined) this.#store.delete();
      else this.#account.delete(this.#made);
    } catch (error) {
      const { logger } = this.#account.js.server;
      logger.error(`stream ${this.#config.name}: what was restored of it is not removed: ${(error as Error).message}`);
    }
  }

  // Sequences that were given and are deleted at the end.
  #keepEnd(): void {
    const store = this.#store;
    const { last_seq, last_ts: lastTime } = this.#state ?? {};
    const last = sequenceIn(last_seq);
    if (last <= store.state.lastSequence) return;
    const timeNs = (typeof lastTime === "string" ? parseTime(lastTime) : undefined) ?? 0n;
    if (store.state.messages === 0) {
      this.#ticket = store.compact(timeNs > 0n ? last : last + 1).ticket;
      if (timeNs <= 0n) return;
    }
    // A mirror knows its origin by the time of its last message, also when that is gone.
    const filler = Message.of("filler", "", NO_BYTES, NO_BYTES);
    store.append(filler, last, timesOf(timeNs > 0n ? timeNs : store.state.lastTimeNs));
    this.#ticket = store.remove(last) ?? 0;
  }

  #restoreConsumer(stream: Stream, { config, deliveries, delivered, floor }: ReadConsumer): Ticket {
    const { consumer } = this.#account.createConsumer(stream, config);
    for (const { sequence, consumerSequence, times, atMs } of deliveries) {
      consumer.placeDelivery(sequence, consumerSequence, times, atMs);
    }
    return consumer.place(delivered, floor);
  }
}

// Throws ApiError of a configuration, and Error of a state, that makes no sense.
function readConsumer(archived: ArchivedConsumer | null): ReadConsumer {
  const config = readFields(archived?.config ?? null, CONSUMER_FIELDS, false) as ConsumerConfig;
  if (config.name === "") config.name = config.durable_name;
  if (!isValidName(config.name)) throw new ApiError("consumerNameInvalid");
  const { delivered, ack_floor: floor, pending, redelivered } = archived?.state ?? {};
  const deliveries = Object.entries(pending ?? {}).map(([sequence, one]) => ({
    sequence: sequenceIn(Number(sequence)),
    consumerSequence: sequenceIn(one?.Sequence),
    times: sequenceIn(redelivered?.[sequence]) + 1,
    atMs: Number(BigInt(one?.Timestamp ?? 0) / NS_PER_MS),
  }));
  return { config, deliveries, delivered: placeIn(delivered), floor: placeIn(floor) };
}

function placeIn(place: ArchivedPlace | null | undefined): Place {
  return { stream: sequenceIn(place?.stream_seq), consumer: sequenceIn(place?.consumer_seq) };
}

// What is not there is 0. Throws Error.
function sequenceIn(value: unknown): number {
  const sequence = value ?? 0;
  if (typeof sequence === "number" && Number.isSafeInteger(sequence) && sequence >= 0) return sequence;
  throw new Error(`${JSON.stringify(String(value))} is no sequence`);
}
