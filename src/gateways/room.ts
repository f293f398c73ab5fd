// This server's side of the super-cluster: the listener for other clusters, those that it is connected to, and what it tells
// them (conformance/topology, WIRE.md section 3).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { InterestSource, type InterestWatcher, type Subscription } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import { encodeSubject } from "../options/subject-bytes.js";
import { quoted } from "../protocol/error-texts.js";
import { bytesAsText } from "../protocol/json.js";
import { type PeerConnect, type PeerInfo, peerInfoLine } from "../protocol/peer-info.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Listener, Transport } from "../runtime/network.js";
import { reachableAt } from "../server/clients/client-urls.js";
import { CloseReason } from "../server/close-reason.js";
import { advertisedAs, hostPort } from "../server/host-port.js";
import { admitsPeer } from "../server/peers/peer-login.js";
import { PeerTls } from "../server/peers/peer-tls.js";
import type { PeerUrl } from "../server/peers/peer-url.js";
import { gatewayHash, readWayBack } from "../server/peers/way-back.js";
import type { Commit, Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { inSlices } from "../server/slices.js";
import { ClusterInterest } from "./cluster-interest.js";
import { GatewayDialer } from "./dialer.js";
import { GatewayConnection, type GatewayHost } from "./gateway.js";
import { commandInfo, GatewayCommand, GatewayGossip } from "./gossip.js";
import { gatewayConnect } from "./introduction.js";
import { FIRST_DIAL_MS, INTEREST_PER_TURN } from "./limits.js";
import { RemoteCluster } from "./remote-cluster.js";
import { RemoteInterest } from "./remote-interest.js";
import { ReplyPaths } from "./reply-paths.js";

type GatewayOptions = NonNullable<ResolvedOptions["gateway"]>;

/** The protocol between servers that this server speaks. */
const PROTOCOL = 3;

export class GatewayRoom implements Room, GatewayHost, InterestWatcher {
  readonly server: Server;
  /** The other clusters, by name. */
  readonly remotes = new Map<string, RemoteCluster>();
  /** Servers of other clusters that have dialled this one and introduced themselves. */
  readonly inbound = new Set<GatewayConnection>();
  /** All connections, those that are still being made included. */
  readonly gateways = new Set<GatewayConnection>();
  readonly dialer: GatewayDialer;
  readonly gossip: GatewayGossip;
  readonly #interest: ClusterInterest;
  readonly #replies: ReplyPaths;
  readonly #tls: PeerTls;
  // Servers of this cluster, by the hash of their id.
  readonly #members = new Map<string, string>();
  #listener: Listener | undefined;
  #closing = false;

  constructor(server: Server) {
    this.server = server;
    const { clock } = server.runtime;
    this.dialer = new GatewayDialer({
      runtime: server.runtime,
      logger: () => server.logger,
      backsOff: () => this.options.connectBackoff,
      urlsOf: (remote) => {
        const { user, password } = this.options.authorization ?? {};
        return remote.urls({ user, password });
      },
      persists: (remote) => this.#persists(remote),
      dialled: (transport, remote, url) => void this.#dialled(transport, remote, url),
      gaveUp: (remote) => {
        if (this.remotes.get(remote.name) === remote) this.remotes.delete(remote.name);
      },
    });
    this.gossip = new GatewayGossip(this);
    this.#interest = new ClusterInterest((account, wish, begins) => {
      for (const inbound of this.inbound) inbound.announce(account, wish, begins);
    });
    this.#replies = new ReplyPaths(clock, { cluster: this.name, serverId: server.id }, (hash, account) =>
      this.#outboundTo(hash)?.interest?.account(account),
    );
    this.#tls = new PeerTls(server, "gateway");
    server.accounts.watch(this);
    server.gatewayReplies = this.#replies;
    server.gatewayUrl = () => this.url;
    server.reports = {
      ...server.reports,
      gateways: () => [...this.gateways].filter(({ isRegistered }) => isRegistered).map((gateway) => gateway.status()),
    };
  }

  /** Whether the options ask for gateways. */
  static isWanted({ gateway }: ResolvedOptions): boolean {
    return gateway?.name !== undefined && gateway.name !== "" && gateway.port !== 0;
  }

  get options(): GatewayOptions {
    return this.server.options.gateway as GatewayOptions;
  }

  get name(): string {
    return this.options.name as string;
  }

  /** Where servers of other clusters reach this one: host:port. */
  get url(): string {
    const { host, port } = this.#advertised;
    return reachableAt({ host, port }, () => this.server.runtime.network.interfaceAddresses())[0];
  }

  get #advertised(): { host: string; port: number } {
    const { host, port, advertise } = this.options;
    return { ...(this.#listener ?? { host, port }), ...advertisedAs(advertise) };
  }

  // ---------------------------------------------------------------- start and end

  async start(): Promise<void> {
    const { server, options } = this;
    const { logger, runtime, events } = server;
    await this.#prepareTls(options)();
    const { host, port } = options;
    logger.info(`Gateway name is ${this.name}`);
    this.#listener = await runtime.network.listen({ host, port: port === -1 ? 0 : port }, (transport) => {
      void this.#accept(transport);
    });
    logger.info(`Listening for gateways connections on ${hostPort(this.#listener.host, this.#listener.port)}`);
    logger.info(`Address for gateway ${quoted(this.name)} is ${this.url}`);
    events.on("peerJoined", (id, info) => {
      this.#members.set(gatewayHash(id), id);
      this.gossip.memberJoined(id, info);
    });
    events.on("peerLeft", (id) => {
      this.#members.delete(gatewayHash(id));
      this.gossip.memberLeft(id);
    });
    events.on("gatewayGossip", (info) => this.gossip.heard(info));
  }

  opened(): void {
    for (const remote of this.remotes.values()) this.dialer.start(remote, FIRST_DIAL_MS);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.dialer.stop();
    this.#tls.close();
    for (const remote of this.remotes.values()) remote.tls?.close();
    this.#replies.close();
    await this.#listener?.close();
    for (const gateway of [...this.gateways]) gateway.close(CloseReason.serverShutdown);
  }

  addresses(): Record<string, { host: string; port: number }> {
    if (this.#listener === undefined) return {};
    return { gateway: { host: this.#listener.host, port: this.#listener.port } };
  }

  // ---------------------------------------------------------------- reload

  prepare(_: ResolvedOptions, next: ResolvedOptions): Commit | undefined {
    return next.gateway === undefined ? undefined : this.#prepareTls(next.gateway);
  }

  // The clusters of the options, which may be among them itself, and the certificates for each.
  #prepareTls({ tls, gateways }: GatewayOptions): Commit {
    const commits = [this.#tls.prepare(tls)];
    for (const remoteOptions of gateways) {
      const name = remoteOptions.name as string;
      if (name === this.name) continue;
      const remote = this.remotes.get(name) ?? new RemoteCluster(name, remoteOptions);
      const own = remoteOptions.tls && (remote.tls ?? new PeerTls(this.server, "gateway"));
      const commitOwn = own?.prepare(remoteOptions.tls);
      commits.push(async () => {
        remote.options = remoteOptions;
        remote.tls = own;
        await commitOwn?.();
        this.remotes.set(name, remote);
      });
    }
    return async () => {
      for (const commit of commits) await commit();
    };
  }

  // ---------------------------------------------------------------- connections

  async #accept(transport: Transport): Promise<void> {
    if (this.#closing || this.server.draining) {
      transport.destroy();
      return;
    }
    const gateway = this.#add(new GatewayConnection(this.server.nextConnectionId(), this.server, transport, this));
    this.server.logger.info(`${gateway.label} - Processing inbound gateway connection`);
    if (await this.#tls.accept(gateway)) gateway.open();
  }

  async #dialled(transport: Transport, remote: RemoteCluster, url: PeerUrl): Promise<void> {
    const id = this.server.nextConnectionId();
    const gateway = this.#add(new GatewayConnection(id, this.server, transport, this, { remote, url }));
    this.server.logger.info(`${gateway.label} - Creating outbound gateway connection to ${quoted(remote.name)}`);
    if (await (remote.tls ?? this.#tls).dial(gateway, url, remote.configuredUrls)) gateway.open();
  }

  #add(gateway: GatewayConnection): GatewayConnection {
    this.gateways.add(gateway);
    return gateway;
  }

  #persists(remote: RemoteCluster): boolean {
    if (remote.isConfigured || remote.failures <= this.options.connectRetries) return true;
    // As long as its servers come here, it can be expected to be there.
    return [...this.inbound].some(({ cluster }) => cluster === remote.name);
  }

  #outboundTo(clusterHash: string): GatewayConnection | undefined {
    for (const { hash, outbound } of this.remotes.values()) if (hash === clusterHash) return outbound;
    return undefined;
  }

  left(gateway: GatewayConnection, reason: CloseReason): void {
    this.gateways.delete(gateway);
    this.inbound.delete(gateway);
    this.server.leaves(gateway);
    const { dialled, interest } = gateway;
    if (interest !== undefined) {
      inSlices(this.server.runtime.clock, interest.all(), INTEREST_PER_TURN, ([account, subscription]) => {
        account.drop(subscription);
      });
    }
    if (dialled === undefined) return;
    const { remote } = dialled;
    if (remote.outbound === gateway) remote.outbound = undefined;
    else remote.failures++;
    if (this.#closing || reason === CloseReason.serverShutdown || this.remotes.get(remote.name) !== remote) return;
    this.dialer.again(remote);
  }

  // ---------------------------------------------------------------- the handshake

  info(): PeerInfo {
    const { server, options } = this;
    const { tls, authorization } = options;
    return {
      server_id: server.id,
      server_name: server.name,
      version: COMPATIBILITY_VERSION,
      proto: PROTOCOL,
      go: "",
      ...this.#advertised,
      headers: !server.options.noHeaderSupport,
      auth_required: authorization?.user !== undefined,
      tls_required: tls !== undefined,
      tls_verify: tls !== undefined,
      max_payload: server.options.maxPayloadBytes,
      gateway: this.name,
      gateway_urls: this.gossip.ownUrls,
      gateway_url: this.url,
      gateway_nrp: true,
      gateway_iom: true,
    };
  }

  connectFor(url: PeerUrl): PeerConnect {
    return gatewayConnect(this.server, this.options, url);
  }

  admits(gateway: GatewayConnection, connect: PeerConnect): boolean | Promise<boolean> {
    const { authorization, tls } = this.options;
    const configured = [...this.remotes.values()].flatMap(({ configuredUrls }) => configuredUrls);
    const gate = { authorization, tls, knownHosts: configured.map(({ host }) => host) };
    return admitsPeer(this.server, gateway, gate, connect);
  }

  welcomes(cluster: string): boolean {
    if (cluster === this.name) return false;
    return !this.options.rejectUnknown || this.remotes.get(cluster)?.isConfigured === true;
  }

  registered(gateway: GatewayConnection): void {
    const { dialled, cluster, info } = gateway;
    const direction = dialled === undefined ? "Inbound gateway connection from" : "Outbound gateway connection to";
    const whose = `${quoted(cluster)} (${info?.server_id ?? ""})`;
    this.server.logger.info(`${gateway.label} - ${direction} ${whose} registered`);
    if (dialled === undefined) this.#registerInbound(gateway, info as PeerInfo);
    else this.#registerOutbound(gateway, dialled.remote, info as PeerInfo);
  }

  #registerOutbound(gateway: GatewayConnection, remote: RemoteCluster, { gateway_urls = [] }: PeerInfo): void {
    const { router, accounts } = this.server;
    const optimistic = !gateway.isInterestOnly;
    const find = (name: string): Account | undefined => this.accountNamed(name);
    gateway.interest = new RemoteInterest(gateway, router, this.#replies, { optimistic, find });
    if (optimistic) for (const account of accounts.all()) gateway.interest.accountAdded(account);
    remote.outbound = gateway;
    remote.failures = 0;
    remote.learn(gateway_urls, true);
    this.gossip.spread(remote);
    // Which cluster is nearest is to be known soon.
    gateway.sendPing();
  }

  #registerInbound(gateway: GatewayConnection, info: PeerInfo): void {
    const { clock } = this.server.runtime;
    this.inbound.add(gateway);
    this.gossip.tell(gateway);
    this.gossip.heard(info);
    gateway.telling = inSlices(clock, this.#allInterest(), INTEREST_PER_TURN, (tell) => tell(gateway));
  }

  // For each account: where its interest begins, the interest, and where it ends.
  *#allInterest(): IterableIterator<(gateway: GatewayConnection) => void> {
    for (const { name } of [...this.server.accounts.all()]) {
      const account = encodeSubject(name);
      yield (gateway) => this.#command(gateway, GatewayCommand.interestBegins, account);
      for (const wish of this.#interest.of(account)) yield (gateway) => gateway.announce(account, wish, true);
      yield (gateway) => this.#command(gateway, GatewayCommand.interestEnds, account);
    }
  }

  #command(gateway: GatewayConnection, command: number, account: string): void {
    const payload = Buffer.from(account, "latin1").toString("base64");
    gateway.send(peerInfoLine(commandInfo(this.name, command, { gateway_cmd_payload: payload })));
  }

  // ---------------------------------------------------------------- what others tell

  informed(gateway: GatewayConnection, info: PeerInfo): void {
    const { interest, dialled } = gateway;
    const account = (): string => Buffer.from(info.gateway_cmd_payload ?? "", "base64").toString("latin1");
    switch (info.gateway_cmd ?? 0) {
      case GatewayCommand.gossip:
        this.gossip.heard(info);
        return;
      case GatewayCommand.interestBegins:
        interest?.account(account()).beginInterest();
        return;
      case GatewayCommand.interestEnds:
        interest?.account(account()).endInterest();
        return;
      case 0:
        if (info.gateway !== gateway.cluster) return;
        if (dialled === undefined) this.gossip.heard(info);
        else if (dialled.remote.learn(info.gateway_urls ?? [], true)) this.gossip.spread(dialled.remote);
        return;
      default:
        gateway.refuse(`Unknown gateway command ${info.gateway_cmd}`, CloseReason.protocolViolation);
    }
  }

  accountNamed(name: string): Account | undefined {
    return this.server.accounts.get(bytesAsText(name));
  }

  accountNames(): string[] {
    return [...this.server.accounts.all()].map(({ name }) => encodeSubject(name));
  }

  unknownAccount(gateway: GatewayConnection, name: string): void {
    if (!gateway.isInterestOnly) gateway.send(Buffer.from(`A- ${name}\r\n`, "latin1"));
  }

  passOn(subject: string, account: string, message: Message): void {
    const way = readWayBack(subject);
    if (way === undefined || way.cluster !== this.#replies.clusterHash) return;
    const member = this.#members.get(way.server);
    if (member !== undefined) this.server.clusterLink?.forward(member, account, message);
  }

  // ---------------------------------------------------------------- what this server tells

  added(account: Account, subscription: Subscription): void {
    this.#interest.added(account, subscription);
    if (subscription.source === InterestSource.own) this.#replies.subscribed(account, subscription);
  }

  removed(account: Account, subscription: Subscription): void {
    this.#interest.removed(account, subscription);
    if (subscription.source === InterestSource.own) this.#replies.unsubscribed(account, subscription);
  }

  accountAdded(account: Account): void {
    for (const { outbound } of this.remotes.values()) outbound?.interest?.accountAdded(account);
    for (const inbound of this.inbound) inbound.accountsChanged();
    const name = encodeSubject(account.name);
    // Old servers have learned that it is unknown, or send it everything; all its interest comes from now on.
    for (const inbound of this.inbound) {
      if (inbound.isInterestOnly) continue;
      this.#command(inbound, GatewayCommand.interestBegins, name);
      this.#command(inbound, GatewayCommand.interestEnds, name);
    }
  }
}
