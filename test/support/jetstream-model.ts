// Streams and consumers that are obviously right: lists that are gone through, in memory, with a time of its own.
import { subjectMatches } from "../../src/subjects/validity.js";

export interface StreamSettings {
  readonly storage: "file" | "memory";
  readonly retention: "limits" | "interest" | "workqueue";
  readonly discard: "old" | "new";
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxPerSubject: number;
  readonly maxAgeS: number;
  readonly ttl: boolean;
  readonly rollup: boolean;
}

export interface ConsumerSettings {
  readonly filter: string;
  readonly ackPolicy: "none" | "all" | "explicit";
  readonly maxDeliver: number;
  /** For the first delivery, the second and so on; the last stands for all that follow. */
  readonly ackWaitsS: readonly number[];
  /** Whether it delivers by itself. */
  readonly isPush: boolean;
}

export interface Publish {
  readonly subject: string;
  readonly payload: string;
  readonly id?: string;
  readonly expectedLast?: number;
  readonly expectedOfSubject?: number;
  readonly rollup?: "sub" | "all";
  readonly ttlS?: number;
  /** Of the header block as it is sent; 0 for none. */
  readonly headerBytes: number;
}

export interface ModelMessage {
  readonly subject: string;
  readonly payload: string;
  readonly bytes: number;
  readonly atS: number;
  readonly endsAtS: number;
}

export interface Delivery {
  readonly sequence: number;
  readonly count: number;
}

/** What a message counts beside its subject, headers and payload; and what it counts more if it has headers. */
const FRAME_BYTES = { file: 30, memory: 16 };
const HEADER_LENGTH_BYTES = { file: 4, memory: 0 };
export const DUPLICATE_WINDOW_S = 1000;

interface Pending {
  count: number;
  dueS: number;
  /** What a refusal with a delay has changed, is forgotten with the server. */
  dueAfterRestartS: number;
  ready: boolean;
}

export class ConsumerModel {
  readonly settings: ConsumerSettings;
  readonly pending = new Map<number, Pending>();
  /** How often those were delivered that reached max_deliver. */
  readonly givenUp = new Map<number, number>();
  /** Whether that has happened, even if they were acknowledged since. */
  hasGivenUp = false;
  next: number;

  constructor(settings: ConsumerSettings, next: number) {
    this.settings = settings;
    this.next = next;
  }

  wants(subject: string): boolean {
    return this.settings.filter === "" || subjectMatches(subject, this.settings.filter);
  }

  needs(sequence: number): boolean {
    return sequence >= this.next || this.pending.has(sequence);
  }

  /** The message was refused, or its time is over. */
  again(sequence: number): void {
    const pending = this.pending.get(sequence);
    if (pending === undefined || pending.ready) return;
    if (this.settings.maxDeliver > 0 && pending.count >= this.settings.maxDeliver) {
      this.pending.delete(sequence);
      this.givenUp.set(sequence, pending.count);
      this.hasGivenUp = true;
    } else pending.ready = true;
  }

  /** Not before so many seconds. */
  againIn(sequence: number, seconds: number, nowS: number): void {
    const pending = this.pending.get(sequence);
    if (pending !== undefined) pending.dueS = nowS + seconds;
  }

  passTo(nowS: number): void {
    for (const [sequence, { dueS }] of this.pending) if (dueS <= nowS) this.again(sequence);
  }

  delivered({ sequence, count }: Delivery, nowS: number): void {
    this.next = Math.max(this.next, sequence + 1);
    const { ackPolicy, ackWaitsS } = this.settings;
    if (ackPolicy === "none") return;
    const dueS = nowS + (ackWaitsS[Math.min(count, ackWaitsS.length) - 1] as number);
    this.pending.set(sequence, { count, dueS, dueAfterRestartS: dueS, ready: false });
  }

  /** Whether there was something to be done with. */
  done(sequence: number): boolean {
    const had = this.pending.delete(sequence) || (this.givenUp.get(sequence) ?? 0) > 1;
    if (had) this.givenUp.delete(sequence);
    return had;
  }
}

export class StreamModel {
  readonly messages = new Map<number, ModelMessage>();
  readonly consumers = new Map<string, ConsumerModel>();
  settings: StreamSettings;
  last = 0;
  readonly #ids = new Map<string, { readonly sequence: number; readonly atS: number }>();

  constructor(settings: StreamSettings) {
    this.settings = settings;
  }

  get sequences(): number[] {
    return [...this.messages.keys()].sort((a, b) => a - b);
  }

  get first(): number {
    return this.sequences[0] ?? this.last + 1;
  }

  get bytes(): number {
    return [...this.messages.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  of(pattern: string): number[] {
    return this.sequences.filter((one) => subjectMatches(this.messages.get(one)?.subject as string, pattern));
  }

  /** Stores a message, or says why not. */
  publish(publish: Publish, nowS: number): { error?: number; sequence?: number; duplicate?: boolean } {
    const { settings } = this;
    const { subject, payload, id, rollup, ttlS, headerBytes } = publish;
    const same = this.of(subject);
    if (ttlS !== undefined && !settings.ttl) return { error: 10166 };
    const lastOfSubject = same.at(-1) ?? 0;
    if (publish.expectedOfSubject !== undefined && publish.expectedOfSubject !== lastOfSubject) return { error: 10071 };
    if (publish.expectedLast !== undefined && publish.expectedLast !== this.last) return { error: 10071 };
    const known = id === undefined ? undefined : this.#ids.get(id);
    if (known !== undefined && known.atS + DUPLICATE_WINDOW_S > nowS) {
      return { sequence: known.sequence, duplicate: true };
    }
    if (rollup !== undefined && !settings.rollup) return { error: 10111 };
    const { storage } = settings;
    const headers = headerBytes > 0 ? headerBytes + HEADER_LENGTH_BYTES[storage] : 0;
    const bytes = FRAME_BYTES[storage] + subject.length + payload.length + headers;
    if (settings.discard === "new" && this.#isFullFor(bytes, same)) return { error: 10077 };
    const sequence = ++this.last;
    if (id !== undefined) this.#ids.set(id, { sequence, atS: nowS });
    const endsAtS = nowS + (ttlS ?? (settings.maxAgeS > 0 ? settings.maxAgeS : Number.POSITIVE_INFINITY));
    this.messages.set(sequence, { subject, payload, bytes, atS: nowS, endsAtS });
    if (rollup === "all") this.purge({ below: sequence });
    if (rollup === "sub") this.purge({ filter: subject, below: sequence });
    this.keepPerSubject();
    this.keepLimits();
    const isWanted = [...this.consumers.values()].some((consumer) => consumer.wants(subject));
    if (settings.retention === "interest" && !isWanted) this.messages.delete(sequence);
    return { sequence };
  }

  #isFullFor(bytes: number, same: readonly number[]): boolean {
    const { maxMessages, maxBytes, maxPerSubject } = this.settings;
    const replaces = maxPerSubject > 0 && same.length >= maxPerSubject;
    const freed = replaces ? (this.messages.get(same[0] as number)?.bytes ?? 0) : 0;
    if (maxMessages > 0 && this.messages.size >= maxMessages && !replaces) return true;
    return maxBytes > 0 && this.bytes + bytes - freed > maxBytes;
  }

  keepPerSubject(): void {
    const { maxPerSubject } = this.settings;
    if (maxPerSubject <= 0) return;
    for (const subject of new Set([...this.messages.values()].map((one) => one.subject))) {
      this.purge({ filter: subject, keep: maxPerSubject });
    }
  }

  /** Those of the stream as a whole. */
  keepLimits(): void {
    const { maxMessages, maxBytes } = this.settings;
    const isTooMuch = (): boolean =>
      (maxMessages > 0 && this.messages.size > maxMessages) || (maxBytes > 0 && this.bytes > maxBytes);
    while (this.messages.size > 0 && isTooMuch()) this.remove(this.first);
  }

  remove(sequence: number): boolean {
    if (!this.messages.delete(sequence)) return false;
    for (const { pending } of this.consumers.values()) pending.delete(sequence);
    return true;
  }

  purge({ filter = ">", below = Number.POSITIVE_INFINITY, keep = 0 }): number {
    const matching = this.of(filter).filter((one) => one < below);
    const gone = matching.slice(0, Math.max(0, matching.length - keep));
    for (const sequence of gone) this.remove(sequence);
    return gone.length;
  }

  passTo(nowS: number): void {
    for (const [sequence, { endsAtS }] of this.messages) if (endsAtS <= nowS) this.remove(sequence);
    for (const consumer of this.consumers.values()) consumer.passTo(nowS);
  }

  /** When, after now, something happens that changes what is delivered by itself. */
  nextEventS(nowS: number): number {
    const times = [...this.messages.values()].map(({ endsAtS }) => endsAtS);
    for (const { settings, pending } of this.consumers.values()) {
      if (settings.isPush) for (const { dueS, ready } of pending.values()) if (!ready) times.push(dueS);
    }
    return Math.min(...times.filter((one) => one > nowS));
  }

  /** Ids are those of the messages that are left, and refusals are forgotten. */
  restart(nowS: number): void {
    for (const [id, { sequence }] of this.#ids) if (!this.messages.has(sequence)) this.#ids.delete(id);
    for (const consumer of this.consumers.values()) {
      for (const pending of consumer.pending.values()) {
        pending.ready = false;
        pending.dueS = pending.dueAfterRestartS;
      }
      consumer.passTo(nowS);
    }
  }

  /** Whether a consumer may be there beside the others. */
  mayConsume({ filter, ackPolicy }: ConsumerSettings): boolean {
    if (this.settings.retention !== "workqueue") return true;
    if (ackPolicy !== "explicit") return false;
    const subjects = (one: string): string => (one === "" ? ">" : one);
    return [...this.consumers.values()].every(({ settings }) => {
      const [mine, other] = [subjects(filter), subjects(settings.filter)];
      return !subjectMatches(mine, other) && !subjectMatches(other, mine);
    });
  }

  addConsumer(name: string, settings: ConsumerSettings): void {
    this.consumers.set(name, new ConsumerModel(settings, this.first));
  }

  deleteConsumer(name: string): void {
    this.consumers.delete(name);
    if (this.settings.retention !== "interest") return;
    for (const sequence of this.sequences) if (!this.#isNeeded(sequence)) this.remove(sequence);
  }

  #isNeeded(sequence: number): boolean {
    const { subject = "" } = this.messages.get(sequence) ?? {};
    return [...this.consumers.values()].some((one) => one.wants(subject) && one.needs(sequence));
  }

  acknowledge(consumer: ConsumerModel, sequence: number): void {
    if (consumer.settings.ackPolicy !== "all") this.#end(consumer, sequence);
    else for (const one of [...consumer.pending.keys()]) if (one <= sequence) this.#end(consumer, one);
  }

  delivered(consumer: ConsumerModel, one: Delivery, nowS: number): void {
    consumer.delivered(one, nowS);
    if (consumer.settings.ackPolicy === "none") this.#drop(one.sequence);
  }

  #end(consumer: ConsumerModel, sequence: number): void {
    if (consumer.done(sequence)) this.#drop(sequence);
  }

  #drop(sequence: number): void {
    if (this.settings.retention === "limits") return;
    if (this.settings.retention === "workqueue" || !this.#isNeeded(sequence)) this.messages.delete(sequence);
  }

  /** Messages that a consumer has not delivered. */
  notDelivered(consumer: ConsumerModel): number[] {
    return this.sequences.filter(
      (one) => one >= consumer.next && consumer.wants(this.messages.get(one)?.subject as string),
    );
  }
}
