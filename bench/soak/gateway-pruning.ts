// Drill: what another cluster does not want is not sent there, shown by the bytes between the processes; and 100,000 subjects
// that nobody wants leave nothing behind on either side, also with a server of before 2.9, which refuses subject by subject.
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../test/support/free-port.js";
import type { RawClient } from "../../test/support/raw-client.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import { ByteCounter } from "./byte-counter.js";
import { type Drill, type DrillContext, megabytes, must, mustBeFlat, mustBeHealthy } from "./drill.js";
import { OldGateway } from "./old-gateway.js";

const SUBJECTS = 100_000;
const CHUNK = 2_000;
/** The first rounds are for warming up. */
const WARM_UP_ROUNDS = 2;
const PATIENCE_MS = 10_000;
/** Pings, and what the system accounts tell each other. */
const IDLE_BYTES = 32 * 1024;
/** A subject that is in no round before. */
let nextSubject = 0;

export const gatewayPruning: Drill = {
  name: "gateway pruning",
  async run(context) {
    const rounds = WARM_UP_ROUNDS + (context.settings.short ? 2 : 10);
    await betweenCurrentServers(context, rounds);
    await withAnOldServer(context, rounds);
  },
};

async function betweenCurrentServers(context: DrillContext, rounds: number): Promise<void> {
  const [portA, portB] = [await freePort(), await freePort()];
  const [toA, toB] = [await ByteCounter.before(portA), await ByteCounter.before(portB)];
  try {
    const [a, b] = [await start(context, "A", portA, "B", toB.port), await start(context, "B", portB, "A", toA.port)];
    const [publisher, subscriber] = [await context.connect(a), await context.connect(b)];
    subscriber.send("SUB wanted.* 1\r\n");
    await reaches(publisher, subscriber);
    const before = toA.forth + toA.back + toB.forth + toB.back;
    const memory = await publishRounds(publisher, rounds, [a, b]);
    const crossed = toA.forth + toA.back + toB.forth + toB.back - before;
    must(crossed < IDLE_BYTES, `${crossed} bytes crossed although nobody there wants a message`);
    await reaches(publisher, subscriber);
    context.report(`${rounds} rounds of ${SUBJECTS} subjects: ${crossed} bytes crossed; memory of both ${memory}`);
    for (const server of [a, b]) mustBeHealthy(server, NOBODY_THERE);
  } finally {
    toA.close();
    toB.close();
  }
}

async function withAnOldServer(context: DrillContext, rounds: number): Promise<void> {
  const [port, oldPort] = [await freePort(), await freePort()];
  const old = await OldGateway.listen(oldPort);
  try {
    const server = await start(context, "HERE", port, "OLD", oldPort);
    const publisher = await context.connect(server);
    await until("the server has come", () => old.isReached);
    const refused = await publishRounds(publisher, rounds, [server]);
    await until("the old server has heard all", () => old.messages >= rounds * SUBJECTS);
    context.report(`an old server has refused ${old.messages} subjects one by one; memory ${refused}`);

    old.switchToInterestOnly();
    await untilQuiet(publisher, old);
    const before = old.bytes;
    await publishRounds(publisher, 1, [server]);
    const crossed = old.bytes - before;
    must(crossed < IDLE_BYTES, `${crossed} bytes went to an old server that has told all its interest`);
    context.report(`${crossed} bytes went there after its switch`);

    await old.connect(port);
    const flooded = await roundsOf(
      rounds,
      [server],
      async (text) => old.send(text),
      (subject) => `RMSG $G ${subject} 0\r\n\r\n`,
    );
    context.report(`${rounds} rounds of ${SUBJECTS} subjects from there that nobody wants here: memory ${flooded}`);
    mustBeHealthy(server, NOBODY_THERE);
  } finally {
    old.close();
  }
}

/** An address that nobody listens at; servers that have learned it may try it. */
const NOWHERE = "127.0.0.1:1";
const NOBODY_THERE = /^.*Error connecting to explicit gateway .* at 127\.0\.0\.1:1 .*$/gm;

function start(context: DrillContext, name: string, port: number, other: string, at: number): Promise<ServerProcess> {
  // What servers tell of their addresses must not lead around the counters.
  const advertise = `advertise: "${NOWHERE}"`;
  const remotes = `gateways: [ { name: ${other}, url: "nats://127.0.0.1:${at}" } ]`;
  return context.startServer(`gateway { name: ${name}, listen: "127.0.0.1:${port}", ${advertise}, ${remotes} }`);
}

/** Publishes rounds of new subjects; throws when memory grows after the first ones, and tells what it was. */
function publishRounds(publisher: RawClient, rounds: number, servers: readonly ServerProcess[]): Promise<string> {
  const send = async (text: string): Promise<void> => {
    publisher.send(text);
    await publisher.sync(PATIENCE_MS);
  };
  return roundsOf(rounds, servers, send, (subject) => `PUB ${subject} 0\r\n\r\n`);
}

async function roundsOf(
  rounds: number,
  servers: readonly ServerProcess[],
  send: (text: string) => Promise<void>,
  message: (subject: string) => string,
): Promise<string> {
  const resident = (): number => servers.reduce((sum, server) => sum + server.residentBytes(), 0);
  let warmBytes = resident();
  for (let round = 1; round <= rounds; round++) {
    for (let sent = 0; sent < SUBJECTS; sent += CHUNK) {
      await send(Array.from({ length: CHUNK }, () => message(`unwanted.${nextSubject++}`)).join(""));
    }
    if (round === WARM_UP_ROUNDS) warmBytes = resident();
  }
  const after = resident();
  if (rounds > WARM_UP_ROUNDS) mustBeFlat(warmBytes, after);
  return `${megabytes(warmBytes)} -> ${megabytes(after)}`;
}

/** A message from one to the other arrives. */
async function reaches(publisher: RawClient, subscriber: RawClient): Promise<void> {
  let arrived = false;
  subscriber.handle = (item) => {
    arrived ||= item.line.startsWith("MSG ");
    return item.line.startsWith("MSG ");
  };
  await until("a message reaches the other cluster", () => {
    publisher.send("PUB wanted.x 0\r\n\r\n");
    return arrived;
  });
}

/** What the server was told has arrived: it sends nothing more. */
async function untilQuiet(publisher: RawClient, old: OldGateway): Promise<void> {
  await until("nothing is sent to the old server", async () => {
    const before = old.messages;
    publisher.send(`PUB unwanted.${nextSubject++} 0\r\n\r\n`);
    await publisher.sync(PATIENCE_MS);
    await pause(100);
    return old.messages === before;
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    must(performance.now() < untilMs, `waited too long until ${what}`);
    await pause(20);
  }
}
