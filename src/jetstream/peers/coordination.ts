// Which server decides on what belongs to none: of those that are online and know the others' streams, the one with the lowest
// name. It gives names away only while all that it sees follow it (docs/architecture.md, "One JetStream of many servers").
import type { JetStream } from "../jetstream.js";
import type { Peer } from "./peer.js";

/** A server that begins waits for the others: at least so long, and longer while it has met fewer than it has routes. */
const SETTLE_MS = 1500;
const SETTLE_ROUTES_MS = 5000;
/** Streams of servers that do not tell them are not waited for longer. */
const PATIENCE_MS = 10_000;
/** A server whose last word is older may have given this one up, or was given up by others; shorter than what makes it offline. */
export const LEASE_MS = 5000;

/** Who decides: this server, or another. */
export type Coordinator = "own" | Peer | undefined;

export class Coordination {
  readonly #js: JetStream;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #startedMs: number;
  /** Whether this server knows the streams of the others. */
  isReady = false;
  /** Who decides; undefined while nobody is ready. */
  coordinator: Coordinator;

  /** @param peers the other servers, by name */
  constructor(js: JetStream, peers: ReadonlyMap<string, Peer>) {
    this.#js = js;
    this.#peers = peers;
    this.#startedMs = this.#nowMs;
  }

  /** Times at which a server that has begun looks again, in milliseconds. */
  static readonly looksMs: readonly number[] = [SETTLE_MS, SETTLE_ROUTES_MS];

  get #nowMs(): number {
    return this.#js.server.runtime.clock.monotonicMs();
  }

  get #online(): Peer[] {
    return [...this.#peers.values()].filter(({ isOnline }) => isOnline);
  }

  /** The id of the server that decides. */
  get coordinatorId(): string | undefined {
    return this.coordinator === "own" ? this.#js.server.id : this.coordinator?.id;
  }

  /** Whether the streams of all servers that are online are known; one that does not tell them is not waited for without end. */
  get knowsAll(): boolean {
    const now = this.#nowMs;
    return this.#online.every((peer) => !peer.isUnknown || now - peer.metMs > PATIENCE_MS);
  }

  /** Whether this server may give names away: all that are online have spoken lately, have told their streams, and follow it. */
  get mayDecide(): boolean {
    const { id } = this.#js.server;
    const now = this.#nowMs;
    return (
      this.coordinator === "own" &&
      this.#online.every(
        (peer) => !peer.isUnknown && peer.introduction?.decides === id && now - peer.heardMs < LEASE_MS,
      )
    );
  }

  /** Whether what a server gives away counts here: it decides, has heard that this server is there, and has spoken lately. */
  follows(serverId: string): boolean {
    const { coordinator } = this;
    if (coordinator === undefined || this.coordinatorId !== serverId) return false;
    if (coordinator === "own") return this.mayDecide;
    return !coordinator.isUnknown && this.#nowMs - coordinator.heardMs < LEASE_MS;
  }

  /** Finds out whether this server is ready, and who decides. Returns true when one of them has changed. */
  look(): boolean {
    const wasReady = this.isReady;
    this.isReady ||= this.#hasSettled();
    let first: Coordinator = this.isReady ? "own" : undefined;
    let name = this.isReady ? this.#js.server.name : undefined;
    for (const peer of this.#peers.values()) {
      if (!peer.isReady || (name !== undefined && name < peer.name)) continue;
      first = peer;
      name = peer.name;
    }
    const isSame = first === this.coordinator && wasReady === this.isReady;
    this.coordinator = first;
    return !isSame;
  }

  #hasSettled(): boolean {
    const { cluster, gateway } = this.#js.server.options;
    const toMeet = (cluster?.routes.length ?? 0) + (gateway?.gateways.length ?? 0);
    const sinceMs = this.#nowMs - this.#startedMs;
    if (sinceMs < SETTLE_MS || (this.#peers.size < toMeet && sinceMs < SETTLE_ROUTES_MS)) return false;
    return sinceMs >= PATIENCE_MS || this.#online.every((peer) => !peer.isUnknown && this.#hasMetAllOf(peer));
  }

  #hasMetAllOf({ introduction }: Peer): boolean {
    const own = this.#js.server.name;
    return introduction?.others.every((name) => name === own || this.#peers.has(name)) ?? false;
  }
}
