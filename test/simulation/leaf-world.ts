// Simulated leaf nodes and their hubs, each on a host of its own; they are started, killed, frozen and looked into.
import type { Account } from "../../src/accounts/account.js";
import type { Subscription } from "../../src/accounts/subscription.js";
import { LeafConnection } from "../../src/leafnodes/leaf.js";
import { LOOP_PREFIX } from "../../src/leafnodes/leaf-interest.js";
import type { ServerOptions } from "../../src/options/options.js";
import type { SimulatedHost } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import type { LinesLogger } from "../support/local-server.js";
import { type ClusterModel, fits, ModelError, type ModelSubscription } from "./cluster-model.js";
import { type AccountName, SHARED_SERVICE } from "./cluster-plan.js";
import { ClusterNode, REPLIES, unsettledRoutes } from "./cluster-world.js";
import type { Draw } from "./draw.js";
import { groupOf, isBehind, LEAF_ACCOUNTS, type LeafGroup, type LeafPlan, leafOptions, rootOf } from "./leaf-plan.js";
import { SimulatedWorld } from "./simulated-world.js";

/** What of a server must be the same again when all its clients have gone and all servers are back. */
export interface LeafCounters {
  readonly timers: number;
  readonly routes: number;
  readonly links: number;
  readonly leaving: number;
  readonly interests: number;
}

/** Connections of two servers of a group: a pool of three, and one of the system account. */
const ROUTES = 4;

export class LeafNode extends ClusterNode {
  readonly group: LeafGroup;

  constructor(name: string, group: LeafGroup, host: SimulatedHost, log: LinesLogger, server: Server) {
    super(name, host, log, server);
    this.group = group;
  }
}

export class LeafWorld extends SimulatedWorld<LeafPlan, LeafNode> {
  protected optionsOf(name: string): ServerOptions {
    return leafOptions(this.plan, name);
  }

  protected nodeOf(name: string, host: SimulatedHost, log: LinesLogger, server: Server): LeafNode {
    return new LeafNode(name, groupOf(this.plan, name), host, log, server);
  }

  /** Two servers of which one is above the other, or of one group. */
  pair(draw: Draw): LeafNode[] {
    const { running } = this;
    const pairs = running.flatMap((one) =>
      running.filter((other) => other !== one && meet(one.group, other.group)).map((other) => [one, other]),
    );
    return draw.pick(pairs);
  }

  extraMs(): number {
    return 0;
  }

  /** Whether a message that is sent at a server may reach a subscription. */
  mayReach(account: AccountName, subject: string, from: string, to: ModelSubscription): boolean {
    if (!fits(subject, to.subject)) return false;
    // Answers are sent in the account of who answers, which may reach more.
    if (subject.startsWith("_INBOX.")) return to.client.account === account;
    const [hub] = this.plan.groups;
    const sender = rootOf(groupOf(this.plan, from), account);
    const listener = rootOf(groupOf(this.plan, to.client.server), to.client.account as AccountName);
    if (to.client.account === account) return sender === listener;
    const isImported = account === "B" && subject === SHARED_SERVICE && to.client.account === "A";
    return isImported && sender === hub && listener === hub;
  }

  unsettled(): string | undefined {
    for (const group of this.plan.groups) {
      const problem = unsettledRoutes(
        this.running.filter((node) => node.group === group),
        () => ROUTES,
      );
      if (problem !== undefined) return problem;
    }
    for (const { name } of this.running) {
      for (const account of LEAF_ACCOUNTS) {
        const problem = this.#unlinked(name, account);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }

  // Every remote has one connection, and both ends know of it.
  #unlinked(name: string, account: AccountName): string | undefined {
    const { group } = this.nodes.get(name) as LeafNode;
    const up = this.links(name, account).filter(({ isHub }) => isHub);
    const wanted = group.above !== undefined && group.accounts.includes(account) ? 1 : 0;
    if (up.length !== wanted) return `${name} has ${up.length} hubs for ${account}, not ${wanted}`;
    for (const { remoteName } of up) {
      const down = this.links(remoteName, account).filter((link) => !link.isHub && link.remoteName === name);
      if (down.length !== 1) return `${remoteName} has ${down.length} connections of ${name} for ${account}`;
    }
    for (const { remoteName } of this.links(name, account).filter(({ isHub }) => !isHub)) {
      if (!this.links(remoteName, account).some((link) => link.isHub && link.remoteName === name)) {
        return `${name} keeps a connection of ${remoteName} for ${account}`;
      }
    }
    return undefined;
  }

  /** The leaf links of an account at a server: each has told at least of the subject that finds loops. */
  links(name: string, account: AccountName): LeafConnection[] {
    return [...this.#heard(name, account).keys()];
  }

  #heard(name: string, account: AccountName): Map<LeafConnection, Subscription[]> {
    const found = new Map<LeafConnection, Subscription[]>();
    const subscriptions = this.nodes.get(name)?.server.accounts.get(account)?.sublist.all() ?? [];
    for (const one of subscriptions) {
      if (!(one.target instanceof LeafConnection)) continue;
      const of = found.get(one.target) ?? [];
      found.set(one.target, of);
      if (isOfClients(one)) of.push(one);
    }
    return found;
  }

  override async settled(limitMs: number, meanwhile?: () => void): Promise<void> {
    await super.settled(limitMs, meanwhile);
    // Interest follows the connections over every link of the way.
    await this.advance(1000);
  }

  /** Throws when a server has not heard over a leaf link what those behind it want, or more than that. */
  compareInterest(model: ClusterModel): void {
    for (const { name } of this.running) {
      for (const account of LEAF_ACCOUNTS) {
        for (const [link, heard] of this.#heard(name, account)) this.#compare(name, account, link, heard, model);
      }
    }
  }

  #compare(
    name: string,
    account: AccountName,
    link: LeafConnection,
    heard: readonly Subscription[],
    model: ClusterModel,
  ): void {
    const wanted = this.#wantedBehind(name, account, link, model);
    const got = new Map(
      heard.map(({ subject, queue, weight }) => [queue === undefined ? subject : `${subject} ${queue}`, weight]),
    );
    const what = `${name} has heard from ${link.remoteName}`;
    for (const [key, weight] of wanted) {
      if (got.get(key) !== weight)
        throw new ModelError(`${what} ${got.get(key) ?? 0} of ${account} ${key}, not ${weight}`);
    }
    for (const key of got.keys()) if (!wanted.has(key)) throw new ModelError(`${what} of ${account} ${key}, still`);
  }

  #wantedBehind(name: string, account: AccountName, link: LeafConnection, model: ClusterModel): Map<string, number> {
    const { group } = this.nodes.get(name) as LeafNode;
    const found = new Map<string, number>();
    const add = (subject: string, queue: string | undefined): void => {
      const key = queue === undefined ? subject : `${subject} ${queue}`;
      found.set(key, queue === undefined ? 1 : (found.get(key) ?? 0) + 1);
    };
    for (const { client, subject, queue, state } of model.subscriptions) {
      if (state !== "live" || client.account !== account) continue;
      const isAbove = !isBehind(groupOf(this.plan, client.server), group, account);
      const isThere = rootOf(groupOf(this.plan, client.server), account) === rootOf(group, account);
      if (link.isHub ? isThere && isAbove : this.isBelow(client.server, link.remoteName, account)) add(subject, queue);
    }
    const [hub] = this.plan.groups;
    if (link.isHub && account === "B" && rootOf(group, account) === hub) add(SHARED_SERVICE, undefined);
    return found;
  }

  /** Whether what is at a server is told upwards by another one: by itself, or over the leaf links that it has accepted. */
  isBelow(server: string, by: string, account: AccountName): boolean {
    for (let at: string | undefined = server; at !== undefined; ) {
      if (at === by) return true;
      const [up]: LeafConnection[] = this.links(at, account).filter(({ isHub }) => isHub);
      at = up?.remoteName;
    }
    return false;
  }

  /** Of every group: which of the servers above a leaf node has chosen does not matter. */
  counters(): Record<string, LeafCounters> {
    const { groups } = this.plan;
    return Object.fromEntries(groups.map(({ name, servers }) => [name, this.#countersOf(servers)]));
  }

  #countersOf(names: readonly string[]): LeafCounters {
    const found = { timers: 0, routes: 0, links: 0, leaving: 0, interests: 0 };
    for (const name of names) {
      const { host, server, room } = this.nodes.get(name) as LeafNode;
      const { leaving } = server as unknown as { leaving: ReadonlySet<object> };
      const accounts = LEAF_ACCOUNTS.map((account) => server.accounts.get(account) as Account);
      // Each of these has had a request from another account, and a timer for its answer that runs on for minutes.
      found.timers += host.clock.pendingTimers - accounts.filter(({ replies }) => replies !== undefined).length;
      found.routes += room.routes.size;
      found.links += LEAF_ACCOUNTS.flatMap((account) => this.links(name, account)).length;
      found.leaving += leaving.size;
      found.interests += accounts.flatMap(({ sublist }) => [...sublist.all()].filter(isOfClients)).length;
    }
    return found;
  }
}

/** Not what servers want of each other, wherever they have chosen to connect. */
function isOfClients({ subject }: Subscription): boolean {
  return ![LOOP_PREFIX, REPLIES, "$SYS."].some((prefix) => subject.startsWith(prefix));
}

function meet(a: LeafGroup, b: LeafGroup): boolean {
  return a === b || a.above === b || b.above === a;
}
