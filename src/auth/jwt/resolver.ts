// Where account JWTs come from: the configuration's preload (MEMORY) or an HTTP server (URL). Directories are in
// directory-resolver.ts.
import { withoutUrlUsers } from "../../options/redact.js";
import type { FetchOptions, Network } from "../../runtime/network.js";

/** How long a lookup may take by default. */
export const FETCH_TIMEOUT_MS = 1_900;

const HTTP_OK = 200;
const MAX_BODY_BYTES = 1_048_576;

export interface AccountResolver {
  /** The JWT of an account; undefined when there is none. Rejects when that cannot be found out. */
  find(account: string): Promise<string | undefined>;
  /** Called once before the first lookup; a rejection stops the server's start. */
  start?(): Promise<void>;
  close?(): Promise<void>;
}

/** An account resolver that does not work: HTTP server not reachable, directory not usable. */
export class ResolverError extends Error {
  override readonly name = "ResolverError";
  readonly code = "RESOLVER";
}

export class MemoryResolver implements AccountResolver {
  #jwts: Readonly<Record<string, string>>;

  constructor(jwts: Readonly<Record<string, string>>) {
    this.#jwts = jwts;
  }

  replace(jwts: Readonly<Record<string, string>>): void {
    this.#jwts = jwts;
  }

  async find(account: string): Promise<string | undefined> {
    return Object.hasOwn(this.#jwts, account) ? this.#jwts[account] : undefined;
  }
}

export class UrlResolver implements AccountResolver {
  readonly #base: string;
  readonly #network: Pick<Network, "fetchText">;
  /** How HTTPS is spoken (`resolver_tls`). */
  tls: FetchOptions["tls"];

  /** @param url the account's public key is put behind it, after a slash */
  constructor(url: string, network: Pick<Network, "fetchText">) {
    this.#base = url.endsWith("/") ? url : `${url}/`;
    this.#network = network;
  }

  /** Asks for nothing in particular, to see whether anybody is there. */
  async start(): Promise<void> {
    await this.#get("");
  }

  async find(account: string): Promise<string | undefined> {
    return (await this.#get(account)).trim();
  }

  async #get(name: string): Promise<string> {
    const shown = withoutUrlUsers(this.#base + name);
    let answer: Awaited<ReturnType<Network["fetchText"]>>;
    try {
      const options = { timeoutMs: FETCH_TIMEOUT_MS, maxBodyBytes: MAX_BODY_BYTES, tls: this.tls };
      answer = await this.#network.fetchText(this.#base + name, options);
    } catch (error) {
      throw new ResolverError(`could not fetch <"${shown}">: ${(error as Error).message}`);
    }
    if (answer.status === HTTP_OK) return answer.body;
    throw new ResolverError(`could not fetch <"${shown}">: ${answer.status} ${answer.statusText}`.trimEnd());
  }
}
