// The server as an object: its states, events, rooms and numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import type { TransportHandler } from "../runtime/network.js";
import { nodeRuntime } from "../runtime/node/index.js";
import { transportPair } from "../runtime/pipe.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { SubjectMappings } from "../subjects/mapping.js";
import { CloseReason } from "./close-reason.js";
import { Server } from "./server.js";

function simulated(options: ServerOptions = {}) {
  const world = simulatedRuntime({ seed: 3 });
  const server = new Server(resolveOptions({ host: "0.0.0.0", port: 4222, ...options }), { runtime: world });
  const settle = (): Promise<void> => world.clock.advance(5);
  /** A client inside the process; what it received is in `text`. */
  const attach = async (...lines: string[]) => {
    const [near, far] = transportPair(world.clock);
    server.handle(far);
    const client = {
      text: "",
      send: (line: string) => near.write([Buffer.from(line, "latin1")]),
      end: () => near.end(),
    };
    near.start({
      onData: (chunk, start, end) => {
        client.text += chunk.toString("latin1", start, end);
      },
      onDrain: () => {},
      onEnd: () => {},
      onClose: () => {},
    });
    for (const line of lines) client.send(line);
    await settle();
    return client;
  };
  return { world, server, settle, attach };
}

test("events come in the order of what happens", async () => {
  const { world, server, settle, attach } = simulated({ authorization: { user: "u", password: "p" } });
  const seen: string[] = [];
  server.events.on("ready", () => seen.push("ready"));
  server.events.on("connect", (client) => seen.push(`connect ${client.id} ${client.userName}`));
  server.events.on("disconnect", (client) => seen.push(`disconnect ${client.id} ${client.closeReason}`));
  server.events.on("refused", (client) => seen.push(`refused ${client.id}`));
  server.events.on("lameDuck", () => seen.push("lameDuck"));
  server.events.on("closed", () => seen.push("closed"));
  await world.clock.settle(server.start());
  const good = await attach('CONNECT {"user":"u","pass":"p"}\r\n');
  await attach('CONNECT {"user":"u","pass":"wrong"}\r\n');
  const done = server.lameDuck();
  await settle();
  good.end();
  await world.clock.settle(done);
  assert.deepEqual(seen, [
    "ready",
    "connect 1 u",
    "refused 2",
    `disconnect 2 ${CloseReason.authenticationViolation}`,
    "lameDuck",
    `disconnect 1 ${CloseReason.clientClosed}`,
    "closed",
  ]);
});

test("a listener that throws harms nobody and is told of as an error", async () => {
  const { world, server } = simulated();
  const seen: string[] = [];
  server.events.on("ready", () => {
    throw new Error("mine");
  });
  const stop = server.events.on("ready", () => seen.push("not any more"));
  server.events.on("ready", () => seen.push("second"));
  server.events.on("error", (error) => seen.push(error.message));
  server.events.on("error", () => {
    throw new Error("again");
  });
  stop();
  await world.clock.settle(server.start());
  assert.deepEqual(seen, ["mine", "second"]);
});

test("states: started once, closed for good, and a failing room or port leaves nothing open", async () => {
  const { world, server } = simulated();
  assert.equal(server.state, "new");
  await world.clock.settle(server.start());
  assert.equal(server.state, "running");
  await assert.rejects(server.start(), /running cannot be started/);
  await world.clock.settle(server.close());
  assert.equal(server.state, "closed");
  await assert.rejects(server.start(), /closed cannot be started/);

  const runtime = nodeRuntime();
  const options = { host: "127.0.0.1", port: -1 };
  const first = new Server(resolveOptions(options), { runtime });
  await first.start();
  const { port } = first.address as { port: number };
  const second = new Server(resolveOptions({ ...options, port }), { runtime });
  const closedRooms: string[] = [];
  second.use({ close: async () => void closedRooms.push("room") });
  await assert.rejects(second.start(), { code: "EADDRINUSE" });
  assert.equal(second.state, "closed");
  assert.deepEqual(closedRooms, ["room"]);
  await first.close();
  const third = new Server(resolveOptions({ ...options, port }), { runtime });
  third.use({ start: () => Promise.reject(new Error("no room")) });
  await assert.rejects(third.start(), /no room/);
  assert.equal(third.address, undefined);
});

test("rooms start in order before the listener, close in reverse, and name their addresses", async () => {
  const { world, server } = simulated();
  const seen: string[] = [];
  for (const name of ["a", "b"]) {
    server.use({
      start: async () => void seen.push(`start ${name} ${server.address === undefined}`),
      close: async () => void seen.push(`close ${name}`),
      addresses: () => ({ [name]: { host: "h", port: 1 } }),
    });
  }
  await world.clock.settle(server.start());
  assert.deepEqual(Object.keys(server.addresses), ["client", "a", "b"]);
  await world.clock.settle(server.close());
  assert.deepEqual(seen, ["start a true", "start b true", "close b", "close a"]);
});

test("a client on any transport is served, and turned away once the server ends", async () => {
  const { world, server, attach } = simulated();
  await world.clock.settle(server.start());
  const client = await attach('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n');
  assert.match(client.text, /^INFO \{.*\} \r\nMSG a 1 2\r\nhi\r\n$/);
  await world.clock.settle(server.close());
  const late = await attach("PING\r\n");
  assert.equal(late.text, "");
});

test("the numbers count messages and payload bytes, also of clients that have gone", async () => {
  const { world, server, settle, attach } = simulated();
  await world.clock.settle(server.start());
  const own = (await server.collect()).subscriptions;
  const one = await attach('CONNECT {"verbose":false}\r\nSUB a 1\r\nSUB a 2\r\n');
  await attach('CONNECT {"verbose":false}\r\nPUB a 5\r\nhello\r\nPUB b 1\r\nx\r\n');
  const expected = {
    connections: 2,
    totalConnections: 2,
    subscriptions: 2,
    inMsgs: 2,
    inBytes: 6,
    outMsgs: 2,
    outBytes: 10,
  };
  const pick = async () => {
    const { connections, totalConnections, inMsgs, inBytes, outMsgs, outBytes } = await server.collect();
    const subscriptions = (await server.collect()).subscriptions - own;
    return { connections, totalConnections, subscriptions, inMsgs, inBytes, outMsgs, outBytes };
  };
  assert.deepEqual(await pick(), expected);
  one.end();
  await settle();
  assert.deepEqual(await pick(), { ...expected, connections: 1, subscriptions: 0 });
  assert.equal(server.accounts.global.connections, 1);
});

test("an exception on the path of one client's input ends that client alone", async () => {
  const { world, server, settle, attach } = simulated();
  await world.clock.settle(server.start());
  const bad = await attach('CONNECT {"verbose":false}\r\n');
  const good = await attach('CONNECT {"verbose":false}\r\n');
  const [first] = server.clients.values();
  const { deliver } = server.router;
  server.router.deliver = (interest, message, source) => {
    if (source === first) throw new Error("broken");
    return deliver.call(server.router, interest, message, source);
  };
  bad.send("PUB a 0\r\n\r\n");
  good.send("SUB a 1\r\nPUB a 0\r\n\r\n");
  await settle();
  assert.equal(first.closeReason, CloseReason.internalError);
  assert.match(good.text, /MSG a 1 0\r\n/);
  assert.equal(server.clients.size, 1);
});

test("an application's message goes the way of all messages, headers included", async () => {
  const { world, server, settle, attach } = simulated();
  await world.clock.settle(server.start());
  const client = await attach('CONNECT {"verbose":false,"headers":true}\r\nSUB a.* 1\r\n');
  client.text = "";
  const { global } = server.accounts;
  const headers = Buffer.from("NATS/1.0\r\n\r\n");
  assert.equal(server.publish(global, "a.b", "r", headers, Buffer.from("hi")), 1);
  assert.equal(server.publish(global, "a.c", "", Buffer.alloc(0), Buffer.alloc(0)), 1);
  assert.equal(server.publish(global, "z", "", Buffer.alloc(0), Buffer.alloc(0)), 0);
  await settle();
  assert.equal(client.text, "HMSG a.b 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG a.c 1 0\r\n\r\n");
});

test("mappings that change hold for the next message of a subject that was published before", async () => {
  const { world, server, settle, attach } = simulated();
  await world.clock.settle(server.start());
  const client = await attach('CONNECT {"verbose":false}\r\nSUB > 1\r\nPUB a 0\r\n\r\n');
  client.text = "";
  server.accounts.global.mappings = new SubjectMappings({ a: [{ destination: "b", weight: 100 }] });
  client.send("PUB a 0\r\n\r\n");
  await settle();
  assert.equal(client.text, "MSG b 1 0\r\n\r\n");
});

test("a fixed mapping is found once for a subject, one by weights for each message", async () => {
  const { world, server, settle, attach } = simulated();
  await world.clock.settle(server.start());
  const client = await attach('CONNECT {"verbose":false}\r\nSUB > 1\r\n');
  let looked: string[] = [];
  class Watched extends SubjectMappings {
    override map(subject: string, random: () => number): string {
      looked.push(subject);
      return super.map(subject, random);
    }
  }
  server.accounts.global.mappings = new Watched({
    "fixed.*": [{ destination: "to.$1", weight: 100 }],
    shared: [{ destination: "s", weight: 50 }],
  });
  client.text = "";
  client.send("PUB fixed.a 0\r\n\r\n".repeat(3) + "PUB shared 0\r\n\r\n".repeat(3));
  await settle();
  assert.deepEqual(looked, ["fixed.a", "shared", "shared", "shared"]);
  assert.match(client.text, /^(MSG to\.a 1 0\r\n\r\n){3}(MSG (s|shared) 1 0\r\n\r\n){3}$/);

  // New interest is found all the same.
  looked = [];
  client.text = "";
  client.send("SUB to.a 2\r\nPUB fixed.a 0\r\n\r\n");
  await settle();
  assert.deepEqual(looked, ["fixed.a"]);
  assert.match(client.text, /^(MSG to\.a [12] 0\r\n\r\n){2}$/);
});

const BCRYPT_OF_SESAME = "$2b$04$nQ738nkuYJNWUx5rYopnVOxL6m2vUZetBq8EPmY9qmWs9q91RsZkS";

test("input that ended while the login was decided is handled, then the connection is closed", async () => {
  const users = [{ user: "u", password: BCRYPT_OF_SESAME }];
  const server = new Server(resolveOptions({ authorization: { users } }), { runtime: nodeRuntime() });
  const gone = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  let written = "";
  let handler: TransportHandler | undefined;
  const nothing = (): void => {};
  server.handle({
    remoteAddress: "",
    remotePort: 0,
    localAddress: "",
    localPort: 0,
    inProcess: true,
    bufferedBytes: 0,
    start: (owner) => {
      handler = owner;
    },
    write: (chunks) => {
      written += Buffer.concat(chunks).toString("latin1");
    },
    pause: nothing,
    resume: nothing,
    end: nothing,
    destroy: nothing,
  });
  const input = Buffer.from('CONNECT {"user":"u","pass":"sesame","verbose":false}\r\nPING\r\n');
  handler?.onData(input, 0, input.length);
  // An encrypted socket tells its end though reading is paused.
  handler?.onEnd();
  await gone;
  assert.match(written, /^INFO .*\r\nPONG\r\n$/);
});

test("a login that was under way when its user was removed by a reload is refused", async () => {
  const options = (user: string) => ({ authorization: { users: [{ user, password: BCRYPT_OF_SESAME }] } });
  const server = new Server(resolveOptions(options("u")), { runtime: nodeRuntime() });
  const gone = new Promise<CloseReason | undefined>((resolve) =>
    server.events.on("disconnect", (client) => resolve(client.closeReason)),
  );
  let letIn = false;
  server.events.on("connect", () => {
    letIn = true;
  });
  const [near, far] = transportPair(server.runtime.clock);
  server.handle(far);
  const nothing = (): void => {};
  near.start({ onData: nothing, onDrain: nothing, onEnd: nothing, onClose: nothing });
  near.write([Buffer.from('CONNECT {"user":"u","pass":"sesame","verbose":false}\r\n')]);
  const [client] = server.clients.values();
  while (!client.connected) await new Promise(setImmediate);
  await server.reload(resolveOptions(options("other")));
  assert.equal(await gone, CloseReason.authenticationViolation);
  assert.equal(letIn, false);
});
