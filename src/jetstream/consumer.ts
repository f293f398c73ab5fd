// A consumer: hands the messages of its stream to whoever asks for them (pull) or listens (push), and keeps track of what
// is acknowledged (https://docs.nats.io/nats-concepts/jetstream/consumers).
import type { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Timer } from "../runtime/clock.js";
import { subjectMatches } from "../subjects/validity.js";
import { AckHandler, parseAckSubject } from "./acks.js";
import type { ConsumerConfig } from "./consumer-config.js";
import { ConsumerLog } from "./consumer-log.js";
import { ConsumerState, Op } from "./consumer-state.js";
import { DeadLetters } from "./dead-letters.js";
import { DeliveryWriter } from "./delivery-writer.js";
import { FlowControl } from "./flow-control.js";
import { wireSubject } from "./names.js";
import { PriorityGroups } from "./priority-groups.js";
import { appendHeaders, Header, statusBlock } from "./publish-headers.js";
import { interestOf, type PullRequest } from "./pull-requests.js";
import { PullService } from "./pull-service.js";
import { Redelivery } from "./redelivery.js";
import { startingSequence } from "./starting-sequence.js";
import type { StoredMessage, SubjectFilter, Ticket } from "./store/store.js";
import { ALREADY_DURABLE } from "./store/store.js";
import type { Stream } from "./stream.js";
import { NS_PER_MS, parseTime } from "./time.js";

const MESSAGES_PER_TURN = 512;
const NO_BYTES = Buffer.alloc(0);

/** Sequences of the stream and of the consumer. */
export interface Place {
  readonly stream: number;
  readonly consumer: number;
}

export class Consumer implements DeliveryTarget {
  readonly echo = true;
  readonly stream: Stream;
  readonly createdNs: bigint;
  readonly key: string;
  readonly state: ConsumerState;
  readonly pulls: PullService;
  readonly groups: PriorityGroups;
  readonly flow: FlowControl;
  readonly redelivery: Redelivery;
  readonly deadLetters: DeadLetters;
  config: ConsumerConfig;
  closed = false;
  /** Milliseconds since 1970; 0 for never. */
  lastDeliveredMs = 0;
  lastAckedMs = 0;
  /** Of its last entry: what it states now is durable with it. */
  ticket: Ticket = ALREADY_DURABLE;
  /** Monotonic time of the last sign of life of its clients. */
  activeMs: number;
  filter: SubjectFilter | undefined;
  readonly #log: ConsumerLog;
  readonly #acks: AckHandler;
  readonly #writer = new DeliveryWriter();
  #patterns: readonly string[] = [];
  #subscriptions: Subscription[] = [];
  #ackPrefix = "";
  #pending = 0;
  #pendingIsKnown = false;
  // With last_per_subject: what is left of the messages that were the last when it began.
  #lastOnes: number[] | undefined;
  // What is not in the log yet; 0 for nothing.
  #passedTo = 0;
  #scheduled = false;
  #loading = false;
  #endsIdle = false;
  #idleTimer: Timer | undefined;
  #pauseTimer: Timer | undefined;
  #waitTimer: Timer | undefined;
  #rateUntilMs = 0;
  #replayed: { atMs: number; timeMs: number } | undefined;

  constructor(stream: Stream, config: ConsumerConfig, createdNs: bigint, key: string) {
    const { js } = stream.account;
    this.stream = stream;
    this.config = config;
    this.createdNs = createdNs;
    this.key = key;
    this.state = new ConsumerState(config.ack_policy !== "none");
    this.activeMs = js.server.runtime.clock.monotonicMs();
    this.#log = new ConsumerLog(this.isDurable ? js.storage.log(key) : js.storage.memoryLog(key));
    this.pulls = new PullService(this);
    this.groups = new PriorityGroups(this);
    this.flow = new FlowControl(this);
    this.redelivery = new Redelivery(this);
    this.deadLetters = new DeadLetters(this);
    this.#acks = new AckHandler(this);
    this.#configure();
    if (!this.#log.recover(this.state)) this.#begin();
    else if (config.deliver_policy === "last_per_subject") this.#takeLastOnes();
  }

  get name(): string {
    return this.config.name;
  }

  get isPush(): boolean {
    return this.config.deliver_subject !== "";
  }

  /** Whether it is still there after a restart. */
  get isDurable(): boolean {
    return this.stream.config.storage === "file" && !this.config.mem_storage;
  }

  get acks(): boolean {
    return this.config.ack_policy !== "none";
  }

  /** Whether it is that of a mirror or a source. */
  get feedsStream(): boolean {
    return this.config.direct || this.config.sourcing === true;
  }

  get isPaused(): boolean {
    const until = this.pauseUntilNs;
    return until > 0n && until > this.stream.account.js.nowNs;
  }

  get pauseUntilNs(): bigint {
    return this.config.pause_until === undefined ? 0n : (parseTime(this.config.pause_until) ?? 0n);
  }

  // ---------------------------------------------------------------- life

  #begin(): void {
    const { store } = this.stream;
    const sequence = startingSequence(this.config, store, this.filter);
    this.apply(Op.reset, sequence);
    if (this.config.deliver_policy === "last_per_subject") this.#takeLastOnes();
  }

  #takeLastOnes(): void {
    const { store } = this.stream;
    const filter = this.filter ?? store.filter([]);
    this.#lastOnes = store.lastPerSubject(filter).filter((sequence) => sequence >= this.state.nextStream);
    if (filter !== this.filter) filter.release();
  }

  #configure(): void {
    const { stream, config } = this;
    this.filter?.release();
    this.#patterns = stream.filtersOf(config);
    this.filter = this.#patterns.length === 0 ? undefined : stream.store.filter(this.#patterns);
    this.#pendingIsKnown = false;
    this.#ackPrefix = this.#acks.prefix;
    this.flow.configure();
    this.groups.configure();
  }

  /** Begins to listen and to deliver. */
  open(): void {
    const { account } = this.stream.account;
    const listen = (subject: string): void => {
      const subscription = new Subscription(subject, undefined, "", this);
      account.subscribe(subscription);
      this.#subscriptions.push(subscription);
    };
    for (const subject of this.#acks.subjects) listen(subject);
    if (this.config.flow_control) listen(this.flow.subject);
    this.redelivery.start();
    this.#armIdle();
    this.#armPause();
    this.flow.armHeartbeat();
    this.wake();
  }

  /** Other settings, that were checked. */
  update(config: ConsumerConfig): void {
    const hadPause = this.isPaused;
    this.#stopListening();
    this.config = config;
    this.#configure();
    this.open();
    if (hadPause !== this.isPaused) this.advisePause();
    this.pulls.configChanged();
  }

  streamChanged(): void {
    this.#pendingIsKnown = false;
    this.wake();
  }

  /** Goes back to a stream sequence; everything else is forgotten. */
  reset(sequence: number): Ticket {
    this.redelivery.clear();
    this.#lastOnes = undefined;
    this.#pendingIsKnown = false;
    this.lastDeliveredMs = 0;
    this.lastAckedMs = 0;
    const ticket = this.apply(Op.reset, sequence);
    this.wake();
    return ticket;
  }

  /** Puts a delivery that another server has made into a consumer that is being restored. */
  placeDelivery(sequence: number, consumerSequence: number, times: number, atMs: number): void {
    this.apply(Op.deliver, sequence, consumerSequence, times, atMs);
  }

  /** Goes where it stood on another server. */
  place(delivered: Place, floor: Place): Ticket {
    const { stream, consumer } = delivered;
    const ticket = this.apply(Op.place, stream + 1, consumer + 1, floor.stream, floor.consumer);
    this.#pendingIsKnown = false;
    if (this.#lastOnes !== undefined) this.#takeLastOnes();
    this.redelivery.start();
    this.wake();
    return ticket;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.stream.account.js.closing) this.pulls.endAll("409 Server Shutdown", true);
    this.#stopListening();
    this.#pauseTimer?.cancel();
    this.#waitTimer?.cancel();
    this.pulls.close();
    this.groups.close();
    this.filter?.release();
  }

  /** Ends it for good. */
  delete(): Ticket {
    if (!this.closed) {
      this.pulls.endAll("409 Consumer Deleted", false);
      if (this.isPush) this.#sendStatus("409 Consumer Deleted");
    }
    this.close();
    this.stream.consumers.delete(this.name);
    return this.#log.delete();
  }

  #sendStatus(status: string): void {
    const { js, account } = this.stream.account;
    js.send(account, wireSubject(this.config.deliver_subject), NO_BYTES, statusBlock(status));
  }

  #stopListening(): void {
    for (const subscription of this.#subscriptions) this.stream.account.account.unsubscribe(subscription);
    this.#subscriptions = [];
    this.redelivery.stop();
    this.deadLetters.stop();
    this.#idleTimer?.cancel();
    this.flow.stop();
  }

  /** Writes an entry down, an operation of `Op` and as many values as it has, and applies it. */
  apply(op: number, sequence: number, consumerSequence = 0, deliveries = 0, atMs = 0): Ticket {
    this.state.apply(op, sequence, consumerSequence, deliveries, atMs);
    if (!this.isDurable) return ALREADY_DURABLE;
    // Where the floor gets to depends on what was passed before.
    if (this.#passedTo > 0) this.#log.add(Op.pass, this.#passedTo, 0, 0, 0);
    this.#passedTo = 0;
    this.ticket = this.#log.add(op, sequence, consumerSequence, deliveries, atMs);
    return this.ticket;
  }

  // ---------------------------------------------------------------- what comes in

  /** An acknowledgement, or an answer to flow control. */
  deliver(_: Subscription, message: Message): boolean {
    this.touch();
    if (message.subject.startsWith("$JS.FC.")) {
      this.flow.answered(message);
      return true;
    }
    const place = parseAckSubject(message.subject);
    if (place === undefined) return false;
    this.#acks.handle(place, message);
    return true;
  }

  /** Somebody uses it; only noted where that decides how long it stays. */
  touch(): void {
    if (this.#endsIdle) this.activeMs = this.stream.account.js.server.runtime.clock.monotonicMs();
  }

  /** Whether it wants messages of this subject (latin1). */
  wants(subject: string): boolean {
    return this.#patterns.length === 0 || this.#patterns.some((pattern) => subjectMatches(subject, pattern));
  }

  /** Whether a message is still to be delivered or acknowledged. */
  needs(sequence: number): boolean {
    return this.state.needs(sequence);
  }

  messageStored(subject: string, sequence: number): void {
    if (!this.wants(subject)) return;
    if (this.#pendingIsKnown) this.#pending++;
    if (sequence >= this.state.nextStream) this.wake();
  }

  /** Messages have gone: what waits for an acknowledgement of them does no longer. */
  messagesRemoved(why?: "purge" | "delete"): void {
    this.#pendingIsKnown = false;
    const { store } = this.stream;
    const hadPending = this.state.pending.size > 0;
    for (const [sequence, { consumerSequence }] of this.state.pending) {
      if (store.has(sequence)) continue;
      this.redelivery.queue.delete(sequence);
      if (why === "delete") this.#adviseDeleted(sequence, consumerSequence);
      this.apply(Op.ack, sequence);
    }
    const { firstSequence, lastSequence } = store.state;
    // After a purge it stands before the first message that is left for it.
    const first = why === "purge" ? store.next(1, this.filter) || lastSequence + 1 : firstSequence;
    if (why === "purge" && first > this.state.nextStream) this.apply(Op.purge, first);
    else if (first > this.state.nextStream) this.apply(hadPending ? Op.skip : Op.pass, first);
    this.wake();
  }

  #adviseDeleted(sequence: number, consumerSequence: number): void {
    this.advise("MSG_TERMINATED", "terminated", {
      consumer_seq: consumerSequence,
      stream_seq: sequence,
      deliveries: this.state.deliveryCount(sequence),
      reason: "Unacknowledged message was deleted",
    });
  }

  /** Messages that it has not delivered yet. */
  get numPending(): number {
    if (!this.#pendingIsKnown) {
      const { store } = this.stream;
      if (this.#lastOnes === undefined) this.#pending = store.pending(this.state.nextStream, this.filter);
      else {
        this.#lastOnes = this.#lastOnes.filter((sequence) => store.has(sequence));
        const upTo = this.#lastOnes[this.#lastOnes.length - 1] ?? this.state.nextStream - 1;
        this.#pending = this.#lastOnes.length + store.pending(upTo + 1, this.filter);
      }
      this.#pendingIsKnown = true;
    }
    return this.#pending;
  }

  /** Whether somebody listens to its deliver subject. */
  get isBound(): boolean {
    if (!this.isPush) return false;
    const { plain, queues } = this.stream.account.account.sublist.match(wireSubject(this.config.deliver_subject));
    const { deliver_group: group } = this.config;
    if (group === "") return plain.length > 0 || queues.length > 0;
    return queues.some(([member]) => member.queue === wireSubject(group));
  }

  // ---------------------------------------------------------------- delivery

  /** Something may be there to be delivered: looked at when this turn's input is handled. */
  wake(): void {
    if (this.#scheduled || this.closed) return;
    this.#scheduled = true;
    this.stream.account.js.server.runtime.clock.endOfTurn(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.run();
  };

  /** Delivers as much as there is, as is wanted, and as fits into a turn. */
  run(): void {
    if (this.closed || this.#loading) return;
    if (this.isPaused) {
      this.pulls.nothingLeft();
      return;
    }
    if (this.isPush && !this.isBound) return;
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      if (this.isPush ? this.flow.isStalled || this.#mustWait() : !this.pulls.isWanted) return;
      const sequence = this.#nextSequence();
      if (sequence === 0) {
        this.pulls.nothingLeft();
        return;
      }
      if (this.feedsStream && !this.stream.durableEnd.includes(sequence)) return;
      const loaded = this.stream.store.load(sequence);
      if (loaded instanceof Promise) {
        this.#loading = true;
        loaded.then(
          (stored) => {
            this.#loading = false;
            if (this.closed) return;
            // Acknowledged while it was read, it is not delivered again.
            if (stored === undefined || this.#nextSequence() === sequence) this.#handOver(sequence, stored);
            this.wake();
          },
          () => {
            this.#loading = false;
            this.stream.account.js.after(1000, () => this.wake());
          },
        );
        return;
      }
      if (!this.#handOver(sequence, loaded)) return;
    }
    this.wake();
  }

  #mustWait(): boolean {
    const { js } = this.stream.account;
    const waitMs = this.#rateUntilMs - js.nowMs;
    if (waitMs <= 0) return false;
    this.#waitFor(waitMs);
    return true;
  }

  #waitFor(ms: number): void {
    this.#waitTimer?.cancel();
    this.#waitTimer = this.stream.account.js.after(ms, () => this.wake());
  }

  // The sequence to deliver now; 0 for none. Those to be delivered again come first.
  #nextSequence(): number {
    const { state, config, stream } = this;
    for (const sequence of this.redelivery.queue) {
      if (!state.pending.has(sequence) || !stream.store.has(sequence)) this.redelivery.queue.delete(sequence);
      else return sequence;
    }
    if (this.acks && config.max_ack_pending > 0 && state.pending.size >= config.max_ack_pending) return 0;
    if (this.#lastOnes !== undefined) {
      for (;;) {
        const [first] = this.#lastOnes;
        if (first === undefined) break;
        if (stream.store.has(first)) return first;
        this.#lastOnes.shift();
      }
      this.#lastOnes = undefined;
    }
    const sequence = stream.store.next(state.nextStream, this.filter);
    if (sequence === 0) {
      const { lastSequence } = stream.store.state;
      if (lastSequence >= state.nextStream) {
        this.#passedTo = lastSequence + 1;
        state.apply(Op.pass, this.#passedTo);
      }
    }
    return sequence;
  }

  // Delivers one message. False when nobody takes it, and the loop is to end.
  #handOver(sequence: number, stored: StoredMessage | undefined): boolean {
    const { state, stream } = this;
    const isAgain = this.redelivery.queue.has(sequence);
    if (stored === undefined) {
      this.redelivery.queue.delete(sequence);
      if (isAgain) this.apply(Op.ack, sequence);
      else this.apply(Op.skip, sequence + 1);
      return true;
    }
    if (!isAgain && this.#waitsForReplay(stored)) return false;
    const count = isAgain ? state.deliveryCount(sequence) + 1 : 1;
    const pendingAfter = isAgain ? this.numPending : Math.max(0, this.numPending - 1);
    const ns = `${stored.seconds}${String(stored.nanoseconds).padStart(9, "0")}`;
    const ack = `${this.#ackPrefix}${count}.${sequence}.${state.nextConsumer}.${ns}.${pendingAfter}`;
    if (this.isPush) {
      const size = this.#send(wireSubject(this.config.deliver_subject), stored, ack);
      this.flow.sent(size);
      const { rate_limit_bps: rate } = this.config;
      if (rate > 0) this.#rateUntilMs = Math.max(this.#rateUntilMs, stream.account.js.nowMs) + (size * 8000) / rate;
    } else {
      const request = this.pulls.choose(stored, ack);
      if (request === undefined) return this.pulls.isWanted;
      this.#send(request.reply, stored, ack, request);
      this.pulls.served(request, bytesOnWire(stored, ack));
    }
    this.#delivered(sequence, count, isAgain);
    return true;
  }

  #delivered(sequence: number, count: number, isAgain: boolean): void {
    const { js } = this.stream.account;
    const now = js.nowMs;
    const nowMs = Math.floor(now);
    if (!isAgain) {
      if (this.#lastOnes?.[0] === sequence) this.#lastOnes.shift();
      if (this.#pendingIsKnown && this.#pending > 0) this.#pending--;
    }
    this.apply(Op.deliver, sequence, this.state.nextConsumer, count, nowMs);
    this.lastDeliveredMs = now;
    this.redelivery.delivered(sequence, nowMs);
    if (!this.acks) this.stream.acknowledged(sequence);
  }

  #send(subject: string, stored: StoredMessage, ack: string, request?: PullRequest): number {
    const { account, js } = this.stream.account;
    let { body, start, end, headerBytes } = stored;
    const pinId = request === undefined ? undefined : this.groups.pinOf(request.group);
    if (this.config.headers_only || pinId !== undefined) {
      const headers: [string, string | number][] = [];
      if (this.config.headers_only) headers.push([Header.msgSize, end - start - headerBytes]);
      if (pinId !== undefined) headers.push([Header.pinId, pinId]);
      const block = Buffer.from(appendHeaders(stored.header.toString("latin1"), headers), "latin1");
      const payload = this.config.headers_only ? NO_BYTES : stored.payload;
      body = Buffer.concat([block, payload, Buffer.from("\r\n")]);
      start = 0;
      end = block.length + payload.length;
      headerBytes = block.length;
    }
    this.#writer.write(stored, ack, body, start, end, headerBytes);
    this.#writer.message.deliveredTo = subject;
    const interest = request === undefined ? account.sublist.match(subject) : interestOf(request, account.sublist);
    js.server.router.deliver(interest, this.#writer.message, undefined);
    return bytesOnWire(stored, ack);
  }

  #waitsForReplay(stored: StoredMessage): boolean {
    if (this.config.replay_policy !== "original") return false;
    const { js } = this.stream.account;
    const timeMs = stored.seconds * 1000 + stored.nanoseconds / 1e6;
    const dueMs = this.#replayed === undefined ? 0 : this.#replayed.atMs + (timeMs - this.#replayed.timeMs);
    if (dueMs > js.nowMs) {
      this.#waitFor(dueMs - js.nowMs);
      return true;
    }
    this.#replayed = { atMs: js.nowMs, timeMs };
    return false;
  }

  // ---------------------------------------------------------------- time

  #armIdle(): void {
    const thresholdMs = Number(this.config.inactive_threshold / NS_PER_MS);
    const { js } = this.stream.account;
    if (!this.#endsIdle) this.activeMs = js.server.runtime.clock.monotonicMs();
    this.#endsIdle = thresholdMs > 0;
    if (!this.#endsIdle) return;
    this.#idleTimer?.cancel();
    const check = (): void => {
      if (this.closed || js.closing) return;
      const nowMs = js.server.runtime.clock.monotonicMs();
      if (this.isBound || this.pulls.size > 0) this.activeMs = nowMs;
      const leftMs = this.activeMs + thresholdMs - nowMs;
      if (leftMs > 0) this.#idleTimer = js.after(leftMs + 1, check);
      else this.stream.account.deleteConsumer(this);
    };
    this.#idleTimer = js.after(thresholdMs, check);
  }

  #armPause(): void {
    this.#pauseTimer?.cancel();
    if (!this.isPaused) return;
    const { js } = this.stream.account;
    this.#pauseTimer = js.after(Number((this.pauseUntilNs - js.nowNs) / NS_PER_MS) + 1, () => {
      if (this.isPaused) this.#armPause();
      else {
        this.advisePause();
        this.wake();
      }
    });
  }

  advisePause(): void {
    const until = this.config.pause_until ?? "0001-01-01T00:00:00Z";
    this.advise("PAUSE", "consumer_pause", { paused: this.isPaused, pause_until: until });
  }

  /** Tells those who listen what has happened to this consumer. */
  advise(subject: string, type: string, content: object): void {
    const { js, account } = this.stream.account;
    const { wireName } = this.stream;
    js.advise(account, `CONSUMER.${subject}.${wireName}.${wireSubject(this.name)}`, type, {
      stream: this.stream.name,
      consumer: this.name,
      ...content,
    });
  }
}

/** What counts of a message for limits of bytes: subject, reply subject, headers and payload. */
export function bytesOnWire(stored: StoredMessage, ack: string): number {
  return stored.end - stored.start + stored.subject.length + ack.length;
}
