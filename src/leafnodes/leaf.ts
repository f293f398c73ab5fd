// A leaf link: a connection between a leaf node and its hub, seen from either end. It is bound to one account at both ends.
// The handshake, interest and messages (conformance/topology, WIRE.md section 4).
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import type { TraceParty } from "../accounts/message-trace.js";
import { cameFromLeaf, type DeliveryTarget, type Subscription } from "../accounts/subscription.js";
import { OptionsError } from "../options/errors.js";
import { encodeSubject } from "../options/subject-bytes.js";
import { agreedCompression } from "../protocol/compression-mode.js";
import { ErrorText } from "../protocol/error-texts.js";
import { NO_PAYLOAD, STOP } from "../protocol/framer.js";
import { type PeerConnect, type PeerInfo, peerConnectLine, peerInfoLine } from "../protocol/peer-info.js";
import { PeerVerb } from "../protocol/peer-verbs.js";
import type { Timer } from "../runtime/clock.js";
import type { Transport } from "../runtime/network.js";
import { CloseReason } from "../server/close-reason.js";
import type { Hub } from "../server/hub.js";
import { PeerConnection, type PeerKind } from "../server/peers/peer-connection.js";
import { deliverFromPeer } from "../server/peers/peer-delivery.js";
import type { PeerReceiver, PeerSubject } from "../server/peers/peer-messages.js";
import type { LeafStatus } from "../server/peers/peer-reports.js";
import { type PeerPrefix, peerPrefix, writePeerMessage } from "../server/peers/peer-writer.js";
import type { PeerTarget } from "../server/router.js";
import { isValidSubject } from "../subjects/validity.js";
import type { OverWebsocket } from "./dial.js";
import { HubReplies } from "./hub-replies.js";
import { LeafAnnouncements } from "./leaf-announcements.js";
import { leafClusterOf } from "./leaf-cluster.js";
import { leafCompression } from "./leaf-compression.js";
import type { LeafAdmission, LeafHost, LeafWay } from "./leaf-host.js";
import { AllLeafPermissions, LeafPermissions } from "./leaf-permissions.js";
import { leafStatus } from "./leaf-status.js";
import { LeafSubscriptions } from "./leaf-subscriptions.js";
import { LEAF_AUTH_MS } from "./limits.js";
import { endOfLink } from "./objection.js";
import type { LeafRemote } from "./remote.js";

const KIND: PeerKind = { idLabel: "lid", name: "Leafnode" };
const WEBSOCKET_KIND: PeerKind = { ...KIND, idLabel: "lid_ws" };
/** The number of leaf nodes in trace events. */
const LEAF_KIND = 4;
const PREFIX: PeerPrefix = peerPrefix("LMSG", "HMSG", "");

export class LeafConnection extends PeerConnection implements DeliveryTarget {
  /** The remote of the options that it was dialled for. */
  readonly remote: LeafRemote | undefined;
  /** What the hub offers for signing. */
  readonly nonce: string;
  /** Undefined on plain connections. */
  readonly webSocket: OverWebsocket | undefined;
  account: Account | undefined;
  /** What a leaf node has said when it was let in, and as whom. */
  connect: PeerConnect | undefined;
  admission: LeafAdmission | undefined;
  /** The cluster, or the server, at the other end. */
  leafCluster: string | undefined;
  remoteName = "";
  remoteId = "";
  /** Whether interest of other leaf nodes is kept from the other end. */
  isolated = false;
  /** Whether this server is the leaf and the other end its hub. */
  isHub: boolean;
  /** What may cross, both ways. */
  permissions = new AllLeafPermissions();
  readonly #host: LeafHost;
  readonly #announcements: LeafAnnouncements;
  readonly #subscriptions: LeafSubscriptions;
  readonly #target: PeerTarget = {
    send: (message, queues, source) => this.#sendMessage(message, queues, source),
  };
  #withHeaders = true;
  #loggingIn = false;
  #joined = false;
  #expiry: Timer | undefined;
  #infoTimer: Timer | undefined;
  // Undefined at the hub.
  readonly #hubReplies: HubReplies | undefined;

  constructor(id: number, hub: Hub, transport: Transport, host: LeafHost, { nonce, remote, webSocket }: LeafWay) {
    super(id, hub, transport, remote !== undefined, webSocket?.below);
    this.#host = host;
    this.nonce = nonce;
    this.remote = remote;
    this.webSocket = webSocket;
    this.account = remote?.account;
    this.isHub = remote !== undefined && !remote.options.hub;
    this.#hubReplies = this.isHub ? new HubReplies(this, hub.runtime.clock) : undefined;
    this.isolated = remote?.options.isolateLeafnodeInterest === true;
    this.#announcements = new LeafAnnouncements(this, host);
    this.#subscriptions = new LeafSubscriptions(this, host);
  }

  get leafAccount(): Account | undefined {
    return this.account;
  }

  protected get kind(): PeerKind {
    return this.webSocket === undefined ? KIND : WEBSOCKET_KIND;
  }

  /** Greets a leaf node with INFO. */
  greet(): void {
    this.send(peerInfoLine(this.#host.infoFor(this), true));
  }

  /** Reads what the other side sends; it must introduce itself in time. */
  begin(): void {
    const { leafnodes } = this.hub.options;
    const { remote } = this;
    if (remote === undefined) this.startAuthTimer(leafnodes?.authorization?.timeoutMs || LEAF_AUTH_MS);
    else {
      const { firstInfoTimeoutMs } = remote.options;
      this.#infoTimer = this.hub.runtime.clock.after(firstInfoTimeoutMs, () => {
        this.hub.logger.error(`${this.label} - Leafnode Error no INFO within ${firstInfoTimeoutMs} ms`);
        this.close(CloseReason.readError);
      });
    }
    this.transport.start(this);
  }

  protected override get farewell(): string {
    return this.remoteName === "" ? "" : ` - Remote: ${this.remoteName}`;
  }

  protected get established(): boolean {
    return this.#joined;
  }

  // ---------------------------------------------------------------- the handshake

  // The hub's side.
  protected handleConnect(connect: PeerConnect): number {
    if (this.#loggingIn || this.#joined) return this.protocolError("CONNECT");
    this.#loggingIn = true;
    const admission = this.#host.authenticate(this, connect);
    if (!(admission instanceof Promise)) return this.#admit(admission, connect);
    this.holdInput();
    admission.then(
      (decided) => this.concludeLate(() => this.#admit(decided, connect)),
      (error: unknown) => {
        this.hub.logger.error(`${this.label} - authentication failed: ${String(error)}`);
        this.concludeLate(() => this.#admit(undefined, connect));
      },
    );
    return NO_PAYLOAD;
  }

  #admit(admission: LeafAdmission | undefined, connect: PeerConnect): number {
    if (admission === undefined) return this.refuseLogin();
    const { account, permissions, told } = admission;
    this.account = account;
    this.admission = admission;
    this.connect = connect;
    this.leafCluster = leafClusterOf(connect.cluster || connect.name);
    this.remoteName = connect.name ?? "";
    this.remoteId = connect.server_id ?? "";
    this.isHub = connect.is_hub === true;
    this.isolated = connect.isolate === true || this.hub.options.leafnodes?.isolateLeafnodeInterest === true;
    this.#withHeaders = connect.headers === true && !this.hub.options.noHeaderSupport;
    const objection = this.#host.objection(this, connect);
    if (objection !== undefined) return this.refuse(objection.text, objection.reason);
    const denied = (connect.deny_pub ?? []).map(encodeSubject);
    if (!denied.every(isValidSubject)) return this.protocolError("CONNECT");
    this.permissions = new AllLeafPermissions([
      LeafPermissions.ofUser(permissions),
      LeafPermissions.denying([], denied),
      this.#domains(connect.domain),
    ]);
    this.send(peerInfoLine(this.#host.infoFor(this, { account, permissions: told })));
    this.#join();
    const lastsMs = admission.granted?.login?.lastsMs ?? Number.POSITIVE_INFINITY;
    if (lastsMs === Number.POSITIVE_INFINITY) return NO_PAYLOAD;
    this.#expiry = this.hub.runtime.clock.after(lastsMs, () =>
      this.refuse(ErrorText.userAuthenticationExpired, CloseReason.authenticationExpired),
    );
    return NO_PAYLOAD;
  }

  protected handleInfo(info: PeerInfo): number {
    if (!this.solicited) return this.#takeMode(info);
    const first = this.info === undefined;
    this.info = info;
    if (first) {
      this.#infoTimer?.cancel();
      this.startAuthTimer(LEAF_AUTH_MS);
      const objection = this.#host.objectionToHub(this, info);
      if (objection !== undefined) return this.refuse(objection.text, objection.reason);
      this.leafCluster = leafClusterOf(info.cluster || info.server_name);
      this.remoteName = info.server_name;
      this.remoteId = info.server_id;
      this.#withHeaders = info.headers === true && !this.hub.options.noHeaderSupport;
      if (this.#host.wantsTls(this, info)) {
        this.holdInput();
        void this.#secure(info);
        return NO_PAYLOAD;
      }
      const answer = this.#negotiate(info);
      if (answer !== NO_PAYLOAD) return answer;
    }
    if (!this.#loggingIn) this.#logIn(info);
    this.#host.informed(this, info);
    // An old hub sends no second INFO.
    if (!this.#joined && !this.closed && (info.connect_info === true || info.info_on_connect !== true)) {
      // The hub may have come as a leaf node meanwhile.
      const objection = first ? undefined : this.#host.objectionToHub(this, info);
      if (objection !== undefined) return this.refuse(objection.text, objection.reason);
      return this.#takeHub(info);
    }
    return this.closed ? STOP : NO_PAYLOAD;
  }

  async #secure(info: PeerInfo): Promise<void> {
    if (!(await this.#host.secure(this))) return;
    try {
      if (this.#negotiate(info) === NO_PAYLOAD) this.#logIn(info);
      this.#host.informed(this, info);
      this.resumeInput();
    } catch (error) {
      this.failed(error);
    }
  }

  // The leaf's side: it tells what it asks for, and what follows is compressed; the hub begins with INFO once more.
  #negotiate(info: PeerInfo): number {
    if (this.webSocket?.compressed) return NO_PAYLOAD;
    const { compression } = this.remote?.options ?? {};
    const own = leafCompression(compression);
    const agreed = agreedCompression(own, info.compression);
    if (agreed === "off") return NO_PAYLOAD;
    this.send(peerInfoLine(this.#host.modeFor(this, own)));
    return this.compress(agreed, compression?.rttThresholdsMs);
  }

  // The hub's side of the same.
  #takeMode(info: PeerInfo): number {
    if (this.#loggingIn || this.info !== undefined || this.webSocket?.compressed) return NO_PAYLOAD;
    this.info = info;
    const { compression } = this.hub.options.leafnodes ?? {};
    const agreed = agreedCompression(leafCompression(compression), info.compression);
    if (agreed === "off") return NO_PAYLOAD;
    const answer = this.compress(agreed, compression?.rttThresholdsMs);
    this.greet();
    return answer;
  }

  #logIn(info: PeerInfo): void {
    this.#loggingIn = true;
    let connect: PeerConnect;
    try {
      connect = this.#host.connectFor(this, info);
    } catch (error) {
      this.hub.logger.error(`${this.label} - Leafnode credentials cannot be used: ${(error as Error).message}`);
      this.close(CloseReason.authenticationViolation);
      return;
    }
    this.send(peerConnectLine(connect));
    this.debug("Remote leafnode connect msg sent");
  }

  #takeHub(info: PeerInfo): number {
    const { denyImports = [], denyExports = [] } = this.remote?.options ?? {};
    let told: LeafPermissions;
    try {
      told = LeafPermissions.ofHub(info.import, info.export);
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      return this.protocolError("INFO");
    }
    this.permissions = new AllLeafPermissions([
      told,
      LeafPermissions.denying(denyImports, denyExports),
      this.#domains(info.domain),
    ]);
    this.#join();
    return NO_PAYLOAD;
  }

  #domains(domain: string | undefined): LeafPermissions {
    const { come, go } = this.#host.keptApart(this.account as Account, domain, this.isHub);
    return LeafPermissions.denying(come, go);
  }

  #join(): void {
    this.stopAuthTimer();
    this.#joined = true;
    this.startPings();
    this.#host.joined(this);
    this.#announcements.tellAll();
  }

  // ---------------------------------------------------------------- interest

  added(subscription: Subscription): void {
    if (this.#joined) this.#announcements.added(subscription);
  }

  removed(subscription: Subscription): void {
    if (this.#joined) this.#announcements.removed(subscription);
  }

  /** The mappings of the account may have changed. */
  remap(): void {
    if (this.#joined && !this.closed) this.#announcements.remap();
  }

  protected operation(verb: PeerVerb, buffer: Buffer, start: number, from: number, end: number): number {
    switch (verb) {
      case PeerVerb.lmsg:
        return this.messages.line(buffer, start, from, end, { origin: false, account: false, headers: false });
      case PeerVerb.hmsg:
        return this.messages.line(buffer, start, from, end, { origin: false, account: false, headers: true });
      case PeerVerb.leafSubscribe:
        return this.#subscriptions.line(buffer, start, from, end, true);
      case PeerVerb.leafUnsubscribe:
        return this.#subscriptions.line(buffer, start, from, end, false);
      default:
        return this.protocolError(buffer.toString("latin1", start, Math.min(end, start + 32)));
    }
  }

  protected override handleError(text: string): number {
    const reason = endOfLink(text);
    if (reason !== undefined) {
      this.hub.logger.error(`${this.label} - Leafnode Error ${text.trim()}`);
      this.close(reason);
      return STOP;
    }
    return super.handleError(text);
  }

  // ---------------------------------------------------------------- messages

  deliver({ queue }: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    if (source === this || this.closed) return false;
    // The other servers of a cluster have leaf links of their own.
    if (this.isHub && (source?.peer !== undefined || source?.isHub === true)) return false;
    if (cameFromLeaf(source, this.leafCluster, this.account)) return false;
    if (!this.permissions.mayGo(message.deliveredTo || message.subject)) return false;
    this.hub.router.gather(this.#target, queue);
    return true;
  }

  #sendMessage(message: Message, queues: readonly string[], source: DeliveryTarget | undefined): void {
    const sent = message.trace === undefined ? message : message.trace.forwarded(message, this.traceParty);
    this.outMsgs++;
    this.account?.traffic.leafs.went(sent.sizeBytes);
    const way = this.#hubReplies?.wayBackOf(message.subject);
    this.outBytes += writePeerMessage(this.outbox, PREFIX, sent, queues, this.#withHeaders, way);
    this.sent(source);
  }

  protected receiver(): PeerReceiver {
    const link = this;
    return {
      get maxPayloadBytes() {
        return link.hub.options.maxPayloadBytes;
      },
      get replies() {
        return link.#hubReplies;
      },
      accountFor: () => this.account,
      admits: ({ subject }) => this.permissions.mayCome(subject),
      receive: (message, subject) => this.#receive(message, subject),
      protocolError: (text) => this.protocolError(text),
      payloadTooLarge: (sizeBytes) => this.payloadTooLarge(sizeBytes),
    };
  }

  #receive(message: Message, subject: PeerSubject): void {
    this.inMsgs++;
    this.inBytes += message.sizeBytes;
    this.account?.traffic.leafs.came(message.sizeBytes);
    deliverFromPeer(this, message, subject, this);
  }

  /** As it stands in trace events. */
  get traceParty(): TraceParty {
    return { kind: LEAF_KIND, id: this.id, name: this.remoteName, account: this.account };
  }

  // ---------------------------------------------------------------- the rest of a connection

  /** What monitoring shows of it. */
  status(): LeafStatus {
    return leafStatus(this, this.#subscriptions.size, () => this.#subscriptions.subjects());
  }

  protected pingLimits(): { intervalMs: number; max: number } {
    const { pingIntervalMs, pingMax } = this.hub.options;
    return { intervalMs: pingIntervalMs, max: pingMax };
  }

  protected left(reason: CloseReason): void {
    this.#announcements.stop();
    this.#expiry?.cancel();
    this.#infoTimer?.cancel();
    this.#hubReplies?.close();
    this.#subscriptions.leave();
    this.#host.left(this, reason);
  }
}
