// A server in virtual time, and clients of it that speak bytes: minutes of pings and deadlines pass in no time.
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import type { Transport, TransportHandler } from "../../src/runtime/network.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import { LinesLogger } from "./local-server.js";

const PORT = 4222;
/** Enough for everything on the way to arrive. */
const SETTLE_MS = 5;

/** A client whose received bytes are one text, latin1. */
export class SimulatedClient implements TransportHandler {
  readonly transport: Transport;
  /** Everything received, the first INFO left out. */
  received = "";
  ended = false;
  closed = false;
  answersPings = false;
  private answered = 0;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.start(this);
  }

  send(data: string | Uint8Array): void {
    this.transport.write([typeof data === "string" ? Buffer.from(data, "latin1") : data]);
  }

  /** What was received since the last call, INFO lines shortened to "INFO". */
  take(): string {
    const text = this.received.replace(/INFO \{.*?\} ?\r\n/g, "INFO\r\n");
    this.received = "";
    this.answered = 0;
    return text;
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.received += chunk.toString("latin1", start, end);
    if (!this.answersPings) return;
    for (let at = this.received.indexOf("PING\r\n", this.answered); at >= 0; ) {
      this.send("PONG\r\n");
      this.answered = at + 6;
      at = this.received.indexOf("PING\r\n", this.answered);
    }
  }
  onDrain(): void {}
  onEnd(): void {
    this.ended = true;
  }
  onClose(): void {
    this.closed = true;
  }
}

export interface SimulatedServer {
  readonly world: SimulatedRuntime;
  readonly server: Server;
  readonly log: LinesLogger;
  /** Lets virtual time pass. */
  advance(ms: number): Promise<void>;
  /** Lets what is on its way arrive. */
  settle(): Promise<void>;
  /** Connects from a host, by default "clients", and takes INFO. */
  connect(from?: string): Promise<SimulatedClient>;
  /** Connects and logs in, quietly, with `connect` on top. */
  login(connect?: object, from?: string): Promise<SimulatedClient>;
}

/** Starts a server with these options on the host "main"; clients are on the host "clients". */
export async function startSimulatedServer(
  options: ServerOptions = {},
  world = simulatedRuntime({ seed: 7 }),
): Promise<SimulatedServer> {
  const log = new LinesLogger();
  const resolved = resolveOptions({ port: PORT, ...options, host: "0.0.0.0" });
  const server = createServer(resolved, { runtime: world, logger: log });
  await world.clock.settle(server.start());
  const settle = (): Promise<void> => world.clock.advance(SETTLE_MS);
  const connect = async (from = "clients"): Promise<SimulatedClient> => {
    const dialled = world.host(from).network.dial({ host: "main", port: server.advertised.port, timeoutMs: 1000 });
    const client = new SimulatedClient(await world.clock.settle(dialled));
    await settle();
    client.received = client.received.replace(/^INFO \{.*?\} ?\r\n/, "");
    return client;
  };
  return {
    world,
    server,
    log,
    advance: (ms) => world.clock.advance(ms),
    settle,
    connect,
    login: async (more = {}, from) => {
      const client = await connect(from);
      const connectJson = { verbose: false, pedantic: false, headers: true, no_responders: true, ...more };
      client.send(`CONNECT ${JSON.stringify(connectJson)}\r\n`);
      await settle();
      return client;
    },
  };
}
