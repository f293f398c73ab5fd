// What flows into a stream from others of its account: the origin that it mirrors, or its sources
// (conformance/jetstream, FACTS "Publish" has the headers).
import { Message } from "../accounts/message.js";
import { readHeaders } from "../protocol/header-block.js";
import { SubjectTransform } from "../subjects/transform.js";
import { sourcedCounter } from "./counters.js";
import { wireSubject } from "./names.js";
import { ttlOf } from "./publish-checks.js";
import { appendHeaders, Header, MessageHeaders, withoutHeaders } from "./publish-headers.js";
import type { StoredMessage, SubjectFilter } from "./store/store.js";
import type { Stream } from "./stream.js";
import { sourceKey } from "./stream-checks.js";
import type { SourceConfig } from "./stream-config.js";
import { NS_PER_SECOND, parseTime } from "./time.js";

const MESSAGES_PER_TURN = 256;
const NOT_COPIED = /^Nats-Expected-/;

/** One origin and how far it has been read. */
class Inflow {
  readonly target: Stream;
  readonly config: SourceConfig;
  readonly isMirror: boolean;
  /** The origin's sequence that comes next; undefined until it is known. */
  next: number | undefined;
  /** The last one that was taken. */
  last = 0;
  /** Monotonic time of the last message or of the first contact. */
  activeMs: number | undefined;
  stopped = false;
  #originKey: string | undefined;
  #filter: { filter: SubjectFilter; of: Stream } | undefined;
  #scheduled = false;
  #busy = false;
  readonly #transforms: SubjectTransform[];

  constructor(target: Stream, config: SourceConfig, isMirror: boolean) {
    this.target = target;
    this.config = config;
    this.isMirror = isMirror;
    this.#transforms = (config.subject_transforms ?? []).map(({ src, dest }) =>
      SubjectTransform.compile(wireSubject(src), wireSubject(dest)),
    );
  }

  get #patterns(): string[] {
    if (this.config.filter_subject !== "") return [wireSubject(this.config.filter_subject)];
    return (this.config.subject_transforms ?? []).map(({ src }) => wireSubject(src || ">"));
  }

  get origin(): Stream | undefined {
    if (this.config.external !== undefined) return undefined;
    return this.target.account.streams.get(this.config.name);
  }

  get lag(): number {
    const { origin } = this;
    // Nothing is known of an origin before it was heard of.
    if (origin === undefined || this.next === undefined || this.activeMs === undefined) return 0;
    return origin.store.pending(this.next, this.#filterOf(origin));
  }

  wake(): void {
    if (this.#scheduled || this.#busy || this.stopped || this.next === undefined) return;
    this.#scheduled = true;
    this.target.account.js.server.runtime.clock.endOfTurn(this.#run);
  }

  /** Another stream has taken the origin's name, or it is there now, or gone. */
  originChanged(): void {
    const key = this.origin?.key;
    if (this.#originKey !== undefined && key !== undefined && key !== this.#originKey) this.next = 1;
    if (key !== undefined) this.#originKey = key;
    this.wake();
  }

  /** Where it begins, if nothing was taken before. */
  get start(): number {
    const { origin, config } = this;
    if (config.opt_start_seq > 0) return config.opt_start_seq;
    if (config.opt_start_time === undefined || origin === undefined) return 1;
    return origin.store.firstSince(parseTime(config.opt_start_time) ?? 0n) || origin.store.state.lastSequence + 1;
  }

  #filterOf(origin: Stream): SubjectFilter | undefined {
    const patterns = this.#patterns;
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
    this.activeMs ??= target.account.js.server.runtime.clock.monotonicMs();
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      const sequence = origin.store.next(this.next ?? 1, this.#filterOf(origin));
      if (sequence === 0) return;
      const loaded = origin.store.load(sequence);
      if (loaded instanceof Promise) {
        this.#busy = true;
        loaded.then(
          (stored) => {
            this.#busy = false;
            if (!this.stopped) this.#take(origin, sequence, stored);
            this.wake();
          },
          () => {
            this.#busy = false;
            target.account.js.after(1000, () => this.wake());
          },
        );
        return;
      }
      if (!this.#take(origin, sequence, loaded)) return;
    }
    this.wake();
  };

  // False when the message could not be stored now; it is tried again.
  #take(origin: Stream, sequence: number, stored: StoredMessage | undefined): boolean {
    const { target } = this;
    if (stored !== undefined) {
      try {
        if (this.isMirror) this.#mirror(stored);
        else this.#source(origin, stored);
      } catch (error) {
        target.account.js.server.logger.warn(`stream ${target.name}: ${(error as Error).message}`);
        target.account.js.after(1000, () => this.wake());
        return false;
      }
      this.last = sequence;
    }
    this.next = sequence + 1;
    this.activeMs = target.account.js.server.runtime.clock.monotonicMs();
    return true;
  }

  #subjectOf({ subject }: StoredMessage): string {
    for (const transform of this.#transforms) {
      const changed = transform.apply(subject, () => this.target.account.js.server.runtime.random.float());
      if (changed !== undefined) return changed;
    }
    return subject;
  }

  #mirror(stored: StoredMessage): void {
    const { target } = this;
    if (stored.sequence <= target.store.state.lastSequence) return;
    const message = Message.of(this.#subjectOf(stored), "", stored.header, stored.payload);
    const timeNs = BigInt(stored.seconds) * NS_PER_SECOND + BigInt(stored.nanoseconds);
    const headers = headersOf(message);
    target.keep({ message, headers, ttl: this.#ttlOf(headers), rollup: undefined }, stored.sequence, timeNs);
  }

  #source(origin: Stream, stored: StoredMessage): void {
    const { target, config } = this;
    const transforms = config.subject_transforms ?? [];
    const filters = this.#patterns.join("\f") || ">";
    const destinations = transforms.map(({ dest }) => wireSubject(dest)).join("\f") || ">";
    const subject = this.#subjectOf(stored);
    const kept = withoutHeaders(
      stored.header.toString("latin1"),
      (name) => name === Header.streamSource || NOT_COPIED.test(name),
    );
    const value = `${origin.wireName} ${stored.sequence} ${filters} ${destinations} ${stored.subject} ${origin.identity}`;
    const block = Buffer.from(appendHeaders(kept, [[Header.streamSource, value]]), "latin1");
    let message: Message = Message.of(subject, "", block, stored.payload);
    const headers = headersOf(message);
    if (target.config.allow_msg_counter && headers.get(Header.increment) !== undefined) {
      message = sourcedCounter(target, message, {
        stream: origin.name,
        subject: Buffer.from(stored.subject, "latin1").toString("utf8"),
      });
    }
    const rollup = headers.get(Header.rollup)?.toLowerCase();
    target.keep({
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

  stop(): void {
    this.stopped = true;
    this.#filter?.filter.release();
    this.#filter = undefined;
  }

  describe(): object {
    const { config, activeMs } = this;
    const { js } = this.target.account;
    const nowMs = js.server.runtime.clock.monotonicMs();
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
    };
  }
}

function headersOf(message: Message): MessageHeaders {
  return message.headerBytes === 0 ? MessageHeaders.none : new MessageHeaders(readHeaders(message.headerText));
}

export class Inflows {
  readonly #stream: Stream;
  #inflows = new Map<string, Inflow>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Begins, or goes on with what the configuration says now. */
  start(): void {
    const { mirror, sources = [] } = this.#stream.config;
    const wanted = new Map<string, Inflow>();
    for (const config of mirror === undefined ? sources : [mirror]) {
      const key = sourceKey(config);
      wanted.set(key, this.#inflows.get(key) ?? new Inflow(this.#stream, config, mirror !== undefined));
    }
    for (const [key, inflow] of this.#inflows) if (!wanted.has(key)) inflow.stop();
    this.#inflows = wanted;
    void this.#findPositions();
  }

  // How far origins were read stands in what was taken from them.
  async #findPositions(): Promise<void> {
    const { store } = this.#stream;
    const open = [...this.#inflows.values()].filter(({ next }) => next === undefined);
    if (open.length === 0) return;
    if (open[0].isMirror) {
      const { lastSequence } = store.state;
      open[0].next = Math.max(lastSequence + 1, lastSequence === 0 ? open[0].start : 0);
      open[0].wake();
      return;
    }
    for (
      let at = store.previous(store.state.lastSequence);
      at !== 0 && open.length > 0;
      at = at === 1 ? 0 : store.previous(at - 1)
    ) {
      const stored = await store.load(at);
      if (stored === undefined || stored.headerBytes === 0) continue;
      const value = new MessageHeaders(readHeaders(stored.header.toString("latin1"))).get(Header.streamSource);
      const [name, sequence, filter] = value?.split(" ") ?? [];
      const found = open.findIndex(
        ({ config }) => wireSubject(config.name) === name && filter === (filterText(config) || ">"),
      );
      if (found < 0) continue;
      open[found].next = Number(sequence) + 1;
      open[found].last = Number(sequence);
      open.splice(found, 1);
    }
    for (const inflow of open) inflow.next = inflow.start;
    for (const inflow of this.#inflows.values()) inflow.wake();
  }

  stop(): void {
    for (const inflow of this.#inflows.values()) inflow.stop();
    this.#inflows.clear();
  }

  /** A stream of this name came or went. */
  originChanged(name: string): void {
    for (const inflow of this.#inflows.values()) if (inflow.config.name === name) inflow.originChanged();
  }

  /** A stream of the account has a new message. */
  originGrew(stream: Stream): void {
    for (const inflow of this.#inflows.values()) if (inflow.config.name === stream.name) inflow.wake();
  }

  describeMirror(): object | undefined {
    if (this.#stream.config.mirror === undefined) return undefined;
    const [mirror] = this.#inflows.values();
    return mirror?.describe();
  }

  describeSources(): object[] | undefined {
    if (!this.#stream.config.sources?.length) return undefined;
    return [...this.#inflows.values()].map((inflow) => inflow.describe());
  }
}

function filterText({ filter_subject: filter, subject_transforms: transforms = [] }: SourceConfig): string {
  if (filter !== "") return wireSubject(filter);
  return transforms.map(({ src }) => wireSubject(src || ">")).join("\f");
}

/** The inflows of a stream; undefined where its configuration has none. */
export function inflowsOf(stream: Stream): Inflows | undefined {
  const { mirror, sources } = stream.config;
  if (mirror === undefined && !sources?.length) {
    stream.inflows?.stop();
    return undefined;
  }
  return stream.inflows ?? new Inflows(stream);
}
