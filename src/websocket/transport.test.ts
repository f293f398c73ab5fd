import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport, TransportHandler } from "../runtime/network.js";
import { PIPE_CAPACITY_BYTES, transportPair } from "../runtime/pipe.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { closeCodeFor } from "./close-codes.js";
import { controlFrame, Opcode } from "./frame.js";
import { END_MS } from "./limits.js";
import { type WebsocketOptions, WebsocketTransport } from "./transport.js";

class Owner implements TransportHandler {
  text = "";
  readonly told: string[] = [];

  onData(chunk: Buffer, start: number, end: number): void {
    this.text += chunk.toString("latin1", start, end);
  }
  onDrain(): void {
    this.told.push("drain");
  }
  onEnd(): void {
    this.told.push("end");
  }
  onClose(error?: Error): void {
    this.told.push(error === undefined ? "close" : `close: ${error.message}`);
  }
}

/** The server's end of a WebSocket, and the bare pipe that a client would have. */
function serverEnd(options: Partial<WebsocketOptions> = {}) {
  const { clock } = simulatedRuntime({ seed: 1 });
  const [lower, bare] = transportPair(clock);
  const owner = new Owner();
  const failures: string[] = [];
  const ws = new WebsocketTransport(lower, {
    clock,
    compression: false,
    mustMask: true,
    maxInflatedBytes: () => 1_000_000,
    closeCode: closeCodeFor,
    failed: ({ message }) => failures.push(message),
    ...options,
  });
  lower.start(ws);
  ws.start(owner);
  const peer = new Owner();
  return { clock, ws, owner, bare, peer, failures };
}

/** Both ends of one. */
function bothEnds(compression: boolean, noMasking = false) {
  const server = serverEnd({ compression, mustMask: !noMasking });
  let mask = 0x5a17c3e1;
  const client = new WebsocketTransport(server.bare, {
    clock: server.clock,
    compression,
    mustMask: false,
    nextMask: noMasking ? undefined : () => mask++,
    maxInflatedBytes: () => 10_000_000,
  });
  server.bare.start(client);
  client.start(server.peer);
  return { ...server, client };
}

function sent(bare: Transport, peer: Owner): Owner {
  bare.start(peer);
  return peer;
}

for (const [what, compression, noMasking] of [
  ["masked", false, false],
  ["without masks", false, true],
  ["compressed and masked", true, false],
  ["compressed, without masks", true, true],
] as const) {
  test(`what one end writes the other reads, ${what}`, async () => {
    const { clock, ws, client, owner, peer } = bothEnds(compression, noMasking);
    const pieces = ["a", "b".repeat(63), "c".repeat(64), "d".repeat(70_000), "e".repeat(5_000)];
    for (const [i, piece] of pieces.entries()) {
      ws.write([Buffer.from(piece), Buffer.from(`-${i}`)]);
      client.write([Buffer.from(piece), Buffer.from(`-${i}`)]);
    }
    await clock.runUntilIdle();
    const wanted = pieces.map((piece, i) => `${piece}-${i}`).join("");
    assert.equal(owner.text, wanted);
    assert.equal(peer.text, wanted);
  });
}

test("small messages are not compressed, and one write is one frame", async () => {
  const { clock, ws, bare, peer } = serverEnd({ compression: true });
  sent(bare, peer);
  ws.write([Buffer.from("x".repeat(60)), Buffer.from("yyyy")]);
  await clock.runUntilIdle();
  assert.equal(peer.text, `\x82\x40${"x".repeat(60)}yyyy`);
  ws.write([Buffer.from("x".repeat(65))]);
  await clock.runUntilIdle();
  assert.equal(peer.text.charCodeAt(66), 0xc2);
});

test("the reason for the end is in the close frame, with its code", async () => {
  for (const [reason, code] of [
    ["Client Closed", 1000],
    ["Server Shutdown", 1001],
    ["Authentication Failure", 1008],
    ["Maximum Message Payload Exceeded", 1009],
    ["Something Else", 1011],
  ] as const) {
    const { clock, ws, bare, peer } = serverEnd();
    sent(bare, peer);
    ws.explain(reason);
    ws.end();
    ws.write([Buffer.from("too late")]);
    await clock.runUntilIdle();
    assert.equal(peer.text.slice(2), String.fromCharCode(code >> 8, code & 0xff) + reason);
    assert.deepEqual(peer.told, ["end", "close"]);
  }
});

test("the other side's close frame is answered with the same, after the rest of the output", async () => {
  for (const body of [Buffer.from([3, 0xe8, 98, 121, 101]), Buffer.alloc(0)]) {
    const { clock, ws, owner, bare, peer } = serverEnd();
    sent(bare, peer);
    bare.write([controlFrame(Opcode.close, body, 7)]);
    await clock.runUntilIdle();
    assert.deepEqual(owner.told, ["end"]);
    ws.write([Buffer.from("rest")]);
    ws.explain("Client Closed");
    ws.end();
    await clock.runUntilIdle();
    assert.equal(peer.text, `\x82\x04rest${controlFrame(Opcode.close, body, undefined).toString("latin1")}`);
    assert.deepEqual(owner.told, ["end", "close"]);
  }
});

test("a fault of the other side ends the connection: the owner hears of it once, the other side in a close frame", async () => {
  const { clock, ws, owner, bare, peer, failures } = serverEnd();
  sent(bare, peer);
  bare.write([Buffer.from([0x83, 0x80, 0, 0, 0, 0]), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]);
  await clock.runUntilIdle();
  ws.destroy();
  await clock.runUntilIdle();
  assert.equal(peer.text.slice(4), "unknown opcode 3");
  assert.deepEqual(owner.told, ["close: unknown opcode 3"]);
  assert.deepEqual(failures, ["unknown opcode 3"]);
});

test("a reader that never comes does not keep the connection open", async () => {
  const { clock, ws, owner } = serverEnd();
  ws.write([Buffer.alloc(2 * PIPE_CAPACITY_BYTES)]);
  ws.end();
  await clock.advance(END_MS - 1);
  assert.deepEqual(owner.told, []);
  await clock.advance(1);
  assert.deepEqual(owner.told, ["close"]);
});

test("pings are answered; of those that come while nothing can be sent, the last one", async () => {
  const { clock, ws, bare, peer } = serverEnd();
  const ping = (text: string) => bare.write([controlFrame(Opcode.ping, Buffer.from(text), 0x01020304)]);
  bare.start(peer);
  ping("one");
  await clock.runUntilIdle();
  assert.equal(peer.text, "\x8a\x03one");
  bare.pause();
  ws.write([Buffer.alloc(2 * PIPE_CAPACITY_BYTES)]);
  for (let i = 0; i < 1000; i++) ping(`ping ${i}`);
  await clock.runUntilIdle();
  bare.resume();
  await clock.runUntilIdle();
  assert.equal(peer.text.length, 5 + 10 + 2 * PIPE_CAPACITY_BYTES + 10);
  assert.equal(peer.text.slice(-8), "ping 999");
});

test("the lower connection's end and loss are the owner's", async () => {
  const ended = serverEnd();
  sent(ended.bare, ended.peer);
  ended.bare.end();
  await ended.clock.runUntilIdle();
  assert.equal(ended.owner.told[0], "end");
  const lost = serverEnd();
  sent(lost.bare, lost.peer);
  lost.ws.destroy();
  await lost.clock.runUntilIdle();
  assert.deepEqual(lost.owner.told, ["close"]);
});
