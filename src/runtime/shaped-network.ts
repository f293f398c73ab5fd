// A network whose connections can be cut, stalled, slowed and healed, on top of another one: what `natsnode lab` is made of.
// A connection is shaped where it is dialled, in both directions.
import type { Clock } from "./clock.js";
import { Inbox } from "./inbox.js";
import type {
  HttpText,
  Listener,
  ListenHttpOptions,
  ListenOptions,
  Network,
  Transport,
  TransportHandler,
} from "./network.js";
import type { TlsContext, TlsPeer, TlsSession, TlsSettings } from "./tls.js";

/** How a link is now. */
export interface LinkShape {
  /** Connections are closed, and new ones refused. */
  cut: boolean;
  /** Nothing moves, as when packets are lost; connections stay open. */
  stalled: boolean;
  /** Added to each direction. */
  latencyMs: number;
}

/** The links between named places. What is not known by its port is nobody's place and never shaped. */
export class Links {
  readonly #clock: Clock;
  readonly #places = new Map<number, string>();
  readonly #shapes = new Map<string, LinkShape>();
  readonly #connections = new Map<string, Set<ShapedTransport>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What listens on `port` is at `place`. */
  listens(place: string, port: number): void {
    this.#places.set(port, place);
  }

  /** The link between two places, whichever dials. */
  between(a: string, b: string): LinkShape {
    const key = keyOf(a, b);
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      shape = { cut: false, stalled: false, latencyMs: 0 };
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  /** Changes a link; connections over it feel it at once. */
  shape(a: string, b: string, change: Partial<LinkShape>): void {
    const shape = this.between(a, b);
    Object.assign(shape, change);
    for (const connection of [...(this.#connections.get(keyOf(a, b)) ?? [])]) {
      if (shape.cut) connection.destroy();
      else connection.changed();
    }
  }

  /** The network as it is seen from a place. */
  from(place: string, network: Network): Network {
    return new ShapedNetwork(
      network,
      (port) => this.#placeAt(port, place),
      (transport, other) => this.#join(transport, place, other),
    );
  }

  #placeAt(port: number, from: string): { place: string; refuses: boolean } | undefined {
    const place = this.#places.get(port);
    return place === undefined || place === from ? undefined : { place, refuses: this.between(from, place).cut };
  }

  #join(transport: Transport, a: string, b: string): Transport {
    const key = keyOf(a, b);
    const all = this.#connections.get(key) ?? new Set();
    this.#connections.set(key, all);
    const shaped = new ShapedTransport(transport, this.between(a, b), this.#clock, () => all.delete(shaped));
    all.add(shaped);
    return shaped;
  }
}

const keyOf = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

/** A dial over a link that is cut; like a port that nobody listens on. */
class CutError extends Error {
  override readonly name = "CutError";
  readonly code = "ECONNREFUSED";
}

class ShapedNetwork implements Network {
  readonly #inner: Network;
  readonly #placeAt: (port: number) => { place: string; refuses: boolean } | undefined;
  readonly #join: (transport: Transport, place: string) => Transport;

  constructor(
    inner: Network,
    placeAt: (port: number) => { place: string; refuses: boolean } | undefined,
    join: (transport: Transport, place: string) => Transport,
  ) {
    this.#inner = inner;
    this.#placeAt = placeAt;
    this.#join = join;
  }

  async dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
    const target = this.#placeAt(options.port);
    if (target?.refuses) throw new CutError(`the link to ${target.place} is cut`);
    const transport = await this.#inner.dial(options);
    return target === undefined ? transport : this.#join(transport, target.place);
  }

  listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener> {
    return this.#inner.listen(options, onConnection);
  }
  listenHttp(options: ListenHttpOptions, handle: Parameters<Network["listenHttp"]>[1]): Promise<Listener> {
    return this.#inner.listenHttp(options, handle);
  }
  fetchText(url: string, limits: { timeoutMs: number; maxBodyBytes: number }): Promise<HttpText> {
    return this.#inner.fetchText(url, limits);
  }
  tlsContext(settings: TlsSettings): TlsContext {
    return this.#inner.tlsContext(settings);
  }
  interfaceAddresses(which?: { readonly loopback: boolean }): string[] {
    return this.#inner.interfaceAddresses(which);
  }
  hostname(): string {
    return this.#inner.hostname();
  }
}

/** Something that is due on one side of a connection. */
interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** What passes in one direction, in order, each piece not before it is due and not while the link is stalled. */
class Lane {
  readonly #shape: LinkShape;
  readonly #clock: Clock;
  readonly #queue: Due[] = [];
  #armed = false;

  constructor(shape: LinkShape, clock: Clock) {
    this.#shape = shape;
    this.#clock = clock;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  pass(run: () => void): void {
    this.#queue.push({ at: this.#clock.monotonicMs() + this.#shape.latencyMs, run });
    this.move();
  }

  /** Lets through what is due. */
  move(): void {
    if (this.#armed || this.#shape.stalled) return;
    const next = this.#queue[0];
    if (next === undefined) return;
    const waitMs = next.at - this.#clock.monotonicMs();
    if (waitMs > 0) {
      this.#armed = true;
      this.#clock.after(waitMs, () => {
        this.#armed = false;
        this.move();
      });
      return;
    }
    this.#queue.shift();
    next.run();
    this.move();
  }
}

class ShapedTransport implements Transport, TransportHandler {
  readonly inProcess = false;
  readonly #inner: Transport;
  readonly #shape: LinkShape;
  readonly #left: () => void;
  readonly #out: Lane;
  readonly #in: Lane;
  readonly #inbox: Inbox;
  #waitingBytes = 0;
  #gone = false;

  constructor(inner: Transport, shape: LinkShape, clock: Clock, left: () => void) {
    this.#inner = inner;
    this.#shape = shape;
    this.#left = left;
    this.#out = new Lane(shape, clock);
    this.#in = new Lane(shape, clock);
    this.#inbox = new Inbox(
      (run) => clock.endOfTurn(run),
      () => {},
    );
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }
  get remotePort(): number {
    return this.#inner.remotePort;
  }
  get localAddress(): string {
    return this.#inner.localAddress;
  }
  get localPort(): number {
    return this.#inner.localPort;
  }
  get tls(): TlsSession | undefined {
    return this.#inner.tls;
  }
  get bufferedBytes(): number {
    return this.#waitingBytes + this.#inner.bufferedBytes;
  }

  /** The link has changed. */
  changed(): void {
    this.#in.move();
    this.#out.move();
  }

  start(handler: TransportHandler): void {
    this.#inbox.start(handler);
    this.#inner.start(this);
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#gone) return;
    const copy = Buffer.concat(chunks);
    this.#waitingBytes += copy.length;
    this.#out.pass(() => {
      this.#waitingBytes -= copy.length;
      this.#inner.write([copy]);
      if (this.#waitingBytes === 0 && this.#inner.bufferedBytes === 0) this.#inbox.drained();
    });
  }

  pause(): void {
    this.#inbox.pause();
  }
  resume(): void {
    this.#inbox.resume();
  }

  end(): void {
    this.#out.pass(() => this.#inner.end());
  }

  destroy(): void {
    this.#inner.destroy();
  }

  async secure(context: TlsContext, peer?: TlsPeer): Promise<TlsSession> {
    if (this.#inner.secure === undefined) throw new TypeError("this connection cannot be encrypted");
    return this.#inner.secure(context, peer);
  }

  onData(chunk: Buffer, start: number, end: number): void {
    const copy = Buffer.from(chunk.subarray(start, end));
    this.#in.pass(() => this.#inbox.push(copy));
  }

  onDrain(): void {
    if (this.#waitingBytes === 0) this.#inbox.drained();
  }

  onEnd(): void {
    this.#in.pass(() => this.#inbox.end());
  }

  onClose(error?: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#left();
    if (this.#shape.cut) this.#inbox.abort(error);
    else this.#in.pass(() => this.#inbox.close(error));
  }
}
