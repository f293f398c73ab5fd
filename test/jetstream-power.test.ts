// JetStream of a whole server on the simulated disk: power cuts with torn writes, full and failing disks, flipped bits.
// `NATSNODE_RUNS` is how many random runs there are of each; a run that fails prints its seed.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SimulatedRuntime, simulatedRuntime } from "../src/runtime/simulated/index.js";
import { type Answer, filesBelow, Life } from "./support/jetstream-life.js";

const RUNS = Number(process.env["NATSNODE_RUNS"] ?? 12);

/** What was published and removed, with what was acknowledged of it. */
class Ledger {
  readonly stored = new Map<number, string>();
  readonly removing = new Set<number>();
  readonly removed = new Set<number>();
  #next = 1;

  payload(bytes: number): string {
    return `${this.#next++}:`.padEnd(bytes, "#");
  }

  /** What is not as it was acknowledged. */
  async wrong(life: Life): Promise<string[]> {
    const wrong: string[] = [];
    for (const [sequence, payload] of this.stored) {
      const { message } = await life.ask("$JS.API.STREAM.MSG.GET.S", { seq: sequence });
      const data = message === undefined ? undefined : Buffer.from(message.data ?? "", "base64").toString("latin1");
      if (this.removed.has(sequence)) {
        if (data !== undefined) wrong.push(`${sequence} is there again`);
      } else if (data === undefined) {
        if (!this.removing.has(sequence)) wrong.push(`${sequence} is lost`);
      } else if (data !== payload) wrong.push(`${sequence} is another message`);
      // What was found stands.
      if (data === undefined) this.removed.add(sequence);
      this.removing.delete(sequence);
    }
    return wrong;
  }
}

const createStream = (life: Life): Promise<Answer> =>
  life.ask("$JS.API.STREAM.CREATE.S", { name: "S", subjects: ["s.*"], storage: "file", max_bytes: 1 << 20 });

/** A while of publishes and removals, some of them on their way when it ends. */
async function work(life: Life, world: SimulatedRuntime, ledger: Ledger, turns: number): Promise<void> {
  const waiting: [name: string, done: (answer: Answer) => void][] = [];
  const take = (): void => {
    for (const [at, [name, done]] of [...waiting.entries()].reverse()) {
      const answer = life.answer(name);
      if (answer === undefined) continue;
      done(answer);
      waiting.splice(at, 1);
    }
  };
  for (let turn = 0; turn < turns; turn++) {
    for (let count = world.random.below(4); count > 0; count--) {
      const payload = ledger.payload(10 + world.random.below(3000));
      const name = life.send(`s.${world.random.below(5)}`, payload);
      waiting.push([name, ({ seq, error }) => void (error === undefined && ledger.stored.set(seq as number, payload))]);
    }
    const sequences = [...ledger.stored.keys()].filter((one) => !ledger.removed.has(one));
    if (world.random.below(4) === 0 && sequences.length > 0) {
      const sequence = sequences[world.random.below(sequences.length)];
      ledger.removing.add(sequence);
      const name = life.send("$JS.API.STREAM.MSG.DELETE.S", JSON.stringify({ seq: sequence, no_erase: turn % 5 > 0 }));
      waiting.push([name, ({ success }) => void (success && ledger.removed.add(sequence))]);
    }
    await life.server.advance(world.random.float() * 8);
    take();
  }
}

test("power cuts lose nothing that was acknowledged and bring nothing back", async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
    async (seed, lives) => {
      const world = simulatedRuntime({ seed });
      const ledger = new Ledger();
      let life = await Life.begin(world);
      assert.equal((await createStream(life)).error, undefined);
      for (const turns of lives) {
        await work(life, world, ledger, turns);
        world.crash({ torn: true });
        world.restart();
        life = await Life.begin(world);
        assert.deepEqual(await ledger.wrong(life), []);
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
});

for (const [code, errorCode] of [
  ["ENOSPC", 10023],
  ["EIO", 10077],
] as const) {
  test(`with ${code} publishes are refused, reading goes on, and publishing recovers by itself`, async () => {
    const world = simulatedRuntime({ seed: code });
    const ledger = new Ledger();
    let life = await Life.begin(world);
    await createStream(life);
    await work(life, world, ledger, 20);
    world.disk.fail({ operation: "write", code, times: Number.POSITIVE_INFINITY, torn: true });
    const refused = await life.ask("s.1", "refused");
    const again = await life.ask("s.1", "refused");
    assert.deepEqual([refused.error?.err_code, again.error?.err_code], [errorCode, errorCode]);
    assert.deepEqual(await ledger.wrong(life), []);
    world.disk.repair();
    await life.server.advance(20_000);
    const { seq, error } = await life.ask("s.1", "taken");
    assert.equal(error, undefined);
    ledger.stored.set(seq as number, "taken");
    world.crash({ torn: true });
    world.restart();
    life = await Life.begin(world);
    assert.deepEqual(await ledger.wrong(life), []);
    assert.match(life.server.log.lines.join("\n"), /JETSTREAM/);
  });
}

test("a flipped bit costs at most its record, which is told", async () => {
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 5, max: 40 }), async (seed, turns) => {
    const world = simulatedRuntime({ seed });
    const ledger = new Ledger();
    let life = await Life.begin(world);
    await createStream(life);
    await work(life, world, ledger, turns);
    await life.server.advance(1000);
    if (seed % 2 === 0) await world.clock.settle(life.server.server.close());
    await life.server.advance(1000);
    const before = ledger.stored.size;
    world.crash();
    world.restart();
    const files = filesBelow(world, "/data/jetstream").filter(
      (path) => (world.disk.statSync(path)?.sizeBytes ?? 0) > 0,
    );
    const hit = files[world.random.below(files.length)];
    world.disk.flipBits(hit);
    life = await Life.begin(world);
    const wrong = (await ledger.wrong(life)).filter((text) => text.endsWith("lost"));
    assert.ok(wrong.length <= 1, `${hit} of ${before}: ${wrong.join(", ")}`);
    if (wrong.length === 1) assert.match(life.server.log.lines.join("\n"), /JetStream storage: .*set aside as/);
  });
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
});
