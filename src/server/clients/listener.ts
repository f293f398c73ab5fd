// The client listener: accepts transports, gives them an id and makes them clients, within max_connections.

import { ErrorText } from "../../protocol/error-texts.js";
import type { Listener, Transport } from "../../runtime/network.js";
import type { Hub } from "../hub.js";
import { ClientConnection } from "./client.js";
import { openClient } from "./client-opening.js";
import { ClientTls } from "./client-tls.js";
import type { WayIn } from "./way-in.js";

/** Numbers for connections; handed in so that several loops can share one sequence. */
export interface IdAllocator {
  next(): number;
}

export function countingIds(): IdAllocator {
  let last = 0;
  return { next: () => ++last };
}

const NONCE_BYTES = 11;

export class ClientListener {
  readonly tls: ClientTls;
  private readonly hub: Hub;
  private readonly ids: IdAllocator;
  private readonly clients: Map<number, ClientConnection>;
  private listener: Listener | undefined;
  private lastPort: number | undefined;

  constructor(hub: Hub, ids: IdAllocator, clients: Map<number, ClientConnection>) {
    this.hub = hub;
    this.tls = new ClientTls(hub);
    this.ids = ids;
    this.clients = clients;
  }

  get address(): { host: string; port: number } | undefined {
    return this.listener === undefined ? undefined : { host: this.listener.host, port: this.listener.port };
  }

  /** The port it listens on or, once closed, has listened on: clients are still told of it in lame duck mode. */
  get port(): number | undefined {
    return this.lastPort;
  }

  /** Rejects with the platform's error. */
  async listen(): Promise<void> {
    const { host, port } = this.hub.options;
    this.listener = await this.hub.runtime.network.listen({ host, port: port === -1 ? 0 : port }, (transport) =>
      this.accept(transport),
    );
    this.lastPort = this.listener.port;
  }

  /** Serves a client on any transport. Returns undefined when it was turned away. */
  accept(transport: Transport, wayIn?: WayIn): ClientConnection | undefined {
    const { hub } = this;
    if (hub.draining) {
      transport.destroy();
      return undefined;
    }
    const nonce = hub.authenticator.needsNonce
      ? Buffer.from(hub.runtime.random.bytes(NONCE_BYTES)).toString("base64url")
      : "";
    const client = new ClientConnection(this.ids.next(), hub, transport, nonce, wayIn);
    client.awaitsProxyHeader = hub.options.proxyProtocol && transport.firstBytes !== undefined;
    client.debug("Client connection created");
    if (this.clients.size >= hub.options.maxConnections) {
      client.turnAway(ErrorText.maximumConnections);
      return undefined;
    }
    hub.totals.connections++;
    this.clients.set(client.id, client);
    const mayEncrypt = this.tls.port !== undefined && transport.secure !== undefined;
    if (!mayEncrypt && !client.awaitsProxyHeader) client.open();
    else openClient(client, this.tls).catch((error: unknown) => client.failed(error));
    return client;
  }

  async close(): Promise<void> {
    this.tls.close();
    await this.listener?.close();
    this.listener = undefined;
  }
}
