// Message ids that a stream has seen within its window for duplicates.

import { firstHeader } from "../../protocol/header-block.js";
import { StoreError } from "../store/errors.js";
import type { StoredTime } from "../store/store.js";
import { NS_PER_MS } from "../time.js";
import { Header } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

export interface Duplicate {
  readonly sequence: number;
  readonly atMs: number;
}

/** What a recovery has still to read. */
interface Unread {
  readonly from: number;
  readonly lastSequence: number;
  readonly sinceNs: bigint;
}

export class DuplicateIds {
  // In the order of their times, so that only those that are too old are looked at.
  readonly #ids = new Map<string, Duplicate>();
  #lastId: string | undefined;
  #recoveries = 0;

  /** False while those of stored messages are being read. */
  get areKnown(): boolean {
    return this.#recoveries === 0;
  }

  /** Where the id was stored; undefined if it is not known or older than `sinceMs`. */
  find(id: string, sinceMs: number): number | undefined {
    this.#forgetBefore(sinceMs);
    return this.#ids.get(id)?.sequence;
  }

  /** Forgets those that are older than `sinceMs`, too: nobody may ever look for one. */
  add(id: string, sequence: number, { seconds, nanoseconds }: StoredTime, sinceMs: number): void {
    this.#forgetBefore(sinceMs);
    this.#ids.delete(id);
    this.#ids.set(id, { sequence, atMs: seconds * 1000 + Math.floor(nanoseconds / 1e6) });
    this.#lastId = id;
  }

  /**
   * Adds the ids of a stream's messages within its window. Resolves when all are known, or when a message cannot be read now: with
   * that it goes on later, and until then they are not known.
   */
  async recover(stream: Stream): Promise<void> {
    const { config, account, store } = stream;
    const { lastSequence, messages } = store.state;
    if (config.duplicate_window <= 0n || messages === 0) return;
    this.#recoveries++;
    const sinceNs = account.js.nowNs - config.duplicate_window;
    await this.#read(stream, { from: store.firstSince(sinceNs), lastSequence, sinceNs }, RETRY_MS);
  }

  async #read(stream: Stream, left: Unread, retryMs: number): Promise<void> {
    const { store, account } = stream;
    const sinceMs = Number(left.sinceNs / NS_PER_MS);
    const { from, lastSequence } = left;
    let at = from === 0 ? 0 : store.nextWithHeaders(from);
    for (; at !== 0 && at <= lastSequence && !stream.closed; at = store.nextWithHeaders(at + 1)) {
      try {
        const loaded = store.load(at);
        // Of what is in memory millions would wait a turn each.
        const stored = loaded instanceof Promise ? await loaded : loaded;
        if (stored === undefined) continue;
        const id = firstHeader(stored.header.toString("latin1"), Header.msgId);
        if (id !== undefined) this.add(id, at, stored, sinceMs);
      } catch (error) {
        const { code, message } = StoreError.of(error);
        account.js.server.logger.error(`stream ${stream.name}: the id of message ${at} cannot be read: ${message}`);
        // It is lost; the others may still be there.
        if (code === "STORE_DAMAGED") continue;
        const goOn = () => void this.#read(stream, { ...left, from: at }, Math.min(2 * retryMs, LONGEST_RETRY_MS));
        account.js.after(retryMs, goOn);
        return;
      }
    }
    this.#recoveries--;
  }

  /** The id that was added last, if it is of this sequence. */
  idOf(sequence: number): string | undefined {
    const lastId = this.#lastId;
    return lastId !== undefined && this.#ids.get(lastId)?.sequence === sequence ? lastId : undefined;
  }

  get size(): number {
    return this.#ids.size;
  }

  clear(): void {
    this.#ids.clear();
  }

  #forgetBefore(sinceMs: number): void {
    for (const [id, { atMs }] of this.#ids) {
      if (atMs > sinceMs) return;
      this.#ids.delete(id);
    }
  }
}
