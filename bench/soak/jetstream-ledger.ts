// What a server has been asked and what it has confirmed, and so what must be in its streams after it was killed.
import { must } from "./drill.js";

/** A message as it was read. */
export interface Found {
  readonly subject: string;
  readonly payload: string;
  /** Of a message that was sourced: where it comes from. */
  readonly source?: string | undefined;
}

interface Sent {
  readonly payload: string;
  readonly subject: string;
  /** 0 until it was acknowledged. */
  sequence: number;
}

interface Removal {
  readonly hits: (sequence: number, subject: string) => boolean;
  confirmed: boolean;
}

/** Of one stream. Messages carry numbers: their payloads begin with `NUMBER:`. */
export class StreamLedger {
  readonly name: string;
  readonly sent = new Map<number, Sent>();
  /** Numbers by the sequences that were acknowledged. */
  readonly stored = new Map<number, number>();
  /** Messages whose end a consumer has asked for, and those where that was confirmed. */
  readonly asked = new Set<number>();
  readonly done = new Set<number>();
  highest = 0;
  checked = 0;
  #removals: Removal[] = [];
  #next = 1;

  constructor(name: string) {
    this.name = name;
  }

  /** A message to send. */
  next(subject: string, bytes: number): { number: number; payload: string } {
    const number = this.#next++;
    const payload = `${number}:`.padEnd(bytes, String(number % 10));
    this.sent.set(number, { payload, subject, sequence: 0 });
    return { number, payload };
  }

  /** What was sent and neither acknowledged nor found. */
  get open(): number[] {
    return [...this.sent].filter(([, { sequence }]) => sequence === 0).map(([number]) => number);
  }

  acknowledged(number: number, sequence: number): void {
    const sent = this.sent.get(number);
    if (sent === undefined) return;
    must(
      sent.sequence === 0 || sent.sequence === sequence,
      `${this.name}: message ${number} was acknowledged as ${sent.sequence}, then as ${sequence}`,
    );
    const other = this.stored.get(sequence);
    must(other === undefined || other === number, `${this.name}: sequence ${sequence} is of ${other} and of ${number}`);
    sent.sequence = sequence;
    this.stored.set(sequence, number);
    this.highest = Math.max(this.highest, sequence);
  }

  /** A removal that is asked for now; it counts as done when the returned function was called. */
  removing(hits: Removal["hits"]): () => void {
    const removal = { hits, confirmed: false };
    this.#removals.push(removal);
    return () => {
      removal.confirmed = true;
    };
  }

  /** Compares with everything that is in the stream, and takes it as what there is. With `endedAreGone` messages leave when a consumer is done with them. */
  check(found: ReadonlyMap<number, Found>, lastSequence: number, endedAreGone: boolean): void {
    const { name } = this;
    must(
      lastSequence >= this.highest,
      `${name}: the last sequence is ${lastSequence}, ${this.highest} was acknowledged`,
    );
    const lost: string[] = [];
    for (const [sequence, number] of this.stored) {
      const sent = this.sent.get(number) as Sent;
      const message = found.get(sequence);
      const hits = this.#removals.filter((removal) => removal.hits(sequence, sent.subject));
      const mustBeGone = hits.some(({ confirmed }) => confirmed) || (endedAreGone && this.done.has(number));
      const mayBeGone = mustBeGone || hits.length > 0 || (endedAreGone && this.asked.has(number));
      if (message === undefined) {
        if (!mayBeGone) lost.push(`${number} (${sequence})`);
        this.stored.delete(sequence);
        this.sent.delete(number);
        continue;
      }
      must(!mustBeGone, `${name}: message ${number} (${sequence}) was removed and is there again`);
      must(
        message.payload === sent.payload && message.subject === sent.subject,
        `${name}: ${sequence} is not as it was published: ${message.subject} ${message.payload.slice(0, 40)}`,
      );
      this.checked++;
    }
    must(
      lost.length === 0,
      `${name}: ${lost.length} messages were acknowledged and are not there: ${lost.slice(0, 10).join(", ")} ... ${lost.at(-1)}; ` +
        `there are ${found.size}, ${[...found.keys()][0]} to ${[...found.keys()].at(-1)} of ${lastSequence}`,
    );
    this.#removals = [];
    for (const [sequence, { payload, subject }] of found) {
      if (this.stored.has(sequence)) continue;
      const number = Number(payload.slice(0, payload.indexOf(":")));
      const sent = this.sent.get(number);
      must(sent !== undefined, `${name}: ${sequence} holds message ${number}, which was gone or never sent`);
      must(sent.sequence === 0, `${name}: message ${number} is there as ${sent.sequence} and as ${sequence}`);
      must(
        sent.payload === payload && sent.subject === subject,
        `${name}: ${sequence} is not as it was published: ${subject} ${payload.slice(0, 40)}`,
      );
      this.acknowledged(number, sequence);
    }
    this.highest = Math.max(this.highest, lastSequence);
  }

  /** A consumer got a message. */
  delivered(number: number, consumer: string): void {
    must(!this.done.has(number), `${consumer}: message ${number} came again after its double ack`);
  }

  /** The sequence that a consumer of everything must have acknowledged without gaps, by the confirmed acks. */
  floor(confirmed: ReadonlySet<number>): number {
    let floor = 0;
    for (const sequence of [...this.stored.keys()].sort((a, b) => a - b)) {
      if (!confirmed.has(sequence)) break;
      floor = sequence;
    }
    return floor;
  }

  /** Forgets what was sent and never came. */
  forget(number: number): void {
    this.sent.delete(number);
  }
}
