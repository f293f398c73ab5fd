// JetStream's place in a server: opens the storage, serves the accounts that have it, and closes in order.
import type { Account } from "../accounts/account.js";
import type { InterestWatcher, Subscription } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import { API_LEVEL } from "../protocol/version.js";
import type { Commit, Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { limitsOf } from "./account-limits.js";
import { ACCOUNT_ROUTES } from "./api/account.js";
import { Api } from "./api/api.js";
import { CONSUMER_ROUTES, NEXT_ROUTE, RESET_ROUTE } from "./api/consumers.js";
import { DIRECT_ROUTES } from "./api/direct-get.js";
import { SNAPSHOT_ROUTES } from "./api/snapshots.js";
import { STREAM_ROUTES } from "./api/streams.js";
import { JetStream } from "./jetstream.js";
import { machineLimits } from "./machine-limits.js";
import { JetStreamMonitor } from "./monitor.js";
import { JetStreamCluster } from "./peers/cluster.js";
import { PeerChannel } from "./peers/peer-channel.js";
import { reconcile } from "./reconcile.js";
import { openStorage } from "./store/file-storage.js";

const SUBFOLDER = "jetstream";

export class JetStreamRoom implements Room, InterestWatcher {
  readonly #server: Server;
  #js: JetStream | undefined;
  #api: Api | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.accounts.watch(this);
    server.events.on("closing", () => this.#end());
  }

  /** Whether the options turn JetStream on. */
  static isWanted(options: ResolvedOptions): boolean {
    return options.jetstream?.enabled === true;
  }

  async start(): Promise<void> {
    const server = this.#server;
    const { options, runtime } = server;
    const { jetstream } = options;
    if (jetstream === undefined) return;
    const base = jetstream.storeDir ?? options.storeDir ?? "/tmp/nats";
    const folder = `${base}/${SUBFOLDER}`;
    server.logger.info("Starting JetStream");
    if ((await runtime.disk.stat(base))?.isDirectory === false) {
      throw new Error("Can't start JetStream: storage directory is not a directory");
    }
    const storage = await openStorage(runtime, folder, {
      syncIntervalMs: jetstream.syncAlways ? 0 : jetstream.syncIntervalMs,
      cipher: jetstream.cipher === "aes" ? "aes" : "chacha",
      key: jetstream.key || undefined,
      previousKey: jetstream.previousKey || undefined,
    });
    const configured = { memory: jetstream.maxMemoryStoreBytes, file: jetstream.maxFileStoreBytes };
    const js = new JetStream(server, storage, await machineLimits(runtime, folder, storage, configured));
    this.#js = js;
    this.#announce(js, folder);
    server.jetStream = new JetStreamMonitor(js, folder);
    this.#api = new Api(
      js,
      [...ACCOUNT_ROUTES, ...STREAM_ROUTES, ...SNAPSHOT_ROUTES, ...CONSUMER_ROUTES, RESET_ROUTE],
      [NEXT_ROUTE, ...DIRECT_ROUTES],
    );
    this.#openAccounts();
    await js.loading.start();
    this.#join(js, this.#api);
    if (js.cluster === undefined) reconcile(js);
    await js.idsKnown();
    js.damage.announce();
  }

  // What is declared is made by one of the servers, once they know each other.
  #join(js: JetStream, api: Api): void {
    const { system } = this.#server.accounts;
    if (system === undefined || !PeerChannel.isWanted(this.#server.options)) return;
    js.cluster = new JetStreamCluster(js, api, system);
    api.admission = js.cluster;
    js.cluster.whenReady(() => reconcile(js));
    js.cluster.start();
  }

  #announce({ limits, options, domain }: JetStream, folder: string): void {
    const { logger } = this.#server;
    const size = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(2)} GB`;
    logger.info("---------------- JETSTREAM ----------------");
    logger.info(`  Strict:          ${options.strict}`);
    logger.info(`  Max Memory:      ${size(limits.memory)}`);
    logger.info(`  Max Storage:     ${size(limits.file)}`);
    logger.info(`  Store Directory: "${folder}"`);
    if (domain !== undefined) logger.info(`  Domain:          ${domain}`);
    logger.info(`  API Level:       ${API_LEVEL}`);
    logger.info("-------------------------------------------");
  }

  #openAccounts(): void {
    for (const account of this.#server.accounts.all()) this.#openAccount(account);
  }

  #openAccount(account: Account): void {
    const server = this.#server;
    const tiers = limitsOf(server, account);
    if (tiers !== undefined) (this.#js as JetStream).open(account).tiers = tiers;
    if (account !== server.accounts.system) this.#api?.serve(account);
  }

  prepare(_: ResolvedOptions, { jetstream }: ResolvedOptions): Commit | undefined {
    return () => {
      if (this.#js === undefined) return;
      const { limits } = this.#js;
      if (jetstream !== undefined) {
        limits.memory = Math.max(limits.memory, jetstream.maxMemoryStoreBytes);
        limits.file = Math.max(limits.file, jetstream.maxFileStoreBytes);
        this.#js.memoryBudget.limitBytes = jetstream.maxMemoryProcessBytes;
      }
      this.#openAccounts();
      const js = this.#js;
      if (js.cluster === undefined) reconcile(js);
      else js.cluster.whenReady(() => reconcile(js));
    };
  }

  // Clients are still there to hear it, and cannot ask again.
  #end(): void {
    this.#api?.close();
    this.#js?.endPulls();
  }

  async close(): Promise<void> {
    this.#js?.cluster?.close();
    await this.#js?.close();
  }

  // ---------------------------------------------------------------- interest: push consumers wait for it

  added(account: Account, subscription: Subscription): void {
    this.#js?.accounts.get(account)?.interestChanged(subscription.subject);
  }

  removed(): void {
    // A push consumer looks before it delivers.
  }

  accountAdded(account: Account): void {
    if (this.#js === undefined) return;
    // What its JWT says is known a little later.
    this.#server.runtime.clock.endOfTurn(() => {
      if (this.#server.accounts.get(account.name) === account) this.#openAccount(account);
    });
  }
}
