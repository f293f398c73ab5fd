// Drill: the system calls of a server under publishes, one after the other: each acknowledgement is written after the sync that
// makes its message durable. nats-server's calls stand beside it, with `sync_interval: always` and with its default.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { neighbourPath } from "../../test/support/neighbour.js";
import type { ServerProgram } from "../../test/support/server-process.js";
import { type Drill, type DrillContext, must } from "./drill.js";

const CALLS = "openat,fdatasync,fsync,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg";
const MESSAGES = 50;
const PAYLOAD = "trace-me-";

/** What came between a message's write to a file and its acknowledgement. */
interface Trace {
  readonly acks: number;
  readonly synced: number;
}

export const jetStreamSyncs: Drill = {
  name: "jetstream-syncs",
  async run(context) {
    if (spawnSync("strace", ["-V"]).error !== undefined) {
      context.report("SKIPPED: there is no strace");
      return;
    }
    const own = await trace(context, "natsnode", "");
    show(context, "natsnode", own);
    must(own.acks === MESSAGES, `${own.acks} of ${MESSAGES} acknowledgements were found in the trace`);
    must(own.synced === own.acks, `${own.acks - own.synced} of ${own.acks} acknowledgements came before their sync`);
    if (neighbourPath() === undefined) {
      context.report("nats-server: SKIPPED: it is not there");
      return;
    }
    show(context, "nats-server, sync_interval: always", await trace(context, "neighbour", "sync_interval: always"));
    show(context, "nats-server, default", await trace(context, "neighbour", ""));
  },
};

function show(context: DrillContext, name: string, { acks, synced }: Trace): void {
  context.report(`${name}: ${synced} of ${acks} acknowledgements were written after a sync of their message`);
}

async function trace(context: DrillContext, program: ServerProgram, more: string): Promise<Trace> {
  const folder = context.folder();
  const log = join(folder, "trace");
  const config = `jetstream { store_dir: ${JSON.stringify(join(folder, "store"))}\n${more} }`;
  const server = await context.startServer(config, program, {
    under: ["strace", "-f", "-s", "4096", "-e", `trace=${CALLS}`, "-o", log],
  });
  const client = await context.connect(server);
  client.send("SUB _INBOX.a.> 1\r\n");
  const create = JSON.stringify({ name: "S", subjects: ["s"], storage: "file" });
  client.send(`PUB $JS.API.STREAM.CREATE.S _INBOX.a.create ${create.length}\r\n${create}\r\n`);
  await client.expect(/^MSG _INBOX\.a\.create /);
  for (let at = 0; at < MESSAGES; at++) {
    const payload = `${PAYLOAD}${at}-`;
    client.send(`PUB s _INBOX.a.${at} ${payload.length}\r\n${payload}\r\n`);
    await client.expect(new RegExp(`^MSG _INBOX\\.a\\.${at} `));
  }
  client.close();
  await endTraced(server.pid);
  await server.exited();
  return readTrace(readFileSync(log, "latin1"));
}

/** Ends the traced server, not the tracer, which then has written everything. */
async function endTraced(tracer: number): Promise<void> {
  const children = readFileSync(`/proc/${tracer}/task/${tracer}/children`, "utf8").trim().split(" ");
  process.kill(Number(children[0]), "SIGTERM");
}

/** Looks for each acknowledgement whether a sync that began after its message's write to a file had ended before it. */
function readTrace(text: string): Trace {
  const begun = new Map<string, { call: string; written: Set<number> }>();
  const synchronous = new Set<string>();
  const written = new Set<number>();
  const durable = new Set<number>();
  let acks = 0;
  let synced = 0;
  for (const line of text.split("\n")) {
    const [, thread, rest] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    const opened = /openat.* = (\d+)$/.exec(rest);
    const opening = rest.startsWith("<... ") ? begun.get(thread)?.call : rest;
    if (opened !== null && /O_D?SYNC/.test(opening ?? "")) synchronous.add(opened[1]);
    else if (opened !== null) synchronous.delete(opened[1]);
    const isEnd = rest.startsWith("<... ");
    const call = isEnd ? begun.get(thread)?.call : rest;
    if (call === undefined) continue;
    const [, name, fd] = /^(\w+)\((\d+)/.exec(call) ?? [];
    const numbers = [...call.matchAll(new RegExp(`${PAYLOAD}(\\d+)-`, "g"))].map((match) => Number(match[1]));
    const covers = isEnd ? begun.get(thread)?.written : new Set(written);
    const isSync = name === "fdatasync" || name === "fsync";
    const ended = !rest.endsWith("<unfinished ...>");
    if (!ended) begun.set(thread, { call, written: new Set(written) });
    else begun.delete(thread);
    if (!isEnd) {
      for (const match of call.matchAll(/MSG _INBOX\.a\.(\d+) /g)) {
        acks++;
        if (durable.has(Number(match[1]))) synced++;
      }
    }
    if (!ended) continue;
    for (const number of numbers) {
      written.add(number);
      if (synchronous.has(fd)) durable.add(number);
    }
    if (isSync) for (const number of covers ?? []) durable.add(number);
  }
  return { acks, synced };
}
