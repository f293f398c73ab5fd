// /metrics: the pages as Prometheus scrapes them, without an exporter beside the server.
import { collectAccounts } from "../server/account-status.js";
import { nextTurn } from "../server/connection-status.js";
import type { Server } from "../server/server.js";
import { accountInfo } from "./accountz.js";
import { addConnections } from "./connection-metrics.js";
import { labelsText, MetricsText } from "./metrics-text.js";
import { addAccountz, addAccstatz, addGatewayz, addHealthz, addJsz, addLeafz, addPage } from "./page-metrics.js";
import type { Pages } from "./pages.js";

export interface MetricsOptions {
  /** Shows connections one by one, a page of them as /connz does; without it they are only added up. */
  readonly connections?: { readonly offset: number; readonly limit: number };
  /** Shows the details and limits of each account, as /accountz does. */
  readonly accounts?: boolean;
}

/** Accounts whose details are gathered in one turn of the loop. */
const ACCOUNTS_PER_TURN = 64;

/** The present values; the loop is left to others between the pages, and within them where they are long. */
export async function metricsOf(server: Server, pages: Pages, options: MetricsOptions): Promise<MetricsText> {
  const { id, name } = server;
  const metrics = new MetricsText();
  addPage(metrics, "varz", await pages.varz(), id);
  await addConnections(metrics, server, options.connections);
  addPage(metrics, "subsz", await pages.subsz({}), id);
  addAccstatz(metrics, await pages.accstatz({ includeUnused: true }), id);
  if (options.accounts) await addAccounts(metrics, server);
  addPage(metrics, "routez", await pages.routez({}), id);
  addGatewayz(metrics, await pages.gatewayz(), id);
  addLeafz(metrics, await pages.leafz({}), id);
  addHealthz(metrics, pages.healthz({}).status, id);
  addJsz(metrics, await pages.jsz(), id, name);
  addJetStream(metrics, server);
  return metrics;
}

// natsnode's own.
function addJetStream(metrics: MetricsText, { id, jetStream }: Server): void {
  for (const { name, help, type, labels, value } of jetStream?.samples() ?? []) {
    metrics.family(`natsnode_jetstream_${name}`, help, type).add(labelsText({ ...labels, server_id: id }), value);
  }
}

async function addAccounts(metrics: MetricsText, server: Server): Promise<void> {
  for (const [at, { name }] of (await collectAccounts(server)).entries()) {
    if (at > 0 && at % ACCOUNTS_PER_TURN === 0) await nextTurn(server);
    // It may have gone meanwhile.
    if (server.accounts.get(name) !== undefined) addAccountz(metrics, await accountInfo(server, name), server.id);
  }
}
