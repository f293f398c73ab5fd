// The two requests for a message that nearly all are, `{"seq":7}` and `{"last_by_subj":"orders.new"}`, read from their bytes as
// clients write them. Everything else is for the reader of JSON.
import { readDecimal } from "../../protocol/decimal.js";
import { startsWith } from "../../protocol/words.js";
import { type Fields, field } from "../fields.js";

/** What a request for a message asks for; names are those of the API. */
export interface GetRequest {
  seq: number;
  last_by_subj: string;
  next_by_subj: string;
  batch: number;
  max_bytes: number;
  start_time?: string;
  multi_last?: string[];
  up_to_seq: number;
  up_to_time?: string;
  no_hdr: boolean;
}

/** The same as JSON has it. */
export const GET_FIELDS: Fields = {
  seq: field("unsigned"),
  last_by_subj: field("text"),
  next_by_subj: field("text"),
  batch: field("int"),
  max_bytes: field("int"),
  start_time: field("time"),
  multi_last: field("texts"),
  up_to_seq: field("int"),
  up_to_time: field("time"),
  no_hdr: field("flag"),
};

const SEQUENCE = Buffer.from('{"seq":');
const LAST = Buffer.from('{"last_by_subj":"');
const ZERO = 48;
const QUOTE = 34;
const BACKSLASH = 92;
const CLOSING_BRACE = 125;

/** Undefined for anything but exactly one of the two, in ASCII and without a blank. */
export function readPlainGet(from: Buffer, start: number, end: number): GetRequest | undefined {
  const last = end - 1;
  if (from[last] !== CLOSING_BRACE) return undefined;
  if (startsWith(from, start, last, SEQUENCE)) {
    const digits = start + SEQUENCE.length;
    const sequence = readDecimal(from, digits, last);
    return sequence > 0 && from[digits] !== ZERO ? askingFor(sequence, "") : undefined;
  }
  if (!startsWith(from, start, last, LAST) || from[last - 1] !== QUOTE) return undefined;
  const begin = start + LAST.length;
  if (begin >= last - 1) return undefined;
  for (let i = begin; i < last - 1; i++) {
    const byte = from[i];
    if (byte <= 32 || byte > 126 || byte === QUOTE || byte === BACKSLASH) return undefined;
  }
  return askingFor(0, from.toString("latin1", begin, last - 1));
}

/** A request for the last message of a subject. */
export function lastOf(subject: string): GetRequest {
  return askingFor(0, subject);
}

function askingFor(seq: number, lastBySubject: string): GetRequest {
  return { seq, last_by_subj: lastBySubject, next_by_subj: "", batch: 0, max_bytes: 0, up_to_seq: 0, no_hdr: false };
}
