// What events say of the server that sends them, with a number for each.
import { formatMs } from "../protocol/rfc3339.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import { featureFlags } from "./feature-flags.js";
import type { Server } from "./server.js";

export class EventSender {
  readonly #server: Server;
  #seq = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The sender of one message; each call counts as a message. In the order of the reference. */
  describe(): object {
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
      domain: server.jetStream?.domain,
      jetstream: server.jetStream !== undefined,
      flags: 0,
      seq: ++this.#seq,
      time: formatMs(server.runtime.clock.nowMs()),
    };
  }
}
