// Floods of wrong logins, in virtual time: whoever logs in rightly waits for a few turns at most, wherever the flood comes from.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
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
