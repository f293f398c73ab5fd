// How long a server that joins a cluster needs to learn of many interests: a client subscribes at one server, then another one
// starts with a route to it. Natsnode and the neighbour, each among themselves, in alternating rounds; medians.
// usage: node dist/bench/interest.js [--subjects 100000] [--rounds 5]
// Exit code 1 when natsnode needs longer.
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort } from "../test/support/free-port.js";
import { connectClient } from "../test/support/raw-client.js";
import { startServerProcess } from "../test/support/server-process.js";
import { ManualScope } from "../test/support/temporary-folder.js";

const { values: flags } = parseArgs({
  options: { subjects: { type: "string", default: "100000" }, rounds: { type: "string", default: "5" } },
});
const subjects = Number(flags.subjects);
const PROGRAMS = ["natsnode", "neighbour"] as const;
const PATIENCE_MS = 120_000;
/** Looking takes the server's time from what is looked for: not before it can be there, and seldom. */
const FIRST_LOOK_MS = 120;
const LOOK_AGAIN_MS = 20;

/** Milliseconds from "Server is ready" of the second server until a message for the last subject crosses, and all others are known. */
async function round(program: (typeof PROGRAMS)[number]): Promise<number> {
  const scope = new ManualScope();
  try {
    const routes = await freePort();
    const http = await freePort();
    const first = await startServerProcess(scope, {
      program,
      config: `server_name: one\ncluster { name: c, listen: "127.0.0.1:${routes}" }`,
    });
    const subscriber = await connectClient(scope, first.port);
    const lines = Array.from({ length: subjects }, (_, i) => `SUB interest.${i % 100}.${i} ${i + 1}\r\n`);
    subscriber.send(`${lines.join("")}PING\r\n`);
    await subscriber.pong(PATIENCE_MS);
    const second = await startServerProcess(scope, {
      program,
      config: `server_name: two\nhttp: 127.0.0.1:${http}\ncluster { name: c, listen: "127.0.0.1:${await freePort()}", routes: ["nats://127.0.0.1:${routes}"] }`,
    });
    const startedAt = performance.now();
    const known = async (): Promise<number> => {
      const page = await fetch(`http://127.0.0.1:${http}/routez`);
      const { routes: all } = (await page.json()) as { routes: { subscriptions: number }[] };
      return all.reduce((sum, { subscriptions }) => sum + subscriptions, 0);
    };
    await pause(FIRST_LOOK_MS);
    while ((await known()) < subjects) {
      if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`${program}: too slow`);
      await pause(LOOK_AGAIN_MS);
    }
    const tookMs = performance.now() - startedAt;
    const publisher = await connectClient(scope, second.port);
    publisher.send(`PUB interest.${(subjects - 1) % 100}.${subjects - 1} 2\r\nhi\r\n`);
    await subscriber.expect(/^MSG interest\./);
    return tookMs;
  } finally {
    await scope.close();
  }
}

const times: Record<(typeof PROGRAMS)[number], number[]> = { natsnode: [], neighbour: [] };
for (let i = 0; i < Number(flags.rounds); i++) {
  for (const program of i % 2 === 0 ? PROGRAMS : [...PROGRAMS].reverse()) times[program].push(await round(program));
}
const median = (all: number[]): number => all.sort((a, b) => a - b)[all.length >> 1];
const [ours, theirs] = [median(times.natsnode), median(times.neighbour)];
console.log("| interests | natsnode | nats-server | nats-server / natsnode |");
console.log("| --: | --: | --: | --: |");
console.log(`| ${subjects} | ${ours.toFixed(0)} ms | ${theirs.toFixed(0)} ms | ${(theirs / ours).toFixed(2)} |`);
process.exitCode = ours <= theirs ? 0 : 1;
