// This server's side of its cluster: the listener for routes, the servers it is connected to, and what they tell each other
// (conformance/topology, WIRE.md section 2).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { InterestWatcher, Subscription } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import { encodeSubject } from "../options/subject-bytes.js";
import { bytesAsText } from "../protocol/json.js";
import { type PeerConnect, type PeerInfo, peerInfoLine } from "../protocol/peer-info.js";
import type { Listener, Transport } from "../runtime/network.js";
import { CloseReason } from "../server/close-reason.js";
import { hostPort } from "../server/host-port.js";
import type { ClusterLink } from "../server/peers/cluster-link.js";
import { admitsPeer } from "../server/peers/peer-login.js";
import { PeerTls } from "../server/peers/peer-tls.js";
import type { Commit, Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { inSlices } from "../server/slices.js";
import { ClusterName } from "./cluster-name.js";
import { Dialer, Solicitation } from "./dialer.js";
import { Gossip } from "./gossip.js";
import { type Introduced, routeConnect, routeInfo } from "./introduction.js";
import { INTEREST_PER_TURN, MAX_EARLY_ROUTES, MAX_PEER_INTEREST } from "./limits.js";
import { type AnnouncedInterest, LocalInterest } from "./local-interest.js";
import type { Peer } from "./peer.js";
import type { PeerAccount } from "./peer-account.js";
import { registerRoute } from "./registration.js";
import { RouteConnection } from "./route.js";
import type { RouteHost, TakenInterest } from "./route-host.js";
import { RoutePermissions } from "./route-permissions.js";
import { parseRouteUrl } from "./route-url.js";
import { RoutedSubscription } from "./routed-subscription.js";

type ClusterOptions = NonNullable<ResolvedOptions["cluster"]>;

/** Options whose change makes all connections anew. */
const AGREED = [
  "name",
  "poolSize",
  "accounts",
  "compression",
  "authorization",
  "tls",
  "permissions",
  "advertise",
] as const;

export class ClusterRoom implements Room, RouteHost, InterestWatcher, ClusterLink {
  readonly server: Server;
  /** The servers that it is connected to, by id. */
  readonly peers = new Map<string, Peer>();
  /** All connections, those that are still being made included. */
  readonly routes = new Set<RouteConnection>();
  readonly dialer: Dialer;
  readonly gossip: Gossip;
  readonly interest: LocalInterest;
  readonly #name: ClusterName;
  readonly #tls: PeerTls;
  #permissions: RoutePermissions;
  #listener: Listener | undefined;
  // Servers that came before this one knew where its clients connect.
  #early: Transport[] | undefined = [];
  #closing = false;

  constructor(server: Server) {
    this.server = server;
    const { runtime, options } = server;
    this.dialer = new Dialer({
      runtime,
      logger: () => server.logger,
      retries: () => this.options.connectRetries,
      backsOff: () => this.options.connectBackoff,
      dialled: (transport, solicitation, account) => void this.#dialled(transport, solicitation, account),
    });
    this.gossip = new Gossip(this);
    this.interest = new LocalInterest((account, interest) => this.#announce(account, interest));
    this.#name = new ClusterName(this.options.name || options.gateway?.name, runtime.random);
    this.#tls = new PeerTls(server, "route");
    this.#permissions = new RoutePermissions(this.options.permissions);
    server.accounts.watch(this);
    server.clusterLink = this;
    server.nameCluster(() => this.#name.text);
    server.reports = {
      ...server.reports,
      routes: () => [...this.routes].filter(({ server }) => server !== undefined).map((route) => route.status()),
      remoteServers: () => this.peers.size,
    };
  }

  /** Whether the options ask for a cluster. */
  static isWanted({ cluster }: ResolvedOptions): boolean {
    return cluster !== undefined && cluster.port !== 0;
  }

  get options(): ClusterOptions {
    return this.server.options.cluster as ClusterOptions;
  }

  get clusterName(): string {
    return this.#name.text;
  }

  /** Accounts (latin1) with connections of their own: the system account and those of the options. */
  get dedicatedAccounts(): string[] {
    const { system } = this.server.accounts;
    if (this.options.poolSize <= 0) return [];
    const names = new Set(this.options.accounts);
    if (system !== undefined) names.add(system.name);
    return [...names].map(encodeSubject);
  }

  // ---------------------------------------------------------------- start and end

  async start(): Promise<void> {
    const { server, options } = this;
    const { logger, runtime } = server;
    await this.#tls.prepare(this.options.tls)();
    const { host, port } = options;
    logger.info(`Cluster name is ${this.clusterName}`);
    if (this.#name.isDynamic) logger.warn("Cluster name was dynamically generated, consider setting one");
    const listening = { host, port: port === -1 ? 0 : port };
    this.#listener = await runtime.network.listen(listening, (transport) => {
      if (this.#early === undefined) void this.#accept(transport);
      else if (this.#early.length < MAX_EARLY_ROUTES) this.#early.push(transport);
      else transport.destroy();
    });
    logger.info(`Listening for route connections on ${hostPort(this.#listener.host, this.#listener.port)}`);
    server.events.on("lameDuck", () => {
      for (const { anyLink } of this.peers.values()) anyLink?.sendInfo();
    });
  }

  /** The server listens for clients: others may be told where. */
  opened(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const transport of early) void this.#accept(transport);
    for (const url of this.options.routes) this.#solicit(url);
  }

  #solicit(text: string): void {
    const url = parseRouteUrl(text);
    if (url === undefined) return;
    const solicitation = new Solicitation(url, true);
    this.dialer.start(solicitation, undefined);
    for (const account of this.dedicatedAccounts) this.dialer.start(solicitation, account);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.dialer.stop();
    this.#tls.close();
    for (const transport of this.#early?.splice(0) ?? []) transport.destroy();
    await this.#listener?.close();
    for (const route of [...this.routes]) route.close(CloseReason.serverShutdown);
  }

  addresses(): Record<string, { host: string; port: number }> {
    if (this.#listener === undefined) return {};
    return { cluster: { host: this.#listener.host, port: this.#listener.port } };
  }

  // ---------------------------------------------------------------- reload

  prepare(old: ResolvedOptions, next: ResolvedOptions): Commit | undefined {
    if (next.cluster === undefined || old.cluster === undefined) return undefined;
    const commitTls = this.#tls.prepare(next.cluster.tls);
    const permissions = new RoutePermissions(next.cluster.permissions);
    return async () => {
      await commitTls();
      this.#permissions = permissions;
      this.#reloadRoutes(old.cluster as ClusterOptions, next.cluster as ClusterOptions);
    };
  }

  #reloadRoutes(old: ClusterOptions, next: ClusterOptions): void {
    if (old.name !== next.name) this.#name.configure(next.name);
    // What the two sides have agreed on at the start of a connection is agreed on anew by making it again.
    const renegotiates = AGREED.some((name) => JSON.stringify(old[name]) !== JSON.stringify(next[name]));
    if (renegotiates) for (const route of [...this.routes]) route.close(CloseReason.routeRemoved);
    for (const removed of old.routes.filter((url) => !next.routes.includes(url))) {
      this.dialer.forget(({ url }) => url.text === removed);
      for (const route of [...this.routes]) {
        if (route.solicitation?.url.text !== removed) continue;
        route.isNeedless = true;
        const again = next.routes.find((url) => url !== removed && route.server?.knownAt.has(url));
        route.close(CloseReason.routeRemoved);
        if (again !== undefined) this.#solicit(again);
      }
    }
    for (const added of next.routes.filter((url) => !old.routes.includes(url))) this.#solicit(added);
    if (old.noAdvertise !== next.noAdvertise) for (const peer of this.peers.values()) this.#advertiseAnew(peer, next);
  }

  // Clients here are told of the servers there, and those there of this one, or not any more.
  #advertiseAnew({ id, info, anyLink }: Peer, { noAdvertise }: ClusterOptions): void {
    const { connect_urls = [], ws_connect_urls = [] } = noAdvertise ? {} : info;
    this.server.clientUrls.set(id, connect_urls, ws_connect_urls);
    anyLink?.sendInfo();
  }

  // ---------------------------------------------------------------- connections

  async #accept(transport: Transport): Promise<void> {
    if (this.#closing || this.server.draining) {
      transport.destroy();
      return;
    }
    const route = this.#add(transport);
    if (await this.#tls.accept(route)) route.open();
  }

  async #dialled(transport: Transport, solicitation: Solicitation, account: string | undefined): Promise<void> {
    const route = this.#add(transport, { solicitation, account });
    const configured = this.options.routes.map(parseRouteUrl).filter((url) => url !== undefined);
    if (await this.#tls.dial(route, solicitation.url, configured)) route.open();
  }

  #add(transport: Transport, solicited?: { solicitation: Solicitation; account: string | undefined }): RouteConnection {
    const { server } = this;
    const route = new RouteConnection(server.nextConnectionId(), server, transport, this, solicited);
    this.routes.add(route);
    server.logger.info(`${route.label} - Route connection created`);
    return route;
  }

  left(route: RouteConnection, reason: CloseReason): void {
    this.routes.delete(route);
    this.server.leaves(route);
    const peer = route.server;
    if (peer !== undefined) this.#unlink(peer, route);
    else if (route.solicitation !== undefined) route.solicitation.failures++;
    if (this.#closing || route.isNeedless || reason === CloseReason.serverShutdown) return;
    if (route.solicitation !== undefined) this.dialer.again(route.solicitation, route.account);
  }

  #unlink(peer: Peer, route: RouteConnection): void {
    if (route.account !== undefined) {
      if (peer.dedicated.get(route.account) === route) peer.dedicated.delete(route.account);
    } else if (peer.pool[route.poolIndex] === route) peer.pool[route.poolIndex] = undefined;
    peer.relink();
    inSlices(this.server.runtime.clock, peer.staleInterest(route), INTEREST_PER_TURN, ([account, subscription]) => {
      account.removeStale(subscription);
    });
    if (peer.pool.every((link) => link === undefined)) this.server.clientUrls.set(peer.id, [], []);
    if (peer.links.length > 0 || this.peers.get(peer.id) !== peer) return;
    this.peers.delete(peer.id);
    this.server.events.emit("peerLeft", peer.id);
    // The accounts with connections of their own are dialled anew when the server comes back with a pool.
    if (!peer.pools && peer.solicitation !== undefined && !route.isNeedless) {
      for (const account of this.dedicatedAccounts) this.dialer.start(peer.solicitation, account);
    }
  }

  // ---------------------------------------------------------------- the handshake

  infoFor(route: RouteConnection): PeerInfo {
    return routeInfo(this.#introduced, route);
  }

  connectFor(route: RouteConnection): PeerConnect {
    return routeConnect(this.#introduced, route);
  }

  get #introduced(): Introduced {
    const { server, options, clusterName } = this;
    const listening = this.#listener ?? { host: options.host, port: options.port };
    return { server, options, clusterName, isDynamic: this.#name.isDynamic, listening };
  }

  admits(route: RouteConnection, connect: PeerConnect): boolean | Promise<boolean> {
    const { authorization, tls, routes } = this.options;
    const urls = routes.map(parseRouteUrl).filter((url) => url !== undefined);
    const gate = { authorization, tls, knownHosts: urls.map(({ host }) => host) };
    return admitsPeer(this.server, route, gate, connect);
  }

  takesName(name: string, dynamic: boolean, from: string): boolean {
    if (!this.#name.givesWayTo(name, dynamic)) return false;
    this.#name.take(name, dynamic);
    this.server.logger.info(`Cluster name updated to ${name}`);
    for (const route of [...this.routes]) {
      if (route.server !== undefined && route.server.id !== from) route.close(CloseReason.clusterNameConflict);
    }
    return true;
  }

  register(route: RouteConnection, info: PeerInfo): boolean {
    return registerRoute(this, route, info);
  }

  confirmed(route: RouteConnection): void {
    if (!route.dialsNext || route.solicitation === undefined) return;
    route.dialsNext = false;
    this.dialer.start(route.solicitation, undefined);
  }

  /** Tells a route that has just been registered of all interest that it carries. */
  announceAll(route: RouteConnection): void {
    const walk = this.interest.walk((account) => route.carries(account));
    const { clock } = this.server.runtime;
    route.telling = inSlices(clock, walk, INTEREST_PER_TURN, (interest) => {
      const { account, plainSubject } = interest;
      if (!this.#permissions.mayImport(plainSubject ?? interest.announced.subject)) return;
      if (plainSubject === undefined) route.announce(account, interest.announced);
      else route.announcePlain(account, plainSubject);
    });
  }

  // ---------------------------------------------------------------- for other rooms

  tell(info: PeerInfo, serverId?: string): void {
    const line = peerInfoLine(info);
    for (const peer of this.peers.values())
      if (serverId === undefined || peer.id === serverId) peer.anyLink?.send(line);
  }

  forward(serverId: string, account: string, message: Message): void {
    const peer = this.peers.get(serverId);
    // While the pool is being made, any of its connections will do.
    const link = peer?.linkFor(account) ?? peer?.pool.find((one) => one !== undefined);
    link?.sendMessage(link.prefixFor(account), message, [], undefined);
  }

  // ---------------------------------------------------------------- what others tell

  informed(route: RouteConnection, info: PeerInfo): void {
    const peer = route.server as Peer;
    if (info.gateway !== undefined) {
      this.server.events.emit("gatewayGossip", info);
    } else if (info.route_acc_add_reqid !== undefined) {
      this.gossip.accountMoves(route, info);
    } else if (info.server_id !== "" && info.server_id !== peer.id) {
      this.gossip.heard(route, info);
    } else if (info.ldm === true) {
      this.server.clientUrls.set(peer.id, [], []);
    } else if (info.server_id === peer.id) this.#informedAgain(route, peer, info);
  }

  // A reload there has changed what it says of itself.
  #informedAgain(route: RouteConnection, peer: Peer, info: PeerInfo): void {
    const { connect_urls = [], ws_connect_urls = [] } = info;
    if (!this.options.noAdvertise) this.server.clientUrls.set(peer.id, connect_urls, ws_connect_urls);
    const permissions = JSON.stringify([info.import, info.export]);
    if (permissions === JSON.stringify([route.info?.import, route.info?.export])) return;
    route.info = info;
    // What it did not take before may be welcome now.
    route.telling?.stop();
    this.announceAll(route);
  }

  peerAccount(route: RouteConnection, account: string): PeerAccount {
    const { operatorMode, options } = this.server;
    // Other clusters are told what this one wants of accounts that this server knows.
    if (options.gateway?.name !== undefined) void operatorMode?.accounts.lookup(bytesAsText(account));
    return (route.server as Peer).account(account, (name) => this.accountNamed(name));
  }

  subscribed(route: RouteConnection, target: PeerAccount, interest: TakenInterest): boolean {
    const { subject, kind, queue, origin, weight } = interest;
    if (!this.#permissions.mayExport(subject)) {
      target.forgetIfEmpty();
      return true;
    }
    if ((route.server as Peer).announced.count >= MAX_PEER_INTEREST) {
      route.refuse("maximum subscriptions exceeded", CloseReason.maxSubscriptionsExceeded);
      return false;
    }
    target.add(new RoutedSubscription(subject, queue, target, route, origin, weight), kind);
    return true;
  }

  accountNamed(name: string): Account | undefined {
    return this.server.accounts.get(bytesAsText(name));
  }

  mayImport(subject: string): boolean {
    return this.#permissions.mayImport(subject);
  }

  // ---------------------------------------------------------------- what this server tells

  added(account: Account, subscription: Subscription): void {
    this.interest.added(account, subscription);
  }

  removed(account: Account, subscription: Subscription): void {
    this.interest.removed(account, subscription);
  }

  accountAdded(account: Account): void {
    for (const peer of this.peers.values()) peer.accountAdded(account);
    for (const route of this.routes) route.accountsChanged();
  }

  #announce(account: string, interest: AnnouncedInterest): void {
    if (this.peers.size === 0 || !this.#permissions.mayImport(interest.subject)) return;
    for (const peer of this.peers.values()) peer.linkFor(account)?.announce(account, interest);
  }
}
