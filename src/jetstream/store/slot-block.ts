// Where the messages of one segment stand, and what must be known of them without reading: 12 bytes a message, 20 when the
// segment has several subjects. Slots are in the order of sequences; a dense block has one for every sequence of its range.
/** A slot's offset carries what has to be known to count its bytes. Segments are therefore below 256 MB. */
export const SlotFlag = {
  removed: 0x8000_0000,
  header: 0x4000_0000,
  expires: 0x2000_0000,
  never: 0x1000_0000,
} as const;
const OFFSET_MASK = 0x0fff_ffff;
export const MAX_OFFSET = OFFSET_MASK;

/** Which subjects: one by its number, those that are members (by number), or, without either, all. */
export interface Wanted {
  readonly id: number;
  readonly members: Uint8Array | undefined;
}

export const ALL: Wanted = { id: 0, members: undefined };

const FIRST_CAPACITY = 64;
/** Of a slot: its offset, and two for its time. */
const WORDS = 3;
const MAX_DELTA = 0xffff_ffff;

/** See the fields of a block. */
export interface SlotArrays {
  readonly offsets: Uint32Array;
  readonly seconds: Uint32Array;
  readonly nanoseconds: Uint32Array;
  readonly sequences: Uint32Array | undefined;
  readonly subjects: Uint32Array | undefined;
  readonly subject: number;
}

/** The slots of a segment; `home` is where the records are. */
export class SlotBlock<H> {
  readonly home: H;
  /** Sequence of the first slot. */
  first: number;
  count = 0;
  /** Where the next record will begin. */
  end: number;
  /** Undefined while all have `subject`. */
  subjects: Uint32Array | undefined;
  /** How far the next message of the same subject is; 0 when that is not known. */
  links: Uint32Array | undefined;
  subject = 0;
  /** Messages that are not removed, and their bytes in the segment. */
  live = 0;
  liveRecordBytes = 0;
  latestSeconds = 0;
  /** Undefined in a dense block; else each slot's distance from `first`. */
  private sequences: Uint32Array | undefined;
  private capacity: number;
  /**
   * The slots' offsets with their flags, and from `capacity` on their seconds and nanoseconds in pairs: in one array, as with many
   * streams whatever is touched for a message has to come from slower memory.
   */
  private words: Uint32Array;

  constructor(home: H, first: number, begin: number, capacity = FIRST_CAPACITY) {
    this.home = home;
    this.first = first;
    this.end = begin;
    this.capacity = capacity;
    this.words = new Uint32Array(WORDS * capacity);
  }

  /** A block as it was: its arrays of sequences and subjects are taken over. */
  static restored<H>(home: H, range: { first: number; end: number; count: number }, arrays: SlotArrays): SlotBlock<H> {
    const block = new SlotBlock(home, range.first, range.end, 0);
    const { count } = range;
    const words = new Uint32Array(WORDS * count);
    words.set(arrays.offsets);
    for (let slot = 0, at = count; slot < count; slot++) {
      const seconds = arrays.seconds[slot];
      words[at++] = seconds;
      words[at++] = arrays.nanoseconds[slot];
      if (seconds > block.latestSeconds) block.latestSeconds = seconds;
    }
    block.words = words;
    block.capacity = count;
    block.count = count;
    block.sequences = arrays.sequences;
    block.subjects = arrays.subjects;
    block.subject = arrays.subject;
    return block;
  }

  /** What `restored` makes a block of. */
  get arrays(): SlotArrays {
    const { count } = this;
    const seconds = new Uint32Array(count);
    const nanoseconds = new Uint32Array(count);
    for (let slot = 0; slot < count; slot++) {
      seconds[slot] = this.secondsAt(slot);
      nanoseconds[slot] = this.nanosecondsAt(slot);
    }
    return {
      offsets: this.words.subarray(0, count),
      seconds,
      nanoseconds,
      sequences: this.sequences?.subarray(0, count),
      subjects: this.subjects?.subarray(0, count),
      subject: this.subject,
    };
  }

  /** Sequence of the last slot; below `first` without slots. */
  get last(): number {
    return this.count === 0 ? this.first - 1 : this.sequenceAt(this.count - 1);
  }

  sequenceAt(slot: number): number {
    return this.first + (this.sequences === undefined ? slot : this.sequences[slot]);
  }

  /** -1 when the sequence has no slot. */
  slotOf(sequence: number): number {
    const at = this.lowerBound(sequence);
    return at < this.count && this.sequenceAt(at) === sequence ? at : -1;
  }

  /** The first slot at or after a sequence; `count` when there is none. */
  lowerBound(sequence: number): number {
    if (sequence <= this.first) return 0;
    if (this.sequences === undefined) return Math.min(this.count, sequence - this.first);
    let low = 0;
    let high = this.count;
    const distance = sequence - this.first;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sequences[middle] < distance) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isLive(slot: number): boolean {
    return this.words[slot] < SlotFlag.removed;
  }

  offsetAt(slot: number): number {
    return this.words[slot] & OFFSET_MASK;
  }

  /** The flags of a slot, but for whether it is removed. */
  flagsAt(slot: number): number {
    return this.words[slot] & ~OFFSET_MASK & ~SlotFlag.removed;
  }

  secondsAt(slot: number): number {
    return this.words[this.capacity + 2 * slot];
  }

  nanosecondsAt(slot: number): number {
    return this.words[this.capacity + 2 * slot + 1];
  }

  /** Bytes of the record. */
  bytesAt(slot: number): number {
    return (slot + 1 < this.count ? this.words[slot + 1] & OFFSET_MASK : this.end) - (this.words[slot] & OFFSET_MASK);
  }

  subjectAt(slot: number): number {
    return this.subjects === undefined ? this.subject : this.subjects[slot];
  }

  /** Whether a sequence can be added: not too far from the last one. */
  reaches(sequence: number, maxGap: number): boolean {
    return (
      this.count === 0 ||
      (this.sequences === undefined ? sequence - this.last <= maxGap : sequence - this.first <= MAX_DELTA)
    );
  }

  /** Makes the block one that has slots only for messages that are there; before any is added. */
  makeSparse(): void {
    this.sequences = new Uint32Array(this.capacity);
  }

  get isSparse(): boolean {
    return this.sequences !== undefined;
  }

  /** Adds the next message, `bytes` long. Sequences in between get slots that are removed. */
  add(sequence: number, seconds: number, nanoseconds: number, subject: number, flags: number, bytes: number): void {
    if (this.count === 0) {
      this.first = sequence;
      this.subject = subject;
    } else if (this.sequences === undefined) {
      this.fillTo(sequence);
    }
    const slot = this.count;
    if (slot === this.capacity) this.grow(Math.max(FIRST_CAPACITY, slot * 2));
    const { words } = this;
    const at = this.capacity + 2 * slot;
    words[slot] = this.end | flags;
    words[at] = seconds;
    words[at + 1] = nanoseconds;
    if (this.sequences !== undefined) this.sequences[slot] = sequence - this.first;
    if (this.subjects !== undefined) this.subjects[slot] = subject;
    else if (subject !== this.subject) this.splitSubjects(subject);
    if (seconds > this.latestSeconds) this.latestSeconds = seconds;
    this.count++;
    this.live++;
    this.liveRecordBytes += bytes;
    this.end += bytes;
  }

  /** Gives sequences below `sequence` that have no slot yet one that is removed, in a dense block. */
  fillTo(sequence: number): void {
    if (this.count === 0 || this.sequences !== undefined) return;
    for (let missing = this.last + 1; missing < sequence; missing++) this.addMissing();
  }

  /** Marks a message as removed, which is counted later. */
  mark(slot: number): void {
    this.words[slot] |= SlotFlag.removed;
  }

  /** Marks all messages as removed. */
  removeAll(): void {
    for (let slot = 0; slot < this.count; slot++) this.mark(slot);
    this.live = 0;
    this.liveRecordBytes = 0;
  }

  /** Marks a message as removed. */
  remove(slot: number): void {
    this.mark(slot);
    this.live--;
    this.liveRecordBytes -= this.bytesAt(slot);
  }

  /** Forgets the slots of all sequences above `sequence`. */
  cutAfter(sequence: number): void {
    const keep = this.lowerBound(sequence + 1);
    if (keep >= this.count) return;
    for (let slot = keep; slot < this.count; slot++) if (this.isLive(slot)) this.remove(slot);
    this.end = this.offsetAt(keep);
    this.count = keep;
  }

  /** The first slot from `slot` on that is not removed and of a subject that is wanted; -1 for none. */
  forward(slot: number, wanted: Wanted): number {
    const { words, subjects, count } = this;
    const { id, members } = wanted;
    if (subjects === undefined || (id === 0 && members === undefined)) {
      if (!this.allWanted(wanted)) return -1;
      for (let at = slot; at < count; at++) if (words[at] < SlotFlag.removed) return at;
    } else if (members === undefined) {
      for (let at = slot; at < count; at++) if (subjects[at] === id && words[at] < SlotFlag.removed) return at;
    } else {
      for (let at = slot; at < count; at++) if (members[subjects[at]] === 1 && words[at] < SlotFlag.removed) return at;
    }
    return -1;
  }

  /** The first slot from `slot` on that is not removed and has headers; -1 for none. */
  withHeaders(slot: number): number {
    const { words, count } = this;
    for (let at = slot; at < count; at++) {
      if ((words[at] & SlotFlag.header) !== 0 && words[at] < SlotFlag.removed) return at;
    }
    return -1;
  }

  /** As `forward`, downwards. */
  backward(slot: number, wanted: Wanted): number {
    const { words, subjects } = this;
    const { id, members } = wanted;
    if (subjects === undefined || (id === 0 && members === undefined)) {
      if (!this.allWanted(wanted)) return -1;
      for (let at = slot; at >= 0; at--) if (words[at] < SlotFlag.removed) return at;
    } else if (members === undefined) {
      for (let at = slot; at >= 0; at--) if (subjects[at] === id && words[at] < SlotFlag.removed) return at;
    } else {
      for (let at = slot; at >= 0; at--) if (members[subjects[at]] === 1 && words[at] < SlotFlag.removed) return at;
    }
    return -1;
  }

  /** How many from slot `from` up to, not including, `to` are not removed and wanted. */
  countWanted(from: number, to: number, wanted: Wanted): number {
    const { words, subjects } = this;
    const { id, members } = wanted;
    let found = 0;
    if (subjects === undefined || (id === 0 && members === undefined)) {
      if (!this.allWanted(wanted)) return 0;
      if (from === 0 && to === this.count) return this.live;
      for (let at = from; at < to; at++) if (words[at] < SlotFlag.removed) found++;
    } else if (members === undefined) {
      for (let at = from; at < to; at++) if (subjects[at] === id && words[at] < SlotFlag.removed) found++;
    } else {
      for (let at = from; at < to; at++) if (members[subjects[at]] === 1 && words[at] < SlotFlag.removed) found++;
    }
    return found;
  }

  /** Gives back the memory that no further slot will need. */
  trim(): void {
    if (this.capacity > this.count) this.grow(this.count);
  }

  /** Remembers that the next message of a slot's subject is `distance` further. */
  link(slot: number, distance: number): void {
    if (this.subjects === undefined) return;
    this.links ??= new Uint32Array(this.capacity);
    this.links[slot] = distance > MAX_DELTA ? 0 : distance;
  }

  private allWanted({ id, members }: Wanted): boolean {
    if (members !== undefined) return members[this.subject] === 1;
    return id === 0 || this.subject === id;
  }

  private addMissing(): void {
    const slot = this.count;
    if (slot === this.capacity) this.grow(Math.max(FIRST_CAPACITY, slot * 2));
    this.words[slot] = this.end | SlotFlag.removed;
    this.words[this.capacity + 2 * slot] = this.latestSeconds;
    if (this.subjects !== undefined) this.subjects[slot] = this.subject;
    this.count++;
  }

  private splitSubjects(subject: number): void {
    this.subjects = new Uint32Array(this.capacity).fill(this.subject, 0, this.count);
    this.subjects[this.count] = subject;
  }

  private grow(capacity: number): void {
    const before = this.capacity;
    this.capacity = Math.max(capacity, 1);
    const words = new Uint32Array(WORDS * this.capacity);
    words.set(this.words.subarray(0, this.count));
    words.set(this.words.subarray(before, before + 2 * this.count), this.capacity);
    this.words = words;
    const resized = (array: Uint32Array): Uint32Array => {
      const copy = new Uint32Array(this.capacity);
      copy.set(array.length > this.capacity ? array.subarray(0, this.capacity) : array);
      return copy;
    };
    if (this.subjects !== undefined) this.subjects = resized(this.subjects);
    if (this.links !== undefined) this.links = resized(this.links);
    if (this.sequences !== undefined) this.sequences = resized(this.sequences);
  }
}

/** Ranges of sequences that a block had and that are removed. */
export function removedIn<H>(block: SlotBlock<H>): [number, number][] {
  const ranges: [number, number][] = [];
  let open: [number, number] | undefined;
  for (let slot = 0; slot < block.count; slot++) {
    const sequence = block.sequenceAt(slot);
    if (block.isLive(slot)) open = undefined;
    else if (open !== undefined) open[1] = sequence;
    else {
      open = [sequence, sequence];
      ranges.push(open);
    }
  }
  return ranges;
}
