// The URL of another server's listener for servers: nats-route://[user[:password]@]host[:port]; any scheme, or none.

export interface PeerUrl {
  /** As given. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Reads a URL; undefined when it is none. */
export function parsePeerUrl(text: string, defaultPort: number): PeerUrl | undefined {
  try {
    const url = new URL(text.includes("://") ? text : `nats://${text}`);
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (host === "") return undefined;
    const { username, password } = url;
    return {
      text,
      host,
      port: url.port === "" ? defaultPort : Number(url.port),
      user: username === "" ? undefined : decodeURIComponent(username),
      password: username === "" ? undefined : decodeURIComponent(password),
    };
  } catch {
    // No URL, or a login with broken escapes.
    return undefined;
  }
}
