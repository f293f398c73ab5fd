// The numbers that servers tell each other and operators, `$SYS.SERVER.<id>.STATSZ`.
import { byKind } from "../monitoring/varz.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { Server } from "../server/server.js";

/** @param activeServers those that this server knows, itself included */
export async function statsz(server: Server, activeServers: number): Promise<object> {
  const status = await server.collect();
  const { process } = server.runtime;
  const sent = { msgs: status.outMsgs, bytes: status.outBytes };
  const received = { msgs: status.inMsgs, bytes: status.inBytes };
  return {
    start: formatMs(status.startedMs),
    mem: process.memoryBytes(),
    cores: process.cores,
    cpu: Math.round(process.cpuPercent() * 10) / 10,
    connections: status.connections,
    total_connections: status.totalConnections,
    active_accounts: status.activeAccounts,
    subscriptions: status.subscriptions,
    sent,
    sent_to_clients: sent,
    received,
    received_from_clients: received,
    slow_consumers: status.slowConsumers,
    slow_consumer_stats: status.slowConsumers > 0 ? byKind(status.slowConsumers) : undefined,
    stale_connections: status.staleConnections || undefined,
    stale_connection_stats: status.staleConnections > 0 ? byKind(status.staleConnections) : undefined,
    stalled_clients: status.stalledClients || undefined,
    active_servers: activeServers,
    gomaxprocs: process.cores,
  };
}
