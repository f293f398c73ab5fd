// What new options, or new claims of an account, mean for leaf nodes that are connected: some go, most notice nothing.
import { ErrorText } from "../protocol/error-texts.js";
import { CloseReason } from "../server/close-reason.js";
import type { Server } from "../server/server.js";
import type { LeafConnection } from "./leaf.js";
import { admitLeaf, credentialsOf, originOf } from "./leaf-login.js";

/** Checks the login of a leaf node that was let in against what counts now. Logins that need time are decided later. */
export function reviewLeaf(server: Server, link: LeafConnection): void {
  const { connect, admission } = link;
  if (connect === undefined || admission === undefined || link.closed) return;
  const { authenticator, operatorMode } = server;
  const { granted } = admission;
  if (granted?.login !== undefined && operatorMode !== undefined) {
    const review = operatorMode.review(granted);
    if (review.outcome === "revoked") link.refuse(ErrorText.userAuthenticationRevoked, CloseReason.revocation);
    else if (review.outcome !== "kept") refuse(link);
    else if (review.permissionsChanged) again(link);
    return;
  }
  if (granted === undefined) {
    const now = admitLeaf(server, link, connect);
    if (now instanceof Promise) now.then((decided) => decided ?? refuse(link)).catch(() => refuse(link));
    else if (now === undefined) refuse(link);
    else if (now.account !== admission.account) again(link);
    return;
  }
  const apply = (review: Awaited<ReturnType<typeof authenticator.review>>): void => {
    if (link.closed) return;
    if (review.outcome === "refused") refuse(link);
    else if (review.outcome === "moved" || review.permissionsChanged) again(link);
  };
  const review = authenticator.review(granted, credentialsOf(connect), originOf(link));
  if (review instanceof Promise) review.then(apply).catch(() => refuse(link));
  else apply(review);
}

function refuse(link: LeafConnection): void {
  if (!link.closed) link.refuse(ErrorText.authorization, CloseReason.authenticationViolation);
}

// It comes back to what it may do now.
function again(link: LeafConnection): void {
  link.close(CloseReason.clientClosed);
}
