// Message ids that a stream has seen within its window for duplicates.

import type { StoredTime } from "../store/store.js";
import { NS_PER_MS } from "../time.js";
import { Header, MessageHeaders } from "./publish-headers.js";
import type { Stream } from "./stream.js";

export interface Duplicate {
  readonly sequence: number;
  readonly atMs: number;
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

  /** Adds the ids of a stream's messages since a time. */
  async recover(stream: Stream, sinceNs: bigint): Promise<void> {
    this.#recoveries++;
    try {
      await this.#read(stream, sinceNs);
    } finally {
      this.#recoveries--;
    }
  }

  async #read(stream: Stream, sinceNs: bigint): Promise<void> {
    const { store } = stream;
    const { lastSequence } = store.state;
    const sinceMs = Number(sinceNs / NS_PER_MS);
    for (let at = store.firstSince(sinceNs); at !== 0 && at <= lastSequence; at = store.next(at + 1)) {
      const stored = await stream.read(at);
      if (stored === undefined || stored.headerBytes === 0) continue;
      const id = MessageHeaders.in(stored.header.toString("latin1")).get(Header.msgId);
      if (id !== undefined) this.add(id, at, stored, sinceMs);
    }
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
