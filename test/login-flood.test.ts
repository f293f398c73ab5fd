// Floods of wrong logins, in virtual time: whoever logs in rightly waits for a few turns at most, wherever the flood comes
// from, and whoever guesses waits longer each time. What comes before a login is limited in size and time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { simulatedRuntime } from "../src/runtime/simulated/index.js";
import { accountJwt, JwtWorld, pairOf, userJwt } from "./support/jwt-world.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./support/simulated-server.js";

/** What one comparison with a hash takes in a simulation. */
const COMPARISON_MS = 50;
const HASHED_USERS = ["alice", "bob"].map((user) => ({ user, password: hashSync(`${user}'s`, 4) }));

/** Clients that guess at the password of a user; none has an answer yet. */
async function flood(
  { connect }: SimulatedServer,
  count: number,
  user: string,
  from: string,
): Promise<SimulatedClient[]> {
  const clients: SimulatedClient[] = [];
  for (let i = 0; i < count; i++) clients.push(await connect(from));
  for (const [i, client] of clients.entries()) {
    client.send(`CONNECT {"user":"${user}","pass":"guess ${i}"}\r\n`);
  }
  return clients;
}

const answered = (clients: readonly SimulatedClient[]): number =>
  clients.filter(({ received }) => received !== "").length;

test("a right login takes turns with a flood from elsewhere", async () => {
  const world = await startSimulatedServer({ authorization: { users: HASHED_USERS } });
  const wrong = await flood(world, 100, "alice", "attacker");
  await world.settle();
  const right = await world.login({ user: "alice", pass: "alice's" });
  right.send("PING\r\n");
  await world.advance(3 * COMPARISON_MS);
  assert.equal(right.take(), "PONG\r\n");
  assert.ok(answered(wrong) < 5, `${answered(wrong)} of the flood were answered before`);
});

test("at one address, a user who is not guessed at takes turns with the one who is", async () => {
  const world = await startSimulatedServer({ authorization: { users: HASHED_USERS } });
  await flood(world, 50, "alice", "proxy");
  await flood(world, 50, "nobody", "proxy");
  await world.settle();
  const right = await world.login({ user: "bob", pass: "bob's" }, "proxy");
  right.send("PING\r\n");
  await world.advance(4 * COMPARISON_MS);
  assert.equal(right.take(), "PONG\r\n");
});

test("who was let in before is let in again at once", async () => {
  const world = await startSimulatedServer({ authorization: { users: HASHED_USERS } });
  const first = await world.login({ user: "alice", pass: "alice's" });
  await world.advance(COMPARISON_MS);
  assert.equal(world.server.clients.size, 1);
  first.send("PING\r\n");
  await world.settle();
  assert.equal(first.take(), "PONG\r\n");
  await flood(world, 50, "alice", "clients");
  const again = await world.login({ user: "alice", pass: "alice's" });
  again.send("PING\r\n");
  await world.settle();
  assert.equal(again.take(), "PONG\r\n");
});

test("logins that too many wait before are told so, and nobody else is", async () => {
  const world = await startSimulatedServer({ authorization: { users: HASHED_USERS } });
  const wrong = await flood(world, 300, "alice", "attacker");
  const right = await world.login({ user: "bob", pass: "bob's" }, "attacker");
  await world.advance(4 * COMPARISON_MS);
  right.send("PING\r\n");
  await world.settle();
  assert.equal(right.take(), "PONG\r\n");
  const busy = wrong.filter(({ received }) => received === "-ERR 'Authentication Timeout'\r\n");
  assert.ok(busy.length >= 40 && busy.length <= 44, `${busy.length} of the flood`);
  assert.match(world.log.matching(/too many logins/)[0], /LoginsBusyError/);
});

/** How many guesses one client after the other can make in a time. */
async function guesses(world: SimulatedServer, durationMs: number, from: string): Promise<number> {
  const { monotonicMs } = world.world.clock;
  const endsAt = monotonicMs.call(world.world.clock) + durationMs;
  for (let count = 0; ; count++) {
    const client = await world.login({ user: "carol", pass: `guess ${count}` }, from);
    while (client.received === "") {
      if (monotonicMs.call(world.world.clock) >= endsAt) return count;
      await world.advance(10);
    }
    assert.equal(client.take(), "-ERR 'Authorization Violation'\r\n");
  }
}

test("who guesses at plain passwords soon learns nothing for longer and longer, and nobody else waits", async () => {
  const users = [{ user: "carol", password: "carol's" }];
  const world = await startSimulatedServer({ authorization: { users } });
  const count = await guesses(world, 60_000, "attacker");
  assert.ok(count > 20 && count < 80, `${count} guesses in a minute`);
  for (const from of ["clients", "attacker"]) {
    const right = await world.login({ user: "carol", pass: "carol's" }, from);
    right.send("PING\r\n");
    await world.settle();
    assert.equal(right.take(), "PONG\r\n", from);
  }
  const innocent = await world.login({ user: "carol", pass: "a slip" });
  assert.equal(innocent.take(), "-ERR 'Authorization Violation'\r\n");
});

test("a client that goes while its refusal waits leaves nothing behind, and what it sends meanwhile is not looked at", async () => {
  const world = await startSimulatedServer({ authorization: { token: "t" } });
  await guesses(world, 5_000, "attacker");
  const client = await world.connect("attacker");
  client.send('CONNECT {"auth_token":"x"}\r\nCONNECT {"auth_token":"t"}\r\nPING\r\n');
  await world.settle();
  assert.equal(client.received, "");
  client.transport.destroy();
  await world.advance(2_000);
  assert.equal(world.server.clients.size, 0);
  const patient = await world.connect("attacker");
  patient.send('CONNECT {"auth_token":"x"}\r\nCONNECT {"auth_token":"t"}\r\nPING\r\n');
  await world.advance(2_000);
  assert.equal(patient.take(), "-ERR 'Authorization Violation'\r\n");
});

test("before a login, time and size are limited, however the bytes come", async () => {
  const world = await startSimulatedServer({ authorization: { token: "t", timeoutMs: 1_000 } });
  const slow = await world.connect();
  for (const char of 'CONNECT {"auth_tok') {
    slow.send(char);
    await world.advance(70);
  }
  assert.equal(slow.take(), "-ERR 'Authentication Timeout'\r\n");
  const long = await world.connect();
  long.send(`CONNECT {"auth_token":"${"t".repeat(5_000)}`);
  await world.settle();
  assert.equal(long.take(), "-ERR 'maximum control line exceeded'\r\n");
  for (const first of ["PUB a 1000000\r\n", "PING\r\n", "SUB a 1\r\n", `+OK${"x".repeat(100)}`, "A"]) {
    const early = await world.connect();
    early.send(first);
    await world.settle();
    assert.equal(early.ended || early.closed, true, JSON.stringify(first));
  }
});

test("while a login is decided on, a client cannot make the server keep what it sends", async () => {
  const world = await startSimulatedServer({ authorization: { users: HASHED_USERS } });
  await flood(world, 50, "alice", "attacker");
  const client = await world.connect("attacker");
  client.send('CONNECT {"user":"alice","pass":"x"}\r\n');
  await world.settle();
  const megabyte = Buffer.alloc(1024 * 1024, "x");
  for (let i = 0; i < 32; i++) client.send(megabyte);
  await world.settle();
  assert.ok(client.transport.bufferedBytes > 30 * megabyte.length, `${client.transport.bufferedBytes} bytes not taken`);
});

test("who makes up accounts keeps nobody from the lookup of a real one", async () => {
  const jwts = new JwtWorld();
  const world = simulatedRuntime({ seed: 5 });
  const web = world.host("web");
  const served: Record<string, string> = {
    [jwts.system.nkey]: accountJwt(jwts.operator, jwts.system),
    ...jwts.preload(),
  };
  const asked: string[] = [];
  const unanswered: (() => void)[] = [];
  const listening = web.network.listenHttp({ host: "0.0.0.0", port: 80 }, async ({ url: path }) => {
    const name = path.slice(1);
    asked.push(name);
    const jwt = served[name];
    // The lookup of an account that is not there takes as long as a lookup may.
    if (name !== "" && jwt === undefined) await new Promise<void>((resolve) => unanswered.push(resolve));
    return { status: jwt === undefined && name !== "" ? 404 : 200, body: jwt };
  });
  await world.clock.settle(listening);
  const url = `http://${web.network.interfaceAddresses()[0]}/`;
  const options = jwts.options({}, { resolver: { type: "URL", url }, resolverPreload: undefined });
  const sim = await startSimulatedServer(options, world);
  const made = Array.from({ length: 100 }, () => pairOf("account"));
  for (const account of made) await jwts.login(sim, userJwt(account, jwts.user), jwts.user, {}, "attacker");
  await sim.settle();
  const started = asked.filter((name) => made.some(({ nkey }) => nkey === name)).length;
  assert.ok(started > 0 && started < made.length, `${started} lookups at once`);
  const right = await jwts.login(sim);
  assert.equal(right.take(), "");
  unanswered[0]();
  await sim.settle();
  unanswered[1]();
  await sim.settle();
  assert.equal(right.take(), "PONG\r\n");
});
