// All accounts of a server. Options are applied as a whole or not at all; accounts that stay keep their clients,
// subscriptions and statistics.
import type { ResolvedOptions } from "../options/options.js";
import { Account } from "./account.js";
import {
  type AccountsPlan,
  DEFAULT_SYSTEM_ACCOUNT,
  GLOBAL_ACCOUNT,
  type PlannedServiceImport,
  type PlannedStreamImport,
  planAccounts,
} from "./plan.js";
import type { ImportWorld } from "./replies.js";
import { RequestChain, ServiceImport } from "./service-import.js";
import { StreamImport } from "./stream-import.js";

export { DEFAULT_SYSTEM_ACCOUNT, GLOBAL_ACCOUNT };

/** What the accounts need of the server. `clusterName` chooses among mappings by cluster. */
export interface AccountsWorld extends ImportWorld {
  readonly clusterName?: string;
}

export class Accounts {
  readonly global: Account;
  /** Undefined when there is none (no_system_account). */
  readonly system: Account | undefined;
  readonly #world: AccountsWorld;
  readonly #chain = new RequestChain();
  #accounts = new Map<string, Account>();

  /** @throws {OptionsError} OPTIONS_VALUE: see `planAccounts` */
  constructor(options: ResolvedOptions, world: AccountsWorld) {
    this.#world = world;
    const plan = planAccounts(options, world.clusterName);
    this.#apply(plan);
    this.global = this.#accounts.get(GLOBAL_ACCOUNT) as Account;
    this.system = plan.system === undefined ? undefined : this.#accounts.get(plan.system);
  }

  get(name: string): Account | undefined {
    return this.#accounts.get(name);
  }

  /** Every account, the global one first. */
  all(): Iterable<Account> {
    return this.#accounts.values();
  }

  get size(): number {
    return this.#accounts.size;
  }

  /**
   * Checks new options and returns what applies them; nothing changes before it is called. Accounts are kept by name with
   * their live subscriptions, which follow changed imports. Accounts that are gone lose their imports; their clients are
   * the server's to close. The system account does not change.
   * @throws {OptionsError} OPTIONS_VALUE: see `planAccounts`
   */
  prepare(next: ResolvedOptions): () => void {
    const plan = planAccounts(next, this.#world.clusterName);
    return () => this.#apply(plan);
  }

  #apply(plan: AccountsPlan): void {
    const before = this.#accounts;
    const now = new Map<string, Account>();
    for (const name of plan.accounts.keys()) now.set(name, before.get(name) ?? new Account(name));
    for (const [name, account] of before) {
      if (!now.has(name)) account.linkImports([], []);
    }
    this.#accounts = now;
    for (const planned of plan.accounts.values()) {
      const account = now.get(planned.name) as Account;
      account.limits = planned.limits;
      if (account.mappings !== undefined || planned.mappings !== undefined) account.mappings = planned.mappings;
      account.streamExports = planned.streamExports;
      account.serviceExports = planned.serviceExports;
      account.linkImports(
        planned.streamImports.map((imported) => this.#streamImport(account, imported)),
        planned.serviceImports.map((imported) => this.#serviceImport(account, imported)),
      );
    }
  }

  // One that has not changed stays, so that its subscriptions need not move.
  #streamImport(importer: Account, planned: PlannedStreamImport): StreamImport {
    const exporter = this.#accounts.get(planned.exporter) as Account;
    const same = importer.streamImports.find(
      ({ exporter: from, renaming, allowTrace }) =>
        from === exporter && renaming.equals(planned.renaming) && allowTrace === planned.allowTrace,
    );
    return same ?? new StreamImport(exporter, importer, planned.renaming, planned.allowTrace);
  }

  #serviceImport(importer: Account, planned: PlannedServiceImport): ServiceImport {
    const exporter = this.#accounts.get(planned.exporter) as Account;
    return new ServiceImport(exporter, importer, planned, this.#world, this.#chain);
  }
}
