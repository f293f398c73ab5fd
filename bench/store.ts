// What JetStream's storage costs: the rate and the CPU time of appends.
import { ALREADY_DURABLE, durable, type NewMessage, type Storage } from "../src/jetstream/store/store.js";

const MESSAGE_BYTES = 128;
const PER_TURN = 500;

/** Appends `count` messages of 128 B to one stream, in turns, over `subjects` subjects; resolves when all are durable. */
export async function appendMany(storage: Storage, count: number, subjects: number): Promise<void> {
  const store = storage.stream("BENCH");
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
  await durable(storage.commits, ticket);
}
