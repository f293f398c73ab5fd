// A consumer: hands the messages of its stream to whoever asks for them (pull) or listens (push), and keeps track of what
// is acknowledged (https://docs.nats.io/nats-concepts/jetstream/consumers).
import type { AckPlace } from "../../accounts/ack-place.js";
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { subjectMatches } from "../../subjects/validity.js";
import { wireSubject } from "../names.js";
import { StoreError } from "../store/errors.js";
import { ALREADY_DURABLE, type SubjectFilter, type Ticket } from "../store/store.js";
import { statusBlock } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { AckHandler, parseAckSubject } from "./acks.js";
import { type ConsumerConfig, filtersOf } from "./consumer-config.js";
import { ConsumerLog } from "./consumer-log.js";
import { ConsumerState, Op } from "./consumer-state.js";
import { DeadLetters } from "./dead-letters.js";
import { Delivery } from "./delivery.js";
import { FlowControl } from "./flow-control.js";
import { IdleEnd } from "./idle-end.js";
import { Pause } from "./pause.js";
import { PriorityGroups } from "./priority-groups.js";
import { PullService } from "./pull-service.js";
import { Redelivery } from "./redelivery.js";
import { startingSequence } from "./starting-sequence.js";

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
  readonly pause: Pause;
  config: ConsumerConfig;
  closed = false;
  /** Milliseconds since 1970; 0 for never. */
  lastDeliveredMs = 0;
  lastAckedMs = 0;
  filter: SubjectFilter | undefined;
  readonly #log: ConsumerLog;
  readonly #isLogged: boolean;
  readonly #acks: AckHandler;
  readonly #delivery: Delivery;
  readonly #idleEnd: IdleEnd;
  #patterns: readonly string[] = [];
  #subscriptions: Subscription[] = [];
  // What is not in the log yet; 0 for nothing.
  #passedTo = 0;

  constructor(stream: Stream, config: ConsumerConfig, createdNs: bigint, key: string) {
    const { js } = stream.account;
    this.stream = stream;
    this.config = config;
    this.createdNs = createdNs;
    this.key = key;
    this.state = new ConsumerState(config.ack_policy !== "none");
    this.#isLogged = this.isDurable;
    const log = this.#isLogged ? js.storage.log(key) : js.storage.memoryLog(key);
    this.#log = new ConsumerLog(log, js.server.runtime.clock, this.state, js.wholeStates);
    this.pulls = new PullService(this);
    this.groups = new PriorityGroups(this);
    this.flow = new FlowControl(this);
    this.redelivery = new Redelivery(this);
    this.deadLetters = new DeadLetters(this);
    this.pause = new Pause(this);
    this.#acks = new AckHandler(this);
    this.#delivery = new Delivery(this);
    this.#idleEnd = new IdleEnd(this);
    this.#configure();
    if (!this.#recover()) this.#begin();
    else if (config.deliver_policy === "last_per_subject") this.#delivery.backlog.takeLastOnes();
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

  // ---------------------------------------------------------------- life

  /** Whether it stands still until the next start, as what the disk has of it or of its stream cannot be read now. */
  get isHeld(): boolean {
    return this.#log.isUnread || this.stream.store.unread !== undefined;
  }

  // Whether there was anything.
  #recover(): boolean {
    if (this.#log.isUnread) return true;
    const lost = this.#log.recover();
    const { store } = this.stream;
    if (this.acks && !this.isHeld) lost?.restore(store, this.filter);
    // What was removed and the end of its waiting were not one write.
    if (!this.isHeld)
      for (const [sequence] of this.state.pending) if (!store.has(sequence)) this.apply(Op.ack, sequence);
    return lost !== undefined;
  }

  #begin(): void {
    this.apply(Op.reset, startingSequence(this.config, this.stream.store, this.filter));
    if (this.config.deliver_policy === "last_per_subject") this.#delivery.backlog.takeLastOnes();
  }

  #configure(): void {
    const { stream, config } = this;
    this.filter?.release();
    this.#patterns = filtersOf(config).map(wireSubject);
    this.filter = this.#patterns.length === 0 ? undefined : stream.store.filter(this.#patterns);
    this.#delivery.configure(this.#acks.prefix);
    this.flow.configure();
    this.groups.configure();
  }

  /** Begins to listen and to deliver. */
  open(): void {
    if (this.isHeld) return;
    const { account } = this.stream.account;
    const listen = (subject: string): void => {
      const subscription = new Subscription(subject, undefined, "", this);
      account.subscribe(subscription);
      this.#subscriptions.push(subscription);
    };
    for (const subject of this.#acks.subjects) listen(subject);
    if (this.config.flow_control) listen(this.flow.subject);
    this.redelivery.start();
    this.#idleEnd.arm();
    this.pause.arm();
    this.flow.armHeartbeat();
    this.wake();
  }

  /** Other settings, that were checked. */
  update(config: ConsumerConfig): void {
    const hadPause = this.pause.isOn;
    this.#stopListening();
    this.config = config;
    this.#configure();
    this.open();
    if (hadPause !== this.pause.isOn) this.pause.advise();
    this.pulls.configChanged();
  }

  streamChanged(): void {
    this.#delivery.backlog.changed();
    this.wake();
  }

  /** Something may be there to be delivered: looked at when this turn's input is handled. */
  wake(): void {
    this.#delivery.wake();
  }

  /** Goes back to a stream sequence; everything else is forgotten. Throws StoreError while the disk takes nothing. */
  reset(sequence: number): Ticket {
    this.#checkWritable();
    this.redelivery.clear();
    this.flow.reset();
    this.#delivery.backlog.reset();
    this.lastDeliveredMs = 0;
    this.lastAckedMs = 0;
    this.apply(Op.reset, sequence);
    this.wake();
    return this.#ticket;
  }

  /** Puts a delivery that another server has made into a consumer that is being restored. */
  placeDelivery(sequence: number, consumerSequence: number, times: number, atMs: number): void {
    this.apply(Op.deliver, sequence, consumerSequence, times, atMs);
  }

  /** Goes where it stood on another server. Throws StoreError while the disk takes nothing. */
  place(delivered: Place, floor: Place): Ticket {
    this.#checkWritable();
    const { stream, consumer } = delivered;
    this.apply(Op.place, stream + 1, consumer + 1, floor.stream, floor.consumer);
    this.#delivery.backlog.changed();
    this.#delivery.backlog.retakeLastOnes();
    this.redelivery.start();
    this.wake();
    return this.#ticket;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#stopListening();
    this.pause.stop();
    this.#delivery.stop();
    this.#log.close();
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
    this.stream.removeConsumer(this.name);
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
    this.#idleEnd.stop();
    this.flow.stop();
  }

  /**
   * Applies an entry, an operation of `Op` and as many values as it has, and writes it down: at once, or where nobody could
   * tell the difference somewhat later.
   */
  apply(op: number, sequence: number, consumerSequence = 0, deliveries = 0, atMs = 0): void {
    this.state.apply(op, sequence, consumerSequence, deliveries, atMs);
    if (!this.#isLogged) return;
    // Where the floor gets to depends on what was passed before.
    if (this.#passedTo > 0) this.#log.gather(Op.pass, this.#passedTo, 0, 0, 0);
    this.#passedTo = 0;
    this.#log.gather(op, sequence, consumerSequence, deliveries, atMs);
    const mayWait = op === Op.ack || (op === Op.deliver && deliveries === 1);
    // What an acknowledgement removes from the stream goes with it.
    if (!mayWait || this.stream.config.retention !== "limits") this.#log.commitWhenPossible();
  }

  /** What it states now is durable with this ticket. Throws StoreError while the disk takes nothing. */
  get #ticket(): Ticket {
    return this.#isLogged ? this.#log.commit() : ALREADY_DURABLE;
  }

  /** Calls back when what it states now is durable; never when the disk does not take it: who gets no answer asks again. */
  whenDurable(done: () => void): void {
    const written = (ticket: Ticket): void => {
      this.stream.account.js.whenDurable(ticket, (error) => {
        if (error === undefined) done();
      });
    };
    try {
      if (this.#isLogged) this.#log.committed(written);
      else written(ALREADY_DURABLE);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  // What a client wants and cannot be written down is not done. Throws StoreError.
  #checkWritable(): void {
    if (this.isHeld) throw new StoreError("STORE_IO", `the consumer ${this.name} cannot be read`);
    const { failure } = this.stream.account.js.storage;
    if (this.#isLogged && failure !== undefined) throw failure;
  }

  /** What it has gathered stands before what is written from now on. */
  writeDown(): void {
    if (this.#isLogged) this.#log.writeNow();
  }

  /** Nothing before this sequence is left to be delivered. */
  passed(sequence: number): void {
    this.#passedTo = sequence;
    this.state.apply(Op.pass, sequence);
  }

  // ---------------------------------------------------------------- what comes in

  /** An acknowledgement, or an answer to flow control. */
  deliver(_: Subscription, message: Message): boolean {
    if (message.trace?.only) return true;
    if (message.subject.startsWith("$JS.FC.")) {
      this.touch();
      this.flow.answered(message);
      return true;
    }
    const place = parseAckSubject(message.subject);
    return place !== undefined && this.acknowledge(place, message);
  }

  acknowledge(place: AckPlace, message: Message): boolean {
    this.touch();
    this.#acks.handle(place, message);
    return true;
  }

  /** Somebody uses it. */
  touch(): void {
    this.#idleEnd.touch();
  }

  /** Whether it wants messages of this subject (latin1). */
  wants(subject: string): boolean {
    return this.#patterns.length === 0 || this.#patterns.some((pattern) => subjectMatches(subject, pattern));
  }

  /** Whether a message is still to be delivered or acknowledged. */
  needs(sequence: number): boolean {
    return this.isHeld || this.state.needs(sequence);
  }

  messageStored(subject: string, sequence: number): void {
    if (!this.wants(subject)) return;
    this.#delivery.backlog.stored();
    if (sequence >= this.state.nextStream) this.wake();
  }

  /** Messages have gone: what waits for an acknowledgement of them does no longer. */
  messagesRemoved(why?: "purge" | "delete"): void {
    if (this.isHeld) return;
    this.#delivery.backlog.changed();
    const { store } = this.stream;
    const hadPending = this.state.pending.size > 0;
    for (const [sequence, { consumerSequence }] of this.state.pending) {
      if (store.has(sequence)) continue;
      this.redelivery.queue.delete(sequence);
      if (why === "delete") this.#adviseDeleted(sequence, consumerSequence);
      this.apply(Op.ack, sequence);
    }
    if (this.#isLogged) this.#log.commitWhenPossible();
    const { firstSequence, lastSequence } = store.state;
    // After a purge it stands before the first message that is left for it.
    const first = why === "purge" ? store.next(1, this.filter) || lastSequence + 1 : firstSequence;
    if (why === "purge" && first > this.state.nextStream) this.apply(Op.purge, first);
    else if (first > this.state.nextStream) this.apply(hadPending ? Op.skip : Op.pass, first);
    this.wake();
  }

  /** Tells that it was deleted, unless it is one that a stream has made for itself. */
  adviseGone(): void {
    if (!this.config.direct) this.advise("DELETED", "consumer_action", { action: "delete" });
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
    const { backlog } = this.#delivery;
    // As in nats-server: what came before where it begins counts, unless somebody asks before there is anything for it.
    if (backlog.count > 0 && this.state.nextStream > this.stream.store.state.lastSequence) backlog.changed();
    return backlog.count;
  }

  /** Whether somebody listens to its deliver subject. */
  get isBound(): boolean {
    if (!this.isPush) return false;
    const { plain, queues } = this.stream.account.account.sublist.match(wireSubject(this.config.deliver_subject));
    const { deliver_group: group } = this.config;
    if (group === "") return plain.length > 0 || queues.length > 0;
    return queues.some(([member]) => member.queue === wireSubject(group));
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
