// What the knowledge of other servers (peers.ts) leads to.
import type { PeerMessage, PeerSender } from "./peer-channel.js";

/** Hears of what concerns more than knowledge of streams. */
export interface PeerWork {
  heard(from: PeerSender, message: PeerMessage): void;
  /** Who is there, what they have, or who decides may be another now. */
  changed(): void;
  /** A server, by its id, has ended, or is out of reach. */
  lost(serverId: string): void;
  /** A stream has come or is gone. @param isGoneHere this server had it */
  nameChanged(account: string, name: string, isGoneHere: boolean): void;
  /** The server that decides is another now, or asks anew what this one has. */
  follow(): void;
}
