// All accounts of a server. Options are applied as a whole or not at all; accounts that stay keep their clients,
// subscriptions and statistics.
import type { ResolvedOptions } from "../options/options.js";
import { Account } from "./account.js";
import { type AccountDefinition, definedExports, definedImports, definedMappings } from "./definition.js";
import {
  type AccountsPlan,
  DEFAULT_SYSTEM_ACCOUNT,
  GLOBAL_ACCOUNT,
  type PlannedAccount,
  type PlannedServiceImport,
  type PlannedStreamImport,
  planAccounts,
} from "./plan.js";
import type { ImportWorld } from "./replies.js";
import { RequestChain, ServiceImport } from "./service-import.js";
import { StreamImport } from "./stream-import.js";
import type { InterestWatcher } from "./subscription.js";
import { withSystemExports, withSystemImports } from "./system-services.js";

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
  readonly #systemName: string | undefined;
  readonly #watchers: InterestWatcher[] = [];
  #accounts = new Map<string, Account>();
  readonly #defined = new Map<string, AccountDefinition>();
  // Names of the defined accounts that import, or want to, from an account.
  readonly #importers = new Map<string, Set<string>>();

  /** @throws {OptionsError} OPTIONS_VALUE: see `planAccounts` */
  constructor(options: ResolvedOptions, world: AccountsWorld) {
    this.#world = world;
    const plan = planAccounts(options, world.clusterName);
    this.#systemName = plan.system;
    this.#apply(plan);
    this.global = this.#accounts.get(GLOBAL_ACCOUNT) as Account;
    this.system = plan.system === undefined ? undefined : this.#accounts.get(plan.system);
  }

  get(name: string): Account | undefined {
    return this.#accounts.get(name);
  }

  /** From now on, `watcher` is told of every interest in every account. */
  watch(watcher: InterestWatcher): void {
    this.#watchers.push(watcher);
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

  /**
   * Adds an account that is not in the options, or replaces its definition. Imports from accounts that come or change later
   * are linked then. Returns what was refused of it and of its importers.
   */
  define(name: string, definition: AccountDefinition): readonly Error[] {
    const refused: Error[] = [];
    const refuse = (error: Error): void => void refused.push(error);
    const known = this.#accounts.get(name);
    const account = known ?? new Account(name, this.#watchers);
    this.#accounts.set(name, account);
    if (known === undefined) this.#announce(account);
    this.#forgetImports(name);
    this.#defined.set(name, definition);
    const mappings = definedMappings(definition, this.#world.clusterName, refuse);
    account.limits = definition.limits;
    account.msgTrace = definition.msgTrace;
    if (account.mappings !== undefined || mappings !== undefined) account.mappings = mappings;
    const exports = definedExports(definition, refuse);
    Object.assign(account, name === this.#systemName ? withSystemExports(exports) : exports);
    for (const { imported } of definition.imports) {
      const exporter = (imported.stream ?? imported.service)?.account ?? "";
      const importers = this.#importers.get(exporter) ?? new Set();
      this.#importers.set(exporter, importers.add(name));
    }
    this.#linkDefined(name, refuse);
    for (const importer of this.#importers.get(name) ?? []) if (importer !== name) this.#linkDefined(importer, refuse);
    return refused;
  }

  /** Links the imports of a defined account again, since what allows them has changed (a token expired). */
  relink(name: string): readonly Error[] {
    const refused: Error[] = [];
    this.#linkDefined(name, (error) => void refused.push(error));
    return refused;
  }

  /** Takes a defined account away; its clients are the server's to close. The global and the system account stay. */
  remove(name: string): void {
    const account = this.#accounts.get(name);
    this.#forgetImports(name);
    if (account === undefined || !this.#defined.delete(name) || account === this.system) return;
    this.#accounts.delete(name);
    account.linkImports([], []);
    for (const importer of this.#importers.get(name) ?? []) this.relink(importer);
  }

  /** The server has ended. */
  close(): void {
    for (const account of this.all()) account.replies?.close();
  }

  #forgetImports(name: string): void {
    for (const { imported } of this.#defined.get(name)?.imports ?? []) {
      const exporter = (imported.stream ?? imported.service)?.account ?? "";
      const importers = this.#importers.get(exporter);
      importers?.delete(name);
      if (importers?.size === 0) this.#importers.delete(exporter);
    }
  }

  #linkDefined(name: string, refuse: (error: Error) => void): void {
    const account = this.#accounts.get(name);
    const definition = this.#defined.get(name);
    if (account === undefined || definition === undefined) return;
    const find = (other: string): Account | undefined => this.#accounts.get(other);
    this.#link(account, definedImports(account, definition, find, refuse));
  }

  #link(account: Account, planned: Pick<PlannedAccount, "streamImports" | "serviceImports">): void {
    account.linkImports(
      planned.streamImports.map((imported) => this.#streamImport(account, imported)),
      withSystemImports(account.name, this.#systemName, planned.serviceImports).map((imported) =>
        this.#serviceImport(account, imported),
      ),
    );
  }

  #apply(plan: AccountsPlan): void {
    const before = this.#accounts;
    const now = new Map<string, Account>();
    for (const name of plan.accounts.keys()) now.set(name, before.get(name) ?? new Account(name, this.#watchers));
    for (const name of this.#defined.keys()) now.set(name, before.get(name) as Account);
    for (const [name, account] of before) {
      if (!now.has(name)) account.linkImports([], []);
    }
    this.#accounts = now;
    for (const [name, account] of now) if (before.get(name) !== account) this.#announce(account);
    for (const planned of plan.accounts.values()) {
      if (this.#defined.has(planned.name)) continue;
      const account = now.get(planned.name) as Account;
      account.limits = planned.limits;
      account.msgTrace = planned.msgTrace;
      if (account.mappings !== undefined || planned.mappings !== undefined) account.mappings = planned.mappings;
      account.streamExports = planned.streamExports;
      account.serviceExports = planned.serviceExports;
      this.#link(account, planned);
    }
  }

  #announce(account: Account): void {
    for (const watcher of this.#watchers) watcher.accountAdded?.(account);
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

  /** A service import that no plan has; whoever makes it subscribes it. */
  importService(importer: Account, planned: PlannedServiceImport): ServiceImport {
    return this.#serviceImport(importer, planned);
  }

  #serviceImport(importer: Account, planned: PlannedServiceImport): ServiceImport {
    const exporter = this.#accounts.get(planned.exporter) as Account;
    return new ServiceImport(exporter, importer, planned, this.#world, this.#chain);
  }
}
