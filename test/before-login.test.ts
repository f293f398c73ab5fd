// Who has not logged in costs little: what it sends is bounded in size, the connection in time, and nothing of it is done.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

const USERS = { authorization: { users: [{ user: "ada", password: "p" }], timeoutMs: 1500 } };
const LOGIN = 'CONNECT {"user":"ada","pass":"p","verbose":false}\r\n';
const VIOLATION = "-ERR 'Authorization Violation'\r\n";

async function after(sim: SimulatedServer, bytes: string): Promise<SimulatedClient> {
  const client = await sim.connect();
  client.send(bytes);
  await sim.settle();
  return client;
}

test("no operation but CONNECT is done, and the first one ends the connection", async () => {
  const sim = await startSimulatedServer(USERS);
  const watcher = await sim.connect();
  watcher.send(`${LOGIN}SUB > 1\r\n`);
  await sim.settle();
  for (const operation of [
    ...[
      "PING\r\n",
      "PONG\r\n",
      "SUB > 1\r\n",
      "UNSUB 1\r\n",
      "PUB a 1\r\nx\r\n",
      "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    ],
    ...["INFO {}\r\n", "+OK\r\n", "-ERR x\r\n", "MSG a 1 0\r\n\r\n", "GET / HTTP/1.1\r\n", "\x16\x03\x01\r\n", "\r\n"],
  ]) {
    const client = await after(sim, `${operation}${LOGIN}SUB > 1\r\nPUB a 1\r\nx\r\n`);
    assert.equal(client.take(), VIOLATION, JSON.stringify(operation));
    assert.ok(client.ended || client.closed);
  }
  assert.equal(watcher.take(), "");
  assert.equal(sim.server.accounts.global.connections, 1);
});

test("a line that does not end is given up at the size of a control line", async () => {
  const sim = await startSimulatedServer(USERS);
  for (const beginning of ["CONNECT {", `CONNECT {"user":"`, "SUB ", "x"]) {
    const client = await after(sim, beginning);
    let sent = 0;
    for (; !client.ended && !client.closed && sent < 64; sent++) {
      client.send("a".repeat(1024));
      await sim.settle();
    }
    assert.ok(sent <= 5, `${beginning}: ${sent} KB`);
    assert.match(client.take(), /^-ERR '(maximum control line exceeded|Authorization Violation)'\r\n$/);
  }
  const whole = await after(sim, `CONNECT {"user":"ada","pass":"p","name":"${"n".repeat(5000)}"}\r\n`);
  assert.equal(whole.take(), "-ERR 'maximum control line exceeded'\r\n");
});

test("the time to log in runs from the start, whatever trickles in", async () => {
  const sim = await startSimulatedServer(USERS);
  const [silent, dribbling] = [await sim.connect(), await sim.connect()];
  for (const [at, byte] of [...LOGIN.slice(0, 19)].entries()) {
    assert.ok(!dribbling.ended, `after ${at} bytes`);
    dribbling.send(byte);
    await sim.advance(70);
  }
  await sim.advance(300);
  for (const client of [silent, dribbling]) {
    assert.equal(client.take(), "-ERR 'Authentication Timeout'\r\n");
    assert.ok(client.ended || client.closed);
  }
  assert.equal(sim.server.clients.size, 0);
});

test("those who have not logged in count for max_connections, and leave room when they go", async () => {
  const sim = await startSimulatedServer({ ...USERS, maxConnections: 3 });
  for (let i = 0; i < 3; i++) await sim.connect();
  const fourth = await sim.connect();
  assert.equal(fourth.take(), "-ERR 'maximum connections exceeded'\r\n");
  await sim.advance(2000);
  const fifth = await after(sim, `${LOGIN}PING\r\n`);
  assert.equal(fifth.take(), "PONG\r\n");
});

test("wrong logins leave nothing behind: no account is touched, no subscription made", async () => {
  const sim = await startSimulatedServer(USERS);
  for (let i = 0; i < 10; i++) {
    const client = await after(sim, `CONNECT {"user":"ada","pass":"${i}"}\r\nSUB > 1\r\nPUB a 1\r\nx\r\n`);
    assert.equal(client.take(), VIOLATION);
  }
  assert.equal(sim.server.clients.size, 0);
  assert.equal(sim.server.accounts.global.connections, 0);
  assert.equal(sim.server.totals.inMsgs, 0);
});
