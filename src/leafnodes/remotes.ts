// The hubs of the options: made at the start, changed by a reload. A remote waits until its account is known, as one of a JWT
// may not be at the start.
import type { Account } from "../accounts/account.js";
import { quoted } from "../protocol/error-texts.js";
import type { Timer } from "../runtime/clock.js";
import type { Server } from "../server/server.js";
import { type LeafDialler, LeafRemote, type RemoteOptions } from "./remote.js";

const LOOKUP_PAUSE_MS = 1_000;

export class Remotes {
  readonly #server: Server;
  readonly #dialler: LeafDialler;
  #remotes: LeafRemote[] = [];
  /** Those whose account is looked for, by what the options say. */
  readonly #waiting = new Map<string, Timer | undefined>();

  constructor(server: Server, dialler: LeafDialler) {
    this.#server = server;
    this.#dialler = dialler;
  }

  has(remote: LeafRemote): boolean {
    return this.#remotes.includes(remote);
  }

  /** Begins to dial; those that are there go on. Returns those that are not wanted any more, stopped. */
  take(wanted: readonly RemoteOptions[]): LeafRemote[] {
    const { accounts } = this.#server;
    const keys = new Set(wanted.map(keyOf));
    const stays = ({ options, account }: LeafRemote): boolean =>
      keys.has(keyOf(options)) && accounts.get(options.account) === account;
    const gone = this.#remotes.filter((remote) => !stays(remote));
    this.#remotes = this.#remotes.filter(stays);
    for (const remote of gone) remote.stop();
    for (const key of this.#waiting.keys()) if (!keys.has(key)) this.#forget(key);
    const known = new Set([...this.#remotes.map(({ options }) => keyOf(options)), ...this.#waiting.keys()]);
    for (const options of wanted) if (!known.has(keyOf(options))) this.#add(options);
    return gone;
  }

  stop(): void {
    for (const remote of this.#remotes) remote.stop();
    for (const key of this.#waiting.keys()) this.#forget(key);
  }

  #add(options: RemoteOptions): void {
    if (options.disabled) return;
    const { accounts, operatorMode, logger } = this.#server;
    const account = accounts.get(options.account);
    if (account !== undefined) this.#start(options, account);
    else if (operatorMode === undefined) logger.error(`Leafnode remote: no account ${quoted(options.account)}`);
    else {
      this.#waiting.set(keyOf(options), undefined);
      void this.#lookUp(options);
    }
  }

  #start(options: RemoteOptions, account: Account): void {
    const remote = new LeafRemote(this.#server, options, account, this.#dialler);
    this.#remotes.push(remote);
    remote.start();
  }

  async #lookUp(options: RemoteOptions): Promise<void> {
    const { operatorMode, logger, runtime } = this.#server;
    const key = keyOf(options);
    const found = await operatorMode?.accounts.lookup(options.account);
    if (!this.#waiting.has(key)) return;
    if (found !== undefined) {
      this.#waiting.delete(key);
      this.#start(options, found.account);
      return;
    }
    logger.error(`Leafnode remote: no account ${quoted(options.account)}, it is looked up again`);
    this.#waiting.set(
      key,
      runtime.clock.after(LOOKUP_PAUSE_MS, () => void this.#lookUp(options)),
    );
  }

  #forget(key: string): void {
    this.#waiting.get(key)?.cancel();
    this.#waiting.delete(key);
  }
}

const keyOf = (options: RemoteOptions): string => JSON.stringify(options);
