// What flows into a stream from another one of its account on this server: read from its store.
import { ApiError } from "./errors.js";
import { Inflow } from "./inflow.js";
import type { StoredMessage, SubjectFilter } from "./store/store.js";
import type { Stream } from "./stream.js";
import { parseTime } from "./time.js";

const MESSAGES_PER_TURN = 256;

export class LocalInflow extends Inflow {
  #originKey: string | undefined;
  #filter: { filter: SubjectFilter; of: Stream } | undefined;
  #scheduled = false;
  #busy = false;

  get origin(): Stream | undefined {
    return this.target.account.streams.get(this.config.name);
  }

  get lag(): number {
    const { origin } = this;
    // Nothing is known of an origin before it was heard of.
    if (origin === undefined || this.next === undefined || this.activeMs === undefined) return 0;
    return origin.store.pending(this.next, this.#filterOf(origin));
  }

  override get fault(): object | undefined {
    return this.origin === undefined ? new ApiError("streamNotFound").toJSON() : super.fault;
  }

  wake(): void {
    if (this.#scheduled || this.#busy || this.stopped || this.next === undefined) return;
    this.#scheduled = true;
    this.target.account.js.server.runtime.clock.endOfTurn(this.#run);
  }

  originChanged(): void {
    const key = this.origin?.key;
    if (this.#originKey !== undefined && key !== undefined && key !== this.#originKey) this.next = 1;
    if (key !== undefined) this.#originKey = key;
    this.wake();
  }

  get start(): number {
    const { origin, config } = this;
    if (config.opt_start_seq > 0) return config.opt_start_seq;
    if (config.opt_start_time === undefined || origin === undefined) return 1;
    return origin.store.firstSince(parseTime(config.opt_start_time) ?? 0n) || origin.store.state.lastSequence + 1;
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
    const { origin, target } = this;
    if (this.stopped || origin === undefined || target.closed || origin.closed) return;
    this.#originKey ??= origin.key;
    this.identity = origin.identity;
    this.activeMs ??= this.nowMs;
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      const sequence = origin.store.next(this.next ?? 1, this.#filterOf(origin));
      if (sequence === 0) return;
      const loaded = origin.store.load(sequence);
      if (loaded instanceof Promise) {
        this.#busy = true;
        loaded.then(
          (stored) => {
            this.#busy = false;
            if (!this.stopped) this.#take(sequence, stored);
            this.wake();
          },
          () => {
            this.#busy = false;
            target.account.js.after(1000, () => this.wake());
          },
        );
        return;
      }
      if (!this.#take(sequence, loaded)) return;
    }
    this.wake();
  };

  // False when the message could not be stored now; it is tried again.
  #take(sequence: number, stored: StoredMessage | undefined): boolean {
    const { target } = this;
    if (stored !== undefined) {
      try {
        this.store(stored);
      } catch (error) {
        const { message } = error as Error;
        if (this.error !== message) target.account.js.server.logger.warn(`stream ${target.name}: ${message}`);
        this.error = message;
        target.account.js.after(1000, () => this.wake());
        return false;
      }
      this.error = undefined;
    }
    this.next = sequence + 1;
    this.activeMs = this.nowMs;
    return true;
  }

  override stop(): void {
    super.stop();
    this.#filter?.filter.release();
    this.#filter = undefined;
  }
}
