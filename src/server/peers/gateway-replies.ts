// Reply subjects of requests that came from another cluster. Between servers they stand behind the way back, which names the
// cluster and the server that asks; clients never see it (conformance/topology, WIRE.md 3.3).
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";

/** What the room for gateways does with them. */
export interface GatewayReplies {
  /** A message with a reply subject came from another server: takes the way back off it, and keeps it for the answer. */
  arrived(account: Account, message: Message): void;
  /** The subject behind a way back that ends at this server; undefined for every other subject. */
  ownSubject(subject: string): string | undefined;
}
