// One run of a server with JetStream beside the model of `support/jetstream-model.ts`: each operation is done to both, and
// then they are compared.
import assert from "node:assert/strict";
import type { SimulatedRuntime } from "../../src/runtime/simulated/index.js";
import { type Answer, Life } from "../support/jetstream-life.js";
import { type ConsumerModel, type Delivery, StreamModel, type StreamSettings } from "../support/jetstream-model.js";
import { configOf, type Of, type Operation, type Settings, settingsOf } from "./jetstream-operations.js";

const DURABLE_MS = 1000;
/** What is pushed arrives in less. */
const SETTLE_MS = 5;
const NS_PER_S = 1e9;

interface Given extends Delivery {
  readonly consumer: string;
  readonly ackSubject: string;
  readonly left: number;
}

export class JetStreamRun {
  /** Messages that were delivered in all runs. */
  static delivered = 0;
  readonly #world: SimulatedRuntime;
  #life: Life;
  #model: StreamModel;
  // Times of the model are so far apart that what an operation takes does not matter.
  #nowS = 0;
  #published = 0;
  #given: Given[] = [];

  private constructor(world: SimulatedRuntime, life: Life, model: StreamModel) {
    this.#world = world;
    this.#life = life;
    this.#model = model;
  }

  static async begin(world: SimulatedRuntime, settings: Settings): Promise<JetStreamRun> {
    const run = new JetStreamRun(world, await Life.begin(world), new StreamModel(settingsOf(settings)));
    await run.#create(settings);
    return run;
  }

  async step(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "publish":
        await this.#publish(operation);
        break;
      case "delete":
        await this.#delete(operation);
        break;
      case "purge":
        await this.#purge(operation);
        break;
      case "get":
        await this.#get(operation);
        break;
      case "update":
        await this.#update(operation.settings);
        break;
      case "recreate":
        await this.#succeed("$JS.API.STREAM.DELETE.S");
        this.#given = [];
        await this.#create(operation.settings);
        break;
      case "addConsumer":
        await this.#addConsumer(operation);
        break;
      case "deleteConsumer":
        if (!this.#model.consumers.has(operation.name)) return;
        await this.#succeed(`$JS.API.CONSUMER.DELETE.S.${operation.name}`);
        this.#model.deleteConsumer(operation.name);
        this.#given = this.#given.filter(({ consumer }) => consumer !== operation.name);
        break;
      case "pull":
        await this.#pull(operation);
        break;
      case "answer":
        await this.#answer(operation);
        break;
      case "pass":
        await this.#pass(operation.seconds);
        break;
      case "restart":
        await this.#restart(operation.orderly);
        break;
    }
    await this.#takePushed();
    await this.#compare();
  }

  // ---------------------------------------------------------------- operations

  #create(settings: Settings): Promise<void> {
    return this.#createAs(settingsOf(settings));
  }

  async #createAs(settings: StreamSettings): Promise<void> {
    this.#model = new StreamModel(settings);
    await this.#succeed("$JS.API.STREAM.CREATE.S", configOf(this.#model.settings));
  }

  async #publish({ subject, bytes, id, last, lastOfSubject, rollup, ttlS }: Of<"publish">): Promise<void> {
    const model = this.#model;
    const payload = `${++this.#published}:`.padEnd(bytes, "#");
    const expectedLast = last === undefined ? undefined : model.last + last;
    const expectedOfSubject = lastOfSubject === undefined ? undefined : (model.of(subject).at(-1) ?? 0) + lastOfSubject;
    const headers = Object.entries({
      "Nats-Msg-Id": id,
      "Nats-Expected-Last-Sequence": expectedLast,
      "Nats-Expected-Last-Subject-Sequence": expectedOfSubject,
      "Nats-Rollup": rollup,
      "Nats-TTL": ttlS,
    })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\r\n");
    const headerBytes = headers === "" ? 0 : `NATS/1.0\r\n${headers}\r\n\r\n`.length;
    const expected = model.publish(
      { subject, payload, headerBytes, id, expectedLast, expectedOfSubject, rollup, ttlS },
      this.#nowS,
    );
    const { error, seq, duplicate } = await this.#life.ask(subject, payload, headers);
    const answered = error === undefined ? { sequence: seq, duplicate } : { error: error.err_code };
    assert.deepEqual(answered, expected.error === undefined ? { duplicate: undefined, ...expected } : expected);
  }

  async #delete({ place, erase }: Of<"delete">): Promise<void> {
    const sequence = this.#sequenceAt(place);
    const { error } = await this.#life.ask("$JS.API.STREAM.MSG.DELETE.S", { seq: sequence, no_erase: !erase });
    assert.equal(error === undefined, this.#model.remove(sequence), `deleting ${sequence}: ${error?.description}`);
  }

  async #purge({ filter, place, keep }: Of<"purge">): Promise<void> {
    const below = place === undefined || keep > 0 ? undefined : this.#sequenceAt(place);
    const { purged } = await this.#succeed("$JS.API.STREAM.PURGE.S", { filter, seq: below, keep });
    assert.equal(purged, this.#model.purge({ filter, below, keep }));
    if (filter === undefined && below !== undefined) this.#model.last = Math.max(this.#model.last, below - 1);
  }

  async #get({ subject, place }: Of<"get">): Promise<void> {
    const model = this.#model;
    const sequence = this.#sequenceAt(place);
    await this.#getOne({ last_by_subj: subject }, model.of(subject).at(-1));
    const next = model.of(subject).find((one) => one >= sequence);
    await this.#getOne({ next_by_subj: subject, seq: sequence }, next);
    await this.#getOne({ seq: sequence }, model.messages.has(sequence) ? sequence : undefined);
  }

  async #getOne(asked: object, sequence: number | undefined): Promise<void> {
    const { error, message } = await this.#life.ask("$JS.API.STREAM.MSG.GET.S", asked);
    if (sequence === undefined) {
      assert.equal(error?.err_code, 10037, JSON.stringify(asked));
      return;
    }
    const { subject, payload } = this.#model.messages.get(sequence) ?? {};
    const data = Buffer.from(message?.data ?? "", "base64").toString("latin1");
    assert.deepEqual([message?.seq, message?.subject, data], [sequence, subject, payload], JSON.stringify(asked));
  }

  async #update(settings: Settings): Promise<void> {
    const model = this.#model;
    const { discard, maxMessages, maxBytes, maxPerSubject, rollup } = settings;
    const changed = { ...model.settings, discard, maxMessages, maxBytes, maxPerSubject, rollup };
    await this.#succeed("$JS.API.STREAM.UPDATE.S", configOf(changed));
    const isOther = maxPerSubject !== model.settings.maxPerSubject;
    model.settings = changed;
    // A stream that refuses new messages keeps what it has, but for those of one subject.
    if (discard === "old") model.keepLimits();
    if (isOther) model.keepPerSubject();
  }

  async #addConsumer({ name, ...settings }: Of<"addConsumer">): Promise<void> {
    const model = this.#model;
    if (model.consumers.has(name)) return;
    const { filter, ackPolicy, maxDeliver, ackWaitsS, isPush } = settings;
    const waits = ackWaitsS.map((seconds) => seconds * NS_PER_S);
    const acknowledged = {
      ack_wait: waits[0],
      backoff: waits.length > 1 ? waits : undefined,
      max_deliver: maxDeliver,
    };
    const config = {
      durable_name: name,
      ack_policy: ackPolicy,
      filter_subject: filter === "" ? undefined : filter,
      deliver_subject: isPush ? `_R.${name}` : undefined,
      ...(ackPolicy === "none" ? {} : acknowledged),
    };
    const { error } = await this.#life.ask(`$JS.API.CONSUMER.DURABLE.CREATE.S.${name}`, { stream_name: "S", config });
    assert.equal(error === undefined, model.mayConsume(settings), error?.description);
    if (error === undefined) model.addConsumer(name, settings);
  }

  async #pull({ name, batch }: Of<"pull">): Promise<void> {
    const consumer = this.#model.consumers.get(name);
    if (consumer === undefined || consumer.settings.isPush) return;
    const life = this.#life;
    const reply = life.send(`$JS.API.CONSUMER.MSG.NEXT.S.${name}`, JSON.stringify({ batch, no_wait: true }));
    for (let tries = 0; tries < 100; tries++) {
      if (life.client.received.includes(`HMSG ${reply} 1 `) || givenIn(life.client.received).length === batch) break;
      await life.server.advance(1);
    }
    this.#checkDelivered(consumer, givenIn(life.client.received), batch);
  }

  /** What push consumers have delivered since the last time. */
  async #takePushed(): Promise<void> {
    const { client, server } = this.#life;
    await server.advance(SETTLE_MS);
    const given = givenIn(client.take());
    for (const [name, consumer] of this.#model.consumers) {
      if (!consumer.settings.isPush) continue;
      const ofConsumer = given.filter((one) => one.consumer === name);
      this.#checkDelivered(consumer, ofConsumer, Number.POSITIVE_INFINITY);
    }
  }

  /** Compares what was delivered with what was to be, at most `batch`; first those that are due again. */
  #checkDelivered(consumer: ConsumerModel, given: readonly Given[], batch: number): void {
    const model = this.#model;
    const ready = [...consumer.pending].filter(([, one]) => one.ready);
    const again = ready.map(([sequence, { count }]) => ({ sequence, count: count + 1 }));
    const fresh = model.notDelivered(consumer);
    const shown = given.map(({ sequence, count }) => ({ sequence, count }));
    const repeated = shown.slice(0, Math.min(batch, again.length));
    for (const one of repeated)
      assert.ok(
        again.some((other) => isSame(one, other)),
        `${JSON.stringify(one)} was not due`,
      );
    assert.equal(
      new Set(repeated.map(({ sequence }) => sequence)).size,
      Math.min(batch, again.length),
      "those due again",
    );
    const rest = fresh.slice(0, Math.max(0, batch - again.length)).map((sequence) => ({ sequence, count: 1 }));
    assert.deepEqual(shown.slice(repeated.length), rest);
    for (const one of given) {
      model.delivered(consumer, one, this.#nowS);
      assert.equal(one.left, model.notDelivered(consumer).length, "what its ack subject says is left");
    }
    if (consumer.settings.ackPolicy !== "none") this.#given.push(...given);
    JetStreamRun.delivered += given.length;
  }

  /** Time passes, in parts that end when a consumer delivers something again by itself. */
  async #pass(seconds: number): Promise<void> {
    const endS = this.#nowS + seconds;
    while (this.#nowS < endS) {
      const nextS = Math.min(endS, this.#model.nextEventS(this.#nowS));
      await this.#life.server.advance((nextS - this.#nowS) * 1000);
      this.#nowS = nextS;
      this.#model.passTo(nextS);
      if (nextS < endS) await this.#takePushed();
    }
  }

  async #answer({ place, payload, delayS }: Of<"answer">): Promise<void> {
    const given = this.#given[Math.min(this.#given.length - 1, Math.floor(this.#given.length * place))];
    if (given === undefined) return;
    const model = this.#model;
    const consumer = model.consumers.get(given.consumer) as ConsumerModel;
    const isLater = payload === "-NAK" && delayS > 0;
    const text = isLater ? `-NAK ${JSON.stringify({ delay: delayS * NS_PER_S })}` : payload;
    await this.#life.untilAnswered(this.#life.send(given.ackSubject, text));
    const { sequence } = given;
    if (payload === "+ACK") model.acknowledge(consumer, sequence);
    else if (!consumer.pending.has(sequence)) return;
    else if (isLater) consumer.againIn(sequence, delayS, this.#nowS);
    else if (payload === "-NAK") consumer.again(sequence);
    else model.acknowledge(consumer, sequence);
  }

  async #restart(orderly: boolean): Promise<void> {
    const world = this.#world;
    // Deliveries are on the disk a moment later.
    await this.#life.server.advance(DURABLE_MS);
    const before = await this.#consumers();
    if (orderly) await world.clock.settle(this.#life.server.server.close());
    world.crash({ torn: true });
    world.restart();
    this.#life = await Life.begin(world);
    const { settings } = this.#model;
    if (settings.storage === "memory") {
      assert.equal((await this.#life.ask("$JS.API.STREAM.INFO.S")).error?.err_code, 10059);
      this.#given = [];
      await this.#createAs(settings);
      return;
    }
    this.#model.restart(this.#nowS);
    // Those that deliver by themselves go on at once.
    const isSameStill = ({ name }: { name: string }): boolean => {
      const { settings: ofConsumer, pending } = this.#model.consumers.get(name) as ConsumerModel;
      return !ofConsumer.isPush || ![...pending.values()].some(({ ready }) => ready);
    };
    assert.deepEqual((await this.#consumers()).filter(isSameStill), before.filter(isSameStill));
    await this.compareContents();
  }

  // ---------------------------------------------------------------- comparing

  async #compare(): Promise<void> {
    const model = this.#model;
    const { state } = await this.#succeed("$JS.API.STREAM.INFO.S", { deleted_details: true });
    assert.deepEqual(
      { messages: state?.messages, last: state?.last_seq, bytes: state?.bytes },
      { messages: model.messages.size, last: model.last, bytes: model.bytes },
    );
    if (model.last > 0) assert.equal(state?.first_seq, model.first);
    // As nats-server tells it of a file that has never held anything.
    const isUnused = model.settings.storage === "file" && state?.first_seq === 0 && state.last_seq === 0;
    const deleted = isUnused ? [0] : [];
    for (let at = model.first; at <= model.last; at++) if (!model.messages.has(at)) deleted.push(at);
    assert.deepEqual(state?.deleted ?? [], deleted);
    for (const [name, consumer] of model.consumers) await this.#compareConsumer(name, consumer);
  }

  async #compareConsumer(name: string, consumer: ConsumerModel): Promise<void> {
    const info = await this.#succeed(`$JS.API.CONSUMER.INFO.S.${name}`);
    const wanted = this.#model.notDelivered(consumer);
    assert.deepEqual(
      { ofConsumer: name, acks: info.num_ack_pending, messages: info.num_pending },
      { ofConsumer: name, acks: consumer.pending.size, messages: wanted.length },
    );
    const floor = info.ack_floor?.stream_seq ?? 0;
    const open = Math.min(...wanted, ...consumer.pending.keys());
    assert.ok(floor < open, `${name}: ${open} is not done, and the floor is ${floor}`);
    // What has reached max_deliver may hold the floor back, until nothing waits for an acknowledgement.
    if (consumer.hasGivenUp) return;
    const done = this.#model.sequences.filter(
      (one) => one < Math.min(open, consumer.next) && consumer.wants(this.#model.messages.get(one)?.subject as string),
    );
    const least = done.at(-1) ?? 0;
    assert.ok(floor >= least, `${name}: all is done up to ${least}, and the floor is ${floor}`);
  }

  /** Reads every message. */
  async compareContents(): Promise<void> {
    for (const sequence of this.#model.sequences) await this.#getOne({ seq: sequence }, sequence);
  }

  async #consumers(): Promise<{ name: string; shown: object }[]> {
    const all: { name: string; shown: object }[] = [];
    for (const name of this.#model.consumers.keys()) {
      const info = await this.#succeed(`$JS.API.CONSUMER.INFO.S.${name}`);
      const places = [info.delivered, info.ack_floor].map((one) => [one?.consumer_seq, one?.stream_seq]);
      const counts = [info.num_ack_pending, info.num_redelivered, info.num_pending];
      all.push({ name, shown: { places, counts } });
    }
    return all;
  }

  #sequenceAt(place: number): number {
    const { first, last } = this.#model;
    return Math.max(1, Math.round(first + (last - first) * place));
  }

  async #succeed(subject: string, body?: object): Promise<Answer> {
    const answer = await this.#life.ask(subject, body);
    assert.equal(answer.error, undefined, `${subject}: ${answer.error?.description}`);
    return answer;
  }
}

const isSame = (one: Delivery, other: Delivery): boolean =>
  one.sequence === other.sequence && one.count === other.count;

function givenIn(received: string): Given[] {
  return [...received.matchAll(/MSG \S+ 1 (\$JS\.ACK\.S\.(\w+)\.(\d+)\.(\d+)\.\d+\.\d+\.(\d+)) /g)].map(
    ([, ackSubject, consumer, count, sequence, left]) => ({
      ackSubject: ackSubject as string,
      consumer: consumer as string,
      count: Number(count),
      sequence: Number(sequence),
      left: Number(left),
    }),
  );
}
