// How far an origin was read, and whether the stream there is still the one that was read: by its identity, by where it ends,
// and by the message that was taken last.
import type { OriginPosition } from "../meta.js";
import type { StoredTime } from "../store/store.js";
import { nsOf } from "../time.js";
import type { OriginMessage } from "./origin-copy.js";

/** Of an origin that was not heard of. */
export const NO_IDENTITY = "-";
/** Stands for a stream that has not the messages that were mirrored. */
const NOT_THE_ORIGIN = "?";
const NO_TIME: StoredTime = { seconds: 0, nanoseconds: 0 };
const ANOTHER = "the origin is another stream than before";
/** How often an origin may end too early: a server that takes over knows of all messages a little later. */
const LOOKS_AT_THE_END = 5;

/** Whose place it is. */
export interface PlaceOwner {
  readonly isMirror: boolean;
  /** Where it begins, if nothing was taken before. */
  readonly start: number;
  /** When the message was stored that a mirror has last; 0n when that is not known. */
  readonly mirroredNs: bigint;
  /** Whether a message with the origin's sequence that was taken last is that one, as far as what it holds tells. */
  looksTaken(message: OriginMessage): boolean;
  /** The place is another one than before. */
  placeChanged(): void;
  /** The origin was made anew: a source begins with it. */
  replaced(reason: string): void;
  /** The origin has lost messages that were taken. */
  shortened(reason: string): void;
}

export class OriginPlace {
  /** Tells one incarnation of the origin from the next. */
  identity = NO_IDENTITY;
  /** The origin's sequence that was taken last; 0 for none. */
  last = 0;
  /** The one that comes next; undefined until it is known. */
  next: number | undefined;
  /** How often the origin was another stream than before. */
  replacements = 0;
  /** Says of an origin that it is another one, until something of it was taken. */
  notice: string | undefined;
  readonly #owner: PlaceOwner;
  // Of a mirror: the stream that is there now, if it shows that it has the last message, as one does that was restored.
  #candidate: string | undefined;
  // Of a source: the lowest end of the origin that was seen below `last`.
  #shortest: number | undefined;
  #earlyEnds = 0;
  // Of a source: the origin has another message where the last one was, as it lost its end and has gone on since.
  #isForked = false;
  // Of a source: when the origin had stored the message that was taken last, in seconds and nanoseconds; 0 where that is not known.
  #seconds = 0;
  #nanoseconds = 0;

  constructor(owner: PlaceOwner) {
    this.#owner = owner;
  }

  /** Goes on behind what was taken before; undefined: nothing was. */
  resume(position: OriginPosition | undefined): void {
    if (position !== undefined) {
      this.identity = position.identity;
      this.last = position.sequence;
      this.#seconds = position.time?.seconds ?? 0;
      this.#nanoseconds = position.time?.nanoseconds ?? 0;
    }
    this.next = this.last === 0 ? this.#owner.start : this.last + 1;
  }

  /** When the origin had stored the message that a source has taken last; undefined where that is not known. */
  get time(): StoredTime | undefined {
    return this.#seconds === 0 ? undefined : { seconds: this.#seconds, nanoseconds: this.#nanoseconds };
  }

  /** The incarnation that the origin must be. */
  get wanted(): string {
    return this.#candidate ?? this.identity;
  }

  /** Whether the message that was taken last must be seen once more. */
  get isDoubtful(): boolean {
    return this.#candidate !== undefined || this.#shortest !== undefined || this.#isForked;
  }

  /** Of an origin that lost its end and has gone on since: in nanoseconds, when the first message was stored at the earliest that is to come. */
  get sinceNs(): bigint | undefined {
    return this.#isForked && this.time !== undefined ? nsOf(this.time) + 1n : undefined;
  }

  /** Where to read on: the last message is seen once more, and the origin known again by its time. */
  get from(): number {
    const seesAgain = this.last > 0 && (this.#owner.isMirror || this.isDoubtful || this.time !== undefined);
    return seesAgain ? this.last : (this.next ?? 1);
  }

  /** A message was taken. */
  taken(sequence: number, time: StoredTime): void {
    this.last = sequence;
    this.next = sequence + 1;
    this.notice = undefined;
    this.#keepTime(time);
  }

  // ---------------------------------------------------------------- whether it is the same stream

  /**
   * Looks at what the origin is. One that was made anew has other messages under the same sequences: a source begins with
   * it, a mirror goes on only where it has the message that was mirrored last.
   * @param end the origin's last sequence
   * @returns why nothing may be taken
   */
  recognise(identity: string, end: number): string | undefined {
    const { isMirror, start } = this.#owner;
    const isKnown = this.identity !== NO_IDENTITY;
    const isAnother = isKnown ? this.identity !== identity : end < this.last;
    if (isMirror && isAnother && this.last > 0) {
      this.#candidate = identity;
      return end < this.last ? this.#another() : undefined;
    }
    this.#candidate = undefined;
    if (!isAnother && end < this.last) return this.#endsEarly(end);
    if (isKnown && !isAnother) return undefined;
    this.identity = identity;
    if (isAnother) this.#beginAnew();
    if (this.last === 0) this.next = start;
    this.#owner.placeChanged();
    return undefined;
  }

  /**
   * Looks at a message before it is taken.
   * @returns why nothing may be taken
   */
  see(message: OriginMessage): string | undefined {
    const { sequence } = message;
    if (sequence > this.last && !this.isDoubtful) return undefined;
    if (this.#owner.isMirror) return this.#seeMirrored(sequence, message);
    if (this.#isForked) return this.#seeBehindFork(message);
    if (sequence < this.last) return undefined;
    if (this.#shortest === undefined) return this.#seeLast(message);
    if (sequence > this.last || !this.#isTaken(message)) return this.#shorten(this.#shortest);
    this.#keepTime(message);
    this.#forgetEnds();
    return undefined;
  }

  #seeLast(message: OriginMessage): string | undefined {
    if (this.time === undefined || this.#isTaken(message)) return undefined;
    // Its clock was set back: when it lost its end is not known.
    if (nsOf(message) < nsOf(this.time)) return this.#shorten(this.last - 1);
    this.#isForked = true;
    return `the origin has another message at ${this.last} than the one that was taken of it`;
  }

  // What was stored later than the last one that was taken is new.
  #seeBehindFork(message: OriginMessage): undefined {
    if (nsOf(message) < (this.sinceNs ?? 0n)) return;
    if (message.sequence <= this.last) this.#shorten(message.sequence - 1);
    this.#isForked = false;
  }

  // Its time tells, to the nanosecond; of one that is known by its header only, what it holds.
  #isTaken(message: OriginMessage): boolean {
    if (this.#seconds === 0) return this.#owner.looksTaken(message);
    return this.#seconds === message.seconds && this.#nanoseconds === message.nanoseconds;
  }

  #keepTime({ seconds, nanoseconds }: StoredTime): void {
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
  }

  /** Nothing is there behind `from`. Returns why nothing may be taken. */
  seesNothing(): string | undefined {
    return this.#candidate === undefined ? undefined : this.#another();
  }

  #seeMirrored(sequence: number, time: StoredTime): string | undefined {
    if (sequence < this.last) return undefined;
    const { mirroredNs } = this.#owner;
    const differs = mirroredNs !== 0n && nsOf(time) !== mirroredNs;
    if (sequence > this.last || (this.#candidate !== undefined && mirroredNs === 0n)) return this.#another();
    const identity = differs ? NOT_THE_ORIGIN : this.wanted;
    this.#candidate = undefined;
    if (identity !== this.identity) {
      this.identity = identity;
      this.#owner.placeChanged();
    }
    if (differs) return this.#another();
    this.notice = undefined;
    return undefined;
  }

  #another(): string {
    if (this.notice === undefined) this.replacements++;
    this.notice = ANOTHER;
    return ANOTHER;
  }

  #beginAnew(): void {
    this.#forgetEnds();
    if (this.last > 0) {
      this.replacements++;
      this.notice = `${ANOTHER}; it is read from its beginning`;
      this.#owner.replaced(this.notice);
    }
    this.last = 0;
    this.#keepTime(NO_TIME);
  }

  // A power cut may have taken what was not durable yet, after it was sent.
  #endsEarly(end: number): string | undefined {
    const fault = `the origin ends at ${end}, before ${this.last}, which was taken of it`;
    if (this.#owner.isMirror) return fault;
    this.#shortest = Math.min(end, this.#shortest ?? end);
    if (++this.#earlyEnds < LOOKS_AT_THE_END) return fault;
    this.#shorten(this.#shortest);
    return undefined;
  }

  // What comes behind its shortest end is new.
  #shorten(end: number): string {
    const reason = `the origin was shortened to ${end}, before ${this.last}, which was taken of it`;
    this.#forgetEnds();
    this.last = end;
    this.#keepTime(NO_TIME);
    this.next = end === 0 ? this.#owner.start : end + 1;
    this.#owner.shortened(reason);
    this.#owner.placeChanged();
    return reason;
  }

  #forgetEnds(): void {
    this.#isForked = false;
    this.#shortest = undefined;
    this.#earlyEnds = 0;
  }
}
