// /accountz: the accounts by name, and all about one of them.
import type { ServiceExport, StreamExport } from "../accounts/exports.js";
import { bytesAsText } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import { type AccountDetails, collectAccount, collectAccounts, type ImportStatus } from "../server/account-status.js";
import type { Server } from "../server/server.js";
import { claimInfo } from "./claim-info.js";
import { MonitoringError } from "./errors.js";
import { sublistStats } from "./subsz.js";

/** @throws MonitoringError for an unknown account; "" lists them */
export async function accountz(server: Server, options: { readonly account?: string }): Promise<object> {
  const accounts = await collectAccounts(server);
  return {
    server_id: server.id,
    now: formatMs(server.runtime.clock.nowMs()),
    system_account: accounts.find(({ isSystem }) => isSystem)?.name,
    accounts: options.account ? undefined : accounts.map(({ name }) => name),
    account_detail: options.account ? await accountInfo(server, options.account) : undefined,
  };
}

/** @throws MonitoringError for an unknown account */
export async function accountInfo(server: Server, name: string): Promise<object> {
  const account = await collectAccount(server, name);
  if (account === undefined) throw new MonitoringError(`Account ${name} does not exist`);
  const exports = [
    ...account.serviceExports.map((one) => ({
      ...exportInfo(one, "service"),
      response_type: one.responseType === "Stream" ? "Streamed" : one.responseType,
      approved_accounts: approved(one),
    })),
    ...account.streamExports.map((one) => ({ ...exportInfo(one, "stream"), approved_accounts: approved(one) })),
  ];
  return {
    account_name: name,
    update_time: formatMs(server.configLoadMs),
    is_system: account.isSystem || undefined,
    expired: false,
    complete: true,
    jetstream_enabled: hasJetStream(server, name),
    leafnode_connections: 0,
    client_connections: account.connections,
    subscriptions: account.sublist.subscriptions,
    mappings: mappingInfo(account.mappings),
    exports: exports.length > 0 ? exports : undefined,
    imports: account.imports.length > 0 ? account.imports.map(importInfo) : undefined,
    name_tag: name,
    ...claimInfo(server, name),
    sublist_stats: sublistStats([account.sublist]),
  };
}

function hasJetStream({ accounts, jetStream }: Server, name: string): boolean {
  const account = accounts.get(name);
  return account !== undefined && jetStream?.isEnabledFor(account) === true;
}

function exportInfo(one: StreamExport | ServiceExport, type: string): object {
  return {
    subject: bytesAsText(one.subject),
    type,
    account_token_position: one.accountTokenPosition || undefined,
  };
}

function approved(one: StreamExport | ServiceExport): string[] | undefined {
  return one.accounts === undefined ? undefined : [...one.accounts];
}

function importInfo(one: ImportStatus): object {
  const local = bytesAsText(one.local);
  return {
    subject: bytesAsText(one.subject),
    account: one.account,
    to: one.kind === "service" ? local : undefined,
    local_subject: local,
    type: one.kind,
    invalid: false,
    share: one.share,
    tracking: false,
  };
}

// Weights are shown as nats-server keeps them: added up, the smallest first. What is missing to 100 keeps the subject.
function mappingInfo(mappings: AccountDetails["mappings"]): Map<string, object[]> | undefined {
  const shown = new Map<string, object[]>();
  for (const [source, destinations] of Object.entries(mappings)) {
    const byCluster = new Map<string | undefined, { subject: string; weight: number }[]>();
    for (const { destination, weight, cluster } of destinations) {
      const list = byCluster.get(cluster || undefined) ?? [];
      byCluster.set(cluster || undefined, list);
      list.push({ subject: destination ?? "", weight });
    }
    const entries: object[] = [];
    for (const [cluster, list] of byCluster) {
      const rest = 100 - list.reduce((sum, { weight }) => sum + weight, 0);
      if (rest > 0 && !list.some(({ subject }) => subject === source)) list.push({ subject: source, weight: rest });
      let total = 0;
      for (const { subject, weight } of list.sort((a, b) => a.weight - b.weight)) {
        total += weight;
        entries.push({ subject: bytesAsText(subject), weight: total, cluster });
      }
    }
    shown.set(bytesAsText(source), entries);
  }
  return shown.size > 0 ? shown : undefined;
}
