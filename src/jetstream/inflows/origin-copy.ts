// The copy of an origin's message that is stored: under the subject that transforms make of its own, and of a source with a
// header that tells where it comes from (conformance/jetstream, FACTS "Publish" has the headers).
import { Message } from "../../accounts/message.js";
import { writeDecimal } from "../../protocol/decimal.js";
import { copyBytes, viewOf } from "../../protocol/words.js";
import type { Random } from "../../runtime/random.js";
import { hashName } from "../../server/server-hash.js";
import { SubjectTransform } from "../../subjects/transform.js";
import { wireSubject } from "../names.js";
import type { NewMessage, StoredMessage } from "../store/store.js";
import { appendHeaders, Header, MessageHeaders, withoutHeaders } from "../streams/publish-headers.js";
import type { SourceConfig } from "../streams/stream-config.js";

const NOT_COPIED = /^Nats-Expected-/;
const CR_LF_BYTES = 2;
const DIGITS_BYTES = 16;
/** Messages up to this size are put together in memory that is used again. */
const SCRATCH_BYTES = 16 * 1024;

/** A message of an origin. */
export interface OriginMessage extends NewMessage, Pick<StoredMessage, "sequence" | "seconds" | "nanoseconds"> {
  readonly body: Buffer;
}

export class OriginCopy {
  /** The copy that was made last; nobody may keep it. */
  readonly message = new Message();
  readonly #random: Random;
  readonly #transforms: readonly SubjectTransform[];
  // What stands around the sequence in the header.
  readonly #name: string;
  readonly #filters: string;
  readonly #nameBytes: Buffer;
  readonly #filterBytes: Buffer;
  #ending: Buffer = Buffer.alloc(0);
  #identity = "";
  #scratch: Buffer | undefined;

  constructor(random: Random, config: SourceConfig) {
    const transforms = config.subject_transforms ?? [];
    this.#random = random;
    this.#transforms = transforms.map(({ src, dest }) => SubjectTransform.compile(wireSubject(src), wireSubject(dest)));
    this.#name = sourceName(config);
    this.#filters = sourceFilters(config);
    this.#nameBytes = Buffer.from(`NATS/1.0\r\n${Header.streamSource}: ${this.#name} `, "latin1");
    this.#filterBytes = Buffer.from(` ${this.#filters} `, "latin1");
  }

  /** Of a mirror: with the origin's own headers, which it returns. */
  mirrored(origin: OriginMessage): MessageHeaders {
    const { body, start, end, headerBytes } = origin;
    this.#fill(origin, body, start, end, headerBytes);
    return MessageHeaders.of(this.message);
  }

  /** Of a source: returns the origin's headers that stay. `identity` tells which incarnation of the origin it is. */
  sourced(origin: OriginMessage, identity: string): MessageHeaders {
    const { body, start, headerBytes } = origin;
    const theirs = headerBytes === 0 ? "" : body.toString("latin1", start, start + headerBytes);
    const kept = withoutHeaders(theirs, (name) => name === Header.streamSource || NOT_COPIED.test(name));
    if (kept === "") {
      this.#writePlain(origin, identity);
      return MessageHeaders.none;
    }
    const place = `${this.#name} ${origin.sequence} ${this.#filters} ${origin.subject} ${identity}`;
    this.#write(origin, appendHeaders(kept, [[Header.streamSource, place]]));
    return MessageHeaders.in(kept);
  }

  #write(origin: OriginMessage, block: string): void {
    const body = this.#roomFor(origin, block.length);
    this.#finish(origin, body, body.write(block, 0, "latin1"));
  }

  // The same without a text, for a message that has no headers of its own.
  #writePlain(origin: OriginMessage, identity: string): void {
    const { subjectBytes, sequence } = origin;
    if (identity !== this.#identity) {
      this.#identity = identity;
      this.#ending = Buffer.from(` ${identity}\r\n\r\n`, "latin1");
    }
    const fixed = this.#nameBytes.length + this.#filterBytes.length + this.#ending.length;
    const body = this.#roomFor(origin, fixed + DIGITS_BYTES + subjectBytes.length);
    let at = writeDecimal(body, write(body, 0, this.#nameBytes), sequence);
    at = write(body, write(body, at, this.#filterBytes), subjectBytes);
    this.#finish(origin, body, write(body, at, this.#ending));
  }

  // The origin's payload behind a header block that was written.
  #finish(origin: OriginMessage, body: Buffer, headerBytes: number): void {
    const from = origin.start + origin.headerBytes;
    // What ends the payload comes along.
    copyBytes(origin.body, from, origin.end + CR_LF_BYTES, body, viewOf(body), headerBytes);
    this.#fill(origin, body, 0, headerBytes + origin.end - from, headerBytes);
  }

  #roomFor({ start, end, headerBytes }: OriginMessage, block: number): Buffer {
    const bytes = block + end - start - headerBytes + CR_LF_BYTES;
    if (bytes > SCRATCH_BYTES) return Buffer.allocUnsafeSlow(bytes);
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch;
  }

  #fill(origin: OriginMessage, body: Buffer, start: number, end: number, headerBytes: number): void {
    const { message } = this;
    const subject = this.#subjectOf(origin);
    message.subject = subject;
    message.subjectBytes = subject === origin.subject ? origin.subjectBytes : Buffer.from(subject, "latin1");
    message.body = body;
    message.start = start;
    message.end = end;
    message.headerBytes = headerBytes;
  }

  #subjectOf({ subject }: OriginMessage): string {
    for (const transform of this.#transforms) {
      const changed = transform.apply(subject, () => this.#random.float());
      if (changed !== undefined) return changed;
    }
    return subject;
  }
}

function write(into: Buffer, at: number, bytes: Uint8Array): number {
  into.set(bytes, at);
  return at + bytes.length;
}

/**
 * The origin's name as it stands in the headers of what was sourced: two with the same name may be behind two APIs, or be read
 * by two consumers of one stream.
 */
export function sourceName({ name, external, consumer }: SourceConfig): string {
  const api = external?.api ? `:${hashName(external.api)}` : "";
  const reader = consumer === undefined ? "" : `:C=${hashName(consumer.name)}`;
  return `${wireSubject(name)}${api}${reader}`;
}

/** What is wanted of the origin (latin1), none for all. */
export function sourcePatterns({
  filter_subject: filter,
  subject_transforms: transforms = [],
}: SourceConfig): string[] {
  return filter === "" ? transforms.map(({ src }) => wireSubject(src || ">")) : [wireSubject(filter)];
}

/** What is wanted of the origin and where it goes, as it stands in those headers: two sources may differ in nothing else. */
export function sourceFilters(config: SourceConfig): string {
  const destinations = (config.subject_transforms ?? []).map(({ dest }) => wireSubject(dest));
  return [sourcePatterns(config), destinations].map((subjects) => subjects.join("\f") || ">").join(" ");
}
