// A simulated TCP connection: two ends that exchange packets. Writes are cut and joined at random, as streams of bytes are,
// and a chunk handed to an owner is overwritten when the call returns, so that whoever keeps one is found out.
import { platformError } from "../errors.js";
import { Inbox } from "../inbox.js";
import type { Transport, TransportHandler } from "../network.js";
import type { HostClock } from "./clock.js";
import type { Flight, Packet } from "./link.js";
import type { SimulatedRandom } from "./random.js";

/** What both operating systems hold for a connection: sent and not yet read by the other side's program. */
export const WINDOW_BYTES = 128 * 1024;

const LARGEST_PACKET_BYTES = 64 * 1024;
const POISON = 0x7e;

export interface Endpoint {
  address: string;
  port: number;
}

/**
 * Half of a connection. "open" until its program closes it or hears that it is gone; "closed" afterwards: the system
 * answers later data with a reset.
 */
export class ConnectionEnd implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly inProcess = false;
  private readonly random: SimulatedRandom;
  private readonly inbox: Inbox;
  private flight!: Flight;
  private unsent: Uint8Array[] = [];
  private unsentBytes = 0;
  private unreadBytes = 0;
  private drainOwed = false;
  private ending = false;
  private open = true;
  private readonly onClosed: () => void;

  constructor(clock: HostClock, random: SimulatedRandom, local: Endpoint, remote: Endpoint, onClosed: () => void) {
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.random = random;
    this.onClosed = onClosed;
    this.inbox = new Inbox(
      (run) => clock.endOfTurn(run),
      (bytes) => this.flight.send({ kind: "ack", bytes }),
    );
  }

  /** Says which way this end's packets go. */
  connect(flight: Flight): void {
    this.flight = flight;
  }

  get isOpen(): boolean {
    return this.open;
  }

  get bufferedBytes(): number {
    return this.unsentBytes;
  }

  start(handler: TransportHandler): void {
    this.inbox.start({
      onData: (chunk) => this.hand(handler, chunk),
      onDrain: () => handler.onDrain(),
      onEnd: () => handler.onEnd(),
      onClose: (error) => handler.onClose(error),
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.open || this.ending) return;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.unsent.push(chunk);
      this.unsentBytes += chunk.length;
    }
    this.pump();
    if (this.unsentBytes > 0) this.drainOwed = true;
  }

  pause(): void {
    this.inbox.pause();
  }

  resume(): void {
    this.inbox.resume();
  }

  end(): void {
    if (!this.open || this.ending) return;
    this.ending = true;
    this.pump();
  }

  destroy(): void {
    if (!this.open) return;
    this.flight.send({ kind: this.inbox.heldBytes > 0 ? "reset" : "fin" });
    this.shut();
    this.inbox.abort();
  }

  /** A packet of the other end has arrived. */
  receive(packet: Packet): void {
    if (!this.open) {
      if (packet.kind === "data") this.flight.send({ kind: "reset" });
      return;
    }
    if (packet.kind === "data") this.inbox.push(packet.data);
    else if (packet.kind === "ack") {
      this.unreadBytes -= packet.bytes;
      this.pump();
    } else if (packet.kind === "fin") this.inbox.end();
    else this.fail("ECONNRESET");
  }

  /** The program hears that the connection is gone; the other end hears nothing. */
  fail(code: string): void {
    if (!this.open) return;
    this.flight.clear();
    this.shut();
    this.inbox.abort(platformError(code, "read"));
  }

  /** The host has crashed: neither the program nor the other end hears anything. */
  vanish(): void {
    this.flight.clear();
    this.inbox.silence();
    if (this.open) this.shut();
  }

  /** The program is gone and hears nothing more; the system closes the connection for it. */
  orphan(): void {
    if (this.open) {
      this.flight.send({ kind: this.inbox.heldBytes > 0 ? "reset" : "fin" });
      this.shut();
    }
    this.inbox.silence();
  }

  /** The way to the other end was cut, healed, or its host came up or went down. */
  linkChanged(): void {
    this.flight.linkChanged();
  }

  private pump(): void {
    while (this.unsentBytes > 0 && this.unreadBytes < WINDOW_BYTES) {
      const data = this.takePacket(WINDOW_BYTES - this.unreadBytes);
      this.unreadBytes += data.length;
      this.flight.send({ kind: "data", data });
    }
    if (this.unsentBytes > 0) return;
    if (this.drainOwed) {
      this.drainOwed = false;
      this.inbox.drained();
    }
    if (this.ending) {
      this.flight.send({ kind: "fin" });
      this.shut();
      this.inbox.abort();
    }
  }

  // Only now is the data copied: an owner that changes a chunk too early sends the change, as with a real socket.
  private takePacket(roomBytes: number): Buffer {
    const packet = Buffer.alloc(Math.min(this.unsentBytes, roomBytes, this.packetBytes()));
    let filled = 0;
    while (filled < packet.length) {
      const chunk = this.unsent[0];
      const taken = chunk.subarray(0, packet.length - filled);
      packet.set(taken, filled);
      filled += taken.length;
      if (taken.length === chunk.length) this.unsent.shift();
      else this.unsent[0] = chunk.subarray(taken.length);
    }
    this.unsentBytes -= filled;
    return packet;
  }

  private packetBytes(): number {
    const fate = this.random.below(8);
    if (fate === 0) return 1 + this.random.below(16);
    if (fate < 4) return 1 + this.random.below(1460);
    return 1 + this.random.below(LARGEST_PACKET_BYTES);
  }

  private hand(handler: TransportHandler, data: Buffer): void {
    const before = this.random.below(8);
    const chunk = Buffer.alloc(before + data.length + this.random.below(8), POISON);
    chunk.set(data, before);
    try {
      handler.onData(chunk, before, before + data.length);
    } finally {
      chunk.fill(POISON);
    }
  }

  private shut(): void {
    this.open = false;
    this.unsent = [];
    this.unsentBytes = 0;
    this.onClosed();
  }
}
