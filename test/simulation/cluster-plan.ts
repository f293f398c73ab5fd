// What a seed decides before a simulated cluster starts: its servers, who is configured to dial whom, pools and links.
import type { ServerOptions } from "../../src/options/options.js";
import type { LinkOptions } from "../../src/runtime/simulated/index.js";
import type { Draw } from "./draw.js";

export const CLIENT_PORT = 4222;
export const ROUTE_PORT = 6222;
export const PING_INTERVAL_MS = 1000;
export const PING_MAX = 2;

/** One client account each, with the user who logs into it; PINNED may have routes of its own. */
export const ACCOUNTS = ["A", "B", "PINNED"] as const;
export type AccountName = (typeof ACCOUNTS)[number];

/** Subjects of A that B has a stream import and a service import of. */
export const FEED = "feed";
export const SHARED_SERVICE = "shared.svc";

export interface ClusterPlan {
  /** Names of the servers, which are those of their hosts too. */
  readonly servers: readonly string[];
  /** Servers that a server has a configured route to. */
  readonly routes: ReadonlyMap<string, readonly string[]>;
  readonly poolSizes: ReadonlyMap<string, number>;
  readonly pinned: boolean;
  readonly compression: ReadonlyMap<string, string>;
  readonly link: LinkOptions;
}

export function planCluster(draw: Draw): ClusterPlan {
  const count = draw.between(3, 5);
  const servers = Array.from({ length: count }, (_, i) => `s${i + 1}`);
  // Everybody dials everybody, or those that come before, or the first one, and the rest is gossip.
  const wiring = draw.pick(["mesh", "mesh", "earlier", "star"]);
  const routes = new Map(
    servers.map((name, i) => {
      const others = wiring === "mesh" ? servers.filter((other) => other !== name) : servers.slice(0, i);
      return [name, wiring === "star" ? others.slice(0, 1) : others];
    }),
  );
  const common = draw.pick([-1, 1, 3, 3]);
  const mixed = draw.chance(0.3);
  const poolSizes = new Map(servers.map((name) => [name, mixed ? draw.pick([-1, 1, 2, 3, 5]) : common]));
  const compression = new Map(
    servers.map((name) => [name, draw.pick(["accept", "accept", "off", "s2_fast", "s2_auto"])]),
  );
  const link = { latencyMs: draw.pick([0.2, 2, 15]), jitterMs: draw.pick([0, 1, 8]), bytesPerSecond: 1e9 };
  return { servers, routes, poolSizes, pinned: draw.chance(0.5), compression, link };
}

/** Whether the two may lose each other for good: neither is configured to dial the other. */
export function isLearned({ routes }: ClusterPlan, a: string, b: string): boolean {
  return !routes.get(a)?.includes(b) && !routes.get(b)?.includes(a);
}

export function optionsOf(plan: ClusterPlan, name: string): ServerOptions {
  const users = (user: string) => [{ user, password: "secret" }];
  return {
    serverName: name,
    host: "0.0.0.0",
    port: CLIENT_PORT,
    systemAccount: "SYS",
    accounts: {
      A: { users: users("A"), exports: [{ stream: `${FEED}.>` }, { service: SHARED_SERVICE }] },
      B: {
        users: users("B"),
        imports: [
          { stream: { account: "A", subject: `${FEED}.>` } },
          { service: { account: "A", subject: SHARED_SERVICE } },
        ],
      },
      PINNED: { users: users("PINNED") },
      SYS: { users: users("SYS") },
    },
    cluster: {
      name: "simulated",
      host: "0.0.0.0",
      port: ROUTE_PORT,
      routes: (plan.routes.get(name) ?? []).map((other) => `nats-route://${other}:${ROUTE_PORT}`),
      poolSize: plan.poolSizes.get(name) ?? 3,
      compression: { mode: plan.compression.get(name) ?? "accept" },
      accounts: plan.pinned ? ["PINNED"] : [],
      // Servers that were learned from others are to come back like configured ones, so that the model can demand it.
      connectRetries: 1_000_000,
      pingIntervalMs: PING_INTERVAL_MS,
      pingMax: PING_MAX,
    },
  };
}

/** How many connections two servers must have: none for accounts where one of them does not pool. */
export function linksBetween({ poolSizes, pinned }: ClusterPlan, a: string, b: string): number {
  const [own, other] = [poolSizes.get(a) ?? 0, poolSizes.get(b) ?? 0];
  if (own <= 0 || other <= 0) return 1;
  return Math.max(own, other) + (pinned ? 2 : 1);
}
