// What is particular about a client that has come in by WebSocket: its INFO, its cookies, its timeouts.
import type { ConnectOptions } from "../protocol/connect.js";
import type { ServerInfo } from "../protocol/info.js";
import { parseIpAddress } from "../protocol/ip-address.js";
import type { WayIn } from "../server/clients/way-in.js";
import { readCookies } from "./cookies.js";
import type { RequestHead } from "./request-head.js";

/** What all clients of a listener share. */
export interface WebsocketClients {
  readonly pingIntervalMs?: number;
  readonly authTimeoutMs?: number;
  readonly jwtCookie?: string;
  readonly userCookie?: string;
  readonly passCookie?: string;
  readonly tokenCookie?: string;
  info(): Partial<ServerInfo>;
}

/** Credentials from cookies; undefined: there is no such cookie. */
interface CookieLogin {
  readonly jwt: string | undefined;
  readonly user: string | undefined;
  readonly pass: string | undefined;
  readonly authToken: string | undefined;
}

export class WebsocketClient implements WayIn {
  readonly type = "WEBSOCKET";
  readonly shownType = "websocket";
  readonly idLabel = "wid";
  readonly forwardedFor: string | undefined;
  private readonly shared: WebsocketClients;
  private readonly login: CookieLogin | undefined;

  constructor(shared: WebsocketClients, { headers }: RequestHead) {
    this.shared = shared;
    this.forwardedFor = forwardedAddress(headers.get("x-forwarded-for"));
    this.login = cookieLogin(shared, headers.get("cookie"));
  }

  get pingIntervalMs(): number | undefined {
    return this.shared.pingIntervalMs;
  }

  get authTimeoutMs(): number | undefined {
    return this.shared.authTimeoutMs;
  }

  info(): Partial<ServerInfo> {
    return this.shared.info();
  }

  complete(connect: ConnectOptions): void {
    const { login } = this;
    if (login === undefined) return;
    connect.jwt ||= login.jwt ?? "";
    connect.user ||= login.user ?? "";
    connect.pass ||= login.pass ?? "";
    connect.authToken ||= login.authToken ?? "";
  }
}

function cookieLogin(names: WebsocketClients, header: string | undefined): CookieLogin | undefined {
  const { jwtCookie, userCookie, passCookie, tokenCookie } = names;
  if (header === undefined || !(jwtCookie || userCookie || passCookie || tokenCookie)) return undefined;
  const cookies = readCookies(header);
  const of = (name: string | undefined): string | undefined => (name ? cookies.get(name) : undefined);
  return { jwt: of(jwtCookie), user: of(userCookie), pass: of(passCookie), authToken: of(tokenCookie) };
}

// The first address of the list; what is no address is nobody's.
function forwardedAddress(header: string | undefined): string | undefined {
  const first = header?.split(",", 1)[0].trim() ?? "";
  if (parseIpAddress(first) === undefined) return undefined;
  return first.includes(":") ? `[${first}]` : first;
}
