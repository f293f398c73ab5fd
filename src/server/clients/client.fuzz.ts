// Client input that was generated, damaged and cut into random chunks, for a connection over an in-memory transport.
import assert from "node:assert/strict";
import { resolveOptions, type ServerOptions } from "../../options/options.js";
import { silentLogger } from "../../runtime/logger.js";
import { Prng } from "../../runtime/prng.js";
import { damaged, FuzzedWire, handDrivenRuntime } from "../../runtime/simulated/fuzzed-wire.js";
import { CloseReason } from "../close-reason.js";
import { Server } from "../server.js";

const MAX_PAYLOAD_BYTES = 300;
const MAX_CONTROL_LINE_BYTES = 200;

const SETTINGS: readonly ServerOptions[] = [
  {},
  { authorization: { user: "u", password: "p" } },
  { noHeaderSupport: true, maxSubscriptions: 2, maxSubTokens: 3 },
  {
    mappings: { a: [{ destination: "b.c" }], "m.*": [{ destination: "{{wildcard(1)}}.m" }] },
    authorization: {
      users: [
        {
          user: "u",
          password: "p",
          permissions: { publish: { deny: ["d.>"] }, subscribe: { deny: ["e", "a q"] }, allowResponses: {} },
        },
      ],
    },
    noAuthUser: "u",
  },
];

/**
 * Sends random sessions to a server, each once whole and once in random chunks. Throws AssertionError when an exception
 * ends a connection, the two answers differ, a whole session is not answered to its end, more is kept than the limits
 * allow, or something is left behind.
 */
export function fuzzClientProtocol(runs: number, seed = 1): void {
  const prng = prngOf(seed);
  const worlds = SETTINGS.map((options) => new World(options));
  for (let run = 0; run < runs; run++) {
    const world = worlds[prng.below(worlds.length)];
    const session = randomSession(prng);
    const intact = prng.below(3) === 0;
    const input = intact ? session : damaged(session, prng, MORSELS);
    const shown = (): string => `run ${run}: ${JSON.stringify(input.toString("latin1"))}`;
    const whole = world.connect();
    whole.feed(input);
    const first = whole.finish();
    const pieces = world.connect();
    pieces.feedInPieces(input, prng);
    assert.deepEqual(pieces.finish(), first, shown());
    assert.deepEqual(world.exceptions, [], shown());
    if (intact && !first.closedEarly) assert.match(first.output, /PONG\r\n(INFO\r\n)?$/, shown());
    world.checkEmpty();
  }
}

function prngOf(seed: number): Prng {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(seed | 0, 0);
  bytes.writeInt32LE(0x5eed, 4);
  return new Prng(bytes);
}

/** A server whose turns of the loop end when it is told so, and whose choices are always the same. */
class World {
  readonly exceptions: string[] = [];
  private readonly server: Server;
  private readonly endTurn: () => void;
  /** Subscriptions of the server itself, by account. */
  private readonly ownInterest: ReadonlyMap<string, number>;

  constructor(options: ServerOptions) {
    const { runtime: driven, endTurn } = handDrivenRuntime();
    this.endTurn = endTurn;
    const limits = { maxPayloadBytes: MAX_PAYLOAD_BYTES, maxControlLineBytes: MAX_CONTROL_LINE_BYTES };
    const error = (message: string): void => {
      if (message.includes("internal error")) this.exceptions.push(message);
    };
    this.server = new Server(resolveOptions({ ...options, ...limits }), {
      runtime: driven,
      logger: { ...silentLogger, error },
    });
    const accounts = [...this.server.accounts.all()];
    this.ownInterest = new Map(accounts.map((account) => [account.name, account.sublist.size]));
  }

  connect(): FuzzedClient {
    const client = new FuzzedClient(this.endTurn);
    this.server.handle(client);
    this.endTurn();
    client.output = "";
    return client;
  }

  checkEmpty(): void {
    const { clients, accounts } = this.server;
    assert.equal(clients.size, 0);
    for (const account of accounts.all()) {
      assert.equal(account.connections, 0, account.name);
      assert.equal(account.sublist.size, this.ownInterest.get(account.name), account.name);
    }
  }
}

/** Checks after each input that no more is kept than the limits allow. */
class FuzzedClient extends FuzzedWire {
  override readonly remoteAddress = "";
  override readonly remotePort = 0;
  override readonly localAddress = "";
  override readonly localPort = 0;
  override readonly inProcess = true;

  override feed(bytes: Uint8Array): void {
    if (this.ended) return;
    super.feed(bytes);
    const { partial, body } = (this.handler as unknown as { framer: { partial: Buffer; body: Buffer } }).framer;
    assert.ok(partial.length <= 2 * (MAX_CONTROL_LINE_BYTES + bytes.length + 256), `${partial.length} bytes of a line`);
    assert.ok(body.length <= MAX_PAYLOAD_BYTES + 2, `${body.length} bytes of a payload`);
  }

  /** What was answered. Then bytes that no state of the connection can take for long; it must be closed by them. */
  finish(): { output: string; closedEarly: boolean } {
    const result = { output: this.output.replace(/INFO \{.*?\} ?\r\n/g, "INFO\r\n"), closedEarly: this.ended };
    this.feed(Buffer.alloc(MAX_PAYLOAD_BYTES + MAX_CONTROL_LINE_BYTES + 20, "x"));
    this.feed(Buffer.from("\r\n\r\n"));
    assert.ok(this.ended, "alive after nonsense");
    assert.notEqual((this.handler as unknown as { closeReason: CloseReason }).closeReason, CloseReason.internalError);
    this.handler?.onClose();
    this.endTurn();
    return result;
  }
}

const SUBJECTS = [
  "a",
  "b.c",
  "d.e",
  "e",
  "m.x",
  "*",
  "a.*",
  ">",
  "a..b",
  "x*",
  "\xff\x01",
  "$SYS.A",
  "_R_.x",
  "a.b.c.d.e",
];
const CONNECTS = [
  '{"verbose":false}',
  '{"verbose":false,"headers":true,"no_responders":true,"protocol":1}',
  '{"user":"u","pass":"p"}',
  '{"user":"u","pass":"p","echo":false,"pedantic":false,"headers":true}',
  "null",
];

function randomSession(prng: Prng): Buffer {
  const pick = <T>(list: readonly T[]): T => list[prng.below(list.length)];
  const sid = (): string => String(prng.below(4));
  let text = prng.below(5) === 0 ? "" : `CONNECT ${pick(CONNECTS)}\r\n`;
  for (let count = prng.below(15); count > 0; count--) {
    const size = prng.below(6) === 0 ? prng.below(MAX_PAYLOAD_BYTES) : prng.below(8);
    const payload = "p\r\n\0q".repeat(60).slice(0, size);
    const reply = prng.below(3) === 0 ? `${pick(SUBJECTS)} ` : "";
    switch (prng.below(9)) {
      case 0:
      case 1:
        text += `SUB ${pick(SUBJECTS)} ${prng.below(3) === 0 ? "q " : ""}${sid()}\r\n`;
        break;
      case 2:
        text += `UNSUB ${sid()}${prng.below(2) === 0 ? ` ${prng.below(5)}` : ""}\r\n`;
        break;
      case 3:
        text += `HPUB ${pick(SUBJECTS)} ${reply}${Math.min(size, 4)} ${size}\r\n${payload}\r\n`;
        break;
      case 4:
        text += pick(["PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n", `CONNECT ${pick(CONNECTS)}\r\n`]);
        break;
      default:
        text += `PUB ${pick(SUBJECTS)} ${reply}${size}\r\n${payload}\r\n`.repeat(1 + prng.below(3));
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
  "9".repeat(12),
  "PUB ",
  "PING",
  "s".repeat(250),
  " ".repeat(250),
  "{",
  "[".repeat(99),
  "\xff",
];
