// The pages about other servers, and about what is not built in: gatewayz, jsz.
import { formatMs } from "../protocol/rfc3339.js";
import type { Server } from "../server/server.js";

const now = (server: Server): string => formatMs(server.runtime.clock.nowMs());

export function gatewayz(server: Server): object {
  const { gateway } = server.options;
  return {
    server_id: server.id,
    now: now(server),
    name: gateway?.name || undefined,
    host: gateway && gateway.port !== 0 ? gateway.host : undefined,
    port: gateway?.port || undefined,
    outbound_gateways: {},
    inbound_gateways: {},
  };
}

/** Of a server without JetStream. */
export function jsz(server: Server): object {
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
