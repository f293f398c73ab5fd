// A TCP proxy that stands between clients and a server and breaks their links on command.
import { createServer, connect as dial, type Socket } from "node:net";
import { atEndOf, type TestScope } from "./scope.js";

export interface SlowLink {
  /** Time every byte takes longer, one way, in milliseconds. Default 0. */
  latencyMs?: number;
  /** Of each connection, one way. Default: no limit. */
  bytesPerSecond?: number;
}

export interface CuttingProxy extends AsyncDisposable {
  /** For clients, such as `nats://127.0.0.1:40123`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Links that are open. */
  readonly links: number;
  /** Resets all links and every new one. */
  cut(): void;
  /** Nothing passes any more and nobody is told; links stay open, new ones open and stay silent. */
  freeze(): void;
  /** Delays what passes from now on. */
  slow(link: SlowLink): void;
  /** Ends cut, freeze and slow: what a freeze held back passes on. */
  heal(): void;
  /** Resets all links and stops listening. */
  close(): Promise<void>;
}

/** Bytes that a lane takes before it stops reading. */
const LANE_BYTES = 256 * 1024;
const HOST = "127.0.0.1";

/**
 * Starts a proxy on a free port of 127.0.0.1. `target`: the server, or the port or URL it listens on.
 * It is closed at the end of `scope`, or by `close()` or `await using` without one.
 */
export async function cuttingProxy(
  target: { readonly clientUrl: string } | string | number,
  scope?: TestScope,
): Promise<CuttingProxy> {
  const to = placeOf(target);
  const weather: Weather = { state: "fair", latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  const links = new Set<Link>();
  const wake = (): void => {
    for (const link of links) for (const lane of link.lanes) lane.pump();
  };
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (weather.state === "cut") {
      client.on("error", ignore);
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, dial({ ...to, allowHalfOpen: true, noDelay: true }), weather, () =>
      links.delete(link),
    );
    links.add(link);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, HOST, resolve);
  });
  const { port } = listener.address() as { port: number };
  const resetAll = (): void => {
    for (const link of links) link.reset();
  };
  let closing: Promise<void> | undefined;
  const proxy: CuttingProxy = {
    url: `nats://${HOST}:${port}`,
    host: HOST,
    port,
    get links() {
      return links.size;
    },
    cut() {
      weather.state = "cut";
      resetAll();
    },
    freeze() {
      weather.state = "frozen";
    },
    slow({ latencyMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }) {
      Object.assign(weather, { latencyMs, bytesPerSecond });
    },
    heal() {
      Object.assign(weather, { state: "fair", latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY });
      wake();
    },
    close() {
      closing ??= new Promise((resolve) => {
        listener.close(() => resolve());
        resetAll();
      });
      return closing;
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
  atEndOf(scope, () => proxy.close());
  return proxy;
}

interface Weather {
  state: "fair" | "frozen" | "cut";
  latencyMs: number;
  bytesPerSecond: number;
}

const ignore = (): void => {};

function placeOf(target: { readonly clientUrl: string } | string | number): { host: string; port: number } {
  if (typeof target === "number") return { host: HOST, port: target };
  const text = typeof target === "string" ? target : target.clientUrl;
  const url = new URL(text.includes("://") ? text : `nats://${text}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 4222) };
}

/** A client's connection and the one to the server. */
class Link {
  readonly lanes: readonly Lane[];
  readonly #sockets: readonly Socket[];

  constructor(client: Socket, server: Socket, weather: Weather, gone: () => void) {
    this.#sockets = [client, server];
    this.lanes = [new Lane(client, server, weather), new Lane(server, client, weather)];
    for (const socket of this.#sockets) {
      socket.on("error", () => this.reset());
      socket.on("close", () => {
        if (this.#sockets.every((one) => one.destroyed)) gone();
      });
    }
  }

  reset(): void {
    for (const lane of this.lanes) lane.stop();
    for (const socket of this.#sockets) if (!socket.destroyed) socket.resetAndDestroy();
  }
}

/** One direction of a link. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  // An undefined chunk is the end.
  #queue: { chunk: Buffer | undefined; dueMs: number }[] = [];
  #bytes = 0;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, weather: Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => this.#take(undefined));
    to.on("drain", () => this.pump());
  }

  /** Passes on what is due. */
  pump(): void {
    clearTimeout(this.#timer);
    while (this.#weather.state === "fair" && this.#queue.length > 0) {
      const [{ chunk, dueMs }] = this.#queue;
      const waitMs = this.#isSlow ? dueMs - performance.now() : 0;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(waitMs));
        return;
      }
      if (this.#to.writableNeedDrain) return;
      this.#queue.shift();
      if (chunk === undefined) this.#to.end();
      else {
        this.#bytes -= chunk.length;
        this.#to.write(chunk);
      }
    }
    if (this.#bytes < LANE_BYTES) this.#from.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  get #isSlow(): boolean {
    return this.#weather.latencyMs > 0 || this.#weather.bytesPerSecond < Number.POSITIVE_INFINITY;
  }

  #take(chunk: Buffer | undefined): void {
    const { latencyMs, bytesPerSecond } = this.#weather;
    const length = chunk?.length ?? 0;
    this.#freeAtMs = Math.max(performance.now(), this.#freeAtMs) + (length / bytesPerSecond) * 1000;
    this.#queue.push({ chunk, dueMs: this.#freeAtMs + latencyMs });
    this.#bytes += length;
    if (this.#bytes >= LANE_BYTES) this.#from.pause();
    this.pump();
  }
}
