// What an operator can do to one client.
import { CloseReason } from "../close-reason.js";
import type { Server } from "../server.js";

/** Closes a client. Returns false if there is none of this id. */
export function kickClient(server: Server, id: number): boolean {
  const client = server.clients.get(id);
  client?.close(CloseReason.kicked);
  return client !== undefined || server.kickLeaf?.(id) === true;
}

/** Tells a client to connect elsewhere; it stays connected. "deaf": it does not understand that, or not yet. */
export function sendClientAway(server: Server, id: number): "told" | "unknown" | "deaf" {
  const client = server.clients.get(id);
  if (client === undefined) return "unknown";
  return client.info.tellLameDuck() ? "told" : "deaf";
}
