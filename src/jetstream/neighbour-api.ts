// The JetStream of nats-servers in the cluster: they serve its API in the system account, so that requests go there as
// through a service import (conformance/topology, WIRE.md 5).
import type { Account } from "../accounts/account.js";
import { Message } from "../accounts/message.js";
import type { PlannedServiceImport } from "../accounts/plan.js";
import { Renaming } from "../accounts/renaming.js";
import type { ServiceImport } from "../accounts/service-import.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import type { Server } from "../server/server.js";

const API = "$JS.API.>";
const NO_BYTES = Buffer.alloc(0);
const SERVICE = {
  subject: API,
  accounts: undefined,
  accountTokenPosition: 0,
  responseType: "Singleton",
  thresholdMs: 120_000,
  allowTrace: false,
} as const;

export class NeighbourApi {
  readonly #server: Server;
  readonly #system: Account;
  readonly #imports = new Map<Account, ServiceImport>();

  constructor(server: Server, system: Account) {
    this.#server = server;
    this.#system = system;
  }

  /** A service import of an account. @param domain of the requests that it takes; "" for those to none */
  importFor(account: Account, domain: string): ServiceImport {
    const local = domain === "" ? API : `$JS.${domain}.API.>`;
    const planned: PlannedServiceImport = {
      importer: account.name,
      exporter: this.#system.name,
      remote: API,
      local,
      path: "",
      renaming: Renaming.of(local, API),
      service: SERVICE,
      share: true,
    };
    return this.#server.accounts.importService(account, planned);
  }

  /** Hands a request on; `rest` is what follows the API's prefix. */
  ask(account: Account, rest: string, reply: string, payload: Uint8Array, source: DeliveryTarget | undefined): void {
    let service = this.#imports.get(account);
    if (service === undefined) {
      service = this.importFor(account, "");
      this.#imports.set(account, service);
    }
    service.deliver(service.subscription, Message.of(`$JS.API.${rest}`, reply, NO_BYTES, payload), source);
  }
}
