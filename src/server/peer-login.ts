// The login of another server: one user and password of the options, which may be a bcrypt hash
// (https://docs.nats.io/running-a-nats-service/configuration/clustering/cluster_config).
import { sameText } from "../auth/secret.js";
import type { PeerConnection } from "./peer-connection.js";
import type { Server } from "./server.js";

/** What the options say. */
export interface PeerLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Whether what the other side says is the login of the options. A promise only for a hash; false where it cannot be compared. */
export function fitsPeerLogin(
  server: Server,
  connection: PeerConnection,
  { user, password = "" }: PeerLogin,
  said: { readonly user?: string | undefined; readonly pass?: string | undefined },
): boolean | Promise<boolean> {
  const isUser = sameText(user ?? "", said.user ?? "");
  const place = {
    source: connection.transport.remoteAddress,
    name: isUser ? (user ?? "") : "",
    isGone: () => connection.closed,
  };
  const fits = server.secrets.fits(password, said.pass ?? "", place);
  if (!(fits instanceof Promise)) return isUser && fits;
  return fits.then((fitted) => isUser && fitted).catch(() => false);
}
