// A configuration file from its path to the options of the server.
import type { ServerOptions } from "../options/options.js";
import type { Disk } from "../runtime/disk.js";
import { decodeConfig } from "./decode.js";
import type { ConfigWarning } from "./decode-errors.js";
import { digestOf } from "./digest.js";
import { parseConfig } from "./parser.js";
import { describeReadError } from "./session.js";
import type { Position } from "./syntax.js";
import { decodeConfigText } from "./text.js";

export interface LoadedConfig {
  readonly options: ServerOptions;
  /** What `-t` prints, and what tells whether a reload has anything to do. */
  readonly digest: string;
  /** `-t` rejects the file for each that is not `tolerated`; otherwise they are printed and lived with. */
  readonly warnings: readonly ConfigWarning[];
  /** Where each option was set, by its dotted path. */
  readonly positions: ReadonlyMap<string, Position>;
}

export interface LoadWorld {
  readonly disk: Pick<Disk, "readSync" | "statSync">;
  /** A variable of the environment, for `$NAME`. */
  env(name: string): string | undefined;
}

/** A configuration file that cannot be read. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
  readonly code = "CONFIG_FILE";
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(describeReadError(file, cause), { cause });
    this.file = file;
  }
}

/**
 * Reads, parses and decodes a configuration file. `path` is shown in messages as it is.
 * @throws {ConfigFileError} when it cannot be read
 * @throws {ConfigSyntaxError} when it, or what it includes, cannot be parsed
 * @throws {ConfigError} when its values are wrong, with all that are
 */
export function loadConfig(path: string, world: LoadWorld): LoadedConfig {
  let text: string;
  try {
    text = decodeConfigText(world.disk.readSync(path));
  } catch (error) {
    throw new ConfigFileError(path, error);
  }
  const map = parseConfig(
    { file: path, text },
    { env: world.env, readFile: (file) => decodeConfigText(world.disk.readSync(file)) },
  );
  const { options, warnings, positions } = decodeConfig(map, path, world);
  return { options, digest: digestOf(map), warnings, positions };
}
