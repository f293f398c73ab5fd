// What a leaf link needs of its room: both sides of the handshake, and who is let in.
import type { Account } from "../accounts/account.js";
import type { Admission } from "../auth/authenticator.js";
import type { CompressionMode } from "../protocol/compression-mode.js";
import type { PeerConnect, PeerInfo } from "../protocol/peer-info.js";
import type { CloseReason } from "../server/close-reason.js";
import type { OverWebsocket } from "./dial.js";
import type { KeptApart } from "./jetstream-domains.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafRemote } from "./remote.js";

/** What a leaf link needs of its room. */
export interface LeafHost {
  /** The hub's INFO for a leaf node; with `account`, what follows its login. */
  infoFor(link: LeafConnection, login?: { account: Account; permissions: LeafTold }): PeerInfo;
  /** The leaf's INFO and CONNECT for its hub. */
  connectFor(link: LeafConnection, hub: PeerInfo): PeerConnect;
  /** INFO that only says how the leaf asks for compression. */
  modeFor(link: LeafConnection, mode: CompressionMode): PeerInfo;
  /** Decides on a login. */
  authenticate(
    link: LeafConnection,
    connect: PeerConnect,
  ): LeafAdmission | undefined | Promise<LeafAdmission | undefined>;
  /** Why a leaf node that has logged in is not taken; undefined: it is. */
  objection(link: LeafConnection, connect: PeerConnect): { text: string; reason: CloseReason } | undefined;
  /** The hub has introduced itself: why it is not taken; undefined: it is. */
  objectionToHub(link: LeafConnection, info: PeerInfo): { text: string; reason: CloseReason } | undefined;
  /** Whether the hub or the remote's options ask for a TLS handshake that was not made yet. */
  wantsTls(link: LeafConnection, info: PeerInfo): boolean;
  /** Makes it, with the hub. False: the link is over. */
  secure(link: LeafConnection): Promise<boolean>;
  /** INFO of a hub, whenever one comes. */
  informed(link: LeafConnection, info: PeerInfo): void;
  joined(link: LeafConnection): void;
  left(link: LeafConnection, reason: CloseReason): void;
  /** What of JetStream does not cross, with what the other end says of its domain. */
  keptApart(account: Account, domain: string | undefined, isHub: boolean): KeptApart;
  /** The subject by which this server finds its own interest coming back. */
  loopSubject(account: Account): string;
}

/** How a leaf link came to be. */
export interface LeafWay {
  /** What the hub offers for signing; "" at the leaf. */
  readonly nonce: string;
  /** What it was dialled for. */
  readonly remote?: LeafRemote;
  readonly webSocket?: OverWebsocket;
}

/** Permissions of a leaf node's user as the hub tells them. */
export type LeafTold = Pick<PeerInfo, "import" | "export">;

export interface LeafAdmission {
  readonly account: Account;
  readonly permissions: Admission["permissions"];
  readonly told: LeafTold;
  /** Undefined for the users of the leafnodes block. */
  readonly granted: Admission | undefined;
}
