// Flow control and heartbeats of a push consumer: how much may be on its way before the client has answered
// (conformance/jetstream, FACTS "Push, flow control").
import type { Message } from "../../accounts/message.js";
import { readHeaders } from "../../protocol/header-block.js";
import type { Timer } from "../../runtime/clock.js";
import { wireSubject } from "../names.js";
import { Header, headerNumber, statusBlock } from "../streams/publish-headers.js";
import { NS_PER_MS } from "../time.js";
import type { Consumer } from "./consumer.js";
import { Op } from "./consumer-state.js";

const NO_BYTES = Buffer.alloc(0);
const FIRST_WINDOW_BYTES = 2 * 1024 * 1024;
const LARGEST_WINDOW_BYTES = 32 * 1024 * 1024;

export class FlowControl {
  readonly #consumer: Consumer;
  #windowBytes = FIRST_WINDOW_BYTES;
  #outstandingBytes = 0;
  /** What was outstanding when the client was asked, and under which subject. */
  #asked: { subject: string; bytes: number } | undefined;
  #heartbeat: Timer | undefined;
  #sentMs = 0;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  configure(): void {
    if (!this.#consumer.config.flow_control) this.#asked = undefined;
  }

  get #base(): string {
    const { stream, name } = this.#consumer;
    return `$JS.FC.${stream.wireName}.${wireSubject(name)}`;
  }

  /** Where answers come in. */
  get subject(): string {
    return `${this.#base}.>`;
  }

  get #acksByFlow(): boolean {
    return this.#consumer.config.ack_policy === "flow_control";
  }

  // Whether as much waits for its acknowledgement as may.
  get #isFull(): boolean {
    const { config, state } = this.#consumer;
    return this.#acksByFlow && config.max_ack_pending > 0 && state.pending.size >= config.max_ack_pending;
  }

  /** Whether nothing more may be sent before the client has answered. */
  get isStalled(): boolean {
    if (this.#isFull) {
      if (this.#asked === undefined) this.#ask();
      return true;
    }
    const { config } = this.#consumer;
    return config.flow_control && this.#asked !== undefined && this.#outstandingBytes > this.#windowBytes;
  }

  /** So many bytes were sent. */
  sent(bytes: number): void {
    this.#sentMs = this.#consumer.stream.account.js.server.runtime.clock.monotonicMs();
    if (!this.#consumer.config.flow_control) return;
    this.#outstandingBytes += bytes;
    if (this.#asked === undefined && !this.#acksByFlow && this.#outstandingBytes > this.#windowBytes / 2) this.#ask();
  }

  #ask(): void {
    const { js, account } = this.#consumer.stream.account;
    const subject = `${this.#base}.${js.nuid().slice(0, 8)}`;
    this.#asked = { subject, bytes: this.#outstandingBytes };
    const deliver = wireSubject(this.#consumer.config.deliver_subject);
    js.send(account, deliver, NO_BYTES, statusBlock("100 FlowControl Request"), subject);
  }

  /** An answer of the client. */
  answered(message: Message): void {
    const consumer = this.#consumer;
    if (this.#acksByFlow && message.headerBytes > 0) this.#acknowledge(message);
    const asked = this.#asked;
    // One that acknowledges nothing makes no room: the next heartbeat asks again.
    if (asked !== undefined && message.subject === asked.subject && !this.#isFull) {
      this.#outstandingBytes = Math.max(0, this.#outstandingBytes - asked.bytes);
      this.#windowBytes = Math.min(LARGEST_WINDOW_BYTES, this.#windowBytes * 2);
      this.#asked = undefined;
    }
    consumer.wake();
  }

  #acknowledge(message: Message): void {
    const consumer = this.#consumer;
    const headers = readHeaders(message.headerText);
    const last = headerNumber(headers.get(Header.lastStream)?.[0]);
    const lastConsumer = headerNumber(headers.get(Header.lastConsumer)?.[0]);
    if (last === undefined || lastConsumer === undefined || last >= consumer.state.nextStream) return;
    const done = consumer.state.pending.upTo(last);
    consumer.apply(Op.ackAll, last, lastConsumer);
    consumer.lastAckedMs = consumer.stream.account.js.nowMs;
    for (const sequence of done) consumer.stream.acknowledged(sequence);
  }

  /** Sends heartbeats while nothing else is sent. */
  armHeartbeat(): void {
    const consumer = this.#consumer;
    const everyMs = Number(consumer.config.idle_heartbeat / NS_PER_MS);
    this.#heartbeat?.cancel();
    if (!consumer.isPush || everyMs <= 0) return;
    const { js } = consumer.stream.account;
    const { clock } = js.server.runtime;
    const beat = (): void => {
      if (consumer.closed) return;
      const sinceMs = clock.monotonicMs() - this.#sentMs;
      if (sinceMs >= everyMs) {
        if (consumer.isBound) this.#beat();
        this.#heartbeat = js.after(everyMs, beat);
      } else this.#heartbeat = js.after(Math.ceil(everyMs - sinceMs), beat);
    };
    this.#heartbeat = js.after(everyMs, beat);
  }

  #beat(): void {
    const { stream, state, config } = this.#consumer;
    const { js, account } = stream.account;
    const headers: [string, string | number][] = [
      [Header.lastConsumer, state.nextConsumer - 1],
      [Header.lastStream, state.nextStream - 1],
    ];
    if (this.#asked !== undefined) headers.push([Header.stalled, this.#asked.subject]);
    js.send(account, wireSubject(config.deliver_subject), NO_BYTES, statusBlock("100 Idle Heartbeat", headers));
    // Nothing else would ask for the last acknowledgements.
    if (this.#acksByFlow && this.#asked === undefined && state.pending.size > 0) this.#ask();
  }

  /** What was sent is forgotten. */
  reset(): void {
    this.#outstandingBytes = 0;
    this.#asked = undefined;
  }

  stop(): void {
    this.#heartbeat?.cancel();
  }
}
