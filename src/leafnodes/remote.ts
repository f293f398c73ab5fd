// A remote of the options: a hub that this server connects to for one account, its URLs, and when it is dialled
// (conformance/topology, WIRE.md "Reconnect delays").
import type { Account } from "../accounts/account.js";
import { readCredentials } from "../auth/creds.js";
import { type SigningKey, userSigningKey } from "../auth/nkey.js";
import type { ResolvedOptions } from "../options/options.js";
import type { PeerConnect, PeerInfo } from "../protocol/peer-info.js";
import type { Timer } from "../runtime/clock.js";
import { CloseReason } from "../server/close-reason.js";
import { hostPort } from "../server/host-port.js";
import type { Server } from "../server/server.js";
import { type DialledHub, dialFault } from "./dial.js";
import { type LeafUrl, parseLeafUrl } from "./leaf-url.js";
import { LOOP_PAUSE_MS, MAX_LEARNED_URLS, VERSION_PAUSE_MS } from "./limits.js";

export type RemoteOptions = NonNullable<ResolvedOptions["leafnodes"]>["remotes"][number];

const DEFAULT_DIAL_MS = 1_000;
const DEFAULT_URL = "nats-leaf://127.0.0.1:7422";

/** What a remote needs of its room. */
export interface LeafDialler {
  /** Connects to a hub; rejects when it cannot. */
  dial(options: RemoteOptions, url: LeafUrl, timeoutMs: number): Promise<DialledHub>;
  /** A connection was made. */
  dialled(hub: DialledHub, remote: LeafRemote, url: LeafUrl): void;
}

export class LeafRemote {
  readonly options: RemoteOptions;
  readonly account: Account;
  readonly #server: Server;
  readonly #dialler: LeafDialler;
  readonly #configured: LeafUrl[];
  #learned: LeafUrl[] = [];
  #next = 0;
  #failures = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(server: Server, options: RemoteOptions, account: Account, dialler: LeafDialler) {
    this.#server = server;
    this.options = options;
    this.account = account;
    this.#dialler = dialler;
    const texts = options.urls?.length ? options.urls : [DEFAULT_URL];
    this.#configured = texts.map(parseLeafUrl).filter((url) => url !== undefined);
    if (!options.noRandomize) shuffle(this.#configured, (below) => server.runtime.random.below(below));
  }

  /** Dials until it is connected or stopped. */
  start(delayMs = 0): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = this.#server.runtime.clock.after(delayMs, () => void this.#attempt());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** It is connected. */
  connected(): void {
    this.#failures = 0;
  }

  /** The connection was lost, or refused. */
  lost(reason: CloseReason): void {
    if (reason !== CloseReason.serverShutdown) this.#failures++;
    const reconnectMs = this.#server.options.leafnodes?.reconnectMs ?? 0;
    this.start(Math.max(reconnectMs, PAUSES[reason] ?? 0));
  }

  /** Takes the addresses that the hub tells of its cluster. */
  learn(urls: readonly string[]): void {
    if (this.options.ignoreDiscoveredServers || this.#configured.some(({ webSocket }) => webSocket)) return;
    const [like] = this.#configured;
    this.#learned = urls
      .slice(0, MAX_LEARNED_URLS)
      .map(parseLeafUrl)
      .filter((url) => url !== undefined)
      .filter(({ host, port }) => !this.#configured.some((known) => known.host === host && known.port === port))
      .map((url) => ({ ...url, tls: like?.tls ?? false, user: like?.user, password: like?.password }));
  }

  /**
   * What CONNECT says of who this server is to the hub.
   * @throws {CredentialsError | Error} the credentials cannot be used
   */
  login(url: LeafUrl, hub: PeerInfo): PeerConnect {
    const { credentials, nkey } = this.options;
    const { nonce = "" } = hub;
    if (credentials) {
      const text = this.#server.runtime.disk.readSync(credentials).toString("utf8");
      const { jwt, seed } = readCredentials(text);
      return { jwt, sig: signingKey(seed).sign(nonce) };
    }
    if (nkey) {
      const key = signingKey(nkey);
      return { nkey: key.publicKey, sig: key.sign(nonce) };
    }
    if (url.user !== undefined && url.password === undefined) return { auth_token: url.user };
    return { user: url.user, pass: url.password };
  }

  async #attempt(): Promise<void> {
    const { runtime, logger } = this.#server;
    const all = [...this.#configured, ...this.#learned];
    const url = all[this.#next++ % all.length];
    if (url === undefined) return;
    const { leafnodes } = this.#server.options;
    const timeoutMs = this.options.dialTimeoutMs || leafnodes?.dialTimeoutMs || DEFAULT_DIAL_MS;
    const timer = this.#timer;
    logger.debug(`Trying to connect as leafnode to remote server on "${hostPort(url.host, url.port)}"`);
    try {
      const hub = await this.#dialler.dial(this.options, url, timeoutMs);
      if (this.#stopped || this.#timer !== timer) {
        hub.transport.destroy();
        return;
      }
      this.#timer = undefined;
      this.#dialler.dialled(hub, this, url);
    } catch (error) {
      if (this.#stopped || this.#timer !== timer) return;
      this.#timer = undefined;
      this.#failures++;
      const text = `Error trying to connect as leafnode to remote server "${hostPort(url.host, url.port)}" (attempt ${this.#failures}): ${dialFault(error)}`;
      if (this.#failures === 1) logger.error(text);
      else logger.debug(text);
      const reconnectMs = leafnodes?.reconnectMs ?? 0;
      this.start(reconnectMs * (1 + runtime.random.float()));
    }
  }
}

const PAUSES: Partial<Record<CloseReason, number>> = {
  [CloseReason.loopDetected]: LOOP_PAUSE_MS,
  [CloseReason.clusterNameConflict]: LOOP_PAUSE_MS,
  [CloseReason.minimumVersion]: VERSION_PAUSE_MS,
};

function signingKey(seed: string): SigningKey {
  const key = userSigningKey(seed);
  if (key === undefined) throw new Error("the seed of the leaf node's user is none");
  return key;
}

function shuffle<T>(items: T[], below: (count: number) => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const other = below(i + 1);
    [items[i], items[other]] = [items[other], items[i]];
  }
}
