// What JetStream's storage costs: the rate and the CPU time of appends.
import { MemoryStore } from "../src/jetstream/store/memory-store.js";
import {
  ALREADY_DURABLE,
  type Commits,
  durable,
  type NewMessage,
  type StreamStore,
} from "../src/jetstream/store/store.js";

const MESSAGE_BYTES = 128;
const PER_TURN = 500;

/** Appends `count` messages of 128 B to a stream, in turns, over `subjects` subjects; resolves when all are durable. */
async function appendMany(
  store: StreamStore,
  commits: Commits | undefined,
  count: number,
  subjects: number,
): Promise<void> {
  const body = Buffer.alloc(MESSAGE_BYTES + 2, "x");
  const messages: NewMessage[] = Array.from({ length: subjects }, (_, at) => {
    const subject = `bench.${at}`;
    return { subject, subjectBytes: Buffer.from(subject), body, start: 0, end: MESSAGE_BYTES, headerBytes: 0 };
  });
  const times = { seconds: 1_700_000_000, nanoseconds: 0, expiresMs: 0 };
  let ticket = ALREADY_DURABLE;
  for (let sequence = 1; sequence <= count; sequence++) {
    ticket = store.append(messages[sequence % subjects], sequence, times);
    if (sequence % PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (commits !== undefined) await durable(commits, ticket);
}

for (const subjects of [1, 100_000]) {
  const count = 1_000_000;
  const cpu = process.cpuUsage();
  await appendMany(new MemoryStore("BENCH"), undefined, count, subjects);
  const { user, system } = process.cpuUsage(cpu);
  console.log(`memory, ${subjects} subjects: ${(((user + system) * 1000) / count).toFixed(0)} ns CPU a message`);
}
