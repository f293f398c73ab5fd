// What a connection and the rooms above see of the server they belong to.
import type { Account } from "../accounts/account.js";
import type { Accounts } from "../accounts/accounts.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import type { Authenticator } from "../auth/authenticator.js";
import type { ResolvedOptions } from "../options/options.js";
import type { ServerInfo } from "../protocol/info.js";
import type { Logger } from "../runtime/logger.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ClientConnection } from "./clients/client.js";
import type { FailedLogins } from "./clients/failed-logins.js";
import type { Stalls } from "./clients/stall.js";
import type { CloseReason } from "./close-reason.js";
import type { Connection } from "./connection.js";
import type { ChunkPool } from "./outbox.js";
import type { GatewayReplies } from "./peers/gateway-replies.js";
import type { Router } from "./router.js";
import type { Totals } from "./status.js";
import type { OcspPeers } from "./tls/ocsp-peers.js";

export interface Hub {
  readonly runtime: Runtime;
  readonly options: ResolvedOptions;
  readonly logger: Logger;
  readonly chunks: ChunkPool;
  readonly router: Router;
  readonly accounts: Accounts;
  readonly authenticator: Authenticator;
  readonly totals: Totals;
  readonly stalls: Stalls;
  readonly failedLogins: FailedLogins;
  /** Where the status of certificates of clients and leaf nodes is asked for. */
  readonly ocspPeers: OcspPeers;
  /** True from the start of lame duck mode or shutdown on. */
  readonly draining: boolean;
  /** Undefined where there are no gateways. */
  readonly gatewayReplies: GatewayReplies | undefined;
  /** Writes the connection's output at the end of the turn. */
  flushLater(connection: Connection): void;
  /** INFO for one client, with what is known of it by now. */
  infoFor(client: ClientConnection): ServerInfo;
  /** The same with what it learns of its account, once it has logged in. */
  accountInfoFor(client: ClientConnection): ServerInfo;
  /** A client is let in: it counts for its account and is announced. */
  admitted(client: ClientConnection): void;
  /** A client has ended; it and its subscriptions have left the account. */
  departed(client: ClientConnection): void;
  /** The output of a connection that has ended is sent or given up. */
  finished(connection: Connection): void;
  /** The authority has revoked the certificate that clients are shown, and the options say that this ends the server. */
  certificateRevoked(): void;
  /** Somebody was refused; for events and statistics. */
  refused(client: ClientConnection, reason: CloseReason): void;
  /** What an event says of the server that sends it; each call counts as an event. */
  eventSender(): object;
  /** Runs the message path in an account for a message that comes from inside the server. */
  publish(
    account: Account,
    subject: string,
    reply: string,
    headers: Uint8Array,
    payload: Uint8Array,
    source?: DeliveryTarget,
  ): number;
}
