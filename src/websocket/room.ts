// WebSocket: the listener for clients, and for the other rooms that take connections over it
// (https://docs.nats.io/running-a-nats-service/configuration/websocket; conformance/wire, FACTS "WebSocket").
import type { ResolvedOptions } from "../options/options.js";
import type { ServerInfo } from "../protocol/info.js";
import type { Listener, Transport, TransportHandler } from "../runtime/network.js";
import type { ClientConnection } from "../server/clients/client.js";
import { reachableAt } from "../server/clients/client-urls.js";
import { CloseReason } from "../server/close-reason.js";
import { advertisedAs, hostPort } from "../server/host-port.js";
import { S2Transport } from "../server/peers/s2-transport.js";
import type { Commit, Room } from "../server/room.js";
import type { Server } from "../server/server.js";
import { TlsPort } from "../server/tls/tls-port.js";
import { WebsocketClient, type WebsocketClients } from "./client.js";
import { closeCodeFor } from "./close-codes.js";
import { Handshake, type HandshakeOwner } from "./handshake.js";
import { HANDSHAKE_MS, MAX_LOGIN_MESSAGE_BYTES } from "./limits.js";
import { OriginCheck } from "./origins.js";
import { RequestError, type RequestHead } from "./request-head.js";
import { WebsocketTransport } from "./transport.js";
import { agree, refusal, type UpgradeRules } from "./upgrade.js";

type Options = NonNullable<ResolvedOptions["websocket"]>;

/** A connection whose upgrade is over. */
export interface AcceptedWebsocket {
  readonly transport: Transport;
  readonly request: RequestHead;
  /** Whether permessage-deflate was agreed on. */
  readonly compressed: boolean;
  /** What carries the frames. */
  readonly below: S2Transport;
}

/** A room that takes the connections to one path. */
export interface WebsocketService {
  /** Takes a connection. Returns most bytes of one compressed message from it, inflated; asked for with each. */
  accept(connection: AcceptedWebsocket): () => number;
}

/** Paths that are for other rooms, with whatever before them. */
export const LEAFNODE_PATH = "/leafnode";
export const MQTT_PATH = "/mqtt";

export class WebsocketRoom implements Room, HandshakeOwner {
  readonly #server: Server;
  readonly #services = new Map<string, WebsocketService>();
  readonly #handshakes = new Set<Handshake>();
  #listener: Listener | undefined;
  #tls: TlsPort | undefined;
  #rules: UpgradeRules | undefined;
  #clients: WebsocketClients | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Gives the connections to a path (LEAFNODE_PATH, MQTT_PATH) to another room; before `start`. */
  serve(path: string, service: WebsocketService): void {
    this.#services.set(path, service);
  }

  addresses(): Record<string, { host: string; port: number }> {
    if (this.#listener === undefined) return {};
    const { host, port } = this.#listener;
    return { websocket: { host, port } };
  }

  webSocketUrls(): string[] {
    if (this.#listener === undefined) return [];
    const { host, port } = this.#listener;
    const told = advertisedAs(this.#options?.advertise);
    const place = { host: told?.host ?? host, port: told?.port ?? port };
    return reachableAt(place, () => this.#server.runtime.network.interfaceAddresses());
  }

  /** Rejects with the platform's error of the listener, or that of a certificate. */
  async start(): Promise<void> {
    const options = this.#options;
    if (options === undefined) return;
    const { logger, runtime } = this.#server;
    const { host, port, tls, sameOrigin, allowedOrigins, compression, headers = {} } = options;
    this.#rules = { origins: new OriginCheck(sameOrigin, allowedOrigins), compression, headers };
    this.#clients = {
      ...options,
      authTimeoutMs: options.authorization?.timeoutMs || undefined,
      info: () => this.#info(),
    };
    await this.#tlsCommit(options)();
    this.#listener = await runtime.network.listen({ host, port: port === -1 ? 0 : port }, (transport) => {
      this.#accept(transport);
    });
    const address = hostPort(this.#listener.host, this.#listener.port);
    logger.info(`Listening for websocket clients on ${tls === undefined ? "ws" : "wss"}://${address}`);
    if (tls === undefined) logger.warn("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
  }

  async quiesce(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
    for (const handshake of this.#handshakes) handshake.abort();
  }

  async close(): Promise<void> {
    this.#tls?.close();
    await this.quiesce();
  }

  prepare(_old: ResolvedOptions, { websocket }: ResolvedOptions): Commit | undefined {
    return websocket === undefined || this.#rules === undefined ? undefined : this.#tlsCommit(websocket);
  }

  // ---------------------------------------------------------------- connections

  #accept(transport: Transport): void {
    if (this.#server.draining) transport.destroy();
    else if (this.#tls === undefined) this.#begin(transport);
    else void this.#secure(transport, this.#tls);
  }

  async #secure(transport: Transport, tls: TlsPort): Promise<void> {
    try {
      await tls.secure(transport);
    } catch (error) {
      const from = hostPort(transport.remoteAddress, transport.remotePort);
      this.#server.logger.error(`websocket: TLS handshake error from ${from}: ${(error as Error).message}`);
      return;
    }
    if (this.#server.draining) transport.destroy();
    else this.#begin(transport);
  }

  #begin(transport: Transport): void {
    const timeoutMs = this.#options?.handshakeTimeoutMs || HANDSHAKE_MS;
    const handshake = new Handshake(transport, this, this.#server.runtime.clock, timeoutMs);
    this.#handshakes.add(handshake);
    transport.start(handshake);
  }

  over(handshake: Handshake): void {
    this.#handshakes.delete(handshake);
  }

  refused(error: RequestError, transport: Transport, head: RequestHead | undefined): void {
    const { status, message } = error;
    const from = hostPort(transport.remoteAddress, transport.remotePort);
    if (head !== undefined) this.#server.logger.error(`${from} - websocket handshake error: ${message}`);
    if (status !== 0) transport.write([Buffer.from(refusal(status, head !== undefined))]);
    transport.end();
  }

  requested(head: RequestHead, lower: Transport): TransportHandler | undefined {
    const path = head.target.replace(/[?#].*$/s, "");
    const isMqtt = path.endsWith(MQTT_PATH);
    const isLeafnode = path.endsWith(LEAFNODE_PATH);
    const service = this.#services.get(isMqtt ? MQTT_PATH : isLeafnode ? LEAFNODE_PATH : "");
    if (isMqtt && service === undefined) throw new RequestError(404, "mqtt websocket endpoint not enabled");
    const rules = this.#rules as UpgradeRules;
    const { answer, compression, noMasking } = agree(head, rules, lower.tls !== undefined);
    lower.write([Buffer.from(answer)]);
    if (isLeafnode && service === undefined) {
      this.#server.logger.error("Not configured to accept leaf node connections");
      lower.end();
      return undefined;
    }
    const { clock } = this.#server.runtime;
    let client: ClientConnection | undefined;
    let maxInflatedBytes = (): number => this.#maxInflatedBytes(client);
    const below = service === undefined ? undefined : new S2Transport(lower, clock);
    const transport = new WebsocketTransport(below ?? lower, {
      clock,
      compression,
      mustMask: !noMasking,
      maxInflatedBytes: () => maxInflatedBytes(),
      closeCode: closeCodeFor,
      failed: ({ message }) => {
        const from = client?.label ?? hostPort(lower.remoteAddress, lower.remotePort);
        this.#server.logger.error(`${from} - read error: ${message}`);
      },
    });
    // Until somebody has taken it, what comes stays with the platform.
    lower.pause();
    if (service !== undefined && below !== undefined) {
      below.follow(transport);
      maxInflatedBytes = service.accept({ transport, request: head, compressed: compression, below });
    } else client = this.#server.handle(transport, new WebsocketClient(this.#clients as WebsocketClients, head));
    return below ?? transport;
  }

  #maxInflatedBytes(client: ClientConnection | undefined): number {
    const { options, authenticator } = this.#server;
    const isStranger = client?.account === undefined && !authenticator.admitsAnonymous("WEBSOCKET");
    return isStranger ? MAX_LOGIN_MESSAGE_BYTES : options.maxPayloadBytes + options.maxControlLineBytes;
  }

  // ---------------------------------------------------------------- what it knows of itself

  // Undefined where nothing listens.
  get #options(): Options | undefined {
    const { websocket } = this.#server.options;
    return websocket === undefined || websocket.port === 0 ? undefined : websocket;
  }

  #info(): Partial<ServerInfo> {
    const secured = this.#tls !== undefined;
    return {
      host: this.#options?.host,
      port: this.#listener?.port ?? this.#options?.port,
      tls_required: secured,
      tls_verify: false,
      tls_available: secured,
    };
  }

  #tlsCommit({ tls }: Options): Commit {
    const server = this.#server;
    const { runtime, handshakes } = server;
    const port =
      tls &&
      new TlsPort(tls, {
        runtime,
        handshakes,
        ocsp: server.options.ocsp,
        peers: server.ocspPeers,
        revoked: () => server.certificateRevoked(),
        get logger() {
          return server.logger;
        },
      });
    return () => {
      this.#tls?.close();
      this.#tls = port;
      void port?.open();
      if (port?.options.pinnedCerts?.length) this.#dropUnpinned(port);
    };
  }

  #dropUnpinned(port: TlsPort): void {
    for (const client of [...this.#server.clients.values()]) {
      if (!(client.wayIn instanceof WebsocketClient)) continue;
      const session = client.transport.tls;
      if (session === undefined || !port.accepts(session)) client.close(CloseReason.tlsHandshakeError);
    }
  }
}
