// The headers of JetStream messages, and what a publisher asks for with them.
import type { Message } from "../../accounts/message.js";
import { readHeaders } from "../../protocol/header-block.js";
import { API_LEVEL } from "../../protocol/version.js";

export const Header = {
  msgId: "Nats-Msg-Id",
  expectedStream: "Nats-Expected-Stream",
  expectedSequence: "Nats-Expected-Last-Sequence",
  expectedSubjectSequence: "Nats-Expected-Last-Subject-Sequence",
  expectedSubject: "Nats-Expected-Last-Subject-Sequence-Subject",
  expectedMsgId: "Nats-Expected-Last-Msg-Id",
  rollup: "Nats-Rollup",
  ttl: "Nats-TTL",
  markerReason: "Nats-Marker-Reason",
  increment: "Nats-Incr",
  counterSources: "Nats-Counter-Sources",
  batchId: "Nats-Batch-Id",
  batchSequence: "Nats-Batch-Sequence",
  batchCommit: "Nats-Batch-Commit",
  schedule: "Nats-Schedule",
  scheduleTarget: "Nats-Schedule-Target",
  scheduleSource: "Nats-Schedule-Source",
  scheduleTtl: "Nats-Schedule-TTL",
  scheduleRollup: "Nats-Schedule-Rollup",
  scheduleTimeZone: "Nats-Schedule-Time-Zone",
  scheduler: "Nats-Scheduler",
  scheduleNext: "Nats-Schedule-Next",
  streamSource: "Nats-Stream-Source",
  stream: "Nats-Stream",
  subject: "Nats-Subject",
  sequence: "Nats-Sequence",
  timeStamp: "Nats-Time-Stamp",
  lastSequence: "Nats-Last-Sequence",
  msgSize: "Nats-Msg-Size",
  numPending: "Nats-Num-Pending",
  upToSequence: "Nats-UpTo-Sequence",
  requiredLevel: "Nats-Required-Api-Level",
  pendingMessages: "Nats-Pending-Messages",
  pendingBytes: "Nats-Pending-Bytes",
  lastConsumer: "Nats-Last-Consumer",
  lastStream: "Nats-Last-Stream",
  stalled: "Nats-Consumer-Stalled",
  pinId: "Nats-Pin-Id",
  streamIdentity: "Nats-Stream-Identity",
} as const;

const NONE: ReadonlyMap<string, readonly string[]> = new Map();

/** Headers of one message; names count as written, values to the end of their line, and of several with a name the first. */
export class MessageHeaders {
  static readonly none = new MessageHeaders(NONE);
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Those of a header block (latin1, may be empty). */
  static in(block: string): MessageHeaders {
    return block === "" ? MessageHeaders.none : new MessageHeaders(readHeaders(block, true));
  }

  /** Those of a message. */
  static of(message: Pick<Message, "headerBytes" | "headerText">): MessageHeaders {
    return message.headerBytes === 0 ? MessageHeaders.none : MessageHeaders.in(message.headerText);
  }

  /** Undefined when it is not there or empty. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** Whether `Nats-Required-Api-Level` asks for more than this server knows. */
  get asksTooMuch(): boolean {
    const level = this.get(Header.requiredLevel);
    return level !== undefined && !(/^\d+$/.test(level) && Number(level) <= API_LEVEL);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  names(): Iterable<string> {
    return this.#values.keys();
  }
}

/** A header block with these headers after those of `block` (latin1, may be empty). */
export function appendHeaders(
  block: string,
  headers: readonly (readonly [name: string, value: string | number])[],
): string {
  const begin = block === "" ? "NATS/1.0\r\n" : block.slice(0, -2);
  return `${begin}${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** The block without the headers that `drop` says yes to; "" when none is left. */
export function withoutHeaders(block: string, drop: (name: string) => boolean): string {
  if (block === "") return "";
  const [version, ...lines] = block.split("\r\n").filter((line) => line !== "");
  const kept = lines.filter((line) => !drop(line.slice(0, Math.max(0, line.indexOf(":")))));
  return kept.length === 0 ? "" : `${[version, ...kept].join("\r\n")}\r\n\r\n`;
}

/** A message of the server that is nothing but a status, such as `404 No Messages`. */
export function statusBlock(status: string, headers: readonly (readonly [string, string | number])[] = []): Buffer {
  return Buffer.from(
    `NATS/1.0 ${status}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
    "latin1",
  );
}

/** A decimal number of a header; undefined for anything else. */
export function headerNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
