// Drill: random requests to JetStream's API, and pairs of faults in configurations, asked of natsnode and of nats-server; what
// they answer is the same. `--seed N --seeds COUNT` are the rounds of requests.
import { setTimeout as pause } from "node:timers/promises";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { Draw } from "../../test/simulation/draw.js";
import { neighbourPath } from "../../test/support/neighbour.js";
import { Asker } from "./answers/asker.js";
import { type Difference, difference } from "./answers/comparison.js";
import { allPairs, BYSTANDER } from "./answers/pairs.js";
import { type Question, question, reading, shown } from "./answers/question.js";
import { LEFT_BEHIND, Round } from "./answers/rounds.js";
import { type Drill, type DrillContext, must, mustBeHealthy } from "./drill.js";

const ROUNDS = 2000;
const ROUNDS_IN_SHORT = 60;
/** Of all pairs; in short a sample of them. */
const PAIRS_IN_SHORT = 500;
const MOST_STEPS = 20;
/** How long reading is repeated while the servers still work at what was asked before. */
const SETTLE_MS = 2000;
const SETTLE_STEP_MS = 20;
/** nats-server has not yet removed the files of the stream that had the name before. */
const STILL_CLEARING = '"err_code":10049';
/** Differences of one kind are shown once. */
const MOST_SHOWN = 40;

export const jetStreamAnswers: Drill = {
  name: "jetstream-answers",
  async run(context) {
    if (neighbourPath() === undefined) {
      context.report("SKIPPED: there is no nats-server to compare with");
      return;
    }
    const { short, seed = 1, seeds } = context.settings;
    const config = 'jetstream { store_dir: "{{DIR}}/store" }';
    const servers = [await context.startServer(config, "neighbour"), await context.startServer(config, "natsnode")];
    const [first, second] = [await context.connect(servers[0]), await context.connect(servers[1])];
    const comparing = new Comparing(context, new Asker(first, second));
    const rounds = seeds ?? (short ? ROUNDS_IN_SHORT : ROUNDS);
    for (let at = seed; at < seed + rounds; at++) await comparing.round(at);
    context.report(`${rounds} rounds from seed ${seed} on: ${comparing.count} requests`);
    if (seeds === undefined) await comparing.pairs(short);
    context.report(`${comparing.count} requests altogether, ${comparing.differences} answered otherwise`);
    must(comparing.differences === 0, `run a round again with: npm run soak -- jetstream-answers --seeds 1 --seed N`);
    mustBeHealthy(servers[1]);
  },
};

const FLOWN = reading("$JS.API.STREAM.INFO.S");

class Comparing {
  readonly #context: DrillContext;
  readonly #asker: Asker;
  readonly #shown = new Set<string>();
  count = 0;
  differences = 0;

  constructor(context: DrillContext, asker: Asker) {
    this.#context = context;
    this.#asker = asker;
  }

  /** Asks what the seed says, up to the first difference: from there on the servers' states differ. */
  async round(seed: number): Promise<void> {
    const draw = new Draw(new SimulatedRandom(String(seed)));
    const round = new Round(draw);
    const asked: Question[] = [];
    const ask = async (next: Question): Promise<boolean> => {
      asked.push(next);
      return this.#same(next, `seed ${seed}`, asked);
    };
    this.#asker.forget();
    let isSame = true;
    for (const next of round.opening()) isSame = isSame && (await ask(next));
    for (let left = draw.between(3, MOST_STEPS); left > 0 && isSame; left--) {
      isSame = await ask(round.next());
      if (isSame && round.hasOrigins) isSame = await this.#same(FLOWN, `seed ${seed}, while messages flow`, asked);
    }
    for (const name of LEFT_BEHIND) await this.#asker.ask(question(`$JS.API.STREAM.DELETE.${name}`));
  }

  /** Each of the pairs, or some of them. */
  async pairs(isShort: boolean): Promise<void> {
    await this.#asker.ask(BYSTANDER);
    const all = [...allPairs()];
    const draw = new Draw(new SimulatedRandom("pairs"));
    const chosen = isShort ? draw.some(all, PAIRS_IN_SHORT) : all;
    for (const { before, asked, after } of chosen) {
      for (const one of before) await this.#asker.ask(one);
      await this.#same(asked, "pair", [...before, asked]);
      for (const one of after) await this.#asker.ask(one);
    }
    this.#context.report(`${chosen.length} of ${all.length} pairs of faults`);
  }

  async #same(asked: Question, where: string, history: readonly Question[]): Promise<boolean> {
    this.count++;
    const untilMs = performance.now() + SETTLE_MS;
    for (;;) {
      const [first, second] = await this.#asker.ask(asked);
      const found = difference(first, second);
      if (found === undefined) return true;
      const repeats = asked.isReading || first[0]?.payload.includes(STILL_CLEARING);
      if (!repeats || performance.now() >= untilMs) {
        this.#tell(found, asked, where, history);
        return false;
      }
      await pause(SETTLE_STEP_MS);
    }
  }

  #tell({ place, first, second }: Difference, asked: Question, where: string, history: readonly Question[]): void {
    this.differences++;
    const kind = `${asked.subject.replace(/\.[A-Z]\b.*/, "")} ${place} ${`${first} ${second}`.replace(/\d+/g, "#").slice(0, 400)}`;
    if (this.#shown.has(kind) || this.#shown.size >= MOST_SHOWN) return;
    this.#shown.add(kind);
    const lines = history.map((one) => `    ${shown(one)}`).join("\n");
    this.#context.report(
      `${where}, at ${place || "the whole answer"}:\n    nats-server ${first}\n    natsnode    ${second}\n  after\n${lines}`,
    );
  }
}
