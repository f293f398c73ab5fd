// Streams of one name on two servers, which both sides of a split network can make: which of them answers, and how the others
// are named (docs/architecture.md, "One JetStream of many servers").
import type { JetStreamProblem } from "../../server/jetstream-source.js";
import type { JetStream } from "../jetstream.js";
import type { JetStreamAccount } from "../js-account.js";
import { isBefore, type Peer } from "./peer.js";

export class Twins {
  readonly #js: JetStream;
  readonly #peers: ReadonlyMap<string, Peer>;
  /** Those that the log has named, by account and name. */
  readonly #named = new Set<string>();

  /** @param peers the other servers, by name */
  constructor(js: JetStream, peers: ReadonlyMap<string, Peer>) {
    this.#js = js;
    this.#peers = peers;
  }

  /** A server that is online and has an older stream of the name than this one. */
  older(account: string, name: string, createdNs: bigint): Peer | undefined {
    const own = { name: this.#js.server.name, createdNs };
    for (const peer of this.#peers.values()) {
      const other = peer.isOnline ? peer.stream(account, name) : undefined;
      if (other !== undefined && isBefore({ name: peer.name, createdNs: other.createdNs }, own)) return peer;
    }
    return undefined;
  }

  /** Streams of this server that are on others, too. */
  *problems(): IterableIterator<JetStreamProblem> {
    for (const opened of this.#js.accounts.values()) {
      for (const name of opened.streams.keys()) {
        const others = this.#others(opened, name);
        if (others.length === 0) continue;
        yield { account: opened.account.name, stream: name, error: this.#describe(opened, name, others) };
      }
    }
  }

  #others({ account }: JetStreamAccount, name: string): Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.isOnline && peer.stream(account.name, name) !== undefined);
  }

  #describe(opened: JetStreamAccount, name: string, others: readonly Peer[]): string {
    const createdNs = opened.streams.get(name)?.createdNs ?? 0n;
    const older = this.older(opened.account.name, name, createdNs);
    const where = others.map((peer) => peer.name).join(", ");
    return older === undefined
      ? `stream "${name}" is on another server too: ${where}; this one is older and answers`
      : `stream "${name}" is on another server too, which answers for it: ${older.name}`;
  }

  /** Names a stream in the log, once, when another server has it as well. */
  look(accountName: string, name: string): void {
    const account = this.#js.server.accounts.get(accountName);
    const opened = account && this.#js.accounts.get(account);
    const others = opened?.streams.has(name) ? this.#others(opened, name) : [];
    const key = `${accountName} ${name}`;
    const { logger } = this.#js.server;
    if (opened === undefined || others.length === 0) {
      if (this.#named.delete(key))
        logger.info(`JetStream: stream "${name}" of account "${accountName}" is on one server`);
      return;
    }
    if (this.#named.has(key)) return;
    this.#named.add(key);
    logger.error(`JetStream: ${this.#describe(opened, name, others)} (account "${accountName}")`);
  }
}
