// What accounts with limits have stored on the other servers of this JetStream: servers tell each other what has changed,
// every second, since a limit holds for all of them together.
import type { Timer } from "../../runtime/clock.js";
import type { JetStream, Usage } from "../jetstream.js";
import type { JetStreamAccount } from "../js-account.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";

const TELL_MS = 1000;
/** Everything is told so often, for who has missed a change. */
const ALL_EVERY = 5;
const MOST_AT_ONCE = 1000;
const NOTHING: Readonly<Usage> = { memory: 0, file: 0 };

/** An account, and its bytes in memory and on file. */
type ToldUsage = readonly [account: string, memory: number, file: number];

/** What a server tells at once. */
interface Telling extends PeerMessage {
  readonly accounts: readonly ToldUsage[];
  /** Of a telling of everything: which part this is, from 0 on, and whether it is the last; accounts in none have nothing. */
  readonly part?: number;
  readonly last?: boolean;
}

/** The parts of a telling of everything so far. */
interface Whole {
  parts: number;
  readonly accounts: Set<string>;
}

export class UsageElsewhere {
  readonly #js: JetStream;
  readonly #peers: Peers;
  /** By server and account. */
  readonly #servers = new Map<string, Map<string, Usage>>();
  /** Tellings that have not come to their end, by server. */
  readonly #wholes = new Map<string, Whole>();
  /** Of all these servers together, by account. */
  readonly #sums = new Map<string, Usage>();
  #told = new Map<string, Usage>();
  #rounds = 0;
  #timer: Timer | undefined;

  constructor(js: JetStream, peers: Peers) {
    this.#js = js;
    this.#peers = peers;
  }

  start(): void {
    this.#timer = this.#js.server.runtime.clock.every(TELL_MS, () => this.#tell());
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** What an account has on the other servers, those that are down included. */
  of(account: string): Readonly<Usage> {
    return this.#sums.get(account) ?? NOTHING;
  }

  /** Those that have something on the other servers. */
  get accounts(): string[] {
    return [...this.#sums.keys()];
  }

  /** A server tells what accounts have there. */
  heard({ name }: PeerSender, message: PeerMessage): void {
    const { accounts, part, last } = message as Telling;
    const known = this.#servers.get(name) ?? new Map<string, Usage>();
    this.#servers.set(name, known);
    for (const [account, memory, file] of accounts) this.#set(known, account, { memory, file });
    if (part === undefined) return;
    if (part === 0) this.#wholes.set(name, { parts: 0, accounts: new Set() });
    const whole = this.#wholes.get(name);
    // One of the parts was lost: the next telling says which accounts have nothing.
    if (whole?.parts !== part) {
      this.#wholes.delete(name);
      return;
    }
    whole.parts++;
    for (const [account] of accounts) whole.accounts.add(account);
    if (last !== true) return;
    this.#wholes.delete(name);
    for (const account of known.keys()) if (!whole.accounts.has(account)) this.#set(known, account, NOTHING);
  }

  /** A server that does not come back. */
  forget(name: string): void {
    for (const [account, usage] of this.#servers.get(name) ?? []) this.#add(account, usage, -1);
    this.#servers.delete(name);
    this.#wholes.delete(name);
  }

  #set(known: Map<string, Usage>, account: string, usage: Readonly<Usage>): void {
    this.#add(account, usage, 1);
    this.#add(account, known.get(account) ?? NOTHING, -1);
    if (isNothing(usage)) known.delete(account);
    else known.set(account, usage);
  }

  #add(account: string, { memory, file }: Usage, times: 1 | -1): void {
    const sum = this.#sums.get(account) ?? { memory: 0, file: 0 };
    sum.memory += times * memory;
    sum.file += times * file;
    if (isNothing(sum)) this.#sums.delete(account);
    else this.#sums.set(account, sum);
  }

  #tell(): void {
    const isAll = this.#rounds++ % ALL_EVERY === 0;
    if (isAll) this.#told = new Map();
    // What accounts have that are not open yet is not known.
    const isWhole = isAll && this.#js.unopened().next().done === true;
    let parts = 0;
    let part: ToldUsage[] = [];
    const send = (last: boolean): void => {
      const telling: Telling = { kind: "usage", accounts: part };
      this.#peers.tellAll(isWhole ? { ...telling, part: parts++, last } : telling);
    };
    for (const account of this.#js.accounts.values()) {
      const { memory, file } = account.usage;
      const { name } = account.account;
      const told = this.#told.get(name);
      if (!hasLimit(account) || (told?.memory === memory && told.file === file)) continue;
      this.#told.set(name, { memory, file });
      part.push([name, memory, file]);
      if (part.length < MOST_AT_ONCE) continue;
      send(false);
      part = [];
    }
    if (part.length > 0 || isWhole) send(true);
  }
}

function isNothing({ memory, file }: Readonly<Usage>): boolean {
  return memory === 0 && file === 0;
}

function hasLimit({ limits }: JetStreamAccount): boolean {
  return limits.maxMemoryBytes >= 0 || limits.maxStoreBytes >= 0;
}
