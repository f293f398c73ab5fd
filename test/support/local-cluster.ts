// Servers of one cluster inside the test's own process, on real sockets of 127.0.0.1.
import type { ServerOptions } from "../../src/options/options.js";
import { type LocalServer, startLocalServer } from "./local-server.js";
import { lookAgain } from "./look-again.js";
import type { Scope } from "./temporary-folder.js";

const PATIENCE_MS = 10_000;

/** Waits until something holds; fails loudly when it does not within ten seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error(`waited too long until ${what}`);
    await lookAgain();
  }
}

/**
 * Starts servers S1, S2, ... that are all connected to each other when it resolves: the first has no routes, the others have
 * a route to it. `options` are added to each one's, `block` to its cluster block.
 */
export async function startLocalCluster(
  scope: Scope,
  size: number,
  options: ServerOptions = {},
  block: ServerOptions["cluster"] = {},
): Promise<LocalServer[]> {
  const servers: LocalServer[] = [];
  for (let i = 1; i <= size; i++) {
    const seed = servers[0]?.server.addresses["cluster"];
    const routes = seed === undefined ? [] : [`nats-route://127.0.0.1:${seed.port}`];
    const cluster = { name: "C", host: "127.0.0.1", port: -1, routes, ...block };
    servers.push(await startLocalServer(scope, { ...options, serverName: `S${i}`, cluster }));
  }
  await formed(servers);
  return servers;
}

/** Waits until each server is connected to all the others with every connection of its pool. */
export async function formed(servers: readonly LocalServer[]): Promise<void> {
  await until("the cluster has formed", () =>
    servers.every(({ server }) => {
      const routes = server.reports.routes();
      const { poolSize = 3, accounts = [] } = server.options.cluster ?? {};
      const apart = new Set([server.accounts.system?.name, ...accounts].filter((name) => name !== undefined)).size;
      const links = poolSize > 0 ? poolSize + apart : 1;
      return server.reports.remoteServers() === servers.length - 1 && routes.length === links * (servers.length - 1);
    }),
  );
}
