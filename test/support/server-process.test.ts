// The harness itself, tried on the neighbour: start, ready, talk, fail loudly, end.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { withoutNeighbour } from "./neighbour.js";
import { connectClient, connectRaw } from "./raw-client.js";
import { startServerProcess } from "./server-process.js";
import { ManualScope } from "./temporary-folder.js";

const skip = withoutNeighbour();

test("a server with a configuration is ready, talks, and ends on a signal", { skip }, async (t) => {
  const server = await startServerProcess(t, { program: "neighbour", config: "server_name: next-door" });
  const subscriber = await connectClient(t, server.port);
  const publisher = await connectClient(t, server.port);
  subscriber.send("SUB greet 1\r\n");
  assert.deepEqual(await subscriber.sync(), []);
  publisher.send("PUB greet answer 5\r\nhello\r\nHPUB greet 17 19\r\nNATS/1.0\r\nA:1\r\n\r\nhi\r\n");
  assert.deepEqual(await subscriber.next(), { line: "MSG greet 1 answer 5", headers: "", payload: "hello" });
  const second = await subscriber.expect("HMSG greet 1 17 19");
  assert.deepEqual([second.headers, second.payload], ["NATS/1.0\r\nA:1\r\n\r\n", "hi"]);
  assert.ok(server.residentBytes() > 1 << 20);
  server.signal("SIGTERM");
  assert.deepEqual(await server.exited(), { code: 0, signal: null });
  await subscriber.closed();
  await server.logged(/Initiating Shutdown/);
});

test("INFO comes first and carries what the file says", { skip }, async (t) => {
  const server = await startServerProcess(t, { program: "neighbour", config: "max_payload: 1234" });
  const client = await connectRaw(t, server.port);
  const info = await client.info();
  assert.equal(info["max_payload"], 1234);
  assert.equal(info["port"], server.port);
});

test("a handler takes what it wants before the queue", { skip }, async (t) => {
  const server = await startServerProcess(t, { program: "neighbour" });
  const client = await connectClient(t, server.port);
  const taken: string[] = [];
  client.handle = ({ line, payload }) => line.startsWith("MSG ") && taken.push(payload) > 0;
  client.send("SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\n");
  assert.deepEqual(await client.sync(), []);
  assert.deepEqual(taken, ["1", "2"]);
});

test("a client answers the server's pings, a raw connection shows them", { skip }, async (t) => {
  const server = await startServerProcess(t, { program: "neighbour", config: "ping_interval: 50ms, ping_max: 1" });
  const raw = await connectRaw(t, server.port);
  await raw.info();
  await raw.expect("PING");
  const client = await connectClient(t, server.port);
  assert.equal((await raw.closed()).at(-1)?.line, "-ERR 'Stale Connection'");
  assert.deepEqual(await client.sync(), []);
});

test("what the server sends instead is shown", { skip }, async (t) => {
  const server = await startServerProcess(t, { program: "neighbour" });
  const client = await connectClient(t, server.port);
  client.send("PING\r\n");
  await assert.rejects(client.expect("+OK"), /expected \+OK, the server sent .*PONG/);
  await assert.rejects(client.next(20), /an item did not come within 20 ms/);
  client.send("NONSENSE\r\n");
  await client.expect("-ERR 'Unknown Protocol Operation'");
  await assert.rejects(client.next(), /the server closed the connection/);
});

test("a server that ends at once is an error with its log", { skip }, async (t) => {
  await assert.rejects(
    startServerProcess(t, { program: "neighbour", config: "no_such_key: 1" }),
    /ended \(\{"code":1,"signal":null\}\) before it logged(?:.|\n)*no_such_key/,
  );
});

test("the end of the scope ends the server and removes its folder", { skip }, async () => {
  const scope = new ManualScope();
  const server = await startServerProcess(scope, { program: "neighbour" });
  assert.ok(existsSync(server.folder));
  await scope.close();
  assert.deepEqual(server.ended, { code: null, signal: "SIGKILL" });
  assert.ok(!existsSync(server.folder));
});
