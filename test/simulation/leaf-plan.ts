// What a seed decides before simulated leaf nodes start: a hub cluster and groups of leaf nodes behind it, in a chain or as a
// tree. A group is one server, or a leaf cluster whose members all have their own way to the group above.
import type { ServerOptions } from "../../src/options/options.js";
import type { LinkOptions } from "../../src/runtime/simulated/index.js";
import {
  type AccountName,
  CLIENT_PORT,
  PING_INTERVAL_MS,
  PING_MAX,
  ROUTE_PORT,
  SHARED_SERVICE,
} from "./cluster-plan.js";
import type { TopicsOf } from "./cluster-traffic.js";
import type { Draw } from "./draw.js";

const LEAF_PORT = 7422;
const RECONNECT_MS = 1_000;

export const LEAF_ACCOUNTS = ["A", "B"] as const;

const SUBJECTS = ["a.1", "a.2", "b.1", "deep.a.b.c"];
const PATTERNS = [...SUBJECTS, "a.*", "*.1", "*.*", "deep.>"];

/** B asks where A answers, through an import that only the hub's servers have. */
export const LEAF_TOPICS: TopicsOf = {
  A: { subjects: SUBJECTS, patterns: PATTERNS, services: ["svc", SHARED_SERVICE], answers: true },
  B: { subjects: SUBJECTS, patterns: PATTERNS, services: [SHARED_SERVICE], answers: false },
};

export interface LeafGroup {
  readonly name: string;
  readonly servers: readonly string[];
  /** The group that its remotes lead to; undefined for the hub. */
  readonly above: LeafGroup | undefined;
  /** The accounts that have a remote. */
  readonly accounts: readonly AccountName[];
  /** Whether each remote has the URLs of all servers above, or of one. */
  readonly severalUrls: boolean;
  readonly compression: string;
}

export interface LeafPlan {
  readonly groups: readonly LeafGroup[];
  readonly link: LinkOptions;
}

export function planLeafs(draw: Draw): LeafPlan {
  const isChain = draw.chance(0.4);
  const hub = group(draw, "h", draw.between(1, 3), undefined);
  const groups = [hub];
  const count = draw.between(2, 4);
  for (let i = 1; i <= count; i++) {
    const above = isChain ? groups[i - 1] : draw.pick(groups);
    groups.push(group(draw, `l${i}`, draw.chance(0.3) ? 2 : 1, above));
  }
  const link = { latencyMs: draw.pick([0.2, 2, 15]), jitterMs: draw.pick([0, 1, 8]), bytesPerSecond: 1e9 };
  return { groups, link };
}

function group(draw: Draw, name: string, size: number, above: LeafGroup | undefined): LeafGroup {
  const servers = Array.from({ length: size }, (_, i) => `${name}${"abc"[i]}`);
  const accounts: AccountName[] = draw.chance(0.6) ? ["A", "B"] : ["A"];
  const compression = draw.pick(["off", "s2_fast", "s2_auto"]);
  return { name, servers, above, accounts, severalUrls: draw.chance(0.5), compression };
}

export function groupOf({ groups }: LeafPlan, server: string): LeafGroup {
  return groups.find(({ servers }) => servers.includes(server)) as LeafGroup;
}

/** The topmost group that a group's clients in an account reach: it names the part of the tree that they are in. */
export function rootOf(group: LeafGroup, account: AccountName): LeafGroup {
  let root = group;
  while (root.above !== undefined && root.accounts.includes(account)) root = root.above;
  return root;
}

/** Whether a group is another one, or is reached through it from above in an account. */
export function isBehind(group: LeafGroup, other: LeafGroup, account: AccountName): boolean {
  let at: LeafGroup | undefined = group;
  while (at !== undefined && at !== other) at = at.accounts.includes(account) ? at.above : undefined;
  return at === other;
}

export function leafOptions(plan: LeafPlan, name: string): ServerOptions {
  const { name: cluster, servers, above, accounts, severalUrls, compression } = groupOf(plan, name);
  const users = (user: string) => [{ user, password: "secret" }];
  const shares = above === undefined;
  const at = servers.indexOf(name);
  const hubs = above === undefined || severalUrls ? (above?.servers ?? []) : [above.servers[at % above.servers.length]];
  return {
    serverName: name,
    host: "0.0.0.0",
    port: CLIENT_PORT,
    systemAccount: "SYS",
    pingIntervalMs: PING_INTERVAL_MS,
    pingMax: PING_MAX,
    accounts: {
      A: { users: users("A"), ...(shares && { exports: [{ service: SHARED_SERVICE }] }) },
      B: {
        users: users("B"),
        ...(shares && { imports: [{ service: { account: "A", subject: SHARED_SERVICE } }] }),
      },
      SYS: { users: users("SYS") },
    },
    cluster: {
      name: cluster,
      host: "0.0.0.0",
      port: ROUTE_PORT,
      routes: servers.filter((other) => other !== name).map((other) => `nats-route://${other}:${ROUTE_PORT}`),
      pingIntervalMs: PING_INTERVAL_MS,
      pingMax: PING_MAX,
    },
    leafnodes: {
      host: "0.0.0.0",
      port: LEAF_PORT,
      advertise: `${name}:${LEAF_PORT}`,
      // Without it, a remote with one URL would learn the others.
      noAdvertise: true,
      reconnectMs: RECONNECT_MS,
      compression: { mode: compression },
      remotes: above === undefined ? [] : accounts.map((account) => remoteOf(account, hubs, compression, severalUrls)),
    },
  };
}

function remoteOf(account: string, hubs: readonly string[], mode: string, learns: boolean) {
  return {
    account,
    urls: hubs.map((hub) => `nats-leaf://${account}:secret@${hub}:${LEAF_PORT}`),
    ignoreDiscoveredServers: !learns,
    compression: { mode },
  };
}
