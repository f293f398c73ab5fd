import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectNats } from "@nats-io/transport-node";
import { type CuttingProxy, cuttingProxy, startTestServer } from "./index.js";

/** A proxy before a server that sends back what it is sent. */
async function echoBehindProxy(t: TestContext): Promise<CuttingProxy> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  t.after(() => void echo.close());
  await once(echo, "listening");
  return cuttingProxy((echo.address() as { port: number }).port, t);
}

async function linked(proxy: CuttingProxy): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true }).setEncoding("latin1");
  socket.write("hello");
  assert.equal((await once(socket, "data"))[0], "hello");
  return socket;
}

test("bytes and ends pass unchanged", async (t) => {
  const proxy = await echoBehindProxy(t);
  const socket = await linked(proxy);
  assert.equal(proxy.links, 1);
  const sent = "0123456789".repeat(200_000);
  socket.end(sent);
  let got = "";
  socket.on("data", (text) => {
    got += text;
  });
  await once(socket, "end");
  assert.equal(got.length, sent.length);
  assert.equal(got === sent, true);
});

test("a cut resets links and new ones, until it is healed", async (t) => {
  const proxy = await echoBehindProxy(t);
  const socket = await linked(proxy);
  proxy.cut();
  assert.equal(((await once(socket, "error"))[0] as { code?: string }).code, "ECONNRESET");
  const next = connect(proxy.port, proxy.host);
  await once(next, "error").catch(() => {});
  proxy.heal();
  const healed = await linked(proxy);
  assert.equal(proxy.links, 1);
  healed.destroy();
});

test("a freeze holds back what is sent, a heal lets it pass in order", async (t) => {
  const proxy = await echoBehindProxy(t);
  const socket = await linked(proxy);
  proxy.freeze();
  let got = "";
  socket.on("data", (text) => {
    got += text;
  });
  const late = connect(proxy.port, proxy.host).setEncoding("latin1");
  await once(late, "connect");
  late.write("late");
  for (const part of ["a", "b", "c"]) await new Promise<void>((done) => socket.write(part, () => done()));
  // A round trip through another proxy is longer than what was written would have taken.
  (await linked(await echoBehindProxy(t))).destroy();
  assert.equal(got, "");
  assert.equal(proxy.links, 2);
  proxy.heal();
  while ((got as string) !== "abc") await once(socket, "data");
  assert.equal((await once(late, "data"))[0], "late");
  socket.destroy();
  late.destroy();
});

test("a slow link delays both ways and keeps the order", async (t) => {
  const proxy = await echoBehindProxy(t);
  const socket = await linked(proxy);
  proxy.slow({ latencyMs: 40 });
  const startMs = performance.now();
  socket.write("a");
  await new Promise(setImmediate);
  socket.write("b");
  let got = "";
  while (got !== "ab") got += (await once(socket, "data"))[0];
  assert.ok(performance.now() - startMs >= 79, `${performance.now() - startMs}`);
  proxy.slow({ bytesPerSecond: 100_000 });
  const narrowMs = performance.now();
  socket.write("x".repeat(5000));
  got = "";
  while (got.length < 5000) got += (await once(socket, "data"))[0];
  assert.ok(performance.now() - narrowMs >= 49, `${performance.now() - narrowMs}`);
  socket.destroy();
});

test("a closed proxy resets its links and refuses new ones", async (t) => {
  const proxy = await echoBehindProxy(t);
  const socket = await linked(proxy);
  const reset = once(socket, "error");
  await Promise.all([proxy.close(), proxy.close()]);
  assert.equal(((await reset)[0] as { code?: string }).code, "ECONNRESET");
  const [error] = await once(connect(proxy.port, proxy.host), "error");
  assert.equal((error as { code?: string }).code, "ECONNREFUSED");
  assert.equal(proxy.links, 0);
});

test("a target that is away resets the link", async (t) => {
  const proxy = await cuttingProxy("nats://127.0.0.1:1", t);
  const [error] = await once(connect(proxy.port, proxy.host), "error");
  assert.equal((error as { code?: string }).code, "ECONNRESET");
});

test("an official client finds its way back through a healed link", async (t) => {
  const server = await startTestServer(t);
  const proxy = await cuttingProxy(server, t);
  const nc = await connectNats({ servers: proxy.url, reconnectTimeWait: 10, maxReconnectAttempts: -1 });
  t.after(() => nc.close());
  const statuses = nc.status()[Symbol.asyncIterator]();
  proxy.cut();
  while ((await statuses.next()).value.type !== "disconnect");
  proxy.heal();
  while ((await statuses.next()).value.type !== "reconnect");
  await nc.flush();
  assert.equal(proxy.links, 1);
});
