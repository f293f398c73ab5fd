// The reply subject of a consumer's message, which says what the message is: `$JS.ACK.<stream>.<consumer>.<deliveries>.
// <sequence>.<consumer sequence>.<time>.<pending>`, or with domain and account behind `ACK`, and a random token at the end.

const DOT = 0x2e;
const ZERO = 0x30;
const PREFIX = Buffer.from("$JS.ACK.");
/** Without domain and account; with them there are two more, and more may follow. */
const SHORT_TOKENS = 9;
const LONG_TOKENS = 11;
/** More are not looked at. */
const MOST_TOKENS = 16;
const FRACTION_DIGITS = 9;
/** Digits that a Number holds exactly. */
const MOST_DIGITS = 15;
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
    for (let i = 0; i < PREFIX.length; i++) if (buffer[start + i] !== PREFIX[i]) return false;
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
    this.sequence = numberIn(buffer, ENDS[before] + 1, ENDS[before + 1]);
    this.consumerSequence = numberIn(buffer, ENDS[before + 1] + 1, ENDS[before + 2]);
    this.seconds = point === time ? 0 : numberIn(buffer, time, point);
    this.nanoseconds = numberIn(buffer, point, ENDS[before + 3]);
    this.pending = numberIn(buffer, ENDS[before + 3] + 1, ENDS[before + 4]);
    return this.sequence > 0 && this.consumerSequence > 0 && this.seconds >= 0 && this.nanoseconds >= 0;
  }
}

// -1 for what is no number.
function numberIn(buffer: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > MOST_DIGITS + 1) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = buffer[i] - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
