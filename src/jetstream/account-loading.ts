// JetStream of accounts of JWTs that nobody on this server has logged in to: those that have streams here are loaded at the
// start, others when another server needs them.
import type { JetStream } from "./jetstream.js";
import type { JetStreamAccount } from "./js-account.js";

/** The start waits so long for accounts that have streams. */
const START_MS = 1000;
/** One that was not found is looked up again, less and less often. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 300_000;

export class AccountLoading {
  readonly #js: JetStream;

  constructor(js: JetStream) {
    this.#js = js;
  }

  /** Loads the accounts that have streams here. Resolves when they are there, or after a second at the latest. */
  async start(): Promise<void> {
    const names = [...this.#js.unopened()].map(([name]) => name);
    if (names.length === 0 || this.#js.server.operatorMode === undefined) return;
    const all = Promise.all(names.map((name) => this.#loadStored(name, RETRY_MS)));
    await Promise.race([all, new Promise<void>((resolve) => this.#js.after(START_MS, resolve))]);
  }

  async #loadStored(name: string, retryMs: number): Promise<void> {
    const js = this.#js;
    if (js.closing || (await this.load(name)) !== undefined) return;
    js.after(retryMs, () => void this.#loadStored(name, Math.min(2 * retryMs, MAX_RETRY_MS)));
  }

  /** The JetStream of an account, which is looked up where it is not known; undefined where it has none. */
  async load(name: string): Promise<JetStreamAccount | undefined> {
    const { accounts, operatorMode, runtime } = this.#js.server;
    if (accounts.get(name) === undefined && operatorMode !== undefined) await operatorMode.accounts.lookup(name);
    const account = accounts.get(name);
    if (account === undefined) return undefined;
    // The room opens one that has just come, for whatever reason, at the end of that turn.
    if (operatorMode !== undefined && !this.#js.accounts.has(account)) {
      await new Promise<void>((resolve) => runtime.clock.endOfTurn(resolve));
    }
    return this.#js.accounts.get(account);
  }
}
