// What is particular about clients that do not come in by the client listener: rooms with a listener of their own hand it in
// with each connection.
import type { ConnectionType } from "../../auth/users.js";
import type { ConnectOptions } from "../../protocol/connect.js";
import type { ServerInfo } from "../../protocol/info.js";

export interface WayIn {
  /** As `allowed_connection_types` names it. */
  readonly type: ConnectionType;
  /** As monitoring names it. */
  readonly shownType: "websocket" | "mqtt";
  /** What stands before the client's number in log lines. */
  readonly idLabel: "wid" | "mid";
  /** Where a proxy in front says that the client is; anybody can say so, so it only stands in log lines. */
  readonly forwardedFor: string | undefined;
  /** Undefined: the same as for other clients. */
  readonly pingIntervalMs: number | undefined;
  readonly authTimeoutMs: number | undefined;
  /** What INFO says differently. */
  info(): Partial<ServerInfo>;
  /** Adds what CONNECT has left out. */
  complete(connect: ConnectOptions): void;
}
