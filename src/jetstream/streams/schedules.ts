// Messages that are to be published later, or again and again (ADR-51): each subject that holds a schedule has one timer's
// worth of future, and what it produces is stored under the schedule's target.
import { Message } from "../../accounts/message.js";
import type { Timer } from "../../runtime/clock.js";
import { isValidLiteral, subjectMatches } from "../../subjects/validity.js";
import { ApiError } from "../errors.js";
import { wireSubject } from "../names.js";
import type { StoredMessage } from "../store/store.js";
import { NS_PER_MS, nsOf, timeText } from "../time.js";
import { ttlOf } from "./publish-checks.js";
import { appendHeaders, Header, MessageHeaders, withoutHeaders } from "./publish-headers.js";
import { isTimeZone, type SchedulePattern, schedulePattern } from "./schedule-pattern.js";
import type { Stream } from "./stream.js";

/** A schedule that was checked. */
export interface Scheduled {
  /** As it is stored. */
  readonly message: Message;
  /** To be called when it is. */
  stored(sequence: number): void;
}

interface Entry {
  readonly sequence: number;
  readonly pattern: SchedulePattern;
  dueNs: bigint;
}

const SCHEDULE_HEADER = /^Nats-Schedule/;
const NOT_PRODUCED = new Set<string>([Header.rollup, Header.ttl, Header.msgId, Header.scheduler]);

export class Schedules {
  readonly #stream: Stream;
  readonly #entries = new Map<string, Entry>();
  #timer: Timer | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Looks at a message that is published; undefined when it is no schedule. Throws ApiError 10189 to 10223. */
  check(message: Message, headers: MessageHeaders): Scheduled | undefined {
    const text = headers.get(Header.schedule);
    const zone = headers.get(Header.scheduleTimeZone);
    if (zone !== undefined && !isTimeZone(zone)) throw new ApiError("scheduleTimeZone");
    if (text === undefined) return undefined;
    const pattern = schedulePattern(text, zone, this.#stream.account.js.nowNs);
    if (pattern === undefined) throw new ApiError("schedulePattern");
    const ttl = headers.get(Header.scheduleTtl);
    if (ttl !== undefined) {
      if (ttlOf(ttl) === undefined) throw new ApiError("scheduleTtl");
      if (!this.#stream.config.allow_msg_ttl) throw new ApiError("ttlDisabled");
    }
    const rollup = headers.get(Header.rollup);
    for (const one of [headers.get(Header.scheduleRollup), rollup]) {
      if (one !== undefined && one.toLowerCase() !== "sub") throw new ApiError("scheduleRollup");
    }
    const target = headers.get(Header.scheduleTarget) ?? "";
    if (!isValidLiteral(target)) throw new ApiError("scheduleTarget");
    const source = headers.get(Header.scheduleSource);
    if (source !== undefined) {
      const isUsable = isValidLiteral(source) && source !== message.subject && source !== target && this.#isOwn(source);
      if (!isUsable) throw new ApiError("scheduleSource");
    }
    if (target === message.subject || !this.#isOwn(target)) throw new ApiError("scheduleTarget");
    const block = rollup === undefined ? appendHeaders(message.headerText, [[Header.rollup, "sub"]]) : undefined;
    const kept = block === undefined ? message : message.withHeaders(Buffer.from(block, "latin1"));
    const { subject } = message;
    return { message: kept, stored: (sequence) => this.#add(subject, sequence, pattern) };
  }

  #isOwn(subject: string): boolean {
    return (this.#stream.config.subjects ?? []).some((own) => subjectMatches(subject, wireSubject(own)));
  }

  #add(subject: string, sequence: number, pattern: SchedulePattern): void {
    const dueNs = pattern.next(this.#stream.account.js.nowNs);
    if (dueNs === undefined) return;
    this.#entries.set(subject, { sequence, pattern, dueNs });
    // Its older versions go: a subject has one schedule.
    this.#stream.purgeSubject(subject, sequence);
    this.#arm();
  }

  /** Whether a message is a schedule that is still to come: its own age does not end it. */
  isDue(subject: string, sequence: number): boolean {
    return this.#entries.get(subject)?.sequence === sequence;
  }

  /** Finds the schedules that are stored. */
  recover(): void {
    void this.#recover();
  }

  async #recover(): Promise<void> {
    const { store } = this.#stream;
    const filter = store.filter([]);
    for (const sequence of store.lastPerSubject(filter)) {
      const stored = await this.#stream.read(sequence);
      if (stored === undefined || stored.headerBytes === 0) continue;
      const headers = MessageHeaders.in(stored.header.toString("latin1"));
      const text = headers.get(Header.schedule);
      if (text === undefined || this.#entries.has(stored.subject)) continue;
      const storedNs = nsOf(stored);
      const pattern = schedulePattern(text, headers.get(Header.scheduleTimeZone), storedNs);
      if (pattern === undefined) continue;
      const dueNs = pattern.next(this.#stream.account.js.nowNs);
      if (dueNs !== undefined) this.#entries.set(stored.subject, { sequence, pattern, dueNs });
    }
    filter.release();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#entries.clear();
  }

  #arm(): void {
    const { js } = this.#stream.account;
    this.#timer?.cancel();
    let next: bigint | undefined;
    for (const { dueNs } of this.#entries.values()) if (next === undefined || dueNs < next) next = dueNs;
    if (next === undefined || this.#stream.closed) return;
    this.#timer = js.after(Number((next - js.nowNs) / NS_PER_MS) + 1, () => void this.#fire());
  }

  async #fire(): Promise<void> {
    const { store, account } = this.#stream;
    for (const [subject, entry] of [...this.#entries]) {
      if (entry.dueNs > account.js.nowNs) continue;
      // Purged, deleted or replaced by a message that is no schedule.
      const stored = store.has(entry.sequence) ? await this.#stream.read(entry.sequence) : undefined;
      if (this.#stream.closed) return;
      if (stored === undefined) {
        this.#entries.delete(subject);
        continue;
      }
      const nextNs = entry.pattern.once ? undefined : entry.pattern.next(account.js.nowNs);
      if (nextNs === undefined) this.#entries.delete(subject);
      else entry.dueNs = nextNs;
      try {
        await this.#produce(stored, nextNs);
      } catch (error) {
        account.js.server.logger.warn(`stream ${this.#stream.name}: schedule ${subject}: ${(error as Error).message}`);
      }
    }
    this.#arm();
  }

  async #produce(schedule: StoredMessage, nextNs: bigint | undefined): Promise<void> {
    const stream = this.#stream;
    const own = MessageHeaders.in(schedule.header.toString("latin1"));
    const target = own.get(Header.scheduleTarget) as string;
    const source = own.get(Header.scheduleSource);
    const from = source === undefined ? schedule : await this.#last(source);
    if (from === undefined) return;
    const kept = withoutHeaders(
      from.header.toString("latin1"),
      (name) => SCHEDULE_HEADER.test(name) || NOT_PRODUCED.has(name),
    );
    const headers: [string, string][] = [
      [Header.scheduler, schedule.subject],
      [Header.scheduleNext, nextNs === undefined ? "purge" : timeText(nextNs)],
    ];
    const ttl = own.get(Header.scheduleTtl);
    const rollup = own.get(Header.scheduleRollup);
    if (ttl !== undefined) headers.push([Header.ttl, ttl]);
    if (rollup !== undefined) headers.push([Header.rollup, rollup]);
    const block = Buffer.from(appendHeaders(kept, headers), "latin1");
    const ns = ttl === undefined ? undefined : ttlOf(ttl);
    stream.keep({
      message: Message.of(target, "", block, from.payload),
      headers: MessageHeaders.none,
      ttl: ns === undefined ? undefined : { ns },
      rollup: rollup?.toLowerCase() === "sub" ? "sub" : undefined,
    });
    if (nextNs === undefined) stream.removed(() => stream.store.remove(schedule.sequence));
  }

  async #last(subject: string): Promise<StoredMessage | undefined> {
    const { store } = this.#stream;
    const sequence = store.totalsOf(subject)?.lastSequence;
    return sequence === undefined ? undefined : this.#stream.read(sequence);
  }
}

/**
 * The subject of the schedule that a message says it ends; undefined for none. Throws ApiError 10188 and 10212.
 */
export function endedSchedule({ config }: Stream, headers: MessageHeaders): string | undefined {
  const scheduler = headers.get(Header.scheduler);
  const next = headers.get(Header.scheduleNext);
  if (scheduler === undefined && next === undefined) return undefined;
  if (next !== "purge" || scheduler === undefined || !isValidLiteral(scheduler))
    throw new ApiError("scheduleScheduler");
  if (!config.allow_msg_schedules) throw new ApiError("schedulesDisabled");
  return scheduler;
}

/** Throws ApiError 10188 for a schedule where there are none. */
export function checkSchedulesOff(headers: MessageHeaders): void {
  const zone = headers.get(Header.scheduleTimeZone);
  if (headers.get(Header.schedule) !== undefined || (zone !== undefined && !isTimeZone(zone))) {
    throw new ApiError("schedulesDisabled");
  }
}

/** The schedules of a stream; undefined where they are not allowed. */
export function schedulesOf(stream: Stream): Schedules | undefined {
  if (!stream.config.allow_msg_schedules) return undefined;
  return stream.schedules ?? new Schedules(stream);
}
