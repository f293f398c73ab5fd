// /metrics: the pages as Prometheus scrapes them, without an exporter beside the server.
import type { Server } from "../server/server.js";
import { addConnections } from "./connection-metrics.js";
import { MetricsText } from "./metrics-text.js";
import { addAccstatz, addGatewayz, addHealthz, addJsz, addLeafz, addPage } from "./page-metrics.js";
import type { Pages } from "./pages.js";

export interface MetricsOptions {
  /** Shows connections one by one, a page of them as /connz does; without it they are only added up. */
  readonly connections?: { readonly offset: number; readonly limit: number };
}

/** The present values; the loop is left to others between the pages, and within them where they are long. */
export async function metricsOf(server: Server, pages: Pages, options: MetricsOptions): Promise<MetricsText> {
  const { id, name } = server;
  const metrics = new MetricsText();
  addPage(metrics, "varz", await pages.varz(), id);
  await addConnections(metrics, server, options.connections);
  addPage(metrics, "subsz", await pages.subsz({}), id);
  addAccstatz(metrics, await pages.accstatz({ includeUnused: true }), id);
  addPage(metrics, "routez", await pages.routez({}), id);
  addGatewayz(metrics, await pages.gatewayz(), id);
  addLeafz(metrics, await pages.leafz({}), id);
  addHealthz(metrics, pages.healthz({}).status, id);
  addJsz(metrics, await pages.jsz(), id, name);
  return metrics;
}
