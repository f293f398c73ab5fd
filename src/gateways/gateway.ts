// A gateway: a connection to a server of another cluster. The side that has dialled sends messages, the side that has
// accepted tells what it wants (conformance/topology, WIRE.md section 3).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { TraceParty } from "../accounts/message-trace.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import { quoted } from "../protocol/error-texts.js";
import { NO_PAYLOAD, STOP } from "../protocol/framer.js";
import { type PeerConnect, type PeerInfo, peerConnectLine, peerInfoLine } from "../protocol/peer-info.js";
import { PeerVerb } from "../protocol/peer-verbs.js";
import { MAX_ARGUMENTS, splitArguments } from "../protocol/verbs.js";
import type { Transport } from "../runtime/network.js";
import { CloseReason } from "../server/close-reason.js";
import type { Hub } from "../server/hub.js";
import { PeerConnection, type PeerKind } from "../server/peers/peer-connection.js";
import { deliverFromPeer } from "../server/peers/peer-delivery.js";
import type { PeerReceiver, PeerSubject } from "../server/peers/peer-messages.js";
import type { GatewayStatus } from "../server/peers/peer-reports.js";
import type { PeerUrl } from "../server/peers/peer-url.js";
import { type PeerPrefix, writePeerMessage } from "../server/peers/peer-writer.js";
import { WAY_PREFIX } from "../server/peers/way-back.js";
import type { Walk } from "../server/slices.js";
import { isValidSubject } from "../subjects/validity.js";
import { GATEWAY_AUTH_MS, GATEWAY_PING_MS } from "./limits.js";
import type { RemoteCluster } from "./remote-cluster.js";
import type { RemoteInterest } from "./remote-interest.js";

const KIND: PeerKind = { idLabel: "gid", name: "Gateway" };
/** The number of gateways in trace events. */
const GATEWAY_KIND = 2;
const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

/** What a gateway needs of the cluster that it belongs to. */
export interface GatewayHost {
  /** The name of this cluster. */
  readonly name: string;
  /** INFO about this server. */
  info(): PeerInfo;
  connectFor(url: PeerUrl): PeerConnect;
  /** Whether the login of a server that has dialled is right. */
  admits(gateway: GatewayConnection, connect: PeerConnect): boolean | Promise<boolean>;
  /** Whether servers of this cluster may dial. */
  welcomes(cluster: string): boolean;
  /** Both sides have introduced themselves. */
  registered(gateway: GatewayConnection): void;
  /** INFO on a gateway that is registered. */
  informed(gateway: GatewayConnection, info: PeerInfo): void;
  left(gateway: GatewayConnection, reason: CloseReason): void;
  /** By its name, latin1. */
  accountNamed(name: string): Account | undefined;
  /** A message came for an account (latin1) that is not here. */
  unknownAccount(gateway: GatewayConnection, name: string): void;
  /** An answer to another server of this cluster, or one that went astray. */
  passOn(subject: string, account: string, message: Message): void;
  /** Names of the accounts here, as text. */
  accountNames(): string[];
}

/** Whom a gateway was dialled at. */
export interface DialledCluster {
  readonly remote: RemoteCluster;
  readonly url: PeerUrl;
}

export class GatewayConnection extends PeerConnection implements DeliveryTarget {
  readonly peer = "gateway";
  /** Whom it was dialled at; undefined for one that was accepted. */
  readonly dialled: DialledCluster | undefined;
  /** The cluster at the other end; "" until it is known. */
  cluster: string;
  /** What the other side wants, once this side has dialled and both have introduced themselves. */
  interest: RemoteInterest | undefined;
  /** Both sides have introduced themselves. */
  isRegistered = false;
  /** What tells the other side of all interest, until it is done. */
  telling: Walk | undefined;
  protected readonly kind = KIND;
  readonly #host: GatewayHost;
  #connected = false;
  #withHeaders = true;

  constructor(id: number, hub: Hub, transport: Transport, host: GatewayHost, dialled?: DialledCluster) {
    super(id, hub, transport, dialled !== undefined);
    this.#host = host;
    this.dialled = dialled;
    this.cluster = dialled?.remote.name ?? "";
  }

  /** Introduces this server, if it was dialled; else waits for the other one to do so. */
  open(): void {
    this.startAuthTimer(this.hub.options.gateway?.authorization?.timeoutMs ?? GATEWAY_AUTH_MS);
    if (!this.solicited) this.sendInfo();
    this.transport.start(this);
  }

  sendInfo(): void {
    this.send(peerInfoLine(this.#host.info()));
  }

  protected get established(): boolean {
    return this.isRegistered;
  }

  /** Whether the other side leads answers back along the way that a request took. */
  get leadsBack(): boolean {
    return this.info?.gateway_nrp === true;
  }

  /** Whether the other side knows that all interest is told from the start. */
  get isInterestOnly(): boolean {
    return this.info?.gateway_iom === true;
  }

  // ---------------------------------------------------------------- the handshake

  protected handleConnect(connect: PeerConnect): number {
    if (this.#connected) return this.protocolError("CONNECT");
    return this.whenAdmitted(this.#host.admits(this, connect), () => this.#admitted(connect));
  }

  #admitted(connect: PeerConnect): number {
    const { gateway = "" } = connect;
    if (gateway === "") return this.refuse("attempted to connect to gateway port", CloseReason.wrongPort);
    if (!this.#host.welcomes(gateway)) {
      return this.refuse(`Connection to gateway ${quoted(this.#host.name)} rejected`, CloseReason.wrongGateway);
    }
    this.#connected = true;
    this.cluster = gateway;
    return NO_PAYLOAD;
  }

  protected handleInfo(info: PeerInfo): number {
    if (this.isRegistered) {
      this.#host.informed(this, info);
      return this.closed ? STOP : NO_PAYLOAD;
    }
    if (this.dialled === undefined) {
      if (!this.#connected) return this.refuse("Authorization Violation", CloseReason.authenticationViolation);
      if (info.gateway !== this.cluster) return this.#wrongGateway(info.gateway ?? "");
    } else {
      const fault = this.#introduce(this.dialled, info);
      if (fault !== undefined) return fault;
    }
    this.info = info;
    this.#withHeaders = info.headers === true && !this.hub.options.noHeaderSupport;
    this.stopAuthTimer();
    this.isRegistered = true;
    this.#host.registered(this);
    if (this.closed) return STOP;
    this.startPings();
    return NO_PAYLOAD;
  }

  #introduce({ url }: DialledCluster, { gateway = "" }: PeerInfo): number | undefined {
    if (gateway === "") {
      const text = `Attempt to connect to gateway ${quoted(this.cluster)} using wrong port`;
      return this.refuse(text, CloseReason.wrongPort);
    }
    if (gateway !== this.cluster) return this.#wrongGateway(gateway);
    this.send(peerConnectLine(this.#host.connectFor(url)));
    this.sendInfo();
    this.debug(`Gateway connect protocol sent to ${quoted(this.cluster)}`);
    return undefined;
  }

  #wrongGateway(said: string): number {
    const own = quoted(this.#host.name);
    const wanted = `wanted to connect to ${quoted(this.cluster)}, this is ${quoted(said)}`;
    return this.refuse(`Connection from ${own} rejected, ${wanted}`, CloseReason.wrongGateway);
  }

  // ---------------------------------------------------------------- interest

  /** Tells the other side, which has dialled, of an interest or of its end. */
  announce(account: string, { subject, queue }: { subject: string; queue: string }, begins: boolean): void {
    const group = queue === "" ? "" : begins ? ` ${queue} 1` : ` ${queue}`;
    this.send(Buffer.from(`${begins ? "RS+" : "RS-"} ${account} ${subject}${group}\r\n`, "latin1"));
  }

  protected operation(verb: PeerVerb, buffer: Buffer, start: number, from: number, end: number): number {
    switch (verb) {
      case PeerVerb.rmsg:
      case PeerVerb.hmsg:
        if (this.solicited) return this.#wrongSide(buffer, start, end);
        return this.messages.line(buffer, start, from, end, {
          origin: false,
          account: true,
          headers: verb === PeerVerb.hmsg,
        });
      case PeerVerb.subscribe:
      case PeerVerb.unsubscribe:
        return this.#interestLine(buffer, start, from, end, verb === PeerVerb.subscribe);
      case PeerVerb.accountSubscribe:
      case PeerVerb.accountUnsubscribe:
        return this.#accountLine(buffer, start, from, end, verb === PeerVerb.accountSubscribe);
      default:
        return this.protocolError(shown(buffer, start, end));
    }
  }

  // Messages go one way and interest the other.
  #wrongSide(buffer: Buffer, start: number, end: number): number {
    const verb = shown(buffer, start, end).split(/\s/, 1)[0];
    const side = this.solicited ? "outbound" : "inbound";
    return this.refuse(`Received ${verb} from gateway on ${side} connection`, CloseReason.protocolViolation);
  }

  #interestLine(buffer: Buffer, start: number, from: number, end: number, begins: boolean): number {
    const { interest } = this;
    if (interest === undefined) return this.#wrongSide(buffer, start, end);
    const count = splitArguments(buffer, from, end, ARGS);
    const text = (at: number): string => buffer.toString("latin1", ARGS[2 * at], ARGS[2 * at + 1]);
    const fits = count === 2 || count === (begins ? 4 : 3);
    if (!fits || !isValidSubject(text(1))) return this.protocolError(shown(buffer, start, end));
    const queue = count > 2 ? text(2) : undefined;
    const account = interest.account(text(0));
    if (!begins) account.remove(text(1), queue);
    else if (interest.hasRoom) account.add(text(1), queue);
    else return this.refuse("maximum subscriptions exceeded", CloseReason.maxSubscriptionsExceeded);
    return NO_PAYLOAD;
  }

  #accountLine(buffer: Buffer, start: number, from: number, end: number, all: boolean): number {
    const { interest } = this;
    if (interest === undefined) return this.#wrongSide(buffer, start, end);
    if (splitArguments(buffer, from, end, ARGS) !== 1) return this.protocolError(shown(buffer, start, end));
    interest.account(buffer.toString("latin1", ARGS[0], ARGS[1])).wantAll(all);
    return NO_PAYLOAD;
  }

  // ---------------------------------------------------------------- messages

  /** Sends a message; the last two stand in front of its subject and of its reply subject. */
  sendMessage(
    prefix: PeerPrefix,
    message: Message,
    queues: readonly string[],
    beforeSubject: Uint8Array,
    beforeReply: Uint8Array,
    source: DeliveryTarget | undefined,
  ): void {
    this.outMsgs++;
    this.outBytes += writePeerMessage(
      this.outbox,
      prefix,
      message,
      queues,
      this.#withHeaders,
      beforeSubject,
      beforeReply,
    );
    this.sent(source);
  }

  /** Never called: the interest of its other end stands for whole accounts, see RemoteAccount. */
  deliver(): boolean {
    return false;
  }

  protected receiver(): PeerReceiver {
    const gateway = this;
    return {
      get maxPayloadBytes() {
        return gateway.hub.options.maxPayloadBytes;
      },
      get replies() {
        return gateway.hub.gatewayReplies;
      },
      accountFor: (name) => {
        const account = this.#host.accountNamed(name);
        if (account === undefined) this.#host.unknownAccount(this, name);
        return account;
      },
      admits: () => true,
      receive: (message, subject) => this.#receive(message, subject),
      passOn: (message, { subject, accountName }) => this.#host.passOn(subject, accountName, message),
      protocolError: (text) => this.protocolError(text),
      payloadTooLarge: (sizeBytes) => this.payloadTooLarge(sizeBytes),
    };
  }

  #receive(message: Message, subject: PeerSubject): void {
    this.inMsgs++;
    this.inBytes += message.sizeBytes;
    subject.account?.traffic.gateways.came(message.sizeBytes);
    if (subject.target.startsWith(WAY_PREFIX)) this.#host.passOn(subject.target, subject.accountName, message);
    else deliverFromPeer(this, message, subject, this);
  }

  /** As it stands in trace events. */
  get traceParty(): TraceParty {
    return { kind: GATEWAY_KIND, id: this.id, name: this.info?.server_name ?? "", account: undefined };
  }

  // ---------------------------------------------------------------- the rest of a connection

  protected pingLimits(): { intervalMs: number; max: number } {
    const { pingIntervalMs, pingMax } = this.hub.options;
    return { intervalMs: Math.min(pingIntervalMs, GATEWAY_PING_MS), max: pingMax };
  }

  protected left(reason: CloseReason): void {
    this.telling?.stop();
    this.#host.left(this, reason);
  }

  /** What monitoring shows of it. */
  status(): GatewayStatus {
    const { transport, info, interest } = this;
    const { clock } = this.hub.runtime;
    return {
      id: this.id,
      cluster: this.cluster,
      remoteId: info?.server_id ?? "",
      remoteName: info?.server_name ?? "",
      solicited: this.solicited,
      configured: this.dialled?.remote.isConfigured === true,
      host: transport.remoteAddress,
      port: transport.remotePort,
      startedMs: this.startedMs,
      lastActivityMs: clock.nowMs() - (clock.monotonicMs() - this.lastActivityAt),
      rttMs: this.rttMs,
      inMsgs: this.inMsgs,
      inBytes: this.inBytes,
      outMsgs: this.outMsgs,
      outBytes: this.outBytes,
      pendingBytes: this.pendingBytes,
      compression: "off",
      interestCount: interest?.count ?? 0,
      accounts: () =>
        interest === undefined
          ? this.#host
              .accountNames()
              .map((name) => ({ name, mode: "Interest-Only" as const, interests: [], unwanted: [] }))
          : [...interest.accounts()].map((account) => account.status()),
    };
  }
}

function shown(buffer: Buffer, start: number, end: number): string {
  return buffer.toString("latin1", start, Math.min(end, start + 64));
}
