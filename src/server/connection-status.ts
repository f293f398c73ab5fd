// A connection, living or gone, as plain data: what /connz and the events about clients are made of.
import { GLOBAL_ACCOUNT } from "../accounts/accounts.js";
import type { DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { readCertificate } from "../auth/certificates/certificate.js";
import { fullSubjectText } from "../auth/certificates/distinguished-name.js";
import type { ResolvedPermissions } from "../options/options.js";
import { ClientConnection } from "./clients/client.js";
import { loginName } from "./clients/client-label.js";
import type { LeafStatus } from "./peers/peer-reports.js";
import type { Server } from "./server.js";

/** A subscription; subject, queue and sid are latin1. */
export interface SubscriptionStatus {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
  readonly delivered: number;
  /** 0: no end. */
  readonly max: number;
  /** Id of the connection; 0 for the server's own. */
  readonly connection: number;
}

/** What a connection's TLS handshake agreed on. */
export interface TlsStatus {
  /** "1.2" or "1.3". */
  readonly version: string;
  readonly cipherSuite: string;
  /** Whether the handshake came before INFO. */
  readonly first: boolean;
  /** What the client has shown, its own certificate first. */
  readonly peerCertificates: readonly PeerCertificate[];
}

export interface PeerCertificate {
  readonly subject: string;
  /** SHA-256 in hexadecimal, of the public key and of the whole certificate. */
  readonly publicKeySha256: string;
  readonly sha256: string;
}

export interface ConnectionStatus {
  readonly id: number;
  readonly kind: "Client" | "Leafnode";
  /** Of clients. */
  readonly type: "nats" | "websocket" | "mqtt" | undefined;
  readonly host: string;
  readonly port: number;
  /** Wall-clock times. */
  readonly startedMs: number;
  readonly lastActivityMs: number;
  /** Undefined while it lives. */
  readonly stoppedMs: number | undefined;
  readonly reason: string | undefined;
  readonly rttMs: number;
  readonly pendingBytes: number;
  readonly inMsgs: number;
  readonly outMsgs: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  /** Who it says it is, let in or not; a token is not shown. */
  readonly user: string;
  /** The global account before it is let in. */
  readonly account: string;
  /** The same as people know it. */
  readonly accountLabel: string;
  /** The JWT that the client has shown, and the tags in it. */
  readonly jwt: string;
  readonly tags: readonly string[];
  /** Undefined in the clear. */
  readonly tls: TlsStatus | undefined;
  /** The public nkey of the trusted proxy that has vouched for it. */
  readonly proxyKey: string | undefined;
  /** For users with an nkey their account; "" otherwise. */
  readonly issuerKey: string;
  readonly subscriptionCount: number;
  /** Only if they were asked for. */
  readonly subscriptions: readonly SubscriptionStatus[] | undefined;
}

export type ConnectionState = "open" | "closed" | "any";

export interface ConnectionQuery {
  readonly state: ConnectionState;
  readonly id?: number;
  readonly account?: string;
  readonly user?: string;
  readonly withSubscriptions?: boolean;
}

export interface ConnectionList {
  /** Connections in the state and account that were asked for, whatever the other filters. */
  readonly total: number;
  readonly connections: ConnectionStatus[];
}

/** Connections that one turn of the loop looks at. */
const PER_TURN = 1024;

/** The connections that fit a query, in no order. An id that is open and closed is found open. */
export async function collectConnections(server: Server, query: ConnectionQuery): Promise<ConnectionList> {
  const { state, id, account, user } = query;
  const wanted = (one: ConnectionStatus): boolean => !user || one.user === user;
  let total = 0;
  const connections: ConnectionStatus[] = [];
  if (state !== "closed") {
    const open = [...server.clients.values()].filter((client) => !account || accountName(client) === account);
    total += open.length;
    const candidates = id === undefined ? open : open.filter((client) => client.id === id);
    for (const [at, client] of candidates.entries()) {
      if (at > 0 && at % PER_TURN === 0) await nextTurn(server);
      const status = connectionStatus(client, query.withSubscriptions === true);
      if (wanted(status)) connections.push(status);
    }
    const leafs = server.reports.leafs().filter((leaf) => !account || leaf.account === account);
    total += leafs.length;
    for (const leaf of leafs) {
      const status = leafConnectionStatus(leaf);
      if (wanted(status) && (id === undefined || leaf.id === id)) connections.push(status);
    }
  }
  if (state === "open") return { total, connections };
  const closed = server.closed.list().filter((one) => !account || one.account === account);
  total += closed.length;
  for (const one of closed) {
    if (!wanted(one) || (id !== undefined && (one.id !== id || connections.length > 0))) continue;
    connections.push(query.withSubscriptions === true ? one : { ...one, subscriptions: undefined });
  }
  return { total, connections };
}

/** The open connections added up; what they count is since each began. */
export interface ConnectionTotals {
  readonly connections: number;
  readonly pendingBytes: number;
  readonly subscriptions: number;
  readonly inMsgs: number;
  readonly outMsgs: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export async function collectConnectionTotals(server: Server): Promise<ConnectionTotals> {
  const open = [...server.clients.values()];
  const totals = { pendingBytes: 0, subscriptions: 0, inMsgs: 0, outMsgs: 0, inBytes: 0, outBytes: 0 };
  for (const [at, client] of open.entries()) {
    if (at > 0 && at % PER_TURN === 0) await nextTurn(server);
    totals.pendingBytes += client.closed ? 0 : client.pendingBytes;
    totals.subscriptions += client.subscriber.subscriptions.size;
    totals.inMsgs += client.inMsgs;
    totals.outMsgs += client.outMsgs;
    totals.inBytes += client.inBytes;
    totals.outBytes += client.outBytes;
  }
  return { connections: open.length, ...totals };
}

/** Resolves in the next turn of the loop, so that others get theirs in between. */
export function nextTurn(server: Server): Promise<void> {
  return new Promise((resolve) => server.runtime.clock.endOfTurn(resolve));
}

/** A leaf link among the connections; with `reason` one that has just ended. */
export function leafConnectionStatus(leaf: LeafStatus, end?: { stoppedMs: number; reason: string }): ConnectionStatus {
  return {
    ...leaf,
    kind: "Leafnode",
    type: undefined,
    stoppedMs: end?.stoppedMs,
    reason: end?.reason,
    lang: "",
    accountLabel: leaf.account,
    jwt: "",
    tags: [],
    tls: undefined,
    proxyKey: undefined,
    issuerKey: "",
    subscriptionCount: leaf.interestCount,
    subscriptions: undefined,
  };
}

export function connectionStatus(client: ClientConnection, withSubscriptions: boolean): ConnectionStatus {
  const { connect, admission } = client;
  const { clock } = client.hub.runtime;
  const { subscriptions } = client.subscriber;
  return {
    id: client.id,
    kind: "Client",
    type: client.wayIn?.shownType ?? "nats",
    host: client.remoteAddress,
    port: client.remotePort,
    startedMs: client.startedMs,
    lastActivityMs: clock.nowMs() - (clock.monotonicMs() - client.lastActivityAt),
    stoppedMs: client.closedMs === 0 ? undefined : client.closedMs,
    reason: client.closeReason,
    rttMs: client.rttMs,
    pendingBytes: client.closed ? 0 : client.pendingBytes,
    inMsgs: client.inMsgs,
    outMsgs: client.outMsgs,
    inBytes: client.inBytes,
    outBytes: client.outBytes,
    name: connect.name,
    lang: connect.lang,
    version: connect.version,
    user: loginName(client).name,
    account: accountName(client),
    accountLabel: client.account?.label ?? GLOBAL_ACCOUNT,
    jwt: admission?.login === undefined || admission.login.fromCallout ? "" : connect.jwt,
    tags: admission?.login?.claims.tags ?? [],
    tls: tlsStatus(client),
    proxyKey: client.proxyKey,
    issuerKey: issuerKey(client),
    subscriptionCount: subscriptions.size,
    subscriptions: withSubscriptions ? Array.from(subscriptions.values(), subscriptionStatus) : undefined,
  };
}

// The key that signed its JWT, or its account.
function issuerKey({ admission }: ClientConnection): string {
  if (admission?.login !== undefined) return admission.login.claims.issuer;
  return admission?.user?.nkey === undefined ? "" : admission.account.name;
}

function tlsStatus({ transport: { tls }, tlsFirst }: ClientConnection): TlsStatus | undefined {
  if (tls === undefined) return undefined;
  const peerCertificates = tls.peerCertificates.map((der) => {
    const { subject, publicKeySha256, sha256 } = readCertificate(der);
    return { subject: fullSubjectText(subject), publicKeySha256, sha256 };
  });
  return { version: tls.version, cipherSuite: tls.cipherSuite, first: tlsFirst, peerCertificates };
}

export function subscriptionStatus(subscription: Subscription): SubscriptionStatus {
  const { subject, queue, sid, delivered, max, target } = subscription;
  return { subject, queue, sid, delivered, max, connection: target instanceof ClientConnection ? target.id : 0 };
}

function accountName(client: ClientConnection): string {
  return client.account?.name ?? GLOBAL_ACCOUNT;
}

/** Who has sent a request, and what the options allow them. */
export interface Requester {
  readonly user: string;
  readonly account: string;
  /** The account and the user as people know them; "" for a user without such a name. */
  readonly accountLabel: string;
  readonly userLabel: string;
  /** Subjects are latin1. Undefined: everything is allowed. */
  readonly permissions: ResolvedPermissions | undefined;
}

/** Who a message comes from; undefined for the server itself, or a source that is no client. */
export function requesterOf(source: DeliveryTarget | undefined): Requester | undefined {
  if (!(source instanceof ClientConnection)) return undefined;
  const permissions = source.admission?.user?.permissionsOption;
  const account = accountName(source);
  const accountLabel = source.account?.label ?? account;
  const userLabel = source.admission?.login?.claims.name ?? "";
  return { user: source.userName, account, accountLabel, userLabel, permissions };
}
