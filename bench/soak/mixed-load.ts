// Drill: minutes of mixed load with numbered messages: plain, wildcard and queue subscribers, headers, large payloads,
// requests. None is lost, none comes twice, each publisher's order is kept, and memory stays flat.
import type { Item, RawClient } from "../../test/support/raw-client.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import { type Drill, type DrillContext, megabytes, must, mustBeFlat, mustBeHealthy } from "./drill.js";

const PUBLISHERS = 4;
const QUEUE_MEMBERS = 3;
const BATCH = 200;
const REQUESTS_PER_BATCH = 10;
const PAYLOAD_SIZES = [0, 16, 100, 1000, 5000, 70_000];
const SETTLE_LIMIT_MS = 10_000;
const HEADER = "NATS/1.0\r\nKind: numbered\r\n\r\n";

/** Counts numbered messages per publisher and complains about gaps and repetitions. */
class Ledger {
  readonly name: string;
  readonly ordered: boolean;
  count = 0;
  readonly #next: number[] = new Array<number>(PUBLISHERS).fill(0);
  readonly #seen = new Set<string>();

  constructor(name: string, ordered: boolean) {
    this.name = name;
    this.ordered = ordered;
  }

  /** Takes a payload `PUBLISHER:NUMBER:...`. */
  take(payload: string): void {
    const [publisher, number] = payload.split(":", 2).map(Number);
    this.count++;
    if (this.ordered) {
      must(
        number === this.#next[publisher],
        `${this.name}: publisher ${publisher}: got ${number} instead of ${this.#next[publisher]}`,
      );
      this.#next[publisher]++;
      return;
    }
    const key = `${publisher}:${number}`;
    must(!this.#seen.has(key), `${this.name}: ${key} came twice`);
    this.#seen.add(key);
  }

  /** Forgets single numbers once all that were sent have come. */
  settle(): void {
    this.#seen.clear();
  }
}

export const mixedLoad: Drill = {
  name: "mixed load",
  async run(context) {
    const lengthMs = context.settings.short ? 12_000 : 600_000;
    const server = await context.startServer();
    const plain = new Ledger("plain", true);
    const wildcard = new Ledger("wildcard", true);
    const queue = new Ledger("queue group", false);
    const arrivals = new Arrivals();
    await subscribe(context, server, "SUB load.numbers 1", plain, arrivals);
    await subscribe(context, server, "SUB load.> 1", wildcard, arrivals);
    for (let i = 0; i < QUEUE_MEMBERS; i++) await subscribe(context, server, "SUB load.* workers 1", queue, arrivals);
    const responder = await context.connect(server);
    responder.handle = (item) => {
      const reply = item.line.startsWith("MSG ") ? item.line.split(" ")[3] : undefined;
      if (reply === undefined) return false;
      responder.send(`PUB ${reply} ${item.payload.length}\r\n${item.payload}\r\n`);
      return true;
    };
    responder.send("SUB service.echo 1\r\n");
    await responder.sync();
    const publishers: RawClient[] = [];
    for (let i = 0; i < PUBLISHERS; i++) publishers.push(await context.connect(server));
    for (const publisher of publishers)
      publisher.send("SUB _INBOX.me.* 1\r\n".replace("me", String(publishers.indexOf(publisher))));

    const startedMs = performance.now();
    let sent = 0;
    let warmBytes = 0;
    for (let batch = 0; performance.now() - startedMs < lengthMs; batch++) {
      await Promise.all(publishers.map((publisher, id) => publishBatch(publisher, id, batch)));
      sent += PUBLISHERS * BATCH;
      await arrivals.until(
        () => [plain, wildcard, queue].every((ledger) => ledger.count === sent),
        () => [plain, wildcard, queue].map((ledger) => `${ledger.name} ${ledger.count} of ${sent}`).join(", "),
      );
      queue.settle();
      mustBeHealthy(server);
      // A quarter of the time is for caches and the heap to find their size.
      if (warmBytes === 0 && performance.now() - startedMs > lengthMs / 4) warmBytes = server.residentBytes();
    }
    mustBeFlat(warmBytes, server.residentBytes());
    const seconds = (performance.now() - startedMs) / 1000;
    context.report(
      `${sent} messages to 3 audiences in ${seconds.toFixed(0)} s; memory ${megabytes(warmBytes)} -> ${megabytes(server.residentBytes())}`,
    );
  },
};

/** Publishes one batch of numbered messages and some requests; resolves when the requests are answered. */
async function publishBatch(publisher: RawClient, id: number, batch: number): Promise<void> {
  let text = "";
  for (let i = 0; i < BATCH; i++) {
    const number = batch * BATCH + i;
    // The large size comes once per batch.
    const sizeBytes = i === 0 ? PAYLOAD_SIZES[5] : PAYLOAD_SIZES[i % 5];
    const payload = `${id}:${number}:`.padEnd(sizeBytes, "x");
    text +=
      i % 3 === 0
        ? `HPUB load.numbers ${HEADER.length} ${HEADER.length + payload.length}\r\n${HEADER}${payload}\r\n`
        : `PUB load.numbers ${payload.length}\r\n${payload}\r\n`;
  }
  for (let i = 0; i < REQUESTS_PER_BATCH; i++) {
    const payload = `${batch}.${i}`;
    text += `PUB service.echo _INBOX.${id}.${i} ${payload.length}\r\n${payload}\r\n`;
  }
  publisher.send(text);
  for (let i = 0; i < REQUESTS_PER_BATCH; i++) {
    const item = await publisher.expect(`MSG _INBOX.${id}.${i} 1 ${`${batch}.${i}`.length}`, SETTLE_LIMIT_MS);
    must(item.payload === `${batch}.${i}`, `request ${batch}.${i} was answered with ${item.payload}`);
  }
}

async function subscribe(
  context: DrillContext,
  server: ServerProcess,
  line: string,
  ledger: Ledger,
  arrivals: Arrivals,
): Promise<void> {
  const client = await context.connect(server);
  client.handle = (item: Item) => {
    if (!/^H?MSG /.test(item.line)) return false;
    arrivals.note(() => {
      must(item.headers === "" || item.headers === HEADER, `changed headers: ${item.headers}`);
      ledger.take(item.payload);
    });
    return true;
  };
  client.send(`${line}\r\n`);
  await client.sync();
}

/** Lets the drill wait for counts that event handlers change, and throws what went wrong in them. */
class Arrivals {
  #failure: unknown;
  #wake: (() => void) | undefined;

  note(take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#failure ??= error;
    }
    this.#wake?.();
  }

  async until(complete: () => boolean, describe: () => string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake?.();
    }, SETTLE_LIMIT_MS);
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        if (complete()) return;
        must(!late, `messages are missing: ${describe()}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }
}
