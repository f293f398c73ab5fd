// What a start would say against the streams, consumers and buckets that a configuration declares: a server in a simulated world
// makes them, with nothing on its disk, by the code that makes them in a real one.
import { OptionsError } from "../options/errors.js";
import { type ResolvedOptions, resolveOptions } from "../options/options.js";
import { silentLogger } from "../runtime/logger.js";
import type { CommandParts } from "./subcommand.js";

/**
 * A line for each that cannot be as it is declared. Of accounts of JWTs nothing is known before they are there; what is wrong with
 * other options is left to others.
 */
export async function declaredObjections(
  options: ResolvedOptions,
  loadServer: CommandParts["loadLabServer"],
): Promise<string[]> {
  const { jetstream, accounts, systemAccount, operators = [] } = options;
  if (jetstream === undefined || !jetstream.enabled || loadServer === undefined || operators.length > 0) return [];
  const { streams, keyValue, objectStores } = jetstream;
  if (Object.keys({ ...streams, ...keyValue, ...objectStores }).length === 0) return [];
  const [createServer, { simulatedRuntime }] = await Promise.all([
    loadServer(),
    import("../runtime/simulated/index.js"),
  ]);
  const world = simulatedRuntime({ seed: "declared" });
  const objections: string[] = [];
  const logger = {
    ...silentLogger,
    error: (line: string) => void (line.startsWith("Declared") && objections.push(line)),
  };
  // The machine's own limits are those of another world.
  const limitOf = (bytes: number): number => (bytes < 0 ? Number.MAX_SAFE_INTEGER : bytes);
  const rehearsed: ResolvedOptions = {
    ...resolveOptions({}),
    accounts,
    systemAccount,
    jetstream: {
      ...jetstream,
      storeDir: "/declared",
      maxMemoryStoreBytes: limitOf(jetstream.maxMemoryStoreBytes),
      maxFileStoreBytes: limitOf(jetstream.maxFileStoreBytes),
    },
  };
  try {
    const server = createServer(rehearsed, { runtime: world, logger });
    await world.clock.settle(server.start());
    await world.clock.settle(server.close());
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
  }
  return objections;
}
