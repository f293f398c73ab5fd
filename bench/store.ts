// What JetStream's storage costs: rate and CPU time of durable appends, memory, and how long it takes to open. Arguments:
// a folder on the disk to measure (default: the temporary folder), the number of messages (default 1,000,000), and the cases to
// run, as words of their names (default all).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStorage } from "../src/jetstream/store/file-storage.js";
import {
  type Commits,
  type CommitWaiter,
  durable,
  type NewMessage,
  type StreamStore,
} from "../src/jetstream/store/store.js";
import { nodeRuntime } from "../src/runtime/node/index.js";

const MESSAGE_BYTES = 128;
/** As many as a few busy connections bring in a turn of the loop. */
const PER_TURN = 200;

const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), "natsnode-store-"));
const count = Number(process.argv[3] ?? 1_000_000);
const cases = process.argv.slice(4);

function messagesOver(subjects: number): NewMessage[] {
  const body = Buffer.alloc(MESSAGE_BYTES + 2, "x");
  return Array.from({ length: subjects }, (_, at) => {
    const subject = `bench.${at}`;
    return { subject, subjectBytes: Buffer.from(subject), body, start: 0, end: MESSAGE_BYTES, headerBytes: 0 };
  });
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Appends to one stream, with at most `inFlight` messages that are not durable. */
async function appendMany(store: StreamStore, commits: Commits, subjects: number, inFlight: number): Promise<void> {
  const messages = messagesOver(subjects);
  const times = { seconds: 1_700_000_000, nanoseconds: 0, expiresMs: 0 };
  const waiter: CommitWaiter = { committed: () => {} };
  const base = store.state.lastSequence;
  const tickets: number[] = [];
  let ticket = 0;
  for (let i = 1; i <= count; i++) {
    ticket = store.append(messages[i % subjects], base + i, times);
    if (i % PER_TURN !== 0) continue;
    tickets.push(ticket);
    commits.whenDurable(ticket, waiter);
    await nextTurn();
    while (tickets.length > inFlight / PER_TURN && tickets[tickets.length - inFlight / PER_TURN] > commits.durable)
      await nextTurn();
  }
  await durable(commits, ticket);
}

/** Appends to many streams, each with one message that is not durable: the next follows when it is. */
async function appendOneEach(stores: readonly StreamStore[], commits: Commits): Promise<void> {
  const [message] = messagesOver(1);
  const times = { seconds: 1_700_000_000, nanoseconds: 0, expiresMs: 0 };
  let left = count;
  await new Promise<void>((resolve) => {
    for (const store of stores) {
      const next = (): void => {
        if (left-- <= 0) {
          resolve();
          return;
        }
        commits.whenDurable(store.append(message, store.state.lastSequence + 1, times), { committed: next });
      };
      next();
    }
  });
}

async function measure(name: string, run: () => Promise<void>): Promise<void> {
  if (cases.length > 0 && !cases.some((word) => name.includes(word))) return;
  const start = performance.now();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const rate = count / ((performance.now() - start) / 1000);
  const ns = (us: number): string => ((us * 1000) / count).toFixed(0).padStart(6);
  const rss = process.memoryUsage().rss / 1e6;
  const cpu = `${ns(user)} + ${ns(system)} ns CPU`;
  console.log(`${name.padEnd(40)} ${rate.toFixed(0).padStart(9)} msg/s ${cpu} ${rss.toFixed(0).padStart(5)} MB`);
}

async function openAgain(): Promise<void> {
  const start = performance.now();
  const storage = await openStorage(nodeRuntime(), root);
  let messages = 0;
  for (const store of storage.streams.values()) messages += store.state.messages;
  const ms = performance.now() - start;
  const rss = process.memoryUsage().rss / 1e6;
  console.log(
    `${`open ${messages} messages`.padEnd(50)} ${ms.toFixed(0).padStart(9)} ms ${rss.toFixed(0).padStart(25)} MB`,
  );
  await storage.close();
}

try {
  const storage = await openStorage(nodeRuntime(), root);
  const { commits } = storage;
  await measure("one stream, one subject", () => appendMany(storage.stream("ONE"), commits, 1, 10_000));
  await measure("one stream, 100,000 subjects", () => appendMany(storage.stream("MANY"), commits, 100_000, 10_000));
  await measure("1 stream, 1,000 in flight", () => appendOneEach(Array(1000).fill(storage.stream("S")), commits));
  const stores = (): StreamStore[] => Array.from({ length: 1000 }, (_, at) => storage.stream(`S${at}`));
  await measure("1,000 new streams, one in flight each", () => appendOneEach(stores(), commits));
  await measure("1,000 streams, one in flight each", () => appendOneEach(stores(), commits));
  await measure("one stream, read in order", async () => {
    const store = storage.stream("ONE");
    for (let sequence = 1; sequence <= count; sequence++) {
      const message = store.load(sequence);
      if (message instanceof Promise) await message;
    }
  });
  await storage.close();
  await openAgain();
} finally {
  rmSync(root, { recursive: true });
}
