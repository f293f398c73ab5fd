// What a WebSocket listener puts up with: slow and oversized handshakes, silent clients, bytes that mean nothing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { ServerOptions } from "../src/options/options.js";
import type { Transport } from "../src/runtime/network.js";
import { MAX_REQUEST_HEAD_BYTES } from "../src/websocket/limits.js";
import { startLocalServer } from "./support/local-server.js";
import { SimulatedClient, startSimulatedServer } from "./support/simulated-server.js";
import { loginWebSocket, openWebSocket } from "./support/web-socket-client.js";

const REQUEST =
  "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/** A server in virtual time, and bare connections to its WebSocket port. */
async function simulated(options: ServerOptions = {}, websocket: ServerOptions["websocket"] = {}) {
  const main = await startSimulatedServer({ ...options, websocket: { port: 80, noTls: true, ...websocket } });
  const dial = async (): Promise<SimulatedClient> => {
    const dialled = main.world.host("clients").network.dial({ host: "main", port: 80, timeoutMs: 1000 });
    return new SimulatedClient(await main.world.clock.settle<Transport>(dialled));
  };
  return { ...main, dial };
}

/** An unmasked frame with a mask of zeros in front, as a client may send it. */
function frame(text: string, first = 0x82): Buffer {
  assert.ok(text.length < 126);
  return Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text, "latin1")]);
}

test("a handshake has its time, from the first moment and however slowly it comes", async () => {
  for (const [handshakeTimeoutMs, limitMs] of [
    [undefined, 2_000],
    [500, 500],
  ] as const) {
    const { dial, advance } = await simulated({}, { handshakeTimeoutMs });
    const silent = await dial();
    const slow = await dial();
    for (let ms = 0; ms < limitMs - 100; ms += 100) {
      slow.send("G");
      await advance(100);
    }
    assert.deepEqual([silent.ended, slow.ended], [false, false]);
    await advance(200);
    assert.deepEqual([silent.ended, slow.ended], [true, true]);
    assert.equal(slow.received, "");
  }
});

test("a handshake may come byte by byte; what comes behind it at once ends the connection", async () => {
  const { dial, settle, server, log } = await simulated();
  const bytewise = await dial();
  for (const byte of `${REQUEST}\r\n`) bytewise.send(byte);
  await settle();
  assert.match(bytewise.received, /^HTTP\/1\.1 101 .*\r\n\r\n\x82.*INFO \{/s);
  const eager = await dial();
  eager.send(`${REQUEST}\r\nPING\r\n`);
  await settle();
  assert.deepEqual([eager.received, eager.ended], ["", true]);
  assert.equal(server.clients.size, 1);
  assert.match(log.matching(/handshake error/)[0], /client sent data before handshake is complete/);
});

test("a head that is too large, and what is none, is answered and ended", async () => {
  const { dial, settle } = await simulated();
  const large = await dial();
  large.send(`${REQUEST}X: ${"a".repeat(MAX_REQUEST_HEAD_BYTES)}`);
  const garbage = await dial();
  garbage.send("PING\r\n\r\n");
  const tls = await dial();
  tls.send(Buffer.from("16030100a5010000a10303", "hex"));
  await settle();
  assert.match(large.received, /^HTTP\/1\.1 431 /);
  assert.match(garbage.received, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.deepEqual([large.ended, garbage.ended, tls.ended], [true, true, false]);
});

test("who logs in too late, or never answers a ping, hears why", async () => {
  const authorization = { user: "u", password: "pw", timeoutMs: 5_000 };
  const { dial, settle, advance } = await simulated(
    { authorization, pingIntervalMs: 120_000 },
    { authorization: { timeoutMs: 700 }, pingIntervalMs: 1_000 },
  );
  const late = await dial();
  late.send(`${REQUEST}\r\n`);
  const silent = await dial();
  silent.send(`${REQUEST}\r\n`);
  await settle();
  silent.send(frame('CONNECT {"verbose":false,"user":"u","pass":"pw"}\r\n'));
  late.received = "";
  silent.received = "";
  await advance(700);
  assert.equal(late.received, "\x82\x1f-ERR 'Authentication Timeout'\r\n\x88\x18\x03\xf0Authentication Timeout");
  assert.equal(silent.received, "");
  await advance(3_500);
  assert.equal(
    silent.received,
    "\x82\x06PING\r\n".repeat(2) + "\x82\x19-ERR 'Stale Connection'\r\n\x88\x12\x03\xe9Stale Connection",
  );
});

test("those that are in a handshake when the server ends are ended with it", async () => {
  const { dial, settle, server, world } = await simulated();
  const under = await dial();
  under.send(REQUEST);
  await settle();
  await world.clock.settle(server.close());
  await settle();
  assert.equal(under.ended, true);
});

test("a compressed message of a stranger is bounded more narrowly", async (t: TestContext) => {
  const websocket = { host: "127.0.0.1", port: -1, noTls: true, compression: true };
  const { server } = await startLocalServer(t, { websocket, authorization: { user: "u", password: "pw" } });
  const url = `ws://127.0.0.1:${server.addresses["websocket"].port}`;
  const perMessageDeflate = { threshold: 0 };
  const known = await loginWebSocket(t, url, { user: "u", pass: "pw" }, { perMessageDeflate });
  known.send(`${"+OK\r\n".repeat(20_000)}PING\r\n`);
  await known.until(/PONG/);
  const stranger = await openWebSocket(t, url, { perMessageDeflate });
  stranger.socket.send(randomBytes(100_000));
  assert.equal(await stranger.ended(), "1009 maximum payload exceeded");
  known.send(`${"+OK\r\n".repeat(300_000)}PING\r\n`);
  assert.equal(await known.ended(), "1009 maximum payload exceeded");
});

test("random bytes behind the upgrade end their connection and nothing else", async (t: TestContext) => {
  const websocket = { host: "127.0.0.1", port: -1, noTls: true, compression: true };
  const { server, log } = await startLocalServer(t, { websocket });
  const { port } = server.addresses["websocket"];
  const steady = await loginWebSocket(t, `ws://127.0.0.1:${port}`);
  const attack = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("data", () => socket.write(bytes));
      socket.on("error", () => {});
      socket.once("connect", () => {
        const extension = "Sec-WebSocket-Extensions: permessage-deflate\r\nNats-No-Masking: true\r\n";
        socket.write(`${REQUEST}${extension}\r\n`);
      });
      socket.once("close", () => resolve());
      socket.setTimeout(300, () => socket.destroy());
    });
  await Promise.all(Array.from({ length: 200 }, (_, i) => attack(randomBytes(1 + i * 7))));
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      attack(Buffer.concat([Buffer.from([0xc2, 126, 4, 0]), randomBytes(1024 + i)])),
    ),
  );
  steady.send("PING\r\n");
  assert.equal(await steady.until(/\n/), "PONG\r\n");
  assert.deepEqual(log.matching(/internal error/), []);
});
