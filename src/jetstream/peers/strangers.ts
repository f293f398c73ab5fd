// Servers with JetStream that are not natsnode: nats-servers, whose JetStream is another one. Known by what servers tell the
// system account of themselves.
import type { PeerSender } from "./peer-channel.js";

/** A server with JetStream that is natsnode has said so by then. */
const STRANGER_MS = 1200;
const FORGET_MS = 90_000;
const MOST_STRANGERS = 1000;

interface Stranger {
  readonly domain: string;
  readonly firstMs: number;
  lastMs: number;
}

/** All times are monotonic. */
export class Strangers {
  readonly #known = new Map<string, Stranger>();

  /** Whether some are there, for requests that reach them too: those to their domain, or to none. */
  answer(domain: string | undefined, nowMs: number): boolean {
    for (const one of this.#known.values()) {
      if (nowMs - one.firstMs >= STRANGER_MS && (domain === undefined || one.domain === domain)) return true;
    }
    return false;
  }

  /** A server tells that it has JetStream. Returns true for one that is new. */
  heard({ id, domain }: PeerSender, nowMs: number): boolean {
    const known = this.#known.get(id);
    if (known !== undefined) {
      known.lastMs = nowMs;
      return false;
    }
    if (this.#known.size >= MOST_STRANGERS) return false;
    this.#known.set(id, { domain, firstMs: nowMs, lastMs: nowMs });
    return true;
  }

  /** It has ended, or is a natsnode. */
  forget(serverId: string): void {
    this.#known.delete(serverId);
  }

  forgetSilent(nowMs: number): void {
    for (const [id, { lastMs }] of this.#known) if (nowMs - lastMs > FORGET_MS) this.#known.delete(id);
  }
}
