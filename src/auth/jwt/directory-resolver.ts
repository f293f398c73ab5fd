// The FULL and CACHE resolvers: account JWTs in a directory of this server, and those of others by request over the system
// account (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt/resolver).
import type { ResolvedOptions } from "../../options/options.js";
import { JwtDirectory, type JwtDirectoryWorld } from "./jwt-directory.js";
import { type AccountResolver, FETCH_TIMEOUT_MS, ResolverError } from "./resolver.js";

type ResolverOption = NonNullable<ResolvedOptions["resolver"]>;

const CACHE_LIMIT = 1_000;
/** Time between exchanges with other servers. */
export const EXCHANGE_PERIOD_MS = 60_000;

export interface DirectoryResolverWorld extends JwtDirectoryWorld {
  /** Asks whoever listens on the system account for a JWT; undefined when nobody has it. */
  askOthers(account: string, timeoutMs: number): Promise<string | undefined>;
}

export class DirectoryResolver implements AccountResolver {
  readonly kind: "FULL" | "CACHE";
  readonly directory: JwtDirectory;
  /** Time between exchanges with other servers; FULL only. */
  readonly exchangePeriodMs: number;
  readonly #world: DirectoryResolverWorld;
  readonly #timeoutMs: number;
  readonly #preload: Readonly<Record<string, string>>;

  constructor(option: ResolverOption, preload: Readonly<Record<string, string>>, world: DirectoryResolverWorld) {
    const isCache = option.type === "CACHE";
    this.kind = isCache ? "CACHE" : "FULL";
    this.exchangePeriodMs = option.intervalMs || EXCHANGE_PERIOD_MS;
    this.#timeoutMs = option.timeoutMs || FETCH_TIMEOUT_MS;
    this.#preload = preload;
    this.#world = world;
    this.directory = new JwtDirectory(
      {
        path: option.dir ?? "",
        limit: option.limit > 0 ? option.limit : isCache ? CACHE_LIMIT : Number.POSITIVE_INFINITY,
        evicts: isCache,
        ttlMs: isCache ? (option.ttlMs ?? 0) : 0,
        deletion: isCache || option.hardDelete ? "removes" : option.allowDelete ? "renames" : "refused",
      },
      world,
    );
  }

  /** @throws {ResolverError} the directory cannot be used, or a preloaded JWT not be stored */
  async start(): Promise<void> {
    try {
      await this.directory.open();
      await this.preload(this.#preload);
    } catch (error) {
      throw new ResolverError((error as Error).message);
    }
  }

  /** Stores JWTs unless newer ones are there. */
  async preload(jwts: Readonly<Record<string, string>>): Promise<void> {
    for (const [account, jwt] of Object.entries(jwts)) await this.directory.saveIfNewer(account, jwt);
  }

  close(): Promise<void> {
    return this.directory.close();
  }

  async find(account: string): Promise<string | undefined> {
    const own = await this.directory.load(account);
    if (own !== undefined) return own;
    const jwt = await this.#world.askOthers(account, this.#timeoutMs);
    if (jwt !== undefined) await this.directory.saveIfNewer(account, jwt);
    return jwt;
  }
}
