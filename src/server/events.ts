// What the server tells its surroundings, in the order in which it happens. A listener that throws harms nobody else.

import type { Account } from "../accounts/account.js";
import type { AccountChange } from "../auth/jwt/claimed-accounts.js";
import type { PeerInfo } from "../protocol/peer-info.js";
import type { ClientConnection } from "./clients/client.js";
import type { CloseReason } from "./close-reason.js";
import type { LeafStatus } from "./peers/peer-reports.js";
import type { OcspPeerKind } from "./tls/ocsp-peers.js";

export interface ServerEventMap {
  ready: [];
  /** A client was let in. */
  connect: [client: ClientConnection];
  /** A client that had been let in, or was still logging in, has gone. */
  disconnect: [client: ClientConnection];
  /** A client's login was refused. */
  refused: [client: ClientConnection, reason: CloseReason];
  /** The first connection to another server of the cluster was made, and what it said of itself; or the last one has ended. */
  peerJoined: [serverId: string, info: PeerInfo];
  peerLeft: [serverId: string];
  /** A connection ends as the authorities do not stand by its certificates: the other side's own one (DER), and what it is told. */
  ocspPeerRejected: [kind: OcspPeerKind, certificate: Uint8Array, reason: string];
  /** The certificate that was the reason, of the other side or of an authority, and why. */
  ocspLinkInvalid: [certificate: Uint8Array, link: Uint8Array, reason: string];
  /** A leaf link has been made for an account. */
  leafJoined: [account: string];
  /** One that had been made has ended. */
  leafLeft: [leaf: LeafStatus, reason: CloseReason];
  /** New claims of an account count, or its end has come. */
  accountChanged: [account: Account, change: AccountChange];
  /** New options count, for clients too. */
  reloaded: [];
  /** A server of the cluster tells of gateways. */
  gatewayGossip: [info: PeerInfo];
  error: [error: Error];
  lameDuck: [];
  /** The server ends; its clients are still there. */
  closing: [];
  closed: [];
}

type Handler<K extends keyof ServerEventMap> = (...values: ServerEventMap[K]) => void;

export class ServerEvents {
  private readonly handlers = new Map<string, Set<Handler<keyof ServerEventMap>>>();

  on<K extends keyof ServerEventMap>(name: K, handler: Handler<K>): () => void {
    const set = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, set);
    set.add(handler as Handler<keyof ServerEventMap>);
    return () => set.delete(handler as Handler<keyof ServerEventMap>);
  }

  emit<K extends keyof ServerEventMap>(name: K, ...values: ServerEventMap[K]): void {
    for (const handler of this.handlers.get(name) ?? []) {
      try {
        (handler as (...all: unknown[]) => void)(...values);
      } catch (error) {
        if (name !== "error") this.emit("error", error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
}
