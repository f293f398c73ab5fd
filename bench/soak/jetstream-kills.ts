// Drill: a server killed at random moments under publish, delete, purge, consume and restart load; after every start
// all it has confirmed is there, and nothing that it has confirmed as gone or done comes back.
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { Draw } from "../../test/simulation/draw.js";
import type { ServerProcess } from "../../test/support/server-process.js";
import { type Drill, type DrillContext, must, mustBeHealthy } from "./drill.js";
import { StreamLedger } from "./jetstream-ledger.js";
import { readStream } from "./read-stream.js";

const ROUNDS = 200;
const ROUNDS_IN_SHORT = 10;
const SUBJECTS = 7;
const PUBLISHERS = 40;
const LARGEST_BYTES = 8000;
const MOST_STORED = 3000;
const TIMEOUT_MS = 20_000;
const ACK_WAIT_NS = 2e9;
const IN_FLIGHT = 20;

const STREAMS = [
  { name: "KEEP", subjects: ["keep.*"], storage: "file", allow_direct: true, duplicate_window: 600e9 },
  // Small segments: they are a quarter of its limit, which is never reached.
  { name: "WORK", subjects: ["work"], storage: "file", allow_direct: true, retention: "workqueue", max_bytes: 2 ** 26 },
];

interface Answer {
  readonly error?: { readonly description: string };
  readonly seq?: number;
  readonly state?: { readonly last_seq: number };
  readonly ack_floor?: { readonly stream_seq: number };
}

export const jetStreamKills: Drill = {
  name: "jetstream-kills",
  async run(context) {
    const { short, seed = Date.now() % 1_000_000, seeds } = context.settings;
    const rounds = seeds ?? (short ? ROUNDS_IN_SHORT : ROUNDS);
    const kills = new Kills(context, new Draw(new SimulatedRandom(String(seed))));
    context.report(`seed ${seed}`);
    await kills.begin();
    for (let round = 1; round <= rounds; round++) {
      try {
        await kills.round();
      } catch (error) {
        throw new Error(`round ${round}, seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
    const { keep, work, starts, slowestMs } = kills;
    await kills.finish();
    context.report(
      `${rounds} rounds, ${starts} starts, the slowest ${slowestMs.toFixed(0)} ms: ${keep.highest + work.highest} messages stored, ` +
        `${keep.checked + work.checked} looked at again, ${work.done.size + kills.confirmed.size} double acks`,
    );
  },
};

class Kills {
  readonly keep = new StreamLedger("KEEP");
  readonly work = new StreamLedger("WORK");
  /** Sequences of KEEP that its consumer had confirmed. */
  readonly confirmed = new Set<number>();
  starts = 0;
  slowestMs = 0;
  readonly #context: DrillContext;
  readonly #draw: Draw;
  readonly #config: string;
  #server: ServerProcess | undefined;
  #client: NatsConnection | undefined;

  constructor(context: DrillContext, draw: Draw) {
    this.#context = context;
    this.#draw = draw;
    this.#config = `jetstream { store_dir: ${JSON.stringify(context.folder())} }`;
  }

  get #connection(): NatsConnection {
    if (this.#client === undefined) throw new Error("there is no connection");
    return this.#client;
  }

  async begin(): Promise<void> {
    await this.#start();
    for (const config of STREAMS) await this.#ask(`$JS.API.STREAM.CREATE.${config.name}`, config);
    for (const { name } of STREAMS) {
      const config = { durable_name: "C", ack_policy: "explicit", ack_wait: ACK_WAIT_NS, max_ack_pending: 1000 };
      await this.#ask(`$JS.API.CONSUMER.CREATE.${name}.C`, { stream_name: name, config });
    }
  }

  /** Some load, a kill (now and then an orderly end) and a start after which everything is looked at. */
  async round(): Promise<void> {
    const draw = this.#draw;
    const load = this.#load();
    const isOrderly = draw.chance(0.1);
    await Promise.race([load.ended, new Promise((resolve) => setTimeout(resolve, draw.between(50, 1200)))]);
    load.stop();
    mustBeHealthy(this.#server as ServerProcess);
    if (isOrderly) {
      this.#server?.signal("SIGTERM");
      await this.#server?.exited();
    } else await this.#server?.kill();
    await load.ended;
    if (draw.chance(0.2)) await this.#dieWhileStarting();
    await this.#start();
    await this.#repeatOpen();
    await this.#check();
  }

  /** All that is left is consumed. */
  async finish(): Promise<void> {
    const limit = performance.now() + TIMEOUT_MS;
    for (;;) {
      await this.#consume("WORK", 200);
      const { state } = await this.#ask("$JS.API.STREAM.INFO.WORK");
      if ((state as unknown as { messages: number }).messages === 0) break;
      must(performance.now() < limit, "WORK is never empty");
    }
    await this.#check();
    await this.#client?.close();
  }

  async #start(): Promise<void> {
    const startedMs = performance.now();
    this.#server = await this.#context.startServer(this.#config);
    this.starts++;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    mustBeHealthy(this.#server);
    this.#client = await connect({ port: this.#server.port, reconnect: false, timeout: TIMEOUT_MS });
  }

  async #dieWhileStarting(): Promise<void> {
    const server = await this.#context.startServer(this.#config, undefined, { ready: /Starting JetStream/ });
    await new Promise((resolve) => setTimeout(resolve, this.#draw.between(0, 60)));
    await server.kill();
  }

  #load(): { ended: Promise<unknown>; stop: () => void } {
    let running = true;
    const goesOn = (): boolean => running;
    // What waits for an answer may wait for ever.
    const closed = this.#connection.closed().then(() => {
      throw new Error("the server is gone");
    });
    closed.catch(() => {});
    const forever = async (step: () => Promise<void>): Promise<void> => {
      while (goesOn()) {
        try {
          await Promise.race([step(), closed]);
        } catch (error) {
          // The server's end, or what a check has found.
          if (goesOn() && !this.#connection.isClosed()) throw error;
          return;
        }
      }
    };
    const loads = [
      ...Array.from({ length: PUBLISHERS }, (_, at) => forever(() => this.#publish(at % 4 === 0))),
      forever(() => this.#remove()),
      forever(() => this.#purge()),
      forever(() => this.#consume("KEEP", IN_FLIGHT)),
      forever(() => this.#consume("WORK", IN_FLIGHT)),
    ];
    return {
      ended: Promise.all(loads),
      stop: () => {
        running = false;
      },
    };
  }

  async #publish(toWork: boolean): Promise<void> {
    const ledger = toWork ? this.work : this.keep;
    const subject = toWork ? "work" : `keep.${this.#draw.between(1, SUBJECTS)}`;
    const { number } = ledger.next(subject, this.#draw.between(8, LARGEST_BYTES));
    await this.#send(ledger, number);
  }

  async #send(ledger: StreamLedger, number: number): Promise<void> {
    const sent = ledger.sent.get(number);
    if (sent === undefined) return;
    const options = headers();
    options.set("Nats-Msg-Id", `${ledger.name}-${number}`);
    const answer = await this.#connection.request(sent.subject, sent.payload, {
      timeout: TIMEOUT_MS,
      headers: options,
    });
    const { error, seq } = answer.json<Answer>();
    must(error === undefined && seq !== undefined, `publishing: ${error?.description}`);
    ledger.acknowledged(number, seq);
  }

  /** What had no answer before the kill is sent again, as publishers do; its id tells the server. */
  async #repeatOpen(): Promise<void> {
    await Promise.all(
      [this.keep, this.work].flatMap((ledger) => ledger.open.map((number) => this.#send(ledger, number))),
    );
  }

  async #remove(): Promise<void> {
    const sequences = [...this.keep.stored.keys()];
    if (sequences.length === 0) return this.#pause();
    const chosen = this.#draw.pick(sequences);
    const confirm = this.keep.removing((sequence) => sequence === chosen);
    const answer = await this.#request("$JS.API.STREAM.MSG.DELETE.KEEP", {
      seq: chosen,
      no_erase: !this.#draw.chance(0.05),
    });
    // It may be gone already.
    if (answer.error === undefined) confirm();
    await this.#pause();
  }

  async #purge(): Promise<void> {
    const { stored, highest } = this.keep;
    await this.#pause();
    if (stored.size === 0 || (stored.size < MOST_STORED && !this.#draw.chance(0.02))) return;
    const below = Math.max(1, highest - this.#draw.between(0, MOST_STORED));
    const filter = stored.size < MOST_STORED ? `keep.${this.#draw.between(1, SUBJECTS)}` : undefined;
    const confirm = this.keep.removing(
      (sequence, subject) => sequence < below && (filter === undefined || subject === filter),
    );
    await this.#ask("$JS.API.STREAM.PURGE.KEEP", { seq: below, filter });
    confirm();
  }

  /** Lets the other loads go on. */
  async #pause(): Promise<void> {
    await this.#connection.flush();
  }

  async #consume(stream: "KEEP" | "WORK", batch: number): Promise<void> {
    const client = this.#connection;
    const ledger = stream === "KEEP" ? this.keep : this.work;
    const inbox = `_INBOX.pull.${stream}.${Math.round(performance.now() * 1000)}`;
    const messages = client.subscribe(inbox);
    client.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.C`, JSON.stringify({ batch, expires: 200e6 }), {
      reply: inbox,
    });
    const acks: Promise<void>[] = [];
    let left = batch;
    for await (const message of messages) {
      if (message.headers !== undefined && message.headers.code >= 400) break;
      const number = Number(message.string().split(":", 1)[0]);
      const sequence = Number(message.reply?.split(".").at(-4));
      if (stream === "WORK") ledger.delivered(number, "the consumer of WORK");
      else must(!this.confirmed.has(sequence), `the consumer of KEEP: ${sequence} came again after its double ack`);
      if (stream === "WORK") ledger.asked.add(number);
      acks.push(
        client.request(message.reply as string, "+ACK", { timeout: TIMEOUT_MS }).then(() => {
          if (stream === "WORK") ledger.done.add(number);
          else this.confirmed.add(sequence);
        }),
      );
      if (--left === 0) break;
    }
    messages.unsubscribe();
    await Promise.all(acks);
  }

  async #check(): Promise<void> {
    const server = this.#server as ServerProcess;
    for (const ledger of [this.keep, this.work]) {
      const found = await readStream(this.#connection, ledger.name);
      mustBeHealthy(server);
      const { state } = await this.#ask(`$JS.API.STREAM.INFO.${ledger.name}`);
      ledger.check(found, state?.last_seq ?? 0, ledger === this.work);
    }
    const { ack_floor: floor } = await this.#ask("$JS.API.CONSUMER.INFO.KEEP.C");
    const least = this.keep.floor(this.confirmed);
    must((floor?.stream_seq ?? 0) >= least, `KEEP's consumer: the floor is ${floor?.stream_seq}, not ${least}`);
  }

  async #request(subject: string, body: object | string = ""): Promise<Answer> {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    return (await this.#connection.request(subject, payload, { timeout: TIMEOUT_MS })).json<Answer>();
  }

  async #ask(subject: string, body: object | string = ""): Promise<Answer> {
    const answer = await this.#request(subject, body);
    must(answer.error === undefined, `${subject}: ${answer.error?.description}`);
    return answer;
  }
}
