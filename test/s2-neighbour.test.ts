// S2 as the neighbour speaks it: two nats-servers with a compressed route between them, and in the middle a proxy that reads
// what either sends with the project's reader, and passes it on as the project's writer makes it; and a transport that
// changes over in the middle of a route's handshake.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type FrameHandler, Framer, LEAVE, NO_PAYLOAD } from "../src/protocol/framer.js";
import { S2_IDENTIFIER } from "../src/protocol/s2-chunks.js";
import { S2Reader } from "../src/protocol/s2-reader.js";
import { type S2Mode, S2Writer } from "../src/protocol/s2-writer.js";
import type { TransportHandler } from "../src/runtime/network.js";
import { nodeRuntime } from "../src/runtime/node/index.js";
import { S2Transport } from "../src/server/peers/s2-transport.js";
import { freePort } from "./support/free-port.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient, type RawClient } from "./support/raw-client.js";
import { startServerProcess } from "./support/server-process.js";

const MODES: S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];

/** It comes after "Server is ready". */
const ROUTES_OPEN = /Listening for route connections/;

/** One direction of a route: lines in the clear, then a stream that is written anew, each flush in another mode. */
class Lane {
  /** Everything that passed, decoded. */
  text = "";
  /** The types of the chunks that were sent, as the neighbour made them. */
  readonly types = new Set<number>();
  private readonly to: Socket;
  private readonly writer = new S2Writer("s2_best");
  private readonly reader = new S2Reader((buffer, start, end) => {
    this.text += buffer.toString("latin1", start, end);
    this.writer.mode = MODES[this.flushes++ % MODES.length];
    // The pieces are written later: their memory is never reused.
    for (const piece of this.writer.frame([Buffer.from(buffer.subarray(start, end))])) this.to.write(piece);
    return true;
  });
  private compressed = false;
  private flushes = 0;
  private pending = Buffer.alloc(0);

  constructor(from: Socket, to: Socket) {
    this.to = to;
    from.on("data", (chunk: Buffer) => this.pass(chunk));
    from.on("error", () => {});
    from.on("close", () => to.destroy());
  }

  private pass(chunk: Buffer): void {
    let start = 0;
    if (!this.compressed) {
      start = chunk.indexOf(S2_IDENTIFIER);
      if (start < 0) start = chunk.length;
      else this.compressed = true;
      this.text += chunk.toString("latin1", 0, start);
      this.to.write(chunk.subarray(0, start));
    }
    if (start === chunk.length) return;
    this.note(chunk.subarray(start));
    this.reader.feed(chunk, start, chunk.length);
  }

  private note(bytes: Buffer): void {
    this.pending = Buffer.concat([this.pending, bytes]);
    while (this.pending.length >= 4) {
      const length = this.pending.readUIntLE(1, 3);
      if (this.pending.length < 4 + length) return;
      this.types.add(this.pending[0]);
      this.pending = this.pending.subarray(4 + length);
    }
  }
}

interface Proxy {
  readonly port: number;
  readonly lanes: { dialler: Lane; acceptor: Lane }[];
}

async function rewritingProxy(t: TestContext, port: number): Promise<Proxy> {
  const lanes: Proxy["lanes"] = [];
  const sockets: Socket[] = [];
  const listener = createServer({ noDelay: true }, (dialler) => {
    const acceptor = connect({ port, host: "127.0.0.1", noDelay: true });
    sockets.push(dialler, acceptor);
    lanes.push({ dialler: new Lane(dialler, acceptor), acceptor: new Lane(acceptor, dialler) });
  });
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  assert.ok(address !== null && typeof address === "object");
  return { port: address.port, lanes };
}

const noise = (count: number): string => randomBytes(count).toString("latin1");
const JSON_LINES = Array.from({ length: 4000 }, (_, i) =>
  JSON.stringify({ id: i * 7919, name: `customer ${i % 97}`, total: (i * 31) % 10_007, open: i % 3 === 0 }),
).join("\n");
const PAYLOADS = [
  "",
  "short",
  "a".repeat(70_000),
  JSON_LINES,
  noise(300),
  noise(300_000),
  `${noise(50_000)}${JSON_LINES}`,
];

/** A request that is answered shows that the interest is known over there. */
async function ping(client: RawClient): Promise<void> {
  for (;;) {
    client.send("PUB ready answers 0\r\n\r\n");
    for (const item of await client.sync()) {
      if (item.payload === "yes") return;
    }
  }
}

for (const mode of ["s2_fast", "s2_better", "s2_best"]) {
  test(`a route with ${mode} is read, and what is written instead is read there`, {
    skip: withoutNeighbour(),
    timeout: 30_000,
  }, async (t) => {
    const port = await freePort();
    const cluster = (more: string): string =>
      `cluster { name: C, pool_size: -1, compression: ${mode}, no_advertise: true, ${more} }`;
    const first = await startServerProcess(t, {
      program: "neighbour",
      ready: ROUTES_OPEN,
      config: `server_name: A\n${cluster(`listen: "127.0.0.1:${port}"`)}`,
    });
    const proxy = await rewritingProxy(t, port);
    const second = await startServerProcess(t, {
      program: "neighbour",
      config: `server_name: B\n${cluster(`listen: "127.0.0.1:-1", routes: ["nats://127.0.0.1:${proxy.port}"]`)}`,
    });
    const [a, b] = [await connectClient(t, first.port), await connectClient(t, second.port)];
    for (const [here, there] of [
      [a, b],
      [b, a],
    ]) {
      // `there` answers until `here` has heard it.
      there.handle = ({ line }) => {
        if (line.startsWith("MSG ready ")) there.send("PUB answers 3\r\nyes\r\n");
        return line.startsWith("MSG ready ");
      };
      there.send("SUB ready 1\r\nSUB data 2\r\n");
      here.send("SUB answers 3\r\n");
      await ping(here);
      for (const payload of PAYLOADS) here.send(`PUB data ${payload.length}\r\n${payload}\r\n`);
      for (const payload of PAYLOADS) {
        const item = await there.expect(`MSG data 2 ${payload.length}`);
        assert.ok(item.payload === payload, `${payload.length} bytes arrive as they were sent`);
      }
      there.send("UNSUB 1\r\nUNSUB 2\r\n");
      here.send("UNSUB 3\r\n");
      await Promise.all([here.sync(), there.sync()]);
    }
    const last = proxy.lanes.at(-1)!;
    for (const lane of [last.dialler, last.acceptor]) {
      assert.match(lane.text, /^(CONNECT \{.*\r\n)?INFO \{.*\r\nINFO \{/);
      assert.match(lane.text, /\r\nRS\+ \$G data\r\n/);
      assert.ok(
        PAYLOADS.every((payload) => lane.text.includes(`\r\nRMSG $G data ${payload.length}\r\n${payload}\r\n`)),
      );
      assert.deepEqual([...lane.types].sort(), [0, 1, 255]);
    }
  });
}

/**
 * The end of a route: lines and messages as they come; each INFO is answered with its own, and after the first both go
 * on compressed.
 */
class RouteEnd implements FrameHandler, TransportHandler {
  readonly framer = new Framer(this);
  readonly seen: string[] = [];
  private readonly transport: S2Transport;
  private readonly mode: S2Mode;
  private awaited: { pattern: RegExp; resolve: () => void } | undefined;

  constructor(transport: S2Transport, mode: S2Mode) {
    this.transport = transport;
    this.mode = mode;
    transport.start(this);
    const id = `N${"A".repeat(55)}`;
    this.send(`CONNECT {"echo":true,"verbose":false,"pedantic":false,"headers":true,"name":"${id}","cluster":"C"}\r\n`);
  }

  send(text: string): void {
    this.transport.write([Buffer.from(text, "latin1")]);
  }
  /** Resolves when something has come that matches. */
  async sees(pattern: RegExp): Promise<void> {
    if (this.seen.some((one) => pattern.test(one))) return;
    await new Promise<void>((resolve) => {
      this.awaited = { pattern, resolve };
    });
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.framer.feed(chunk, start, end);
  }
  onDrain(): void {}
  onEnd(): void {
    this.note("(end)");
  }
  onClose(error?: Error): void {
    this.note(`(close ${error?.message})`);
  }
  line(buffer: Buffer, start: number, end: number): number {
    const text = buffer.toString("latin1", start, end);
    this.note(text);
    if (text === "PING") this.send("PONG\r\n");
    if (text.startsWith("RMSG ")) return Number(text.split(" ").at(-1));
    if (!text.startsWith("INFO ")) return NO_PAYLOAD;
    const info = { server_id: `N${"A".repeat(55)}`, server_name: "US", version: "2.15.1", proto: 1, headers: true };
    const more = { host: "127.0.0.1", port: 1, max_payload: 1_048_576, cluster: "C", compression: this.mode };
    const own = `INFO ${JSON.stringify({ ...info, ...more })}\r\n`;
    this.send(own);
    if (this.transport.mode !== undefined) return NO_PAYLOAD;
    this.transport.compress(this.mode, this.framer.following(buffer, end), 0);
    return LEAVE;
  }
  repeatedLine(): number {
    return NO_PAYLOAD;
  }
  beginning(_buffer: Buffer, start: number, end: number): number {
    return end - start;
  }
  keepLine(): void {}
  payload(buffer: Buffer, start: number, end: number): void {
    this.note(`payload ${buffer.toString("latin1", start, end)}`);
  }
  unterminated(): void {
    this.note("(unterminated)");
  }

  private note(text: string): void {
    this.seen.push(text);
    if (this.awaited?.pattern.test(text)) this.awaited.resolve();
  }
}

for (const mode of ["s2_fast", "s2_better", "s2_best"] as const) {
  test(`a transport changes over to ${mode} within a route's handshake`, {
    skip: withoutNeighbour(),
    timeout: 30_000,
  }, async (t) => {
    const port = await freePort();
    const server = await startServerProcess(t, {
      program: "neighbour",
      ready: ROUTES_OPEN,
      config: `server_name: A
cluster { name: C, listen: "127.0.0.1:${port}", pool_size: -1, compression: ${mode}, no_advertise: true }`,
    });
    const { network, clock } = nodeRuntime();
    const transport = new S2Transport(await network.dial({ host: "127.0.0.1", port, timeoutMs: 5000 }), clock);
    t.after(() => transport.destroy());
    const route = new RouteEnd(transport, mode);
    const client = await connectClient(t, server.port);
    client.send("SUB to.client 1\r\n");
    await route.sees(/^RS\+ \$G to\.client$/);
    assert.equal(route.seen.filter((line) => line.startsWith("INFO ")).length, 2);
    route.send("RS+ $G to.route\r\nPING\r\n");
    await route.sees(/^PONG$/);
    for (const payload of PAYLOADS) {
      route.send(`RMSG $G to.client ${payload.length}\r\n${payload}\r\n`);
      assert.ok((await client.expect(`MSG to.client 1 ${payload.length}`)).payload === payload);
      client.send(`PUB to.route ${payload.length}\r\n${payload}\r\n`);
      await route.sees(new RegExp(`^RMSG \\$G to\\.route ${payload.length}$`));
      await client.sync();
    }
    client.send("PUB to.route 3\r\nend\r\n");
    await route.sees(/^payload end$/);
    const arrived = route.seen.filter((one) => one.startsWith("payload ")).map((one) => one.slice(8));
    assert.ok(arrived.length === PAYLOADS.length + 1 && PAYLOADS.every((payload, i) => payload === arrived[i]));
  });
}
