// All pages of a server, as data: over HTTP and over the system account they are the same.

import { NATSNODE_VERSION } from "../protocol/version.js";
import type { JszOptions } from "../server/jetstream-source.js";
import type { Server } from "../server/server.js";
import { accountInfo, accountz } from "./accountz.js";
import { type AccstatzOptions, accstatz } from "./accstatz.js";
import type { ConfigSource } from "./config-source.js";
import { type ConnzOptions, connz } from "./connz.js";
import { type GatewayzOptions, gatewayz } from "./gatewayz.js";
import { type Health, type HealthzOptions, healthz } from "./healthz.js";
import { type LeafzOptions, leafz } from "./leafz.js";
import { type MetricsOptions, metricsOf } from "./metrics.js";
import { jsz } from "./peers.js";
import { type RoutezOptions, routez } from "./routez.js";
import { type SubszOptions, subsz } from "./subsz.js";
import { varz } from "./varz.js";

export class Pages {
  readonly #server: Server;
  readonly #config: ConfigSource | undefined;
  readonly #requests = new Map<string, number>();

  constructor(server: Server, config: ConfigSource | undefined) {
    this.#server = server;
    this.#config = config;
  }

  /** Counts a request over HTTP, for /varz. */
  count(path: string): void {
    this.#requests.set(path, (this.#requests.get(path) ?? 0) + 1);
  }

  /** `withOwnVersion` adds the key `natsnode_version`, which nats-server does not have. */
  async varz(withOwnVersion = false): Promise<object> {
    const page = await varz(this.#server, { requests: this.#requests, configDigest: this.#config?.digest ?? "" });
    return withOwnVersion ? { ...page, natsnode_version: NATSNODE_VERSION } : page;
  }

  /** @throws MonitoringError, as all that take options */
  connz(options: ConnzOptions): Promise<object> {
    return connz(this.#server, options);
  }

  subsz(options: SubszOptions): Promise<object> {
    return subsz(this.#server, options);
  }

  accountz(options: { readonly account?: string }): Promise<object> {
    return accountz(this.#server, options);
  }

  accountInfo(account: string): Promise<object> {
    return accountInfo(this.#server, account);
  }

  accstatz(options: AccstatzOptions): Promise<{ readonly account_statz: readonly object[] }> {
    return accstatz(this.#server, options);
  }

  healthz(options: HealthzOptions): Health {
    return healthz(this.#server, options);
  }

  /** All pages as metrics, in the text format of Prometheus. */
  async metrics(options: MetricsOptions): Promise<string> {
    return String(await metricsOf(this.#server, this, options));
  }

  routez(options: RoutezOptions): Promise<object> {
    return routez(this.#server, options);
  }

  gatewayz(options: GatewayzOptions = {}): Promise<object> {
    return gatewayz(this.#server, options);
  }

  leafz(options: LeafzOptions): Promise<object> {
    return leafz(this.#server, options);
  }

  get decidesOnJetStream(): boolean {
    return this.#server.jetStream?.isLeader === true;
  }

  async jsz(options: JszOptions = {}): Promise<object> {
    return jsz(this.#server, options);
  }

  /** Memory and command line of the process, under the names that Go's expvar has for them. */
  async expvarz(): Promise<{ readonly cmdline: readonly string[]; readonly memstats: object }> {
    const { process } = this.#server.runtime;
    return { cmdline: [process.executable], memstats: { Sys: process.memoryBytes() } };
  }
}
