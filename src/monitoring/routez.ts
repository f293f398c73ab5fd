// /routez: the connections to the other servers of the cluster
// (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#route-information).
import { durationText, uptimeText } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { RouteStatus } from "../server/peers/peer-reports.js";
import type { Server } from "../server/server.js";

export interface RoutezOptions {
  readonly subscriptions?: boolean;
  readonly subscriptionsDetail?: boolean;
}

export async function routez(server: Server, options: RoutezOptions): Promise<object> {
  const nowMs = server.runtime.clock.nowMs();
  const routes = server.reports.routes();
  const { permissions } = server.options.cluster ?? {};
  return {
    server_id: server.id,
    server_name: server.name,
    now: formatMs(nowMs),
    import: permissions?.publish,
    export: permissions?.subscribe,
    num_routes: routes.length,
    routes: routes.map((route) => routeOf(route, nowMs, options)),
  };
}

function routeOf(route: RouteStatus, nowMs: number, { subscriptions, subscriptionsDetail }: RoutezOptions): object {
  const listed = subscriptions || subscriptionsDetail ? route.interests() : [];
  return {
    rid: route.id,
    remote_id: route.remoteId,
    remote_name: route.remoteName || undefined,
    did_solicit: route.solicited,
    is_configured: route.configured,
    ip: route.host,
    port: route.port,
    start: formatMs(route.startedMs),
    last_activity: formatMs(route.lastActivityMs),
    rtt: route.rttMs > 0 ? durationText(route.rttMs) : undefined,
    uptime: uptimeText(nowMs - route.startedMs),
    idle: uptimeText(nowMs - route.lastActivityMs),
    pending_size: route.pendingBytes,
    in_msgs: route.inMsgs,
    out_msgs: route.outMsgs,
    in_bytes: route.inBytes,
    out_bytes: route.outBytes,
    subscriptions: route.interestCount,
    subscriptions_list:
      listed.length > 0 && !subscriptionsDetail ? listed.map(({ subject }) => bytesAsText(subject)) : undefined,
    subscriptions_list_detail:
      listed.length > 0 && subscriptionsDetail
        ? listed.map(({ account, subject, queue }) => ({
            account: bytesAsText(account),
            subject: bytesAsText(subject),
            qgroup: queue && bytesAsText(queue),
            sid: bytesAsText(subject),
            msgs: 0,
            cid: route.id,
          }))
        : undefined,
    account: route.account,
    compression: route.compression || undefined,
  };
}
