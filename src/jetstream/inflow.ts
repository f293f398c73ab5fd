// What flows into a stream from one origin: which messages, under which subjects, and how they are stored
// (conformance/jetstream, FACTS "Publish" has the headers).
import { Message } from "../accounts/message.js";
import { hashName } from "../server/server-hash.js";
import { SubjectTransform } from "../subjects/transform.js";
import { sourcedCounter } from "./counters.js";
import { wireSubject } from "./names.js";
import { ttlOf } from "./publish-checks.js";
import { appendHeaders, Header, MessageHeaders, withoutHeaders } from "./publish-headers.js";
import type { StoredMessage } from "./store/store.js";
import type { Stored, Stream } from "./stream.js";
import type { SourceConfig } from "./stream-config.js";
import { nsOf } from "./time.js";

const NOT_COPIED = /^Nats-Expected-/;
const NO_IDENTITY = "-";

/** A message of an origin. */
export type OriginMessage = Pick<
  StoredMessage,
  "sequence" | "seconds" | "nanoseconds" | "subject" | "header" | "payload"
>;

export abstract class Inflow {
  readonly target: Stream;
  readonly config: SourceConfig;
  readonly isMirror: boolean;
  /** The origin's sequence that comes next; undefined until it is known. */
  next: number | undefined;
  /** The last one that was taken. */
  last = 0;
  /** Monotonic time of the last message or of the first contact. */
  activeMs: number | undefined;
  /** Why nothing comes; undefined while all is well. */
  error: string | undefined;
  stopped = false;
  /** Tells one incarnation of the origin from the next. */
  identity = NO_IDENTITY;
  readonly #transforms: SubjectTransform[];

  constructor(target: Stream, config: SourceConfig, isMirror: boolean) {
    this.target = target;
    this.config = config;
    this.isMirror = isMirror;
    this.#transforms = (config.subject_transforms ?? []).map(({ src, dest }) =>
      SubjectTransform.compile(wireSubject(src), wireSubject(dest)),
    );
  }

  /** Where it begins, if nothing was taken before. */
  abstract get start(): number;
  /** How many messages of the origin are still to come. */
  abstract get lag(): number;
  /** Goes on. */
  abstract wake(): void;
  /** Another stream of the account has taken the origin's name, or it is there now, or gone. */
  abstract originChanged(): void;

  /** Subjects (latin1) that are wanted; none for all. */
  protected get patterns(): string[] {
    if (this.config.filter_subject !== "") return [wireSubject(this.config.filter_subject)];
    return (this.config.subject_transforms ?? []).map(({ src }) => wireSubject(src || ">"));
  }

  protected get nowMs(): number {
    return this.target.account.js.server.runtime.clock.monotonicMs();
  }

  stop(): void {
    this.stopped = true;
  }

  /** Stores a message. Throws what the store does, and ApiError 10023. */
  protected store(message: OriginMessage): Stored | undefined {
    const { memoryBudget } = this.target.account.js;
    if (memoryBudget.isLimited) memoryBudget.check(message.payload.length);
    const stored = this.isMirror ? this.#mirror(message) : this.#source(message);
    this.last = message.sequence;
    this.next = message.sequence + 1;
    this.activeMs = this.nowMs;
    return stored;
  }

  #subjectOf({ subject }: OriginMessage): string {
    for (const transform of this.#transforms) {
      const changed = transform.apply(subject, () => this.target.account.js.server.runtime.random.float());
      if (changed !== undefined) return changed;
    }
    return subject;
  }

  #mirror(stored: OriginMessage): Stored | undefined {
    const { target } = this;
    if (stored.sequence <= target.store.state.lastSequence) return undefined;
    const message = Message.of(this.#subjectOf(stored), "", stored.header, stored.payload);
    const headers = MessageHeaders.in(message.headerText);
    return target.keep(
      { message, headers, ttl: this.#ttlOf(headers), rollup: undefined },
      stored.sequence,
      nsOf(stored),
    );
  }

  #source(stored: OriginMessage): Stored {
    const { target, config } = this;
    const transforms = config.subject_transforms ?? [];
    const filters = this.patterns.join("\f") || ">";
    const destinations = transforms.map(({ dest }) => wireSubject(dest)).join("\f") || ">";
    const subject = this.#subjectOf(stored);
    const kept = withoutHeaders(
      stored.header.toString("latin1"),
      (name) => name === Header.streamSource || NOT_COPIED.test(name),
    );
    const value = `${sourceName(config)} ${stored.sequence} ${filters} ${destinations} ${stored.subject} ${this.identity}`;
    const block = Buffer.from(appendHeaders(kept, [[Header.streamSource, value]]), "latin1");
    let message: Message = Message.of(subject, "", block, stored.payload);
    const headers = MessageHeaders.in(message.headerText);
    if (target.config.allow_msg_counter && headers.get(Header.increment) !== undefined) {
      message = sourcedCounter(target, message, {
        stream: config.name,
        subject: Buffer.from(stored.subject, "latin1").toString("utf8"),
      });
    }
    const rollup = headers.get(Header.rollup)?.toLowerCase();
    return target.keep({
      message: target.transformed(message),
      headers,
      ttl: this.#ttlOf(headers),
      rollup: target.config.allow_rollup_hdrs && (rollup === "sub" || rollup === "all") ? rollup : undefined,
    });
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

  /** Why nothing comes, as the API tells it. */
  get fault(): object | undefined {
    return this.error === undefined ? undefined : { code: 500, err_code: 0, description: this.error };
  }

  describe(): object {
    const { config, activeMs, nowMs } = this;
    return {
      name: config.name,
      external: config.external,
      lag: this.lag,
      seq: this.isMirror ? undefined : this.last || undefined,
      active: activeMs === undefined ? -1 : Math.round((nowMs - activeMs) * 1e6),
      // Of a mirror once it has found its origin.
      filter_subject:
        (this.isMirror && activeMs === undefined) || config.filter_subject === "" ? undefined : config.filter_subject,
      subject_transforms: config.subject_transforms,
      error: this.fault,
    };
  }
}

/** The origin's name as it stands in the headers of what was sourced: two with the same name may be behind two APIs. */
export function sourceName({ name, external }: SourceConfig): string {
  return external?.api ? `${wireSubject(name)}:${hashName(external.api)}` : wireSubject(name);
}
