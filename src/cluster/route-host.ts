// What a route needs of the cluster that it belongs to, and what it tells it.
import type { Account } from "../accounts/account.js";
import type { PeerConnect, PeerInfo } from "../protocol/peer-info.js";
import type { CloseReason } from "../server/close-reason.js";
import type { ValidKind } from "../subjects/validity.js";
import type { PeerAccount } from "./peer-account.js";
import type { RouteConnection } from "./route.js";

/** What a route needs of the cluster that it belongs to. */
export interface RouteHost {
  readonly clusterName: string;
  /** INFO about this server for a route. */
  infoFor(route: RouteConnection): PeerInfo;
  connectFor(route: RouteConnection): PeerConnect;
  /** Whether the login of a server that has dialled is right. */
  admits(route: RouteConnection, connect: PeerConnect): boolean | Promise<boolean>;
  /** Takes on the name of another cluster if this server's own is a random one that has to give way. */
  takesName(name: string, dynamic: boolean, from: string): boolean;
  /** The other side has introduced itself. Returns whether the route stays. */
  register(route: RouteConnection, info: PeerInfo): boolean;
  /** INFO on a route that is established. */
  informed(route: RouteConnection, info: PeerInfo): void;
  /** The other side has answered a ping. */
  confirmed(route: RouteConnection): void;
  left(route: RouteConnection, reason: CloseReason): void;
  /** What the other side wants of an account (latin1). */
  peerAccount(route: RouteConnection, account: string): PeerAccount;
  /** The other side is interested. Returns whether the route stays. */
  subscribed(route: RouteConnection, target: PeerAccount, interest: TakenInterest): boolean;
  /** By its name, latin1. */
  accountNamed(name: string): Account | undefined;
  mayImport(subject: string): boolean;
}

/** An interest of another server; names are latin1. */
export interface TakenInterest {
  readonly subject: string;
  readonly kind: ValidKind;
  readonly queue: string | undefined;
  /** The cluster of the leaf node that has it; undefined for the server's own. */
  readonly origin: string | undefined;
  readonly weight: number;
}
