// A server that trusts operators instead of having users of its own: what belongs to that, from start to end
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
import type { Account } from "../../accounts/account.js";
import type { Accounts } from "../../accounts/accounts.js";
import { requestWithin } from "../../accounts/internal-request.js";
import { OptionsError } from "../../options/errors.js";
import type { ResolvedOptions } from "../../options/options.js";
import type { Timer } from "../../runtime/clock.js";
import type { FetchOptions } from "../../runtime/network.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Admission, Credentials, Origin } from "../authenticator.js";
import type { CalloutWorld } from "../callout.js";
import { readTlsFiles } from "../certificates/certificate-files.js";
import { FairQueue, type QueueLimits } from "../fair-queue.js";
import { isPublicNkey } from "../nkey.js";
import { type AccountChange, ClaimedAccounts } from "./claimed-accounts.js";
import { DirectoryResolver } from "./directory-resolver.js";
import type { LoginReview } from "./jwt-login.js";
import { JwtUsers } from "./jwt-users.js";
import { TrustedOperators } from "./operator-claims.js";
import { type AccountResolver, MemoryResolver, ResolverError, UrlResolver } from "./resolver.js";
import { checkSentinel } from "./sentinel.js";

/** A system account that could not be fetched at the start is looked for again this often. */
const SYSTEM_ACCOUNT_RETRY_MS = 1_000;
const NO_BYTES = Buffer.alloc(0);

export interface OperatorModeWorld extends CalloutWorld {
  readonly runtime: Runtime;
  readonly accounts: Accounts;
  /** How many logins look up an account at once, and how many may wait for that. */
  readonly lookupLimits: { readonly parallel: number; readonly waiting: QueueLimits };
  /** An account has changed in a way that its clients may have to follow. */
  changed(account: Account, change: AccountChange): void;
  /** How many other servers may know an account; default none. */
  otherServers?(): number;
}

export class OperatorMode {
  readonly operators: TrustedOperators;
  readonly accounts: ClaimedAccounts;
  readonly resolver: AccountResolver;
  readonly #lookups: FairQueue;
  #users: JwtUsers;
  readonly #world: OperatorModeWorld;
  #options: ResolvedOptions;
  #looking: Timer | undefined;

  /**
   * Undefined when the options name no operator.
   * @throws {OptionsError} OPTIONS_VALUE: operators, resolver or default sentinel make no sense
   */
  static of(options: ResolvedOptions, world: OperatorModeWorld): OperatorMode | undefined {
    const operators = new TrustedOperators(options);
    return operators.any ? new OperatorMode(options, operators, world) : undefined;
  }

  private constructor(options: ResolvedOptions, operators: TrustedOperators, world: OperatorModeWorld) {
    this.operators = operators;
    this.#options = options;
    this.#world = world;
    this.#lookups = new FairQueue(world.lookupLimits.parallel, world.lookupLimits.waiting);
    this.resolver = this.#resolverOf(options);
    this.accounts = new ClaimedAccounts({
      accounts: world.accounts,
      operators,
      resolver: this.resolver,
      clock: world.clock,
      logger: world.logger,
      defaultJsDomain: () => this.#options.defaultJsDomain,
      changed: (account, change) => world.changed(account, change),
    });
    this.#users = this.#usersOf(options);
  }

  /**
   * Makes the resolver ready and fetches the system account. Rejects with a ResolverError, CertificateFileError or TlsError,
   * which stops the server's start.
   */
  async start(): Promise<void> {
    if (this.resolver instanceof UrlResolver) this.resolver.tls = this.#resolverTls(this.#options);
    await this.resolver.start?.();
    const { systemAccount } = this.#options;
    const logger = this.#world.logger();
    if (!systemAccount) {
      logger.warn("Trusted Operators should utilize a System Account");
      return;
    }
    if ((await this.accounts.lookup(systemAccount)) === undefined) this.#bootstrap(systemAccount);
    if (!(this.resolver instanceof DirectoryResolver)) return;
    const { kind, directory } = this.resolver;
    logger.info(`Managing ${kind === "FULL" ? "all" : "some"} jwt in exclusive directory ${directory.options.path}`);
  }

  async close(): Promise<void> {
    this.#looking?.cancel();
    this.accounts.close();
    await this.resolver.close?.();
  }

  /** Decides on a login, see `JwtUsers`. */
  authenticate(credentials: Credentials, origin: Origin): Admission | undefined | Promise<Admission | undefined> {
    return this.#users.authenticate(credentials, origin);
  }

  /** What new claims of its account mean for a connected user. */
  review(admission: Admission): LoginReview {
    return this.#users.review(admission);
  }

  /**
   * Checks new options and returns what applies them: the sentinel, pinned accounts, and preloaded JWTs.
   * @throws {OptionsError} OPTIONS_VALUE
   * @throws {CertificateFileError | TlsError} certificates for the resolver cannot be used
   */
  prepare(next: ResolvedOptions): () => Promise<void> {
    const users = this.#usersOf(next);
    const tls = this.resolver instanceof UrlResolver ? this.#resolverTls(next) : undefined;
    return async () => {
      if (this.resolver instanceof UrlResolver) this.resolver.tls = tls;
      this.#options = next;
      this.#users = users;
      if (this.resolver instanceof DirectoryResolver) await this.resolver.preload(next.resolverPreload ?? {});
      if (this.resolver instanceof MemoryResolver) this.#reloadMemory(this.resolver, next.resolverPreload ?? {});
    };
  }

  #reloadMemory(resolver: MemoryResolver, preload: Readonly<Record<string, string>>): void {
    resolver.replace(preload);
    for (const name of [...this.accounts.names()]) {
      const jwt = Object.hasOwn(preload, name) ? preload[name] : undefined;
      try {
        if (jwt !== undefined) this.accounts.apply(name, jwt);
      } catch (error) {
        this.#world.logger().info(`Reloaded: deleting account [bad claims]: "${name}": ${(error as Error).message}`);
        this.accounts.forget(name);
        continue;
      }
      if (jwt !== undefined) continue;
      this.#world.logger().info(`Reloaded: deleting account [removed]: "${name}"`);
      this.accounts.forget(name);
    }
  }

  // Until the system account's JWT is there, its own key decides who its users are.
  #bootstrap(name: string): void {
    const { first } = this.operators;
    if (this.resolver instanceof MemoryResolver || first === undefined) {
      throw new ResolverError("error resolving system account: account missing");
    }
    this.#world.logger().info("Using bootstrapping system account");
    this.accounts.bootstrap(name, first.issuer);
    const look = async (): Promise<void> => {
      if (this.accounts.get(name)?.jwt === "") await this.accounts.refresh(name);
      if (this.accounts.get(name)?.jwt === "") return;
      this.#looking?.cancel();
      this.#world.logger().info("System account fetched and updated");
    };
    this.#looking = this.#world.clock.every(SYSTEM_ACCOUNT_RETRY_MS, () => void look());
  }

  #usersOf(options: ResolvedOptions): JwtUsers {
    const { defaultSentinel = "", resolverPinnedAccounts, systemAccount } = options;
    checkSentinel(defaultSentinel);
    const unusable = resolverPinnedAccounts?.find((key) => !isPublicNkey(key, "account"));
    if (unusable !== undefined) {
      const message = `pinned account key "${unusable}" is not a valid public account nkey`;
      throw new OptionsError("OPTIONS_VALUE", "resolverPinnedAccounts", message);
    }
    const pinned = resolverPinnedAccounts?.length
      ? new Set([...resolverPinnedAccounts, ...(systemAccount ? [systemAccount] : [])])
      : undefined;
    const { operators, accounts } = this;
    return new JwtUsers({
      operators,
      accounts,
      lookups: this.#lookups,
      callouts: this.#world,
      defaultSentinel,
      pinnedAccounts: pinned,
    });
  }

  #resolverOf(options: ResolvedOptions): AccountResolver {
    const preload = options.resolverPreload ?? {};
    const { network, disk, clock } = this.#world.runtime;
    const url = options.resolver === undefined ? this.operators.first?.accountServerUrl : options.resolver.url;
    switch (options.resolver?.type ?? "URL") {
      case "MEMORY":
        return new MemoryResolver(preload);
      case "URL":
        if (Object.keys(preload).length > 0) {
          const types = "writeable resolver types MEM/DIR/CACHE_DIR";
          throw new OptionsError("OPTIONS_VALUE", "resolverPreload", `resolver preloads only available for ${types}`);
        }
        if (!url) {
          const message = "operators require an account resolver to be configured";
          throw new OptionsError("OPTIONS_VALUE", "resolver", message);
        }
        // Tools that push accounts put "/accounts" behind the URL that the operator names.
        return new UrlResolver(options.resolver === undefined ? `${url}/accounts` : url, network);
      default:
        return new DirectoryResolver(options.resolver as NonNullable<ResolvedOptions["resolver"]>, preload, {
          disk,
          clock,
          changed: (account, jwt) => this.#stored(account, jwt),
          deleted: (account) => this.accounts.disable(account),
          askOthers: (account, timeoutMs) => this.#askOthers(account, timeoutMs),
        });
    }
  }

  #resolverTls({ resolverTls }: ResolvedOptions): FetchOptions["tls"] {
    if (resolverTls === undefined) return undefined;
    const { network, disk } = this.#world.runtime;
    return { context: network.tlsContext(readTlsFiles(resolverTls, disk)), insecure: resolverTls.insecure };
  }

  // Only accounts that somebody has asked for are kept in memory.
  #stored(account: string, jwt: string): void {
    if (this.accounts.get(account) === undefined) return;
    try {
      this.accounts.apply(account, jwt);
    } catch (error) {
      const { message } = error as Error;
      this.#world.logger().error(`DirResolver - Update for account "${account}" resulted in error ${message}`);
    }
  }

  #askOthers(account: string, timeoutMs: number): Promise<string | undefined> {
    const { system } = this.#world.accounts;
    if (system === undefined) return Promise.resolve(undefined);
    let without = 0;
    const request = {
      account: system,
      subject: `$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`,
      headers: NO_BYTES,
      payload: NO_BYTES,
      timeoutMs,
      // This server's own answer is among them.
      accept: (payload: Buffer) => {
        if (payload.length > 0) return payload.toString("utf8");
        return ++without > (this.#world.otherServers?.() ?? 0) ? "" : undefined;
      },
    };
    return requestWithin(request, this.#world).then((jwt) => jwt || undefined);
  }
}
