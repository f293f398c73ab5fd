// Takes a snapshot of a stream: an archive of it, sent in chunks that the client acknowledges
// (conformance/jetstream, FACTS "Snapshot and restore").

import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { stringifyExact } from "../../protocol/json.js";
import { S2Writer } from "../../protocol/s2-writer.js";
import type { Timer } from "../../runtime/clock.js";
import type { Consumer } from "../consumers/consumer.js";
import { shownConsumer } from "../consumers/consumer-config.js";
import { streamState } from "../info.js";
import { statusBlock } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { NS_PER_MS, nsOf } from "../time.js";
import { archiveEnd, archiveHead, encodeRecord } from "./archive.js";

const NO_BYTES = Buffer.alloc(0);
/** Bytes that are compressed together. */
const BLOCK_BYTES = 256 * 1024;
/** Bytes on the way that the client has not acknowledged. */
const WINDOW_BYTES = 8 * 1024 * 1024;
/** A client that is silent for so long has gone. */
const PATIENCE_MS = 5_000;
const MESSAGES_PER_TURN = 256;

export interface SnapshotOptions {
  /** Latin1. */
  readonly deliverSubject: string;
  readonly chunkBytes: number;
  readonly withConsumers: boolean;
}

export class Snapshot implements DeliveryTarget {
  readonly echo = true;
  readonly #stream: Stream;
  readonly #options: SnapshotOptions;
  readonly #acks: string;
  readonly #subscription: Subscription;
  readonly #writer = new S2Writer("s2_fast");
  // What is not compressed yet, and what is not sent yet.
  #raw: Buffer[] = [];
  #rawBytes = 0;
  #ready: Uint8Array[] = [];
  #readyBytes = 0;
  #sent = 0;
  #acknowledged = 0;
  #goOn: (() => void) | undefined;
  #patience: Timer | undefined;

  constructor(stream: Stream, options: SnapshotOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#acks = `$JS.SNAPSHOT.ACK.${stream.wireName}.${stream.account.js.nuid()}`;
    this.#subscription = new Subscription(`${this.#acks}.>`, undefined, "", this);
  }

  /** Sends all of it; false when the client has gone. */
  async run(): Promise<boolean> {
    const { account } = this.#stream.account;
    account.subscribe(this.#subscription);
    try {
      if (!(await this.#sendAll())) return false;
      return this.#send(NO_BYTES, this.#sent > 0 ? statusBlock("204") : NO_BYTES);
    } finally {
      account.unsubscribe(this.#subscription);
      this.#patience?.cancel();
    }
  }

  /** An acknowledgement of a chunk. */
  deliver(_: Subscription, _message: Message): boolean {
    this.#acknowledged++;
    this.#goOn?.();
    return true;
  }

  async #sendAll(): Promise<boolean> {
    const stream = this.#stream;
    const { store, account } = stream;
    const now = account.js.nowNs;
    const named = (name: string, content: object): Buffer =>
      encodeRecord({
        name,
        timeNs: now,
        sequence: 0,
        header: NO_BYTES,
        content: Buffer.from(stringifyExact(content)),
      });
    this.#add(archiveHead());
    this.#add(named("state.json", streamState(stream)));
    if (this.#options.withConsumers) {
      for (const consumer of stream.consumers.values()) {
        if (consumer.config.direct) continue;
        this.#add(
          named(`consumers/${consumer.name}`, {
            config: shownConsumer(consumer.config, false),
            state: consumerStateJson(consumer),
          }),
        );
      }
    }
    const { lastSequence } = store.state;
    let inTurn = 0;
    for (let at = store.next(1); at !== 0 && at <= lastSequence; at = store.next(at + 1)) {
      const loaded = store.load(at);
      const stored = loaded instanceof Promise ? await loaded : loaded;
      if (stream.closed) return false;
      if (stored === undefined) continue;
      const { header, payload, subject } = stored;
      this.#add(encodeRecord({ name: subject, timeNs: nsOf(stored), sequence: at, header, content: payload }));
      if (this.#rawBytes < BLOCK_BYTES && ++inTurn < MESSAGES_PER_TURN) continue;
      inTurn = 0;
      if (this.#rawBytes >= BLOCK_BYTES) this.#compress();
      if (!(await this.#sendReady(false))) return false;
      await new Promise<void>((resolve) => account.js.server.runtime.clock.endOfTurn(resolve));
    }
    this.#add(archiveEnd());
    this.#compress();
    return this.#sendReady(true);
  }

  #add(bytes: Buffer): void {
    this.#raw.push(bytes);
    this.#rawBytes += bytes.length;
  }

  #compress(): void {
    for (const piece of this.#writer.frame(this.#raw)) {
      this.#ready.push(Buffer.from(piece));
      this.#readyBytes += piece.length;
    }
    this.#raw = [];
    this.#rawBytes = 0;
  }

  // Sends full chunks, and with `isLast` the rest. False when the client has gone.
  async #sendReady(isLast: boolean): Promise<boolean> {
    const { chunkBytes } = this.#options;
    if (this.#readyBytes < chunkBytes && !isLast) return true;
    let all = Buffer.concat(this.#ready);
    while (all.length >= chunkBytes) {
      if (!(await this.#hasRoom())) return false;
      this.#sent++;
      const reply = `${this.#acks}.${chunkBytes}.${this.#sent}`;
      if (!this.#send(all.subarray(0, chunkBytes), NO_BYTES, reply)) return false;
      all = all.subarray(chunkBytes);
    }
    if (isLast && all.length > 0) {
      this.#send(all, NO_BYTES);
      all = NO_BYTES;
    }
    this.#ready = [all];
    this.#readyBytes = all.length;
    return true;
  }

  #hasRoom(): Promise<boolean> {
    const { js } = this.#stream.account;
    const most = Math.max(1, Math.floor(WINDOW_BYTES / this.#options.chunkBytes));
    const isOpen = (): boolean => this.#sent - this.#acknowledged < most;
    if (isOpen()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (goesOn: boolean): void => {
        this.#goOn = undefined;
        this.#patience?.cancel();
        resolve(goesOn);
      };
      this.#patience = js.after(PATIENCE_MS, () => end(false));
      this.#goOn = () => {
        if (isOpen()) end(true);
      };
    });
  }

  #send(bytes: Uint8Array, headers: Uint8Array, reply = ""): boolean {
    const { js, account } = this.#stream.account;
    return js.send(account, this.#options.deliverSubject, bytes, headers, reply) > 0;
  }
}

// In the names that nats-server gives them.
function consumerStateJson({ state }: Consumer): object {
  const pending = new Map(
    [...state.pending].map(([sequence, { consumerSequence, atMs }]) => [
      String(sequence),
      { Sequence: consumerSequence, Timestamp: BigInt(Math.floor(atMs)) * NS_PER_MS },
    ]),
  );
  const redelivered = new Map([...state.deliveries].map(([sequence, times]) => [String(sequence), times - 1]));
  return {
    delivered: { consumer_seq: state.nextConsumer - 1, stream_seq: state.deliveredStream },
    ack_floor: { consumer_seq: state.floorConsumer, stream_seq: state.floorStream },
    pending: pending.size > 0 ? pending : undefined,
    redelivered: redelivered.size > 0 ? redelivered : undefined,
  };
}
