// The byte mutator against a live server, for as long as asked; findings are narrowed to one input and kept.
// usage: node dist/test/support/wire-fuzz-main.js --seed N --seconds N [--neighbour]
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mutate, seededRandom } from "./byte-mutator.js";
import { ManualScope } from "./temporary-folder.js";
import { corpus, corpusFolder, FuzzedServer } from "./wire-fuzz.js";

const AT_A_TIME = 20;

const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    seconds: { type: "string", default: "60" },
    neighbour: { type: "boolean", default: false },
  },
});
const program = flags.neighbour ? "neighbour" : "natsnode";
const random = seededRandom(Number(flags.seed));
const seeds = corpus();
const scope = new ManualScope();
const fuzzed = await FuzzedServer.start(scope, program);
const endMs = performance.now() + Number(flags.seconds) * 1000;
let count = 0;
let finding: string | undefined;
while (finding === undefined && performance.now() < endMs) {
  const inputs = Array.from({ length: AT_A_TIME }, () => mutate(seeds, random));
  finding = await fuzzed.feed(inputs);
  count += inputs.length;
  if (finding !== undefined) {
    console.error(`fuzz: wire: FAILED after ${count} inputs with seed ${flags.seed}: ${finding}`);
    for (const input of await culprits(inputs)) {
      const file = join(corpusFolder, `${createHash("sha256").update(input).digest("hex").slice(0, 16)}.bin`);
      writeFileSync(file, input);
      console.error(`fuzz: wire: kept ${file}`);
    }
  }
}
await scope.close();
if (finding === undefined) console.log(`fuzz: wire: ${count} inputs with seed ${flags.seed}, nothing found`);
process.exit(finding === undefined ? 0 : 1);

/** Those of `inputs` that alone break a fresh server; all of them when none does. */
async function culprits(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const alone: Uint8Array[] = [];
  for (const input of inputs) {
    const own = new ManualScope();
    const fresh = await FuzzedServer.start(own, program);
    if ((await fresh.feed([input])) !== undefined) alone.push(input);
    await own.close();
  }
  return alone.length > 0 ? alone : inputs;
}
