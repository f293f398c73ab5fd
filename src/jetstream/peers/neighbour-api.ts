// The JetStream of nats-servers in the cluster: they serve its API in the system account, so that requests go there as
// through a service import (conformance/topology, WIRE.md 5).
import type { Account } from "../../accounts/account.js";
import { Message } from "../../accounts/message.js";
import type { PlannedServiceImport } from "../../accounts/plan.js";
import { Renaming } from "../../accounts/renaming.js";
import type { ServiceImport } from "../../accounts/service-import.js";
import { type DeliveryTarget, InterestSource, Subscription } from "../../accounts/subscription.js";
import type { Server } from "../../server/server.js";
import { isDirect } from "../api/direct-subjects.js";

const PREFIX = "$JS.API.";
const API = `${PREFIX}>`;
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

  /** What takes the requests of an account. @param domain of the requests; "" for those to none */
  subscriptionFor(account: Account, domain: string): Subscription {
    const prefix = domain === "" ? PREFIX : `$JS.${domain}.API.`;
    const service = this.#importFor(account, prefix);
    const target: DeliveryTarget = {
      echo: true,
      deliver: (_, message, source) => {
        const rest = message.subject.slice(prefix.length);
        if (!isDirect(rest)) return service.deliver(service.subscription, message, source);
        // Who has the consumer or the stream listens in the account itself, not by the domain's prefix.
        if (source?.peer !== undefined || prefix === PREFIX) return false;
        return this.#server.router.publish(account, message.readdressed(PREFIX + rest), source) > 0;
      },
    };
    return new Subscription(`${prefix}>`, undefined, "", target, { source: InterestSource.import });
  }

  #importFor(account: Account, prefix: string): ServiceImport {
    const local = `${prefix}>`;
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
      service = this.#importFor(account, PREFIX);
      this.#imports.set(account, service);
    }
    service.deliver(service.subscription, Message.of(PREFIX + rest, reply, NO_BYTES, payload), source);
  }
}
