// What flows into a stream from another one of its account on this server: what is durable there, read from its store.
import type { Timer } from "../../runtime/clock.js";
import { ApiError } from "../errors.js";
import type { StoredMessage, SubjectFilter } from "../store/store.js";
import type { Stream } from "../streams/stream.js";
import { parseTime } from "../time.js";
import { Inflow } from "./inflow.js";

const MESSAGES_PER_TURN = 256;
const RETRY_MS = 1000;

export class LocalInflow extends Inflow {
  // Whether the origin is the same object as when it was read last.
  #isSame = false;
  #isMissing = false;
  #filter: { filter: SubjectFilter; of: Stream } | undefined;
  #scheduled = false;
  #timer: Timer | undefined;
  #busy = false;

  get origin(): Stream | undefined {
    return this.target.account.streams.get(this.config.name);
  }

  get lag(): number {
    const { origin } = this;
    // Nothing is known of an origin before it was heard of.
    const { next } = this.place;
    if (origin === undefined || next === undefined || this.activeMs === undefined) return 0;
    return origin.store.pending(next, this.#filterOf(origin));
  }

  override get fault(): object | undefined {
    return this.origin === undefined && this.#isMissing ? new ApiError("streamNotFound").toJSON() : super.fault;
  }

  wake(): void {
    if (this.#scheduled || this.#busy || this.stopped || this.place.next === undefined) return;
    this.#scheduled = true;
    this.target.account.js.server.runtime.clock.endOfTurn(this.#run);
  }

  protected hasRoom(): void {
    this.wake();
  }

  /** Another stream of the account has taken the origin's name, or it is there now, or gone. */
  originChanged(): void {
    this.#isSame = false;
    this.wake();
  }

  get start(): number {
    const { origin, config } = this;
    if (config.opt_start_seq > 0) return config.opt_start_seq;
    if (config.opt_start_time === undefined || origin === undefined) return 1;
    return this.#firstSince(origin, parseTime(config.opt_start_time) ?? 0n);
  }

  #firstSince({ store }: Stream, ns: bigint): number {
    return store.firstSince(ns) || store.state.lastSequence + 1;
  }

  #filterOf(origin: Stream): SubjectFilter | undefined {
    const patterns = this.patterns;
    if (patterns.length === 0) return undefined;
    if (this.#filter?.of !== origin) {
      this.#filter?.filter.release();
      this.#filter = { filter: origin.store.filter(patterns), of: origin };
    }
    return this.#filter.filter;
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    if (!this.stopped && !this.target.closed) this.#attempt(() => this.#read());
  };

  // Whatever goes wrong is told, and tried again.
  #attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#retry((error as Error).message);
    }
  }

  #read(): void {
    const { origin, target } = this;
    this.#isMissing = origin === undefined || origin.closed;
    if (origin === undefined || origin.closed) {
      if (!target.account.js.closing) this.stall("stream not found");
      return;
    }
    const { place } = this;
    const fault = place.recognise(origin.identity, origin.store.state.lastSequence);
    if (fault !== undefined) {
      this.#retry(fault);
      return;
    }
    const { sinceNs } = place;
    if (sinceNs !== undefined) place.next = this.#firstSince(origin, sinceNs);
    else if (!this.#isSame || place.isDoubtful) place.next = place.from;
    this.#isSame = true;
    this.activeMs ??= this.nowMs;
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      const sequence = origin.store.next(place.next ?? 1, this.#filterOf(origin));
      if (sequence === 0) {
        const missing = place.seesNothing();
        if (missing === undefined) this.flows();
        else this.#retry(missing);
        return;
      }
      if (!origin.durableEnd.includes(sequence, this)) return;
      const loaded = origin.store.load(sequence);
      if (loaded instanceof Promise) {
        this.#busy = true;
        loaded.then(
          (stored) => {
            this.#busy = false;
            if (this.stopped) return;
            this.#attempt(() => {
              if (this.#take(sequence, stored)) this.wake();
            });
          },
          (error: Error) => {
            this.#busy = false;
            if (!this.stopped) this.#retry(error.message);
          },
        );
        return;
      }
      if (!this.#take(sequence, loaded)) return;
    }
    this.wake();
  }

  // False when nothing may be taken now; it is tried again. Throws what the store does.
  #take(sequence: number, stored: StoredMessage | undefined): boolean {
    if (stored !== undefined) {
      const fault = this.place.see(stored);
      if (fault !== undefined) {
        this.#retry(fault);
        return false;
      }
      if (sequence > this.place.last) this.store(stored);
    }
    this.flows();
    this.place.next = sequence + 1;
    this.activeMs = this.nowMs;
    return true;
  }

  #retry(fault: string): void {
    this.stall(fault);
    this.#timer ??= this.target.account.js.after(RETRY_MS, () => {
      this.#timer = undefined;
      this.wake();
    });
  }

  override stop(): void {
    super.stop();
    this.#timer?.cancel();
    this.#filter?.filter.release();
    this.#filter = undefined;
  }
}
