// Writes the entries of a consumer into its log: all of a turn of the loop are one record. What nobody waits for gathers for
// longer, and deliveries and acknowledgements of messages that follow each other are one entry. When too many wait for the
// disk, the whole state is written instead of them, in its turn among those of all consumers.
import type { Clock, Timer } from "../../runtime/clock.js";
import { StoreError } from "../store/errors.js";
import { ALREADY_DURABLE, type EntryLog, type Ticket } from "../store/store.js";
import { type ConsumerState, Op, VALUE_BYTES, VALUES_OF } from "./consumer-state.js";
import { LostDeliveries } from "./lost-deliveries.js";
import { type WaitingState, WholeStates } from "./whole-states.js";

const FIRST_BYTES = 256;
/** A consumer that was busy once does not keep more; nor does one that waits for the disk, as all of them may. */
const KEPT_BYTES = 4096;
const LONGEST_RECORD_BYTES = 64 * 1024;
const LONGEST_ENTRY_BYTES = 5 * VALUE_BYTES;
/** So long plain deliveries and acknowledgements may gather, in milliseconds: a killed server forgets no more of them. */
const GATHERING_MS = 20;
/** While the disk takes nothing it is asked again so often. */
const RETRY_MS = 250;
// Where the values of an entry stand behind its operation.
const SECOND = 2 * VALUE_BYTES;
const THIRD = 3 * VALUE_BYTES;
const FOURTH = 4 * VALUE_BYTES;

export class ConsumerLog implements WaitingState {
  readonly #log: EntryLog;
  readonly #clock: Clock;
  readonly #state: ConsumerState;
  readonly #states: WholeStates;
  // Those who want to know the ticket of the state that waits for its turn.
  #waiters: ((ticket: Ticket) => void)[] = [];
  #view = newView(FIRST_BYTES);
  #end = 0;
  // Of the record that what was gathered is part of, once it is; else of the last one.
  #ticket: Ticket = ALREADY_DURABLE;
  #isCommitted = false;
  // The disk has taken nothing the last time.
  #isWaiting = false;
  // What is to be written is the state, whatever was gathered.
  #isWhole = false;
  #isClosed = false;
  // Of the state that was written last.
  #lastBytes = 0;
  #timer: Timer | undefined;
  // Where the last entry stands, if it may become longer, and what follows it then.
  #open = -1;
  #openOp = 0;
  #nextSequence = 0;
  #nextConsumer = 0;
  #openMs = 0;

  /**
   * @param state what is gathered was applied to it before
   * @param states default: one of its own
   */
  constructor(log: EntryLog, clock: Clock, state: ConsumerState, states = new WholeStates(clock)) {
    this.#log = log;
    this.#clock = clock;
    this.#state = state;
    this.#states = states;
  }

  /** Whether what the disk has of it cannot be read now. */
  get isUnread(): boolean {
    return this.#log.unread !== undefined;
  }

  /**
   * Brings the state to where the log was left, and keeps its changes from then on. Gives what is not known, if something is
   * missing; undefined when there was nothing.
   */
  recover(): LostDeliveries | undefined {
    const state = this.#state;
    const { snapshot, entries, gaps } = this.#log.recover();
    if (snapshot !== undefined) state.restore(snapshot);
    const lost = new LostDeliveries(state);
    for (const [at, entry] of entries.entries()) {
      if (gaps.includes(at)) lost.missing();
      state.replay(entry, lost.see);
    }
    this.#log.snapshotter = () => {
      // The state has what was gathered, so the log has to have it before.
      this.#flush();
      return state.encode();
    };
    return snapshot === undefined && entries.length === 0 ? undefined : lost;
  }

  /**
   * Takes an entry that was applied, with what `ConsumerState.apply` takes: it becomes part of a record with the next
   * `commit`, or some milliseconds later. Nothing is taken any more after the end.
   */
  gather(op: number, sequence: number, consumerSequence: number, deliveries: number, atMs: number): void {
    if (this.#isClosed) return;
    if (op === Op.reset) this.#writeTwice(op, sequence);
    else if (!this.#isWhole) this.#put(op, sequence, consumerSequence, deliveries, atMs);
    if (!this.#isCommitted) this.#timer ??= this.#clock.after(GATHERING_MS, this.commitWhenPossible);
  }

  // All later entries depend on where it began: one bad byte must not cost that.
  #writeTwice(op: number, sequence: number): void {
    for (let copies = 2; copies > 0; copies--) {
      this.writeNow();
      if (!this.#isWhole) this.#put(op, sequence, 0, 0, 0);
    }
  }

  /** Makes what was gathered part of this turn's record. Gives the ticket of all that was added. Throws StoreError as `EntryLog.append`. */
  commit(): Ticket {
    if (this.#isClosed) throw new StoreError("STORE_CLOSED", "the log of a consumer has ended");
    if (this.#isEmpty || this.#isCommitted) return this.#ticket;
    try {
      this.#ticket = this.#log.beforeEnd(this.#flush);
    } catch (error) {
      this.#mustWait();
      throw error;
    }
    this.#isWaiting = false;
    this.#isCommitted = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    return this.#ticket;
  }

  /** `commit` where the ticket may be known a little later. Calls back with it, never when the disk fails meanwhile. Throws as `commit`. */
  committed(done: (ticket: Ticket) => void): void {
    if (!this.#isWhole || this.#isCommitted || this.#isClosed) {
      done(this.commit());
      return;
    }
    this.#waiters.push(done);
    this.#states.add(this);
  }

  /** See `WaitingState`. */
  writeWhole(): number {
    if (this.#isClosed || !this.#isWhole) return 0;
    this.writeNow();
    if (this.#isWhole) this.#timer ??= this.#clock.after(RETRY_MS, this.commitWhenPossible);
    return this.#lastBytes;
  }

  /** `commit`; while the disk takes nothing, as soon as it does. */
  readonly commitWhenPossible = (): void => {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#isWhole && !this.#isCommitted) {
      this.#states.add(this);
      return;
    }
    try {
      this.commit();
    } catch {
      // Everybody was told of that by the storage.
      this.#timer = this.#clock.after(RETRY_MS, this.commitWhenPossible);
    }
  };

  /** Makes a record of what was gathered, if that is possible, before the turn ends. */
  writeNow(): void {
    try {
      this.#flush();
    } catch {
      this.#mustWait();
    }
  }

  /** Commits, if that is possible, and takes nothing any more. */
  close(): void {
    if (this.#isWhole) this.writeNow();
    this.commitWhenPossible();
    this.#stop();
  }

  /** Forgets everything and its file. */
  delete(): Ticket {
    this.#forget();
    this.#stop();
    return this.#log.delete();
  }

  #stop(): void {
    this.#isClosed = true;
    this.#waiters = [];
    this.#states.remove(this);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #isEmpty(): boolean {
    return this.#end === 0 && !this.#isWhole;
  }

  readonly #flush = (): void => {
    this.#isCommitted = false;
    if (this.#isEmpty) return;
    if (this.#isWhole) this.#writeState();
    else this.#ticket = this.#log.append(new Uint8Array(this.#view.buffer, 0, this.#end));
    this.#isWaiting = false;
    this.#forget();
    if (this.#view.byteLength > KEPT_BYTES) this.#view = newView(FIRST_BYTES);
  };

  #writeState(): void {
    this.#lastBytes = 0;
    for (const part of this.#state.parts()) {
      this.#ticket = this.#log.append(part);
      this.#lastBytes += part.length;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const done of waiters) done(this.#ticket);
  }

  #forget(): void {
    this.#end = 0;
    this.#open = -1;
    this.#isWhole = false;
  }

  // The disk takes nothing: the state, which is there anyway, stands for more than a few entries.
  #mustWait(): void {
    this.#isWaiting = true;
    if (this.#end + LONGEST_ENTRY_BYTES <= KEPT_BYTES) return;
    this.#forget();
    this.#isWhole = true;
    this.#view = newView(FIRST_BYTES);
  }

  #put(op: number, sequence: number, consumerSequence: number, deliveries: number, atMs: number): void {
    if (op === Op.deliver && deliveries === 1) {
      if (this.#continues(Op.deliverRange, sequence, consumerSequence, atMs)) {
        const at = this.#open + THIRD;
        this.#view.setFloat64(at, this.#view.getFloat64(at, true) + 1, true);
        return;
      }
      this.#write(Op.deliverRange, sequence, consumerSequence, 1, atMs);
      this.#follow(Op.deliverRange, sequence, consumerSequence, atMs);
    } else if (op === Op.ack) {
      if (this.#continues(Op.ackRange, sequence, 0, 0)) {
        this.#view.setFloat64(this.#open + SECOND, sequence, true);
        return;
      }
      this.#write(Op.ackRange, sequence, sequence, 0, 0);
      this.#follow(Op.ackRange, sequence, 0, 0);
    } else {
      this.#write(op, sequence, consumerSequence, deliveries, atMs);
      this.#open = -1;
    }
  }

  // Whether the last entry can be made one longer.
  #continues(op: number, sequence: number, consumerSequence: number, atMs: number): boolean {
    if (this.#open < 0 || this.#openOp !== op || this.#nextSequence !== sequence) return false;
    if (op === Op.deliverRange && (this.#nextConsumer !== consumerSequence || this.#openMs !== atMs)) return false;
    this.#nextSequence++;
    this.#nextConsumer++;
    return true;
  }

  #follow(op: number, sequence: number, consumerSequence: number, atMs: number): void {
    this.#openOp = op;
    this.#nextSequence = sequence + 1;
    this.#nextConsumer = consumerSequence + 1;
    this.#openMs = atMs;
  }

  #write(op: number, sequence: number, consumerSequence: number, deliveries: number, atMs: number): void {
    if (this.#end + LONGEST_ENTRY_BYTES > this.#view.byteLength) this.#makeRoom();
    // What came before it is written as a state that has it, too.
    if (this.#isWhole) return;
    const at = this.#end;
    const count = VALUES_OF[op];
    this.#open = at;
    this.#view.setFloat64(at, op, true);
    this.#view.setFloat64(at + VALUE_BYTES, sequence, true);
    if (count > 1) this.#view.setFloat64(at + SECOND, consumerSequence, true);
    if (count > 2) {
      this.#view.setFloat64(at + THIRD, deliveries, true);
      this.#view.setFloat64(at + FOURTH, atMs, true);
    }
    this.#end = at + (1 + count) * VALUE_BYTES;
  }

  #makeRoom(): void {
    if (this.#view.byteLength >= (this.#isWaiting ? KEPT_BYTES : LONGEST_RECORD_BYTES)) {
      this.writeNow();
      return;
    }
    const larger = newView(2 * this.#view.byteLength);
    new Uint8Array(larger.buffer).set(new Uint8Array(this.#view.buffer));
    this.#view = larger;
  }
}

function newView(bytes: number): DataView<ArrayBuffer> {
  return new DataView(new ArrayBuffer(bytes));
}
