// Writes the entries of a consumer into its log: all of a turn of the loop are one record.
import { type ConsumerState, VALUE_BYTES, VALUES_OF } from "./consumer-state.js";
import type { EntryLog, Ticket } from "./store/store.js";

const FIRST_BYTES = 256;
/** A consumer that was busy once does not keep more. */
const KEPT_BYTES = 4096;
const LONGEST_RECORD_BYTES = 64 * 1024;
const LONGEST_ENTRY_BYTES = 5 * VALUE_BYTES;

export class ConsumerLog {
  readonly #log: EntryLog;
  #view = newView(FIRST_BYTES);
  #end = 0;
  #ticket: Ticket = 0;

  constructor(log: EntryLog) {
    this.#log = log;
  }

  /** Brings the state to where the log was left, and keeps its changes from then on. Whether there was anything. */
  recover(state: ConsumerState): boolean {
    const { snapshot, entries } = this.#log.recover();
    if (snapshot !== undefined) state.restore(snapshot);
    for (const entry of entries) state.replay(entry);
    this.#log.snapshotter = () => {
      // The state has what was gathered, so the log has to have it before.
      this.#flush();
      return state.encode();
    };
    return snapshot !== undefined || entries.length > 0;
  }

  /** Adds an entry, with what `ConsumerState.apply` takes; gives the ticket of its record. Throws StoreError as `EntryLog.append`. */
  add(op: number, sequence: number, consumerSequence: number, deliveries: number, atMs: number): Ticket {
    if (this.#end === 0) this.#ticket = this.#log.beforeEnd(this.#flush);
    else if (this.#end + LONGEST_ENTRY_BYTES > this.#view.byteLength) this.#makeRoom();
    const count = VALUES_OF[op];
    this.#put(op);
    this.#put(sequence);
    if (count > 1) this.#put(consumerSequence);
    if (count > 2) {
      this.#put(deliveries);
      this.#put(atMs);
    }
    return this.#ticket;
  }

  /** Forgets everything and its file. */
  delete(): Ticket {
    this.#end = 0;
    return this.#log.delete();
  }

  readonly #flush = (): void => {
    if (this.#end === 0) return;
    const entries = new Uint8Array(this.#view.buffer, 0, this.#end);
    this.#end = 0;
    this.#log.append(entries);
    if (this.#view.byteLength > KEPT_BYTES) this.#view = newView(FIRST_BYTES);
  };

  #put(value: number): void {
    this.#view.setFloat64(this.#end, value, true);
    this.#end += VALUE_BYTES;
  }

  #makeRoom(): void {
    if (this.#view.byteLength >= LONGEST_RECORD_BYTES) {
      this.#flush();
      this.#ticket = this.#log.beforeEnd(this.#flush);
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
