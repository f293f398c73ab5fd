// Monitoring over HTTP: the listener, from start to end, and what a reload changes.
import type { ResolvedOptions } from "../options/options.js";
import type { Listener } from "../runtime/network.js";
import type { TlsContext } from "../runtime/tls.js";
import { hostPort } from "../server/host-port.js";
import type { Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { MonitoringStartError } from "./errors.js";
import { HttpPages } from "./http.js";
import type { Pages } from "./pages.js";
import { Protection } from "./protection.js";

export class MonitoringRoom implements Room {
  readonly #server: Server;
  readonly #http: HttpPages;
  #listener: Listener | undefined;
  #lastContext: TlsContext | undefined;

  constructor(server: Server, pages: Pages) {
    this.#server = server;
    const settings = (): ResolvedOptions["monitoringAuthorization"] => server.options.monitoringAuthorization;
    const protection = new Protection(settings, server.secrets, server.failedLogins);
    this.#http = new HttpPages(pages, protection, () => server.logger);
  }

  addresses(): Record<string, { host: string; port: number }> {
    if (this.#listener === undefined) return {};
    const { host, port } = this.#listener;
    return { monitoring: { host, port } };
  }

  /** Rejects with the platform's error of the listener, or MonitoringStartError. */
  async start(): Promise<void> {
    const { httpPort, httpsPort, httpHost: host, httpBasePath }: ResolvedOptions = this.#server.options;
    if (httpPort !== 0 && httpsPort !== 0) {
      throw new MonitoringStartError(`can't specify both HTTP (${httpPort}) and HTTPs (${httpsPort}) ports`);
    }
    const wanted = httpPort || httpsPort;
    if (wanted === 0) return;
    this.#http.basePath = httpBasePath;
    const port = wanted === -1 ? 0 : wanted;
    const { network } = this.#server.runtime;
    const tls = httpPort === 0 ? this.#context : undefined;
    // Without a certificate there is nothing to start.
    tls?.();
    this.#listener = await network.listenHttp({ host, port, tls }, (request) => this.#http.handle(request));
    const protocol = tls === undefined ? "http" : "https";
    this.#server.logger.info(`Starting ${protocol} monitor on ${hostPort(host, this.#listener.port)}`);
  }

  // The certificate of the client port, as it is at the moment; a reload that turns TLS off leaves HTTPS the last one.
  readonly #context = (): TlsContext => {
    this.#lastContext = this.#server.tls?.contextForHttps ?? this.#lastContext;
    if (this.#lastContext === undefined) throw new MonitoringStartError("TLS cert and key required for HTTPS");
    return this.#lastContext;
  };

  async close(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
  }
}
