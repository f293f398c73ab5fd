// /gatewayz: the connections to other clusters, and what is known of their interest
// (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#gateway-information).
import { durationText, uptimeText } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import type { GatewayAccountStatus, GatewayStatus } from "../server/peers/peer-reports.js";
import type { Server } from "../server/server.js";

export interface GatewayzOptions {
  /** This remote cluster only. */
  readonly name?: string;
  readonly accounts?: boolean;
  /** This account only; its interest is shown where that of accounts would be. */
  readonly account?: string;
  readonly subscriptions?: boolean;
  readonly subscriptionsDetail?: boolean;
}

/** As servers before 2.9 have it: after so many refusals of an account, all its interest is told. */
const INTEREST_ONLY_THRESHOLD = 1000;

export async function gatewayz(server: Server, options: GatewayzOptions): Promise<object> {
  const { gateway } = server.options;
  const nowMs = server.runtime.clock.nowMs();
  const listening = server.addresses["gateway"];
  const outbound: Record<string, object> = {};
  const inbound: Record<string, object[]> = {};
  for (const one of server.reports.gateways()) {
    if (options.name && options.name !== one.cluster) continue;
    const shown = gatewayOf(one, nowMs, options);
    if (one.solicited) outbound[one.cluster] = shown;
    else if (Object.hasOwn(inbound, one.cluster)) inbound[one.cluster].push(shown);
    else inbound[one.cluster] = [shown];
  }
  return {
    server_id: server.id,
    now: formatMs(nowMs),
    name: gateway?.name || undefined,
    host: gateway && gateway.port !== 0 ? gateway.host : undefined,
    port: (listening?.port ?? gateway?.port) || undefined,
    outbound_gateways: outbound,
    inbound_gateways: inbound,
  };
}

function gatewayOf(gateway: GatewayStatus, nowMs: number, options: GatewayzOptions): object {
  return {
    configured: gateway.configured,
    connection: {
      cid: gateway.id,
      kind: "Gateway",
      ip: gateway.host,
      port: gateway.port,
      start: formatMs(gateway.startedMs),
      last_activity: formatMs(gateway.lastActivityMs),
      rtt: gateway.rttMs > 0 ? durationText(gateway.rttMs) : undefined,
      uptime: uptimeText(nowMs - gateway.startedMs),
      idle: uptimeText(nowMs - gateway.lastActivityMs),
      pending_bytes: gateway.pendingBytes,
      in_msgs: gateway.inMsgs,
      out_msgs: gateway.outMsgs,
      in_bytes: gateway.inBytes,
      out_bytes: gateway.outBytes,
      subscriptions: gateway.interestCount,
      name: gateway.remoteId,
    },
    accounts: accountsOf(gateway, options),
  };
}

function accountsOf(gateway: GatewayStatus, options: GatewayzOptions): object[] | undefined {
  const { accounts, account } = options;
  if (!accounts && !account) return undefined;
  return gateway
    .accounts()
    .filter(({ name }) => !account || bytesAsText(name) === account)
    .map((one) => accountOf(one, gateway, options));
}

function accountOf(
  { name, mode, interests, unwanted }: GatewayAccountStatus,
  gateway: GatewayStatus,
  options: GatewayzOptions,
): object {
  const plain = interests.filter(({ queue }) => queue === undefined);
  const listed = options.subscriptions && !options.subscriptionsDetail;
  return {
    name: bytesAsText(name),
    interest_mode: mode,
    no_interest_count: unwanted.length || undefined,
    interest_only_threshold: INTEREST_ONLY_THRESHOLD,
    num_subs: plain.length || undefined,
    num_queue_subs: interests.length - plain.length || undefined,
    subscriptions_list:
      listed && interests.length > 0 ? interests.map(({ subject }) => bytesAsText(subject)) : undefined,
    subscriptions_list_detail:
      options.subscriptionsDetail && interests.length > 0
        ? interests.map(({ subject, queue }) => ({
            subject: bytesAsText(subject),
            qgroup: queue && bytesAsText(queue),
            sid: "",
            msgs: 0,
            cid: gateway.id,
          }))
        : undefined,
  };
}
