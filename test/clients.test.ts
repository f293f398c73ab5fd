// The official client against a server in this process: over TCP with nothing but a URL, and without a socket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import {
  AuthorizationError,
  type ConnectionOptions,
  headers,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  RequestError,
} from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { type NatsServer, type StartOptions, startServer } from "../src/index.js";
import { CertificateAuthority } from "./support/certificates.js";
import { temporaryFolder } from "./support/temporary-folder.js";

interface Ends {
  after(run: () => Promise<void>): void;
}

async function started(t: Ends, options: StartOptions = {}): Promise<NatsServer> {
  const server = await startServer({ host: "127.0.0.1", port: -1, ...options });
  t.after(() => server.close());
  return server;
}

/** Both ways to the same server. */
const ways: [string, (server: NatsServer, options?: ConnectionOptions) => Promise<NatsConnection>][] = [
  ["TCP", (server, options) => connect({ ...options, servers: server.clientUrl })],
  ["in process", (server, options) => server.connect(options)],
];

async function received(subscription: AsyncIterable<Msg>, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of subscription) if (texts.push(message.string()) === count) break;
  return texts;
}

for (const [way, enter] of ways) {
  test(`publish and subscribe, ${way}`, async (t) => {
    const server = await started(t);
    const nc = await enter(server);
    const subscription = nc.subscribe("greet.*");
    nc.publish("greet.joe", "hello");
    nc.publish("greet.sue", "hi");
    assert.deepEqual(await received(subscription, 2), ["hello", "hi"]);
    await nc.close();
    assert.equal(await nc.closed(), undefined);
  });

  test(`requests, with and without a shared inbox, ${way}`, async (t) => {
    const server = await started(t);
    const nc = await enter(server);
    nc.subscribe("double", { callback: (_, message) => void message.respond(String(2 * Number(message.string()))) });
    assert.equal((await nc.request("double", "4")).string(), "8");
    assert.equal((await nc.request("double", "5", { timeout: 2000, noMux: true })).string(), "10");
    const many: string[] = [];
    for await (const answer of await nc.requestMany("double", "6", {
      strategy: "count",
      maxMessages: 1,
      maxWait: 2000,
    })) {
      many.push(answer.string());
    }
    assert.deepEqual(many, ["12"]);
    await nc.close();
  });

  test(`a request that nobody answers fails at once, ${way}`, async (t) => {
    const nc = await enter(await started(t));
    for (const noMux of [false, true]) {
      await assert.rejects(nc.request("nobody", "", { timeout: 5000, noMux }), (error: Error) => {
        return error instanceof RequestError && error.cause instanceof NoRespondersError;
      });
    }
    await nc.close();
  });

  test(`headers arrive as they were sent, ${way}`, async (t) => {
    const nc = await enter(await started(t));
    const subscription = nc.subscribe("h");
    const sent = headers();
    sent.append("Trace", "1");
    sent.append("Trace", "2");
    sent.set("Name", "Jürgen");
    nc.publish("h", "body", { headers: sent });
    for await (const message of subscription) {
      assert.deepEqual(message.headers?.values("Trace"), ["1", "2"]);
      assert.equal(message.headers?.get("Name"), "Jürgen");
      assert.equal(message.string(), "body");
      break;
    }
    await nc.close();
  });

  test(`user and password, ${way}`, async (t) => {
    const server = await started(t, { authorization: { users: [{ user: "joe", password: "secret" }] } });
    const nc = await enter(server, { user: "joe", pass: "secret" });
    assert.equal(nc.info?.auth_required, true);
    await nc.flush();
    await nc.close();
    await assert.rejects(enter(server, { user: "joe", pass: "wrong" }), AuthorizationError);
    await assert.rejects(enter(server), AuthorizationError);
  });

  test(`a token, ${way}`, async (t) => {
    const server = await started(t, { authorization: { token: "secret" } });
    const nc = await enter(server, { token: "secret" });
    await nc.flush();
    await nc.close();
    await assert.rejects(enter(server, { token: "wrong" }), AuthorizationError);
  });

  test(`a drain delivers what was on its way and then closes, ${way}`, async (t) => {
    const server = await started(t);
    const [nc, other] = [await enter(server), await enter(server)];
    const subscription = nc.subscribe("work");
    await nc.flush();
    for (let i = 0; i < 1000; i++) other.publish("work", String(i));
    await other.flush();
    await nc.drain();
    const texts: string[] = [];
    for await (const message of subscription) texts.push(message.string());
    assert.equal(texts.length, 1000);
    assert.equal(texts[999], "999");
    assert.equal(nc.isClosed(), true);
    await other.close();
  });

  test(`a large payload arrives whole, ${way}`, async (t) => {
    const nc = await enter(await started(t));
    const subscription = nc.subscribe("large");
    const payload = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
    nc.publish("large", payload);
    for await (const message of subscription) {
      assert.ok(Buffer.from(payload).equals(message.data));
      break;
    }
    await nc.close();
  });
}

test("TLS, which a connection inside the process does without", async (t) => {
  const folder = temporaryFolder(t);
  const authority = new CertificateAuthority();
  const { certificate, key } = authority.issue();
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certFile, certificate);
  writeFileSync(keyFile, key);
  const server = await started(t, { tls: { certFile, keyFile } });
  const [secured, inside] = [
    await connect({ servers: server.clientUrl, tls: { ca: authority.certificate } }),
    await server.connect(),
  ];
  assert.deepEqual([secured.info?.tls_required, inside.info?.tls_required], [true, undefined]);
  const subscription = inside.subscribe("s");
  await inside.flush();
  secured.publish("s", "through TLS");
  assert.deepEqual(await received(subscription, 1), ["through TLS"]);
  await Promise.all([secured.close(), inside.close()]);
});

test("members of a queue group share the messages", async (t) => {
  const server = await started(t);
  const counts = [0, 0, 0];
  const members = await Promise.all(counts.map(() => connect({ servers: server.clientUrl })));
  let outstanding = 600;
  const all = new Promise<void>((resolve) => {
    for (const [i, member] of members.entries()) {
      const callback = (): void => {
        counts[i]++;
        if (--outstanding === 0) resolve();
      };
      member.subscribe("jobs", { queue: "workers", callback });
    }
  });
  await Promise.all(members.map((member) => member.flush()));
  const publisher = await connect({ servers: server.clientUrl });
  for (let i = 0; i < 600; i++) publisher.publish("jobs");
  await all;
  await publisher.flush();
  assert.equal(outstanding, 0);
  for (const count of counts) assert.ok(count > 100, `${counts}`);
  await Promise.all([publisher, ...members].map((client) => client.close()));
});

test("permissions are the client's own errors", async (t) => {
  const user = { user: "a", password: "b", permissions: { publish: { deny: ["no.>"] } } };
  const server = await started(t, { authorization: { users: [user] } });
  const nc = await server.connect({ user: "a", pass: "b" });
  const told = (async () => {
    for await (const status of nc.status()) if (status.type === "error") return String(status.error);
    return "";
  })();
  nc.publish("no.way", "");
  assert.match(await told, /no\.way/);
  await nc.close();
});

test("a client reconnects after a restart on the same port, its subscriptions with it", async (t) => {
  const first = await startServer({ host: "127.0.0.1", port: -1 });
  const nc = await connect({ servers: first.clientUrl, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
  t.after(() => nc.close());
  // An in-process connection in between must not change how the other one reconnects.
  const inside = await first.connect();
  const subscription = nc.subscribe("after");
  await nc.flush();
  const statuses = nc.status()[Symbol.asyncIterator]();
  await first.close();
  assert.equal(await inside.closed(), undefined);
  const second = await startServer({ host: "127.0.0.1", port: first.address.port });
  t.after(() => second.close());
  const heard: string[] = [];
  while (heard.at(-1) !== "reconnect") heard.push((await statuses.next()).value.type);
  assert.ok(heard.includes("disconnect"));
  nc.publish("after", "again");
  assert.deepEqual(await received(subscription, 1), ["again"]);
  assert.equal((await second.status()).connections, 1);
});

test("in-process and TCP connections made at the same moment do not get in each other's way", async (t) => {
  const [a, b] = [await started(t), await started(t)];
  const [overTcp, inside, alsoTcp] = await Promise.all([
    connect({ servers: b.clientUrl }),
    a.connect(),
    connect({ servers: a.clientUrl }),
  ]);
  assert.deepEqual(
    [overTcp, inside, alsoTcp].map((client) => client.info?.server_id),
    [b.id, a.id, a.id],
  );
  assert.equal(inside.info?.client_ip ?? "", "");
  await Promise.all([overTcp, inside, alsoTcp].map((client) => client.close()));
});

test("two servers in one process do not hear each other", async (t) => {
  const [a, b] = [await started(t), await started(t)];
  const [onA, onB] = [await connect({ servers: a.clientUrl }), await b.connect()];
  const heard: string[] = [];
  onA.subscribe("s", { callback: (_, message) => void heard.push(message.string()) });
  await onA.flush();
  onB.publish("s", "from b");
  await onB.flush();
  onA.publish("s", "from a");
  await onA.flush();
  assert.deepEqual(heard, ["from a"]);
  await Promise.all([onA.close(), onB.close()]);
});

test("an in-process connection reconnects while its server runs, and closes with it", async (t) => {
  const server = await started(t, { authorization: { users: [{ user: "a", password: "a" }] } });
  const nc = await server.connect({ user: "a", pass: "a", reconnectTimeWait: 10 });
  const subscription = nc.subscribe("s");
  await nc.flush();
  const statuses = nc.status()[Symbol.asyncIterator]();
  await nc.reconnect();
  const heard: string[] = [];
  while (heard.at(-1) !== "reconnect") heard.push((await statuses.next()).value.type);
  nc.publish("s", "again");
  assert.deepEqual(await received(subscription, 1), ["again"]);
  await server.close();
  assert.equal(await nc.closed(), undefined);
  await assert.rejects(server.connect(), { name: "ConnectionError" });
});

test("an in-process connection that is turned away fails at once", async (t) => {
  const server = await started(t, { maxConnections: 1 });
  const nc = await server.connect();
  await assert.rejects(server.connect(), /maximum connections exceeded/i);
  await nc.close();
});

test("the official client works over a stream that the server was handed", async (t) => {
  const server = await started(t);
  const door = createServer((socket: Socket) => server.handle(socket)).listen(0, "127.0.0.1");
  t.after(() => void door.close());
  await once(door, "listening");
  const { port } = door.address() as { port: number };
  const nc = await connect({ servers: `127.0.0.1:${port}` });
  const subscription = nc.subscribe("s");
  nc.publish("s", "through the door");
  assert.deepEqual(await received(subscription, 1), ["through the door"]);
  await nc.close();
});

test("a client that vanishes without a word is noticed", async (t) => {
  const server = await started(t);
  const left = new Promise((resolve) => server.once("disconnect", resolve));
  const socket = dial(server.address.port, "127.0.0.1");
  socket.write("CONNECT {}\r\nPING\r\n");
  await once(socket, "data");
  socket.resetAndDestroy();
  await left;
  assert.equal((await server.status()).connections, 0);
});
