// A client's login: what CONNECT says is decided on at once or later, and those who fail again and again are refused slowly.
import type { Account } from "../../accounts/account.js";
import type { Admission, Credentials, Origin } from "../../auth/authenticator.js";
import { LoginsBusyError } from "../../auth/fair-queue.js";
import { mergeConnect } from "../../protocol/connect.js";
import { ErrorText } from "../../protocol/error-texts.js";
import { NO_PAYLOAD, STOP } from "../../protocol/framer.js";
import type { Timer } from "../../runtime/clock.js";
import { CloseReason } from "../close-reason.js";
import { traceConnect, traceIn } from "../trace.js";
import type { ClientConnection } from "./client.js";
import { refusedLoginText } from "./client-label.js";

export class ClientLogin {
  private readonly client: ClientConnection;
  // Until it has logged in; after that, until its login ends.
  private timer: Timer | undefined;
  private refusal: Timer | undefined;
  private lacksProxy = false;

  constructor(client: ClientConnection) {
    this.client = client;
  }

  /** It must log in within this time. */
  expect(timeoutMs: number): void {
    this.timer = this.client.hub.runtime.clock.after(timeoutMs, () => this.timeOut());
  }

  /** Its login holds this long; infinity: for good. */
  holds(lastsMs: number): void {
    if (lastsMs === Number.POSITIVE_INFINITY) return;
    this.timer = this.client.hub.runtime.clock.after(lastsMs, () => this.expire(ErrorText.userAuthenticationExpired));
  }

  /** Its login, or that of its account, has come to its end. */
  expire(text: string): void {
    this.client.sendError(text);
    this.client.close(CloseReason.authenticationExpired);
  }

  /** The client has gone. */
  end(): void {
    this.timer?.cancel();
    this.refusal?.cancel();
  }

  /** CONNECT. While a decision takes time, the client's further input is held. Answers like FrameHandler.line. */
  connect(json: string): number {
    const { client } = this;
    const { connect, hub } = client;
    traceIn(client, "CONNECT", traceConnect(json));
    this.timer?.cancel();
    this.timer = undefined;
    if (!mergeConnect(json, connect)) {
      return client.fail("CONNECT is no JSON object with values of the right types");
    }
    client.wayIn?.complete(connect);
    const again = client.connected;
    client.connected = true;
    if (!again) client.rttMs = hub.runtime.clock.monotonicMs() - client.startedAt;
    client.echo = connect.echo;
    client.headers = connect.headers && !hub.options.noHeaderSupport;
    if (again) client.subscriber.dropAll();
    return this.decide();
  }

  /** Lets it in without CONNECT where those who say nothing are (`no_auth_user`), else refuses it. */
  admitAnonymous(): boolean {
    const { client } = this;
    const { authenticator } = client.hub;
    const admission = authenticator.admitsAnonymous(client.connectionType)
      ? authenticator.authenticate({}, this.origin())
      : undefined;
    if (admission === undefined || admission instanceof Promise) {
      this.refuse(CloseReason.authenticationViolation);
      return false;
    }
    if (this.refuseBeyondLimit(admission.account)) return false;
    this.timer?.cancel();
    client.bind(admission.account, admission);
    return true;
  }

  /** Its login does not hold (any more). */
  refuse(reason: CloseReason = this.fault): typeof STOP {
    const { client } = this;
    client.error(refusedLoginText(client.connect));
    client.sendError(ErrorText.authorization);
    client.hub.refused(client, reason);
    client.close(reason);
    return STOP;
  }

  /** What CONNECT said of who it is. */
  credentials(): Credentials {
    const { user, pass, authToken, nkey, sig, jwt, name, lang, version, protocol } = this.client.connect;
    return { user, pass, authToken, nkey, sig, jwt, name, lang, version, protocol };
  }

  /** Where its credentials come from. */
  origin(): Origin {
    const { client } = this;
    const { nonce, remoteAddress, proxyKey, connectionType } = client;
    const { inProcess, tls } = client.transport;
    return {
      type: connectionType,
      nonce,
      remoteAddress,
      inProcess,
      certificate: tls?.peerCertificates[0],
      tls,
      connectionId: client.id,
      isGone: () => client.closed,
      proxyKey,
      note: (reason, level) => client[level](reason),
      onProxyRequired: () => {
        this.lacksProxy = true;
        client.debug("proxy connection required");
      },
    };
  }

  private get fault(): CloseReason {
    return this.lacksProxy ? CloseReason.proxyRequired : CloseReason.authenticationViolation;
  }

  private timeOut(): void {
    const { client } = this;
    client.sendError(ErrorText.authenticationTimeout);
    client.debug(ErrorText.authenticationTimeout);
    client.hub.refused(client, CloseReason.authenticationTimeout);
    client.close(CloseReason.authenticationTimeout);
  }

  private decide(): number {
    const { client } = this;
    if (!this.passesProxyCheck()) return this.refuse(CloseReason.proxyNotTrusted);
    const admission = client.hub.authenticator.authenticate(this.credentials(), this.origin());
    if (!(admission instanceof Promise)) return this.conclude(admission);
    client.holdInput();
    this.await(admission);
    return NO_PAYLOAD;
  }

  private await(admission: Promise<Admission | undefined>): void {
    const { client } = this;
    const { hub } = client;
    const { authenticator } = hub;
    admission.then(
      (decided) => {
        // A reload in between has looked at those who were let in only.
        if (hub.authenticator === authenticator) this.concludeLate(decided);
        else this.decideAnew();
      },
      (error: unknown) => {
        client.error(`authentication failed: ${String(error)}`);
        if (!(error instanceof LoginsBusyError)) this.concludeLate(undefined);
        else if (!client.closed) this.timeOut();
      },
    );
  }

  private decideAnew(): void {
    const { client } = this;
    if (client.closed) return;
    try {
      const admission = client.hub.authenticator.authenticate(this.credentials(), this.origin());
      if (admission instanceof Promise) this.await(admission);
      else this.concludeLate(admission);
    } catch (error) {
      client.failed(error);
    }
  }

  // Without a signature by a proxy there is nothing to check, and without trusted proxies nothing to check it with.
  private passesProxyCheck(): boolean {
    const { client } = this;
    const { trustedProxies } = client.hub.authenticator;
    const { proxySig } = client.connect;
    if (proxySig === "" || !trustedProxies.any) return true;
    client.proxyKey = trustedProxies.signerOf(proxySig, client.nonce);
    if (client.proxyKey === undefined) client.debug("proxy is not trusted");
    return client.proxyKey !== undefined;
  }

  private concludeLate(admission: Admission | undefined): void {
    const { client } = this;
    if (client.closed) return;
    try {
      if (this.conclude(admission) !== STOP && this.refusal === undefined) client.resumeInput();
    } catch (error) {
      client.failed(error);
    }
  }

  private conclude(admission: Admission | undefined): number {
    const { client } = this;
    if (admission !== undefined) return this.admit(admission);
    if (client.transport.inProcess) return this.refuse();
    this.refusal = client.hub.failedLogins.refuse(client.remoteAddress, () => this.refuse());
    if (this.refusal === undefined) return STOP;
    client.holdInput();
    return NO_PAYLOAD;
  }

  // Unless limits or what it asked for forbid that.
  private admit(admission: Admission): number {
    const { client } = this;
    const { connect } = client;
    if (this.refuseBeyondLimit(admission.account)) return STOP;
    if (connect.account !== "" || connect.newAccount) return this.refuse();
    if (connect.protocol < 0 || connect.protocol > 1) {
      return client.endWith(ErrorText.invalidClientProtocol, CloseReason.badClientProtocolVersion);
    }
    if (connect.noResponders && !client.headers) {
      return client.endWith(ErrorText.noRespondersRequiresHeaders, CloseReason.noRespondersRequiresHeaders);
    }
    client.welcome(admission);
    if (admission.login === undefined || !client.subscriber.isAtLimit()) return NO_PAYLOAD;
    return client.endWith(ErrorText.maximumSubscriptions, CloseReason.maxSubscriptionsExceeded);
  }

  private refuseBeyondLimit(account: Account): boolean {
    const { client } = this;
    const { maxConnections } = account.limits;
    const others = account.connections + account.connectionsElsewhere - (client.account === account ? 1 : 0);
    if (maxConnections < 0 || others < maxConnections) return false;
    client.hub.refused(client, CloseReason.maxAccountConnectionsExceeded);
    client.endWith(ErrorText.maximumAccountConnections, CloseReason.maxAccountConnectionsExceeded);
    return true;
  }
}
