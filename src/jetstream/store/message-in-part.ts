// A message in a part of a segment that was read.
import { viewOf } from "../../protocol/words.js";
import type { Part } from "./read-cache.js";
import { isRecord, RecordKind, RecordMessage, RecordView } from "./record.js";
import type { Sequence } from "./store.js";

/** The message with its record of `bytes` at a position of the segment; undefined when it is not there undamaged. */
export function messageIn(part: Part, position: number, bytes: number, sequence: Sequence): RecordMessage | undefined {
  const at = position - part.start;
  if (at < 0 || at + bytes > part.bytes.length) return undefined;
  if (!isRecord(viewOf(part.bytes), at, at + bytes)) return undefined;
  const record = new RecordView(part.bytes, at);
  return record.kind === RecordKind.message && record.sequence === sequence ? new RecordMessage(record) : undefined;
}
