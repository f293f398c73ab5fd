// Another cluster: how it is reached, and the connection to it.
import type { ResolvedOptions } from "../options/options.js";
import type { PeerTls } from "../server/peers/peer-tls.js";
import { type PeerUrl, parsePeerUrl } from "../server/peers/peer-url.js";
import { gatewayHash } from "../server/peers/way-back.js";
import type { GatewayConnection } from "./gateway.js";
import { DEFAULT_GATEWAY_PORT, MAX_URLS } from "./limits.js";

type RemoteOptions = NonNullable<ResolvedOptions["gateway"]>["gateways"][number];

export class RemoteCluster {
  readonly name: string;
  readonly hash: string;
  /** Undefined for one that was learned from others. */
  options: RemoteOptions | undefined;
  /** TLS to it, where that is not what the options say of all gateways. */
  tls: PeerTls | undefined;
  /** The connection that this server sends on, once it is registered. */
  outbound: GatewayConnection | undefined;
  /** Attempts in a row that did not lead to a connection. */
  failures = 0;
  // Host and port of its servers, as they have told.
  #learned = new Set<string>();

  constructor(name: string, options: RemoteOptions | undefined) {
    this.name = name;
    this.hash = gatewayHash(name);
    this.options = options;
  }

  /** Whether the options name it; then it is dialled until it is there. */
  get isConfigured(): boolean {
    return this.options !== undefined;
  }

  /** The URLs of the options. */
  get configuredUrls(): PeerUrl[] {
    const { url, urls = [] } = this.options ?? {};
    return urlsOf(url === undefined ? urls : [url, ...urls]);
  }

  /** All URLs that it can be reached at; learned ones get the login of the configured ones, or this one. */
  urls(login: Pick<PeerUrl, "user" | "password">): PeerUrl[] {
    const configured = this.configuredUrls;
    const { user, password } = configured.find((url) => url.user !== undefined) ?? login;
    const known = new Set(configured.map(({ host, port }) => `${host} ${port}`));
    const learned = urlsOf([...this.#learned]).filter(({ host, port }) => !known.has(`${host} ${port}`));
    return [...configured, ...learned.map((url) => ({ ...url, user, password }))];
  }

  /** What is told to others: host and port of its servers. */
  get toldUrls(): string[] {
    return [...this.#learned];
  }

  /** Takes what was told of its servers, besides what was told before or instead of it. Returns whether that was news. */
  learn(urls: readonly string[], instead = false): boolean {
    const before = this.#learned;
    const now = new Set([...(instead ? [] : before), ...urls].slice(0, MAX_URLS));
    this.#learned = now;
    return now.size !== before.size || [...now].some((url) => !before.has(url));
  }
}

function urlsOf(texts: readonly string[]): PeerUrl[] {
  return texts.map((text) => parsePeerUrl(text, DEFAULT_GATEWAY_PORT)).filter((url) => url !== undefined);
}
