// A client's login: what CONNECT says is decided on at once or later, and those who fail again and again are refused slowly.
import type { Admission } from "../auth/authenticator.js";
import { LoginsBusyError } from "../auth/fair-queue.js";
import { NO_PAYLOAD, STOP } from "../protocol/framer.js";
import type { Timer } from "../runtime/clock.js";
import type { ClientConnection } from "./client.js";
import { CloseReason } from "./close-reason.js";

export class ClientLogin {
  private readonly client: ClientConnection;
  private refusal: Timer | undefined;

  constructor(client: ClientConnection) {
    this.client = client;
  }

  /** Decides on what CONNECT said. While that takes time, the client's further input is held. */
  decide(): number {
    const { client } = this;
    if (!this.passesProxyCheck()) return client.refuseLogin(CloseReason.proxyNotTrusted);
    const admission = client.hub.authenticator.authenticate(client.credentials(), client.origin());
    if (!(admission instanceof Promise)) return this.conclude(admission);
    client.holdInput();
    this.await(admission);
    return NO_PAYLOAD;
  }

  /** The client has gone. */
  end(): void {
    this.refusal?.cancel();
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
        else if (!client.closed) client.timeOut();
      },
    );
  }

  private decideAnew(): void {
    const { client } = this;
    if (client.closed) return;
    try {
      const admission = client.hub.authenticator.authenticate(client.credentials(), client.origin());
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
    if (admission !== undefined) return client.admit(admission);
    if (client.transport.inProcess) return client.refuseLogin();
    this.refusal = client.hub.failedLogins.refuse(client.remoteAddress, () => client.refuseLogin());
    if (this.refusal === undefined) return STOP;
    client.holdInput();
    return NO_PAYLOAD;
  }
}
