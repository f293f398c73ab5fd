// The accounts that a server knows by their JWTs. A JWT is fetched when somebody first asks for its account, by one lookup
// however many ask; accounts that nobody uses cost nothing.
import type { Account } from "../../accounts/account.js";
import type { Accounts } from "../../accounts/accounts.js";
import type { AccountDefinition, ImportDefinition } from "../../accounts/definition.js";
import { defaultDomain } from "../../accounts/plan.js";
import type { ResolvedOptions } from "../../options/options.js";
import type { Clock, Timer } from "../../runtime/clock.js";
import type { Logger } from "../../runtime/logger.js";
import {
  type AccountClaims,
  accountFault,
  bootstrapClaims,
  type ClaimedImport,
  decodeAccountClaims,
} from "./account-claims.js";
import { type Activation, activationOf, isActivated } from "./activation.js";
import type { TrustedOperators } from "./operator-claims.js";
import type { AccountResolver } from "./resolver.js";

/** An expired account is looked for again at most this often. */
const RETRY_MS = 1_000;
const SLOW_FETCH_MS = 1_000;
const DEFAULT_THRESHOLD_MS = 120_000;
const NO_LIMIT_LEFT = { maxConnections: 0, maxSubscriptions: 0, maxPayloadBytes: 0, maxLeafnodes: 0 };

/** An account and what its JWT says. */
export interface ClaimedAccount {
  readonly account: Account;
  readonly claims: AccountClaims;
  readonly jwt: string;
  /** When these claims were taken, wall-clock time. */
  readonly updatedMs: number;
  /** Whether it has expired or was deleted: nobody is let in. */
  readonly expired: boolean;
}

/** What happened to an account whose clients may have to go. */
export type AccountChange = "updated" | "expired";

export interface ClaimedAccountsWorld {
  readonly accounts: Accounts;
  readonly operators: TrustedOperators;
  readonly resolver: AccountResolver;
  readonly clock: Clock;
  readonly logger: () => Logger;
  /** JetStream's domain for accounts that do not have it here, by the account's name. */
  readonly defaultJsDomain: () => ResolvedOptions["defaultJsDomain"];
  /** Called after an account has changed. */
  changed(account: Account, change: AccountChange): void;
}

/** An account JWT that this server does not accept. */
export class AccountClaimsError extends Error {
  override readonly name = "AccountClaimsError";
  readonly code = "ACCOUNT_CLAIMS";
}

export class ClaimedAccounts {
  readonly #world: ClaimedAccountsWorld;
  readonly #known = new Map<string, ClaimedAccount>();
  // Set before an account is linked, since whether tokens are good depends on the exporter's claims.
  readonly #claims = new Map<string, AccountClaims>();
  readonly #loading = new Map<string, Promise<ClaimedAccount | undefined>>();
  readonly #expiry = new Map<string, Timer>();
  readonly #activationEnd = new Map<string, Timer>();

  constructor(world: ClaimedAccountsWorld) {
    this.#world = world;
  }

  /** Fetches a JWT anew; undefined: there is none. */
  refresh(name: string): Promise<ClaimedAccount | undefined> {
    return this.#lookUpAll(name);
  }

  /** What is known of an account, without a lookup; expired ones too. */
  get(name: string): ClaimedAccount | undefined {
    return this.#known.get(name);
  }

  /** Names of all accounts that are known. */
  names(): Iterable<string> {
    return this.#known.keys();
  }

  /** An account that may be used; fetched with those that it imports from when it is not known. Undefined: there is none. */
  lookup(name: string): ClaimedAccount | Promise<ClaimedAccount | undefined> | undefined {
    const known = this.#known.get(name);
    if (known !== undefined && !known.expired) return known;
    if (known !== undefined && this.#world.clock.nowMs() - known.updatedMs < RETRY_MS) return undefined;
    return this.#lookUpAll(name);
  }

  /**
   * Takes a JWT for an account, new or known.
   * @throws {AccountClaimsError | JwtError} it is not signed by somebody trusted, not valid now, or of another account
   */
  apply(name: string, jwt: string): ClaimedAccount {
    const before = this.#known.get(name);
    if (before?.jwt === jwt && !before.expired) return before;
    return this.#take(name, jwt, this.#verified(name, jwt));
  }

  /** Lets the users of a system account in whose JWT is not there yet. */
  bootstrap(name: string, issuer: string): void {
    this.#take(name, "", bootstrapClaims(name, issuer));
  }

  #take(name: string, jwt: string, claims: AccountClaims): ClaimedAccount {
    const before = this.#known.get(name);
    const { accounts, clock, logger } = this.#world;
    logger().debug(`Updating account claims: ${name}/${claims.name}`);
    this.#claims.set(name, claims);
    for (const error of accounts.define(name, this.#definitionOf(claims))) logger().debug(error.message);
    const account = accounts.get(name) as Account;
    account.nameTag = claims.name;
    const now: ClaimedAccount = {
      account,
      claims,
      jwt,
      updatedMs: clock.nowMs(),
      expired: false,
    };
    this.#known.set(name, now);
    this.#expireAt(name, claims.expires);
    if (before !== undefined) {
      this.#world.changed(account, "updated");
      void this.#lookUpImports(claims);
    }
    return now;
  }

  /** Shuts an account down: its clients have to go and nobody is let in until there is a new JWT. */
  disable(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#world.logger().debug(`Disable account ${name} due to remove`);
    known.account.limits = NO_LIMIT_LEFT;
    this.#expire(name);
  }

  /** Forgets an account whose JWT is gone from the configuration. */
  forget(name: string): void {
    this.disable(name);
    this.#known.delete(name);
    this.#claims.delete(name);
    this.#world.accounts.remove(name);
  }

  /** Ends all timers. */
  close(): void {
    for (const timer of [...this.#expiry.values(), ...this.#activationEnd.values()]) timer.cancel();
    this.#expiry.clear();
    this.#activationEnd.clear();
  }

  async #lookUpAll(name: string): Promise<ClaimedAccount | undefined> {
    const found = await this.#load(name);
    if (found === undefined) return undefined;
    await this.#lookUpImports(found.claims);
    // Meanwhile there may be newer claims, which shut somebody out.
    const now = this.#known.get(name);
    return now?.expired ? undefined : now;
  }

  // The accounts that are imported from, and those that they import from, so that requests may be passed on.
  async #lookUpImports(claims: AccountClaims): Promise<void> {
    const seen = new Set([claims.subject]);
    let next = [claims];
    while (next.length > 0) {
      const names = next.flatMap(({ imports }) => imports.map(({ account }) => account));
      const missing = [...new Set(names)].filter((name) => !seen.has(name));
      for (const name of missing) seen.add(name);
      const fetched = await Promise.all(missing.map((name) => this.#known.get(name) ?? this.#load(name)));
      next = fetched.flatMap((one) => (one === undefined ? [] : [one.claims]));
    }
  }

  #load(name: string): Promise<ClaimedAccount | undefined> {
    const under = this.#loading.get(name);
    if (under !== undefined) return under;
    const lookup = this.#loadAlone(name).finally(() => this.#loading.delete(name));
    this.#loading.set(name, lookup);
    return lookup;
  }

  async #loadAlone(name: string): Promise<ClaimedAccount | undefined> {
    const { resolver, clock } = this.#world;
    const logger = this.#world.logger();
    const startedAt = clock.monotonicMs();
    try {
      const jwt = await resolver.find(name);
      const tookMs = clock.monotonicMs() - startedAt;
      const line = `Account [${name}] fetch took ${tookMs.toFixed(3)}ms`;
      if (tookMs > SLOW_FETCH_MS) logger.warn(line);
      else logger.debug(line);
      if (jwt === undefined) throw new AccountClaimsError("account missing");
      return this.apply(name, jwt);
    } catch (error) {
      logger.warn(`Account fetch failed: ${(error as Error).message}`);
      return undefined;
    }
  }

  #verified(name: string, jwt: string): AccountClaims {
    const claims = decodeAccountClaims(jwt);
    const { operators, clock } = this.#world;
    if (!operators.trusts(claims.issuer)) throw new AccountClaimsError("account validation failed: not trusted");
    if (claims.subject !== name) throw new AccountClaimsError("account validation failed: another account");
    const fault = accountFault(claims, Math.floor(clock.nowMs() / 1000));
    if (fault !== undefined) throw new AccountClaimsError(`account validation failed: ${fault}`);
    return claims;
  }

  #definitionOf(claims: AccountClaims): AccountDefinition {
    const activations: Activation[] = [];
    const imports = claims.imports.map((imported): ImportDefinition => {
      const activation = activationOf(imported, claims.subject);
      if (activation !== undefined) activations.push(activation);
      return { imported: importOption(imported), isActivated: this.#check(imported, activation) };
    });
    this.#relinkAt(claims.subject, activations);
    return {
      limits: claims.limits,
      mappings: claims.jetstream.size > 0 ? claims.mappings : { ...this.#defaultDomain(claims), ...claims.mappings },
      exports: claims.exports.map((one) => ({
        stream: one.kind === "stream" ? one.subject : undefined,
        service: one.kind === "service" ? one.subject : undefined,
        accounts: undefined,
        responseType: one.responseType,
        thresholdMs: one.thresholdMs || DEFAULT_THRESHOLD_MS,
        accountTokenPosition: one.accountTokenPosition,
        allowTrace: one.allowTrace,
        latency: one.latency,
        tokenRequired: one.tokenRequired,
      })),
      imports,
      msgTrace: claims.traceDestination
        ? { destination: claims.traceDestination, sampling: claims.traceSampling }
        : undefined,
    };
  }

  #defaultDomain({ subject }: AccountClaims): AccountClaims["mappings"] {
    return defaultDomain({ defaultJsDomain: this.#world.defaultJsDomain() }, subject);
  }

  #check(imported: ClaimedImport, activation: Activation | undefined): ImportDefinition["isActivated"] {
    return ({ subject }) => {
      const exporter = this.#claims.get(imported.account);
      if (activation === undefined || exporter === undefined) return false;
      const nowSeconds = this.#world.clock.nowMs() / 1000;
      return isActivated(activation, exporter, { kind: imported.kind, subject }, nowSeconds);
    };
  }

  #expireAt(name: string, expires: number): void {
    this.#expiry.get(name)?.cancel();
    this.#expiry.delete(name);
    if (expires === 0) return;
    // As nats-server counts: whole seconds from now on, so that it lives on for the rest of a second.
    const leftMs = Math.max(0, expires - Math.floor(this.#world.clock.nowMs() / 1000)) * 1000;
    this.#expiry.set(
      name,
      this.#world.clock.after(leftMs, () => this.#expire(name)),
    );
  }

  #expire(name: string): void {
    this.#expiry.get(name)?.cancel();
    this.#expiry.delete(name);
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#known.set(name, { ...known, expired: true });
    this.#world.changed(known.account, "expired");
  }

  // Imports end with their activation.
  #relinkAt(name: string, activations: readonly Activation[]): void {
    this.#activationEnd.get(name)?.cancel();
    this.#activationEnd.delete(name);
    const nowMs = this.#world.clock.nowMs();
    const ends = activations.map(({ expires }) => expires * 1000).filter((endMs) => endMs > nowMs);
    if (ends.length === 0) return;
    const timer = this.#world.clock.after(Math.min(...ends) - nowMs, () => {
      this.#world.accounts.relink(name);
      this.#relinkAt(name, activations);
    });
    this.#activationEnd.set(name, timer);
  }
}

function importOption({
  kind,
  account,
  remote,
  local,
  prefix,
  share,
  allowTrace,
}: ClaimedImport): ImportDefinition["imported"] {
  const source = { account, subject: remote };
  return {
    stream: kind === "stream" ? source : undefined,
    service: kind === "service" ? source : undefined,
    to: local,
    prefix,
    share,
    allowTrace,
  };
}
