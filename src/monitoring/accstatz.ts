// /accstatz: connections and traffic of each account.
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

const NOTHING = { msgs: 0, bytes: 0 };

/** An account's numbers, as its events show them too. */
export function accountStat({ name, connections, leafnodes, stats, sublist }: AccountStatus): object {
  const others = { gateways: NOTHING, routes: NOTHING, leafs: NOTHING };
  return {
    acc: name,
    name,
    conns: connections,
    leafnodes,
    total_conns: connections + leafnodes,
    num_subscriptions: sublist.subscriptions,
    sent: { msgs: stats.outMsgs, bytes: stats.outBytes, ...others },
    received: { msgs: stats.inMsgs, bytes: stats.inBytes, ...others },
    slow_consumers: stats.slowConsumers,
  };
}
