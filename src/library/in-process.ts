// An official client's connection without a socket: nats-core's protocol over a pipe into the server. nats-core has one
// transport factory for the whole process, which belongs to the application; so the connection brings its own transport.
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import type * as NatsCore from "@nats-io/nats-core/internal";
import { NATSNODE_VERSION } from "../protocol/version.js";
import type { Transport, TransportHandler } from "../runtime/network.js";

/** `server.connect()` needs the optional package `@nats-io/nats-core`, of a version it knows. */
export class NatsCoreError extends Error {
  override readonly name = "NatsCoreError";
  readonly code = "NATS_CORE";
}

/** What `server.connect()` takes: everything that does not say where the server is. */
export type InProcessOptions = Omit<
  ConnectionOptions,
  "servers" | "port" | "tls" | "resolve" | "noRandomize" | "ignoreClusterUpdates"
>;

/** The server's side. */
export interface InProcessServer {
  /** Whether it takes connections. */
  readonly accepting: boolean;
  /** The client's end of a new connection to it. */
  open(): Transport;
}

type Core = typeof NatsCore;

/** The parts of a connection that nats-core keeps to itself. */
interface Handler {
  prepare(): Promise<void>;
}
interface Connection {
  options: ConnectionOptions;
  protocol: NatsCore.ProtocolHandler;
}

/** How the server is called in the connection's own words. */
const SERVER_NAME = "in-process";

/**
 * Connects and logs in. The connection reconnects, as the options say, while the server runs, and closes with the server.
 * @throws {NatsCoreError} when the package is missing
 * @throws nats-core's own errors, as its other transports do
 */
export async function connectInProcess(server: InProcessServer, options: InProcessOptions): Promise<NatsConnection> {
  const core = await loadCore();
  const connection: Connection = Reflect.construct(core.NatsConnectionImpl, [
    { ...options, servers: SERVER_NAME, resolve: false, ignoreClusterUpdates: true },
  ]);
  const handler = new core.ProtocolHandler(connection.options, connection as unknown as NatsCore.Publisher);
  const inner = handler as unknown as Handler;
  if (typeof inner.prepare !== "function") {
    throw new NatsCoreError("this version of @nats-io/nats-core is not supported: it prepares connections otherwise");
  }
  inner.prepare = () => prepare(core, handler, server);
  await handler.dialLoop();
  connection.protocol = handler;
  return connection as unknown as NatsConnection;
}

let loading: Promise<Core> | undefined;

function loadCore(): Promise<Core> {
  loading ??= import("@nats-io/nats-core/internal").catch((error: unknown) => {
    loading = undefined;
    throw new NatsCoreError("server.connect() needs the package @nats-io/nats-core", { cause: error });
  });
  return loading;
}

/** Readies the handler for a new attempt; the promise is the answer to the ping that follows the login. */
function prepare(core: Core, handler: NatsCore.ProtocolHandler, server: InProcessServer): Promise<void> {
  (handler.transport as NatsCore.Transport | undefined)?.discard();
  handler.info = undefined;
  handler.resetOutbound();
  const loggedIn = core.deferred<void>();
  loggedIn.catch(() => {});
  handler.pongs.unshift(loggedIn);
  handler.connectError = (error) => loggedIn.reject(error);
  const transport = new InProcessTransport(core, server);
  handler.transport = transport;
  void transport.closed().then((error) => {
    handler.connected = false;
    const why = error ?? handler.lastError;
    if (handler.connectError !== undefined) {
      handler.connectError(why ?? new core.errors.ConnectionError("connection closed"));
    } else if (!handler.isClosed()) {
      if (!server.accepting) handler.options.reconnect = false;
      void handler.disconnected(why);
    }
  });
  return loggedIn;
}

/** nats-core's view of one end of a pipe. */
class InProcessTransport implements NatsCore.Transport, TransportHandler {
  readonly lang = "natsnode";
  readonly version = NATSNODE_VERSION;
  isClosed = false;
  closeError: Error | undefined;
  readonly #core: Core;
  readonly #server: InProcessServer;
  readonly #ended: NatsCore.Deferred<Error | undefined>;
  readonly #greeted: NatsCore.Deferred<void>;
  #pipe: Transport | undefined;
  #chunks: Uint8Array[] = [];
  #arrived: NatsCore.Deferred<void>;

  constructor(core: Core, server: InProcessServer) {
    this.#core = core;
    this.#server = server;
    this.#ended = core.deferred();
    this.#greeted = core.deferred();
    this.#arrived = core.deferred();
    this.#greeted.catch(() => {});
  }

  async connect(): Promise<void> {
    if (!this.#server.accepting) throw new this.#core.errors.ConnectionError("connection refused");
    this.#pipe = this.#server.open();
    this.#pipe.start(this);
    await this.#greeted;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      yield* chunks;
      if (this.#chunks.length > 0) continue;
      if (this.isClosed) return;
      this.#arrived = this.#core.deferred();
      await this.#arrived;
    }
  }

  isEncrypted(): boolean {
    return false;
  }

  send(frame: Uint8Array): void {
    if (!this.isClosed) this.#pipe?.write([frame]);
  }

  async close(error?: Error): Promise<void> {
    this.#pipe?.end();
    this.#end(error);
  }

  disconnect(): void {
    void this.close();
  }

  closed(): Promise<Error | undefined> {
    return this.#ended;
  }

  discard(): void {
    this.isClosed = true;
    this.#pipe?.destroy();
    this.#arrived.resolve();
  }

  onData(chunk: Buffer, start: number, end: number): void {
    const copy = new Uint8Array(end - start);
    copy.set(chunk.subarray(start, end));
    this.#chunks.push(copy);
    this.#greeted.resolve();
    this.#arrived.resolve();
  }

  onDrain(): void {}

  onEnd(): void {}

  onClose(error?: Error): void {
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closeError = error;
    this.#greeted.reject(error ?? new this.#core.errors.ConnectionError("connection closed"));
    this.#arrived.resolve();
    this.#ended.resolve(error);
  }
}
