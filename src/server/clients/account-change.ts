// What a change of an account while the server runs (a new JWT, its end) means for the clients that are in it.
import type { Account } from "../../accounts/account.js";
import type { AccountChange } from "../../auth/jwt/claimed-accounts.js";
import type { OperatorMode } from "../../auth/jwt/operator-mode.js";
import { ErrorText } from "../../protocol/error-texts.js";
import { CloseReason } from "../close-reason.js";
import { applyPermissions } from "../reload.js";
import type { ClientConnection } from "./client.js";

/** Closes clients that may not stay and gives the others what they may do now. `clients`: all, the oldest first. */
export function applyAccountChange(
  account: Account,
  change: AccountChange,
  clients: Iterable<ClientConnection>,
  operatorMode: OperatorMode,
): void {
  if (account.connections === 0) return;
  const { maxConnections } = account.limits;
  let kept = 0;
  for (const client of [...clients]) {
    if (client.account !== account || client.closed) continue;
    client.forgetRoutes();
    if (change === "expired") client.login.expire(ErrorText.accountAuthenticationExpired);
    else if (maxConnections >= 0 && kept + account.connectionsElsewhere >= maxConnections) tooMany(client);
    else {
      kept++;
      reviewClient(client, operatorMode);
    }
  }
}

/** Closes the latest clients of an account until it is within its limit over all servers. `clients`: all, the oldest first. */
export function closeExcess(account: Account, clients: Iterable<ClientConnection>): void {
  const { maxConnections } = account.limits;
  if (maxConnections < 0) return;
  const excess = account.connections + account.connectionsElsewhere - maxConnections;
  if (excess <= 0) return;
  const own = [...clients].filter((client) => client.account === account && !client.closed);
  for (const client of own.slice(-excess)) tooMany(client);
}

function tooMany(client: ClientConnection): void {
  client.sendError(ErrorText.maximumAccountConnections);
  client.close(CloseReason.maxAccountConnectionsExceeded);
}

function reviewClient(client: ClientConnection, operatorMode: OperatorMode): void {
  if (client.admission === undefined) return;
  const review = operatorMode.review(client.admission);
  switch (review.outcome) {
    case "violation":
      client.login.refuse();
      return;
    case "revoked":
      client.sendError(ErrorText.userAuthenticationRevoked);
      client.close(CloseReason.revocation);
      return;
    case "signer gone":
      client.close(CloseReason.authenticationViolation);
      return;
    case "kept":
      client.admission = review.admission;
      if (review.permissionsChanged) applyPermissions(client, review.admission.permissions);
      if (!client.subscriber.isAtLimit()) return;
      client.sendError(ErrorText.maximumSubscriptions);
      client.close(CloseReason.maxSubscriptionsExceeded);
  }
}
