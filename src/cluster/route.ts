// A route: one of the connections to another server of the cluster. The handshake, interest and messages, both ways
// (conformance/topology, WIRE.md section 2).
import type { Message } from "../accounts/message.js";
import type { TraceParty } from "../accounts/message-trace.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import { agreedCompression, type CompressionMode, compressionMode } from "../protocol/compression-mode.js";
import { quoted } from "../protocol/error-texts.js";
import { NO_PAYLOAD, STOP } from "../protocol/framer.js";
import { bytesAsText } from "../protocol/json.js";
import { type PeerConnect, type PeerInfo, peerConnectLine, peerInfoLine } from "../protocol/peer-info.js";
import { PeerVerb } from "../protocol/peer-verbs.js";
import { MAX_ARGUMENTS, parseSize, splitArguments } from "../protocol/verbs.js";
import type { Transport } from "../runtime/network.js";
import { CloseReason } from "../server/close-reason.js";
import type { Hub } from "../server/hub.js";
import { MAX_WEIGHT } from "../server/limits.js";
import { PeerConnection, type PeerKind } from "../server/peers/peer-connection.js";
import { deliverFromPeer } from "../server/peers/peer-delivery.js";
import type { PeerReceiver, PeerSubject } from "../server/peers/peer-messages.js";
import type { RouteStatus } from "../server/peers/peer-reports.js";
import { type PeerPrefix, peerPrefix, writePeerMessage } from "../server/peers/peer-writer.js";
import type { Walk } from "../server/slices.js";
import { SubjectKind, subjectKindOf } from "../subjects/validity.js";
import type { Solicitation } from "./dialer.js";
import { LeafBehindRoute } from "./leaf-behind-route.js";
import { ROUTE_AUTH_MS, ROUTE_PING_MS } from "./limits.js";
import type { AnnouncedInterest } from "./local-interest.js";
import type { Peer } from "./peer.js";
import type { PeerAccount } from "./peer-account.js";
import type { RouteHost } from "./route-host.js";

const KIND: PeerKind = { idLabel: "rid", name: "Router" };

/** What this server asks for on routes. */
export function routeCompression({ cluster }: ResolvedOptions): CompressionMode {
  return compressionMode(cluster?.compression?.mode ?? "accept", "s2_fast") ?? "accept";
}

type RoutedInterest = ReturnType<RouteStatus["interests"]>[number];

const ARGS = new Int32Array(2 * MAX_ARGUMENTS);

const argument = (buffer: Buffer, at: number): string => buffer.toString("latin1", ARGS[2 * at], ARGS[2 * at + 1]);

const NO_ACCOUNT = "";
/** The number of routes in trace events. */
const ROUTER_KIND = 1;

export class RouteConnection extends PeerConnection implements DeliveryTarget {
  readonly peer = "route";
  /** Whom it was dialled at, or, for one that was dialled from there, would be. */
  solicitation: Solicitation | undefined;
  /** The account (latin1) that it is for; undefined for all those of its place in the pool. */
  account: string | undefined;
  /** Its place in the pool; -1 while it has none. */
  poolIndex = -1;
  /** The server at the other end, from registration on. */
  server: Peer | undefined;
  /** Whether the next connection of the pool is to be dialled when the first ping is answered. */
  dialsNext = false;
  /** The other side is connected otherwise, or does not want this connection: it is not dialled again. */
  isNeedless = false;
  /** What tells the other side of all interest, until it is done. */
  telling: Walk | undefined;
  /** Whether anything has come after the other side's INFO: it has taken this connection then. */
  confirmed = false;
  readonly gossipMode: number;
  protected readonly kind = KIND;
  readonly #host: RouteHost;
  #connected = false;
  #negotiated = false;
  #lastAccount: PeerAccount | undefined;
  #lastLeaf = new LeafBehindRoute("", undefined);
  #withHeaders = true;
  // What the lines begin with that tell of plain interest, and of which account.
  #plainAccount: string | undefined;
  #plainPrefix: Buffer = Buffer.alloc(0);

  constructor(
    id: number,
    hub: Hub,
    transport: Transport,
    host: RouteHost,
    solicited?: { solicitation: Solicitation; account: string | undefined },
  ) {
    super(id, hub, transport, solicited !== undefined);
    this.#host = host;
    this.solicitation = solicited?.solicitation;
    this.account = solicited?.account;
    this.gossipMode = solicited?.solicitation.gossipMode ?? 0;
  }

  /** Introduces this server. */
  open(): void {
    const { cluster } = this.hub.options;
    this.startAuthTimer(cluster?.authorization?.timeoutMs ?? ROUTE_AUTH_MS);
    if (this.solicited) this.send(peerConnectLine(this.#host.connectFor(this)));
    if (!this.solicited || !this.#delaysInfo) this.sendInfo();
    this.transport.start(this);
  }

  /** Sends INFO about this server. */
  sendInfo(): void {
    this.send(peerInfoLine(this.#host.infoFor(this), this.server === undefined && !this.solicited));
  }

  // A server that dials and has a choice to make waits for what the other side says.
  get #delaysInfo(): boolean {
    return (this.hub.options.cluster?.poolSize ?? 0) > 0 || this.#wantsCompression;
  }

  get #wantsCompression(): boolean {
    const mode = routeCompression(this.hub.options);
    return mode !== "off" && mode !== "not supported";
  }

  // Both sides know what the other one asks for: what follows is compressed, and begins with INFO once more.
  #negotiate(info: PeerInfo): number {
    this.#negotiated = true;
    const agreed = agreedCompression(routeCompression(this.hub.options), info.compression);
    if (agreed === "off") return NO_PAYLOAD;
    if (this.solicited) this.sendInfo();
    const answer = this.compress(agreed, this.hub.options.cluster?.compression?.rttThresholdsMs);
    if (!this.solicited) this.sendInfo();
    return answer;
  }

  protected get established(): boolean {
    return this.server !== undefined;
  }

  /** What of its accounts goes over it: the account of its own, or that of its place in the pool. */
  carries(account: string): boolean {
    return this.server?.linkFor(account) === this;
  }

  // ---------------------------------------------------------------- the handshake

  protected handleConnect(connect: PeerConnect): number {
    if (this.#connected) return this.protocolError("CONNECT");
    return this.whenAdmitted(this.#host.admits(this, connect), () => this.#admitted(connect));
  }

  #admitted(connect: PeerConnect): number {
    this.#connected = true;
    const { cluster = "", cluster_dynamic = false, name = "" } = connect;
    const own = this.#host.clusterName;
    if (cluster === own || this.#host.takesName(cluster, cluster_dynamic, name)) return NO_PAYLOAD;
    const text = `Rejecting connection, cluster name ${quoted(cluster)} does not match ${quoted(own)}`;
    return this.refuse(text, CloseReason.clusterNameConflict);
  }

  protected handleInfo(info: PeerInfo): number {
    if (this.server !== undefined) {
      this.#host.informed(this, info);
      return this.closed ? STOP : NO_PAYLOAD;
    }
    if (!this.solicited && !this.#connected) {
      return this.refuse("Authorization Violation", CloseReason.authenticationViolation);
    }
    const { cluster = "", cluster_dynamic = false, server_id } = info;
    if (!server_id) return this.protocolError("INFO without a server id");
    if (
      cluster !== "" &&
      cluster !== this.#host.clusterName &&
      !this.#host.takesName(cluster, cluster_dynamic, server_id)
    ) {
      this.close(CloseReason.clusterNameConflict);
      return STOP;
    }
    if (this.#wantsCompression && !this.#negotiated) {
      const answer = this.#negotiate(info);
      if (answer !== NO_PAYLOAD) return answer;
    }
    this.info = info;
    this.#withHeaders = info.headers === true && !this.hub.options.noHeaderSupport;
    this.stopAuthTimer();
    if (!this.#host.register(this, info)) return STOP;
    this.startPings();
    return NO_PAYLOAD;
  }

  protected override pong(): void {
    super.pong();
    this.confirmed = true;
    this.#host.confirmed(this);
  }

  // ---------------------------------------------------------------- interest

  /** Tells of an interest, or with `count` 0 of its end. */
  announce(account: string, { subject, queue, origin, count }: AnnouncedInterest): void {
    const of = this.account === undefined ? `${account} ` : "";
    const ends = count === 0;
    const asLeaf = origin !== "" && (ends ? this.info?.lnocu : this.info?.lnoc) === true;
    const verb = `${asLeaf ? "LS" : "RS"}${ends ? "-" : "+"}`;
    const from = asLeaf ? `${origin} ` : "";
    const group = queue === "" ? "" : ends ? ` ${queue}` : ` ${queue} ${Math.min(count, MAX_WEIGHT)}`;
    this.sendLatin1(`${verb} ${from}${of}${subject}${group}\r\n`);
  }

  /** Tells of a plain interest of this server's own, for very many of one account. */
  announcePlain(account: string, subject: string): void {
    if (account !== this.#plainAccount) {
      this.#plainAccount = account;
      this.#plainPrefix = Buffer.from(this.account === undefined ? `RS+ ${account} ` : "RS+ ", "latin1");
    }
    this.sendLine(this.#plainPrefix, subject);
  }

  protected operation(verb: PeerVerb, buffer: Buffer, start: number, from: number, end: number): number {
    const hasAccount = this.account === undefined;
    this.confirmed = true;
    switch (verb) {
      case PeerVerb.rmsg:
        return this.messages.line(buffer, start, from, end, { origin: false, account: hasAccount, headers: false });
      case PeerVerb.hmsg:
        return this.messages.line(buffer, start, from, end, { origin: false, account: hasAccount, headers: true });
      case PeerVerb.lmsg:
        return this.messages.line(buffer, start, from, end, { origin: true, account: hasAccount, headers: true });
      case PeerVerb.subscribe:
      case PeerVerb.leafSubscribe:
        return this.#interest(buffer, start, from, end, true, verb === PeerVerb.leafSubscribe);
      case PeerVerb.unsubscribe:
      case PeerVerb.leafUnsubscribe:
        return this.#interest(buffer, start, from, end, false, verb === PeerVerb.leafUnsubscribe);
      default:
        return this.protocolError(buffer.toString("latin1", start, Math.min(end, start + 32)));
    }
  }

  #interest(buffer: Buffer, start: number, from: number, end: number, begins: boolean, hasOrigin: boolean): number {
    const count = splitArguments(buffer, from, end, ARGS);
    const accountAt = hasOrigin ? 1 : 0;
    const subjectAt = this.account === undefined ? accountAt + 1 : accountAt;
    const plain = subjectAt + 1;
    const weight = begins && count === plain + 2 ? parseSize(buffer, ARGS[2 * count - 2], ARGS[2 * count - 1]) : 1;
    const fits = count === plain || count === plain + (begins ? 2 : 1);
    const kind = fits ? subjectKindOf(buffer, ARGS[2 * subjectAt], ARGS[2 * subjectAt + 1]) : SubjectKind.invalid;
    if (kind === SubjectKind.invalid || weight <= 0)
      return this.protocolError(buffer.toString("latin1", start, Math.min(end, start + 64)));
    const target = this.account === undefined ? this.#accountAt(buffer, accountAt) : this.#accountNamed(this.account);
    const subject = argument(buffer, subjectAt);
    const origin = hasOrigin ? argument(buffer, 0) : undefined;
    const queue = count > plain ? argument(buffer, plain) : undefined;
    if (!begins) target.remove(subject, queue, origin);
    else if (!this.#host.subscribed(this, target, { subject, kind, queue, origin, weight })) return STOP;
    return NO_PAYLOAD;
  }

  // Interest of one account tends to come together.
  #accountAt(buffer: Buffer, at: number): PeerAccount {
    const [start, end] = [ARGS[2 * at], ARGS[2 * at + 1]];
    const last = this.#lastAccount;
    let same = last !== undefined && last.name.length === end - start && this.server?.knows(last) === true;
    for (let i = 0; same && i < end - start; i++) same = buffer[start + i] === last?.name.charCodeAt(i);
    return same && last !== undefined ? last : this.#accountNamed(argument(buffer, at));
  }

  #accountNamed(name: string): PeerAccount {
    const last = this.#lastAccount;
    if (last !== undefined && last.name === name && this.server?.knows(last)) return last;
    const account = this.#host.peerAccount(this, name);
    this.#lastAccount = account;
    return account;
  }

  // ---------------------------------------------------------------- messages

  /** The beginning of the lines for an account's messages. */
  prefixFor(account: string): PeerPrefix {
    return peerPrefix("RMSG", "HMSG", this.account === undefined ? `${account} ` : "");
  }

  /** The same for messages of a leaf node's cluster, to a server that keeps them apart. */
  leafPrefixFor(account: string, origin: string): PeerPrefix | undefined {
    if (this.info?.lnoc !== true) return undefined;
    return peerPrefix("LMSG", "LMSG", `${origin} ${this.account === undefined ? `${account} ` : ""}`, true);
  }

  /** Sends a message to the server at the other end. */
  sendMessage(
    prefix: PeerPrefix,
    message: Message,
    queues: readonly string[],
    source: DeliveryTarget | undefined,
  ): void {
    this.outMsgs++;
    this.outBytes += writePeerMessage(
      this.outbox,
      prefix,
      message,
      queues,
      this.#withHeaders,
      undefined,
      message.wayBack,
    );
    this.sent(source);
  }

  /** Never called: its interest stands for the server at the other end, see PeerAccount. */
  deliver(): boolean {
    return false;
  }

  protected receiver(): PeerReceiver {
    const route = this;
    return {
      get maxPayloadBytes() {
        return route.hub.options.maxPayloadBytes;
      },
      get replies() {
        return route.hub.gatewayReplies;
      },
      accountFor: (name) => this.#host.accountNamed(name === NO_ACCOUNT ? (this.account ?? "") : name),
      admits: ({ target }) => this.#host.mayImport(target),
      receive: (message, subject, origin) => this.#receive(message, subject, origin),
      protocolError: (text) => this.protocolError(text),
      payloadTooLarge: (sizeBytes) => this.payloadTooLarge(sizeBytes),
    };
  }

  #receive(message: Message, subject: PeerSubject, origin: string): void {
    this.inMsgs++;
    this.inBytes += message.sizeBytes;
    const { account } = subject;
    account?.traffic.routes.came(message.sizeBytes);
    const isKnown = this.#lastLeaf.leafCluster === origin && this.#lastLeaf.leafAccount === account;
    if (origin !== "" && !isKnown) this.#lastLeaf = new LeafBehindRoute(origin, account);
    deliverFromPeer(this, message, subject, origin === "" ? this : this.#lastLeaf);
  }

  /** As it stands in trace events. */
  get traceParty(): TraceParty {
    return { kind: ROUTER_KIND, id: this.id, name: this.server?.name ?? "", account: undefined };
  }

  // ---------------------------------------------------------------- the rest of a connection

  protected pingLimits(): { intervalMs: number; max: number } {
    const { cluster, pingIntervalMs, pingMax } = this.hub.options;
    return {
      intervalMs: Math.min(cluster?.pingIntervalMs || pingIntervalMs, ROUTE_PING_MS),
      max: cluster?.pingMax || pingMax,
    };
  }

  protected left(reason: CloseReason): void {
    this.telling?.stop();
    this.#host.left(this, reason);
  }

  /** What monitoring shows of it. */
  status(): RouteStatus {
    const { transport, solicitation, server } = this;
    const { clock } = this.hub.runtime;
    const interests = (): RoutedInterest[] =>
      [...(server?.accounts() ?? [])].flatMap(({ name, link, interests }) =>
        link === this ? interests.map(({ subject, queue }) => ({ account: name, subject, queue })) : [],
      );
    return {
      id: this.id,
      remoteId: server?.id ?? "",
      remoteName: server?.name ?? "",
      solicited: this.solicited,
      configured: solicitation?.explicit === true,
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
      compression: this.compression,
      account: this.accountText,
      interests,
      interestCount: [...(server?.accounts() ?? [])].reduce(
        (sum, { link, size }) => sum + (link === this ? size : 0),
        0,
      ),
    };
  }

  /** Names its account for logs and monitoring. */
  get accountText(): string | undefined {
    return this.account === undefined ? undefined : bytesAsText(this.account);
  }
}
