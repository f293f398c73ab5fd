// A NATS server: one loop, its clients, and the rooms that were added to it. It touches nothing of the process around it.

import type { Account } from "../accounts/account.js";
import { Accounts } from "../accounts/accounts.js";
import { Message } from "../accounts/message.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import type { Authenticate } from "../auth/application-login.js";
import type { Authenticator } from "../auth/authenticator.js";
import { OperatorMode } from "../auth/jwt/operator-mode.js";
import { SecretCheck } from "../auth/secret.js";
import type { ResolvedOptions } from "../options/options.js";
import type { ServerInfo } from "../protocol/info.js";
import { type Logger, silentLogger } from "../runtime/logger.js";
import type { Transport } from "../runtime/network.js";
import type { Runtime } from "../runtime/runtime.js";
import { accountsWorld } from "./accounts-world.js";
import { applyAccountChange } from "./clients/account-change.js";
import type { ClientConnection } from "./clients/client.js";
import { ClientUrls, reachableAt } from "./clients/client-urls.js";
import { FailedLogins } from "./clients/failed-logins.js";
import { Leaving } from "./clients/leaving.js";
import { ClientListener, countingIds, type IdAllocator } from "./clients/listener.js";
import { Stalls } from "./clients/stall.js";
import type { WayIn } from "./clients/way-in.js";
import { CloseReason } from "./close-reason.js";
import { ClosedConnections } from "./closed-connections.js";
import type { Connection } from "./connection.js";
import { connectionStatus } from "./connection-status.js";
import { EventSender } from "./event-sender.js";
import { ServerEvents } from "./events.js";
import { advertisedAs, hostPort } from "./host-port.js";
import type { Hub } from "./hub.js";
import { createIdentity, type Identity } from "./identity.js";
import type { JetStreamSource } from "./jetstream-source.js";
import { LameDuck } from "./lame-duck.js";
import { HASH_LIMITS, LOOKUP_LIMITS } from "./limits.js";
import { sharedChunks } from "./outbox.js";
import type { ClusterLink } from "./peers/cluster-link.js";
import type { GatewayReplies } from "./peers/gateway-replies.js";
import { NO_PEERS, type PeerReports } from "./peers/peer-reports.js";
import { applyMaxConnections, applyToClients } from "./reload.js";
import type { Commit, Room } from "./room.js";
import { Router } from "./router.js";
import { accountInfoFor, infoFor } from "./server-info.js";
import { authenticatorFor, calloutWorld } from "./server-logins.js";
import type { ServerParts } from "./server-parts.js";
import { collectStatus, type ServerStatus, Totals } from "./status.js";
import type { HandshakeQueue } from "./tls/handshake-queue.js";
import { OcspPeers } from "./tls/ocsp-peers.js";
import type { TlsPort } from "./tls/tls-port.js";
import { Turn } from "./turn.js";

export type ServerState = "new" | "starting" | "running" | "lame duck" | "closing" | "closed";

export class Server implements Hub {
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly events = new ServerEvents();
  readonly chunks = sharedChunks;
  readonly router: Router;
  readonly accounts: Accounts;
  /** Undefined where the server has users of its own. */
  readonly operatorMode: OperatorMode | undefined;
  /** Compares passwords and tokens, for clients and on the monitoring port. */
  readonly secrets: SecretCheck;
  authenticator: Authenticator;
  options: ResolvedOptions;
  logger: Logger;
  state: ServerState = "new";
  readonly clients = new Map<number, ClientConnection>();
  readonly totals = new Totals();
  readonly closed: ClosedConnections;
  /** Where clients may connect to, besides this server. */
  readonly clientUrls = new ClientUrls(() => {
    if (this.state === "running") for (const client of this.clients.values()) client.info.tell();
  });
  /** Wall-clock time at which the present options took effect. */
  configLoadMs = 0;
  readonly stalls: Stalls;
  readonly failedLogins: FailedLogins;
  readonly ocspPeers: OcspPeers;
  /** What the rooms for other servers tell; each room puts its own in. */
  reports: PeerReports = NO_PEERS;
  /** The room for routes puts itself in. */
  clusterLink: ClusterLink | undefined;
  /** The room for JetStream puts itself in. */
  jetStream: JetStreamSource | undefined;
  /** The room for gateways puts these in; the URL (host:port) is where servers of other clusters reach this one. */
  gatewayReplies: GatewayReplies | undefined;
  gatewayUrl: (() => string) | undefined;
  /** The room for leaf nodes puts these in: where leaf nodes reach this server (host:port), and how to close a link. */
  leafnodeUrls: (() => readonly string[]) | undefined;
  kickLeaf: ((id: number) => boolean) | undefined;
  private readonly sender = new EventSender(this);
  /** For clients. */
  readonly listener: ClientListener;
  private readonly turn: Turn;
  private readonly rooms: Room[] = [];
  private readonly ids: IdAllocator;
  private nameOfCluster: (() => string) | undefined;
  private authenticate: Authenticate | undefined;
  private reloading: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;
  private lameDucking: LameDuck | undefined;
  private readonly leaving = new Leaving();

  constructor(options: ResolvedOptions, parts: ServerParts) {
    this.options = options;
    this.closed = new ClosedConnections(options.maxClosedClients);
    this.runtime = parts.runtime;
    this.logger = parts.logger ?? silentLogger;
    const { clock, random } = parts.runtime;
    this.identity = createIdentity(random);
    this.router = new Router(random, (error) => {
      this.logger.error(`internal error in a delivery: ${error instanceof Error ? error.stack : String(error)}`);
    });
    this.turn = new Turn(clock);
    this.stalls = new Stalls(clock);
    this.failedLogins = new FailedLogins(clock);
    this.ocspPeers = new OcspPeers(this);
    this.accounts = new Accounts(options, accountsWorld(this));
    this.operatorMode = OperatorMode.of(options, {
      ...calloutWorld(this),
      runtime: parts.runtime,
      accounts: this.accounts,
      lookupLimits: LOOKUP_LIMITS,
      changed: (account, change) => {
        if (this.operatorMode === undefined) return;
        applyAccountChange(account, change, this.clients.values(), this.operatorMode);
        this.events.emit("accountChanged", account, change);
      },
    });
    this.secrets = new SecretCheck({ hasher: parts.runtime.hashing.open(), random, limits: HASH_LIMITS });
    this.authenticate = parts.authenticate;
    this.authenticator = authenticatorFor(this, options, this.authenticate);
    this.ids = parts.ids ?? countingIds();
    this.listener = new ClientListener(this, this.ids, this.clients);
  }

  /** The public server key; also the name where none is configured. */
  get id(): string {
    return this.identity.id;
  }

  get name(): string {
    return this.options.serverName ?? this.id;
  }

  get draining(): boolean {
    return this.state === "lame duck" || this.state === "closing" || this.state === "closed";
  }

  /** Where it listens for clients, once it does. */
  get address(): { host: string; port: number } | undefined {
    return this.listener.address;
  }

  /** The TLS side of the client listener, whose certificates HTTPS shows too; undefined while TLS is off. */
  get tls(): TlsPort | undefined {
    return this.listener.tls.port;
  }

  /** The order of TLS handshakes, shared by all listeners. */
  get handshakes(): HandshakeQueue {
    return this.listener.tls.handshakes;
  }

  /** What clients are told of where it listens. */
  get advertised(): { host: string; port: number } {
    const { host, port, clientAdvertise } = this.options;
    return { host, port: this.listener.port ?? port, ...advertisedAs(clientAdvertise) };
  }

  /** The name of its cluster; a gateway's name is one too. */
  get clusterName(): string | undefined {
    const { cluster, gateway } = this.options;
    return this.nameOfCluster?.() ?? (cluster?.name || gateway?.name || undefined);
  }

  /** From now on the cluster's name is what `name` says: one that was not configured can change. */
  nameCluster(name: () => string): void {
    this.nameOfCluster = name;
  }

  /** A number for a connection that a room makes. */
  nextConnectionId(): number {
    return this.ids.next();
  }

  /** A room's connection has ended; `close` waits until the rest of its output is sent or given up. */
  leaves(connection: Connection): void {
    this.totals.addLink(connection);
    this.leaving.add(connection);
  }

  /** Where clients reach this server, as others tell theirs; empty while it does not listen. */
  ownClientUrls(): string[] {
    if (this.listener.address === undefined) return [];
    return reachableAt(this.advertised, () => this.runtime.network.interfaceAddresses());
  }

  /** The same for WebSocket clients. */
  ownWebSocketUrls(): string[] {
    return this.rooms.flatMap((room) => room.webSocketUrls?.() ?? []);
  }

  /** All listening addresses by kind, for the ports file and the banner. */
  get addresses(): Record<string, { host: string; port: number }> {
    const all: Record<string, { host: string; port: number }> = {};
    if (this.listener.address !== undefined) all["client"] = this.listener.address;
    for (const room of this.rooms) Object.assign(all, room.addresses?.());
    return all;
  }

  /** Adds a room; before `start`. */
  use(room: Room): void {
    this.rooms.push(room);
  }

  /**
   * Starts the rooms and listens for clients.
   * Rejects with the platform's error of a listener (code EADDRINUSE, EACCES, ...); nothing listens then.
   */
  async start(): Promise<void> {
    if (this.state !== "new") throw new Error(`a server that is ${this.state} cannot be started`);
    this.state = "starting";
    this.totals.startedMs = this.runtime.clock.nowMs();
    this.configLoadMs = this.totals.startedMs;
    try {
      await this.ocspPeers.prepare(this.options)();
      await this.listener.tls.prepare(this.options)();
      await this.operatorMode?.start();
      for (const room of this.rooms) await room.start?.();
      await this.listener.listen();
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.state !== "starting") {
      // It was closed meanwhile.
      await this.listener.close();
      return;
    }
    this.state = "running";
    for (const room of this.rooms) room.opened?.();
    const address = this.listener.address as { host: string; port: number };
    this.logger.info(`Listening for client connections on ${hostPort(address.host, address.port)}`);
    if (this.options.proxyProtocol) this.logger.info("PROXY protocol enabled for client connections");
    this.listener.tls.announce();
    this.logger.info("Server is ready");
    this.events.emit("ready");
  }

  /**
   * Serves a client on any transport (in-process pipes, streams). Returns undefined when it was turned away.
   * @param wayIn of a room with a listener of its own
   */
  handle(transport: Transport, wayIn?: WayIn): ClientConnection | undefined {
    return this.listener.accept(transport, wayIn);
  }

  /** Ends the server: clients are told nothing and closed, listeners too. Resolves when all are; can be called again. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** Stops accepting, tells clients to go elsewhere, closes them over `lame_duck_duration` and then itself. */
  lameDuck(): Promise<void> {
    if (this.closing !== undefined) return this.closing;
    if (this.lameDucking === undefined) {
      this.state = "lame duck";
      this.lameDucking = new LameDuck(this);
      this.events.emit("lameDuck");
    }
    return this.lameDucking.done;
  }

  /**
   * Takes new options, all or nothing: every room prepares first, and only when none objects is anything changed.
   * Rejects with the first objection; reloads run one after the other.
   * @param authenticate default: the function before, if there is one
   */
  reload(next: ResolvedOptions, authenticate?: Authenticate): Promise<void> {
    const run = this.reloading.then(() => this.applyOptions(next, authenticate ?? this.authenticate));
    this.reloading = run.catch(() => {});
    return run;
  }

  /** Closes the listeners for clients; those that are connected stay. */
  async stopAccepting(): Promise<void> {
    await this.listener.close();
    for (const room of this.rooms) await room.quiesce?.();
  }

  setLogger(logger: Logger): void {
    this.logger = logger;
  }

  /** Facts about the server and its connections at this moment. */
  async collect(): Promise<ServerStatus> {
    return collectStatus(this);
  }

  // ---------------------------------------------------------------- what connections see

  flushLater(connection: Connection): void {
    this.turn.flushLater(connection);
  }

  eventSender(): object {
    return this.sender.describe();
  }

  publish(
    account: Account,
    subject: string,
    reply: string,
    headers: Uint8Array,
    payload: Uint8Array,
    source?: DeliveryTarget,
  ): number {
    return this.router.publish(account, Message.of(subject, reply, headers, payload), source);
  }

  infoFor(client: ClientConnection): ServerInfo {
    return infoFor(this, client);
  }

  accountInfoFor(client: ClientConnection): ServerInfo {
    return accountInfoFor(this, client);
  }

  admitted(client: ClientConnection): void {
    this.events.emit("connect", client);
  }

  refused(client: ClientConnection, reason: CloseReason): void {
    this.events.emit("refused", client, reason);
  }

  departed(client: ClientConnection): void {
    this.closed.add(connectionStatus(client, true));
    if (!this.clients.delete(client.id)) return;
    this.totals.add(client);
    this.leaving.add(client);
    this.events.emit("disconnect", client);
    this.lameDucking?.clientLeft();
  }

  certificateRevoked(): void {
    this.logger.error(`The server ends: its certificate is revoked (ocsp mode ${this.options.ocsp?.mode})`);
    void this.close();
  }

  finished(connection: Connection): void {
    this.leaving.gone(connection);
  }

  private async applyOptions(next: ResolvedOptions, authenticate: Authenticate | undefined): Promise<void> {
    if (this.closing !== undefined) throw new Error("a server that is closed cannot be reloaded");
    const old = this.options;
    const commits: Commit[] = [
      this.accounts.prepare(next),
      this.ocspPeers.prepare(next),
      this.listener.tls.prepare(next),
    ];
    for (const room of this.rooms) {
      const commit = await room.prepare?.(old, next);
      if (commit !== undefined) commits.push(commit);
    }
    const commitOperators = this.operatorMode?.prepare(next);
    if (commitOperators !== undefined) commits.push(commitOperators);
    const authenticator = authenticatorFor(this, next, authenticate);
    this.options = next;
    for (const commit of commits) await commit();
    this.authenticate = authenticate;
    this.authenticator = authenticator;
    this.configLoadMs = this.runtime.clock.nowMs();
    applyMaxConnections(this.clients, this);
    this.listener.tls.dropUnpinned(this.clients.values());
    applyToClients(this.clients.values(), this);
    this.events.emit("reloaded");
  }

  private async shutDown(): Promise<void> {
    this.state = "closing";
    this.events.emit("closing");
    await this.stopAccepting();
    for (const client of [...this.clients.values()]) client.close(CloseReason.serverShutdown);
    for (const room of [...this.rooms].reverse()) await room.close?.();
    await this.operatorMode?.close();
    await this.secrets.close();
    await this.ocspPeers.close();
    await this.leaving.allGone();
    this.accounts.close();
    this.state = "closed";
    this.lameDucking?.ended();
    this.events.emit("closed");
  }
}
