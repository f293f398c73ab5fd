// Lines of another server that were generated, damaged and cut into random chunks, for the routes of a server in memory.
import assert from "node:assert/strict";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { silentLogger } from "../runtime/logger.js";
import type { Listener, Network, Transport } from "../runtime/network.js";
import { Prng } from "../runtime/prng.js";
import { damaged, FuzzedWire, handDrivenRuntime } from "../runtime/simulated/fuzzed-wire.js";
import { Server } from "../server/server.js";
import { ClusterRoom } from "./room.js";

const MAX_PAYLOAD_BYTES = 300;
const ROUTE_PORT = 6222;

const SETTINGS: readonly NonNullable<ServerOptions["cluster"]>[] = [
  { poolSize: -1 },
  { poolSize: 3, accounts: ["A"] },
  { poolSize: 2, compression: { mode: "s2_fast" } },
  { poolSize: -1, compression: { mode: "off" }, authorization: { user: "u", password: "p" } },
  { permissions: { publish: { allow: ["b.>"] }, subscribe: { deny: ["d.>"] } } },
];

/**
 * Sends random sessions of another server, each once whole and once in random chunks. Rejects with AssertionError when an
 * exception ends a connection, the two are answered differently or lead to different deliveries, or something is left behind.
 */
export async function fuzzRouteProtocol(runs: number, seed = 1): Promise<void> {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(seed | 0, 0);
  const prng = new Prng(bytes);
  const worlds: World[] = [];
  for (const settings of SETTINGS) worlds.push(await World.make(settings));
  for (let run = 0; run < runs; run++) {
    const world = worlds[prng.below(worlds.length)];
    const session = randomSession(prng);
    const input = prng.below(3) === 0 ? session : damaged(session, prng, MORSELS);
    const shown = (): string => `run ${run}: ${JSON.stringify(input.toString("latin1")).replace(/x{99,}/g, "x...")}`;
    const whole = await world.connect();
    whole.feed(input);
    const first = whole.finish();
    const pieces = await world.connect();
    pieces.feedInPieces(input, prng);
    assert.deepEqual(pieces.finish(), first, shown());
    assert.deepEqual(world.exceptions, [], shown());
    world.checkEmpty(shown());
  }
}

/** A server whose turns of the loop end when it is told so, with a client that hears everything. */
class World {
  readonly exceptions: string[] = [];
  private readonly server: Server;
  private readonly room: ClusterRoom;
  private readonly endTurn: () => void;
  private readonly accepting = new Map<number, (transport: Transport) => void>();
  private ownInterest: ReadonlyMap<string, number> = new Map();
  private client!: FuzzedWire;

  static async make(cluster: NonNullable<ServerOptions["cluster"]>): Promise<World> {
    const world = new World(cluster);
    await world.server.start();
    world.client = new FuzzedWire(world.endTurn);
    world.server.handle(world.client);
    world.client.feed(
      Buffer.from('CONNECT {"verbose":false,"headers":true}\r\nSUB > 1\r\nSUB a q 2\r\nSUB *.c q 3\r\n'),
    );
    const accounts = [...world.server.accounts.all()];
    world.ownInterest = new Map(accounts.map((account) => [account.name, account.sublist.size]));
    return world;
  }

  private constructor(cluster: NonNullable<ServerOptions["cluster"]>) {
    const { runtime: driven, endTurn } = handDrivenRuntime();
    this.endTurn = endTurn;
    const listen: Network["listen"] = async ({ host, port }, accept): Promise<Listener> => {
      this.accepting.set(port, accept);
      return { host, port, close: async () => {} };
    };
    const network: Network = Object.create(driven.network, { listen: { value: listen } });
    const error = (message: string): void => {
      if (message.includes("internal error")) this.exceptions.push(message);
    };
    const options: ServerOptions = {
      maxPayloadBytes: MAX_PAYLOAD_BYTES,
      accounts: { A: {}, B: {}, SYS: {} },
      systemAccount: "SYS",
      cluster: { name: "C", port: ROUTE_PORT, ...cluster },
    };
    const runtime = { ...driven, network };
    this.server = new Server(resolveOptions(options), { runtime, logger: { ...silentLogger, error } });
    this.room = new ClusterRoom(this.server);
    this.server.use(this.room);
  }

  /** A route that another server has dialled, with what the client got since the last one. */
  async connect(): Promise<FuzzedRoute> {
    this.client.output = "";
    const route = new FuzzedRoute(this.endTurn, this.client);
    this.accepting.get(ROUTE_PORT)?.(route);
    while (!route.started) await Promise.resolve();
    this.endTurn();
    return route;
  }

  checkEmpty(shown: string): void {
    const { peers, routes } = this.room;
    assert.deepEqual([peers.size, routes.size], [0, 0], shown);
    for (const { name, sublist } of this.server.accounts.all()) {
      assert.equal(sublist.size, this.ownInterest.get(name), `${name}: ${shown}`);
    }
    assert.deepEqual(this.server.clientUrls.clients, [], shown);
  }
}

class FuzzedRoute extends FuzzedWire {
  readonly #client: FuzzedWire;

  constructor(endTurn: () => void, client: FuzzedWire) {
    super(endTurn);
    this.#client = client;
  }

  /** What was answered, and what the client got. The connection ends with it. */
  finish(): { answer: string; delivered: string; closedEarly: boolean } {
    // Compressed output depends on where the turns end.
    const [plain] = this.output.split("\xff\x06\0\0S2sTwO");
    const answer = plain.replace(/INFO \{.*?\} ?\r\n/g, "INFO\r\n");
    const delivered = this.#client.output.replace(/INFO \{.*?\} ?\r\n/g, "");
    const closedEarly = this.ended;
    this.handler?.onClose();
    this.endTurn();
    return { answer, delivered, closedEarly };
  }
}

const ACCOUNTS = ["$G", "A", "B", "SYS", "NONE", "$SYS"];
const SUBJECTS = [
  "a",
  "b.c",
  "d.e",
  "*",
  "a.*",
  ">",
  "a..b",
  "x*",
  "\xff\x01",
  "$SYS.A",
  "_R_.x",
  "_GR_.a.b.c",
  "a.b.c.d.e",
];
const QUEUES = ["q", "q2", "\xff"];
const CONNECTS = [
  '{"name":"N","cluster":"C","lnoc":true}',
  '{"name":"N","cluster":"C","user":"u","pass":"p"}',
  '{"name":"N","cluster":"other"}',
  "{}",
  '{"name":null,"cluster":"C"}',
];
const OPENING =
  '"server_id":"N","server_name":"S","version":"2.15.1","proto":3,"host":"h","port":1,"headers":true,"max_payload":1';
const INFOS = [
  `{${OPENING},"cluster":"C","connect_urls":["h:4222"],"lnoc":true,"lnocu":true}`,
  `{${OPENING},"cluster":"C","route_pool_size":3,"lnoc":true}`,
  `{${OPENING},"cluster":"C","route_pool_size":3,"route_pool_idx":1}`,
  `{${OPENING},"cluster":"C","route_pool_size":3,"route_pool_idx":9}`,
  `{${OPENING},"cluster":"C","route_pool_size":3,"route_account":"A"}`,
  `{${OPENING},"cluster":"C","route_pool_size":999999999999}`,
  `{${OPENING},"cluster":"other","cluster_dynamic":true}`,
  `{${OPENING},"cluster":"C","compression":"s2_fast","route_pool_size":2}`,
  `{${OPENING},"cluster":"C","compression":"nonsense"}`,
  '{"server_id":"M","server_name":"T","ip":"nats-route://h:99/","cluster":"C"}',
  '{"server_id":"N","ldm":true}',
  '{"server_id":"N","route_acc_add_reqid":"x","route_account":"A"}',
  '{"server_id":null,"server_name":null,"cluster":"C","port":null}',
  "{}",
];

function randomSession(prng: Prng): Buffer {
  const pick = <T>(list: readonly T[]): T => list[prng.below(list.length)];
  const chance = (one: number): boolean => prng.below(one) === 0;
  let text = chance(6) ? "" : `CONNECT ${chance(4) ? pick(CONNECTS) : CONNECTS[1]}\r\n`;
  if (!chance(6)) text += `INFO ${chance(2) ? pick(INFOS) : INFOS[0]}\r\n`;
  for (let count = prng.below(15); count > 0; count--) {
    const size = chance(6) ? prng.below(MAX_PAYLOAD_BYTES) : prng.below(8);
    const payload = "p\r\n\0q".repeat(60).slice(0, size);
    const address = `${chance(3) ? "" : `${pick(ACCOUNTS)} `}${pick(SUBJECTS)}`;
    const origin = chance(3) ? "LEAF " : "";
    const queues = Array.from({ length: prng.below(3) }, () => pick(QUEUES)).join(" ");
    const rest = pick(["", `${pick(SUBJECTS)} `, `| ${queues} `, `+ ${pick(SUBJECTS)} ${queues} `]);
    const headers = Math.min(size, prng.below(5));
    switch (prng.below(10)) {
      case 0:
      case 1:
        text += `RS+ ${address}${chance(2) ? ` ${pick(QUEUES)} ${prng.below(3)}` : ""}\r\n`;
        break;
      case 2:
        text += `RS- ${address}${chance(2) ? ` ${pick(QUEUES)}` : ""}\r\n`;
        break;
      case 3:
        text += `LS${pick(["+", "-"])} ${origin}${address}${chance(2) ? " q" : ""}${chance(2) ? " 2" : ""}\r\n`;
        break;
      case 4:
        text += `HMSG ${address} ${rest}${headers} ${size}\r\n${payload}\r\n`;
        break;
      case 5:
        text += `LMSG ${origin}${address} ${rest}${headers} ${size}\r\n${payload}\r\n`;
        break;
      case 6:
        text += pick(["PING\r\n", "PONG\r\n", "+OK\r\n", `INFO ${pick(INFOS)}\r\n`, `CONNECT ${pick(CONNECTS)}\r\n`]);
        break;
      case 7:
        text += pick([
          "A+ A\r\n",
          "A- A\r\n",
          "SUB a 1\r\n",
          "-ERR 'x'\r\n",
          `RS+ ${"x".repeat(70_000)}\r\n`,
          "PING\r\n",
        ]);
        break;
      default:
        text += `RMSG ${address} ${rest}${size}\r\n${payload}\r\n`.repeat(1 + prng.below(3));
    }
  }
  return Buffer.from(`${text}PING\r\n`, "latin1");
}

const MORSELS = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "-1",
  "999999999",
  "RMSG ",
  "| ",
  "+ ",
  "{",
  "[".repeat(99),
  "\xff",
];
