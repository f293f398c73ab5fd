// Message ids that a stream has seen within its window for duplicates.

import { firstHeader } from "../../protocol/header-block.js";
import { StoreError } from "../store/errors.js";
import type { StoredTime } from "../store/store.js";
import { NS_PER_MS } from "../time.js";
import { Header } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/** The engine's maps take twice as many, and throw then. */
const MOST_OF_A_MAP = 2 ** 23;

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
  // In the order of their times, so that only those that are too old are looked at; the newest is in the last map that has it.
  readonly #maps = [new Map<string, Duplicate>()];
  readonly #mostOfAMap: number;
  #lastId: string | undefined;
  #recoveries = 0;

  constructor(mostOfAMap = MOST_OF_A_MAP) {
    this.#mostOfAMap = mostOfAMap;
  }

  /** False while those of stored messages are being read. */
  get areKnown(): boolean {
    return this.#recoveries === 0;
  }

  /** Where the id was stored; undefined if it is not known or older than `sinceMs`. */
  find(id: string, sinceMs: number): number | undefined {
    this.#forgetBefore(sinceMs);
    return this.#get(id)?.sequence;
  }

  /** Forgets those that are older than `sinceMs`, too: nobody may ever look for one. */
  add(id: string, sequence: number, { seconds, nanoseconds }: StoredTime, sinceMs: number): void {
    this.#forgetBefore(sinceMs);
    let last = this.#maps[this.#maps.length - 1];
    if (last.size >= this.#mostOfAMap) {
      last = new Map();
      this.#maps.push(last);
    }
    last.delete(id);
    last.set(id, { sequence, atMs: seconds * 1000 + Math.floor(nanoseconds / 1e6) });
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
    return lastId !== undefined && this.#get(lastId)?.sequence === sequence ? lastId : undefined;
  }

  get size(): number {
    return this.#maps.reduce((sum, { size }) => sum + size, 0);
  }

  clear(): void {
    this.#maps.length = 1;
    this.#maps[0].clear();
  }

  #get(id: string): Duplicate | undefined {
    for (let at = this.#maps.length - 1; at >= 0; at--) {
      const found = this.#maps[at].get(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #forgetBefore(sinceMs: number): void {
    for (const [id, { atMs }] of this.#maps[0]) {
      if (atMs > sinceMs) return;
      this.#maps[0].delete(id);
    }
    if (this.#maps.length === 1) return;
    this.#maps.shift();
    this.#forgetBefore(sinceMs);
  }
}
