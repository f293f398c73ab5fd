// Turns valid protocol bytes into nearly valid ones, repeatably from a seed: what a fuzzer feeds a server.

/** A small seeded generator of numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sessions of a client as text (latin1), the beginnings of every mutation. */
export const SEED_SESSIONS: readonly string[] = [
  'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true,"no_responders":true}\r\nPING\r\n',
  'CONNECT {"verbose":true,"pedantic":true}\r\nSUB a.b 1\r\nSUB a.* grp 2\r\nPUB a.b 5\r\nhello\r\nUNSUB 1 3\r\nUNSUB 2\r\n',
  'CONNECT {"headers":true}\r\nSUB > 1\r\nHPUB a.b reply.to 22 27\r\nNATS/1.0\r\nKey: val\r\n\r\nhello\r\nPING\r\n',
  "SUB foo.> 9\r\nPUB foo.bar inbox 0\r\n\r\nPUB foo.baz 11\r\nhello\r\nNATS\r\nUNSUB 9\r\nPONG\r\n",
  "PING\r\nPONG\r\n+OK\r\n-ERR 'x'\r\nINFO {}\r\n",
  'CONNECT {"user":"a","pass":"b","auth_token":"t","jwt":"eyJ","nkey":"U","sig":"s","name":"\\u0000","lang":"go"}\r\n',
  "PUB $SYS.REQ.SERVER.PING _INBOX.1 2\r\n{}\r\nSUB _INBOX.1 1\r\nPUB $JS.API.INFO _INBOX.1 0\r\n\r\n",
];

const DICTIONARY = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  ".",
  "*",
  ">",
  "-",
  "0",
  "-1",
  "99999999999999999999",
  "2147483648",
  "4294967295",
  "9007199254740993",
  "{",
  "}",
  '"',
  "[",
  "null",
  "\xff\xfe",
  "\xc3",
  "PUB ",
  "HPUB ",
  "SUB ",
  "UNSUB ",
  "CONNECT ",
  "PING\r\n",
  "NATS/1.0",
  "NATS/1.0 503\r\n\r\n",
  "$SYS.",
  "_INBOX.",
  "a".repeat(5000),
  "a.".repeat(2000),
  "[".repeat(3000),
  "__proto__",
];

/** A mutation of one of `seeds`: one to six random edits. */
export function mutate(seeds: readonly Uint8Array[], random: () => number): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  let bytes = Buffer.from(pick(seeds));
  for (let edits = 1 + below(6); edits > 0; edits--) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + below(16));
    const replace = (middle: Uint8Array, from: number, to: number): void => {
      bytes = Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
    };
    switch (below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = below(256);
        break;
      case 2:
        replace(Buffer.alloc(0), at, end);
        break;
      case 3:
        replace(Buffer.from(pick(DICTIONARY), "latin1"), at, at);
        break;
      case 4:
        replace(Buffer.from(pick(DICTIONARY), "latin1"), at, end);
        break;
      case 5:
        replace(Buffer.concat([bytes.subarray(at, end), bytes.subarray(at, end)]), at, end);
        break;
      default:
        replace(pick(seeds), at, bytes.length);
    }
  }
  return bytes;
}
