import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandWorld } from "../../test/support/command-run.js";
import { closestGroup } from "./closest-command.js";

const INFO = 'INFO {"server_name":"S1","cluster":"EU","tls_required":true}\r\n';

async function worldWithServer(): Promise<CommandWorld> {
  const world = new CommandWorld();
  const { network, clock } = world.runtime;
  const listening = network.listen({ host: "127.0.0.1", port: 4222 }, (transport) => {
    transport.write([Buffer.from(INFO)]);
  });
  await clock.settle(listening);
  return world;
}

async function closest(world: CommandWorld, ...argv: string[]) {
  return world.runtime.clock.settle(world.run(closestGroup, argv));
}

test("servers are listed, the nearest first, without their passwords", async () => {
  const world = await worldWithServer();
  const { code, out, err } = await closest(world, "nats://127.0.0.1:1", "nats://me:secret@127.0.0.1");
  assert.equal(code, 0, err);
  const [first, second] = out.split("\n");
  assert.match(first, /^ +\d+\.\d\d ms {2}nats:\/\/\*\*\*@127\.0\.0\.1 {2}\(EU\/S1\)$/);
  assert.match(second, /^unreachable {2}nats:\/\/127\.0\.0\.1:1 {2}\(127\.0\.0\.1:1: .*ECONNREFUSED/);
});

test("the URLs alone are for the command lines of other tools", async () => {
  const world = await worldWithServer();
  const { code, out } = await closest(world, "--urls", "nats://127.0.0.1:1,ws://127.0.0.1:4222", "127.0.0.1");
  assert.equal(code, 0);
  assert.deepEqual(out.trim().split(",").sort(), ["127.0.0.1", "ws://127.0.0.1:4222"]);
});

test("nobody there is a failure, and wrong words are told", async () => {
  const world = await worldWithServer();
  assert.equal((await closest(world, "127.0.0.1:1")).code, 1);
  const usage = async (...argv: string[]): Promise<string> => {
    const { code, err } = await closest(world, ...argv);
    assert.equal(code, 2);
    return err;
  };
  assert.match(await usage("--urls"), /^natsnode closest: URL missing\nTry: natsnode closest --help\n$/);
  assert.match(await usage("nats://"), /^natsnode closest: "nats:\/\/" is not a URL of a server\n/);
  assert.match(await usage("a", "--timeout", "soon"), /--timeout: time: invalid duration "soon"/);
  assert.match(await usage("a", "--timeout", "0s"), /--timeout: 0s is no time to wait/);
  assert.match((await closest(world, "--help")).out, /^Usage: natsnode closest URL \[URL\.\.\.\] \[options\]\n/);
});
