// What the rooms for other servers tell of their connections, as plain data, for monitoring and statistics.

/** A connection to another server. */
export interface PeerStatus {
  readonly id: number;
  readonly remoteId: string;
  readonly remoteName: string;
  /** Whether this side has dialled. */
  readonly solicited: boolean;
  /** Whether it is dialled because the configuration says so. */
  readonly configured: boolean;
  readonly host: string;
  readonly port: number;
  readonly startedMs: number;
  readonly lastActivityMs: number;
  /** 0 until it was measured. */
  readonly rttMs: number;
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
  readonly pendingBytes: number;
  readonly compression: string;
}

export interface RouteStatus extends PeerStatus {
  /** The account with a connection of its own. */
  readonly account: string | undefined;
  /** Subjects that the other side is interested in, latin1. */
  readonly interests: () => readonly { readonly account: string; readonly subject: string; readonly queue?: string }[];
  readonly interestCount: number;
}

/** A leaf link, at either end. */
export interface LeafStatus {
  readonly id: number;
  readonly name: string;
  /** Whether this server is the leaf node. */
  readonly isSpoke: boolean;
  readonly isIsolated: boolean;
  readonly account: string;
  readonly host: string;
  readonly port: number;
  readonly startedMs: number;
  readonly lastActivityMs: number;
  readonly pendingBytes: number;
  /** Whom a leaf node has logged in as; "" where nobody has to. */
  readonly user: string;
  readonly version: string;
  readonly rttMs: number;
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
  readonly compression: string;
  readonly isWebSocket: boolean;
  readonly interestCount: number;
  /** Subjects that the other side is interested in, latin1. */
  readonly interests: () => readonly string[];
}

export type InterestMode = "Optimistic" | "Transitioning" | "Interest-Only";

/** What one side of a gateway knows of the other side's interest in an account. */
export interface GatewayAccountStatus {
  readonly name: string;
  readonly mode: InterestMode;
  /** Subjects, latin1. */
  readonly interests: readonly { readonly subject: string; readonly queue?: string }[];
  /** Subjects that are not sent, while everything else is. */
  readonly unwanted: readonly string[];
}

export interface GatewayStatus extends PeerStatus {
  /** The cluster at the other end. */
  readonly cluster: string;
  readonly accounts: () => readonly GatewayAccountStatus[];
  readonly interestCount: number;
}

/** Each room brings its own; what no room brings is empty. */
export interface PeerReports {
  routes(): readonly RouteStatus[];
  /** Servers of the cluster that it is connected to. */
  remoteServers(): number;
  leafs(): readonly LeafStatus[];
  /** Connections to other clusters: this server sends on those that it has dialled, and is sent to on the others. */
  gateways(): readonly GatewayStatus[];
}

export const NO_PEERS: PeerReports = Object.freeze({
  routes: () => [],
  remoteServers: () => 0,
  leafs: () => [],
  gateways: () => [],
});
