// Deliveries that wait for their acknowledgements, in columns that ascend with the stream's sequences: most are delivered and
// acknowledged in that order, so that nothing is allocated or searched for one.

/** A message that was delivered and is not acknowledged, as it was when it was asked for. */
export interface Pending {
  /** The consumer's sequence of its first delivery. */
  readonly consumerSequence: number;
  /** When it was delivered last, in milliseconds since 1970. */
  readonly atMs: number;
}

const FIRST_CAPACITY = 64;
/** What stands instead of a consumer's sequence, which is from 1 on, where a message was acknowledged. */
const GONE = 0;

export class PendingAcks {
  /** How many there are. */
  size = 0;
  #sequences = new Float64Array(FIRST_CAPACITY);
  #consumerSequences = new Float64Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY);
  // The first that is not gone, and the end; of those between them some are gone.
  #head = 0;
  #tail = 0;

  has(sequence: number): boolean {
    return this.#find(sequence) >= 0;
  }

  get(sequence: number): Pending | undefined {
    const at = this.#find(sequence);
    return at < 0 ? undefined : this.#pendingAt(at);
  }

  /** The consumer's sequence of the first delivery; 0 when the message does not wait. */
  consumerSequenceOf(sequence: number): number {
    const at = this.#find(sequence);
    return at < 0 ? 0 : this.#consumerSequences[at];
  }

  /** The message was delivered at that time: it waits from now on, or still. */
  delivered(sequence: number, consumerSequence: number, atMs: number): void {
    if (this.size > 0 && sequence <= this.#sequences[this.#tail - 1]) {
      this.#deliveredBefore(sequence, consumerSequence, atMs);
      return;
    }
    if (this.size === 0) this.#head = this.#tail = 0;
    else if (this.#tail === this.#sequences.length) this.#makeRoom();
    this.#put(this.#tail++, sequence, consumerSequence, atMs);
    this.size++;
  }

  /** Its time counts from `atMs` on; nothing for a message that does not wait. */
  renew(sequence: number, atMs: number): void {
    const at = this.#find(sequence);
    if (at >= 0) this.#times[at] = atMs;
  }

  /** Whether it waited until now. */
  delete(sequence: number): boolean {
    const at = this.#find(sequence);
    if (at < 0) return false;
    this.#consumerSequences[at] = GONE;
    this.size--;
    if (at === this.#head) this.#skipGone();
    return true;
  }

  clear(): void {
    this.size = 0;
    this.#head = this.#tail = 0;
  }

  /** The first above this sequence; 0 for none. */
  after(sequence: number): number {
    for (let at = this.#firstFrom(sequence + 1); at < this.#tail; at++) {
      if (this.#consumerSequences[at] !== GONE) return this.#sequences[at];
    }
    return 0;
  }

  /** By ascending sequence; those that are deleted meanwhile are passed over, and nothing may be added. */
  *[Symbol.iterator](): Iterable<[sequence: number, Pending]> & Iterator<[number, Pending]> {
    for (let at = this.#head; at < this.#tail; at++) {
      if (this.#consumerSequences[at] !== GONE) yield [this.#sequences[at], this.#pendingAt(at)];
    }
  }

  /** The sequences up to `last`, ascending. */
  upTo(last: number): number[] {
    const found: number[] = [];
    for (let at = this.#head; at < this.#tail && this.#sequences[at] <= last; at++) {
      if (this.#consumerSequences[at] !== GONE) found.push(this.#sequences[at]);
    }
    return found;
  }

  #pendingAt(at: number): Pending {
    return { consumerSequence: this.#consumerSequences[at], atMs: this.#times[at] };
  }

  #put(at: number, sequence: number, consumerSequence: number, atMs: number): void {
    this.#sequences[at] = sequence;
    this.#consumerSequences[at] = consumerSequence;
    this.#times[at] = atMs;
  }

  #find(sequence: number): number {
    if (this.size === 0) return -1;
    const at = this.#firstFrom(sequence);
    const isThere = at < this.#tail && this.#sequences[at] === sequence && this.#consumerSequences[at] !== GONE;
    return isThere ? at : -1;
  }

  // Where the first stands that is not below this sequence.
  #firstFrom(sequence: number): number {
    const sequences = this.#sequences;
    let low = this.#head;
    let high = this.#tail;
    if (low === high || sequence <= sequences[low]) return low;
    // Sequences ascend, so it stands there where none is missing, and before it else.
    const latest = low + sequence - sequences[low];
    if (latest < high) {
      if (sequences[latest] === sequence) return latest;
      high = latest;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequences[middle] < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #skipGone(): void {
    while (this.#head < this.#tail && this.#consumerSequences[this.#head] === GONE) this.#head++;
  }

  // Delivered again, or after later ones, as when a consumer is restored.
  #deliveredBefore(sequence: number, consumerSequence: number, atMs: number): void {
    let at = this.#firstFrom(sequence);
    if (this.#sequences[at] === sequence) {
      this.#times[at] = atMs;
      if (this.#consumerSequences[at] !== GONE) return;
      this.#consumerSequences[at] = consumerSequence;
      this.size++;
      return;
    }
    if (this.#tail === this.#sequences.length) {
      this.#makeRoom();
      at = this.#firstFrom(sequence);
    }
    for (const column of this.#columns()) column.copyWithin(at + 1, at, this.#tail);
    this.#put(at, sequence, consumerSequence, atMs);
    this.#tail++;
    this.size++;
  }

  #columns(): readonly Float64Array[] {
    return [this.#sequences, this.#consumerSequences, this.#times];
  }

  // Those that are gone are left out; with many that wait the columns grow.
  #makeRoom(): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(2 * this.size + 1)));
    const [sequences, consumerSequences, times] = this.#columns();
    const tail = this.#tail;
    this.#sequences = new Float64Array(capacity);
    this.#consumerSequences = new Float64Array(capacity);
    this.#times = new Float64Array(capacity);
    let to = 0;
    for (let at = this.#head; at < tail; at++) {
      if (consumerSequences[at] !== GONE) this.#put(to++, sequences[at], consumerSequences[at], times[at]);
    }
    this.#head = 0;
    this.#tail = to;
  }
}
