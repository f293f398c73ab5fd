// The other side of a gateway, played by a test: it says what it is told to say and keeps what it hears.
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import { LinesLogger } from "./local-server.js";
import { SimulatedClient } from "./simulated-server.js";

const PEER_HOST = "peer";
const CLIENT_PORT = 4222;
export const GATEWAY_PORT = 7222;
const SETTLE_MS = 20;
/** The server dials other clusters a second after its start. */
const DIALLED_AFTER_MS = 1_100;

/** INFO of a server that starts optimistically, as those before 2.9 do. */
export const OLD_INFO = {
  server_id: "NOLD",
  server_name: "old",
  version: "2.8.4",
  proto: 1,
  host: PEER_HOST,
  port: GATEWAY_PORT,
  headers: true,
  max_payload: 1048576,
  gateway: "OLD",
  gateway_urls: [`${PEER_HOST}:${GATEWAY_PORT}`],
  gateway_url: `${PEER_HOST}:${GATEWAY_PORT}`,
  gateway_nrp: true,
};

export interface ScriptedWorld {
  readonly world: SimulatedRuntime;
  readonly server: Server;
  readonly log: LinesLogger;
  settle(ms?: number): Promise<void>;
  /** A client of the server that has logged in. */
  login(connect?: object): Promise<SimulatedClient>;
  /** Connects to the server's gateway port and takes its INFO. */
  dial(): Promise<SimulatedClient>;
  /** The same, and introduces itself. */
  dialAs(info: object): Promise<SimulatedClient>;
}

/** Starts a server of the cluster "HERE" with gateways, alone in a simulation. */
export async function startWithGateway(
  gateway: Partial<NonNullable<ServerOptions["gateway"]>> = {},
  options: ServerOptions = {},
): Promise<ScriptedWorld> {
  const world = simulatedRuntime({ seed: 3 });
  const log = new LinesLogger();
  const block = { name: "HERE", host: "0.0.0.0", port: GATEWAY_PORT, ...gateway };
  const resolved = resolveOptions({ ...options, host: "0.0.0.0", port: CLIENT_PORT, gateway: block });
  const server = createServer(resolved, { runtime: world, logger: log });
  await world.clock.settle(server.start());
  const settle = (ms = SETTLE_MS): Promise<void> => world.clock.advance(ms);
  const connect = async (host: string, port: number): Promise<SimulatedClient> => {
    const dialled = world.host(host).network.dial({ host: "main", port, timeoutMs: 1000 });
    const client = new SimulatedClient(await world.clock.settle(dialled));
    await settle();
    return client;
  };
  const dial = (): Promise<SimulatedClient> => connect(PEER_HOST, GATEWAY_PORT);
  return {
    world,
    server,
    log,
    settle,
    dial,
    login: async (more = {}) => {
      const client = await connect("clients", CLIENT_PORT);
      client.answersPings = true;
      client.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, ...more })}\r\n`);
      await settle();
      client.take();
      return client;
    },
    dialAs: async (info) => {
      const peer = await dial();
      peer.answersPings = true;
      const { gateway, server_id } = info as { gateway?: string; server_id?: string };
      peer.send(`CONNECT ${JSON.stringify({ name: server_id, gateway })}\r\nINFO ${JSON.stringify(info)}\r\n`);
      await settle();
      return peer;
    },
  };
}

/** Listens as the cluster that the server is to dial, and resolves with its first connection. */
export async function accept(world: ScriptedWorld): Promise<SimulatedClient> {
  const { network } = world.world.host(PEER_HOST);
  const accepted: SimulatedClient[] = [];
  const listening = network.listen({ host: "0.0.0.0", port: GATEWAY_PORT }, (transport) => {
    const peer = new SimulatedClient(transport);
    peer.answersPings = true;
    accepted.push(peer);
  });
  await world.world.clock.settle(listening);
  await world.settle(DIALLED_AFTER_MS);
  if (accepted.length === 0) throw new Error("the server has not dialled");
  return accepted[0];
}

/** The URL to put into the options for `accept`. */
export const PEER_URL = `nats://${PEER_HOST}:${GATEWAY_PORT}`;

/** An INFO that says where the interest of an account begins (2) or ends (3). */
export function interestCommand(gateway: string, command: 2 | 3, account: string): string {
  const payload = Buffer.from(account).toString("base64");
  return `INFO ${JSON.stringify({ gateway, gateway_cmd: command, gateway_cmd_payload: payload })}\r\n`;
}

/**
 * The lines that a peer has heard since the last call, payloads among them; without INFO, CONNECT, PING, PONG, and without
 * what concerns the system account.
 */
export function heard(peer: SimulatedClient): string[] {
  const text = peer.take().replace(/^[RH]MSG \$SYS .*\r\n.*\r\n/gm, "");
  return text.split("\r\n").filter((line) => !/^$|^(INFO|PING|PONG)$|^RS[+-] \$SYS |^CONNECT /.test(line));
}
