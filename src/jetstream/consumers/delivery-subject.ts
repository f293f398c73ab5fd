// The reply subject of a consumer's message, which says what the message is: `$JS.ACK.<stream>.<consumer>.<deliveries>.
// <sequence>.<consumer sequence>.<time>.<pending>`, or with domain and account behind `ACK`, and a random token at the end.
import { ACK_PREFIX } from "../../accounts/ack-place.js";
import { readDecimal } from "../../protocol/decimal.js";
import { startsWith } from "../../protocol/words.js";

const DOT = 0x2e;
/** Without domain and account; with them there are two more, and more may follow. */
const SHORT_TOKENS = 9;
const LONG_TOKENS = 11;
/** More are not looked at. */
const MOST_TOKENS = 16;
const FRACTION_DIGITS = 9;
const ENDS = new Int32Array(MOST_TOKENS);

/** One object is used for many messages. */
export class DeliverySubject {
  sequence = 0;
  consumerSequence = 0;
  /** When the message was stored: since 1970. */
  seconds = 0;
  nanoseconds = 0;
  pending = 0;

  /** Reads `buffer[start..end)`. False for what is no such subject. */
  read(buffer: Uint8Array, start: number, end: number): boolean {
    if (!startsWith(buffer, start, end, ACK_PREFIX)) return false;
    let tokens = 0;
    for (let i = start; i < end; i++) {
      if (buffer[i] !== DOT) continue;
      ENDS[tokens++] = i;
      if (tokens === MOST_TOKENS) return false;
    }
    ENDS[tokens++] = end;
    if (tokens !== SHORT_TOKENS && tokens < LONG_TOKENS) return false;
    const before = tokens === SHORT_TOKENS ? 4 : 6;
    const time = ENDS[before + 2] + 1;
    const point = Math.max(time, ENDS[before + 3] - FRACTION_DIGITS);
    this.sequence = readDecimal(buffer, ENDS[before] + 1, ENDS[before + 1]);
    this.consumerSequence = readDecimal(buffer, ENDS[before + 1] + 1, ENDS[before + 2]);
    this.seconds = point === time ? 0 : readDecimal(buffer, time, point);
    this.nanoseconds = readDecimal(buffer, point, ENDS[before + 3]);
    this.pending = readDecimal(buffer, ENDS[before + 3] + 1, ENDS[before + 4]);
    return this.sequence > 0 && this.consumerSequence > 0 && this.seconds >= 0 && this.nanoseconds >= 0;
  }
}
