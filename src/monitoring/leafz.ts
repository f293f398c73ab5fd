// /leafz: the leaf links, at either end
// (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#leaf-node-information).
import { durationText } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { Server } from "../server/server.js";

export interface LeafzOptions {
  readonly subscriptions?: boolean;
  /** Only links of this account. */
  readonly account?: string;
}

export async function leafz(server: Server, { subscriptions, account }: LeafzOptions): Promise<object> {
  const links = server.reports.leafs().filter((link) => !account || link.account === account);
  return {
    server_id: server.id,
    now: formatMs(server.runtime.clock.nowMs()),
    leafnodes: links.length,
    leafs: links.map((link) => {
      const listed = subscriptions ? link.interests().map(bytesAsText) : [];
      return {
        id: link.id,
        name: link.name,
        is_spoke: link.isSpoke,
        is_isolated: link.isIsolated || undefined,
        account: link.account,
        ip: link.host,
        port: link.port,
        rtt: link.rttMs > 0 ? durationText(link.rttMs) : undefined,
        in_msgs: link.inMsgs,
        out_msgs: link.outMsgs,
        in_bytes: link.inBytes,
        out_bytes: link.outBytes,
        subscriptions: link.interestCount,
        subscriptions_list: subscriptions ? listed : undefined,
        compression: link.compression || undefined,
        websocket: link.isWebSocket || undefined,
      };
    }),
  };
}
