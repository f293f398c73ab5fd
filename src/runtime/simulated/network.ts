// One host's view of the simulated network.
import type {
  FetchOptions,
  HttpRequest,
  HttpResponse,
  HttpText,
  Listener,
  ListenHttpOptions,
  ListenOptions,
  Network,
  Transport,
} from "../network.js";
import type { TlsContext, TlsSettings } from "../tls.js";
import type { Station } from "./station.js";
import type { SimulatedWires } from "./wires.js";

export class SimulatedNetwork implements Network {
  private readonly wires: SimulatedWires;
  private readonly station: Station;

  constructor(wires: SimulatedWires, station: Station) {
    this.wires = wires;
    this.station = station;
  }

  async listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener> {
    return this.wires.open(this.station, options, { accept: onConnection });
  }

  dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
    return this.wires.dial(this.station, options);
  }

  async listenHttp(
    options: ListenHttpOptions,
    handle: (request: HttpRequest) => Promise<HttpResponse>,
  ): Promise<Listener> {
    return this.wires.open(this.station, options, { handle });
  }

  /** Nothing is encrypted here: transports have no `secure`, and HTTPS is HTTP. */
  tlsContext(settings: TlsSettings): TlsContext {
    return { settings, expiresMs: undefined };
  }

  /** Sends an HTTP request to a simulated host and gives its answer; rejects as `dial` does. */
  request(options: {
    host: string;
    port: number;
    url: string;
    method?: string;
    headers?: Record<string, string>;
    timeoutMs?: number;
  }): Promise<HttpResponse> {
    const { host, port, url, method = "GET", headers = {}, timeoutMs = 10_000 } = options;
    const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return this.wires.request(
      this.station,
      { host, port, timeoutMs },
      { method, url, headers: lowerCase, remoteAddress: "" },
    );
  }

  async fetchText(url: string, limits: FetchOptions): Promise<HttpText> {
    const { hostname, port, pathname, search } = new URL(url);
    const where = { host: hostname, port: Number(port) || 80, timeoutMs: limits.timeoutMs };
    const { status, body = "" } = await this.request({ ...where, url: pathname + search });
    const bytes = Buffer.from(body);
    const text = bytes.toString("utf8");
    if (text.length > limits.maxBodyBytes) throw new RangeError(`body is longer than ${limits.maxBodyBytes} bytes`);
    return { status, statusText: "", body: text, bytes };
  }

  interfaceAddresses(): string[] {
    return [this.station.address];
  }

  hostname(): string {
    return this.station.name;
  }
}
