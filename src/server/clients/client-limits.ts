// The limits of one client: the narrowest of those of the server, its account and its own login.
import type { ClientConnection } from "./client.js";

/** Most bytes of a message that it may publish. */
export function payloadLimit(client: ClientConnection): number {
  const { account, admission, hub } = client;
  const limit = narrower(account?.limits.maxPayloadBytes, hub.options.maxPayloadBytes);
  return narrower(admission?.login?.maxPayloadBytes, limit);
}

/** Most subscriptions; the account's limit counts for each of its clients. */
export function subscriptionLimit(client: ClientConnection): number {
  const { account, admission, hub } = client;
  const ofServer = hub.options.maxSubscriptions || Number.POSITIVE_INFINITY;
  const limit = narrower(account?.limits.maxSubscriptions, ofServer > 0 ? ofServer : Number.POSITIVE_INFINITY);
  return narrower(admission?.login?.maxSubscriptions, limit);
}

// Below 0: none.
function narrower(own: number | undefined, limit: number): number {
  return own !== undefined && own >= 0 ? Math.min(own, limit) : limit;
}
