// /accstatz: connections and traffic of each account.
import type { LinkTraffic, Traffic } from "../accounts/link-traffic.js";
import { formatMs } from "../protocol/rfc3339.js";
import { type AccountStatus, collectAccounts } from "../server/account-status.js";
import type { Server } from "../server/server.js";

export interface AccstatzOptions {
  /** All when absent or empty. */
  readonly accounts?: readonly string[];
  readonly includeUnused?: boolean;
}

export async function accstatz(
  server: Server,
  options: AccstatzOptions,
): Promise<{ readonly account_statz: readonly object[] }> {
  const { accounts = [], includeUnused = false } = options;
  const all = await collectAccounts(server);
  const asked =
    accounts.length === 0
      ? all
      : accounts.map((name) => all.find((account) => account.name === name)).filter((account) => account !== undefined);
  const shown = asked.filter(({ connections, leafnodes }) => includeUnused || connections + leafnodes > 0);
  return {
    ...{ server_id: server.id, now: formatMs(server.runtime.clock.nowMs()) },
    account_statz: shown.map(accountStat),
  };
}

/** An account's numbers, as its events show them too. */
export function accountStat({ name, connections, leafnodes, stats, traffic, sublist }: AccountStatus): object {
  return {
    acc: name,
    name,
    conns: connections,
    leafnodes,
    total_conns: connections + leafnodes,
    num_subscriptions: sublist.subscriptions,
    sent: counted(stats, traffic, ({ outMsgs, outBytes }) => ({ msgs: outMsgs, bytes: outBytes })),
    received: counted(stats, traffic, ({ inMsgs, inBytes }) => ({ msgs: inMsgs, bytes: inBytes })),
    slow_consumers: stats.slowConsumers,
  };
}

interface Count {
  readonly msgs: number;
  readonly bytes: number;
}

// Of clients and links together, and of the links by kind.
function counted(
  clients: Omit<Traffic, "came" | "went">,
  links: LinkTraffic,
  count: (of: typeof clients) => Count,
): object {
  const [gateways, routes, leafs] = [links.gateways, links.routes, links.leafs].map(count);
  const all = [count(clients), gateways, routes, leafs];
  return {
    msgs: all.reduce((sum, { msgs }) => sum + msgs, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    gateways,
    routes,
    leafs,
  };
}
