// Messages of the server in its system account: JSON with facts about the sender, numbered.
import type { Account } from "../accounts/account.js";
import { stringifyExact } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import { featureFlags } from "../server/feature-flags.js";
import type { Server } from "../server/server.js";

const NO_HEADERS = Buffer.alloc(0);

export class SystemPublisher {
  readonly account: Account;
  readonly #server: Server;
  #seq = 0;

  constructor(server: Server, account: Account) {
    this.#server = server;
    this.account = account;
  }

  /** Who sends this message; each call counts as a message. In the order of the reference. */
  serverInfo(): object {
    const server = this.#server;
    const { options } = server;
    const metadata = Object.entries(options.serverMetadata).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      name: server.name,
      host: server.advertised.host,
      id: server.id,
      cluster: server.clusterName,
      ver: COMPATIBILITY_VERSION,
      tags: options.serverTags.length > 0 ? options.serverTags : undefined,
      metadata: metadata.length > 0 ? new Map(metadata) : undefined,
      feature_flags: featureFlags(options.featureFlags),
      jetstream: false,
      flags: 0,
      seq: ++this.#seq,
      time: formatMs(server.runtime.clock.nowMs()),
    };
  }

  /** Whether somebody wants messages of this subject (latin1). */
  isWanted(subject: string): boolean {
    return this.account.sublist.hasInterest(subject);
  }

  /** Publishes in the system account. */
  send(subject: string, content: object | Uint8Array, headers: Uint8Array = NO_HEADERS): void {
    const payload = content instanceof Uint8Array ? content : Buffer.from(stringifyExact(content));
    this.#server.publish(this.account, subject, "", headers, payload);
  }
}
