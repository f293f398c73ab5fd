// The accounts as plain data: what /accountz, /accstatz and /subsz are made of.
import type { Account, AccountStats } from "../accounts/account.js";
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import type { ServiceExport, StreamExport } from "../accounts/exports.js";
import { LinkTraffic } from "../accounts/link-traffic.js";
import { InterestSource } from "../accounts/subscription.js";
import type { ResolvedAccount } from "../options/options.js";
import type { SublistStats } from "../subjects/sublist.js";
import { type SubscriptionStatus, subscriptionStatus } from "./connection-status.js";
import type { Server } from "./server.js";

const NO_TRAFFIC = new LinkTraffic();

/** An import; subjects are latin1. */
export interface ImportStatus {
  readonly kind: "stream" | "service";
  readonly account: string;
  /** In the exporting account, and in this one. */
  readonly subject: string;
  readonly local: string;
  readonly share: boolean;
}

export interface AccountStatus {
  readonly name: string;
  readonly isSystem: boolean;
  readonly connections: number;
  readonly leafnodes: number;
  /** Of clients. */
  readonly stats: Readonly<AccountStats>;
  readonly traffic: LinkTraffic;
  readonly sublist: SublistStats;
}

/** What `collectAccount` adds for one account. */
export interface AccountDetails extends AccountStatus {
  readonly streamExports: readonly StreamExport[];
  readonly serviceExports: readonly ServiceExport[];
  readonly imports: readonly ImportStatus[];
  readonly mappings: ResolvedAccount["mappings"];
}

export async function collectAccounts(server: Server): Promise<AccountStatus[]> {
  settle(server);
  return Array.from(server.accounts.all(), (account) => accountStatus(server, account));
}

/** One account, with what it offers and takes; undefined if there is none of this name. */
export async function collectAccount(server: Server, name: string): Promise<AccountDetails | undefined> {
  const account = server.accounts.get(name);
  if (account === undefined) return undefined;
  settle(server, account);
  const streams = account.streamImports.map(
    ({ exporter, renaming }): ImportStatus => ({
      kind: "stream",
      account: exporter.name,
      subject: renaming.from,
      local: renaming.to,
      share: false,
    }),
  );
  const services = account.serviceImports.map(
    ({ exporter, renaming, share }): ImportStatus => ({
      kind: "service",
      account: exporter.name,
      subject: renaming.to,
      local: renaming.from,
      share,
    }),
  );
  return {
    ...accountStatus(server, account),
    streamExports: account.streamExports,
    serviceExports: account.serviceExports,
    imports: [...streams, ...services],
    mappings: mappingsOf(server, name),
  };
}

/** The clients and leaf links of an account; 0 for an unknown one. */
export function linksOfAccount(server: Server, name: string): number {
  const account = server.accounts.get(name);
  return account === undefined ? 0 : account.connections + account.leafnodes;
}

/** The subscriptions of this server's clients and services, of one account or of all. */
export async function collectSubscriptions(
  server: Server,
  accountName: string | undefined,
): Promise<(SubscriptionStatus & { readonly account: string })[]> {
  const found: (SubscriptionStatus & { readonly account: string })[] = [];
  for (const account of server.accounts.all()) {
    if (accountName !== undefined && account.name !== accountName) continue;
    for (const subscription of account.sublist.all()) {
      if (subscription.source > InterestSource.import) continue;
      found.push({ ...subscriptionStatus(subscription), account: account.name });
    }
  }
  return found;
}

function accountStatus(server: Server, account: Account): AccountStatus {
  return {
    name: account.name,
    isSystem: account === server.accounts.system,
    connections: account.connections,
    leafnodes: account.leafnodes,
    stats: { ...account.stats },
    traffic: account.trafficSoFar ?? NO_TRAFFIC,
    sublist: { ...account.sublist.stats(), subscriptions: account.subscriptionCount },
  };
}

// Brings the totals of one account, or of all, up to what their clients have counted.
function settle(server: Server, only?: Account): void {
  for (const client of server.clients.values()) {
    if (only === undefined || client.account === only) client.settleStats();
  }
}

function mappingsOf({ options, operatorMode }: Server, name: string): AccountDetails["mappings"] {
  if (name === GLOBAL_ACCOUNT) return options.mappings;
  return operatorMode?.accounts.get(name)?.claims.mappings ?? options.accounts[name]?.mappings ?? {};
}
