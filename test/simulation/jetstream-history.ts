// A history of JetStream on a disk that may lose what was not synced: streams and consumers that come, change and go, messages
// that are stored, delivered and acknowledged; and what of it must be there after a power cut.
import assert from "node:assert/strict";
import type { SimulatedRuntime } from "../../src/runtime/simulated/index.js";
import type { Answer, Life } from "../support/jetstream-life.js";
import { Draw } from "./draw.js";

const ACK_WAIT_MS = 1000;
const MOST_PULLED = 500;

/** What something was told to be, one value after the other, and up to which of them that was confirmed. */
class Told {
  readonly name: string;
  #values: (string | undefined)[] = [undefined];
  #confirmed = 0;

  constructor(name: string) {
    this.name = name;
  }

  get last(): string | undefined {
    return this.#values[this.#values.length - 1];
  }

  /** A value that is asked for now; the returned function is called when it was confirmed. */
  tell(value: string | undefined): () => void {
    const values = this.#values;
    const at = values.push(value) - 1;
    return () => {
      if (values === this.#values) this.#confirmed = Math.max(this.#confirmed, at);
    };
  }

  /** Throws when it is not what was confirmed, or told later; what was found stands. */
  found(value: string | undefined): void {
    const allowed = this.#values.slice(this.#confirmed);
    assert.ok(allowed.includes(value), `${this.name} is ${value}, and was told to be ${allowed.join(", then ")}`);
    this.#values = [value];
    this.#confirmed = 0;
  }
}

interface Stored {
  readonly payload: string;
  removing: boolean;
  removed: boolean;
}

interface ConsumerHistory {
  readonly name: string;
  /** Of its stream. */
  readonly generation: number;
  readonly told: Told;
  /** Sequences whose end was asked for, and where that was confirmed. */
  readonly asked: Set<number>;
  readonly done: Set<number>;
}

interface StreamHistory {
  readonly name: string;
  readonly told: Told;
  /** Tells streams of the same name apart. */
  generation: number;
  version: number;
  stored: Map<number, Stored>;
  /** Also those whose end was asked for. */
  consumers: ConsumerHistory[];
}

/** What is done next. */
export type Step =
  | "createStream"
  | "updateStream"
  | "deleteStream"
  | "createConsumer"
  | "updateConsumer"
  | "deleteConsumer"
  | "publish"
  | "remove"
  | "pull"
  | "ack";

interface Given {
  readonly ackSubject: string;
  readonly consumer: ConsumerHistory;
  readonly sequence: number;
}

type Waiting = [name: string, done: (answer: Answer) => void];

export class History {
  /** Things that were compared in all histories. */
  static compared = 0;
  /** The disk may be full: files of what is deleted go before that is durable, to make room. */
  mayBeFull = false;
  readonly #draw: Draw;
  readonly #streams: StreamHistory[];
  #life: Life;
  #numbers = 0;
  #waiting: Waiting[] = [];
  #given: Given[] = [];
  #taken = 0;
  /** Messages of streams whose files may be gone already. */
  readonly #leaving = new WeakSet<StreamHistory["stored"]>();

  /** @param names of the streams; one with an even place has work queue retention */
  constructor(world: SimulatedRuntime, life: Life, names: readonly string[] = ["A", "B"]) {
    this.#draw = new Draw(world.random);
    this.#life = life;
    this.#streams = names.map((name) => ({
      name,
      told: new Told(`stream ${name}`),
      generation: 0,
      version: 0,
      stored: new Map(),
      consumers: [],
    }));
  }

  /** Another server has taken over after a failure. */
  use(life: Life): void {
    this.#life = life;
    this.#waiting = [];
    this.#given = [];
    this.#taken = 0;
  }

  /** Sends what a step needs, for a stream that is drawn. */
  step(step: Step): void {
    const stream = this.#draw.pick(this.#streams);
    const consumer = stream.consumers.find(({ told }) => told.last !== undefined);
    switch (step) {
      case "createStream":
        if (stream.told.last === undefined) this.#createStream(stream);
        break;
      case "updateStream":
        if (stream.told.last !== undefined) this.#tellStream(stream, "UPDATE");
        break;
      case "deleteStream":
        if (stream.told.last !== undefined) this.#deleteStream(stream);
        break;
      case "createConsumer":
        if (stream.told.last !== undefined && consumer === undefined) this.#createConsumer(stream);
        break;
      case "updateConsumer":
        if (consumer !== undefined) this.#tellConsumer(stream, consumer, "update");
        break;
      case "deleteConsumer":
        if (consumer === undefined) break;
        this.#ask(`$JS.API.CONSUMER.DELETE.${stream.name}.${consumer.name}`, "", consumer.told.tell(undefined));
        break;
      case "publish":
        if (stream.told.last !== undefined) this.#publish(stream);
        break;
      case "remove":
        this.#remove(stream);
        break;
      case "pull":
        if (consumer === undefined) break;
        this.#life.send(
          `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${consumer.name}`,
          JSON.stringify({ batch: this.#draw.between(1, 4), no_wait: true }),
        );
        break;
      case "ack":
        this.#ack();
    }
  }

  /** Lets time pass and takes what has come. */
  async pass(ms: number): Promise<void> {
    await this.#life.server.advance(ms);
    this.#take();
  }

  /** Lets time pass until everything has its answer. */
  async settle(): Promise<void> {
    for (let tries = 0; tries < 200 && this.#waiting.length > 0; tries++) await this.pass(0.5);
  }

  /** Compares the server with what was confirmed. With `damaged` a bit was flipped: one message may be lost, and what was done may come again. */
  async check(damaged = false): Promise<void> {
    const { streams } = await this.#answer("$JS.API.STREAM.NAMES");
    const known = new Set(this.#streams.map(({ name }) => name));
    for (const name of streams ?? []) assert.ok(known.has(name), `a stream ${name} was never told of`);
    const lost: string[] = [];
    for (const stream of this.#streams) lost.push(...(await this.#checkStream(stream, damaged)));
    assert.ok(lost.length <= (damaged ? 1 : 0), lost.join("; "));
    History.compared++;
  }

  // ---------------------------------------------------------------- steps

  #createStream(stream: StreamHistory): void {
    stream.generation = ++this.#numbers;
    stream.version = 0;
    stream.stored = new Map();
    this.#tellStream(stream, "CREATE");
  }

  #tellStream(stream: StreamHistory, what: "CREATE" | "UPDATE"): void {
    const { name, generation } = stream;
    const description = `${generation}.${++stream.version}`;
    const config = {
      name,
      description,
      subjects: [`${name}.${generation}.*`],
      storage: "file",
      retention: this.#streams.indexOf(stream) % 2 === 0 ? "workqueue" : "limits",
    };
    this.#ask(`$JS.API.STREAM.${what}.${name}`, config, stream.told.tell(description));
  }

  #deleteStream(stream: StreamHistory): void {
    if (this.mayBeFull) {
      for (const one of stream.stored.values()) one.removing = true;
      this.#leaving.add(stream.stored);
    }
    const confirmations = [stream.told, ...stream.consumers.map(({ told }) => told)].map((one) => one.tell(undefined));
    this.#ask(`$JS.API.STREAM.DELETE.${stream.name}`, "", () => {
      for (const confirm of confirmations) confirm();
    });
  }

  #createConsumer(stream: StreamHistory): void {
    // A name of its own: what was acknowledged to another one cannot be meant.
    const name = `C${++this.#numbers}`;
    const told = new Told(`consumer ${name} of ${stream.name}`);
    const { generation } = stream;
    const consumer = { name, generation, told, asked: new Set<number>(), done: new Set<number>() };
    stream.consumers.push(consumer);
    this.#tellConsumer(stream, consumer, "create");
  }

  #tellConsumer(stream: StreamHistory, { name, told }: ConsumerHistory, action: "create" | "update"): void {
    const description = String(++this.#numbers);
    const config = { durable_name: name, description, ack_policy: "explicit", ack_wait: ACK_WAIT_MS * 1e6 };
    const request = { stream_name: stream.name, config, action };
    this.#ask(`$JS.API.CONSUMER.CREATE.${stream.name}.${name}`, request, told.tell(description));
  }

  #publish({ name, generation, stored }: StreamHistory): void {
    const payload = `${++this.#numbers}:`.padEnd(this.#draw.between(8, 1500), "#");
    const request = this.#life.send(`${name}.${generation}.${this.#draw.between(1, 3)}`, payload);
    this.#waiting.push([
      request,
      ({ seq, error }) => {
        if (error === undefined && seq !== undefined)
          stored.set(seq, { payload, removing: this.#leaving.has(stored), removed: false });
      },
    ]);
  }

  #remove({ name, stored }: StreamHistory): void {
    const left = [...stored].filter(([, one]) => !one.removing);
    if (left.length === 0) return;
    const [seq, one] = this.#draw.pick(left);
    one.removing = true;
    this.#ask(`$JS.API.STREAM.MSG.DELETE.${name}`, { seq, no_erase: this.#draw.chance(0.7) }, () => {
      one.removed = true;
    });
  }

  #ack(): void {
    const given = this.#given.splice(this.#draw.between(0, this.#given.length - 1), 1)[0];
    if (given === undefined) return;
    given.consumer.asked.add(given.sequence);
    this.#waiting.push([this.#life.send(given.ackSubject, "+ACK"), () => void given.consumer.done.add(given.sequence)]);
  }

  #ask(subject: string, body: object | string, confirm: () => void): void {
    const name = this.#life.send(subject, typeof body === "string" ? body : JSON.stringify(body));
    this.#waiting.push([
      name,
      ({ error }) => {
        if (error === undefined) confirm();
      },
    ]);
  }

  #take(): void {
    const { received } = this.#life.client;
    const left: Waiting[] = [];
    for (const [name, done] of this.#waiting) {
      // Where nobody listens any more there is an answer with headers, which confirms nothing.
      const [line = "", bytes] = new RegExp(`(?<!H)MSG ${name} 1 (\\d+)\\r\\n`).exec(received) ?? [];
      const begin = received.indexOf(line) + line.length;
      const text = received.slice(begin, begin + Number(bytes));
      if (line === "" || text.length < Number(bytes)) left.push([name, done]);
      else done(text === "" ? {} : (JSON.parse(text) as Answer));
    }
    this.#waiting = left;
    for (const match of received.slice(this.#taken).matchAll(GIVEN)) {
      const consumer = this.#streams
        .find(({ name }) => name === match[2])
        ?.consumers.find(({ name }) => name === match[3]);
      if (consumer !== undefined)
        this.#given.push({ ackSubject: match[1] as string, consumer, sequence: Number(match[4]) });
    }
    this.#taken = received.lastIndexOf("\r\n") + 2;
  }

  // ---------------------------------------------------------------- comparing

  /** Messages that are lost. */
  async #checkStream(stream: StreamHistory, damaged: boolean): Promise<string[]> {
    const { name, told } = stream;
    const info = await this.#answer(`$JS.API.STREAM.INFO.${name}`);
    const description = info.config?.description;
    told.found(description);
    if (description === undefined) {
      stream.consumers = [];
      return [];
    }
    // An older one of the name is still there: nothing is known of the messages of the newer.
    if (description.split(".")[0] !== String(stream.generation)) {
      stream.generation = Number(description.split(".")[0]);
      stream.stored = new Map();
    }
    const isWorkQueue = info.config?.retention === "workqueue";
    const consumers: ConsumerHistory[] = [];
    const { consumers: names } = await this.#answer(`$JS.API.CONSUMER.NAMES.${name}`);
    for (const one of (names as string[] | undefined) ?? []) {
      assert.ok(
        stream.consumers.some((other) => other.name === one),
        `${name} has a consumer ${one}`,
      );
    }
    for (const consumer of stream.consumers) {
      const { config } = await this.#answer(`$JS.API.CONSUMER.INFO.${name}.${consumer.name}`);
      consumer.told.found(config?.description);
      if (config !== undefined) consumers.push(consumer);
    }
    const some = (of: "asked" | "done", sequence: number): boolean =>
      stream.consumers.some((one) => one.generation === stream.generation && one[of].has(sequence));
    const lost: string[] = [];
    const there = new Set<number>();
    for (const [sequence, one] of stream.stored) {
      const { message } = await this.#answer(`$JS.API.STREAM.MSG.GET.${name}`, { seq: sequence });
      if (message === undefined) {
        if (!one.removing && !(isWorkQueue && some("asked", sequence))) lost.push(`${sequence} of ${name} is lost`);
        stream.stored.delete(sequence);
        continue;
      }
      const isGone = one.removed || (isWorkQueue && some("done", sequence));
      assert.ok(damaged || !isGone, `${sequence} of ${name} was removed, and is there again`);
      assert.equal(Buffer.from(message.data ?? "", "base64").toString("latin1"), one.payload);
      one.removing = false;
      // What a flipped bit brought back was passed already.
      if (!isGone) there.add(sequence);
    }
    stream.consumers = consumers;
    for (const consumer of consumers) await this.#checkConsumer(stream, consumer, there, damaged);
    return lost;
  }

  /** Everything that is left comes, and nothing that was done. */
  async #checkConsumer(
    { name }: StreamHistory,
    consumer: ConsumerHistory,
    there: Set<number>,
    damaged: boolean,
  ): Promise<void> {
    // What was delivered before comes again then.
    await this.#life.server.advance(ACK_WAIT_MS + 100);
    this.#take();
    this.#given = this.#given.filter((one) => one.consumer !== consumer);
    const request = JSON.stringify({ batch: MOST_PULLED, no_wait: true });
    const reply = this.#life.send(`$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer.name}`, request);
    for (let tries = 0; tries < 200 && !this.#life.client.received.includes(`HMSG ${reply} 1 `); tries++) {
      await this.#life.server.advance(1);
    }
    this.#take();
    const came = new Set(this.#given.filter((one) => one.consumer === consumer).map(({ sequence }) => sequence));
    for (const sequence of consumer.done) {
      assert.ok(damaged || !came.has(sequence), `${sequence} came again to ${consumer.name} after its double ack`);
    }
    for (const sequence of there) {
      const comes = came.has(sequence) || consumer.asked.has(sequence);
      assert.ok(comes, `${sequence} of ${name} never comes to ${consumer.name}`);
    }
    // What was asked for and not done is as it was found.
    for (const sequence of came) consumer.asked.delete(sequence);
  }

  async #answer(subject: string, body: object | string = ""): Promise<HistoryAnswer> {
    return (await this.#life.ask(subject, body)) as HistoryAnswer;
  }
}

const GIVEN = /MSG \S+ 1 (\$JS\.ACK\.(\w+)\.(\w+)\.\d+\.(\d+)\.\d+\.\d+\.\d+) \d+\r\n/g;

interface HistoryAnswer extends Answer {
  readonly config?: { readonly description?: string; readonly retention?: string };
  readonly streams?: readonly string[] | null;
  readonly consumers?: unknown;
}
