// Numbers about a server, as plain data: what monitoring and statistics are made of.
import type { ClientConnection } from "./clients/client.js";
import { CloseReason } from "./close-reason.js";
import type { Connection } from "./connection.js";
import type { Server } from "./server.js";

type Counts = Pick<Connection, "inMsgs" | "inBytes" | "outMsgs" | "outBytes">;

/** Traffic of connections that have gone, and counts over the server's life. */
export class Totals {
  startedMs = 0;
  connections = 0;
  inMsgs = 0;
  inBytes = 0;
  outMsgs = 0;
  outBytes = 0;
  slowConsumers = 0;
  staleConnections = 0;
  stalledClients = 0;
  /** Of links to other servers. */
  readonly links: Counts = { inMsgs: 0, inBytes: 0, outMsgs: 0, outBytes: 0 };

  addLink(link: Counts): void {
    addTo(this.links, link);
  }

  add(client: ClientConnection): void {
    addTo(this, client);
    const { closeReason } = client;
    if (closeReason === CloseReason.slowConsumerPendingBytes || closeReason === CloseReason.slowConsumerWriteDeadline) {
      this.slowConsumers++;
      if (client.account !== undefined) client.account.stats.slowConsumers++;
    }
    if (closeReason === CloseReason.staleConnection) this.staleConnections++;
  }
}

function addTo(sum: Counts, { inMsgs, inBytes, outMsgs, outBytes }: Readonly<Counts>): void {
  sum.inMsgs += inMsgs;
  sum.inBytes += inBytes;
  sum.outMsgs += outMsgs;
  sum.outBytes += outBytes;
}

export interface ServerStatus {
  readonly id: string;
  readonly name: string;
  readonly xkey: string;
  readonly startedMs: number;
  readonly nowMs: number;
  readonly connections: number;
  readonly totalConnections: number;
  readonly subscriptions: number;
  /** Of clients. */
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
  /** Of clients and links to other servers. */
  readonly all: Readonly<Counts>;
  readonly slowConsumers: number;
  readonly staleConnections: number;
  readonly stalledClients: number;
  readonly authRequired: boolean;
  readonly lameDuck: boolean;
  readonly configLoadMs: number;
  /** As INFO tells them. */
  readonly host: string;
  readonly port: number;
  readonly clusterName: string | undefined;
  /** When the certificate for clients expires; undefined without one. */
  readonly certificateExpiresMs: number | undefined;
  /** Undefined when there is none. */
  readonly systemAccount: string | undefined;
  /** Accounts with clients. */
  readonly activeAccounts: number;
}

export function collectStatus(server: Server): ServerStatus {
  const { totals, reports } = server;
  const { inMsgs, inBytes, outMsgs, outBytes } = totals;
  const clients = { inMsgs, inBytes, outMsgs, outBytes };
  for (const client of server.clients.values()) addTo(clients, client);
  const all = { ...clients };
  addTo(all, totals.links);
  for (const link of [...reports.routes(), ...reports.gateways(), ...reports.leafs()]) addTo(all, link);
  let subscriptions = 0;
  let activeAccounts = 0;
  for (const account of server.accounts.all()) {
    subscriptions += account.subscriptionCount;
    if (account.connections > 0) activeAccounts++;
  }
  return {
    id: server.id,
    name: server.name,
    xkey: server.identity.xkey,
    startedMs: totals.startedMs,
    nowMs: server.runtime.clock.nowMs(),
    connections: server.clients.size,
    totalConnections: totals.connections,
    subscriptions,
    ...clients,
    all,
    slowConsumers: totals.slowConsumers,
    staleConnections: totals.staleConnections,
    stalledClients: totals.stalledClients,
    authRequired: server.authenticator.required,
    lameDuck: server.state === "lame duck",
    configLoadMs: server.configLoadMs,
    host: server.advertised.host,
    port: server.advertised.port,
    clusterName: server.clusterName,
    certificateExpiresMs: server.tls?.context.expiresMs,
    systemAccount: server.accounts.system?.name,
    activeAccounts,
  };
}
