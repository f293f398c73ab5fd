// The wires between simulated hosts: names, dialling, connections, and the faults that tests inject. Everything they decide
// comes from the seed.
import { platformError } from "../errors.js";
import type { HttpRequest, HttpResponse, Listener, ListenOptions, Transport } from "../network.js";
import type { HostClock, VirtualTime } from "./clock.js";
import { ConnectionEnd, type Endpoint } from "./connection.js";
import { Flight, Link, type LinkOptions, type LinkState } from "./link.js";
import { SimulatedNetwork } from "./network.js";
import type { SimulatedRandom } from "./random.js";
import { freePort, isAny, isLoopback, type Service, type Station, stationOf } from "./station.js";

const LOOPBACK = "127.0.0.1";
const FIRST_RETRY_MS = 1_000;

const loopbackLink: LinkOptions = { latencyMs: 0.02, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };

interface Connection {
  ends: [ConnectionEnd, ConnectionEnd];
  stations: [Station, Station];
}

/** The wires between all hosts of a simulation. Hosts are named; a fault between a host and itself concerns its loopback. */
export class SimulatedWires {
  /** What a link between two hosts is like until `link` says otherwise. */
  defaults: LinkOptions = { latencyMs: 0.5, jitterMs: 0.2, bytesPerSecond: Number.POSITIVE_INFINITY };
  /** Hears of every packet and connection, one line each; two runs from one seed say the same. */
  trace: ((line: string) => void) | undefined;
  private readonly time: VirtualTime;
  private readonly random: SimulatedRandom;
  private readonly stations = new Map<string, Station>();
  private readonly links = new Map<string, Link>();
  private readonly connections = new Set<Connection>();
  private readonly refused = new Set<string>();
  private opened = 0;

  constructor(time: VirtualTime, random: SimulatedRandom) {
    this.time = time;
    this.random = random;
  }

  /** Connects a new host and gives its view of the network. */
  join(name: string, clock: HostClock): SimulatedNetwork {
    const number = this.stations.size + 1;
    const address = `10.0.${number >> 8}.${number & 255}`;
    const station = stationOf(name, address, clock);
    this.stations.set(name, station);
    return new SimulatedNetwork(this, station);
  }

  /** Sets what both directions between two hosts are like. */
  link(a: string, b: string, options: Partial<LinkOptions>): void {
    for (const link of this.both(a, b)) link.options = { ...link.options, ...options };
  }

  /** Cuts the wire: connections are reset, dialling fails with EHOSTUNREACH. */
  cut(a: string, b: string): void {
    this.change(a, b, "cut");
    this.reset(a, b);
  }

  /** Packets vanish from now on and nobody is told; with `oneWay` only those from `a` to `b`. */
  cutSilently(a: string, b: string, options: { oneWay?: boolean } = {}): void {
    this.change(a, b, "silent", options.oneWay);
  }

  /** Repairs both directions; what vanished on connections that still live is sent again. */
  heal(a: string, b: string): void {
    this.change(a, b, "up");
  }

  /** Both ends of every connection between the hosts are told ECONNRESET. */
  reset(a: string, b: string): void {
    for (const connection of this.between(a, b)) for (const end of connection.ends) end.fail("ECONNRESET");
  }

  /** Connections between the hosts end with ETIMEDOUT for `a`; `b` learns of it only by sending something. */
  halfOpen(a: string, b: string): void {
    for (const { ends, stations } of this.between(a, b)) ends[stations[0].name === a ? 0 : 1].fail("ETIMEDOUT");
  }

  /** Lets dialling this port fail with ECONNREFUSED although something may listen there; `false` ends it. */
  refuse(host: string, port: number, on = true): void {
    if (on) this.refused.add(`${host}:${port}`);
    else this.refused.delete(`${host}:${port}`);
  }

  /** The host loses power: its connections and listeners are gone without a word. */
  crash(name: string): void {
    const station = this.station(name);
    station.up = false;
    station.life++;
    station.services = [];
    for (const { ends, stations } of [...this.connections]) {
      if (stations[0] === station) ends[0].vanish();
      if (stations[1] === station) ends[1].vanish();
      if (stations.includes(station)) for (const end of ends) end.linkChanged();
    }
  }

  /** The host's programs are killed: their listeners close, and the system closes their connections, as it does on SIGKILL. */
  kill(name: string): void {
    const station = this.station(name);
    station.life++;
    station.services = [];
    for (const { ends, stations } of [...this.connections]) {
      for (const side of [0, 1] as const) if (stations[side] === station) ends[side].orphan();
    }
  }

  /** The host is reachable again; what still arrives for its old connections is answered with a reset. */
  restart(name: string): void {
    const station = this.station(name);
    station.up = true;
    for (const { ends, stations } of this.connections) {
      if (stations.includes(station)) for (const end of ends) end.linkChanged();
    }
  }

  /** For `SimulatedNetwork`. */
  dial(from: Station, to: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
    return this.reach(from, to, (target, service, remote) => {
      if (service.accept === undefined) throw platformError("ECONNRESET", "connect", `${to.host}:${to.port}`);
      const local = { address: remote.address === LOOPBACK ? LOOPBACK : from.address, port: freePort(from) };
      const { ends } = this.connect([from, target], [local, remote]);
      const accept = service.accept;
      target.clock.endOfTurn(() => accept(ends[1]));
      return { value: ends[0] as Transport, lost: () => ends[0].vanish() };
    });
  }

  /** For `SimulatedNetwork`. */
  async request(
    from: Station,
    to: { host: string; port: number; timeoutMs: number },
    request: HttpRequest,
  ): Promise<HttpResponse> {
    const answer = await this.reach(from, to, (target, service) => {
      if (service.handle === undefined) throw platformError("ECONNRESET", "read", `${to.host}:${to.port}`);
      const { handle } = service;
      const remoteAddress = target === from ? LOOPBACK : from.address;
      const value = new Promise<HttpResponse>((resolve) => {
        target.clock.endOfTurn(() => resolve(answerOrFailure(handle, { ...request, remoteAddress })));
      });
      return { value: () => value, lost: () => {} };
    });
    return answer();
  }

  /** For `SimulatedNetwork`. */
  open(station: Station, options: ListenOptions, service: Pick<Service, "accept" | "handle">): Listener {
    const address = this.listenAddress(station, options.host);
    const port = options.port === 0 ? freePort(station) : options.port;
    const clash = station.services.some(
      (other) => other.port === port && (isAny(other.address) || isAny(address) || other.address === address),
    );
    if (clash) throw platformError("EADDRINUSE", "listen", `${options.host}:${port}`);
    const entry: Service = { address, port, ...service };
    station.services.push(entry);
    return {
      host: address,
      port,
      close: () =>
        new Promise((resolve) => {
          station.services = station.services.filter((other) => other !== entry);
          station.clock.endOfTurn(resolve);
        }),
    };
  }

  /**
   * Sends a question to a service until it gets there, then `meet`s it and brings back what that gives, or rejects. `lost` is
   * called when nobody waits for the answer any more.
   */
  private reach<T>(
    from: Station,
    to: { host: string; port: number; timeoutMs: number },
    meet: (target: Station, service: Service, at: Endpoint) => { value: T; lost: () => void },
  ): Promise<T> {
    const { life } = from;
    return new Promise((resolve, reject) => {
      const about = `${to.host}:${to.port}`;
      let waiting = true;
      const timer = from.clock.after(to.timeoutMs, () => {
        waiting = false;
        reject(Object.assign(new Error(`dial tcp ${about}: i/o timeout`), { code: "ETIMEDOUT", syscall: "connect" }));
      });
      const finish = (outcome: () => void): void => {
        waiting = false;
        timer.cancel();
        from.clock.whenAwake(outcome);
      };
      const found = this.resolve(from, to.host);
      if ("code" in found) {
        from.clock.endOfTurn(() => finish(() => reject(platformError(found.code, found.syscall, to.host))));
        return;
      }
      const { target, address } = found;
      const there = this.linkOf(from, target);
      const back = this.linkOf(target, from);
      const alive = (): boolean => waiting && from.life === life;
      const travel = (link: Link, then: () => void): void => {
        this.time.after(link.arrivalMs(this.time.sinceStartMs, 0) - this.time.sinceStartMs, then);
      };
      const bring = (outcome: () => void, lost: () => void): void => {
        travel(back, () => {
          if (!alive()) lost();
          else if (this.passes(target, from)) finish(outcome);
          else this.time.after(FIRST_RETRY_MS, () => bring(outcome, lost));
        });
      };
      const arrive = (): void => {
        const refused = this.refused.has(`${target.name}:${to.port}`);
        const service = target.services.find((s) => s.port === to.port && (isAny(s.address) || s.address === address));
        if (service === undefined || refused) {
          bring(
            () => reject(platformError("ECONNREFUSED", "connect", about)),
            () => {},
          );
          return;
        }
        try {
          const met = meet(target, service, { address, port: to.port });
          bring(() => resolve(met.value), met.lost);
        } catch (error) {
          bring(
            () => reject(error),
            () => {},
          );
        }
      };
      const ask = (retryMs: number): void => {
        travel(there, () => {
          if (!alive()) return;
          if (there.state === "cut" || back.state === "cut")
            finish(() => reject(platformError("EHOSTUNREACH", "connect", about)));
          else if (this.passes(from, target) && this.passes(target, from)) arrive();
          else this.time.after(retryMs, () => ask(retryMs * 2));
        });
      };
      ask(FIRST_RETRY_MS);
    });
  }

  private connect(stations: [Station, Station], [a, b]: [Endpoint, Endpoint]): Connection {
    const random = this.random.fork(`connection ${++this.opened}`);
    const closed = (): void => {
      if (connection.ends.every((end) => !end.isOpen)) this.connections.delete(connection);
    };
    const connection: Connection = {
      ends: [
        new ConnectionEnd(stations[0].clock, random, a, b, closed),
        new ConnectionEnd(stations[1].clock, random, b, a, closed),
      ],
      stations,
    };
    for (const side of [0, 1] as const) {
      const from = stations[side];
      const to = stations[1 - side];
      const label = `${from.name}:${connection.ends[side].localPort} ${to.name}:${connection.ends[side].remotePort}`;
      const flight = new Flight(
        this.time,
        this.linkOf(from, to),
        random,
        () => this.passes(from, to),
        (packet) => {
          const bytes = packet.kind === "data" ? packet.data.length : packet.kind === "ack" ? packet.bytes : 0;
          this.trace?.(`${this.time.sinceStartMs.toFixed(6)} ${label} ${packet.kind} ${bytes}`);
          connection.ends[1 - side].receive(packet);
        },
      );
      connection.ends[side].connect(flight);
    }
    this.connections.add(connection);
    this.trace?.(
      `${this.time.sinceStartMs.toFixed(6)} ${stations[0].name}:${a.port} ${stations[1].name}:${b.port} open`,
    );
    return connection;
  }

  private passes(from: Station, to: Station): boolean {
    return to.up && this.linkOf(from, to).state === "up";
  }

  private change(a: string, b: string, state: LinkState, oneWay = false): void {
    const links = this.both(a, b);
    for (const link of oneWay ? links.slice(0, 1) : links) link.state = state;
    for (const { ends } of this.between(a, b)) for (const end of ends) end.linkChanged();
  }

  private between(a: string, b: string): Connection[] {
    const pair = [this.station(a), this.station(b)];
    return [...this.connections].filter(
      ({ stations: [x, y] }) => (x === pair[0] && y === pair[1]) || (x === pair[1] && y === pair[0]),
    );
  }

  private both(a: string, b: string): Link[] {
    const [x, y] = [this.station(a), this.station(b)];
    return x === y ? [this.linkOf(x, y)] : [this.linkOf(x, y), this.linkOf(y, x)];
  }

  private linkOf(from: Station, to: Station): Link {
    const name = `${from.name} ${to.name}`;
    let link = this.links.get(name);
    if (link === undefined) {
      link = new Link(from === to ? loopbackLink : this.defaults, this.random.fork(`link ${name}`));
      this.links.set(name, link);
    }
    return link;
  }

  private station(name: string): Station {
    const station = this.stations.get(name);
    if (station === undefined) throw platformError("ENOTFOUND", "getaddrinfo", name);
    return station;
  }

  private resolve(
    from: Station,
    host: string,
  ): { target: Station; address: string } | { code: string; syscall: string } {
    if (isLoopback(host)) return { target: from, address: LOOPBACK };
    for (const target of this.stations.values()) {
      if (target.name === host || target.address === host) return { target, address: target.address };
    }
    if (/^[\d.]+$|:/.test(host)) return { code: "EHOSTUNREACH", syscall: "connect" };
    return { code: "ENOTFOUND", syscall: "getaddrinfo" };
  }

  private listenAddress(station: Station, host: string): string {
    if (isAny(host)) return host === "" ? "0.0.0.0" : host;
    if (isLoopback(host)) return LOOPBACK;
    if (host === station.name || host === station.address) return station.address;
    const found = this.resolve(station, host);
    if ("code" in found && found.code === "ENOTFOUND") throw platformError(found.code, found.syscall, host);
    throw platformError("EADDRNOTAVAIL", "listen", host);
  }
}

async function answerOrFailure(
  handle: (request: HttpRequest) => Promise<HttpResponse>,
  request: HttpRequest,
): Promise<HttpResponse> {
  try {
    return await handle(request);
  } catch {
    return { status: 500, body: "Internal Server Error\n" };
  }
}
