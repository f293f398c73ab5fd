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

export class UsageElsewhere {
  readonly #js: JetStream;
  readonly #peers: Peers;
  /** By server and account. */
  readonly #servers = new Map<string, Map<string, Usage>>();
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

  /** A server tells what accounts have there. */
  heard({ name }: PeerSender, message: PeerMessage): void {
    const known = this.#servers.get(name) ?? new Map<string, Usage>();
    this.#servers.set(name, known);
    for (const [account, memory, file] of message["accounts"] as readonly ToldUsage[]) {
      this.#add(account, known.get(account) ?? NOTHING, -1);
      known.set(account, { memory, file });
      this.#add(account, { memory, file }, 1);
    }
  }

  /** A server that does not come back. */
  forget(name: string): void {
    for (const [account, usage] of this.#servers.get(name) ?? []) this.#add(account, usage, -1);
    this.#servers.delete(name);
  }

  #add(account: string, { memory, file }: Usage, times: 1 | -1): void {
    const sum = this.#sums.get(account) ?? { memory: 0, file: 0 };
    sum.memory += times * memory;
    sum.file += times * file;
    this.#sums.set(account, sum);
  }

  #tell(): void {
    if (this.#rounds++ % ALL_EVERY === 0) this.#told = new Map();
    let part: ToldUsage[] = [];
    const send = (): void => this.#peers.tellAll({ kind: "usage", accounts: part });
    for (const account of this.#js.accounts.values()) {
      const { memory, file } = account.usage;
      const { name } = account.account;
      const told = this.#told.get(name);
      if (!hasLimit(account) || (told?.memory === memory && told.file === file)) continue;
      this.#told.set(name, { memory, file });
      part.push([name, memory, file]);
      if (part.length < MOST_AT_ONCE) continue;
      send();
      part = [];
    }
    if (part.length > 0) send();
  }
}

function hasLimit({ limits }: JetStreamAccount): boolean {
  return limits.maxMemoryBytes >= 0 || limits.maxStoreBytes >= 0;
}
