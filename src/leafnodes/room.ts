// This server's leaf links: the listener for leaf nodes, the hubs that it is a leaf node of, and what they tell each other
// (conformance/topology, WIRE.md section 4).
import type { Account } from "../accounts/account.js";
import type { InterestWatcher, Subscription } from "../accounts/subscription.js";
import type { AccountChange } from "../auth/jwt/claimed-accounts.js";
import type { ResolvedOptions } from "../options/options.js";
import type { CompressionMode } from "../protocol/compression-mode.js";
import { ErrorText, quoted } from "../protocol/error-texts.js";
import { type PeerConnect, type PeerInfo, peerInfoLine } from "../protocol/peer-info.js";
import { API_LEVEL, COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Listener, Transport } from "../runtime/network.js";
import { reachableAt } from "../server/clients/client-urls.js";
import { CloseReason } from "../server/close-reason.js";
import { advertisedAs, hostPort } from "../server/host-port.js";
import { PeerTls } from "../server/peers/peer-tls.js";
import type { Commit, Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { type AcceptedWebsocket, LEAFNODE_PATH, type WebsocketRoom } from "../websocket/room.js";
import { type DialledHub, dialHub } from "./dial.js";
import { LEAF_PROTOCOL, leafConnect, modeInfo } from "./introduction.js";
import { type KeptApart, keptApart } from "./jetstream-domains.js";
import { LeafConnection } from "./leaf.js";
import { leafClusterOf } from "./leaf-cluster.js";
import { leafCompression } from "./leaf-compression.js";
import type { LeafAdmission, LeafHost, LeafTold, LeafWay } from "./leaf-host.js";
import { LOOP_PREFIX } from "./leaf-interest.js";
import { admitLeaf } from "./leaf-login.js";
import type { LeafUrl } from "./leaf-url.js";
import { MAX_LEARNED_URLS, MAX_LOGIN_MESSAGE_BYTES } from "./limits.js";
import { ageObjection, type Objection } from "./objection.js";
import type { LeafDialler, LeafRemote, RemoteOptions } from "./remote.js";
import { Remotes } from "./remotes.js";
import { reviewLeaf } from "./review.js";

const NONCE_BYTES = 11;
const LOOP_BYTES = 16;

type LeafOptions = NonNullable<ResolvedOptions["leafnodes"]>;

export class LeafRoom implements Room, LeafHost, LeafDialler, InterestWatcher {
  readonly #server: Server;
  readonly #tls: PeerTls;
  readonly #links = new Set<LeafConnection>();
  // Those that have been let in, by account.
  readonly #joined = new Map<Account, Set<LeafConnection>>();
  readonly #loops = new Map<Account, string>();
  readonly #urls = new WeakMap<LeafConnection, LeafUrl>();
  // Leaf listeners of the other servers of the cluster.
  readonly #others = new Map<string, readonly string[]>();
  readonly #remotes: Remotes;
  #listener: Listener | undefined;
  #closing = false;

  /** @param websocket lets leaf nodes in over WebSocket, too */
  constructor(server: Server, websocket: WebsocketRoom) {
    this.#server = server;
    this.#remotes = new Remotes(server, this);
    this.#tls = new PeerTls(server, "leafnode", { mutual: false });
    server.accounts.watch(this);
    if (this.#options.port !== 0) {
      websocket.serve(LEAFNODE_PATH, { accept: (connection) => this.#acceptWebsocket(connection) });
    }
    server.reports = { ...server.reports, leafs: () => this.#all().map((link) => link.status()) };
    server.leafnodeUrls = () => (this.#options.noAdvertise || this.#options.port === 0 ? [] : this.#ownUrls());
    server.kickLeaf = (id) => this.#kick(id);
    const { events } = server;
    events.on("peerJoined", (id, { leafnode_urls = [] }) => this.#learn(id, leafnode_urls));
    events.on("peerLeft", (id) => this.#learn(id, []));
    events.on("accountChanged", (account, change) => this.#accountChanged(account, change));
    events.on("reloaded", () => this.#reloaded());
  }

  // Those that have been let in, or have let this server in.
  #all(): LeafConnection[] {
    return [...this.#joined.values()].flatMap((links) => [...links]);
  }

  #kick(id: number): boolean {
    const link = this.#all().find((one) => one.id === id);
    link?.close(CloseReason.kicked);
    return link !== undefined;
  }

  /** Whether the options ask for leaf links. */
  static isWanted({ leafnodes }: ResolvedOptions): boolean {
    // Without a listener and remotes too: a reload may bring some.
    return leafnodes !== undefined;
  }

  get #options(): LeafOptions {
    return this.#server.options.leafnodes as LeafOptions;
  }

  // The name by which loops and duplicates are judged.
  get #clusterName(): string {
    return this.#server.clusterName ?? this.#server.name;
  }

  // ---------------------------------------------------------------- start and end

  async start(): Promise<void> {
    const server = this.#server;
    await this.#tls.prepare(this.#options.tls)();
    const { host, port } = this.#options;
    if (port === 0) return;
    const listening = { host, port: port === -1 ? 0 : port };
    this.#listener = await server.runtime.network.listen(listening, (transport) => void this.#accept(transport));
    const { host: at, port: on } = this.#listener;
    server.logger.info(`Listening for leafnode connections on ${hostPort(at, on)}`);
  }

  opened(): void {
    this.#remotes.take(this.#options.remotes);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#remotes.stop();
    this.#tls.close();
    await this.#listener?.close();
    for (const link of [...this.#links]) link.close(CloseReason.serverShutdown);
  }

  addresses(): Record<string, { host: string; port: number }> {
    if (this.#listener === undefined) return {};
    return { leafnode: { host: this.#listener.host, port: this.#listener.port } };
  }

  prepare(old: ResolvedOptions, next: ResolvedOptions): Commit | undefined {
    if (old.leafnodes === undefined || next.leafnodes === undefined) return undefined;
    const commitTls = this.#tls.prepare(next.leafnodes.tls);
    const { remotes } = next.leafnodes;
    return async () => {
      await commitTls();
      this.#reloadRemotes(remotes);
    };
  }

  #reloadRemotes(remotes: readonly RemoteOptions[]): void {
    const gone = new Set(this.#remotes.take(remotes));
    for (const link of [...this.#links]) {
      if (link.remote !== undefined && gone.has(link.remote)) link.close(CloseReason.routeRemoved);
    }
  }

  #reloaded(): void {
    for (const link of this.#all()) {
      const objection = link.connect && ageObjection(this.#options.minVersion, link.connect);
      if (objection !== undefined) link.refuse(objection.text, objection.reason);
      else reviewLeaf(this.#server, link);
      link.remap();
    }
  }

  #accountChanged(account: Account, change: AccountChange): void {
    const links = [...(this.#joined.get(account) ?? [])].filter(({ remote }) => remote === undefined);
    const { maxLeafnodes } = account.limits;
    const excess = maxLeafnodes < 0 ? 0 : account.leafnodes + account.leafnodesElsewhere - maxLeafnodes;
    for (const [at, link] of links.entries()) {
      if (change === "expired") {
        link.refuse(ErrorText.accountAuthenticationExpired, CloseReason.authenticationExpired);
      } else if (at >= links.length - excess) {
        link.refuse(ErrorText.maximumAccountConnections, CloseReason.maxAccountConnectionsExceeded);
      } else reviewLeaf(this.#server, link);
      link.remap();
    }
  }

  // ---------------------------------------------------------------- connections

  async #accept(transport: Transport): Promise<void> {
    const server = this.#server;
    if (this.#closing || server.draining) {
      transport.destroy();
      return;
    }
    const link = this.#make(transport, { nonce: this.#nonce() });
    const { handshakeFirst = false } = this.#tls.options ?? {};
    if (handshakeFirst && !(await this.#tls.accept(link))) return;
    link.greet();
    link.flush();
    if (!handshakeFirst && !(await this.#tls.accept(link))) return;
    link.begin();
  }

  #acceptWebsocket(webSocket: AcceptedWebsocket): () => number {
    const { options } = this.#server;
    const link = this.#make(webSocket.transport, { nonce: this.#nonce(), webSocket });
    link.greet();
    link.begin();
    return () => (link.account === undefined ? MAX_LOGIN_MESSAGE_BYTES : options.maxPendingBytes);
  }

  #nonce(): string {
    return Buffer.from(this.#server.runtime.random.bytes(NONCE_BYTES)).toString("base64url");
  }

  dial(options: RemoteOptions, url: LeafUrl, timeoutMs: number): Promise<DialledHub> {
    return dialHub(this.#server, this.#tls, options, url, timeoutMs);
  }

  dialled({ transport, webSocket }: DialledHub, remote: LeafRemote, url: LeafUrl): void {
    const link = this.#make(transport, { nonce: "", remote, webSocket });
    this.#urls.set(link, url);
    void this.#begin(link, url);
  }

  async #begin(link: LeafConnection, url: LeafUrl): Promise<void> {
    const { webSocket, remote } = link;
    const first = webSocket === undefined && remote?.options.tls?.handshakeFirst === true;
    if (!first || (await this.#handshake(link, url))) link.begin();
  }

  #handshake(link: LeafConnection, { host }: LeafUrl): Promise<boolean> {
    return this.#tls.dialAt(link, host, link.remote?.options.tls);
  }

  #make(transport: Transport, way: LeafWay): LeafConnection {
    const server = this.#server;
    const link = new LeafConnection(server.nextConnectionId(), server, transport, this, way);
    this.#links.add(link);
    const account = way.remote === undefined ? "" : ` for account: ${way.remote.account.name}`;
    server.logger.info(`${link.label} - Leafnode connection created${account} `);
    return link;
  }

  joined(link: LeafConnection): void {
    const account = link.account as Account;
    const links = this.#joined.get(account) ?? new Set();
    this.#joined.set(account, links);
    links.add(link);
    account.leafnodes++;
    link.remote?.connected();
    this.#server.events.emit("leafJoined", account.name);
  }

  left(link: LeafConnection, reason: CloseReason): void {
    const { account, remote } = link;
    this.#links.delete(link);
    this.#server.leaves(link);
    if (account !== undefined && this.#joined.get(account)?.delete(link)) {
      account.leafnodes--;
      if (this.#joined.get(account)?.size === 0) this.#joined.delete(account);
      this.#server.events.emit("leafLeft", link.status(), reason);
    }
    if (remote === undefined || this.#closing || !this.#remotes.has(remote)) return;
    remote.lost(reason);
  }

  // ---------------------------------------------------------------- the hub's side of the handshake

  infoFor(link: LeafConnection, login?: { account: Account; permissions: LeafTold }): PeerInfo {
    const server = this.#server;
    const { host, port } = this.#listener ?? this.#options;
    // Over WebSocket the handshake is over.
    const tls = link.webSocket === undefined ? this.#tls.options : undefined;
    return {
      server_id: server.id,
      server_name: server.name,
      version: COMPATIBILITY_VERSION,
      proto: LEAF_PROTOCOL,
      go: server.runtime.process.engine,
      host,
      port,
      headers: !server.options.noHeaderSupport,
      auth_required: true,
      tls_required: tls !== undefined,
      tls_verify: tls !== undefined && (tls.verify || tls.verifyAndMap),
      max_payload: server.options.maxPayloadBytes,
      jetstream: server.options.jetstream?.enabled,
      client_id: link.id,
      nonce: link.nonce,
      cluster: server.clusterName,
      domain: server.options.jetstream?.domain,
      compression: link.webSocket?.compressed ? "off" : leafCompression(server.options.leafnodes?.compression),
      ...(login && { remote_account: login.account.name, connect_info: true, ...login.permissions }),
      api_lvl: API_LEVEL,
      info_on_connect: true,
      leafnode_urls: [...new Set([...this.#ownUrls(), ...[...this.#others.values()].flat()])],
    };
  }

  // host:port of its listener.
  #ownUrls(): string[] {
    const { advertise } = this.#options;
    const listening = this.#listener ?? this.#options;
    const own = { host: listening.host, port: listening.port, ...advertisedAs(advertise) };
    return reachableAt(own, () => this.#server.runtime.network.interfaceAddresses());
  }

  authenticate(
    link: LeafConnection,
    connect: PeerConnect,
  ): LeafAdmission | undefined | Promise<LeafAdmission | undefined> {
    return admitLeaf(this.#server, link, connect);
  }

  objection(link: LeafConnection, connect: PeerConnect): Objection | undefined {
    const account = link.account as Account;
    const { maxLeafnodes } = account.limits;
    if (maxLeafnodes >= 0 && account.leafnodes + account.leafnodesElsewhere >= maxLeafnodes) {
      return { text: ErrorText.maximumAccountConnections, reason: CloseReason.maxAccountConnectionsExceeded };
    }
    const age = ageObjection(this.#options.minVersion, connect);
    if (age !== undefined) return age;
    if (connect.cluster === this.#clusterName) {
      return { text: "remote leafnode has same cluster name", reason: CloseReason.clusterNameConflict };
    }
    // The other end has connected again before this one has noticed its end.
    for (const old of [...(this.#joined.get(account) ?? [])]) {
      if (old !== link && !old.solicited && old.remoteId !== "" && old.remoteId === connect.server_id)
        old.close(CloseReason.duplicateRoute);
    }
    return undefined;
  }

  // ---------------------------------------------------------------- the leaf's side of the handshake

  objectionToHub(link: LeafConnection, info: PeerInfo): Objection | undefined {
    if (info.leafnode_urls === undefined && info.info_on_connect !== true) {
      return { text: "attempted to connect to wrong port", reason: CloseReason.wrongPort };
    }
    const cluster = leafClusterOf(info.cluster || info.server_name);
    for (const other of this.#joined.get(link.account as Account) ?? []) {
      if (other === link || other.leafCluster !== cluster || other.isHub) continue;
      const name = quoted((link.account as Account).name);
      const text = `Loop detected for leafnode account=${name}. Delaying attempt to reconnect for 30s`;
      return { text, reason: CloseReason.loopDetected };
    }
    return undefined;
  }

  connectFor(link: LeafConnection, hub: PeerInfo): PeerConnect {
    return leafConnect(this.#server, link, this.#urls.get(link) as LeafUrl, hub);
  }

  modeFor(link: LeafConnection, mode: CompressionMode): PeerInfo {
    return modeInfo(link, mode);
  }

  informed(link: LeafConnection, info: PeerInfo): void {
    if (info.leafnode_urls !== undefined) link.remote?.learn(info.leafnode_urls);
  }

  wantsTls(link: LeafConnection, info: PeerInfo): boolean {
    if (link.transport.tls !== undefined || link.webSocket !== undefined) return false;
    const url = this.#urls.get(link);
    return info.tls_required === true || url?.tls === true || link.remote?.options.tls !== undefined;
  }

  async secure(link: LeafConnection): Promise<boolean> {
    return this.#handshake(link, this.#urls.get(link) as LeafUrl);
  }

  keptApart(account: Account, domain: string | undefined, isHub: boolean): KeptApart {
    return keptApart(this.#server, account, isHub, domain);
  }

  loopSubject(account: Account): string {
    let subject = this.#loops.get(account);
    if (subject === undefined) {
      subject = LOOP_PREFIX + Buffer.from(this.#server.runtime.random.bytes(LOOP_BYTES)).toString("base64url");
      this.#loops.set(account, subject);
    }
    return subject;
  }

  // ---------------------------------------------------------------- interest and news

  added(account: Account, subscription: Subscription): void {
    for (const link of this.#joined.get(account) ?? []) link.added(subscription);
  }

  removed(account: Account, subscription: Subscription): void {
    for (const link of this.#joined.get(account) ?? []) link.removed(subscription);
  }

  // Takes the leaf listeners of another server of the cluster; none when it has gone.
  #learn(server: string, urls: readonly string[]): void {
    const before = this.#others.get(server) ?? [];
    if (before.length === urls.length && before.every((url, at) => url === urls[at])) return;
    if (urls.length === 0) this.#others.delete(server);
    else this.#others.set(server, urls.slice(0, MAX_LEARNED_URLS));
    for (const link of this.#all()) if (!link.solicited) link.send(peerInfoLine(this.infoFor(link)));
  }
}
