import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../runtime/logger.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { Dialer, Solicitation } from "./dialer.js";
import { parseRouteUrl, type RouteUrl } from "./route-url.js";

const URL = parseRouteUrl("nats-route://other:6222") as RouteUrl;

/** A dialer, and the times (in whole milliseconds) at which it has dialled; nobody listens until `listen`. */
function dialing({ retries = 0, backsOff = false } = {}) {
  const world = simulatedRuntime({ seed: 1 });
  const other = world.host("other");
  const attempts: number[] = [];
  const connected: (string | undefined)[] = [];
  const logger = {
    ...silentLogger,
    debugOn: true,
    debug: (text: string) => {
      if (text.startsWith("Trying")) attempts.push(Math.round(world.clock.monotonicMs()));
    },
  };
  const dialer = new Dialer({
    runtime: world,
    logger: () => logger,
    retries: () => retries,
    backsOff: () => backsOff,
    dialled: (_transport, _solicitation, account) => void connected.push(account),
  });
  const listen = () => other.network.listen({ host: "0.0.0.0", port: 6222 }, () => {});
  return { world, dialer, attempts, connected, listen };
}

/** The pauses between attempts, in tenths of a second. */
const pauses = (attempts: readonly number[]): number[] =>
  attempts.slice(1).map((at, i) => Math.round((at - attempts[i]) / 100) / 10);

test("a configured server is dialled every second until it is there", async () => {
  const { world, dialer, attempts, connected, listen } = dialing();
  dialer.start(new Solicitation(URL, true), undefined);
  await world.clock.advance(4_500);
  assert.deepEqual(pauses(attempts), [1, 1, 1, 1]);
  await listen();
  await world.clock.advance(10_000);
  assert.deepEqual([attempts.length, connected, dialer.size], [6, [undefined], 0]);
});

test("with backoff the pauses double, to half a minute at most", async () => {
  const { world, dialer, attempts } = dialing({ backsOff: true });
  dialer.start(new Solicitation(URL, true), undefined);
  await world.clock.advance(125_000);
  assert.deepEqual(pauses(attempts), [1, 2, 4, 8, 16, 30, 30, 30]);
});

test("a server that was learned is given up after its retries", async () => {
  for (const retries of [0, 2]) {
    const { world, dialer, attempts } = dialing({ retries });
    dialer.start(new Solicitation(URL, false), undefined);
    await world.clock.advance(60_000);
    assert.deepEqual([attempts.length, dialer.size], [1 + retries, 0]);
  }
});

test("after a loss a configured server is dialled after a second, a learned one at once", async () => {
  for (const [explicit, least, most] of [
    [true, 1_000, 1_100],
    [false, 0, 100],
  ] as const) {
    const { world, dialer, attempts } = dialing();
    dialer.again(new Solicitation(URL, explicit), undefined);
    await world.clock.advance(2_000);
    assert.ok(attempts[0] >= least && attempts[0] <= most, `${explicit}: ${attempts[0]}`);
  }
});

test("one attempt at a time for an address and an account", async () => {
  const { world, dialer, connected, listen } = dialing();
  await listen();
  const solicitation = new Solicitation(URL, true);
  for (const account of [undefined, undefined, "A", "A", "B"]) dialer.start(solicitation, account);
  assert.equal(dialer.size, 3);
  await world.clock.advance(100);
  assert.deepEqual([connected.sort(), dialer.size], [["A", "B", undefined], 0]);
});

test("what is forgotten meanwhile is not dialled, and a connection that comes too late is dropped", async () => {
  const { world, dialer, attempts, connected, listen } = dialing();
  await listen();
  const [one, two] = [new Solicitation(URL, true), new Solicitation({ ...URL, text: "second" }, true)];
  dialer.start(one, undefined, 500);
  dialer.start(two, undefined, 500);
  dialer.forget(({ url }) => url.text === "second");
  await world.clock.advance(500);
  assert.equal(attempts.length, 1);
  dialer.stop();
  dialer.start(two, undefined);
  await world.clock.advance(5_000);
  assert.deepEqual([attempts.length, connected, dialer.size], [1, [], 0]);
});
