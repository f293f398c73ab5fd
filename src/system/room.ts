// The system account's side of a server: services and events, from start to end. Nothing without a system account.
import type { ConfigSource } from "../monitoring/config-source.js";
import type { Pages } from "../monitoring/pages.js";
import type { Timer } from "../runtime/clock.js";
import type { Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { serveClaims } from "./claims-services.js";
import { Events } from "./events.js";
import { OtherServers } from "./other-servers.js";
import { SystemPublisher } from "./publisher.js";
import { serveSystem } from "./server-services.js";
import { Services } from "./services.js";

export class SystemRoom implements Room {
  readonly #server: Server;
  readonly #pages: Pages;
  readonly #config: ConfigSource | undefined;
  #services: Services | undefined;
  #events: Events | undefined;
  #others: OtherServers | undefined;
  #exchange: Timer | undefined;

  constructor(server: Server, pages: Pages, config: ConfigSource | undefined) {
    this.#server = server;
    this.#pages = pages;
    this.#config = config;
  }

  async start(): Promise<void> {
    const server = this.#server;
    const { system } = server.accounts;
    if (system === undefined) return;
    const publisher = new SystemPublisher(server, system);
    const events = new Events(server, publisher);
    const services = new Services(system, () => server.logger);
    const others = new OtherServers(server, publisher, events);
    serveSystem({ server, pages: this.#pages, config: this.#config, publisher, services, events, others });
    events.others = others;
    this.#others = others;
    const { operatorMode } = server;
    if (operatorMode !== undefined) this.#exchange = serveClaims({ server, operatorMode, publisher, services });
    events.start();
    this.#services = services;
    this.#events = events;
  }

  async close(): Promise<void> {
    this.#exchange?.cancel();
    this.#events?.stop();
    this.#others?.stop();
    this.#services?.close();
  }
}
