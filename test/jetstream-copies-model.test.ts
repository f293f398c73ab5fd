// A stream with a mirror and a stream that it is a source of: random publishes, deletions and purges at the origin, stops, kills
// and power cuts in between. Both copies have what was stored, once, in order, whatever has gone at the origin since.
// `NATSNODE_RUNS` is how many runs there are, others each time; without it they are always the same few.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { type Answer, Life } from "./support/jetstream-life.js";

const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 5);
const SEED = process.env["NATSNODE_RUNS"] === undefined ? { seed: 1 } : {};
const OPERATIONS = 40;
const SUBJECTS = ["s.1", "s.2", "s.3"] as const;
const FILTER = "s.2";
/** Enough for a copy to look again for its origin. */
const LONG_MS = 60_000;

interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: string;
}

type Operation =
  | { readonly kind: "publish"; readonly subject: string; readonly bytes: number; readonly rollup: boolean }
  | { readonly kind: "delete"; readonly place: number }
  | { readonly kind: "purge"; readonly filter: string | undefined; readonly keep: number; readonly beyond: boolean }
  | { readonly kind: "limit"; readonly maxMessages: number }
  | { readonly kind: "restart"; readonly how: "stop" | "kill" | "power cut" }
  | { readonly kind: "burst"; readonly messages: number; readonly how: "purge" | "power cut" | "kill" };

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>): { weight: number; arbitrary: fc.Arbitrary<T> } => ({
  weight,
  arbitrary,
});
const place = fc.double({ min: 0, max: 1.2, noNaN: true });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  often(
    12,
    fc.record({
      kind: fc.constant("publish" as const),
      subject: fc.constantFrom(...SUBJECTS),
      bytes: fc.nat(400),
      rollup: fc.constantFrom(false, false, false, false, true),
    }),
  ),
  often(4, fc.record({ kind: fc.constant("delete" as const), place })),
  often(
    2,
    fc.record({
      kind: fc.constant("purge" as const),
      filter: fc.constantFrom(undefined, ...SUBJECTS),
      keep: fc.constantFrom(0, 0, 1),
      beyond: fc.boolean(),
    }),
  ),
  often(1, fc.record({ kind: fc.constant("limit" as const), maxMessages: fc.constantFrom(-1, 2, 5) })),
  often(
    3,
    fc.record({ kind: fc.constant("restart" as const), how: fc.constantFrom("stop" as const, "kill", "power cut") }),
  ),
  often(
    3,
    fc.record({
      kind: fc.constant("burst" as const),
      messages: fc.integer({ min: 1, max: 30 }),
      how: fc.constantFrom("purge" as const, "power cut", "kill"),
    }),
  ),
);

class CopiesRun {
  /** All that was compared, of all runs. */
  static compared = 0;
  readonly #world: SimulatedRuntime;
  #life: Life;
  #maxMessages = -1;
  #published = 0;
  /** What the origin was given; what of it its copies have to have, and may have. */
  readonly #stored: Stored[] = [];
  readonly #maybe = new Map<number, Stored>();

  private constructor(world: SimulatedRuntime, life: Life) {
    this.#world = world;
    this.#life = life;
  }

  static async begin(world: SimulatedRuntime): Promise<CopiesRun> {
    const run = new CopiesRun(world, await Life.begin(world));
    await run.#succeed("STREAM.CREATE.S", run.#config);
    await run.#succeed("STREAM.CREATE.MIRROR", { name: "MIRROR", mirror: { name: "S" } });
    await run.#succeed("STREAM.CREATE.SOURCED", { name: "SOURCED", sources: [{ name: "S" }] });
    await run.#succeed("STREAM.CREATE.SOME", { name: "SOME", sources: [{ name: "S", filter_subject: FILTER }] });
    return run;
  }

  get #config(): object {
    return { name: "S", subjects: ["s.*"], max_msgs: this.#maxMessages, allow_rollup_hdrs: true };
  }

  async step(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "publish":
        await this.#publish(operation.subject, operation.bytes, operation.rollup);
        break;
      case "delete": {
        const { state } = await this.#succeed("STREAM.INFO.S");
        const last = state?.last_seq ?? 0;
        await this.#life.ask("$JS.API.STREAM.MSG.DELETE.S", { seq: Math.max(1, Math.round(last * operation.place)) });
        break;
      }
      case "purge": {
        const { filter, keep, beyond } = operation;
        const { state } = await this.#succeed("STREAM.INFO.S");
        const seq = beyond && keep === 0 && filter === undefined ? (state?.last_seq ?? 0) + 5 : undefined;
        await this.#succeed("STREAM.PURGE.S", { filter, keep, seq });
        break;
      }
      case "limit":
        this.#maxMessages = operation.maxMessages;
        await this.#succeed("STREAM.UPDATE.S", this.#config);
        break;
      case "restart":
        await this.#restart(operation.how);
        break;
      case "burst":
        await this.#burst(operation.messages, operation.how);
        break;
    }
    if (operation.kind === "restart" || operation.kind === "burst") await this.compare();
  }

  async #publish(subject: string, bytes: number, rollup: boolean): Promise<void> {
    const payload = `${++this.#published}:`.padEnd(bytes, "#");
    const { error, seq } = await this.#life.ask(subject, payload, rollup ? "Nats-Rollup: sub" : "");
    assert.equal(error, undefined);
    this.#stored.push({ sequence: seq as number, subject, payload });
    // A copy gets what is there when it comes to it.
    await this.#untilCopied(seq as number);
  }

  /** Many at once, and then something happens before the copies have them. */
  async #burst(messages: number, how: "purge" | "power cut" | "kill"): Promise<void> {
    const sent: (Stored & { name: string })[] = [];
    const { state: earlier } = await this.#succeed("STREAM.INFO.S");
    for (let count = 0; count < messages; count++) {
      const sequence = (earlier?.last_seq ?? 0) + count + 1;
      const subject = SUBJECTS[count % SUBJECTS.length] as string;
      const payload = `${++this.#published}:burst`;
      sent.push({ name: this.#life.send(subject, payload), sequence, subject, payload });
    }
    await this.#life.server.advance(this.#world.random.float() * 12);
    if (how === "purge") await this.#succeed("STREAM.PURGE.S");
    const before = this.#life;
    if (how !== "purge") await this.#restart(how);
    else await this.#life.server.advance(100);
    // What the origin has after a failure, its copies get; what has come and gone again, they may have.
    const { state } = await this.#succeed("STREAM.INFO.S");
    for (const { sequence, subject, payload } of sent) {
      if (sequence <= (state?.last_seq ?? 0)) this.#maybe.set(sequence, { sequence, subject, payload });
    }
    for (let sequence = state?.first_seq ?? 1; sequence <= (state?.last_seq ?? 0); sequence++) {
      const { message } = await this.#life.ask("$JS.API.STREAM.MSG.GET.S", { seq: sequence });
      if (message === undefined || this.#stored.some((one) => one.sequence === sequence)) continue;
      const payload = Buffer.from(message.data ?? "", "base64").toString();
      assert.equal(payload, this.#maybe.get(sequence)?.payload);
      this.#stored.push({ sequence, subject: message.subject, payload });
      this.#maybe.delete(sequence);
    }
    if (how !== "purge") {
      for (const { name, sequence } of sent) {
        const answer = before.answer(name);
        if (answer === undefined) continue;
        assert.equal(answer.seq, sequence);
        if (this.#maxMessages > 0) continue;
        assert.ok(
          this.#stored.some((one) => one.sequence === sequence),
          `${sequence} was confirmed and is gone`,
        );
      }
    }
  }

  async #restart(how: "stop" | "kill" | "power cut"): Promise<void> {
    const world = this.#world;
    if (how === "stop") await world.clock.settle(this.#life.server.server.close());
    if (how === "kill") world.kill();
    else {
      world.crash({ torn: true });
      world.restart();
    }
    this.#life = await Life.begin(world);
  }

  async #untilCopied(sequence: number): Promise<void> {
    const some = Math.max(0, ...this.#stored.filter((one) => one.subject === FILTER).map((one) => one.sequence));
    for (let waitedMs = 0; waitedMs < LONG_MS; waitedMs += 10) {
      const { state } = await this.#succeed("STREAM.INFO.MIRROR");
      const isMirrored = (state?.last_seq ?? 0) >= sequence;
      if (isMirrored && (await this.#upTo("SOURCED")) >= sequence && (await this.#upTo("SOME")) >= some) return;
      await this.#life.server.advance(10);
    }
    throw new Error(`${sequence} does not come to its copies`);
  }

  /** The sequence, at the origin, of the last message of a stream with sources. */
  async #upTo(name: string): Promise<number> {
    const { message } = await this.#life.ask(`$JS.API.STREAM.MSG.GET.${name}`, { last_by_subj: ">" });
    return message === undefined ? 0 : originOf(message);
  }

  /** The messages of a stream; of one with sources by their sequences at the origin. */
  async #contents(name: string, isSourced: boolean): Promise<Stored[]> {
    const { state } = await this.#succeed(`STREAM.INFO.${name}`);
    const found: Stored[] = [];
    for (let at = state?.first_seq ?? 1; at <= (state?.last_seq ?? 0); at++) {
      const { message } = await this.#life.ask(`$JS.API.STREAM.MSG.GET.${name}`, { seq: at });
      if (message === undefined) continue;
      const sequence = isSourced ? originOf(message) : message.seq;
      found.push({
        sequence,
        subject: message.subject,
        payload: Buffer.from(message.data ?? "", "base64").toString(),
      });
    }
    return found;
  }

  async compare(): Promise<void> {
    const wanted = this.#stored.toSorted((a, b) => a.sequence - b.sequence);
    const last = wanted.at(-1)?.sequence ?? 0;
    if (last > 0) await this.#untilCopied(last);
    for (const [name, subject] of [["MIRROR"], ["SOURCED"], ["SOME", FILTER]] as const) {
      const found = await this.#contents(name, name !== "MIRROR");
      const sure = found.filter(({ sequence }) => !this.#maybe.has(sequence));
      const expected = wanted.filter((one) => subject === undefined || one.subject === subject);
      assert.deepEqual(sure, expected, name);
      for (const one of found) if (this.#maybe.has(one.sequence)) assert.deepEqual(one, this.#maybe.get(one.sequence));
      const sequences = found.map(({ sequence }) => sequence);
      assert.deepEqual(
        sequences,
        [...new Set(sequences)].sort((a, b) => a - b),
        `${name} has each once, in order`,
      );
      CopiesRun.compared += found.length;
    }
  }

  async #succeed(subject: string, body?: object): ReturnType<Life["ask"]> {
    const answer = await this.#life.ask(`$JS.API.${subject}`, body);
    assert.equal(answer.error, undefined, `${subject}: ${answer.error?.description}`);
    return answer;
  }
}

/** Where a message of a stream with sources stood at its origin. */
function originOf({ hdrs = "" }: NonNullable<Answer["message"]>): number {
  return Number(/Nats-Stream-Source: \S+ (\d+)/.exec(Buffer.from(hdrs, "base64").toString())?.[1]);
}

test("a mirror and streams with sources have all that their origin has stored, once and in order", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.noBias(fc.array(operation, { minLength: OPERATIONS, maxLength: OPERATIONS })),
    async (seed, operations) => {
      const run = await CopiesRun.begin(simulatedRuntime({ seed }));
      for (const one of operations) await run.step(one);
      await run.compare();
    },
  );
  await fc.assert(property, { ...SEED, numRuns: RUNS, includeErrorInReport: true });
  assert.ok(CopiesRun.compared > RUNS * OPERATIONS);
});
