// What a login comes with: what the client says of itself, and where it comes from.
import type { TlsSession } from "../runtime/tls.js";
import type { ConnectionType } from "./users.js";

/** What CONNECT says of the client. Empty counts as absent. */
export interface Credentials {
  user?: string;
  pass?: string;
  authToken?: string;
  nkey?: string;
  sig?: string;
  jwt?: string;
  /** What else it says of itself; for callout services. */
  name?: string;
  lang?: string;
  version?: string;
  protocol?: number;
}

/** Where the credentials came from. `nonce` is what INFO offered for signing, "" for none. */
export interface Origin {
  readonly type: ConnectionType;
  readonly nonce: string;
  readonly remoteAddress: string;
  readonly inProcess: boolean;
  /** Whether the client has gone, so that nobody needs to know any more. */
  readonly isGone?: () => boolean;
  /** Whether it was let in before and is looked at again. */
  readonly isConnected?: boolean;
  /** The server's number for it; for callout services. */
  readonly connectionId?: number;
  /** The certificate that the client has shown, in DER; verified. */
  readonly certificate?: Uint8Array;
  /** What its TLS handshake agreed on; for applications. */
  readonly tls?: TlsSession;
  /** The public nkey of the trusted proxy that has vouched for it. */
  readonly proxyKey?: string;
  /** Called with what the log should say of the login; `level` is the one of its line. */
  readonly note?: (text: string, level: "debug" | "error") => void;
  /** Called when a login is refused because it has to come through a trusted proxy and does not. */
  readonly onProxyRequired?: () => void;
}
