// A stream: a delivery target for its subjects that stores what it gets, keeps its limits, and feeds its consumers
// (https://docs.nats.io/nats-concepts/jetstream/streams).
import type { Message } from "../../accounts/message.js";
import type { DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { stringifyExact } from "../../protocol/json.js";
import { SubjectTransform } from "../../subjects/transform.js";
import type { AnswerHeaders } from "../api/answer-writer.js";
import { Consumer } from "../consumers/consumer.js";
import type { ConsumerConfig } from "../consumers/consumer-config.js";
import { ApiError, asApiError } from "../errors.js";
import { identityOf } from "../inflows/inflow.js";
import { type Inflows, inflowsOf, tellOfOrigin } from "../inflows/inflows.js";
import type { JetStreamAccount } from "../js-account.js";
import type { MetaConsumer } from "../meta.js";
import { wireSubject } from "../names.js";
import { timesAt, timesSince } from "../store/memory-store.js";
import {
  ALREADY_DURABLE,
  NEVER_EXPIRES,
  type StoredMessage,
  type StoredTime,
  type StreamStore,
  type Ticket,
} from "../store/store.js";
import { ceilMs, NS_PER_MS, timeText } from "../time.js";
import { AtomicBatches } from "./atomic-batches.js";
import { checkIncrement, counterMessage } from "./counters.js";
import { DuplicateIds } from "./dedupe.js";
import { DurableEnd } from "./durable-end.js";
import { Expiry } from "./expiry.js";
import { FastBatches, isOfFastBatch } from "./fast-batches.js";
import type { Intake, Stored } from "./intake.js";
import { PublishAcks } from "./publish-acks.js";
import {
  checkAddress,
  checkLastId,
  checkLimits,
  checkSequences,
  checkSize,
  readRollup,
  readTtl,
  ttlMessage,
} from "./publish-checks.js";
import { Header, MessageHeaders } from "./publish-headers.js";
import { Republish } from "./republish.js";
import { checkSchedulesOff, endedSchedule, type Schedules, schedulesOf } from "./schedules.js";
import { isPlain, type StreamConfig, storeOptions } from "./stream-config.js";
import { StreamInterest } from "./stream-interest.js";
import { StreamLimits } from "./stream-limits.js";
import { StreamSubjects } from "./stream-subjects.js";

export class Stream implements DeliveryTarget {
  // What every message needs stands together: with many streams it comes from slower memory each time.
  readonly account: JetStreamAccount;
  readonly store: StreamStore;
  readonly acks: PublishAcks;
  /** Of the last message. */
  lastTicket: Ticket = ALREADY_DURABLE;
  /** Whether messages are acknowledged before they are durable. */
  acksLazily = false;
  #isPlain = false;
  #hasConsumers = false;
  #counted = 0;
  config: StreamConfig;
  readonly echo = true;
  readonly createdNs: bigint;
  readonly key: string;
  /** Its name as it stands in subjects and headers, latin1. */
  readonly wireName: string;
  /** What the answer to a direct get says of it. */
  readonly answerHeaders: AnswerHeaders;
  readonly consumers = new Map<string, Consumer>();
  /** Names this incarnation in the source headers of others. */
  readonly identity: string;
  readonly ids = new DuplicateIds();
  readonly expiry = new Expiry(this);
  readonly limits = new StreamLimits(this);
  readonly interest = new StreamInterest(this);
  readonly durableEnd = new DurableEnd(this);
  readonly #atomic = new AtomicBatches(this);
  readonly #fast = new FastBatches(this);
  schedules: Schedules | undefined;
  inflows: Inflows | undefined;
  closed = false;
  /** Resolves when the ids of messages of before were read, or cannot be now; until they are known messages with ids are refused. */
  idsKnown: Promise<void> = Promise.resolve();
  readonly #subjects = new StreamSubjects(this);
  #transform: SubjectTransform | undefined;
  #republish: Republish | undefined;
  #hasLimits = false;
  #windowMs = 0;

  /** @param filled its store, when that was filled already */
  constructor(account: JetStreamAccount, config: StreamConfig, createdNs: bigint, key: string, filled?: StreamStore) {
    const { js } = account;
    this.account = account;
    this.config = config;
    this.createdNs = createdNs;
    this.key = key;
    this.wireName = wireSubject(config.name);
    this.answerHeaders = { streamName: this.wireName, more: "" };
    this.identity = identityOf(timeText(createdNs));
    this.store = filled ?? js.storeFor(config.storage, key, storeOptions(config));
    filled?.configure(storeOptions(config));
    this.acks = new PublishAcks(this);
    this.#configure();
  }

  get name(): string {
    return this.config.name;
  }

  /** A stream that is new. */
  begin(): Ticket {
    const { first_seq: first } = this.config;
    return first > 0 ? this.store.compact(first).ticket : ALREADY_DURABLE;
  }

  /** A stream that was there before: its consumers, and ids of messages within the window. */
  recover(consumers: ReadonlyMap<string, MetaConsumer>): void {
    for (const { config, createdNs, key } of consumers.values()) this.addConsumer(config, createdNs, key);
  }

  /** Begins to listen. */
  open(): void {
    this.#subjects.listen();
    this.settle();
    this.expiry.arm();
    this.idsKnown = this.ids.recover(this);
    for (const consumer of this.consumers.values()) consumer.open();
    this.schedules?.recover();
    this.inflows?.start();
    tellOfOrigin(this);
  }

  reconfigure(config: StreamConfig): void {
    const before = this.config;
    this.config = config;
    this.#subjects.leave();
    this.#configure();
    this.store.configure(storeOptions(config));
    this.#subjects.listen();
    // A stream that refuses new messages keeps what it has.
    if (config.discard === "old") this.limits.keep(undefined);
    if (config.max_msgs_per_subject !== before.max_msgs_per_subject && config.max_msgs_per_subject > 0) {
      for (const { subject } of [...this.store.totals()]) this.limits.keepSubject(subject);
    }
    // As with nats-server, what consumers do not need stays until one goes; without any nobody needs it.
    const neverHeldAny = this.store.state.lastSequence === 0;
    if (before.retention !== "interest" && this.consumers.size === 0 && !neverHeldAny) this.interest.dropUnneeded();
    this.settle();
    this.expiry.arm();
    // A mirror, which keeps no ids, may have become a stream that does.
    if (before.duplicate_window <= 0n) this.idsKnown = this.ids.recover(this);
    this.inflows?.start();
    if (config.retention !== before.retention) tellOfOrigin(this);
    for (const consumer of this.consumers.values()) consumer.streamChanged();
  }

  close(): void {
    if (this.account.js.closing) this.inflows?.writeDown();
    this.closed = true;
    this.#subjects.leave();
    this.expiry.cancel();
    this.inflows?.stop();
    this.account.fed.delete(this);
    this.#atomic.close();
    this.#fast.close();
    this.schedules?.stop();
    for (const consumer of this.consumers.values()) consumer.close();
  }

  delete(): Ticket {
    for (const consumer of [...this.consumers.values()]) consumer.delete();
    this.inflows?.leave();
    this.close();
    const ticket = this.store.delete();
    this.account.used(this.config.storage, -this.#counted);
    this.#counted = 0;
    tellOfOrigin(this);
    return ticket;
  }

  #configure(): void {
    const { config } = this;
    const { subject_transform: transform, republish } = config;
    this.#transform = transform && SubjectTransform.compile(wireSubject(transform.src), wireSubject(transform.dest));
    this.#hasLimits = this.limits.areSet;
    this.#windowMs = Number(config.duplicate_window / NS_PER_MS);
    this.#republish = republish && new Republish(this, republish);
    this.schedules = schedulesOf(this);
    this.inflows = inflowsOf(this);
    this.acksLazily = config.persist_mode === "async";
    this.#isPlain = isPlain(config) && !this.#hasLimits && this.schedules === undefined;
    if (this.inflows === undefined) this.account.fed.delete(this);
    else this.account.fed.add(this);
  }

  /** A message that is looked at in passing: where the disk fails that is logged, and it counts as not there. */
  async read(sequence: number): Promise<StoredMessage | undefined> {
    try {
      return await this.store.load(sequence);
    } catch (error) {
      const { logger } = this.account.js.server;
      logger.error(`stream ${this.name}: message ${sequence} cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  // ---------------------------------------------------------------- messages come in

  deliver(_: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    this.account.js.memoryBudget.slow(source);
    message.trace?.stored(this.name, this.transformed(message).subject);
    if (message.trace?.only) return true;
    const answered = message.hasReply ? message.reply : "";
    const reply = !this.#isPlain && this.config.no_ack ? "" : answered;
    try {
      if (isOfFastBatch(answered)) this.#fast.take(message, MessageHeaders.of(message));
      else this.receive(message, reply);
    } catch (error) {
      this.refuse(reply, error);
    }
    return true;
  }

  /** Takes a published message and answers it, once it is durable. Throws what `refuse` answers. */
  receive(message: Message, reply: string): void {
    const headers = MessageHeaders.of(message);
    const batchId = headers.get(Header.batchId);
    if (batchId !== undefined) {
      this.#atomic.take(message, headers, batchId, reply);
      return;
    }
    const stored = this.take(message, headers);
    if (reply === "") return;
    this.acks.add(reply, stored);
  }

  /** Answers a message that was not stored. */
  refuse(reply: string, error: unknown): void {
    const refusal = asApiError(error);
    if (refusal === undefined) throw error;
    if (reply === "") return;
    const text = stringifyExact({ error: refusal.toJSON(), stream: this.name, seq: 0 });
    this.account.js.send(this.account.account, reply, Buffer.from(text));
  }

  checkSealed(): void {
    if (this.config.sealed) throw new ApiError("sealed");
  }

  /** Checks and stores one message. Throws ApiError and StoreError. */
  take(original: Message, headers: MessageHeaders): Stored {
    if (this.#isPlain && headers === MessageHeaders.none) return this.#takePlain(original);
    this.checkSealed();
    const message = this.transformed(original);
    checkSize(this, message);
    if (headers === MessageHeaders.none && !this.config.allow_msg_counter) {
      checkLimits(this, message);
      return this.keep({ message, headers, ttl: undefined, rollup: undefined });
    }
    checkIncrement(this, message, headers);
    checkAddress(this, headers);
    checkSequences(this, message.subject, headers);
    const schedule = this.schedules?.check(message, headers);
    if (this.schedules === undefined) checkSchedulesOff(headers);
    const ended = endedSchedule(this, headers);
    const id = headers.get(Header.msgId);
    if (id !== undefined && !this.ids.areKnown) throw new ApiError("unavailable");
    const known = id === undefined ? undefined : this.ids.find(id, this.account.js.nowMs - this.#windowMs);
    // What it repeats may still be on its way to the disk.
    if (known !== undefined) return { sequence: known, ticket: this.lastTicket, duplicate: true };
    checkLastId(this, headers);
    const rollup = readRollup(this, headers);
    const counter = this.config.allow_msg_counter ? counterMessage(this, message, headers) : undefined;
    // Where nobody wants the message nothing is read of it.
    const ttl = this.interest.isWanted(message.subject) ? readTtl(this, headers) : undefined;
    const kept = schedule?.message ?? ttlMessage(counter?.message ?? message, ttl);
    checkLimits(this, kept);
    const { sequence, ticket } = this.keep({ message: kept, headers, ttl, rollup });
    schedule?.stored(sequence);
    if (ended !== undefined && ended !== message.subject) this.purgeSubject(ended, sequence);
    return { sequence, ticket, duplicate: false, value: counter?.value };
  }

  /** The message under the subject that it is stored by. */
  transformed(message: Message): Message {
    const subject = this.#transform?.apply(message.subject, () => this.account.js.server.runtime.random.float());
    return subject === undefined || subject === message.subject ? message : message.readdressed(subject);
  }

  /**
   * Stores what was checked, with what follows: rollups, limits, consumers, republishing.
   * @param sequence default: the next; mirrors keep those of their origin
   * @param time default: now
   */
  keep(intake: Intake, sequence = this.store.state.lastSequence + 1, time?: StoredTime, more = false): Stored {
    const { store } = this;
    const { message, headers, ttl, rollup } = intake;
    const { subject } = message;
    const before = this.#republish === undefined ? 0 : (store.totalsOf(subject)?.lastSequence ?? 0);
    const ttlMs = ttl === undefined ? 0 : ttl.ns < 0n ? NEVER_EXPIRES : ceilMs(ttl.ns);
    const times = time === undefined ? timesAt(this.account.js.nowMs, ttlMs) : timesSince(time, ttlMs);
    if (rollup === "all") this.inflows?.beforeRemoval();
    const ticket = store.append(message, sequence, times, more, intake.follows);
    this.#written(ticket, sequence);
    const id = headers.get(Header.msgId);
    if (id !== undefined) this.ids.add(id, sequence, times, this.account.js.nowMs - this.#windowMs);
    if (rollup === "all") this.removed(() => store.compact(sequence).ticket);
    else if (rollup === "sub") this.purgeSubject(subject, sequence);
    if (this.#hasLimits) this.limits.keep(subject);
    this.interest.dropUnwanted(subject, sequence);
    this.settle();
    this.expiry.stored(ttlMs);
    this.#tellConsumers(subject, sequence);
    this.#republish?.publish(message, sequence, times, before);
    this.#tellFed();
    return { sequence, ticket, duplicate: false };
  }

  // As `take` and `keep`, where nothing is to be looked up of the stream's settings.
  #takePlain(message: Message): Stored {
    const { account, store } = this;
    account.checkRoom(store.storage, store.sizeOf(message));
    const sequence = store.state.lastSequence + 1;
    const ticket = store.append(message, sequence, timesAt(account.js.nowMs));
    this.#written(ticket, sequence);
    this.settle();
    this.#tellConsumers(message.subject, sequence);
    this.#tellFed();
    return { sequence, ticket, duplicate: false };
  }

  #written(ticket: Ticket, sequence: number): void {
    if (ticket === this.lastTicket) return;
    this.durableEnd.batchBegins(this.lastTicket, sequence - 1);
    this.lastTicket = ticket;
  }

  #tellConsumers(subject: string, sequence: number): void {
    if (this.#hasConsumers) for (const consumer of this.consumers.values()) consumer.messageStored(subject, sequence);
  }

  #tellFed(): void {
    const { fed } = this.account;
    if (fed.size > 0) for (const { inflows } of fed) inflows?.originGrew(this);
  }

  // ---------------------------------------------------------------- messages go

  /** Runs a removal and tells everybody about it; `why` it was, where a client has asked for it. */
  removed<T>(remove: () => T, why?: "purge" | "delete"): T {
    // Of a write that is torn there must be no consumer that has passed what is still there, and no origin that is read again.
    if (why !== undefined) {
      for (const consumer of this.consumers.values()) consumer.writeDown();
      this.inflows?.beforeRemoval();
    }
    const result = remove();
    if (why !== undefined) this.store.writeRemovals();
    this.settle();
    for (const consumer of this.consumers.values()) consumer.messagesRemoved(why);
    this.inflows?.removed();
    return result;
  }

  /** Removes all of one subject below a sequence. */
  purgeSubject(subject: string, below: number): void {
    const filter = this.store.filter([subject]);
    this.removed(() => this.store.purge({ filter, below }));
    filter.release();
  }

  /** Counts what was stored or removed since the last time. */
  settle(): void {
    const { bytes } = this.store.state;
    if (bytes === this.#counted) return;
    this.account.used(this.store.storage, bytes - this.#counted);
    this.#counted = bytes;
  }

  /** A consumer is done with a message: with work queue and interest retention it may go. */
  acknowledged(sequence: number): void {
    this.interest.acknowledged(sequence);
  }

  /** The consumer's settings are known to the stream: makes it, or gives it others. */
  addConsumer(config: ConsumerConfig, createdNs: bigint, key: string): Consumer {
    const consumer = new Consumer(this, config, createdNs, key);
    this.consumers.set(config.name, consumer);
    this.#hasConsumers = true;
    return consumer;
  }

  removeConsumer(name: string): void {
    this.consumers.delete(name);
    this.#hasConsumers = this.consumers.size > 0;
  }
}
