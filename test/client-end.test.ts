// The end of a client's input while there is still work to do for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLocalServer } from "./support/local-server.js";
import { connectClient, connectRaw } from "./support/raw-client.js";

const BCRYPT_OF_SESAME = "$2b$04$nQ738nkuYJNWUx5rYopnVOxL6m2vUZetBq8EPmY9qmWs9q91RsZkS";

test("what a client sends just before it closes its side is handled, and the answers reach it", async (t) => {
  const { server, port } = await startLocalServer(t);
  const listener = await connectClient(t, port);
  listener.send("SUB last 1\r\n");
  await listener.sync();
  const client = await connectClient(t, port);
  client.send(`SUB own 1\r\nPUB last 3\r\nbye\r\n${"PUB own 1000\r\n".concat("y".repeat(1000), "\r\n").repeat(500)}`);
  client.socket.end();
  assert.equal((await listener.expect("MSG last 1 3")).payload, "bye");
  assert.equal((await client.closed()).length, 500);
  assert.equal(server.clients.size, 1);
});

test("a client that closed its side gets all pending output, megabytes of it, though it reads late", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  const publisher = await connectClient(t, port);
  client.send("SUB load 1\r\n");
  await client.sync();
  client.socket.pause();
  const payload = "z".repeat(100_000);
  for (let i = 0; i < 200; i++) publisher.send(`PUB load ${payload.length}\r\n${payload}\r\n`);
  await publisher.sync();
  client.socket.end();
  await publisher.sync();
  let count = 0;
  client.handle = (item) => {
    assert.equal(item.payload.length, payload.length);
    count++;
    return true;
  };
  client.socket.resume();
  assert.deepEqual(await client.closed(20_000), []);
  assert.equal(count, 200);
});

test("input behind a CONNECT whose password takes time is handled after it, in order, at any size", async (t) => {
  const { port } = await startLocalServer(t, { authorization: { users: [{ user: "u", password: BCRYPT_OF_SESAME }] } });
  const client = await connectRaw(t, port);
  await client.info();
  const payload = "p".repeat(50_000);
  client.send(
    `CONNECT {"user":"u","pass":"sesame","verbose":false}\r\nSUB a 1\r\n${`PUB a 50000\r\n${payload}\r\n`.repeat(60)}`,
  );
  let count = 0;
  client.handle = ({ line }) => {
    if (line === "MSG a 1 50000") count++;
    return line === "MSG a 1 50000";
  };
  assert.deepEqual(await client.sync(20_000), []);
  assert.equal(count, 60);
});

test("a client that closes its side while its password is checked is still served", async (t) => {
  const { server, port } = await startLocalServer(t, {
    authorization: { users: [{ user: "u", password: BCRYPT_OF_SESAME }] },
  });
  const listener = await connectClient(t, port, { user: "u", pass: "sesame" });
  listener.send("SUB last 1\r\n");
  await listener.sync();
  const client = await connectRaw(t, port);
  await client.info();
  client.send('CONNECT {"user":"u","pass":"sesame","verbose":false}\r\nPUB last 3\r\nbye\r\nPING\r\n');
  client.socket.end();
  assert.equal((await listener.expect("MSG last 1 3")).payload, "bye");
  assert.deepEqual(
    (await client.closed()).map((item) => item.line),
    ["PONG"],
  );
  assert.equal(server.clients.size, 1);
});

test("a wrong password that takes time to check: nothing behind CONNECT is handled", async (t) => {
  const { server, port } = await startLocalServer(t, {
    authorization: { users: [{ user: "u", password: BCRYPT_OF_SESAME }] },
  });
  const client = await connectRaw(t, port);
  await client.info();
  client.send('CONNECT {"user":"u","pass":"wrong","verbose":false}\r\nPUB a 1\r\nx\r\nPING\r\n');
  assert.deepEqual(
    (await client.closed()).map((item) => item.line),
    ["-ERR 'Authorization Violation'"],
  );
  assert.equal((await server.collect()).inMsgs, 0);
});

test("a client that goes away while its password is checked leaves nothing behind", async (t) => {
  const { server, port } = await startLocalServer(t, {
    authorization: { users: [{ user: "u", password: BCRYPT_OF_SESAME }] },
  });
  const own = server.accounts.global.sublist.size;
  const gone = new Promise<void>((resolve) => server.events.on("disconnect", () => resolve()));
  const client = await connectRaw(t, port);
  await client.info();
  client.send('CONNECT {"user":"u","pass":"sesame","verbose":false}\r\nSUB a 1\r\n');
  client.socket.resetAndDestroy();
  await gone;
  await connectClient(t, port, { user: "u", pass: "sesame" });
  assert.equal(server.clients.size, 1);
  assert.equal(server.accounts.global.connections, 1);
  assert.equal(server.accounts.global.sublist.size, own);
});

test("an error is told before the close, after all that was written before it", async (t) => {
  const { port } = await startLocalServer(t);
  const client = await connectClient(t, port);
  client.send(`SUB a 1\r\n${"PUB a 1\r\nx\r\n".repeat(2000)}NONSENSE\r\nPUB a 1\r\nx\r\n`);
  const got = await client.closed();
  assert.equal(got.length, 2001);
  assert.equal(got[2000].line, "-ERR 'Unknown Protocol Operation'");
});
