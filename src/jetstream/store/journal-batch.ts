// What one turn of the loop writes into the journal: records in pieces of memory, which become one frame of a file.
import type { Chunk } from "./chunk-pool.js";
import type { Cipher } from "./cipher.js";
import { FRAME_HEADER_BYTES, FrameFlag, writeFrameHeader } from "./frame.js";
import type { CommitWaiter, Ticket } from "./store.js";

export interface Slice {
  readonly chunk: Chunk;
  readonly start: number;
  end: number;
}

/** Its first slice begins with the room for the frame's header. */
export interface Batch {
  readonly ticket: Ticket;
  readonly slices: Slice[];
  /** Of the checksums of its records. */
  chain: number;
  waiters: CommitWaiter[];
}

/** Writes something into the batch before it ends. */
export interface BatchEnd {
  endOfBatch(): void;
}

/** The frame of a batch, in parts; its header also says which id a log may get next and what was released. */
export function frameOf(
  { slices, ticket, chain }: Batch,
  nextLog: number,
  released: Ticket,
  blockBytes: number,
  cipher: Cipher | undefined,
): Uint8Array[] {
  const { chunk: first, start: headerAt } = slices[0];
  const header = first.buffer;
  const parts = slices.map(({ chunk, start, end }) => chunk.buffer.subarray(start, end));
  let payloadBytes = parts.reduce((sum, part) => sum + part.length, 0) - FRAME_HEADER_BYTES;
  if (cipher !== undefined) {
    parts[0] = parts[0].subarray(FRAME_HEADER_BYTES);
    const sealed = cipher.seal(Buffer.concat(parts));
    payloadBytes = sealed.length;
    parts.splice(0, parts.length, header.subarray(headerAt, headerAt + FRAME_HEADER_BYTES), sealed);
  }
  const flags = cipher === undefined ? 0 : FrameFlag.encrypted;
  const rest = { payloadChecksum: chain, nextLog, flags, blockBytes, released };
  writeFrameHeader(header, headerAt, { ticket, payloadBytes, ...rest });
  return parts;
}
