// What flows into a stream from one origin: which messages, under which subjects, and how they are stored.
import type { Message } from "../../accounts/message.js";
import { hashName } from "../../server/server-hash.js";
import { ApiError } from "../errors.js";
import type { OriginPosition } from "../meta.js";
import { sourcedCounter } from "../streams/counters.js";
import type { Stored } from "../streams/intake.js";
import { checkLimits, ttlOf } from "../streams/publish-checks.js";
import { Header, type MessageHeaders } from "../streams/publish-headers.js";
import type { Stream } from "../streams/stream.js";
import { sourceKey } from "../streams/stream-checks.js";
import type { SourceConfig } from "../streams/stream-config.js";
import { OriginCopy, type OriginMessage, sourcePatterns } from "./origin-copy.js";
import { NO_IDENTITY, OriginPlace, type PlaceOwner } from "./origin-place.js";
import { contentOf, countOf, type SourcedMessage } from "./sourced-message.js";

/** The error code of what a full stream refuses. */
const STREAM_FULL = 10077;

export abstract class Inflow implements PlaceOwner {
  readonly target: Stream;
  readonly config: SourceConfig;
  readonly isMirror: boolean;
  readonly place: OriginPlace;
  /** Monotonic time of the last message or of the first contact. */
  activeMs: number | undefined;
  /** Why nothing comes; undefined while all is well. */
  error: string | undefined;
  stopped = false;
  /** Where the last message stands in the stream; 0 when that is of no interest, as it is written down elsewhere. */
  #heldAt = 0;
  // What that message holds, of one that was found at the start.
  #content = "";
  // Why the target has no room, until something of it was removed.
  #roomFault: string | undefined;
  // Whether the log has the error.
  #isTold = false;
  readonly #copy: OriginCopy;

  constructor(target: Stream, config: SourceConfig, isMirror: boolean) {
    this.target = target;
    this.config = config;
    this.isMirror = isMirror;
    this.place = new OriginPlace(this);
    this.#copy = new OriginCopy(target.account.js.server.runtime.random, config);
  }

  /** What it is called where it is written down. */
  get key(): string {
    return sourceKey(this.config);
  }

  /** Where it begins, if nothing was taken before. */
  abstract get start(): number;
  /** How many messages of the origin are still to come. */
  abstract get lag(): number;
  /** Goes on. */
  abstract wake(): void;
  /** The target has room again. */
  protected abstract hasRoom(): void;

  /** Messages of the target were removed. */
  targetShrank(): void {
    if (this.#roomFault === undefined) return;
    this.#roomFault = undefined;
    this.hasRoom();
  }

  /** Subjects (latin1) that are wanted; none for all. */
  protected get patterns(): string[] {
    return sourcePatterns(this.config);
  }

  protected get nowMs(): number {
    return this.target.account.js.server.runtime.clock.monotonicMs();
  }

  stop(): void {
    this.stopped = true;
  }

  /** Nothing of the origin is wanted any more: what this server has made there goes. */
  leave(): void {}

  // ---------------------------------------------------------------- where it is

  /** Goes on behind what was taken before; undefined: nothing was. `held`: the message that tells so, if it does. */
  resume(position: OriginPosition | undefined, held?: SourcedMessage): void {
    this.place.resume(position);
    this.#heldAt = held?.at ?? 0;
    this.#content = held?.content ?? "";
  }

  looksTaken(message: OriginMessage): boolean {
    const { subject } = message;
    return this.#content === contentOf(message, subject) || this.#content === countOf(message, subject);
  }

  /** Writes down where it is. */
  writeDown(): void {
    const { target, key } = this;
    const { identity, last, next, time } = this.place;
    if (next === undefined || (identity === NO_IDENTITY && last === 0)) return;
    const at = target.store.state.lastSequence;
    try {
      target.inflows?.write(key, { identity, sequence: last, at, time });
      this.#heldAt = 0;
    } catch (error) {
      // What was taken since it was written down still tells.
      const { logger } = target.account.js.server;
      logger.warn(
        `stream ${target.name}: how far ${this.config.name} was read is not written: ${(error as Error).message}`,
      );
    }
  }

  /** Whether nothing but a message of the stream tells where it is. */
  get isHeld(): boolean {
    return this.#heldAt !== 0;
  }

  /** Whether that message has gone. */
  get isForgotten(): boolean {
    return this.isHeld && !this.target.store.has(this.#heldAt);
  }

  get mirroredNs(): bigint {
    return this.target.store.state.lastTimeNs;
  }

  placeChanged(): void {
    this.writeDown();
  }

  replaced(reason: string): void {
    this.shortened(reason);
    this.#advise("STREAM.INFLOW_RESTARTED", "stream_inflow_restarted", reason);
  }

  shortened(reason: string): void {
    this.#content = "";
    const { config, target } = this;
    target.account.js.server.logger.warn(`stream ${target.name}: source ${config.name}: ${reason}`);
  }

  /** What tells where it is cannot be read. */
  cannotBegin(reason: string): void {
    this.stall(reason);
  }

  /** Nothing comes: says so, once for each reason. */
  protected stall(reason: string): void {
    if (this.error === reason) return;
    this.error = reason;
    // Room may come and go with every message.
    if (reason === this.#roomFault) return;
    this.#isTold = true;
    const { config, target } = this;
    target.account.js.server.logger.warn(`stream ${target.name}: nothing comes from ${config.name}: ${reason}`);
    this.#advise("STREAM.INFLOW_STALLED", "stream_inflow_stalled", reason);
  }

  /** All is well. */
  protected flows(): void {
    this.error = undefined;
    if (!this.#isTold) return;
    this.#isTold = false;
    const { config, target } = this;
    target.account.js.server.logger.info(`stream ${target.name}: messages of ${config.name} come again`);
  }

  #advise(subject: string, type: string, reason: string): void {
    const { config, target } = this;
    const { account, name, wireName } = target;
    account.js.advise(account.account, `${subject}.${wireName}`, type, {
      stream: name,
      origin: config.name,
      external: config.external,
      reason,
    });
  }

  // ---------------------------------------------------------------- messages

  /** Stores a message. Throws what the store does, and ApiError 10023. */
  protected store(message: OriginMessage): Stored | undefined {
    const { memoryBudget } = this.target.account.js;
    if (memoryBudget.isLimited) memoryBudget.check(message.end - message.start - message.headerBytes);
    const stored = this.isMirror ? this.#mirror(message) : this.#source(message);
    this.place.taken(message.sequence, message);
    if (!this.isMirror && stored !== undefined) {
      this.#heldAt = stored.sequence;
      this.target.inflows?.stored(stored.sequence);
    }
    return stored;
  }

  #mirror(origin: OriginMessage): Stored | undefined {
    const { target } = this;
    if (origin.sequence <= target.store.state.lastSequence) return undefined;
    const headers = this.#copy.mirrored(origin);
    const { message } = this.#copy;
    this.#checkRoom(message);
    const intake = { message, headers, ttl: this.#ttlOf(headers), rollup: undefined, follows: true };
    return target.keep(intake, origin.sequence, origin);
  }

  #source(origin: OriginMessage): Stored {
    const { target, config } = this;
    const headers = this.#copy.sourced(origin, this.place.identity);
    let { message } = this.#copy;
    if (target.config.allow_msg_counter && headers.get(Header.increment) !== undefined) {
      message = sourcedCounter(target, message, {
        stream: config.name,
        subject: Buffer.from(origin.subject, "latin1").toString("utf8"),
      });
    }
    const rollup = headers.get(Header.rollup)?.toLowerCase();
    message = target.transformed(message);
    this.#checkRoom(message);
    return target.keep({
      message,
      headers,
      ttl: this.#ttlOf(headers),
      rollup: target.config.allow_rollup_hdrs && (rollup === "sub" || rollup === "all") ? rollup : undefined,
      follows: true,
    });
  }

  // As a published one the message is refused when the target is full. Throws what `checkLimits` does.
  #checkRoom(message: Message): void {
    try {
      checkLimits(this.target, message);
    } catch (error) {
      if (error instanceof ApiError && error.errCode === STREAM_FULL) this.#roomFault = error.message;
      throw error;
    }
  }

  #ttlOf(headers: MessageHeaders): { ns: bigint } | undefined {
    const text = headers.get(Header.ttl);
    const ns = text === undefined || !this.target.config.allow_msg_ttl ? undefined : ttlOf(text);
    return ns === undefined ? undefined : { ns };
  }

  /** How long ago the origin was heard of; -1 for never. */
  get activeSeconds(): number {
    return this.activeMs === undefined ? -1 : (this.nowMs - this.activeMs) / 1000;
  }

  /** Whether nothing comes because of an error. */
  get isStalled(): boolean {
    return this.error !== undefined;
  }

  /** Why nothing comes, or that the origin was replaced and has sent nothing yet, as the API tells it. */
  get fault(): object | undefined {
    const description = this.error ?? this.place.notice;
    return description === undefined ? undefined : { code: 500, err_code: 0, description };
  }

  describe(): object {
    const { config, activeMs, nowMs } = this;
    return {
      name: config.name,
      external: config.external,
      lag: this.lag,
      seq: this.isMirror ? undefined : this.place.last || undefined,
      active: activeMs === undefined ? -1 : Math.round((nowMs - activeMs) * 1e6),
      // Of a mirror once it has found its origin.
      filter_subject:
        (this.isMirror && activeMs === undefined) || config.filter_subject === "" ? undefined : config.filter_subject,
      subject_transforms: config.subject_transforms,
      error: this.fault,
    };
  }
}

/** What tells a stream from others of its name: by when it was made, as the API writes that. */
export function identityOf(created: string): string {
  return hashName(created);
}
