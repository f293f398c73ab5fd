// How far servers are: the way for clients of a super-cluster to find the cluster that is nearest. A server is asked as a
// client would ask it: connect, INFO, and a few PINGs where it answers those before a login.

import type { Clock } from "../runtime/clock.js";
import type { Network, Transport, TransportHandler } from "../runtime/network.js";
import type { Runtime } from "../runtime/runtime.js";
import { hostPort } from "../server/host-port.js";
import { type PeerUrl, parsePeerUrl } from "../server/peers/peer-url.js";

const DEFAULT_CLIENT_PORT = 4222;
const DEFAULT_WEBSOCKET_PORTS: Readonly<Record<string, number>> = { ws: 80, wss: 443 };
const DEFAULT_TIMEOUT_MS = 2_000;
/** A server's first line may have this size. */
const LONGEST_INFO_CHARS = 64 * 1024;
const PINGS = 3;

export interface ClosestOptions {
  /** Time for one server to answer; default 2 s. */
  readonly timeoutMs?: number;
}

/** What was measured of one server. */
export interface ServerDistance {
  /** As given. */
  readonly url: string;
  /** The shortest round trip in milliseconds; undefined if it could not be reached. */
  readonly rttMs: number | undefined;
  /** As INFO tells them. */
  readonly serverName?: string;
  readonly cluster?: string;
  /** It is in lame duck mode and wants no more clients. */
  readonly lameDuck: boolean;
  /** Why it could not be reached. */
  readonly error?: string;
}

type Told = Readonly<Record<string, unknown>>;

/**
 * Measures all servers at the same time. The nearest comes first, then those that want no more clients, then those that
 * cannot be reached, in the order given. Logins of URLs are used only where nothing but the round trip of a PING needs one,
 * and never over TLS, whose certificates are not looked at: there connecting and INFO count.
 * @throws {TypeError} a URL is none
 */
export async function measureServers(
  urls: readonly string[],
  { network, clock }: Pick<Runtime, "network" | "clock">,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: ClosestOptions = {},
): Promise<ServerDistance[]> {
  const parsed = urls.map((text) => {
    const scheme = /^([a-z]+):\/\//i.exec(text)?.[1].toLowerCase() ?? "nats";
    const url = parsePeerUrl(text, DEFAULT_WEBSOCKET_PORTS[scheme] ?? DEFAULT_CLIENT_PORT);
    if (url === undefined) throw new TypeError(`${JSON.stringify(text)} is not a URL of a server`);
    return { url, saysInfo: scheme === "nats" || scheme === "tls" };
  });
  const all = await Promise.all(parsed.map(({ url, saysInfo }) => measure(url, saysInfo, network, clock, timeoutMs)));
  return all.sort((a, b) => place(a) - place(b) || (a.rttMs ?? 0) - (b.rttMs ?? 0));
}

function place({ rttMs, lameDuck }: ServerDistance): number {
  return rttMs === undefined ? 2 : lameDuck ? 1 : 0;
}

async function measure(
  url: PeerUrl,
  saysInfo: boolean,
  network: Network,
  clock: Clock,
  timeoutMs: number,
): Promise<ServerDistance> {
  const { text, host, port } = url;
  const startedAt = clock.monotonicMs();
  let transport: Transport;
  try {
    transport = await network.dial({ host, port, timeoutMs });
  } catch (error) {
    return {
      url: text,
      rttMs: undefined,
      lameDuck: false,
      error: `${hostPort(host, port)}: ${(error as Error).message}`,
    };
  }
  const connectMs = clock.monotonicMs() - startedAt;
  if (!saysInfo) {
    transport.destroy();
    return { url: text, rttMs: connectMs, lameDuck: false };
  }
  const talk = new Talk(transport, url, clock);
  const timer = clock.after(timeoutMs, () => talk.end());
  await talk.done;
  timer.cancel();
  const { info = {}, infoAt, pingMs } = talk;
  const said = (key: string): string | undefined => (typeof info[key] === "string" ? info[key] : undefined);
  return {
    url: text,
    // Something between may have taken the connection. INFO comes two round trips after the first packet was sent.
    rttMs: pingMs.length > 0 ? Math.min(...pingMs) : Math.max(connectMs, ((infoAt ?? startedAt) - startedAt) / 2),
    serverName: said("server_name"),
    cluster: said("cluster"),
    lameDuck: info["ldm"] === true,
  };
}

/** A short conversation with a server. */
class Talk implements TransportHandler {
  info: Told | undefined;
  /** Monotonic time of INFO. */
  infoAt: number | undefined;
  readonly pingMs: number[] = [];
  readonly done: Promise<void>;
  readonly #transport: Transport;
  readonly #url: PeerUrl;
  readonly #clock: Clock;
  #finish: () => void = () => {};
  #input = "";
  #sentAt = 0;

  constructor(transport: Transport, url: PeerUrl, clock: Clock) {
    this.#transport = transport;
    this.#url = url;
    this.#clock = clock;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    transport.start(this);
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.#input += chunk.toString("latin1", start, end);
    if (this.#input.length > LONGEST_INFO_CHARS) this.end();
    for (let lineEnd = this.#input.indexOf("\r\n"); lineEnd >= 0; lineEnd = this.#input.indexOf("\r\n")) {
      const line = this.#input.slice(0, lineEnd);
      this.#input = this.#input.slice(lineEnd + 2);
      this.#heard(line);
    }
  }

  #heard(line: string): void {
    if (line.startsWith("INFO ")) {
      if (this.info !== undefined) return;
      this.info = readInfo(line.slice(5));
      this.infoAt = this.#clock.monotonicMs();
      if (this.info === undefined || !this.#mayLogIn(this.info)) this.end();
      else this.#logIn();
    } else if (line === "PONG") {
      this.pingMs.push(this.#clock.monotonicMs() - this.#sentAt);
      if (this.pingMs.length === PINGS) this.end();
      else this.#ping();
    } else if (line.startsWith("-ERR")) this.end();
  }

  #mayLogIn(info: Told): boolean {
    if (info["tls_required"] === true) return false;
    return info["auth_required"] !== true || this.#url.user !== undefined;
  }

  #logIn(): void {
    const { user, password } = this.#url;
    const login = user === undefined ? {} : password === undefined ? { auth_token: user } : { user, pass: password };
    const connect = { verbose: false, pedantic: false, lang: "natsnode", name: "natsnode closest", ...login };
    this.#transport.write([Buffer.from(`CONNECT ${JSON.stringify(connect)}\r\n`)]);
    this.#ping();
  }

  #ping(): void {
    this.#sentAt = this.#clock.monotonicMs();
    this.#transport.write([Buffer.from("PING\r\n")]);
  }

  /** Nothing more is to be learned. */
  end(): void {
    this.#transport.destroy();
    this.#finish();
  }

  onDrain(): void {}

  onEnd(): void {
    this.end();
  }

  onClose(): void {
    this.#finish();
  }
}

function readInfo(json: string): Told | undefined {
  try {
    const info: unknown = JSON.parse(json);
    return typeof info === "object" && info !== null ? (info as Told) : undefined;
  } catch {
    return undefined;
  }
}
