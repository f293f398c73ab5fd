// The settings in effect: the configuration file, the flags over it, and the defaults below both.
import { formatIssue } from "../config/decode-errors.js";
import { formatPosition } from "../config/errors.js";
import { type LoadedConfig, loadConfig } from "../config/load.js";
import type { Position } from "../config/syntax.js";
import { checkForStart } from "../options/check.js";
import { type ResolvedOptions, resolveOptions } from "../options/options.js";
import { unbuiltIn } from "../options/unbuilt.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Runtime } from "../runtime/runtime.js";
import { declaredObjections } from "./declared-check.js";
import { FlagConflictError, withFlags } from "./flag-options.js";
import { type CommandLine, flagText } from "./flags.js";
import type { CommandParts } from "./subcommand.js";

export interface Settings {
  readonly options: ResolvedOptions;
  readonly configFile: string | undefined;
  /** `sha256:...` of the file's meaning; absent without a file. */
  readonly digest: string | undefined;
  /** What nats-server complains about and lives with, each with its place. */
  readonly warnings: readonly string[];
  /** Options that are accepted and have no effect yet, a line each. */
  readonly withoutEffect: readonly string[];
  /** Options that would restrict the server and that it cannot honour yet, a line each. */
  readonly refused: readonly string[];
}

/** A configuration that cannot be used here, or not now. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly code = "NATS_SETTINGS";
}

type World = Pick<Runtime, "disk" | "process">;

/**
 * Reads the file that the command line names, if it does, and lays the flags over it.
 * @throws ConfigError, ConfigSyntaxError, OptionsError, FlagConflictError, SettingsError
 */
export function readSettings(line: CommandLine, moment: "start" | "reload", world: World): Settings {
  const configFile = flagText(line, "config") || undefined;
  if (moment === "reload" && configFile === undefined) {
    throw new SettingsError("can only reload config when a file is provided using -c or --config");
  }
  const config = configFile === undefined ? undefined : load(configFile, line, world);
  const given = withFlags(config?.options ?? {}, line, moment);
  const unbuilt = unbuiltIn(given, config?.positions);
  return {
    options: resolveOptions(given),
    configFile,
    digest: config?.digest,
    warnings: (config?.warnings ?? []).map(formatIssue),
    withoutEffect: unbuilt.announce.map(({ path, where }) => at(where, `${path} has no effect in this version`)),
    refused: unbuilt.refuse.map(({ reason, where }) => at(where, reason)),
  };
}

const at = (where: Position | undefined, text: string): string =>
  where === undefined ? text : `${formatPosition(where)}: ${text}`;

/**
 * Checks whether a server can run with these settings: options that do not go together, and those that would have to
 * restrict it and cannot yet.
 * @throws OptionsError, SettingsError
 */
export function checkSettings({ options, refused }: Settings): void {
  checkForStart(options, COMPATIBILITY_VERSION);
  if (refused.length > 0) throw new SettingsError(refused.join("\n"));
}

/**
 * Reads the file for `-t`: warnings count as errors, and of what only a start would check nothing but what is declared.
 * @param loadServer tries to make what is declared
 * @returns its digest
 * @throws ConfigError, ConfigSyntaxError, SettingsError
 */
export async function checkFile(
  configFile: string,
  line: CommandLine,
  world: World,
  loadServer?: CommandParts["loadLabServer"],
): Promise<string> {
  const { digest, warnings, options } = load(configFile, line, world);
  const rejected = warnings.filter((warning) => !warning.tolerated);
  if (rejected.length > 0) throw new SettingsError(rejected.map(formatIssue).join("\n"));
  const objections = await declaredObjections(resolveOptions(options), loadServer);
  if (objections.length > 0) throw new SettingsError(objections.join("\n"));
  return digest;
}

function load(configFile: string, line: CommandLine, world: World): LoadedConfig {
  const config = loadConfig(configFile, { disk: world.disk, env: (name) => world.process.env(name) });
  const storeDir = config.positions.get("jetstream.storeDir") ?? config.positions.get("storeDir");
  if (storeDir !== undefined && flagText(line, "store_dir")) {
    throw new FlagConflictError(`${formatPosition(storeDir)}: Duplicate 'store_dir' configuration`);
  }
  return config;
}
