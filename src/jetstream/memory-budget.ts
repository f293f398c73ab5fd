// The budget for the memory of the whole process (max_memory_process, docs/guides/jetstream.md): close to it publishers into streams
// are slowed, beyond it they are refused until there is room again. Everything else goes on.
import type { DeliveryTarget } from "../accounts/subscription.js";
import type { Timer } from "../runtime/clock.js";
import { ClientConnection } from "../server/clients/client.js";
import { stallMs } from "../server/clients/stall.js";
import type { Server } from "../server/server.js";
import { ApiError } from "./errors.js";

/** Share of the budget from which publishers are slowed, and below which refusing ends. */
const SLOW_SHARE = 0.9;
/** A reading of the memory counts for so long, and until this share of the budget came in. */
const READING_MS = 100;
const READING_SHARE = 1 / 256;
/** While messages are refused the memory is read this often, and what is no longer used is given back that often. */
const REFUSING_MS = 500;
const TRIM_MS = 2000;

export class MemoryBudget {
  readonly #server: Server;
  #limitBytes = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #trimmedMs = Number.NEGATIVE_INFINITY;
  #bytesSince = 0;
  #timer: Timer | undefined;
  #refused = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Bytes that the process may have; 0 or less: no limit. */
  set limitBytes(bytes: number) {
    this.#limitBytes = bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
    this.#readMs = Number.NEGATIVE_INFINITY;
    if (this.isRefusing) this.#look();
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** What the process has, read now. */
  get bytes(): number {
    return this.#server.runtime.process.memoryBytes();
  }

  get isLimited(): boolean {
    return this.#limitBytes !== Number.POSITIVE_INFINITY;
  }

  get isRefusing(): boolean {
    return this.#timer !== undefined;
  }

  /** Messages that were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Slows the publisher of a message down when there is little room left. */
  slow(source: DeliveryTarget | undefined): void {
    if (!this.isLimited || !(source instanceof ClientConnection)) return;
    const from = SLOW_SHARE * this.#limitBytes;
    if (this.#bytes < from) return;
    const fullness = Math.min(1, (this.#bytes - from) / (this.#limitBytes - from));
    this.#server.stalls.pause(source, stallMs(fullness));
  }

  /** Whether so many bytes more can be taken. Throws ApiError 10023. */
  check(bytes: number): void {
    if (!this.isLimited) return;
    this.#bytesSince += bytes;
    if (!this.isRefusing) {
      const nowMs = this.#server.runtime.clock.monotonicMs();
      const isOld = nowMs - this.#readMs >= READING_MS || this.#bytesSince >= READING_SHARE * this.#limitBytes;
      if (isOld) this.#look();
    }
    if (!this.isRefusing) return;
    this.#refused++;
    throw new ApiError("insufficientResources");
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #read(): void {
    const { clock, process } = this.#server.runtime;
    this.#bytes = process.memoryBytes();
    this.#readMs = clock.monotonicMs();
    this.#bytesSince = 0;
  }

  // What is no longer used counts until it is given back; nobody is refused for it.
  #trim(): void {
    const { clock, process } = this.#server.runtime;
    if (clock.monotonicMs() - this.#trimmedMs < TRIM_MS) return;
    process.trimMemory();
    this.#trimmedMs = clock.monotonicMs();
    this.#read();
  }

  #look(): void {
    this.#read();
    const enough = this.isRefusing ? SLOW_SHARE * this.#limitBytes : this.#limitBytes;
    if (this.#bytes >= enough) this.#trim();
    const isTooMuch = this.#bytes >= enough;
    if (isTooMuch !== this.isRefusing) this.#tell(isTooMuch);
    this.stop();
    if (isTooMuch) this.#timer = this.#server.runtime.clock.after(REFUSING_MS, () => this.#look());
  }

  #tell(isTooMuch: boolean): void {
    const { logger } = this.#server;
    const size = `${inMegabytes(this.#bytes)} MB of max_memory_process`;
    if (isTooMuch)
      logger.warn(`JetStream refuses messages: the process has ${size}, ${inMegabytes(this.#limitBytes)} MB`);
    else logger.info(`JetStream takes messages again: the process has ${size}`);
  }
}

const inMegabytes = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);
