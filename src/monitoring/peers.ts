// /jsz: JetStream (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#jetstream-information).
import { formatMs } from "../protocol/rfc3339.js";
import type { JszOptions } from "../server/jetstream-source.js";
import type { Server } from "../server/server.js";

const now = (server: Server): string => formatMs(server.runtime.clock.nowMs());

export function jsz(server: Server, options: JszOptions): object {
  if (server.jetStream !== undefined) return server.jetStream.jsz(options);
  return {
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: 0, errors: 0 },
    server_id: server.id,
    now: now(server),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  };
}
