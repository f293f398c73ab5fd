// The numbers that servers tell each other and operators, `$SYS.SERVER.<id>.STATSZ`.
import { byKind } from "../monitoring/varz.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { Server } from "../server/server.js";

/** @param activeServers those that this server knows, itself included */
export async function statsz(server: Server, activeServers: number): Promise<object> {
  const status = await server.collect();
  const { process } = server.runtime;
  const { all } = status;
  const gateways = gatewaysOf(server);
  return {
    start: formatMs(status.startedMs),
    mem: process.memoryBytes(),
    cores: process.cores,
    cpu: Math.round(process.cpuPercent() * 10) / 10,
    connections: status.connections,
    total_connections: status.totalConnections,
    active_accounts: status.activeAccounts,
    subscriptions: status.subscriptions,
    sent: { msgs: all.outMsgs, bytes: all.outBytes },
    sent_to_clients: { msgs: status.outMsgs, bytes: status.outBytes },
    received: { msgs: all.inMsgs, bytes: all.inBytes },
    received_from_clients: { msgs: status.inMsgs, bytes: status.inBytes },
    slow_consumers: status.slowConsumers,
    slow_consumer_stats: status.slowConsumers > 0 ? byKind(status.slowConsumers) : undefined,
    stale_connections: status.staleConnections || undefined,
    stale_connection_stats: status.staleConnections > 0 ? byKind(status.staleConnections) : undefined,
    stalled_clients: status.stalledClients || undefined,
    gateways: gateways.length > 0 ? gateways : undefined,
    active_servers: activeServers,
    jetstream: server.jetStream?.statsz(),
    gomaxprocs: process.cores,
  };
}

/** Each cluster that this server sends to, with the numbers of the connections to it and from it. */
function gatewaysOf(server: Server): object[] {
  const all = server.reports.gateways();
  return all
    .filter(({ solicited }) => solicited)
    .map((outbound) => {
      const inbound = all.filter(({ solicited, cluster }) => !solicited && cluster === outbound.cluster);
      const received = { msgs: 0, bytes: 0 };
      for (const { inMsgs, inBytes } of inbound) {
        received.msgs += inMsgs;
        received.bytes += inBytes;
      }
      return {
        gwid: outbound.id,
        name: outbound.cluster,
        sent: { msgs: outbound.outMsgs, bytes: outbound.outBytes },
        received,
        inbound_connections: inbound.length,
      };
    });
}
