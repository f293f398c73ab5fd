// What the room for routes does for the other rooms.
import type { Message } from "../../accounts/message.js";
import type { PeerInfo } from "../../protocol/peer-info.js";

export interface ClusterLink {
  /** Sends INFO to a server of the cluster, by default to each. */
  tell(info: PeerInfo, serverId?: string): void;
  /** Sends a message of an account (latin1) to one server as it is, wanted there or not. Nothing happens if it is not there. */
  forward(serverId: string, account: string, message: Message): void;
}
