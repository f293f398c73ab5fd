// What the header Nats-Request-Info says of a client that asks a service of another account
// (conformance/wire, FACTS "Accounts").
import type { Account } from "../../accounts/account.js";
import type { DeliveryTarget } from "../../accounts/subscription.js";
import { formatMs } from "../../protocol/rfc3339.js";
import type { PeerReports } from "../peers/peer-reports.js";
import { ClientConnection } from "./client.js";

const NS_PER_MS = 1e6;

/** The server that a request came in at. */
export interface RequestServer {
  readonly server: string;
  readonly cluster: string | undefined;
  /** Other clusters, the nearest first; undefined: there is none. */
  readonly alts?: readonly string[] | undefined;
}

/** The clusters that this server sends to, the nearest first; undefined where there is none. */
export function clustersByDistance({ gateways }: PeerReports): readonly string[] | undefined {
  const outbound = gateways().filter(({ solicited }) => solicited);
  const sorted = outbound.sort((a, b) => a.rttMs - b.rttMs).map(({ cluster }) => cluster);
  return sorted.length === 0 ? undefined : sorted;
}

/** Account and round trip, or with `detailed` all there is; in the order of the reference. Undefined: nothing is known. */
export function requestInfo(
  source: DeliveryTarget | undefined,
  importer: Account,
  detailed: boolean,
  server: RequestServer,
): object | undefined {
  if (!(source instanceof ClientConnection)) return undefined;
  const rtt = Math.round(source.rttMs * NS_PER_MS);
  if (!detailed) return { acc: importer.name, rtt };
  const { name, lang, version } = source.connect;
  return {
    start: formatMs(source.startedMs),
    host: source.remoteAddress,
    id: source.id,
    acc: importer.name,
    user: source.userName || undefined,
    name: name || undefined,
    lang: lang || undefined,
    ver: version || undefined,
    rtt,
    ...server,
    kind: "Client",
    client_type: "nats",
  };
}
