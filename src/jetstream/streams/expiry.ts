// When messages of a stream end: by its max_age or by their own TTL, and the delete markers that take the place of the last
// of a subject.
import { Message } from "../../accounts/message.js";
import { readHeaders } from "../../protocol/header-block.js";
import type { Timer } from "../../runtime/clock.js";
import { ceilMs, goDuration } from "../time.js";
import { appendHeaders, Header, MessageHeaders } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const EXPIRED_PER_TURN = 1000;
const NO_BYTES = Buffer.alloc(0);

export class Expiry {
  readonly #stream: Stream;
  #timer: Timer | undefined;
  #atMs = Number.POSITIVE_INFINITY;
  readonly #expiring = new Set<number>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Waits for the next message that ends, if there is one. */
  arm(): void {
    const { store, config } = this.#stream;
    if (store.unread !== undefined) return;
    const { js } = this.#stream.account;
    let atMs = store.nextExpiryMs > 0 ? store.nextExpiryMs : Number.POSITIVE_INFINITY;
    const { firstTimeNs } = store.state;
    if (config.max_age > 0n && firstTimeNs > 0n) atMs = Math.min(atMs, ceilMs(firstTimeNs + config.max_age));
    if (atMs >= this.#atMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#atMs = atMs;
    this.#timer = js.after(atMs - js.nowMs + 1, () => {
      this.#atMs = Number.POSITIVE_INFINITY;
      this.#expire();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /** A message was stored: only the first one of those that end by age changes anything. */
  stored(ttlMs: number): void {
    if (ttlMs > 0 || (this.#stream.config.max_age > 0n && this.#atMs === Number.POSITIVE_INFINITY)) this.arm();
  }

  #expire(): void {
    const stream = this.#stream;
    const { store, config } = stream;
    const { js } = stream.account;
    if (stream.closed) return;
    const ended = store.expired(js.nowMs, EXPIRED_PER_TURN);
    if (config.max_age > 0n) ended.push(...store.storedBefore(js.nowNs - config.max_age, EXPIRED_PER_TURN));
    const gone: number[] = [];
    for (const sequence of ended) {
      const subject = store.subjectAt(sequence);
      if (subject === undefined || stream.schedules?.isDue(subject, sequence)) continue;
      const isLast = config.subject_delete_marker_ttl > 0n && store.totalsOf(subject)?.lastSequence === sequence;
      if (isLast) void this.#expireLast(sequence, subject);
      else gone.push(sequence);
    }
    if (gone.length > 0) stream.removed(() => store.removeAll(gone));
    if (ended.length >= EXPIRED_PER_TURN && gone.length > 0) js.server.runtime.clock.endOfTurn(() => this.#expire());
    else this.arm();
  }

  // What is a marker itself leaves none.
  async #expireLast(sequence: number, subject: string): Promise<void> {
    const stream = this.#stream;
    const { store } = stream;
    if (this.#expiring.has(sequence)) return;
    this.#expiring.add(sequence);
    try {
      const stored = await stream.read(sequence);
      if (stream.closed || !store.has(sequence)) return;
      const isLast = store.totalsOf(subject)?.lastSequence === sequence;
      stream.removed(() => store.remove(sequence));
      const names = readHeaders(stored?.header.toString("latin1") ?? "");
      if (isLast && !names.has(Header.markerReason) && !names.has("KV-Operation")) this.#mark(subject);
    } finally {
      this.#expiring.delete(sequence);
      this.arm();
    }
  }

  // The last message of a subject has ended: a marker takes its place, for as long as the stream says.
  #mark(subject: string): void {
    const stream = this.#stream;
    const ttl = stream.config.subject_delete_marker_ttl;
    const block = appendHeaders("", [
      [Header.markerReason, "MaxAge"],
      [Header.ttl, goDuration(ttl)],
      [Header.rollup, "sub"],
    ]);
    const message = Message.of(subject, "", Buffer.from(block, "latin1"), NO_BYTES);
    try {
      stream.keep({ message, headers: MessageHeaders.none, ttl: { ns: ttl }, rollup: undefined });
    } catch (error) {
      stream.account.js.server.logger.warn(`stream ${stream.name}: no delete marker: ${(error as Error).message}`);
    }
  }
}
