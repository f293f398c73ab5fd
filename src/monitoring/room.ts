// Monitoring over HTTP: the listener, from start to end, and what a reload changes.
import type { ResolvedOptions } from "../options/options.js";
import type { Listener } from "../runtime/network.js";
import type { Room } from "../server/room.js";
import { hostPort, type Server } from "../server/server.js";
import { MonitoringStartError } from "./errors.js";
import { HttpPages } from "./http.js";
import type { Pages } from "./pages.js";

export class MonitoringRoom implements Room {
  readonly #server: Server;
  readonly #http: HttpPages;
  #listener: Listener | undefined;

  constructor(server: Server, pages: Pages) {
    this.#server = server;
    this.#http = new HttpPages(pages, () => server.logger);
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
    if (httpPort === 0) return;
    this.#http.basePath = httpBasePath;
    const port = httpPort === -1 ? 0 : httpPort;
    const { network } = this.#server.runtime;
    this.#listener = await network.listenHttp({ host, port }, (request) => this.#http.handle(request));
    this.#server.logger.info(`Starting http monitor on ${hostPort(host, this.#listener.port)}`);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
  }
}
