// The operations of the client protocol, recognised from the first bytes of a control line in any case, and the splitting
// of their arguments (https://docs.nats.io/reference/reference-protocols/nats-protocol).

import { readDecimal } from "./decimal.js";

export const Verb = {
  unknown: 0,
  /** The bytes so far may still become a verb. */
  incomplete: 1,
  pub: 2,
  hpub: 3,
  sub: 4,
  unsub: 5,
  ping: 6,
  pong: 7,
  connect: 8,
  info: 9,
  ok: 10,
  err: 11,
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

/** How an operation is written, in any case. */
export interface Spelling<V extends number> {
  readonly verb: V;
  readonly text: Uint8Array;
  /** Whether a blank or tab must follow the word; otherwise anything may. */
  readonly needsBlank: boolean;
}

/** `text` is lower case. */
export function spelling<V extends number>(verb: V, text: string, needsBlank: boolean): Spelling<V> {
  return { verb, text: Buffer.from(text, "latin1"), needsBlank };
}

const SPELLINGS: readonly Spelling<Verb>[] = [
  spelling(Verb.pub, "pub", true),
  spelling(Verb.ping, "ping", false),
  spelling(Verb.pong, "pong", false),
  spelling(Verb.hpub, "hpub", true),
  spelling(Verb.sub, "sub", true),
  spelling(Verb.unsub, "unsub", true),
  spelling(Verb.connect, "connect", false),
  spelling(Verb.info, "info", false),
  spelling(Verb.ok, "+ok", false),
  spelling(Verb.err, "-err", true),
];

/**
 * The verb that a line (or the beginning of one, if `whole` is false) starts with. Where its arguments begin is
 * `argumentsStart(verb, ...)`.
 */
export function verbOf(buffer: Uint8Array, start: number, end: number, whole: boolean): Verb {
  return findVerb(SPELLINGS, buffer, start, end, whole);
}

/** The same among other spellings. */
export function findVerb<V extends number>(
  spellings: readonly Spelling<V>[],
  buffer: Uint8Array,
  start: number,
  end: number,
  whole: boolean,
): V | typeof Verb.unknown | typeof Verb.incomplete {
  for (const { verb, text, needsBlank } of spellings) {
    const compared = Math.min(text.length, end - start);
    let same = true;
    for (let i = 0; i < compared; i++) {
      const byte = buffer[start + i];
      if (byte !== text[i] && !(byte >= 65 && byte <= 90 && (byte | 0x20) === text[i])) {
        same = false;
        break;
      }
    }
    if (!same) continue;
    if (compared < text.length) {
      if (whole) continue;
      return Verb.incomplete;
    }
    if (!needsBlank) return verb;
    const after = start + text.length;
    if (after < end) return buffer[after] === 32 || buffer[after] === 9 ? verb : Verb.unknown;
    return whole ? Verb.unknown : Verb.incomplete;
  }
  return Verb.unknown;
}

const LENGTHS: readonly number[] = Object.values(Verb).map((verb) => {
  const found = SPELLINGS.find((one) => one.verb === verb);
  return found === undefined ? 0 : found.text.length;
});

/** Length of the longest spelling of a verb. */
export const LONGEST_VERB_BYTES: number = Math.max(...LENGTHS);

/** Whether anything may follow the verb in its line. */
export function takesArguments(verb: Verb): boolean {
  return (
    verb === Verb.pub ||
    verb === Verb.hpub ||
    verb === Verb.sub ||
    verb === Verb.unsub ||
    verb === Verb.connect ||
    verb === Verb.info ||
    verb === Verb.err
  );
}

/** Where the arguments of a line begin: behind the verb and the blanks and tabs that follow it. */
export function argumentsStart(verb: Verb, buffer: Uint8Array, start: number, end: number): number {
  return afterBlanks(buffer, start + LENGTHS[verb], end);
}

/** The first byte from `at` on that is no blank or tab; `end` if there is none. */
export function afterBlanks(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && (buffer[at] === 32 || buffer[at] === 9)) at++;
  return at;
}

/** More arguments than any operation has; `splitArguments` stops counting there. */
export const MAX_ARGUMENTS = 6;

/** A further separator of `splitArguments`: carriage returns stand for blanks in SUB and UNSUB, and in nothing else. */
export const CARRIAGE_RETURN = 13;

/**
 * Finds the arguments in `buffer[start..end)`, separated by blanks, tabs and `separator`: begin and end of each are written
 * to `into` (2 numbers per argument, room for `most` of them). Returns how many there are, at most `most`.
 */
export function splitArguments(
  buffer: Uint8Array,
  start: number,
  end: number,
  into: Int32Array,
  most = MAX_ARGUMENTS,
  separator = 32,
): number {
  let count = 0;
  let at = start;
  for (;;) {
    while (at < end && (buffer[at] === 32 || buffer[at] === 9 || buffer[at] === separator)) at++;
    if (at >= end || count === most) return count;
    into[2 * count] = at;
    while (at < end && buffer[at] !== 32 && buffer[at] !== 9 && buffer[at] !== separator) at++;
    into[2 * count + 1] = at;
    count++;
  }
}

/** The longest size that is read: nine digits, as the reference takes them. */
const MAX_SIZE_DIGITS = 9;

/** A size in decimal digits; -1 when it is empty, too long, or anything else. */
export function parseSize(buffer: Uint8Array, start: number, end: number): number {
  return end - start > MAX_SIZE_DIGITS ? -1 : readDecimal(buffer, start, end);
}
