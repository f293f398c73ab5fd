// A cluster of natsnode servers in virtual time, each on a host of its own; they are started, killed, frozen and looked into.
import { ClusterRoom } from "../../src/cluster/room.js";
import type { ServerOptions } from "../../src/options/options.js";
import { encodeSubject } from "../../src/options/subject-bytes.js";
import type { SimulatedHost } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import type { LinesLogger } from "../support/local-server.js";
import { type ClusterModel, ModelError } from "./cluster-model.js";
import { ACCOUNTS, type AccountName, type ClusterPlan, isLearned, linksBetween, optionsOf } from "./cluster-plan.js";
import type { Draw } from "./draw.js";
import { SimulatedWorld } from "./simulated-world.js";

/** Where the subjects of answers to requests from other accounts begin. */
export const REPLIES = "_R_.";

/** Servers that were learned from others are dialled with pauses that grow; no limit of the reference holds for them. */
const LEARNED_EXTRA_MS = 6_000;

/** What of a server must be the same again when all its clients have gone and all servers are back. */
export interface Counters {
  readonly timers: number;
  readonly connections: number;
  readonly leaving: number;
  readonly interests: Readonly<Record<string, number>>;
  readonly announced: Readonly<Record<string, number>>;
}

export class ClusterNode {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly log: LinesLogger;
  server: Server;

  constructor(name: string, host: SimulatedHost, log: LinesLogger, server: Server) {
    this.name = name;
    this.host = host;
    this.log = log;
    this.server = server;
  }

  get room(): ClusterRoom {
    const { rooms } = this.server as unknown as { rooms: readonly object[] };
    return rooms.find((room) => room instanceof ClusterRoom) as ClusterRoom;
  }

  /** What this server tells others of an account: weights by "subject" or "subject queue", of leaf nodes by "subject queue origin". */
  ownInterest(account: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const { subject, queue, origin, count } of this.room.interest.of(account)) {
      found.set(keyOf(subject, queue, origin), queue === "" ? 1 : count);
    }
    return found;
  }

  /** What this server has heard from another one, by account; accounts without interest are left out. */
  heardFrom(other: ClusterNode): Map<string, Map<string, number>> | undefined {
    const peer = this.room.peers.get(other.server.id);
    if (peer === undefined) return undefined;
    const heard = new Map<string, Map<string, number>>();
    for (const { name, interests } of peer.accounts()) {
      const of = new Map(
        interests.map(({ subject, queue, origin, weight }) => [keyOf(subject, queue, origin), weight]),
      );
      if (of.size > 0) heard.set(name, of);
    }
    return heard;
  }

  counters(names: ReadonlyMap<string, string>): Counters {
    const { server, room } = this;
    const { leaving } = server as unknown as { leaving: ReadonlySet<object> };
    const accounts = [...server.accounts.all()];
    const interests = accounts.map(({ name, sublist }) => [name, [...sublist.all()].filter(isLasting).length] as const);
    const announced = [...room.peers.values()].map((peer) => {
      const replies = [...peer.accounts()].flatMap(({ interests }) => interests.filter((one) => !isLasting(one)));
      return [names.get(peer.id) ?? peer.id, peer.announced.count - replies.length] as const;
    });
    // Each of these has had a request from another account, and a timer for its answer that runs on for minutes.
    const asked = accounts.filter(({ replies }) => replies !== undefined);
    return {
      timers: this.host.clock.pendingTimers - asked.length,
      connections: room.routes.size,
      leaving: leaving.size,
      interests: Object.fromEntries(interests),
      announced: Object.fromEntries(announced.sort()),
    };
  }
}

export class ClusterWorld extends SimulatedWorld<ClusterPlan, ClusterNode> {
  protected optionsOf(name: string): ServerOptions {
    return optionsOf(this.plan, name);
  }

  protected nodeOf(name: string, host: SimulatedHost, log: LinesLogger, server: Server): ClusterNode {
    return new ClusterNode(name, host, log, server);
  }

  pair(draw: Draw): ClusterNode[] {
    return draw.some(this.running, 2);
  }

  extraMs(a?: string, b?: string): number {
    const { plan } = this;
    const pairs = plan.servers.flatMap((one) =>
      plan.servers.filter((two) => two !== one).map((two) => [one, two] as const),
    );
    const concerned = a === undefined || b === undefined ? pairs : [[a, b] as const];
    return concerned.some(([one, two]) => isLearned(plan, one, two)) ? LEARNED_EXTRA_MS : 0;
  }

  unsettled(): string | undefined {
    return unsettledRoutes(this.running, (a, b) => linksBetween(this.plan, a, b));
  }

  /** Throws when a server does not tell others what its clients want. */
  compareInterest(model: ClusterModel): void {
    for (const node of this.running) for (const account of ACCOUNTS) compareInterest(node, account, model);
  }

  /** Counters of every server, by name. */
  counters(): Record<string, Counters> {
    const names = new Map(this.running.map(({ name, server }) => [server.id, name]));
    return Object.fromEntries(this.running.map((node) => [node.name, node.counters(names)]));
  }
}

function keyOf(subject: string, queue = "", origin = ""): string {
  if (origin !== "") return `${subject} ${queue} ${origin}`;
  return queue === "" ? subject : `${subject} ${queue}`;
}

/** Not the place where answers to requests from other accounts come in: once there, that stays. */
function isLasting({ subject }: { readonly subject: string }): boolean {
  return !subject.startsWith(REPLIES);
}

/**
 * What is not yet as it should be between the servers of a cluster: connections, and interest; undefined when all is.
 * @param linksBetween how many connections two servers are to have
 */
export function unsettledRoutes(
  nodes: readonly ClusterNode[],
  linksBetween: (a: string, b: string) => number,
): string | undefined {
  for (const node of nodes) {
    const { routes, peers } = node.room;
    if (peers.size !== nodes.length - 1) return `${node.name} knows ${peers.size} of ${nodes.length - 1} others`;
    let links = 0;
    for (const other of nodes) {
      if (other === node) continue;
      const peer = peers.get(other.server.id);
      if (peer === undefined) return `${node.name} does not know ${other.name}`;
      const wanted = linksBetween(node.name, other.name);
      if (peer.links.length !== wanted || peer.links.some(({ closed }) => closed)) {
        return `${node.name} has ${peer.links.length} connections to ${other.name}, not ${wanted}`;
      }
      links += wanted;
    }
    if (routes.size !== links) return `${node.name} has ${routes.size} connections, not ${links}`;
  }
  for (const node of nodes) {
    for (const other of nodes) {
      const difference = other === node ? undefined : mismatch(node, other);
      if (difference !== undefined) return difference;
    }
  }
  return undefined;
}

function compareInterest(node: ClusterNode, account: AccountName, model: ClusterModel): void {
  const wanted = model.interestAt(node.name, account);
  const own = node.ownInterest(encodeSubject(account));
  for (const [key, weight] of wanted) {
    if (own.get(key) !== weight) {
      throw new ModelError(`${node.name} tells ${own.get(key) ?? "nothing"} of ${account} ${key}, not ${weight}`);
    }
  }
  for (const key of own.keys()) {
    if (!wanted.has(key) && !key.startsWith(REPLIES))
      throw new ModelError(`${node.name} still tells of ${account} ${key}`);
  }
}

function mismatch(node: ClusterNode, other: ClusterNode): string | undefined {
  const heard = node.heardFrom(other);
  const accounts = new Set([...(heard?.keys() ?? []), ...other.room.interest.accounts()]);
  for (const account of accounts) {
    const got = heard?.get(account) ?? new Map<string, number>();
    const wanted = other.ownInterest(account);
    for (const [key, weight] of wanted) {
      if (got.get(key) !== weight) {
        return `${node.name} has heard ${got.get(key) ?? "nothing"} of ${account} ${key} at ${other.name}, not ${weight}`;
      }
    }
    for (const key of got.keys()) {
      if (!wanted.has(key)) return `${node.name} believes in ${account} ${key} at ${other.name}`;
    }
  }
  return undefined;
}
