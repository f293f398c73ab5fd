// How fast a leaf node's stream reaches its hub when the hub is back: messages in a stream on file at the leaf, a stream on file
// at the hub that mirrors or sources it. Natsnode and the neighbour, each among themselves, in alternating rounds; medians.
// usage: node dist/bench/catch-up.js [--messages 1000000] [--bytes 128] [--rounds 3] [--kind mirror|sources] [--only natsnode|neighbour] [--cpu-prof DIR]
// Exit code 1 when natsnode is slower.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { freePort } from "../test/support/free-port.js";
import { projectRoot } from "../test/support/project.js";
import { type ServerProcess, startServerProcess } from "../test/support/server-process.js";
import { ManualScope } from "../test/support/temporary-folder.js";

const { values: flags } = parseArgs({
  options: {
    messages: { type: "string", default: "1000000" },
    bytes: { type: "string", default: "128" },
    rounds: { type: "string", default: "3" },
    kind: { type: "string", default: "mirror" },
    only: { type: "string" },
    "cpu-prof": { type: "string" },
  },
});
const messages = Number(flags.messages);
const payload = new Uint8Array(Number(flags.bytes)).fill(0x78);
const PROGRAMS = (["natsnode", "neighbour"] as const).filter((program) => !flags.only || program === flags.only);
type Program = (typeof PROGRAMS)[number];
const IN_FLIGHT = 2000;
const PATIENCE_MS = 180_000;
const TICK_MS = 10;
/** Seldom enough not to be a load of its own. */
const LOOK_AGAIN_MS = 20;

interface Round {
  /** From the first message at the hub to the last. */
  readonly perSecond: number;
  /** From the hub's start to the last message. */
  readonly totalMs: number;
  /** Microseconds of CPU for each message, of both servers. */
  readonly hubUs: number;
  readonly leafUs: number;
}

/** Milliseconds of CPU that a process has used. */
function cpuMs({ pid }: ServerProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function ask<T>(client: NatsConnection, subject: string, body: object = {}): Promise<T> {
  const answer = (await client.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 10_000 })).json<
    T & { error?: { description: string } }
  >();
  if (answer.error !== undefined) throw new Error(`${subject}: ${answer.error.description}`);
  return answer;
}

const stored = async (client: NatsConnection, stream: string): Promise<number> =>
  (await ask<{ state: { messages: number } }>(client, `STREAM.INFO.${stream}`)).state.messages;

async function untilStored(client: NatsConnection, stream: string, least: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const count = await stored(client, stream);
    if (count >= least) return count;
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`${stream} has ${count} of ${least} messages`);
    await pause(LOOK_AGAIN_MS);
  }
}

async function fill(client: NatsConnection): Promise<void> {
  const acks = client.subscribe("acks");
  let sent = 0;
  let acknowledged = 0;
  const publish = (): void => {
    for (; sent < messages && sent - acknowledged < IN_FLIGHT; sent++)
      client.publish("held", payload, { reply: "acks" });
  };
  publish();
  for await (const _ of acks) {
    if (++acknowledged === messages) return;
    publish();
  }
}

async function round(program: Program): Promise<Round> {
  const scope = new ManualScope();
  // On the project's disk: what is synced in memory would cost nothing.
  mkdirSync(join(projectRoot, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(projectRoot, ".cache/catch-up-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  const profiles = flags["cpu-prof"];
  const nodeFlags = profiles && program === "natsnode" ? ["--cpu-prof", `--cpu-prof-dir=${profiles}`] : [];
  try {
    const port = await freePort();
    const base = (name: string): string =>
      `server_name: ${name}\njetstream { store_dir: ${JSON.stringify(join(folder, name))}, domain: ${name} }\n`;
    const startHub = (): Promise<ServerProcess> =>
      startServerProcess(scope, {
        program,
        nodeFlags,
        config: `${base("hub")}leafnodes { listen: "127.0.0.1:${port}" }`,
      });
    let hub = await startHub();
    const leaf = await startServerProcess(scope, {
      program,
      nodeFlags,
      config: `${base("leaf")}leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`,
    });
    const atLeaf = await connect({ port: leaf.port });
    await ask(atLeaf, "STREAM.CREATE.HELD", { name: "HELD", subjects: ["held"], storage: "file" });
    let atHub = await connect({ port: hub.port });
    const origin = { name: "HELD", external: { api: "$JS.leaf.API" } };
    const flow = flags.kind === "mirror" ? { mirror: origin } : { sources: [origin] };
    await ask(atHub, "STREAM.CREATE.ALL", { name: "ALL", storage: "file", ...flow });
    await atHub.close();
    hub.signal("SIGTERM");
    await hub.exited();
    await fill(atLeaf);
    hub = await startHub();
    const startedAt = performance.now();
    const before = [cpuMs(hub), cpuMs(leaf)];
    atHub = await connect({ port: hub.port });
    const first = await untilStored(atHub, "ALL", 1);
    const firstAt = performance.now();
    await untilStored(atHub, "ALL", messages);
    const endedAt = performance.now();
    const after = [cpuMs(hub), cpuMs(leaf)];
    await atHub.close();
    await atLeaf.close();
    if (profiles) {
      for (const server of [hub, leaf]) {
        server.signal("SIGTERM");
        await server.exited();
      }
    }
    const [hubUs, leafUs] = after.map((ms, at) => ((ms - before[at]) * 1000) / messages);
    const perSecond = ((messages - first) * 1000) / (endedAt - firstAt);
    return { perSecond, totalMs: endedAt - startedAt, hubUs, leafUs };
  } finally {
    await scope.close();
  }
}

const rounds: Record<string, Round[]> = {};
for (let at = 0; at < Number(flags.rounds); at++) {
  for (const program of at % 2 === 0 ? PROGRAMS : [...PROGRAMS].reverse()) {
    const one = await round(program);
    rounds[program] = [...(rounds[program] ?? []), one];
    console.error(program, one);
  }
}

const median = (program: Program, field: keyof Round): number =>
  rounds[program].map((one) => one[field]).sort((a, b) => a - b)[rounds[program].length >> 1];
console.log(
  `| ${flags.kind}, ${messages} messages of ${payload.length} B | messages/s | all there after | hub CPU | leaf CPU |`,
);
console.log("| --- | --: | --: | --: | --: |");
for (const program of PROGRAMS) {
  const [hubUs, leafUs] = [median(program, "hubUs"), median(program, "leafUs")];
  console.log(
    `| ${program === "neighbour" ? "nats-server" : program} | ${median(program, "perSecond").toFixed(0)} | ` +
      `${(median(program, "totalMs") / 1000).toFixed(1)} s | ${hubUs.toFixed(2)} us | ${leafUs.toFixed(2)} us |`,
  );
}
if (PROGRAMS.length === 2) {
  const ratio = median("natsnode", "perSecond") / median("neighbour", "perSecond");
  console.log(`\nRate of natsnode / nats-server: ${ratio.toFixed(2)}`);
  process.exitCode = ratio >= 1 ? 0 : 1;
}
