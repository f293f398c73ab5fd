// Lines of a leaf node that were generated, damaged and cut into random chunks, for the hub's end of the link, in memory.
import assert from "node:assert/strict";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { silentLogger } from "../runtime/logger.js";
import type { Listener, Network, Transport } from "../runtime/network.js";
import { Prng } from "../runtime/prng.js";
import { damaged, FuzzedWire, handDrivenRuntime } from "../runtime/simulated/fuzzed-wire.js";
import { Server } from "../server/server.js";
import { WebsocketRoom } from "../websocket/room.js";
import { LeafRoom } from "./room.js";

const MAX_PAYLOAD_BYTES = 300;
const LEAF_PORT = 7422;

type LeafOptions = NonNullable<ServerOptions["leafnodes"]>;

const SETTINGS: readonly LeafOptions[] = [
  {},
  { compression: { mode: "off" }, isolateLeafnodeInterest: true },
  { compression: { mode: "s2_fast" }, minVersion: "2.10.0" },
  { authorization: { users: [{ user: "u", password: "p", account: "A" }] } },
];

/**
 * Sends random sessions of a leaf node, each once whole and once in random chunks. Rejects with AssertionError when an
 * exception ends a connection, the two are answered differently or lead to different deliveries, or something is left behind.
 */
export async function fuzzLeafProtocol(runs: number, seed = 1): Promise<void> {
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
  private readonly endTurn: () => void;
  private readonly accepting = new Map<number, (transport: Transport) => void>();
  private ownInterest: ReadonlyMap<string, number> = new Map();
  private client!: FuzzedWire;

  static async make(leafnodes: LeafOptions): Promise<World> {
    const world = new World(leafnodes);
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

  private constructor(leafnodes: LeafOptions) {
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
      serverName: "HUB",
      accounts: { A: {}, SYS: {} },
      systemAccount: "SYS",
      mappings: { "m.*": [{ destination: "b.{{wildcard(1)}}" }] },
      leafnodes: { port: LEAF_PORT, ...leafnodes },
    };
    const runtime = { ...driven, network };
    this.server = new Server(resolveOptions(options), { runtime, logger: { ...silentLogger, error } });
    this.server.use(new LeafRoom(this.server, new WebsocketRoom(this.server)));
  }

  /** A link that a leaf node has dialled, with what the client got since the last one. */
  async connect(): Promise<FuzzedLeaf> {
    this.client.output = "";
    const link = new FuzzedLeaf(this.endTurn, this.client);
    this.accepting.get(LEAF_PORT)?.(link);
    while (!link.started) await Promise.resolve();
    this.endTurn();
    return link;
  }

  checkEmpty(shown: string): void {
    assert.deepEqual(this.server.reports.leafs(), [], shown);
    for (const { name, sublist, leafnodes } of this.server.accounts.all()) {
      assert.deepEqual([sublist.size, leafnodes], [this.ownInterest.get(name), 0], `${name}: ${shown}`);
    }
  }
}

class FuzzedLeaf extends FuzzedWire {
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

const SUBJECTS = ["a", "b.c", "d.e", "*", "a.*", ">", "a..b", "x*", "\xff\x01", "$SYS.A", "$LDS.x", "m.x", "a.b.c.d.e"];
const QUEUES = ["q", "q2", "\xff"];
const SELF = '"version":"2.15.1","server_id":"L","name":"leaf","cluster":"leaf","headers":true,"protocol":3';
const CONNECTS = [
  `{${SELF}}`,
  `{${SELF},"user":"u","pass":"p"}`,
  `{${SELF},"isolate":true,"deny_pub":["b.>","a..b"]}`,
  `{${SELF},"is_hub":true,"user":"u","pass":"p"}`,
  '{"version":"2.1.0","name":"old"}',
  '{"server_id":"L","name":"leaf","cluster":"HUB"}',
  '{"name":null,"deny_pub":null}',
  "{}",
];
const INFOS = [
  '{"server_id":"","compression":"s2_fast","client_id":1}',
  '{"server_id":"","compression":"nonsense"}',
  '{"server_id":null,"compression":null}',
  "{}",
];

function randomSession(prng: Prng): Buffer {
  const pick = <T>(list: readonly T[]): T => list[prng.below(list.length)];
  const chance = (one: number): boolean => prng.below(one) === 0;
  let text = chance(8) ? `INFO ${pick(INFOS)}\r\n` : "";
  if (!chance(8)) text += `CONNECT ${chance(3) ? pick(CONNECTS) : CONNECTS[1]}\r\n`;
  for (let count = prng.below(15); count > 0; count--) {
    const size = chance(6) ? prng.below(MAX_PAYLOAD_BYTES) : prng.below(8);
    const payload = "p\r\n\0q".repeat(60).slice(0, size);
    const subject = pick(SUBJECTS);
    const queues = Array.from({ length: prng.below(3) }, () => pick(QUEUES)).join(" ");
    const rest = pick(["", `${pick(SUBJECTS)} `, `| ${queues} `, `+ ${pick(SUBJECTS)} ${queues} `]);
    switch (prng.below(8)) {
      case 0:
      case 1:
        text += `LS+ ${subject}${chance(2) ? ` ${pick(QUEUES)} ${prng.below(3)}` : ""}\r\n`;
        break;
      case 2:
        text += `LS- ${subject}${chance(2) ? ` ${pick(QUEUES)}` : ""}\r\n`;
        break;
      case 3:
        text += `HMSG ${subject} ${rest}${Math.min(size, prng.below(5))} ${size}\r\n${payload}\r\n`;
        break;
      case 4:
        text += pick(["PING\r\n", "PONG\r\n", "+OK\r\n", `INFO ${pick(INFOS)}\r\n`, `CONNECT ${pick(CONNECTS)}\r\n`]);
        break;
      case 5:
        text += pick(["RS+ $G a\r\n", "SUB a 1\r\n", "-ERR 'x'\r\n", `LS+ ${"x".repeat(70_000)}\r\n`, "PING\r\n"]);
        break;
      default:
        text += `LMSG ${subject} ${rest}${size}\r\n${payload}\r\n`.repeat(1 + prng.below(3));
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
  "LMSG ",
  "| ",
  "+ ",
  "{",
  "[".repeat(99),
  "\xff",
];
