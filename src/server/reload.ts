// What new options mean for the clients that are connected: some go, some lose subscriptions, most notice nothing
// (conformance/wire, FACTS "Closing, reload, lame duck").
import type { Review } from "../auth/authenticator.js";
import type { Permissions } from "../auth/permissions.js";
import { ErrorText, quoted, subscribeViolation } from "../protocol/error-texts.js";
import type { ClientConnection } from "./clients/client.js";
import { loginName } from "./clients/client-label.js";
import { CloseReason } from "./close-reason.js";
import type { Hub } from "./hub.js";

/** Checks every client against the hub's present options and authenticator. Logins that need time are decided later. */
export function applyToClients(clients: Iterable<ClientConnection>, hub: Hub): void {
  const { authenticator } = hub;
  for (const client of [...clients]) {
    client.forgetRoutes();
    if (client.proxyKey !== undefined && !hub.authenticator.trustedProxies.trusts(client.proxyKey)) {
      client.login.refuse(CloseReason.proxyNotTrusted);
      continue;
    }
    if (client.account === undefined) continue;
    if (client.admission === undefined) {
      // It was served without a login; CONNECT had not come yet.
      if (authenticator.requires(client.connectionType)) client.login.refuse();
      continue;
    }
    const review = authenticator.review(client.admission, client.login.credentials(), client.login.origin());
    if (!(review instanceof Promise)) applyReview(client, review);
    else {
      review.then(
        (decided) => {
          // A later reload has looked at it again.
          if (hub.authenticator === authenticator) applyReview(client, decided);
        },
        (error: unknown) => {
          client.error(`authentication failed: ${String(error)}`);
          client.login.refuse();
        },
      );
    }
  }
}

/** Closes clients, the latest first, until there are no more than max_connections. */
export function applyMaxConnections(clients: ReadonlyMap<number, ClientConnection>, hub: Hub): void {
  const excess = clients.size - Math.max(0, hub.options.maxConnections);
  if (excess <= 0) return;
  for (const client of [...clients.values()].slice(-excess)) {
    client.sendError(ErrorText.maximumConnections);
    client.close(CloseReason.maxConnectionsExceeded);
  }
  hub.logger.info(`Closed ${excess} connections to fall within max_connections`);
}

function applyReview(client: ClientConnection, review: Review): void {
  if (client.closed) return;
  if (review.outcome === "refused") client.login.refuse();
  else if (review.outcome === "moved") client.close(CloseReason.clientClosed);
  else {
    client.admission = review.admission;
    if (review.permissionsChanged) applyPermissions(client, review.admission.permissions);
  }
}

/** Gives a client other permissions; subscriptions that they do not allow end, and it is told. */
export function applyPermissions(client: ClientConnection, permissions: Permissions | undefined): void {
  client.setPermissions(permissions);
  if (permissions === undefined) return;
  for (const subscription of [...client.subscriber.subscriptions.values()]) {
    const { subject, queue, sid } = subscription;
    if (permissions.canSubscribe(subject, queue)) continue;
    client.subscriber.drop(subscription);
    client.sendError(subscribeViolation(subject, queue, sid));
    const group = queue === undefined ? "" : ` using queue ${quoted(queue)}`;
    const user = loginName(client).name;
    client.hub.logger.info(
      `Removed sub ${quoted(subject)}${group} (sid ${quoted(sid)}) for User ${JSON.stringify(user)} - not authorized`,
    );
  }
}
