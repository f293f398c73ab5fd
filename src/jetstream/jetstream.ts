// JetStream of one server: its storage, its accounts, and what all of them share.
import type { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import type { ResolvedOptions } from "../options/options.js";
import { stringifyExact } from "../protocol/json.js";
import type { Timer } from "../runtime/clock.js";
import type { Server } from "../server/server.js";
import { AccountLoading } from "./account-loading.js";
import { AnswerWriter } from "./api/answer-writer.js";
import { AckQueue } from "./consumers/ack-queue.js";
import { AckWriter } from "./consumers/ack-writer.js";
import { WholeStates } from "./consumers/whole-states.js";
import { Damage } from "./damage.js";
import { nuid } from "./ids.js";
import { JetStreamAccount } from "./js-account.js";
import { MemoryBudget } from "./memory-budget.js";
import type { MetaEntry, MetaStream, OriginPosition } from "./meta.js";
import { META_KEYS, MetaLog } from "./meta-log.js";
import type { JetStreamCluster } from "./peers/cluster.js";
import type { Storage, StreamStore, Ticket } from "./store/store.js";
import type { Stream } from "./streams/stream.js";
import { timeText } from "./time.js";

const NO_BYTES = Buffer.alloc(0);

/** Bytes of each kind of storage. */
export interface Usage {
  memory: number;
  file: number;
}

export class JetStream {
  readonly server: Server;
  readonly storage: Storage;
  readonly accounts = new Map<Account, JetStreamAccount>();
  readonly usage: Usage = { memory: 0, file: 0 };
  readonly reserved: Usage = { memory: 0, file: 0 };
  readonly ackWriter: AckWriter;
  readonly answerWriter: AnswerWriter;
  readonly ackQueue: AckQueue;
  readonly damage: Damage;
  readonly memoryBudget: MemoryBudget;
  readonly loading: AccountLoading;
  readonly wholeStates: WholeStates;
  /** Bytes that all accounts may use; resolved from the options and the machine. */
  limits: Usage;
  /** Atomic batches that are open now. */
  openBatches = 0;
  closing = false;
  /** The other servers of this JetStream; undefined for a server that is alone. */
  cluster: JetStreamCluster | undefined;
  readonly #meta: MetaLog;
  #turnMs = 0;

  constructor(server: Server, storage: Storage, limits: Usage) {
    this.server = server;
    this.storage = storage;
    this.limits = limits;
    this.ackWriter = new AckWriter(server.router);
    this.answerWriter = new AnswerWriter(server.router);
    this.ackQueue = new AckQueue(storage.commits);
    this.#meta = new MetaLog(storage);
    this.damage = new Damage(this);
    this.memoryBudget = new MemoryBudget(server);
    this.loading = new AccountLoading(this);
    this.wholeStates = new WholeStates(server.runtime.clock);
    this.memoryBudget.limitBytes = this.options.maxMemoryProcessBytes;
    // With something lost, what looks left over may be all there is.
    if (storage.problems.length === 0) this.#removeLeftOvers();
  }

  // Such as what was restored when the server stopped.
  #removeLeftOvers(): void {
    const { streams, logs } = this.storage;
    const known = new Set<string>(META_KEYS);
    for (const account of this.#meta.state.accounts.values()) {
      for (const { key, consumers } of account.values()) {
        known.add(key);
        for (const consumer of consumers.values()) known.add(consumer.key);
      }
    }
    for (const [key, store] of [...streams, ...logs]) if (!known.has(key)) store.delete();
  }

  get options(): NonNullable<ResolvedOptions["jetstream"]> {
    return this.server.options.jetstream as NonNullable<ResolvedOptions["jetstream"]>;
  }

  get domain(): string | undefined {
    return this.options.domain || undefined;
  }

  get nowNs(): bigint {
    return this.server.runtime.clock.nowNs();
  }

  get nowMs(): number {
    return this.server.runtime.clock.nowMs();
  }

  /** `nowMs` as it was when it was first asked for in this turn of the loop; for what comes many times in one. */
  get turnMs(): number {
    if (this.#turnMs === 0) {
      this.#turnMs = this.nowMs;
      this.server.runtime.clock.endOfTurn(this.#turnEnded);
    }
    return this.#turnMs;
  }

  readonly #turnEnded = (): void => {
    this.#turnMs = 0;
  };

  /** A name that nobody else has, 22 characters. */
  nuid(): string {
    return nuid(this.server.runtime.random);
  }

  /** The account's JetStream, made with what the meta log knows of it. */
  open(account: Account): JetStreamAccount {
    const known = this.accounts.get(account);
    if (known !== undefined) return known;
    const opened = new JetStreamAccount(this, account);
    this.accounts.set(account, opened);
    opened.recover(this.#meta.state.accounts.get(account.name) ?? new Map());
    return opened;
  }

  /** Streams of accounts that are not open, by account and name: nobody has logged in to it yet, or it is there no more. */
  *unopened(): IterableIterator<[string, ReadonlyMap<string, MetaStream>]> {
    for (const [name, streams] of this.#meta.state.accounts) {
      const account = this.server.accounts.get(name);
      if (account === undefined || !this.accounts.has(account)) yield [name, streams];
    }
  }

  /** Whether this server has a stream of this name, or restores it. */
  hasName(accountName: string, name: string): boolean {
    const account = this.server.accounts.get(accountName);
    const opened = account && this.accounts.get(account);
    if (opened !== undefined) return opened.streams.has(name) || opened.restoring.has(name);
    return this.#meta.state.accounts.get(accountName)?.has(name) === true;
  }

  /** Resolves when all streams know which messages would be duplicates. */
  async idsKnown(): Promise<void> {
    for (const { streams } of this.accounts.values()) for (const stream of streams.values()) await stream.idsKnown;
  }

  /** Writes an entry down and applies it. */
  propose(entry: MetaEntry): Ticket {
    return this.#meta.propose(entry);
  }

  /**
   * Calls back before what is written in this turn ends: what is proposed then stands before the removals of the turn, in the
   * same write. Throws StoreError while the disk takes nothing.
   */
  beforeWriteEnds(done: () => void): void {
    this.#meta.beforeEnd(done);
  }

  /** How far a stream has read its origins, by `sourceKey`, as it was written down. */
  originsOf({ account, name }: Stream): ReadonlyMap<string, OriginPosition> {
    return this.#meta.state.accounts.get(account.account.name)?.get(name)?.origins ?? new Map();
  }

  /** Calls back when the ticket is durable; at once if it is. */
  whenDurable(ticket: Ticket, done: (error?: Error) => void): void {
    const { commits } = this.storage;
    if (ticket <= commits.durable) done();
    else commits.whenDurable(ticket, { committed: (_, error) => this.#tell(done, error) });
  }

  // Who throws ends neither the storage nor those who come after.
  #tell(done: (error?: Error) => void, outcome: Error | undefined): void {
    try {
      done(outcome);
    } catch (error) {
      this.server.logger.error(`internal error after a write: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  /** Sends a message of the server in an account; subjects are latin1. Returns how many got it. */
  send(account: Account, subject: string, payload: Uint8Array, headers: Uint8Array = NO_BYTES, reply = ""): number {
    return this.server.router.publish(account, Message.of(subject, reply, headers, payload), undefined);
  }

  sendJson(account: Account, subject: string, content: object): void {
    this.send(account, subject, Buffer.from(stringifyExact(content)));
  }

  /** Tells those who listen that something has happened. `type` is what follows `io.nats.jetstream.advisory.v1.`. */
  advise(account: Account, subject: string, type: string, content: object): void {
    this.event(account, `$JS.EVENT.ADVISORY.${subject}`, `io.nats.jetstream.advisory.v1.${type}`, content);
  }

  /** An event of any type, with an id and the time. */
  event(account: Account, subject: string, type: string, content: object): void {
    if (!account.sublist.hasInterest(subject)) return;
    const { domain } = this;
    const event = { type, id: this.nuid(), timestamp: timeText(this.nowNs), ...content, domain };
    this.send(account, subject, Buffer.from(stringifyExact(event)));
  }

  after(delayMs: number, fire: () => void): Timer {
    // Longer timers would overflow; whoever asked looks again.
    return this.server.runtime.clock.after(Math.min(Math.max(delayMs, 0), 0x7fffffff), fire);
  }

  /** The store of a stream. */
  storeFor(kind: "file" | "memory", key: string, options: Parameters<StreamStore["configure"]>[0]): StreamStore {
    return kind === "file" ? this.storage.stream(key, options) : this.storage.memoryStream(key);
  }

  /** Tells those who wait for messages that they will not come from here. */
  endPulls(): void {
    for (const { streams } of this.accounts.values()) {
      for (const { consumers } of streams.values()) {
        for (const { pulls } of consumers.values()) pulls.endAll("409 Server Shutdown", true);
      }
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    this.memoryBudget.stop();
    for (const account of this.accounts.values()) account.close();
    await this.storage.close();
  }
}
