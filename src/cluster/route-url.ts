// The URL of another server's cluster listener: nats-route://[user[:password]@]host[:port]
import { DEFAULT_ROUTE_PORT } from "./limits.js";

export interface RouteUrl {
  /** As given. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Reads a URL; undefined when it is none. */
export function parseRouteUrl(text: string): RouteUrl | undefined {
  let url: URL;
  try {
    url = new URL(text.includes("://") ? text : `nats-route://${text}`);
  } catch {
    return undefined;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "") return undefined;
  const { username, password } = url;
  return {
    text,
    host,
    port: url.port === "" ? DEFAULT_ROUTE_PORT : Number(url.port),
    user: username === "" ? undefined : decodeURIComponent(username),
    password: username === "" ? undefined : decodeURIComponent(password),
  };
}

/** The same URL as monitoring and logs may show it. */
export function withoutPassword({ text }: RouteUrl): string {
  return text.replace(/^([a-z-]+:\/\/[^:@/]*):[^@/]*@/i, "$1:xxxxx@");
}
