import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "../options/options.js";
import type { Transport, TransportHandler } from "../runtime/network.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { Server } from "../server/server.js";
import { LEAFNODE_PATH, MQTT_PATH, WebsocketRoom } from "./room.js";

const REQUEST =
  "HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** Hears text. */
class Listener implements TransportHandler {
  text = "";
  ended = false;

  onData(chunk: Buffer, start: number, end: number): void {
    this.text += chunk.toString("latin1", start, end);
  }
  onDrain(): void {}
  onEnd(): void {
    this.ended = true;
  }
  onClose(): void {
    this.ended = true;
  }
}

test("other rooms take the connections to their paths, when they are ready for them", async () => {
  const runtime = simulatedRuntime({ seed: 3 });
  const server = new Server(resolveOptions({ port: 4222, websocket: { port: 80, noTls: true } }), { runtime });
  const room = new WebsocketRoom(server);
  const taken: Transport[] = [];
  const paths: string[] = [];
  room.serve(LEAFNODE_PATH, {
    accept: ({ transport, request }) => {
      taken.push(transport);
      paths.push(request.target);
      return () => 1000;
    },
  });
  server.use(room);
  await runtime.clock.settle(server.start());
  const dial = async (path: string) => {
    const dialled = runtime.host("clients").network.dial({ host: "main", port: 80, timeoutMs: 1000 });
    const transport = await runtime.clock.settle(dialled);
    const heard = new Listener();
    transport.start(heard);
    transport.write([Buffer.from(`GET ${path} ${REQUEST}`)]);
    await runtime.clock.advance(100);
    return { transport, heard };
  };

  const leaf = await dial(`/some/where${LEAFNODE_PATH}?x=/`);
  assert.match(leaf.heard.text, /^HTTP\/1\.1 101 /);
  assert.deepEqual(paths, [`/some/where${LEAFNODE_PATH}?x=/`]);
  // What comes before the other room is ready waits for it.
  leaf.transport.write([Buffer.from([0x82, 0x82, 0, 0, 0, 0, 104, 105])]);
  await runtime.clock.advance(100);
  const owner = new Listener();
  taken[0].start(owner);
  await runtime.clock.advance(100);
  assert.equal(owner.text, "hi");
  assert.equal(server.clients.size, 0);

  const mqtt = await dial(MQTT_PATH);
  assert.match(mqtt.heard.text, /^HTTP\/1\.1 404 Not Found\r\n/);
  await dial("/anything/else");
  assert.equal(server.clients.size, 1);
  await runtime.clock.settle(server.close());
});
