// What a server says of itself to a server of another cluster that it has dialled (conformance/topology, WIRE.md section 3).
import type { ResolvedOptions } from "../options/options.js";
import type { PeerConnect } from "../protocol/peer-info.js";
import type { PeerUrl } from "../server/peers/peer-url.js";
import type { Server } from "../server/server.js";

/** CONNECT, with the login that the URL holds. */
export function gatewayConnect(
  { id, options }: Server,
  { name, tls }: NonNullable<ResolvedOptions["gateway"]>,
  { user, password }: PeerUrl,
): PeerConnect {
  return {
    echo: false,
    verbose: false,
    pedantic: false,
    user,
    pass: password,
    tls_required: tls !== undefined,
    headers: !options.noHeaderSupport,
    name: id,
    gateway: name,
  };
}
