// The operations that servers use among themselves, over routes, gateways and leaf links (conformance/topology, WIRE.md).
import { afterBlanks, findVerb, type Spelling, spelling } from "./verbs.js";

export const PeerVerb = {
  unknown: 0,
  /** The bytes so far may still become a verb. */
  incomplete: 1,
  rmsg: 2,
  hmsg: 3,
  lmsg: 4,
  /** RS+ and RS-: interest over routes and gateways. */
  subscribe: 5,
  unsubscribe: 6,
  /** LS+ and LS-: interest over leaf links, and of leaf nodes over routes. */
  leafSubscribe: 7,
  leafUnsubscribe: 8,
  /** A+ and A-: whole accounts, over gateways. */
  accountSubscribe: 9,
  accountUnsubscribe: 10,
  ping: 11,
  pong: 12,
  connect: 13,
  info: 14,
  ok: 15,
  err: 16,
} as const;
export type PeerVerb = (typeof PeerVerb)[keyof typeof PeerVerb];

const SPELLINGS: readonly Spelling<PeerVerb>[] = [
  spelling(PeerVerb.rmsg, "rmsg", true),
  spelling(PeerVerb.hmsg, "hmsg", true),
  spelling(PeerVerb.lmsg, "lmsg", true),
  spelling(PeerVerb.subscribe, "rs+", true),
  spelling(PeerVerb.unsubscribe, "rs-", true),
  spelling(PeerVerb.leafSubscribe, "ls+", true),
  spelling(PeerVerb.leafUnsubscribe, "ls-", true),
  spelling(PeerVerb.accountSubscribe, "a+", true),
  spelling(PeerVerb.accountUnsubscribe, "a-", true),
  spelling(PeerVerb.ping, "ping", false),
  spelling(PeerVerb.pong, "pong", false),
  spelling(PeerVerb.connect, "connect", false),
  spelling(PeerVerb.info, "info", false),
  spelling(PeerVerb.ok, "+ok", false),
  spelling(PeerVerb.err, "-err", true),
];

const LENGTHS: readonly number[] = Object.values(PeerVerb).map(
  (verb) => SPELLINGS.find((one) => one.verb === verb)?.text.length ?? 0,
);

/** The verb that a line (or the beginning of one, if `whole` is false) starts with. */
export function peerVerbOf(buffer: Uint8Array, start: number, end: number, whole: boolean): PeerVerb {
  return findVerb(SPELLINGS, buffer, start, end, whole);
}

/** Where the arguments of a line begin: behind the verb and the blanks and tabs that follow it. */
export function peerArgumentsStart(verb: PeerVerb, buffer: Uint8Array, start: number, end: number): number {
  return afterBlanks(buffer, start + LENGTHS[verb], end);
}
