// The way from one simulated host to another: how long packets travel on it and whether they arrive.
import type { Timer } from "../clock.js";
import type { VirtualTime } from "./clock.js";
import type { SimulatedRandom } from "./random.js";

export interface LinkOptions {
  /** Time a packet travels one way, in milliseconds. */
  latencyMs: number;
  /** Up to this much more, at random for every packet, in milliseconds. */
  jitterMs: number;
  /** Shared by all connections of the link, one way; Infinity for no limit. */
  bytesPerSecond: number;
}

/** "silent": packets vanish and nobody is told. "cut": whoever dials hears EHOSTUNREACH. */
export type LinkState = "up" | "silent" | "cut";

/** A lost packet is sent again after at most this long once the way is free. */
const RETRANSMIT_MS = 200;
/** Packets that arrive so close may be read together; the first one waits for the others. */
const SAME_READ_MS = 2;

/** One direction between two hosts. */
export class Link {
  options: LinkOptions;
  state: LinkState = "up";
  private readonly random: SimulatedRandom;
  private freeAtMs = 0;

  constructor(options: LinkOptions, random: SimulatedRandom) {
    this.options = options;
    this.random = random;
  }

  /** When a packet of `bytes` that leaves at `nowMs` arrives. */
  arrivalMs(nowMs: number, bytes: number): number {
    const startMs = Math.max(nowMs, this.freeAtMs);
    this.freeAtMs = startMs + (bytes / this.options.bytesPerSecond) * 1000;
    return this.freeAtMs + this.options.latencyMs + this.random.float() * this.options.jitterMs;
  }

  /** How long until the sender of a lost packet tries again. */
  retransmitMs(): number {
    return this.random.float() * RETRANSMIT_MS;
  }
}

export type Packet =
  | { kind: "data"; data: Buffer }
  | { kind: "ack"; bytes: number }
  | { kind: "fin" }
  | { kind: "reset" };

/** One direction of one connection: packets in flight, which arrive in order, after the link's time, when they can. */
export class Flight {
  private readonly time: VirtualTime;
  private readonly link: Link;
  private readonly random: SimulatedRandom;
  private readonly passes: () => boolean;
  private readonly arrive: (packet: Packet) => void;
  private queue: { packet: Packet; atMs: number }[] = [];
  private timer: Timer | undefined;
  private stalled = false;

  /** `passes`: whether packets get through just now. */
  constructor(
    time: VirtualTime,
    link: Link,
    random: SimulatedRandom,
    passes: () => boolean,
    arrive: (packet: Packet) => void,
  ) {
    this.time = time;
    this.link = link;
    this.random = random;
    this.passes = passes;
    this.arrive = arrive;
  }

  send(packet: Packet): void {
    const last = this.queue[this.queue.length - 1];
    const bytes = packet.kind === "data" ? packet.data.length : 0;
    if (!this.passes()) this.stalled = true;
    const atMs = this.stalled ? 0 : Math.max(this.link.arrivalMs(this.time.sinceStartMs, bytes), last?.atMs ?? 0);
    // Receivers often find what was sent apart in one read, if it comes at nearly the same time.
    const isClose = last !== undefined && atMs - last.atMs < SAME_READ_MS;
    if (packet.kind === "data" && isClose && last.packet.kind === "data" && this.random.below(3) === 0) {
      last.packet = { kind: "data", data: Buffer.concat([last.packet.data, packet.data]) };
      last.atMs = atMs;
    } else if (packet.kind === "ack" && last?.packet.kind === "ack") {
      last.packet = { kind: "ack", bytes: last.packet.bytes + packet.bytes };
    } else this.queue.push({ packet, atMs });
    this.arm();
  }

  /** Looks anew whether packets get through; when they do again, those that did not are sent again. */
  linkChanged(): void {
    if (!this.passes()) this.stalled = true;
    else if (this.stalled) {
      this.stalled = false;
      let atMs = this.time.sinceStartMs + this.link.retransmitMs();
      for (const waiting of this.queue) {
        const bytes = waiting.packet.kind === "data" ? waiting.packet.data.length : 0;
        atMs = Math.max(atMs, this.link.arrivalMs(atMs, bytes));
        waiting.atMs = atMs;
      }
    }
    this.arm();
  }

  /** Loses everything that is in flight. */
  clear(): void {
    this.queue = [];
    this.timer?.cancel();
    this.timer = undefined;
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.queue.length === 0 || this.stalled) return;
    this.timer = this.time.after(this.queue[0].atMs - this.time.sinceStartMs, () => {
      this.timer = undefined;
      const { packet } = this.queue.shift()!;
      this.arrive(packet);
      if (this.timer === undefined) this.arm();
    });
  }
}
