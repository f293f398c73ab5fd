// The archive of a stream, as nats-server 2.15 writes and reads it: an S2 stream of records, each with a name or subject, a
// time, a sequence, headers and content. First comes the state, then the consumers, then the messages; an empty record ends it.
const MAGIC = Buffer.from("NATSARC1");
const MAX_VARINT_BYTES = 10;
/** Larger names and headers than any message can have mean that it is no archive. */
const MAX_NAME_BYTES = 64 * 1024;
const MAX_CONTENT_BYTES = 128 * 1024 * 1024;

export interface ArchiveRecord {
  /** The subject of a message, latin1; `state.json`, or `consumers/<name>`, where `sequence` is 0. */
  readonly name: string;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly sequence: number;
  readonly header: Buffer;
  readonly content: Buffer;
}

/** The first bytes of an archive. */
export function archiveHead(): Buffer {
  return MAGIC;
}

/** Its last ones. */
export function archiveEnd(): Buffer {
  return encodeRecord({ name: "", timeNs: 0n, sequence: 0, header: Buffer.alloc(0), content: Buffer.alloc(0) });
}

export function encodeRecord({ name, timeNs, sequence, header, content }: ArchiveRecord): Buffer {
  const head = Buffer.allocUnsafe(5 * MAX_VARINT_BYTES);
  let at = writeVarint(head, 0, BigInt(name.length));
  at = writeVarint(head, at, timeNs >= 0n ? timeNs * 2n : -timeNs * 2n - 1n);
  for (const value of [sequence, header.length, content.length]) at = writeVarint(head, at, BigInt(value));
  return Buffer.concat([head.subarray(0, at), Buffer.from(name, "latin1"), header, content]);
}

function writeVarint(bytes: Buffer, at: number, value: bigint): number {
  let rest = value;
  let end = at;
  while (rest >= 128n) {
    bytes[end++] = Number(rest & 127n) + 128;
    rest >>= 7n;
  }
  bytes[end++] = Number(rest);
  return end;
}

/** Reads an archive from whatever slices it arrives in. */
export class ArchiveReader {
  readonly #take: (record: ArchiveRecord) => void;
  // What has come of a record that is not whole, and how long that has to be before it is worth a look.
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #needed = 0;
  #started = false;
  /** Whether its end was read. */
  ended = false;

  constructor(take: (record: ArchiveRecord) => void) {
    this.#take = take;
  }

  /** Throws Error for bytes that are no archive. What `take` gets is only valid during its call. */
  feed(chunk: Uint8Array): void {
    this.#waiting.push(Buffer.from(chunk));
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes < this.#needed) return;
    const bytes = Buffer.concat(this.#waiting);
    this.#needed = 0;
    const rest = bytes.subarray(this.#read(bytes));
    this.#waiting = [rest];
    this.#waitingBytes = rest.length;
  }

  // Where what is not whole begins.
  #read(bytes: Buffer): number {
    let at = 0;
    if (!this.#started) {
      if (bytes.length < MAGIC.length) return 0;
      if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error("not an archive of a stream");
      this.#started = true;
      at = MAGIC.length;
    }
    while (!this.ended) {
      const end = this.#record(bytes, at);
      if (end < 0) break;
      at = end;
    }
    return at;
  }

  // Where the record at `from` ends; -1 while it has not arrived whole.
  #record(bytes: Buffer, from: number): number {
    const values: bigint[] = [];
    let at = from;
    for (let field = 0; field < 5; field++) {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        if (at >= bytes.length) return -1;
        const byte = bytes[at++];
        value += BigInt(byte & 127) << shift;
        if (byte < 128) break;
        if (shift > 63n) throw new Error("not an archive of a stream");
      }
      values.push(value);
    }
    const [nameBytes, , sequence, headerBytes, contentBytes] = values.map(Number);
    if (nameBytes > MAX_NAME_BYTES || headerBytes > MAX_NAME_BYTES || contentBytes > MAX_CONTENT_BYTES) {
      throw new Error("not an archive of a stream");
    }
    const end = at + nameBytes + headerBytes + contentBytes;
    if (end > bytes.length) {
      this.#needed = end - from;
      return -1;
    }
    if (nameBytes === 0) {
      this.ended = true;
      return end;
    }
    const zigzag = values[1];
    this.#take({
      name: bytes.toString("latin1", at, at + nameBytes),
      timeNs: zigzag % 2n === 0n ? zigzag / 2n : -(zigzag + 1n) / 2n,
      sequence,
      header: bytes.subarray(at + nameBytes, at + nameBytes + headerBytes),
      content: bytes.subarray(at + nameBytes + headerBytes, end),
    });
    return end;
  }
}
